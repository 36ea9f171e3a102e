//! The history of attesters: on disk only, because a fleet's history is larger than its present.
//!
//! Entries are appended in the commit of their block and taken back by its undo record, like every derived record.
//! Key: `history/NETWORK\0` + subject (20 bytes) + block (8) + sequence in the block (4), all big-endian.

use crate::{
    attester::change::Entry,
    store::{
        Batch, Store, StoreError, Tree, Write,
        table::{Journal, Record, decode_record, encode_record},
    },
    units::{Address, AttesterAddress, BlockNumber},
};

/// What is to be written at the next drain.
#[derive(Debug)]
pub struct History {
    prefix: Vec<u8>,
    appended: Vec<(Vec<u8>, Entry)>,
    deleted: Vec<Vec<u8>>,
}

/// Prefix of the keys of all entries of a network.
#[must_use]
pub fn prefix(network: &str) -> Vec<u8> {
    let mut prefix = format!("{}/{network}", Entry::KIND).into_bytes();
    prefix.push(0);
    prefix
}

impl History {
    /// The history of a network.
    #[must_use]
    pub fn new(network: &str) -> Self {
        Self {
            prefix: prefix(network),
            appended: Vec::new(),
            deleted: Vec::new(),
        }
    }

    fn key(&self, subject: Address) -> Vec<u8> {
        let mut key = self.prefix.clone();
        key.extend_from_slice(subject.as_slice());
        key
    }

    /// Appends an entry about `attester`.
    pub fn append(&mut self, attester: AttesterAddress, entry: Entry) {
        let sequence = u32::try_from(self.appended.len()).unwrap_or(u32::MAX);
        let key = [
            self.prefix.as_slice(),
            attester.address().as_slice(),
            &entry.evidence.block.number.value().to_be_bytes(),
            &sequence.to_be_bytes(),
        ]
        .concat();
        self.appended.push((key, entry));
    }

    /// The newest `limit` entries about `attester`, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn of(
        &self,
        store: &dyn Store,
        attester: AttesterAddress,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        /// Entries of one attester that are looked at; a life has a dozen.
        const MOST: usize = 10_000;
        let pairs = store.scan(Tree::Derived, &self.key(attester.address()), None, MOST)?;
        let skip = pairs.len().saturating_sub(limit);
        pairs
            .iter()
            .skip(skip)
            .map(|(key, value)| decode_record(key, value))
            .collect()
    }

    /// The block of an entry's key, for tests.
    #[must_use]
    pub fn block_of(&self, key: &[u8]) -> Option<BlockNumber> {
        let tail = key.strip_prefix(self.prefix.as_slice())?;
        let number = tail.get(20..28)?;
        number
            .try_into()
            .ok()
            .map(u64::from_be_bytes)
            .map(BlockNumber::new)
    }
}

impl Journal for History {
    fn drain(
        &mut self,
        batch: &mut Batch,
        mut undo: Option<&mut Vec<Write>>,
    ) -> Result<(), StoreError> {
        for key in std::mem::take(&mut self.deleted) {
            batch.delete(Tree::Derived, key);
        }
        for (key, entry) in std::mem::take(&mut self.appended) {
            if let Some(undo) = undo.as_deref_mut() {
                undo.push(Write {
                    tree: Tree::Derived,
                    key: key.clone(),
                    value: None,
                });
            }
            batch.put(Tree::Derived, key, encode_record(&entry)?);
        }
        Ok(())
    }

    fn roll_back(&mut self) {
        self.appended.clear();
        self.deleted.clear();
    }

    fn undo(&mut self, write: &Write) -> Result<bool, StoreError> {
        let is_ours = write.tree == Tree::Derived && write.key.starts_with(&self.prefix);
        if is_ours {
            self.deleted.push(write.key.clone());
        }
        Ok(is_ours)
    }
}
