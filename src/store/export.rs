//! A store as text: JSON lines that another machine, another version or a person can read.
//!
//! The first line says what it is, the last one how many records came before it and their SHA-256, so that a file that was
//! cut or changed is known. Between them stands one record a line: the tree, the key, the value as it is in the store.
//! `nightly` keeps such files in a directory.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::{
    Batch, Store, StoreError, Tree,
    identity::{self, ImportUnderWay},
    table::{Journal, Table},
};
use crate::{units::UnixSeconds, watcher::recording};

/// Version of the form of an export.
pub const EXPORT_VERSION: u32 = 1;

/// What the first line says the file is.
const FORMAT: &str = "steward-export";

/// Rows read at once, and written at once by an import: a page is never large, and a piece is one write of the database.
const PAGE: usize = 1_000;

/// The longest line that is read, against files that are no exports. An undo record of 100,000 writes of 300 bytes takes
/// 30 MB, and twice that as hex.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// What an export holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportSummary {
    /// When it was made.
    pub created_at: UnixSeconds,
    /// The networks in it, by name.
    pub networks: Vec<String>,
    /// Records by tree.
    pub counts: BTreeMap<String, u64>,
    /// Records in all.
    pub records: u64,
    /// SHA-256 of all lines before the last one, in hex.
    pub sha256: String,
}

/// Why an export cannot be made or used.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The file cannot be read or written.
    #[error("the export cannot be read or written")]
    Io(#[from] io::Error),
    /// The store refuses.
    #[error("the store refused")]
    Store(#[from] StoreError),
    /// The store changed while it was read.
    #[error(
        "the store changed while it was exported; try again, or export from the process that writes"
    )]
    Changed,
    /// A line has no such form.
    #[error("line {line} of the export cannot be read: {detail}")]
    Malformed {
        /// Which, counted from 1.
        line: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// The last line is missing.
    #[error("the export was cut after line {line}; use an older one")]
    Cut {
        /// The last line that is there, counted from 1.
        line: u64,
    },
    /// The last line does not fit those before.
    #[error(
        "the export was changed after it was made: its {what} is {found}, its last line says {said}; use an older one"
    )]
    Altered {
        /// What does not fit.
        what: &'static str,
        /// What the lines give.
        found: String,
        /// What the last line says.
        said: String,
    },
    /// A newer steward made it.
    #[error(
        "the export has version {found}, this steward reads up to {known}; use a newer steward"
    )]
    Newer {
        /// Version of the file.
        found: u32,
        /// Newest version that this program reads.
        known: u32,
    },
    /// There is something in the store already.
    #[error(
        "the store is not empty (there are records in {tree}); import into an empty data directory"
    )]
    NotEmpty {
        /// The first tree with a record.
        tree: &'static str,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    created_at: UnixSeconds,
    networks: Vec<String>,
}

/// A record: a key of a table is `kind`, a zero byte and `key`; any other key has no `kind`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    tree: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    key: String,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    value: Option<&'a RawValue>,
    /// The value where it is no JSON of one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Trailer {
    records: u64,
    counts: BTreeMap<String, u64>,
    sha256: String,
}

/// Writes the whole store.
///
/// # Errors
/// [`ExportError::Changed`] where something was committed meanwhile, and what the store or the writer reports.
pub fn export(
    store: &dyn Store,
    mut out: impl Write,
    created_at: UnixSeconds,
) -> Result<ExportSummary, ExportError> {
    let state = store.flush_count();
    let networks: Vec<String> = identity::networks(store)?
        .into_iter()
        .map(|network| network.name)
        .collect();
    let header = Header {
        format: FORMAT.to_owned(),
        version: EXPORT_VERSION,
        created_at,
        networks: networks.clone(),
    };
    let mut hash = Sha256::new();
    let mut put = |line: &[u8]| -> io::Result<()> {
        hash.update(line);
        hash.update(b"\n");
        out.write_all(line)?;
        out.write_all(b"\n")
    };
    put(&json(&header)?)?;
    let mut counts = BTreeMap::new();
    for tree in Tree::ALL {
        let mut count = 0_u64;
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(tree, b"", after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            // An export is a base: what was observed before it is told by it, and what comes after it is not in it.
            let rows = page
                .iter()
                .filter(|(key, _)| !recording::is_record(tree, key));
            for (key, value) in rows {
                put(&json(&line_of(tree, key, value))?)?;
                count = count.saturating_add(1);
            }
        }
        counts.insert(tree.name().to_owned(), count);
    }
    let trailer = Trailer {
        records: counts.values().sum(),
        counts,
        sha256: HEXLOWER.encode(&hash.finalize()),
    };
    out.write_all(&json(&trailer)?)?;
    out.write_all(b"\n")?;
    out.flush()?;
    if store.flush_count() != state {
        return Err(ExportError::Changed);
    }
    Ok(summary(created_at, networks, trailer))
}

