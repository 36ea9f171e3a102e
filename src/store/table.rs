//! Typed tables over a store: what the rest of the house holds in memory.
//!
//! A [`Table`] is a sorted map that remembers, since the last drain, what every touched key held before.
//! From that memory come the writes of the next batch (changed records only), the undo record of a block, and the
//! way back when a decision fails half-way. The table itself does no I/O.

use std::{collections::BTreeMap, fmt::Debug};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Batch, Store, StoreError, Tree, Write};

/// A key of a table: bytes that sort as the key does.
pub trait TableKey: Ord + Clone + Debug {
    /// Appends the sortable form (big-endian numbers).
    fn encode(&self, out: &mut Vec<u8>);
    /// Reads it back; `None` where the bytes are not a key.
    fn decode(bytes: &[u8]) -> Option<Self>;
}

/// A value of a table, with its form on disk.
///
/// On disk a record is JSON: `{"v":VERSION,"r":{...}}`. A change of form raises `VERSION` and extends `migrate`;
/// the bytes of the old form stay as a fixture of the test.
pub trait Record: Clone + PartialEq + Debug + Serialize + DeserializeOwned {
    /// Name of the kind: first part of the key on disk.
    const KIND: &'static str;
    /// Where it is kept.
    const TREE: Tree;
    /// Version of the form on disk.
    const VERSION: u32 = 1;
    /// Its key.
    type Key: TableKey;

    /// Turns an older form into the present one.
    ///
    /// # Errors
    /// A sentence, where the version is not known or the record does not fit it.
    fn migrate(version: u32, _record: serde_json::Value) -> Result<Self, String> {
        Err(format!("version {version} of {} is not known", Self::KIND))
    }
}

#[derive(Serialize)]
struct EnvelopeOut<'a, R> {
    v: u32,
    r: &'a R,
}

#[derive(Deserialize)]
struct EnvelopeIn<R> {
    v: u32,
    r: R,
}

/// The form on disk.
///
/// # Errors
/// [`StoreError::Record`] where the record cannot be written as JSON, which no record of ours does.
pub fn encode_record<R: Record>(record: &R) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&EnvelopeOut {
        v: R::VERSION,
        r: record,
    })
    .map_err(|error| unreadable::<R>(b"", &error.to_string()))
}

/// Reads the form on disk, older versions included.
///
/// # Errors
/// [`StoreError::Record`] where the bytes are no record of this kind; [`StoreError::Newer`] where a newer steward wrote it.
pub fn decode_record<R: Record>(key: &[u8], bytes: &[u8]) -> Result<R, StoreError> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    let fault = |detail: &str| unreadable::<R>(key, detail);
    if let Ok(envelope) = serde_json::from_slice::<EnvelopeIn<R>>(bytes)
        && envelope.v == R::VERSION
    {
        return Ok(envelope.r);
    }
    let version = serde_json::from_slice::<Version>(bytes)
        .map_err(|error| fault(&error.to_string()))?
        .v;
    if version > R::VERSION {
        return Err(StoreError::Newer {
            found: version,
            known: R::VERSION,
        });
    }
    if version == R::VERSION {
        let error = serde_json::from_slice::<EnvelopeIn<R>>(bytes)
            .err()
            .map(|error| error.to_string());
        return Err(fault(&error.unwrap_or_default()));
    }
    let old = serde_json::from_slice::<EnvelopeIn<serde_json::Value>>(bytes)
        .map_err(|error| fault(&error.to_string()))?;
    R::migrate(version, old.r).map_err(|detail| fault(&detail))
}

fn unreadable<R: Record>(key: &[u8], detail: &str) -> StoreError {
    let key = key.iter().map(|byte| format!("{byte:02x}")).collect();
    StoreError::Record {
        kind: R::KIND,
        key,
        detail: detail.to_owned(),
    }
}

/// A sorted map that remembers what it held before.
///
/// Rows lie in boxes of their own: a node of the map has room for eleven and is filled by two thirds, which for rows of some
/// hundred bytes would cost more than the boxes do, and every insertion would move half a node of them.
#[derive(Debug, Clone)]
pub struct Table<R: Record> {
    scope: Vec<u8>,
    rows: BTreeMap<R::Key, Box<R>>,
    before: BTreeMap<R::Key, Option<Box<R>>>,
}

impl<R: Record> Table<R> {
    /// An empty table in a scope: the network's name, or nothing for what belongs to the whole house.
    #[must_use]
    pub fn new(scope: &str) -> Self {
        let mut prefix = R::KIND.as_bytes().to_vec();
        prefix.push(b'/');
        prefix.extend_from_slice(scope.as_bytes());
        prefix.push(0);
        Self {
            scope: prefix,
            rows: BTreeMap::new(),
            before: BTreeMap::new(),
        }
    }

