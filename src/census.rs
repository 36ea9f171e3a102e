//! The census: how many attesters of ours were in each state, hour by hour.
//!
//! It is kept for the chart of `/status` and decides nothing. An hour is counted once, at the first block that was taken in
//! during it by the chain's clock; when blocks are taken back, or read again from an earlier one, later hours are counted
//! anew. An hour in which nothing was read has no count.

use crate::{
    chart::Count,
    store::{
        Store, StoreError, Tree,
        table::{Journal, Record, Table},
    },
    units::UnixSeconds,
};

/// Seconds between two counts.
const HOUR: u64 = 3_600;
/// Hours that are kept: thirty days.
const KEPT_HOURS: u64 = 30 * 24;

impl Record for Count {
    const KIND: &'static str = "census";
    const TREE: Tree = Tree::Kept;
    /// Hours since 1970.
    type Key = u64;
}

/// The counts of one network.
#[derive(Debug)]
pub struct Census {
    counts: Table<Count>,
}

impl Census {
    /// No counts.
    #[must_use]
    pub fn new(network: &str) -> Self {
        Self {
            counts: Table::new(network),
        }
    }

    /// Reads the counts of `network`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load(network: &str, store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            counts: Table::load(network, store)?,
        })
    }

    /// The counts, oldest first.
    pub fn counts(&self) -> impl Iterator<Item = &Count> {
        self.counts.rows().map(|(_, count)| count)
    }

    /// Whether the hour of this moment is still to be counted.
    #[must_use]
    pub fn is_due(&self, at: UnixSeconds) -> bool {
        let newest = self.counts.rows().next_back();
        newest.is_none_or(|(hour, _)| *hour != at.value() / HOUR)
    }

    /// Writes down a count.
    pub fn note(&mut self, count: Count) {
        let hour = count.at.value() / HOUR;
        let oldest = hour.saturating_sub(KEPT_HOURS);
        let is_over = |known: &u64| *known > hour || *known < oldest;
        let known = self.counts.rows().map(|(hour, _)| *hour);
        let over: Vec<u64> = known.filter(is_over).collect();
        for hour in over {
            self.counts.remove(&hour);
        }
        if self.counts.row(&hour).is_none() {
            self.counts.put(hour, count);
        }
    }

    /// Its table, to be written.
    pub fn table(&mut self) -> &mut dyn Journal {
        &mut self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, memory::MemoryStore};

    fn count(at: u64, active: u64) -> Count {
        Count {
            at: UnixSeconds::new(at),
            of: [0, 0, 0, active, 0],
        }
    }

    fn noted(counts: &[Count]) -> Census {
        let mut census = Census::new("main");
        for count in counts {
            census.note(*count);
        }
        census
    }

    #[test]
    fn an_hour_is_counted_once_and_a_month_is_kept() {
        let census = noted(&[count(7_200, 1), count(7_300, 2), count(10_800, 3)]);
        let kept: Vec<&Count> = census.counts().collect();
        assert_eq!(kept, [&count(7_200, 1), &count(10_800, 3)]);
        assert!(!census.is_due(UnixSeconds::new(14_399)));
        assert!(census.is_due(UnixSeconds::new(14_400)));

        let hours: Vec<Count> = (0..2_000).map(|hour| count(hour * HOUR, hour)).collect();
        assert_eq!(noted(&hours).counts().count(), 721);
    }

    #[test]
    fn what_was_counted_on_blocks_that_are_gone_is_counted_anew() {
        let census = noted(&[
            count(7_200, 1),
            count(10_800, 2),
            count(14_400, 9),
            count(10_900, 3),
        ]);
        let kept: Vec<&Count> = census.counts().collect();
        assert_eq!(kept, [&count(7_200, 1), &count(10_800, 2)]);
        // The hour that the taken back block began is counted when the next one begins it again.
        assert!(census.is_due(UnixSeconds::new(14_400)));
    }

    #[test]
    fn it_outlives_the_process() {
        let store = MemoryStore::default();
        let mut census = noted(&[count(7_200, 1), count(10_800, 2)]);
        let mut batch = Batch::default();
        census.table().drain(&mut batch, None).unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(batch.writes()[0].value.as_ref().unwrap()), @r#"{"v":1,"r":{"at":7200,"of":[0,0,0,1,0]}}"#);
        store.commit(&batch).unwrap();
        let read = Census::load("main", &store).unwrap();
        assert!(read.counts().eq(census.counts()));
    }
}
