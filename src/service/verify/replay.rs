//! What was recorded, folded again from a base, and compared with what the store has.
//!
//! The base is the newest export of the data directory that the records continue, or the empty book where the very first
//! record is still there. The store is only read.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use super::{Area, Finding, PAGE};
use crate::{
    book::Book,
    store::{
        Batch, Store, StoreError, Tree, Write,
        export::{ExportError, import},
        identity,
        memory::MemoryStore,
        nightly,
        table::Table,
        undo,
    },
    tasks::chain_of,
    watcher::{
        progress::Progress,
        recording::{self, Memo, Recorded},
    },
    writer::Tables as _,
};

const NEXT: &str = "Keep a copy of the data directory and report this: it is a fault of steward or of the disk. \
                    The book can be read from the chain again: move DATA_DIR/store away and start.";
const WAIT: &str =
    "The next nightly export is a new base (steward job list shows it); verify again after it.";

/// Longest value that is shown of a difference.
const SHOWN_MAX: usize = 300;

/// A state that records are folded onto.
struct Base {
    name: String,
    store: MemoryStore,
}

/// What a replay came to.
enum Replayed {
    /// The records do not continue the base.
    Elsewhere(String),
    /// So many records were folded.
    Folded { records: u64, from: u64 },
}

/// Folds what was recorded of every network of `store` again, from the newest of `exports` that it continues.
#[must_use]
pub fn replay(store: &dyn Store, exports: &Path) -> Vec<Finding> {
    let networks = match identity::networks(store) {
        Ok(networks) => networks.into_iter().map(|network| network.name),
        Err(error) => return vec![bad("observations", &error)],
    };
    let bases = match nightly::exports(exports) {
        Ok(bases) => bases,
        Err(error) => return vec![bad("observations", &error)],
    };
    networks
        .map(|network| {
            let subject = format!("{network} observations");
            of_network(store, &bases, &network, &subject)
                .unwrap_or_else(|error| bad(&subject, &error))
        })
        .collect()
}

