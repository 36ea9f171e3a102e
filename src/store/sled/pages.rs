//! Makes sled give back the pages that went by.
//!
//! sled notes every access of a page in one of 256 queues, by the page's number, and holds its cache to its bound only when
//! 64 accesses have come together in a queue. A leaf has at most 16 rows and is accessed once when they are read, so the
//! 2,500 leaves of a fleet of 10,000 never fill a queue: all of them stay in memory, whatever the cache may take.
//! Keys that went by are therefore remembered, and now and then read as often as it takes to fill the queues of their leaves.

use std::sync::{Mutex, PoisonError};

use super::engine;

/// Rows of a full leaf of sled: one key of so many stands for its leaf.
const LEAF_ROWS: usize = 16;

/// Rows after which pages are given back: 512 to 1,024 leaves of some 11 KB.
const ROUND_ROWS: usize = 8_192;

/// Accesses that fill a queue of sled's.
const QUEUE: usize = 64;

/// What went by since pages were given back.
#[derive(Debug, Default)]
pub(super) struct Pages {
    passed: Mutex<Passed>,
    are_kept: bool,
}

#[derive(Debug, Default)]
struct Passed {
    rows: usize,
    keys: Vec<Vec<u8>>,
}

impl Pages {
    /// Gives nothing back.
    pub(super) fn kept() -> Self {
        Self {
            are_kept: true,
            ..Self::default()
        }
    }

    /// Takes note of rows that were read or written, and gives pages back where many have gone by.
    pub(super) fn passed<'a>(&self, tree: &engine::Tree, keys: impl Iterator<Item = &'a [u8]>) {
        if self.are_kept {
            return;
        }
        for key in keys {
            if let Some(keys) = self.note(key) {
                give_back(tree, &keys);
            }
        }
    }

    fn note(&self, key: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passed.rows.is_multiple_of(LEAF_ROWS) {
            passed.keys.push(key.to_vec());
        }
        passed.rows = passed.rows.saturating_add(1);
        if passed.rows < ROUND_ROWS {
            return None;
        }
        passed.rows = 0;
        Some(std::mem::take(&mut passed.keys))
    }
}

/// Reads every key until sled has looked at the queue of its leaf. What cannot be read is told by whoever needs it.
fn give_back(tree: &engine::Tree, keys: &[Vec<u8>]) {
    for key in keys {
        for _ in 0..QUEUE {
            if tree.get(key).is_err() {
                return;
            }
        }
    }
}
