//! The store on disk: sled, held to the rules that make it safe for us.
//!
//! All trees of ours live in one tree of sled behind a one-byte prefix, so that a batch is one atomic write.
//! Batches of more than [`CHUNK`] writes go through the redo file and are applied in pieces, for sled keeps every page
//! that a batch touches in memory until the batch is done.
//! After sled's own flush the file is synced by us: sled 0.34 on Linux asks for `sync_file_range`, which waits for the
//! pages and not for the disk's cache. A witness file tells at the next start whether flushed commits are missing.
//! `docs/decisions/0002-store-on-sled.md` has the figures.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use ::sled as engine;

use super::{
    Batch, Pair, Store, StoreError, Tree,
    lock::DirectoryLock,
    redo::sync_directory_of,
    volume::{UnsafeVolume, unsafe_volume},
};
use disk::Disk;
use pages::Pages;

mod compact;
mod disk;
mod pages;

/// Writes that are applied at once. Measured: 100,000 writes of 300 bytes at once need 1 GB, in pieces of 1,000 47 MB.
pub const CHUNK: usize = 1_000;

/// sled's page cache. What the house needs at hand is in its tables; the default would be 1 GB.
const CACHE_BYTES: u64 = 1 << 20;

/// The directory of the database in the data directory; all that is moved aside when it is damaged.
const HOME: &str = "store";

/// The number of the last commit, behind a prefix that no tree has.
const COMMITS: &[u8] = b"\0commits";

/// A store in a directory of this machine.
#[derive(Debug)]
pub struct SledStore {
    rows: engine::Tree,
    database: engine::Db,
    disk: Mutex<Disk>,
    /// Readers share it, a commit holds it alone: nobody sees half a batch.
    gate: RwLock<Gate>,
    pages: Pages,
    home: PathBuf,
    unsafe_volume: Option<UnsafeVolume>,
    _lock: DirectoryLock,
}

#[derive(Debug)]
struct Gate {
    is_stopped: bool,
    commit: u64,
    flushes: u64,
}

/// A store that was opened at any price.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: SledStore,
    /// Where the damaged one lies now; the store is then empty.
    pub moved_aside: Option<MovedAside>,
}

/// A damaged database that made room for an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedAside {
    /// Where it lies now.
    pub path: PathBuf,
    /// What was wrong with it.
    pub fault: String,
}

impl SledStore {
    /// Opens the store of a data directory, and makes both where they are missing.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process holds it, [`StoreError::Damaged`] where the database is not sound,
    /// [`StoreError::Io`] where the directory cannot be used.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let lock = DirectoryLock::take(directory)?;
        Self::open_locked(directory, lock).map_err(|(error, _)| error)
    }

    /// Opens the store of a data directory; a damaged one is moved aside and replaced by an empty one.
    ///
    /// # Errors
    /// As [`SledStore::open`], without [`StoreError::Damaged`].
    pub fn open_or_move_aside(directory: &Path) -> Result<Opened, StoreError> {
        let lock = DirectoryLock::take(directory)?;
        match Self::open_locked(directory, lock) {
            Ok(store) => Ok(Opened {
                store,
                moved_aside: None,
            }),
            Err((StoreError::Damaged(fault), lock)) => {
                let path = move_aside(directory)?;
                let store = Self::open_locked(directory, lock).map_err(|(error, _)| error)?;
                Ok(Opened {
                    store,
                    moved_aside: Some(MovedAside { path, fault }),
                })
            }
            Err((error, _)) => Err(error),
        }
    }

    /// For a process that ends after one question: what it reads stays in memory, for giving it back takes longer than the
    /// process has.
    #[must_use]
    pub fn for_one_question(mut self) -> Self {
        self.pages = Pages::kept();
        self
    }

    /// The file system under the data directory, where an embedded database is not safe on it.
    #[must_use]
    pub const fn unsafe_volume(&self) -> Option<&UnsafeVolume> {
        self.unsafe_volume.as_ref()
    }

    fn open_locked(
        directory: &Path,
        lock: DirectoryLock,
    ) -> Result<Self, (StoreError, DirectoryLock)> {
        let parts = compact::settle(directory)
            .map_err(refused)
            .and_then(|()| Parts::open(&directory.join(HOME)))
            .and_then(|parts| compact::compacted(directory, parts));
        match parts {
            Ok(parts) => Ok(Self {
                rows: parts.rows,
                database: parts.database,
                disk: Mutex::new(parts.disk),
                gate: RwLock::new(Gate {
                    is_stopped: false,
                    commit: parts.commit,
                    flushes: 0,
                }),
                pages: Pages::default(),
                home: directory.join(HOME),
                unsafe_volume: unsafe_volume(directory),
                _lock: lock,
            }),
            Err(error) => Err((error, lock)),
        }
    }

    fn reading(&self) -> Result<RwLockReadGuard<'_, Gate>, StoreError> {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        if gate.is_stopped {
            return Err(stopped());
        }
        Ok(gate)
    }

    fn commit_next(&self, commit: u64, batch: &Batch) -> Result<(), StoreError> {
        let rows = merged(batch);
        let mut disk = self.disk.lock().unwrap_or_else(PoisonError::into_inner);
        let is_large = rows.len() > CHUNK;
        if is_large {
            let owed = rows.iter().map(|(key, value)| (key.as_slice(), *value));
            disk.redo.write(commit, owed).map_err(refused)?;
        }
        let owed = rows.iter().map(|(key, value)| (key.as_slice(), *value));
        apply(&self.rows, commit, owed)?;
        disk.flush(&self.database)?;
        disk.bear_witness(commit).map_err(refused)?;
        if is_large {
            disk.redo.remove().map_err(refused)?;
        }
        self.pages
            .passed(&self.rows, rows.keys().map(Vec::as_slice));
        Ok(())
    }
}

