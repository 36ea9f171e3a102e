//! The contract on disk, and what only a disk can suffer: damage, locks, refusals.

use std::{fs::File, os::unix::fs::FileExt};

use tempfile::TempDir;

use super::*;
use crate::store::{contract, redo::RedoFile};

struct OnDisk {
    store: SledStore,
    home: TempDir,
}

impl contract::Subject for OnDisk {
    type Store = SledStore;
    fn fresh() -> Self {
        let home = tempfile::tempdir().unwrap();
        let store = SledStore::open(home.path()).unwrap();
        Self { store, home }
    }
    fn store(&self) -> &SledStore {
        &self.store
    }
    fn reopened(self) -> Self {
        let Self { store, home } = self;
        drop(store);
        let store = SledStore::open(home.path()).unwrap();
        Self { store, home }
    }
}

#[test]
fn the_sled_store_keeps_the_contract() {
    contract::every_promise::<OnDisk>();
}

fn numbered(from: u32, to: u32) -> Batch {
    let mut batch = Batch::default();
    for row in from..to {
        batch.put(Tree::Derived, row.to_be_bytes(), vec![b'x'; 300]);
    }
    batch
}

fn rows(store: &SledStore) -> usize {
    store
        .scan(Tree::Derived, b"", None, usize::MAX)
        .unwrap()
        .len()
}

#[test]
fn a_second_store_on_the_same_directory_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let first = SledStore::open(home.path()).unwrap();
    let refused = SledStore::open(home.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked(_)), "{refused}");
    let refused = SledStore::open_or_move_aside(home.path()).unwrap_err();
    assert!(matches!(refused, StoreError::Locked(_)), "{refused}");
    drop(first);
    SledStore::open(home.path()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_a_clear_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = SledStore::open(&file.path().join("data")).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
}

/// Whatever the state in which a killed process left a large batch, the next one has it whole, once.
#[test]
fn a_large_batch_that_was_interrupted_is_finished_at_the_next_start() {
    const ROWS: u32 = 3 * 1_000 + 17;
    for pieces_applied in 0..=4 {
        let home = tempfile::tempdir().unwrap();
        let store = SledStore::open(home.path()).unwrap();
        store.commit(&numbered(0, 5)).unwrap();
        let batch = numbered(5, ROWS);
        let rows_owed = merged(&batch);
        let owed = |count| {
            let rows = rows_owed.iter().take(count);
            let rows: Vec<_> = rows.map(|(key, value)| (key.as_slice(), *value)).collect();
            rows.into_iter()
        };
        let redo = RedoFile::of(&home.path().join(HOME));
        redo.write(2, owed(usize::MAX)).unwrap();
        match pieces_applied {
            4 => apply(&store.rows, 2, owed(usize::MAX)).unwrap(),
            pieces => {
                let mut piece = engine::Batch::default();
                for (key, value) in owed(pieces * CHUNK) {
                    piece.insert(key, value.unwrap());
                }
                store.rows.apply_batch(piece).unwrap();
            }
        }
        drop(store);

        let store = SledStore::open(home.path()).unwrap();
        assert_eq!(rows(&store), ROWS as usize, "after {pieces_applied} pieces");
        assert!(redo.read().unwrap().is_none());
        store.commit(&numbered(ROWS, ROWS + 1)).unwrap();
        drop(store);
        assert_eq!(
            rows(&SledStore::open(home.path()).unwrap()),
            ROWS as usize + 1
        );
    }
}

/// A power loss may bring a removed redo file back; applied again, it would undo the commits that came after it.
#[test]
fn a_redo_file_that_was_done_is_not_done_again() {
    let home = tempfile::tempdir().unwrap();
    let store = SledStore::open(home.path()).unwrap();
    store.commit(&numbered(0, 1)).unwrap();
    store.commit(&numbered(1, 2)).unwrap();
    drop(store);
    let key = prefixed(Tree::Derived, &0_u32.to_be_bytes());
    let redo = RedoFile::of(&home.path().join(HOME));
    redo.write(1, [(key.as_slice(), None)].into_iter()).unwrap();
    assert_eq!(rows(&SledStore::open(home.path()).unwrap()), 2);
    assert!(redo.read().unwrap().is_none());
}

#[test]
fn a_batch_of_a_hundred_thousand_writes_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let store = SledStore::open(home.path()).unwrap();
    store.commit(&numbered(0, 100_000)).unwrap();
    assert_eq!(store.flush_count(), 1);
    assert!(store.size_bytes().unwrap() > 30_000_000);
    drop(store);
    assert_eq!(rows(&SledStore::open(home.path()).unwrap()), 100_000);
}

