//! Everything in memory, equal to what was last committed.
//!
//! Two kinds live side by side: books, which are derived from blocks and taken back by a reorg, and everything else,
//! which a reorg never touches.

use std::collections::BTreeMap;

use crate::{
    book::Book,
    store::{
        Store, StoreError,
        table::{Journal, Table},
    },
    watcher::progress::Progress,
    writer::Tables,
};

/// The whole state.
#[derive(Debug)]
pub struct State {
    /// One book per network.
    pub books: BTreeMap<String, Book>,
    /// How far each network was read.
    pub progress: Table<Progress>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            books: BTreeMap::new(),
            progress: Table::new(""),
        }
    }
}

impl State {
    /// Reads the state of `networks`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load<'a>(
        networks: impl IntoIterator<Item = &'a str>,
        store: &dyn Store,
    ) -> Result<Self, StoreError> {
        let mut books = BTreeMap::new();
        for network in networks {
            books.insert(network.to_owned(), Book::load(network, store)?);
        }
        Ok(Self {
            books,
            progress: Table::load("", store)?,
        })
    }

    /// The book of a network; `None` where nothing of it was read yet.
    #[must_use]
    pub fn book(&self, network: &str) -> Option<&Book> {
        self.books.get(network)
    }

    /// The book of a network, made where there is none.
    pub fn book_or_new(&mut self, network: &str) -> &mut Book {
        self.books
            .entry(network.to_owned())
            .or_insert_with(|| Book::new(network))
    }

    /// How far a network was read.
    #[must_use]
    pub fn progress_of(&self, network: &str) -> Progress {
        self.progress
            .row(&network.to_owned())
            .cloned()
            .unwrap_or_default()
    }

    /// Changes how far a network was read.
    pub fn change_progress(&mut self, network: &str, change: impl FnOnce(&mut Progress)) {
        self.progress
            .change_or_make(&network.to_owned(), Progress::default, change);
    }
}

impl Tables for State {
    fn tables(&mut self) -> Vec<&mut dyn Journal> {
        let mut tables: Vec<&mut dyn Journal> = vec![&mut self.progress];
        for book in self.books.values_mut() {
            tables.extend(book.tables());
        }
        tables
    }
}
