//! Everything in memory, equal to what was last committed.
//!
//! Two kinds live side by side: books, which are derived from blocks and taken back by a reorg, and everything else,
//! which a reorg never touches.

use std::collections::BTreeMap;

use crate::{
    alert::incident::Incidents,
    book::Book,
    canary::Canary,
    census::Census,
    jobs::{HasJobs, Jobs},
    missed::Missed,
    outbox::{HasOutbox, Outbox},
    store::{
        Store, StoreError,
        table::{Journal, Table},
    },
    watcher::progress::Progress,
    writer::Tables,
};

/// The name under which incidents are kept that belong to no network: channels, jobs, the store.
pub const HOUSE: &str = "steward";

/// The whole state.
#[derive(Debug)]
pub struct State {
    /// One book per network.
    pub books: BTreeMap<String, Book>,
    /// How far each network was read.
    pub progress: Table<Progress>,
    /// Incidents per network, and those of the [`HOUSE`].
    pub incidents: BTreeMap<String, Incidents>,
    /// How many attesters were in each state, per network.
    pub census: BTreeMap<String, Census>,
    /// What happened while nobody watched and is not told yet, per network.
    pub missed: BTreeMap<String, Missed>,
    /// The canary.
    pub canary: Table<Canary>,
    /// What is owed to channels.
    pub outbox: Outbox,
    /// What is to be done outside.
    pub jobs: Jobs,
}

impl Default for State {
    fn default() -> Self {
        Self {
            books: BTreeMap::new(),
            progress: Table::new(""),
            incidents: BTreeMap::from([(HOUSE.to_owned(), Incidents::new(HOUSE))]),
            census: BTreeMap::new(),
            missed: BTreeMap::new(),
            canary: Table::new(""),
            outbox: Outbox::default(),
            jobs: Jobs::new(0),
        }
    }
}

impl State {
    /// Reads the state of `networks`; `incarnation` counts the processes that held the store.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load<'a>(
        networks: impl IntoIterator<Item = &'a str>,
        store: &dyn Store,
        incarnation: u64,
    ) -> Result<Self, StoreError> {
        let mut books = BTreeMap::new();
        let mut incidents = BTreeMap::from([(HOUSE.to_owned(), Incidents::load(HOUSE, store)?)]);
        let mut census = BTreeMap::new();
        let mut missed = BTreeMap::new();
        for network in networks {
            census.insert(network.to_owned(), Census::load(network, store)?);
            missed.insert(network.to_owned(), Missed::load(network, store)?);
            books.insert(network.to_owned(), Book::load(network, store)?);
            incidents.insert(network.to_owned(), Incidents::load(network, store)?);
        }
        Ok(Self {
            books,
            progress: Table::load("", store)?,
            incidents,
            census,
            missed,
            canary: Table::load("", store)?,
            outbox: Outbox::load(store)?,
            jobs: Jobs::load(store, incarnation)?,
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

    /// The incidents of a network, made where there are none.
    pub fn incidents_or_new(&mut self, network: &str) -> &mut Incidents {
        self.incidents
            .entry(network.to_owned())
            .or_insert_with(|| Incidents::new(network))
    }

    /// The census of a network, made where there is none.
    pub fn census_or_new(&mut self, network: &str) -> &mut Census {
        self.census
            .entry(network.to_owned())
            .or_insert_with(|| Census::new(network))
    }

    /// What was missed of a network, made where there is nothing.
    pub fn missed_or_new(&mut self, network: &str) -> &mut Missed {
        self.missed
            .entry(network.to_owned())
            .or_insert_with(|| Missed::new(network))
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

impl HasJobs for State {
    fn jobs(&self) -> &Jobs {
        &self.jobs
    }
    fn jobs_mut(&mut self) -> &mut Jobs {
        &mut self.jobs
    }
}

impl HasOutbox for State {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }
    fn outbox_and_jobs(&mut self) -> (&mut Outbox, &mut Jobs) {
        (&mut self.outbox, &mut self.jobs)
    }
}

impl Tables for State {
    fn tables(&mut self) -> Vec<&mut dyn Journal> {
        let mut tables: Vec<&mut dyn Journal> = vec![
            &mut self.progress,
            &mut self.canary,
            &mut self.outbox,
            &mut self.jobs,
        ];
        for incidents in self.incidents.values_mut() {
            tables.extend(incidents.tables());
        }
        for census in self.census.values_mut() {
            tables.push(census.table());
        }
        for missed in self.missed.values_mut() {
            tables.push(missed.table());
        }
        for book in self.books.values_mut() {
            tables.extend(book.tables());
        }
        tables
    }
}
