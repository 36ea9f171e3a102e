//! The one writer.
//!
//! The state is everything in memory, equal to what was last committed. A commit takes the state exclusively, lets a pure
//! decision change it, writes what changed in one durable batch, and only then lets anybody see it. A decision that
//! fails is rolled back. A flush that fails is the end: what the disk holds is then unknown, so the process stops.

use std::{collections::BTreeMap, sync::Arc};

use thiserror::Error;
use tokio::sync::{RwLock, RwLockReadGuard, watch};

use crate::{
    store::{Batch, Store, StoreError, table::Journal},
    units::BlockNumber,
};

/// A group of tables that are committed together.
pub trait Tables {
    /// Every table of the group.
    fn tables(&mut self) -> Vec<&mut dyn Journal>;
}

/// Hands out the committed state, and takes decisions.
#[derive(Debug)]
pub struct Writer<S> {
    state: RwLock<S>,
    store: Arc<dyn Store>,
    committed: watch::Sender<u64>,
}

/// What a commit is to do beside the changes of the tables.
#[derive(Debug, Default)]
pub struct Extra {
    /// Further writes, for what is not held in memory (ledger entries, attempts).
    pub batch: Batch,
    /// Where the old values of derived tables are kept: `(network, block)`. `None` keeps none.
    pub undo: Option<(String, BlockNumber)>,
}

impl<S: Tables + Send + Sync> Writer<S> {
    /// A writer over a state that was loaded from `store`.
    #[must_use]
    pub fn new(state: S, store: Arc<dyn Store>) -> Self {
        Self {
            state: RwLock::new(state),
            store,
            committed: watch::Sender::new(0),
        }
    }

    /// The last committed state. Hold it briefly: a commit waits for it.
    pub async fn read(&self) -> RwLockReadGuard<'_, S> {
        self.state.read().await
    }

    /// The store, for what is not held in memory.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Changes with every commit that wrote something: a nudge, never the truth.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// Lets `decide` change the state and makes it durable, all or nothing.
    ///
    /// # Errors
    /// [`CommitError::Refused`] with what `decide` said, and nothing changed; [`CommitError::Store`] where the disk
    /// failed, after which the process must stop.
    pub async fn commit<T, E>(
        &self,
        decide: impl FnOnce(&mut S, &mut Extra) -> Result<T, E>,
    ) -> Result<T, CommitError<E>> {
        let mut state = self.state.write().await;
        let mut extra = Extra::default();
        let decided = match decide(&mut state, &mut extra) {
            Ok(decided) => decided,
            Err(refusal) => {
                state.tables().into_iter().for_each(Journal::roll_back);
                return Err(CommitError::Refused(refusal));
            }
        };
        let batch = drain(&mut *state, extra)?;
        if batch.is_empty() {
            return Ok(decided);
        }
        self.flush(batch).await?;
        drop(state);
        self.committed
            .send_modify(|count| *count = count.wrapping_add(1));
        Ok(decided)
    }

    async fn flush(&self, batch: Batch) -> Result<(), StoreError> {
        let store = Arc::clone(&self.store);
        let flushed = tokio::task::spawn_blocking(move || store.commit(&batch)).await;
        flushed.unwrap_or_else(|panic| Err(StoreError::Io(format!("the store panicked: {panic}"))))
    }
}

fn drain<S: Tables>(state: &mut S, extra: Extra) -> Result<Batch, StoreError> {
    let mut batch = Batch::default();
    // Old values are put into their form on disk only where they are kept: not in a catch-up.
    let mut undo = extra.undo.is_some().then(Vec::new);
    for table in state.tables() {
        table.drain(&mut batch, undo.as_mut())?;
    }
    if let (Some((network, block)), Some(mut undo)) = (&extra.undo, undo) {
        undo.retain(|write| write.tree == crate::store::Tree::Derived);
        let bytes = crate::store::undo::encode(&undo)?;
        batch.put(
            crate::store::Tree::Undo,
            crate::store::undo::key(network, *block),
            bytes,
        );
    }
    for write in extra.batch.writes() {
        match &write.value {
            Some(value) => batch.put(write.tree, write.key.clone(), value.clone()),
            None => batch.delete(write.tree, write.key.clone()),
        }
    }
    Ok(batch)
}

/// Why nothing was committed.
#[derive(Debug, Error)]
pub enum CommitError<E> {
    /// The decision itself said no; nothing changed.
    #[error("refused")]
    Refused(#[source] E),
    /// The disk failed; the process must stop.
    #[error("the commit failed")]
    Store(#[from] StoreError),
}

/// Groups of tables by name, for a state that has one group per network.
impl<T: Tables> Tables for BTreeMap<String, T> {
    fn tables(&mut self) -> Vec<&mut dyn Journal> {
        self.values_mut().flat_map(Tables::tables).collect()
    }
}
