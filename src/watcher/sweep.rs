//! The full sweep: every attester of ours and every entry queue, as the contracts tell them at one block.
//!
//! Done once the head is reached: at start, after a catch-up, and at audits.

use std::collections::BTreeSet;

use super::{WatchError, Watcher};
use crate::{
    book::question::{Question, Snapshot},
    chain::Header,
    units::AttesterAddress,
};

impl Watcher {
    /// Asks about everything of ours; `globals` tells the lengths of the queues.
    pub(super) async fn sweep(
        &self,
        header: &Header,
        globals: &Snapshot,
    ) -> Result<Snapshot, WatchError> {
        self.ask(header, |book, ours| {
            let mut questions = vec![Question::NextProvider];
            for (version, _) in book.rollups.rows() {
                let rollup = *version;
                let length = globals
                    .number(&Question::QueueLength { rollup })
                    .unwrap_or_default();
                questions.extend((1..length).map(|place| Question::QueueAt { rollup, place }));
            }
            let attesters: BTreeSet<AttesterAddress> = book
                .attesters
                .rows()
                .filter(|(address, attester)| ours.has(**address, Some(attester)))
                .map(|(address, _)| *address)
                .chain(ours.listed.iter().copied())
                .collect();
            for attester in attesters {
                book.ask_about(attester, &mut questions);
            }
            questions
        })
        .await
    }
}
