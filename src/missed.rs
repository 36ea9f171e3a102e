//! Changes that happened while nobody watched, kept from the range in which they were read until one digest tells them all.
//!
//! A range is committed long before the head is reached, and a service that was away for a month reads hundreds of them: what
//! each of them brings is written down with it, so that a crash in between loses nothing and repeats nothing.

use serde::{Deserialize, Serialize};

use crate::{
    store::{
        Store, StoreError, Tree,
        table::{Journal, Record, Table},
    },
    units::{BlockNumber, UnixSeconds},
};

/// Changes that one digest holds at most: a file of some 4 MB, of the 10 MB that Discord takes. More are told before the
/// head is reached.
pub const CHANGES_MAX: usize = 20_000;

/// A change, as a row of the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedChange {
    /// The block in which it happened.
    pub block: BlockNumber,
    /// Time of that block.
    pub at: UnixSeconds,
    /// Its cells, each with the name of its column.
    pub row: Vec<(String, String)>,
}

impl Record for MissedChange {
    const KIND: &'static str = "missed";
    const TREE: Tree = Tree::Kept;
    /// Its place among them.
    type Key = u64;
}

/// What was missed of one network and is not told yet, in the order of the chain.
#[derive(Debug)]
pub struct Missed {
    changes: Table<MissedChange>,
}

impl Missed {
    /// Nothing was missed.
    #[must_use]
    pub fn new(network: &str) -> Self {
        Self {
            changes: Table::new(network),
        }
    }

    /// Reads what was missed of `network`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load(network: &str, store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            changes: Table::load(network, store)?,
        })
    }

    /// Whether a digest is due before the head is reached.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.changes.len() >= CHANGES_MAX
    }

    /// Writes a change down.
    pub fn note(&mut self, change: MissedChange) {
        let last = self.changes.rows().next_back().map(|(place, _)| *place);
        let place = last.map_or(0, |last| last.saturating_add(1));
        self.changes.put(place, change);
    }

    /// What is to be told now, and is told by whoever takes it.
    pub fn take(&mut self) -> Vec<MissedChange> {
        let all = self.changes.rows().map(|(_, change)| change.clone());
        let all = all.collect();
        self.changes.clear();
        all
    }

    /// Its table, to be written.
    pub fn table(&mut self) -> &mut dyn Journal {
        &mut self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, memory::MemoryStore};

    fn change(block: u64) -> MissedChange {
        MissedChange {
            block: BlockNumber::new(block),
            at: UnixSeconds::new(block * 12),
            row: vec![("now".to_owned(), "exited".to_owned())],
        }
    }

    #[test]
    fn what_is_noted_survives_and_is_taken_once() {
        let store = MemoryStore::default();
        let keep = |missed: &mut Missed| {
            let mut batch = Batch::default();
            missed.table().drain(&mut batch, None).unwrap();
            store.commit(&batch).unwrap();
        };
        let mut missed = Missed::new("main");
        missed.note(change(7));
        missed.note(change(9));
        keep(&mut missed);
        let mut missed = Missed::load("main", &store).unwrap();
        missed.note(change(11));
        assert_eq!(missed.take(), [change(7), change(9), change(11)]);
        keep(&mut missed);
        let mut missed = Missed::load("main", &store).unwrap();
        assert_eq!(missed.take(), []);
    }

    /// The bytes of version 1 must be read for ever.
    #[test]
    fn a_missed_change_on_disk_is_read_back() {
        let bytes = br#"{"v":1,"r":{"block":7,"at":84,"row":[["now","exited"]]}}"#;
        let read: MissedChange = crate::store::table::decode_record(b"k", bytes).unwrap();
        assert_eq!(read, change(7));
    }
}