impl Store for SledStore {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut gate = self.gate.write().unwrap_or_else(PoisonError::into_inner);
        if gate.is_stopped {
            return Err(stopped());
        }
        if batch.is_empty() {
            return Ok(());
        }
        let commit = gate.commit.saturating_add(1);
        let done = guarded(|| self.commit_next(commit, batch));
        gate.is_stopped = done.is_err();
        if done.is_ok() {
            gate.commit = commit;
            gate.flushes = gate.flushes.saturating_add(1);
        }
        done
    }

    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let _gate = self.reading()?;
        guarded(|| {
            let value = self.rows.get(prefixed(tree, key)).map_err(fault)?;
            Ok(value.map(|value| value.to_vec()))
        })
    }

    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let _gate = self.reading()?;
        let wanted = prefixed(tree, prefix);
        let from = match after {
            Some(after) if after >= prefix => Excluded(prefixed(tree, after)),
            _ => Included(wanted.clone()),
        };
        guarded(|| {
            let mut page = Vec::new();
            let range = self.rows.range::<Vec<u8>, _>((from, Unbounded));
            for pair in range.take(limit) {
                let (key, value) = pair.map_err(fault)?;
                if !key.starts_with(&wanted) {
                    break;
                }
                self.pages.passed(&self.rows, std::iter::once(key.as_ref()));
                let key = key.get(1..).unwrap_or_default();
                page.push((key.to_vec(), value.to_vec()));
            }
            Ok(page)
        })
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        size_of(&self.home).map_err(refused)
    }

    fn flush_count(&self) -> u64 {
        let gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        gate.flushes
    }
}

/// A database that was opened, finished and found sound.
struct Parts {
    rows: engine::Tree,
    database: engine::Db,
    disk: Disk,
    commit: u64,
}

impl Parts {
    fn open(home: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(home).map_err(refused)?;
        let path = home.join("db");
        let (database, rows, commit) = guarded(|| {
            let database = open_engine(&path)?;
            let rows = database.open_tree("steward").map_err(fault)?;
            let commit = rows.get(COMMITS).map_err(fault)?;
            Ok((database, rows, commit))
        })?;
        let damaged = |detail: &str| StoreError::Damaged(detail.to_owned());
        let commit = match commit {
            None => 0,
            Some(bytes) => u64::from_be_bytes(
                bytes
                    .as_ref()
                    .try_into()
                    .map_err(|_short| damaged("the number of the last commit is no number"))?,
            ),
        };
        let mut parts = Self {
            rows,
            database,
            disk: Disk::open(home, &path).map_err(refused)?,
            commit,
        };
        parts.finish_large_batch()?;
        parts.compare_with_witness()?;
        Ok(parts)
    }

    /// Applies what a killed process still owed.
    fn finish_large_batch(&mut self) -> Result<(), StoreError> {
        let redo = match self.disk.redo.read() {
            Ok(None) => return Ok(()),
            Ok(Some(redo)) => redo,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(StoreError::Damaged(error.to_string()));
            }
            Err(error) => return Err(refused(error)),
        };
        if redo.commit == self.commit.saturating_add(1) {
            let rows = redo.rows.iter();
            let rows = rows.map(|(key, value)| (key.as_slice(), value.as_deref()));
            guarded(|| {
                apply(&self.rows, redo.commit, rows)?;
                self.disk.flush(&self.database)
            })?;
            self.commit = redo.commit;
        } else if redo.commit > self.commit {
            return Err(missing(self.commit, redo.commit.saturating_sub(1)));
        }
        self.disk.redo.remove().map_err(refused)
    }

    fn compare_with_witness(&self) -> Result<(), StoreError> {
        match self.disk.witnessed().map_err(refused)? {
            Some(seen) if seen > self.commit => Err(missing(self.commit, seen)),
            _ => Ok(()),
        }
    }
}

