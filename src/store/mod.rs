//! The seam to durable storage.
//!
//! A [`Store`] holds ordered trees of bytes and applies a [`Batch`] all or nothing: when [`Store::commit`] returns, the
//! batch has been flushed to the disk. It knows nothing of what the bytes mean; `table` does.
//! `memory` and `sled` implement it; both pass `contract`.

#[cfg(test)]
pub mod contract;
pub mod export;
pub mod identity;
pub mod lock;
pub mod memory;
pub mod nightly;
mod redo;
pub mod sled;
pub mod table;
pub mod undo;
pub mod volume;

use std::fmt::Debug;

use thiserror::Error;

/// The trees of a store; few, because every tree costs space in sled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tree {
    /// What the store is: version, networks, chain identities, incarnation.
    Meta,
    /// State derived from blocks, unwound by a reorg.
    Derived,
    /// State that a reorg never touches: incidents, deliveries, jobs, people's actions, file observations.
    Kept,
    /// Undo records of unfinalised blocks.
    Undo,
    /// Append-only: ledger entries, attempts, recorded observations.
    Ledger,
}

impl Tree {
    /// Every tree.
    pub const ALL: [Self; 5] = [
        Self::Meta,
        Self::Derived,
        Self::Kept,
        Self::Undo,
        Self::Ledger,
    ];

    /// The tree's name on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Derived => "derived",
            Self::Kept => "kept",
            Self::Undo => "undo",
            Self::Ledger => "ledger",
        }
    }
}

/// One write of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The tree.
    pub tree: Tree,
    /// The key.
    pub key: Vec<u8>,
    /// The new value, or `None` to delete.
    pub value: Option<Vec<u8>>,
}

/// Writes that happen together or not at all. A later write of a key replaces an earlier one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Batch {
    writes: Vec<Write>,
}

impl Batch {
    /// Sets `key`.
    pub fn put(&mut self, tree: Tree, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.push(Write {
            tree,
            key: key.into(),
            value: Some(value.into()),
        });
    }

    /// Removes `key`; nothing happens where it is absent.
    pub fn delete(&mut self, tree: Tree, key: impl Into<Vec<u8>>) {
        self.writes.push(Write {
            tree,
            key: key.into(),
            value: None,
        });
    }

    /// The writes, in order.
    #[must_use]
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Durable, ordered, atomic. Blocking: call it from `spawn_blocking` where latency matters.
pub trait Store: Send + Sync + Debug {
    /// Applies the batch and flushes it. On an error nothing of it is visible, and the process must stop: what the disk
    /// holds is then no longer certain.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the disk refuses (full, read-only), [`StoreError::Damaged`] where the database is not sound.
    fn commit(&self, batch: &Batch) -> Result<(), StoreError>;

    /// The value of `key`.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` pairs whose key starts with `prefix` and is greater than `after` (where given), in key order.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError>;

    /// Bytes on disk, for metrics; zero for a store without one.
    ///
    /// # Errors
    /// As [`Store::commit`].
    fn size_bytes(&self) -> Result<u64, StoreError>;

    /// A number that grows by one with every flushed batch, for metrics and for telling whether the store changed in
    /// between; a store that does not count says zero. An empty batch is not flushed.
    fn flush_count(&self) -> u64 {
        0
    }
}

/// Why the store could not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk refuses.
    #[error("the disk refused the write or read: {0}")]
    Io(String),
    /// The database is not sound.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// Another process holds it.
    #[error(
        "another steward process uses this data directory ({0}); stop it, or choose another directory"
    )]
    Locked(String),
    /// A record cannot be read.
    #[error("the record {kind} at {key} cannot be read: {detail}")]
    Record {
        /// Which kind of record.
        kind: &'static str,
        /// Its key, in hex.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The store was written by a newer steward.
    #[error(
        "the store has version {found}, this steward reads up to {known}; use a newer steward, or another data directory"
    )]
    Newer {
        /// Version in the store.
        found: u32,
        /// Newest version that this program reads.
        known: u32,
    },
}
