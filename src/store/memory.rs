//! A store in memory, for tests and simulations: the same promises as the real one, and faults on demand.
//!
//! A crash is simulated in two steps: a [`FaultPlan`] stops the store before or after a commit reached the disk, and the
//! test opens a new store [`MemoryStore::on`] the [`MemoryStore::disk`] that the old one left behind.
//! It is not for production: nothing outlives the process.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Batch, Pair, Store, StoreError, Tree};

/// What survives a crash: the flushed pairs and the number of flushed commits.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct MemoryDisk {
    pairs: BTreeMap<(Tree, Vec<u8>), Vec<u8>>,
    commits: u64,
}

impl MemoryDisk {
    /// How many pairs there are, over all trees.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether nothing was ever left here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// How many commits have reached this disk since it was new.
    #[must_use]
    pub const fn commits(&self) -> u64 {
        self.commits
    }
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The disk refuses; nothing of the batch reaches it.
    DiskFull,
    /// The process dies before the batch reaches the disk.
    CrashBefore,
    /// The process dies after the batch reached the disk and before anybody was told.
    CrashAfter,
}

/// When it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultPlan {
    /// Which commit of this store fails, counted from 1 since it was opened.
    pub commit: u64,
    /// How.
    pub fault: Fault,
}

#[derive(Debug, Default)]
struct State {
    disk: MemoryDisk,
    tried: u64,
    plan: Option<FaultPlan>,
    stopped: Option<Fault>,
}

/// A store in memory. Clones share the same content, as two handles of one process do.
#[derive(Debug, Default, Clone)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A store on what an earlier one left behind.
    #[must_use]
    pub fn on(disk: MemoryDisk) -> Self {
        let state = State {
            disk,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// The same store, with a fault to come.
    #[must_use]
    pub fn with_fault(self, plan: FaultPlan) -> Self {
        self.state().plan = Some(plan);
        self
    }

    /// Makes the next commit fail.
    pub fn fail_next_commit(&self, fault: Fault) {
        let mut state = self.state();
        let commit = state.tried.saturating_add(1);
        state.plan = Some(FaultPlan { commit, fault });
    }

    /// A copy of what has been flushed; readable after a fault too.
    #[must_use]
    pub fn disk(&self) -> MemoryDisk {
        self.state().disk.clone()
    }

    /// How many commits this store has been asked for since it was opened, the failed one included.
    #[must_use]
    pub fn commits_tried(&self) -> u64 {
        self.state().tried
    }

    /// The fault that has stopped this store, if one has.
    #[must_use]
    pub fn stopped_by(&self) -> Option<Fault> {
        self.state().stopped
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Result<MutexGuard<'_, State>, StoreError> {
        let state = self.state();
        match state.stopped {
            None => Ok(state),
            Some(fault) => Err(refusal(fault)),
        }
    }
}

fn refusal(fault: Fault) -> StoreError {
    StoreError::Io(
        match fault {
            Fault::DiskFull => "no space left on device (simulated)",
            Fault::CrashBefore => "the process died before the commit (simulated)",
            Fault::CrashAfter => "the process died after the commit (simulated)",
        }
        .to_owned(),
    )
}

impl MemoryDisk {
    fn apply(&mut self, batch: &Batch) {
        for write in batch.writes() {
            let key = (write.tree, write.key.clone());
            match &write.value {
                Some(value) => self.pairs.insert(key, value.clone()),
                None => self.pairs.remove(&key),
            };
        }
        self.commits = self.commits.saturating_add(1);
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.running()?;
        if batch.is_empty() {
            return Ok(());
        }
        state.tried = state.tried.saturating_add(1);
        let due = state.plan.filter(|plan| plan.commit == state.tried);
        let Some(FaultPlan { fault, .. }) = due else {
            state.disk.apply(batch);
            return Ok(());
        };
        if fault == Fault::CrashAfter {
            state.disk.apply(batch);
        }
        state.stopped = Some(fault);
        Err(refusal(fault))
    }

    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.running()?;
        Ok(state.disk.pairs.get(&(tree, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let state = self.running()?;
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded((tree, after.to_vec())),
            _ => Bound::Included((tree, prefix.to_vec())),
        };
        let found = state.disk.pairs.range((from, Bound::Unbounded));
        Ok(found
            .take_while(|((of, key), _)| *of == tree && key.starts_with(prefix))
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect())
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        self.running().map(|_| 0)
    }

    fn flush_count(&self) -> u64 {
        self.state().disk.commits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::contract;

    struct InMemory(MemoryStore);

    impl contract::Subject for InMemory {
        type Store = MemoryStore;
        fn fresh() -> Self {
            Self(MemoryStore::new())
        }
        fn store(&self) -> &MemoryStore {
            &self.0
        }
        fn reopened(self) -> Self {
            Self(MemoryStore::on(self.0.disk()))
        }
    }

    #[test]
    fn the_memory_store_keeps_the_contract() {
        contract::every_promise::<InMemory>();
    }

    fn one(key: &str) -> Batch {
        let mut batch = Batch::default();
        batch.put(Tree::Kept, key, "1");
        batch
    }

    #[test]
    fn a_fault_strikes_the_planned_commit_and_leaves_the_right_disk() {
        for (fault, survivors) in [
            (Fault::DiskFull, 1),
            (Fault::CrashBefore, 1),
            (Fault::CrashAfter, 2),
        ] {
            let store = MemoryStore::new().with_fault(FaultPlan { commit: 2, fault });
            store.commit(&one("a")).unwrap();
            store.commit(&one("b")).unwrap_err();
            assert_eq!(store.stopped_by(), Some(fault));
            store.commit(&one("c")).unwrap_err();
            store.read(Tree::Kept, b"a").unwrap_err();
            let after = MemoryStore::on(store.disk());
            assert_eq!(
                after.scan(Tree::Kept, b"", None, 9).unwrap().len(),
                survivors
            );
            after.commit(&one("d")).unwrap();
        }
    }

    #[test]
    fn the_next_commit_can_be_made_to_fail() {
        let store = MemoryStore::new();
        store.commit(&one("a")).unwrap();
        store.fail_next_commit(Fault::CrashBefore);
        store.commit(&one("b")).unwrap_err();
        assert_eq!((store.commits_tried(), store.disk().len()), (2, 1));
    }
}