fn missing(found: u64, seen: u64) -> StoreError {
    StoreError::Damaged(format!(
        "it ends with commit {found}, but commit {seen} had been flushed"
    ))
}

/// Applies rows in key order, in pieces; the number of the commit comes with the last one.
fn apply<'a>(
    tree: &engine::Tree,
    commit: u64,
    rows: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
) -> Result<(), StoreError> {
    let mut left = rows.len();
    let mut piece = engine::Batch::default();
    let mut pending = 0;
    for (key, value) in rows {
        match value {
            Some(value) => piece.insert(key, value),
            None => piece.remove(key),
        }
        left = left.saturating_sub(1);
        pending += 1;
        if pending == CHUNK && left > 0 {
            tree.apply_batch(std::mem::take(&mut piece))
                .map_err(fault)?;
            pending = 0;
        }
    }
    piece.insert(COMMITS, &commit.to_be_bytes());
    tree.apply_batch(piece).map_err(fault)
}

/// The writes of a batch by key in the database; of several of one key the last.
fn merged(batch: &Batch) -> BTreeMap<Vec<u8>, Option<&[u8]>> {
    let writes = batch.writes().iter();
    writes
        .map(|write| (prefixed(write.tree, &write.key), write.value.as_deref()))
        .collect()
}

fn prefixed(tree: Tree, key: &[u8]) -> Vec<u8> {
    // These numbers are on disk: a new tree takes the next one. Zero is the store's own.
    let prefix = match tree {
        Tree::Meta => 1,
        Tree::Derived => 2,
        Tree::Kept => 3,
        Tree::Undo => 4,
        Tree::Ledger => 5,
    };
    let mut bytes = Vec::with_capacity(key.len().saturating_add(1));
    bytes.push(prefix);
    bytes.extend_from_slice(key);
    bytes
}

/// Opens sled, and waits for an earlier one of this process to let go: its threads hold the file for a moment after it was
/// dropped, and nothing tells when they are done. Our own lock is held here, so nobody else of ours can be the holder.
fn open_engine(path: &Path) -> Result<engine::Db, StoreError> {
    // 500 × 10 ms = 5 s; under load at most 10 ms were seen.
    for _ in 0..500 {
        match open_engine_now(path) {
            Err(StoreError::Locked(_)) => {}
            opened => return opened,
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "sled offers no level to wait on; bounded, at start only, and never in a task of the runtime"
        )]
        std::thread::sleep(Duration::from_millis(10));
    }
    open_engine_now(path)
}

fn open_engine_now(path: &Path) -> Result<engine::Db, StoreError> {
    let config = engine::Config::new()
        .path(path)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None);
    config.open().map_err(|error| match error {
        engine::Error::Io(error) if error.to_string().contains("could not acquire lock") => {
            StoreError::Locked(format!("{}, held through sled", path.display()))
        }
        engine::Error::Io(error) if is_wrong_content(error.kind()) => {
            StoreError::Damaged(error.to_string())
        }
        engine::Error::Unsupported(detail) => StoreError::Damaged(detail),
        error => fault(error),
    })
}

const fn is_wrong_content(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::Other
    )
}

/// Runs sled, which panics on some kinds of damage instead of reporting them.
fn guarded<T>(run: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("no reason given");
        Err(StoreError::Damaged(format!("sled panicked: {text}")))
    })
}

fn fault(error: engine::Error) -> StoreError {
    match error {
        engine::Error::Io(error) => refused(error),
        error => StoreError::Damaged(error.to_string()),
    }
}

fn refused(error: io::Error) -> StoreError {
    StoreError::Io(error.to_string())
}

fn stopped() -> StoreError {
    StoreError::Io("an earlier commit failed, so this store is closed until a restart".to_owned())
}

/// Renames the database to the first free name beside it.
fn move_aside(directory: &Path) -> Result<PathBuf, StoreError> {
    let mut number = 1_u32;
    loop {
        let path = directory.join(format!("{HOME}.damaged-{number}"));
        if !path.exists() {
            fs::rename(directory.join(HOME), &path).map_err(refused)?;
            sync_directory_of(&path).map_err(refused)?;
            return Ok(path);
        }
        number = number.saturating_add(1);
    }
}

/// Bytes that a directory takes on the disk.
fn size_of(directory: &Path) -> io::Result<u64> {
    /// Unit of `st_blocks`, whatever the file system's own block is.
    const BLOCK_BYTES: u64 = 512;
    let mut total = 0_u64;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let size = match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path())?,
            Ok(metadata) => metadata.blocks().saturating_mul(BLOCK_BYTES),
            // sled removes files of its own while we look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        total = total.saturating_add(size);
    }
    Ok(total)
}

#[cfg(test)]
mod deaths;
#[cfg(test)]
mod tests;
