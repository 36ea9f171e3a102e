//! The way out of a stop, and of a history that was read with holes: the network is read again from its first block.
//!
//! Everything that was derived from blocks is forgotten, and with it whatever was wrong in it. What was said stays said:
//! nothing up to the block that was read last is announced again. A person orders it, and that is written down.

use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Happening, WatchError, Watcher};
use crate::{
    state::State,
    store::{Tree, undo},
    units::{BlockNumber, UnixSeconds},
    writer::CommitError,
};

/// Resumptions that are remembered; more than one in a network's life is rare.
pub const RESUMPTIONS_MAX: usize = 16;

/// Entries of history that are forgotten in one page.
const PAGE: usize = 10_000;

/// Who had a network read again, when, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// When.
    pub at: UnixSeconds,
    /// Who ordered it.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Why it was stopped; `None` = its history was incomplete.
    pub stopped: Option<String>,
    /// The block up to which nothing is announced again.
    pub floor: BlockNumber,
}

/// Why a network is not read again.
#[derive(Debug, Error)]
pub enum ResumeError {
    /// There is no reason to.
    #[error("{0} is not stopped, and nothing of its history is missing")]
    NoNeed(String),
    /// The store failed.
    #[error("the store failed")]
    Watch(#[source] WatchError),
}

impl Watcher {
    /// Has the network read again from its first block. Waits for the step that is being taken.
    ///
    /// # Errors
    /// [`ResumeError`].
    pub async fn resume(&self, by: &str, reason: &str) -> Result<Resumption, ResumeError> {
        let _step = self.stepping.lock().await;
        let network = self.network();
        let forgotten = self
            .derived_on_disk()
            .map_err(|error| ResumeError::Watch(error.into()))?;
        let resumed = self
            .writer
            .commit(|state: &mut State, extra| {
                let progress = state.progress_of(network);
                let book = state.book_or_new(network);
                let summary = book.summary();
                if progress.stopped.is_none() && summary.is_complete != Some(false) {
                    return Err(ResumeError::NoNeed(network.to_owned()));
                }
                let resumption = Resumption {
                    at: self.clock.now(),
                    by: by.to_owned(),
                    reason: reason.to_owned(),
                    stopped: progress.stopped.clone(),
                    floor: progress.floor.max(summary.cursor.number),
                };
                book.forget();
                for (tree, key) in &forgotten {
                    extra.batch.delete(*tree, key.clone());
                }
                state.change_progress(network, |progress| progress.begin_again(&resumption));
                self.announcer
                    .announce(state, network, &self.told(Happening::Tick));
                Ok(resumption)
            })
            .await;
        let resumption = resumed.map_err(|error| match error {
            CommitError::Refused(error) => error,
            CommitError::Store(error) => ResumeError::Watch(error.into()),
        })?;
        self.finality_asked_at.store(0, Ordering::Relaxed);
        tracing::warn!(network, by, reason, floor = %resumption.floor, "the network is read again from its first block");
        Ok(resumption)
    }

    /// What was derived from blocks and is on the disk only: history, and the records of the way back.
    fn derived_on_disk(&self) -> Result<Vec<(Tree, Vec<u8>)>, crate::store::StoreError> {
        let network = self.network();
        let store = self.writer.store();
        let prefixes = [
            (Tree::Undo, undo::prefix(network)),
            (Tree::Derived, crate::book::history::prefix(network)),
        ];
        let mut keys = Vec::new();
        for (tree, prefix) in prefixes {
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = store.scan(tree, &prefix, after.as_deref(), PAGE)?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                keys.extend(page.into_iter().map(|(key, _)| (tree, key)));
            }
        }
        Ok(keys)
    }
}