    /// Reads the whole table.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read or holds what is no such record.
    pub fn load(scope: &str, store: &dyn Store) -> Result<Self, StoreError> {
        /// Rows a page: small enough that a page is never large, large enough that pages are few.
        const PAGE: usize = 4096;
        let mut table = Self::new(scope);
        let mut rows = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(R::TREE, &table.scope, after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                let id = table.key_of(key)?;
                rows.push((id, Box::new(decode_record(key, value)?)));
            }
        }
        // Built at once from sorted rows, the nodes of the map are full.
        table.rows = rows.into_iter().collect();
        Ok(table)
    }

    fn key_of(&self, bytes: &[u8]) -> Result<R::Key, StoreError> {
        let tail = bytes
            .strip_prefix(self.scope.as_slice())
            .unwrap_or_default();
        R::Key::decode(tail).ok_or_else(|| unreadable::<R>(bytes, "the key has no such form"))
    }

    /// The key on disk.
    #[must_use]
    pub fn disk_key(&self, key: &R::Key) -> Vec<u8> {
        let mut bytes = self.scope.clone();
        key.encode(&mut bytes);
        bytes
    }

    /// The row of `key`.
    #[must_use]
    pub fn row(&self, key: &R::Key) -> Option<&R> {
        self.rows.get(key).map(AsRef::as_ref)
    }

    /// All rows, in key order.
    pub fn rows(&self) -> impl DoubleEndedIterator<Item = (&R::Key, &R)> + Clone {
        self.rows.iter().map(|(key, row)| (key, row.as_ref()))
    }

    /// The rows of a range of keys, in key order.
    pub fn range(
        &self,
        range: impl std::ops::RangeBounds<R::Key>,
    ) -> impl DoubleEndedIterator<Item = (&R::Key, &R)> {
        self.rows.range(range).map(|(key, row)| (key, row.as_ref()))
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Sets the row of `key`.
    pub fn put(&mut self, key: R::Key, row: R) {
        let old = self.rows.insert(key.clone(), Box::new(row));
        self.before.entry(key).or_insert(old);
    }

    /// Removes the row of `key`, and gives it back.
    pub fn remove(&mut self, key: &R::Key) -> Option<R> {
        let old = self.rows.remove(key);
        if old.is_some() {
            self.before
                .entry(key.clone())
                .or_insert_with(|| old.clone());
        }
        old.map(|row| *row)
    }

    /// Removes every row.
    pub fn clear(&mut self) {
        for (key, row) in std::mem::take(&mut self.rows) {
            self.before.entry(key).or_insert(Some(row));
        }
    }

    /// Changes the row of `key` in place, where there is one.
    pub fn change<T>(&mut self, key: &R::Key, change: impl FnOnce(&mut R) -> T) -> Option<T> {
        self.change_where(key, |_| Some(()), |row, ()| change(row))
    }

    /// Changes the row of `key` in place where there is one and `decide` finds what to do with it.
    pub fn change_where<D, T>(
        &mut self,
        key: &R::Key,
        decide: impl FnOnce(&R) -> Option<D>,
        change: impl FnOnce(&mut R, D) -> T,
    ) -> Option<T> {
        let row = self.rows.get_mut(key)?;
        let decided = decide(row)?;
        self.before
            .entry(key.clone())
            .or_insert_with(|| Some(row.clone()));
        Some(change(row, decided))
    }

    /// Changes the row of `key`, made by `make` where there is none.
    pub fn change_or_make<T>(
        &mut self,
        key: &R::Key,
        make: impl FnOnce() -> R,
        change: impl FnOnce(&mut R) -> T,
    ) -> T {
        if let Some(row) = self.rows.get_mut(key) {
            self.before
                .entry(key.clone())
                .or_insert_with(|| Some(row.clone()));
            return change(row);
        }
        self.before.entry(key.clone()).or_insert(None);
        let made = || Box::new(make());
        change(self.rows.entry(key.clone()).or_insert_with(made))
    }

    /// The keys touched since the last drain.
    pub fn touched(&self) -> impl Iterator<Item = &R::Key> {
        self.before.keys()
    }

    /// What `key` held at the last drain.
    #[must_use]
    pub fn before(&self, key: &R::Key) -> Option<&R> {
        match self.before.get(key) {
            Some(before) => before.as_deref(),
            None => self.row(key),
        }
    }
}

/// What the writer does with every table, whatever it holds.
pub trait Journal {
    /// Appends what changed to `batch`, the old values to `undo` where they are wanted, and forgets both.
    ///
    /// # Errors
    /// [`StoreError::Record`] where a record cannot be written as JSON.
    fn drain(&mut self, batch: &mut Batch, undo: Option<&mut Vec<Write>>)
    -> Result<(), StoreError>;

    /// Puts everything back as it was at the last drain.
    fn roll_back(&mut self);

