//! Space that sled does not give back: the database is written anew at start, where it has grown far beyond what it holds.
//!
//! The new one is written beside the old one, whole and synced, before they change places. A start that finds both, or only
//! the one that was put aside, knows where an earlier one was cut off.

use std::{fs, io, path::Path};

use ::sled as engine;

use super::{HOME, Parts, fault, guarded, refused, size_of};
use crate::store::{StoreError, redo::sync_directory_of};

/// A database below this is left alone: 64 MiB, which no disk misses.
const LEFT_ALONE_BYTES: u64 = 64 << 20;
/// How many times what it holds a database may take: sled's own segments and slack come to about two.
const GROWTH_MAX: u64 = 4;

/// Rows that are written at once: of 10, 30, 100, 1,000 and 20,000 the fastest.
const PIECE: usize = 100;

/// Where it is noted what the database held, in its own directory.
const HELD: &str = "held";

/// The database that is being written.
const FRESH: &str = "store.fresh";
/// The database that was written anew, until the new one has its place.
const GROWN: &str = "store.grown";

/// Puts right what a start left behind that was cut off while it wrote the database anew.
pub(super) fn settle(directory: &Path) -> io::Result<()> {
    let (home, grown) = (directory.join(HOME), directory.join(GROWN));
    if grown.exists() {
        if home.exists() {
            fs::remove_dir_all(&grown)?;
        } else {
            fs::rename(&grown, &home)?;
            sync_directory_of(&home)?;
        }
    }
    remove(&directory.join(FRESH))
}

/// Writes the database of a directory anew, where it is due. A database that cannot be is used as it is.
pub(super) fn compacted(directory: &Path, parts: Parts) -> Result<Parts, StoreError> {
    compacted_above(directory, parts, LEFT_ALONE_BYTES)
}

pub(super) fn compacted_above(
    directory: &Path,
    parts: Parts,
    left_alone: u64,
) -> Result<Parts, StoreError> {
    let size = size_of(&directory.join(HOME)).map_err(refused)?;
    if size <= left_alone {
        return Ok(parts);
    }
    let home = directory.join(HOME);
    let is_due = |held: u64| size > held.saturating_mul(GROWTH_MAX).max(left_alone);
    if noted(&home).is_some_and(|held| !is_due(held)) {
        return Ok(parts);
    }
    let held = guarded(|| held(&parts))?;
    note(&home, held);
    if !is_due(held) {
        return Ok(parts);
    }
    let fresh = directory.join(FRESH);
    if let Err(error) = guarded(|| copy(&parts, &fresh)) {
        tracing::warn!(%error, size, held, "the database could not be written anew; it is used as it is");
        remove(&fresh).map_err(refused)?;
        return Ok(parts);
    }
    drop(parts);
    note(&fresh, held);
    change_places(&home, &directory.join(GROWN), &fresh).map_err(refused)?;
    let parts = Parts::open(&home)?;
    let after = size_of(&home).map_err(refused)?;
    tracing::info!(
        size,
        held,
        after,
        "the database was written anew, for it had grown"
    );
    Ok(parts)
}