/// Fills an empty store from an export. Check the file first: what is wrong with it shows at its end only, and until then
/// the store is being filled. Such a store is marked, and refused when somebody begins to use it.
///
/// # Errors
/// [`ExportError::NotEmpty`] before anything is written; else as [`check`], and what the store reports.
pub fn import(reader: impl BufRead, store: &dyn Store) -> Result<ExportSummary, ExportError> {
    for tree in Tree::ALL {
        if !store.scan(tree, b"", None, 1)?.is_empty() {
            return Err(ExportError::NotEmpty { tree: tree.name() });
        }
    }
    let mut mark = Table::<ImportUnderWay>::new("");
    let mut batch = Batch::default();
    mark.put((), ImportUnderWay {});
    mark.drain(&mut batch, None)?;
    let summary = read(reader, |tree, key, value| {
        batch.put(tree, key, value);
        if batch.writes().len() >= PAGE {
            store.commit(&std::mem::take(&mut batch))?;
        }
        Ok(())
    })?;
    mark.remove(&());
    mark.drain(&mut batch, None)?;
    store.commit(&batch)?;
    Ok(summary)
}

/// Reads an export to its end without using it.
///
/// # Errors
/// What is wrong with it.
pub fn check(reader: impl BufRead) -> Result<ExportSummary, ExportError> {
    read(reader, |_, _, _| Ok(()))
}

/// Reads an export to its end and looks at each record: tree, key and value.
///
/// # Errors
/// What is wrong with it, and what `look` says.
pub fn visit(
    reader: impl BufRead,
    mut look: impl FnMut(Tree, &[u8], &[u8]) -> Result<(), ExportError>,
) -> Result<ExportSummary, ExportError> {
    read(reader, |tree, key, value| look(tree, &key, &value))
}

fn summary(created_at: UnixSeconds, networks: Vec<String>, trailer: Trailer) -> ExportSummary {
    ExportSummary {
        created_at,
        networks,
        counts: trailer.counts,
        records: trailer.records,
        sha256: trailer.sha256,
    }
}

fn json(form: &impl Serialize) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(form)?)
}

fn line_of<'a>(tree: Tree, key: &[u8], value: &'a [u8]) -> Line<'a> {
    let mut parts = key.splitn(2, |byte| *byte == 0);
    let (head, tail) = (parts.next().unwrap_or_default(), parts.next());
    let (kind, key) = match (std::str::from_utf8(head), tail) {
        (Ok(kind), Some(tail)) => (Some(kind.to_owned()), tail),
        _ => (None, key),
    };
    // Only text that comes back byte by byte stays as it is; a null would come back as no value.
    let text = std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.contains(['\n', '\r']));
    let raw = text
        .and_then(|text| serde_json::from_str::<&RawValue>(text).ok())
        .filter(|raw| raw.get().len() == value.len() && raw.get() != "null");
    Line {
        tree: tree.name(),
        kind,
        key: key_text(key),
        hex: raw.is_none().then(|| HEXLOWER.encode(value)),
        value: raw,
    }
}

/// Printable text as it is, everything else (and text that looks like it) as `0x` and hex.
fn key_text(key: &[u8]) -> String {
    let is_plain = key.iter().all(|byte| (b' '..=b'~').contains(byte));
    match std::str::from_utf8(key) {
        Ok(text) if is_plain && !text.starts_with("0x") => text.to_owned(),
        _ => format!("0x{}", HEXLOWER.encode(key)),
    }
}

fn key_bytes(text: &str) -> Result<Vec<u8>, String> {
    match text.strip_prefix("0x") {
        None => Ok(text.as_bytes().to_vec()),
        Some(hex) => HEXLOWER
            .decode(hex.as_bytes())
            .map_err(|error| format!("the key is not hex: {error}")),
    }
}