    /// Takes an undo write that belongs to this table; says whether it did.
    ///
    /// # Errors
    /// [`StoreError::Record`] where the undo record does not fit.
    fn undo(&mut self, write: &Write) -> Result<bool, StoreError>;
}

impl<R: Record> Journal for Table<R> {
    fn drain(
        &mut self,
        batch: &mut Batch,
        mut undo: Option<&mut Vec<Write>>,
    ) -> Result<(), StoreError> {
        for (key, old) in std::mem::take(&mut self.before) {
            let new = self.rows.get(&key);
            if new == old.as_ref() {
                continue;
            }
            let disk_key = self.disk_key(&key);
            if let Some(undo) = undo.as_deref_mut() {
                undo.push(Write {
                    tree: R::TREE,
                    key: disk_key.clone(),
                    value: old.as_deref().map(encode_record).transpose()?,
                });
            }
            match new {
                Some(row) => batch.put(R::TREE, disk_key, encode_record(row.as_ref())?),
                None => batch.delete(R::TREE, disk_key),
            }
        }
        Ok(())
    }

    fn roll_back(&mut self) {
        for (key, old) in std::mem::take(&mut self.before) {
            match old {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }

    fn undo(&mut self, write: &Write) -> Result<bool, StoreError> {
        if write.tree != R::TREE || !write.key.starts_with(&self.scope) {
            return Ok(false);
        }
        let key = self.key_of(&write.key)?;
        match &write.value {
            Some(bytes) => self.put(key, decode_record(&write.key, bytes)?),
            None => drop(self.remove(&key)),
        }
        Ok(true)
    }
}

impl TableKey for () {
    fn encode(&self, _out: &mut Vec<u8>) {}
    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.is_empty().then_some(())
    }
}

impl TableKey for u64 {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }
}

impl TableKey for String {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        Self::from_utf8(bytes.to_vec()).ok()
    }
}

macro_rules! number_key {
    ($($name:ident),+) => {$(
        impl TableKey for crate::units::$name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.value().encode(out);
            }
            fn decode(bytes: &[u8]) -> Option<Self> {
                u64::decode(bytes).map(Self::new)
            }
        }
    )+};
}

number_key!(BlockNumber, RollupVersion, ProviderId, Round);

impl TableKey for crate::units::AttesterAddress {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.address().as_slice());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        crate::units::Address::try_from(bytes).ok().map(Self::new)
    }
}

impl<A: TableKey> TableKey for (A, crate::units::QueueIndex) {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
        self.1.value().encode(out);
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, tail) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        Some((
            A::decode(head)?,
            crate::units::QueueIndex::new(u64::decode(tail)?),
        ))
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Note {
        text: String,
    }

    impl Record for Note {
        const KIND: &'static str = "note";
        const TREE: Tree = Tree::Kept;
        type Key = u64;
    }

    fn note(text: &str) -> Note {
        Note {
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_drain_writes_changed_rows_only_and_tells_how_to_take_them_back() {
        let mut table = Table::<Note>::new("mainnet");
        table.put(1, note("a"));
        table.put(2, note("b"));
        table.drain(&mut Batch::default(), None).unwrap();

        table.put(1, note("a"));
        table.change(&2, |row| row.text.push('!'));
        table.put(3, note("c"));
        let (mut batch, mut undo) = (Batch::default(), Vec::new());
        table.drain(&mut batch, Some(&mut undo)).unwrap();
        assert_eq!(batch.writes().len(), 2, "row 1 did not change");

        for write in &undo {
            assert!(table.undo(write).unwrap());
        }
        assert_eq!(table.row(&2), Some(&note("b")));
        assert_eq!(table.row(&3), None);
    }

    #[test]
    fn a_failed_decision_leaves_no_trace() {
        let mut table = Table::<Note>::new("");
        table.put(1, note("a"));
        table.drain(&mut Batch::default(), None).unwrap();
        table.remove(&1);
        table.put(1, note("z"));
        table.put(9, note("y"));
        table.roll_back();
        assert_eq!(table.row(&1), Some(&note("a")));
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn a_record_of_a_newer_steward_is_refused() {
        let newer = br#"{"v":2,"r":{"text":"x","more":1}}"#;
        assert!(matches!(
            decode_record::<Note>(b"k", newer),
            Err(StoreError::Newer { found: 2, known: 1 })
        ));
        assert!(matches!(
            decode_record::<Note>(b"k", b"{"),
            Err(StoreError::Record { .. })
        ));
    }

    #[test]
    fn scopes_whose_names_begin_alike_do_not_mix() {
        let (a, b) = (Table::<Note>::new("main"), Table::<Note>::new("mainnet"));
        assert!(!b.disk_key(&1).starts_with(&a.disk_key(&1)[..10]));
    }
}
