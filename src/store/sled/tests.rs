//! The contract on disk, and what only a disk can suffer: damage, locks, refusals.

use tempfile::TempDir;

use super::*;
use crate::store::contract;

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