fn bad(subject: &str, error: &(dyn std::error::Error + 'static)) -> Finding {
    Finding::bad(Area::Store, subject, chain_of(error), NEXT)
}

fn of_network(
    store: &dyn Store,
    exports: &[PathBuf],
    network: &str,
    subject: &str,
) -> Result<Finding, StoreError> {
    let mut why = "there is no export in the data directory".to_owned();
    let exported = exports.iter().rev().map(Some);
    for path in exported.chain([None]) {
        let base = match path.map_or_else(|| Ok(empty()), |path| load(path)) {
            Ok(base) => base,
            Err(error) => {
                why = chain_of(&error);
                continue;
            }
        };
        match fold_again(store, &base.store, network)? {
            Replayed::Elsewhere(reason) => why = format!("{}: {reason}", base.name),
            Replayed::Folded { records, from } => {
                let told = format!(
                    "replayed {records} observations since {} (block {from})",
                    base.name
                );
                return Ok(match first_difference(store, &base.store, network)? {
                    None => Finding::good(Area::Store, subject, format!("{told}: equal")),
                    Some(difference) => {
                        Finding::bad(Area::Store, subject, format!("{told}: {difference}"), NEXT)
                    }
                });
            }
        }
    }
    let detail = format!("not replayed, for no base fits: {why}");
    Ok(Finding::doubtful(Area::Store, subject, detail, WAIT))
}

fn empty() -> Base {
    Base {
        name: "the beginning".to_owned(),
        store: MemoryStore::new(),
    }
}

fn load(path: &Path) -> Result<Base, ExportError> {
    let store = MemoryStore::new();
    import(BufReader::new(File::open(path)?), &store)?;
    let name = path.file_name().unwrap_or(path.as_os_str());
    Ok(Base {
        name: name.to_string_lossy().into_owned(),
        store,
    })
}

fn recorded_in(store: &dyn Store, network: &str) -> Result<Recorded, StoreError> {
    let table = Table::<Progress>::load("", store)?;
    let row = table.row(&network.to_owned());
    Ok(row.map(|row| row.recorded.clone()).unwrap_or_default())
}

/// Folds the records that follow `base` into it.
fn fold_again(
    store: &dyn Store,
    base: &MemoryStore,
    network: &str,
) -> Result<Replayed, StoreError> {
    let (mut recorded, end) = (recorded_in(base, network)?, recorded_in(store, network)?);
    if recorded.count > end.count {
        let reason = "it is of another life of the store, which recorded more";
        return Ok(Replayed::Elsewhere(reason.to_owned()));
    }
    let mut book = Book::load(network, base)?;
    let from = book.summary().cursor.number.value();
    let (first, mut memo) = (recorded.count, Memo::default());
    let mut next = recorded.whole;
    while next < end.count {
        let after = next
            .checked_sub(1)
            .map(|last| recording::key(network, last));
        let prefix = recording::prefix(network);
        let page = store.scan(Tree::Ledger, &prefix, after.as_deref(), PAGE)?;
        if page.is_empty() {
            return Ok(Replayed::Elsewhere(format!(
                "observation {next} is missing"
            )));
        }
        for (key, bytes) in page {
            let (number, observed) = recording::read(network, &key, &bytes)?;
            if number != next {
                return Ok(Replayed::Elsewhere(format!(
                    "observation {next} is missing"
                )));
            }
            next = next.saturating_add(1);
            let is_whole = observed.is_whole();
            let observation = memo.read(observed);
            if number < first {
                continue;
            }
            recorded = recorded.with(&bytes, is_whole);
            let undo = |block| undo_of(base, network, block);
            observation.apply(&mut book, memo.ours(), undo)?;
            write_down(&mut book, base, network, &observation)?;
        }
    }
    if recorded.digest != end.digest {
        let reason = "the observations that follow are not those that were recorded after it";
        return Ok(Replayed::Elsewhere(reason.to_owned()));
    }
    Ok(Replayed::Folded {
        records: end.count.saturating_sub(first),
        from,
    })
}

fn undo_of(
    base: &MemoryStore,
    network: &str,
    block: crate::units::BlockNumber,
) -> Result<Vec<Write>, StoreError> {
    let bytes = base.read(Tree::Undo, &undo::key(network, block))?;
    bytes.map_or_else(
        || {
            let what = format!("the undo record of block {block} is missing");
            Err(StoreError::Damaged(what))
        },
        |bytes| undo::decode(&bytes),
    )
}

fn write_down(
    book: &mut Book,
    base: &MemoryStore,
    network: &str,
    observation: &recording::Observation,
) -> Result<(), StoreError> {
    let (mut batch, mut old) = (Batch::default(), Vec::new());
    for table in book.tables() {
        table.drain(&mut batch, Some(&mut old))?;
    }
    old.retain(|write| write.tree == Tree::Derived);
    if let Some(block) = observation.block() {
        batch.put(Tree::Undo, undo::key(network, block), undo::encode(&old)?);
    }
    base.commit(&batch)
}

/// Where the derived records of a network differ first.
fn first_difference(
    store: &dyn Store,
    base: &MemoryStore,
    network: &str,
) -> Result<Option<String>, StoreError> {
    let mut difference = None;
    let mut compare = |key: &[u8], stored: Option<&[u8]>, replayed: Option<&[u8]>| {
        if difference.is_none() && stored != replayed {
            difference = Some(describe(key, stored, replayed));
        }
    };
    rows(store, network, |key, stored| {
        let replayed = base.read(Tree::Derived, key)?;
        compare(key, Some(stored), replayed.as_deref());
        Ok(())
    })?;
    rows(base, network, |key, replayed| {
        let stored = store.read(Tree::Derived, key)?;
        compare(key, stored.as_deref(), Some(replayed));
        Ok(())
    })?;
    Ok(difference)
}

fn rows(
    store: &dyn Store,
    network: &str,
    mut look: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let scope = format!("/{network}");
    super::each(store, Tree::Derived, b"", |key, value| {
        let (table, _) = parts(key);
        if table.ends_with(&scope) {
            look(key, value)?;
        }
        Ok(())
    })?;
    Ok(())
}

/// Table (with its network) and key of a record.
fn parts(key: &[u8]) -> (String, &[u8]) {
    let end = key.iter().position(|byte| *byte == 0).unwrap_or(key.len());
    let (table, rest) = key.split_at(end);
    let rest = rest.strip_prefix(&[0]).unwrap_or(rest);
    (String::from_utf8_lossy(table).into_owned(), rest)
}

fn describe(key: &[u8], stored: Option<&[u8]>, replayed: Option<&[u8]>) -> String {
    let (table, key) = parts(key);
    let show = |value: Option<&[u8]>| {
        value.map_or_else(
            || "nothing".to_owned(),
            |value| {
                let text: String = String::from_utf8_lossy(value)
                    .chars()
                    .take(SHOWN_MAX)
                    .collect();
                text
            },
        )
    };
    format!(
        "they differ first in {table} at 0x{}: replayed {}, stored {}",
        data_encoding::HEXLOWER.encode(key),
        show(replayed),
        show(stored)
    )
}
