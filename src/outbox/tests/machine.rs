//! The machine that a process runs on: its clock, its disk, and the power that can go out between any two effects.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;

use crate::{
    clock::Clock,
    store::{Batch, Pair, Store, StoreError, Tree},
    units::UnixSeconds,
};

/// 2026-11-21 00:00:00 UTC, the moment at which every test begins.
pub(super) const BEGIN_MS: u64 = 1_795_219_200_000;

/// Wall time that follows tokio's paused time.
#[derive(Debug)]
pub(super) struct PausedClock(Instant);

impl PausedClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for PausedClock {
    fn now_ms(&self) -> u64 {
        BEGIN_MS + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now_ms() / 1000)
    }
}

/// What a process does to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Commit,
    Send,
    Edit,
    Find,
    Delete,
}

/// On which side of a deed the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// Runs a life on paused time.
pub(super) fn on_paused_time<T>(life: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(life)
}

/// Goes well so many times, then never again until it is set anew; without a number it always goes well.
#[derive(Debug, Default)]
pub(super) struct Countdown {
    left: Mutex<Option<u64>>,
    over: Mutex<u64>,
}

impl Countdown {
    pub(super) fn set(&self, left: Option<u64>) {
        *self.left.lock().unwrap() = left;
    }

    /// How often it did not go well.
    pub(super) fn times_over(&self) -> u64 {
        *self.over.lock().unwrap()
    }

    fn is_over(&self) -> bool {
        match &mut *self.left.lock().unwrap() {
            None => false,
            Some(0) => {
                *self.over.lock().unwrap() += 1;
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

/// Counts effects, and crashes the process at one of them.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    pub(super) countdown: Countdown,
    /// The only point at which it burns; at every one without.
    pub(super) only: Mutex<Option<(Deed, When)>>,
    pub(super) blown: tokio::sync::Notify,
}

impl Fuse {
    pub(super) fn light(&self, after: u64) {
        self.countdown.set(Some(after));
    }

    pub(super) fn put_out(&self) {
        self.countdown.set(None);
    }

    /// Whether the process is dead from here on.
    pub(super) fn burns(&self, deed: Deed, when: When) -> bool {
        let only = *self.only.lock().unwrap();
        let is_here = only.is_none_or(|only| only == (deed, when));
        let is_dead = is_here && self.countdown.is_over();
        if is_dead {
            self.blown.notify_one();
        }
        is_dead
    }
}

type Rows = Arc<Mutex<BTreeMap<(Tree, Vec<u8>), Vec<u8>>>>;

/// One process's hold on the disk: it can crash before and after every commit, and a dead one writes no more.
#[derive(Debug, Default)]
pub(super) struct Disk {
    rows: Rows,
    fuse: Arc<Fuse>,
    is_dead: AtomicBool,
    /// The commits that fit still, of this process and the next ones.
    pub(super) room: Arc<Countdown>,
}

impl Disk {
    pub(super) fn new(fuse: Arc<Fuse>) -> Arc<Self> {
        Arc::new(Self {
            fuse,
            ..Self::default()
        })
    }

    /// The same disk, for the next process.
    pub(super) fn reopened(&self) -> Arc<Self> {
        Arc::new(Self {
            rows: Arc::clone(&self.rows),
            fuse: Arc::clone(&self.fuse),
            room: Arc::clone(&self.room),
            is_dead: AtomicBool::new(false),
        })
    }

    /// A write under way on a thread ends before this returns, and none comes after.
    pub(super) fn die(&self) {
        let rows = self.rows.lock().unwrap();
        self.is_dead.store(true, Ordering::SeqCst);
        drop(rows);
    }
}

impl Store for Disk {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let crash = || Err(StoreError::Io("the power went out".to_owned()));
        let mut rows = self.rows.lock().unwrap();
        if self.is_dead.load(Ordering::SeqCst) || self.fuse.burns(Deed::Commit, When::Before) {
            return crash();
        }
        if self.room.is_over() {
            return Err(StoreError::Io("no space left on device".to_owned()));
        }
        for write in batch.writes() {
            let key = (write.tree, write.key.clone());
            match &write.value {
                Some(value) => rows.insert(key, value.clone()),
                None => rows.remove(&key),
            };
        }
        drop(rows);
        if self.fuse.burns(Deed::Commit, When::After) {
            return crash();
        }
        Ok(())
    }

    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.get(&(tree, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let from = after.unwrap_or(prefix).to_vec();
        let pairs = rows
            .range((tree, from)..)
            .take_while(|((at, key), _)| *at == tree && key.starts_with(prefix))
            .filter(|((_, key), _)| after.is_none_or(|after| key.as_slice() > after))
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()));
        Ok(pairs.collect())
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