/// What the database held when it was last looked through, which takes as long as a start: what it holds grows, so a size that
/// was not too large for that is none now.
fn noted(home: &Path) -> Option<u64> {
    let bytes = fs::read(home.join(HELD)).ok()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// Notes it. Where it cannot be, the next start looks through the database again.
fn note(home: &Path, held: u64) {
    if let Err(error) = fs::write(home.join(HELD), held.to_be_bytes()) {
        tracing::debug!(%error, held, "what the database holds could not be noted");
    }
}

/// Bytes of all keys and values.
fn held(parts: &Parts) -> Result<u64, StoreError> {
    let mut held = 0_u64;
    for row in &parts.rows {
        let (key, value) = row.map_err(fault)?;
        let bytes = key.len().saturating_add(value.len());
        held = held.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
    Ok(held)
}

/// Writes every row, the number of the last commit included, into a new database.
fn copy(parts: &Parts, to: &Path) -> Result<(), StoreError> {
    let mut fresh = Parts::open(to)?;
    let mut piece = engine::Batch::default();
    let (mut pending, mut held) = (0, 0_usize);
    for row in &parts.rows {
        let (key, value) = row.map_err(fault)?;
        piece.insert(key, value);
        held = held.saturating_add(1);
        pending += 1;
        if pending == PIECE {
            let piece = std::mem::take(&mut piece);
            fresh.rows.apply_batch(piece).map_err(fault)?;
            pending = 0;
        }
    }
    fresh.rows.apply_batch(piece).map_err(fault)?;
    fresh.disk.flush(&fresh.database)?;
    fresh.disk.bear_witness(parts.commit).map_err(refused)?;
    let written = fresh.rows.len();
    if written == held {
        return Ok(());
    }
    let detail = format!("of {held} rows {written} were written");
    Err(StoreError::Damaged(detail))
}

fn change_places(home: &Path, grown: &Path, fresh: &Path) -> io::Result<()> {
    fs::rename(home, grown)?;
    sync_directory_of(grown)?;
    fs::rename(fresh, home)?;
    sync_directory_of(home)?;
    fs::remove_dir_all(grown)
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::store::{Batch, Store as _, Tree, lock::DirectoryLock, sled::SledStore};

    const ROWS: u64 = 50;

    /// A store in which few rows were written again and again.
    fn grown(directory: &Path) {
        let store = SledStore::open(directory).unwrap();
        for round in 0..400_u64 {
            let mut batch = Batch::default();
            for row in 0..ROWS {
                let value = format!("{round} {}", "x".repeat(300));
                batch.put(Tree::Kept, row.to_be_bytes().to_vec(), value);
            }
            store.commit(&batch).unwrap();
        }
    }

    fn rows(store: &SledStore) -> Vec<String> {
        let page = store.scan(Tree::Kept, b"", None, 1_000).unwrap();
        page.into_iter()
            .map(|(_, value)| String::from_utf8(value).unwrap())
            .collect()
    }

    #[test]
    fn a_database_that_has_grown_is_written_anew_and_holds_the_same() {
        let home = tempfile::tempdir().unwrap();
        grown(home.path());
        let lock = DirectoryLock::take(home.path()).unwrap();
        let parts = Parts::open(&home.path().join(HOME)).unwrap();
        let (commit, before) = (parts.commit, size_of(&home.path().join(HOME)).unwrap());
        let parts = compacted_above(home.path(), parts, 1 << 20).unwrap();
        let after = size_of(&home.path().join(HOME)).unwrap();
        println!("{before} bytes before, {after} after");
        assert!(after < before / 2, "{before} -> {after}");
        assert_eq!(parts.commit, commit);
        assert!(!home.path().join(GROWN).exists() && !home.path().join(FRESH).exists());
        drop((parts, lock));

        let store = SledStore::open(home.path()).unwrap();
        let rows = rows(&store);
        assert_eq!(rows.len(), usize::try_from(ROWS).unwrap());
        assert!(rows.iter().all(|row| row.starts_with("399 ")));
        let mut batch = Batch::default();
        batch.put(Tree::Kept, "more", "1");
        store.commit(&batch).unwrap();
    }

    /// Cut off before, between and after the two renames.
    #[test]
    fn a_start_that_was_cut_off_meanwhile_loses_nothing() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        grown(home.path());
        fs::create_dir_all(at(FRESH)).unwrap();
        drop(SledStore::open(home.path()).unwrap());
        assert!(!at(FRESH).exists());

        fs::rename(at(HOME), at(GROWN)).unwrap();
        fs::create_dir_all(at(FRESH)).unwrap();
        let store = SledStore::open(home.path()).unwrap();
        assert_eq!(rows(&store).len(), usize::try_from(ROWS).unwrap());
        drop(store);

        fs::create_dir_all(at(GROWN)).unwrap();
        let store = SledStore::open(home.path()).unwrap();
        assert_eq!(rows(&store).len(), usize::try_from(ROWS).unwrap());
        assert!(!at(GROWN).exists());
    }

    #[test]
    fn a_database_that_holds_what_it_takes_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        grown(home.path());
        let _lock = DirectoryLock::take(home.path()).unwrap();
        let before = fs::metadata(home.path().join(HOME)).unwrap();
        let parts = Parts::open(&home.path().join(HOME)).unwrap();
        drop(compacted(home.path(), parts).unwrap());
        let after = fs::metadata(home.path().join(HOME)).unwrap();
        assert_eq!(before.ino(), after.ino());
    }
}