type Row = (Tree, Vec<u8>, Vec<u8>);

fn row_of(line: &[u8]) -> Result<Row, String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let tree = Tree::ALL.into_iter().find(|tree| tree.name() == line.tree);
    let tree = tree.ok_or_else(|| format!("there is no tree {:?}", line.tree))?;
    let mut key = Vec::new();
    if let Some(kind) = line.kind {
        key.extend_from_slice(kind.as_bytes());
        key.push(0);
    }
    key.extend_from_slice(&key_bytes(&line.key)?);
    let value = match (line.value, line.hex) {
        (Some(value), None) => value.get().as_bytes().to_vec(),
        (None, Some(hex)) => HEXLOWER
            .decode(hex.as_bytes())
            .map_err(|error| format!("the value is not hex: {error}"))?,
        _ => return Err("there must be one of value and hex".to_owned()),
    };
    Ok((tree, key, value))
}

fn read(
    mut reader: impl BufRead,
    mut take: impl FnMut(Tree, Vec<u8>, Vec<u8>) -> Result<(), ExportError>,
) -> Result<ExportSummary, ExportError> {
    let mut number = 0_u64;
    let mut line = Vec::new();
    let mut hash = Sha256::new();
    let mut counts: BTreeMap<String, u64> =
        Tree::ALL.map(|tree| (tree.name().to_owned(), 0)).into();
    let mut header: Option<Header> = None;
    loop {
        line.clear();
        let mut limited = io::Read::take(&mut reader, LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut line)?;
        let Some(text) = line.strip_suffix(b"\n") else {
            if limited.limit() == 0 {
                let detail = format!("it is longer than {LINE_BYTES_MAX} bytes");
                let line = number.saturating_add(1);
                return Err(ExportError::Malformed { line, detail });
            }
            return Err(ExportError::Cut { line: number });
        };
        number = number.saturating_add(1);
        let malformed = |detail: String| ExportError::Malformed {
            line: number,
            detail,
        };
        let Some(header) = &header else {
            header = Some(header_of(text).map_err(|error| match error {
                Ok(newer) => newer,
                Err(detail) => malformed(detail),
            })?);
            hash.update(&line);
            continue;
        };
        if let Ok(trailer) = serde_json::from_slice::<Trailer>(text) {
            compare(&trailer, &counts, &HEXLOWER.encode(&hash.finalize()))?;
            if !reader.fill_buf()?.is_empty() {
                return Err(malformed("there is more after the last line".to_owned()));
            }
            return Ok(summary(header.created_at, header.networks.clone(), trailer));
        }
        hash.update(&line);
        let (tree, key, value) = row_of(text).map_err(malformed)?;
        if let Some(count) = counts.get_mut(tree.name()) {
            *count = count.saturating_add(1);
        }
        take(tree, key, value)?;
    }
}

fn header_of(text: &[u8]) -> Result<Header, Result<ExportError, String>> {
    #[derive(Deserialize)]
    struct Version {
        format: String,
        version: u32,
    }
    let no_export = |error: serde_json::Error| Err(format!("this is no export: {error}"));
    let version: Version = serde_json::from_slice(text).map_err(no_export)?;
    if version.format != FORMAT {
        return Err(Err(format!("this is no export but a {:?}", version.format)));
    }
    if version.version > EXPORT_VERSION {
        return Err(Ok(ExportError::Newer {
            found: version.version,
            known: EXPORT_VERSION,
        }));
    }
    serde_json::from_slice(text).map_err(no_export)
}

fn compare(
    trailer: &Trailer,
    counts: &BTreeMap<String, u64>,
    sha256: &str,
) -> Result<(), ExportError> {
    let altered = |what, found: &dyn ToString, said: &dyn ToString| ExportError::Altered {
        what,
        found: found.to_string(),
        said: said.to_string(),
    };
    let records: u64 = counts.values().sum();
    if trailer.records != records || trailer.counts != *counts {
        return Err(altered("number of records", &records, &trailer.records));
    }
    if trailer.sha256 != sha256 {
        return Err(altered("SHA-256", &sha256, &trailer.sha256));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