fn with_some_commits() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let store = SledStore::open(home.path()).unwrap();
    for commit in 0..200 {
        store
            .commit(&numbered(commit * 10, commit * 10 + 20))
            .unwrap();
    }
    close(store);
    home
}

#[test]
fn a_damaged_database_is_reported_and_moved_aside() {
    let home = with_some_commits();
    let log = home.path().join("store/db/db");
    fs::write(&log, vec![0xa5; 100_000]).unwrap();
    let error = SledStore::open(home.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged(_)), "{error}");

    for number in 1..=2 {
        let opened = SledStore::open_or_move_aside(home.path()).unwrap();
        let moved = opened.moved_aside.unwrap();
        let expected = home.path().join(format!("store.damaged-{number}"));
        assert_eq!(moved.path, expected);
        assert!(expected.join("db/db").exists() && !moved.fault.is_empty());
        assert_eq!(rows(&opened.store), 0);
        opened.store.commit(&numbered(0, 3)).unwrap();
        close(opened.store);
        fs::write(&log, vec![0xa5; 100_000]).unwrap();
    }
}

#[test]
fn a_sound_database_is_not_moved_aside() {
    let home = with_some_commits();
    let opened = SledStore::open_or_move_aside(home.path()).unwrap();
    assert_eq!(opened.moved_aside, None);
    assert_eq!(rows(&opened.store), 2_010);
}

/// Goal: damage anywhere is either reported or without effect, never a store that silently lost something.
/// Method: one stretch of a copy of a good database is overwritten, cut off or removed; then it is opened and read.
#[test]
fn damage_anywhere_is_reported_or_harmless() {
    let good = with_some_commits();
    let store = SledStore::open(good.path()).unwrap();
    let expected = store.scan(Tree::Derived, b"", None, usize::MAX).unwrap();
    close(store);
    let source = good.path().join("store/db");
    let length = fs::metadata(source.join("db")).unwrap().len();
    let mut reported = 0;
    let faults: Vec<(&str, u64)> = (0..12)
        .map(|part| ("overwrite", length * part / 12))
        .chain((0..6).map(|part| ("cut", length * part / 6)))
        .chain([("conf", 0), ("snapshots", 0)])
        .collect();
    for (fault, at) in faults {
        let home = tempfile::tempdir().unwrap();
        copy(&good.path().join("store"), &home.path().join("store"));
        let database = home.path().join("store/db");
        let log = File::options()
            .write(true)
            .open(database.join("db"))
            .unwrap();
        match fault {
            "overwrite" => log.write_all_at(&[0x5a; 64], at).unwrap(),
            "cut" => log.set_len(at).unwrap(),
            "conf" => fs::write(database.join("conf"), "nonsense").unwrap(),
            _ => {
                for entry in fs::read_dir(&database).unwrap() {
                    let path = entry.unwrap().path();
                    if path
                        .file_name()
                        .unwrap()
                        .to_str()
                        .unwrap()
                        .starts_with("snap.")
                    {
                        fs::write(path, "nonsense").unwrap();
                    }
                }
            }
        }
        let read = SledStore::open(home.path())
            .and_then(|store| store.scan(Tree::Derived, b"", None, usize::MAX));
        match read {
            Ok(rows) => assert!(rows == expected, "{fault} at {at}: rows are missing"),
            Err(StoreError::Damaged(_)) => reported += 1,
            Err(error) => panic!("{fault} at {at}: {error}"),
        }
    }
    assert!(reported > 3, "only {reported} were reported");
}

/// Drops the store and waits until the threads of sled have let go of its files.
fn close(store: SledStore) {
    let log = store.home.join("db/db");
    drop(store);
    File::open(log).unwrap().lock().unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// An older copy of the database, restored beside a newer witness, has lost commits that were acknowledged.
#[test]
fn flushed_commits_that_are_missing_are_noticed() {
    let home = tempfile::tempdir().unwrap();
    let store = SledStore::open(home.path()).unwrap();
    store.commit(&numbered(0, 1)).unwrap();
    close(store);
    let older = tempfile::tempdir().unwrap();
    copy(&home.path().join("store/db"), older.path());
    let store = SledStore::open(home.path()).unwrap();
    store.commit(&numbered(1, 2)).unwrap();
    close(store);
    fs::remove_dir_all(home.path().join("store/db")).unwrap();
    copy(older.path(), &home.path().join("store/db"));
    let error = SledStore::open(home.path()).unwrap_err().to_string();
    assert!(
        error.contains("commit 1, but commit 2 had been flushed"),
        "{error}"
    );
}
