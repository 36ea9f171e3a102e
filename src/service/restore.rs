//! What becomes of a database that was damaged: the newest sound export takes its place.
//!
//! The damaged one lies aside already (`store::sled`). An export is older than what was lost, so three things are put right
//! before anybody reads it: nothing below the last announced block is news again (`floor`), a message that waited when the
//! export was made may have been sent since and is searched for before it is sent, and the channel is told.
//! A restoration that a killed process left half-way is begun again: a mark lies beside the database until it is done.

use std::{
    fs::{self, File},
    io::{self, BufReader},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::floor::{Floors, write_whole};
use crate::{
    alert::facts::RestoredFacts,
    desk::Restored,
    outbox::delivery::{Delivery, DeliveryState, Started},
    store::{
        Batch, Store, StoreError, Tree,
        export::{ExportError, ExportSummary, import},
        identity,
        lock::DirectoryLock,
        nightly::newest_sound,
        sled::{MovedAside, Opened, SledStore},
        table::{Journal, Record, Table},
    },
    units::UnixSeconds,
    watcher::progress::Progress,
};

/// Directory of the nightly exports in the data directory.
pub const EXPORTS: &str = "exports";

/// Lies in the data directory while a restoration is under way.
const MARK: &str = "restoring.json";

/// Directory of the database in the data directory.
const DATABASE: &str = "store";

/// A store that can be used, and what was restored to make it so.
#[derive(Debug)]
pub struct Restoration {
    /// The store.
    pub store: SledStore,
    /// What was restored just now; `None` where nothing was wrong.
    pub restored: Option<Restored>,
}

/// The mark of a restoration under way.
#[derive(Serialize, Deserialize)]
struct Mark {
    path: PathBuf,
    fault: String,
}

impl Record for Restored {
    const KIND: &'static str = "restored";
    const TREE: Tree = Tree::Kept;
    type Key = ();
}

/// Opens the store of a data directory; a damaged one is moved aside and the newest sound export restored.
///
/// # Errors
/// Whatever the store reports; damage is none of it.
pub fn open(directory: &Path, now: UnixSeconds) -> Result<Restoration, StoreError> {
    let mark = directory.join(MARK);
    let half_way = read_mark(&mark);
    if half_way.is_some() {
        // What lies there is part of an export that is there still.
        let _lock = DirectoryLock::take(directory)?;
        remove_database(directory).map_err(|error| refused(&error))?;
    }
    let Opened { store, moved_aside } = SledStore::open_or_move_aside(directory)?;
    let Some(moved) = moved_aside.or(half_way) else {
        if identity::meta(&store)?.is_none() {
            raise_floors(&store, &Floors::read(directory))?;
        }
        return Ok(Restoration {
            store,
            restored: None,
        });
    };
    note_mark(&mark, &moved).map_err(|error| refused(&error))?;
    let restored = restore(&store, directory, &moved, now)?;
    fs::remove_file(&mark).map_err(|error| refused(&error))?;
    Ok(Restoration {
        store,
        restored: Some(restored),
    })
}

/// Puts right what an export cannot know, after somebody imported one into `directory`: what the file of the last announced
/// block says, and which messages may have been sent since.
///
/// # Errors
/// Whatever the store reports.
pub fn after_import(store: &dyn Store, directory: &Path) -> Result<(), StoreError> {
    raise_floors(store, &Floors::read(directory))?;
    doubt_deliveries(store)
}

/// What this store was restored from last; `None` where it never was.
///
/// # Errors
/// Whatever the store reports.
pub fn last(store: &dyn Store) -> Result<Option<Restored>, StoreError> {
    Ok(Table::<Restored>::load("", store)?.row(&()).cloned())
}

/// Fills an empty store from the newest sound export, and puts right what the export cannot know.
fn restore(
    store: &dyn Store,
    directory: &Path,
    moved: &MovedAside,
    now: UnixSeconds,
) -> Result<Restored, StoreError> {
    let export = import_newest(store, &directory.join(EXPORTS))?;
    after_import(store, directory)?;
    let restored = Restored {
        at: now,
        facts: RestoredFacts {
            detail: moved.fault.clone(),
            export_at: export.map(|summary| summary.created_at),
            moved_to: moved.path.display().to_string(),
            lost: None,
        },
    };
    let mut table = Table::<Restored>::new("");
    table.put((), restored.clone());
    commit(store, &mut table)?;
    Ok(restored)
}

fn import_newest(store: &dyn Store, exports: &Path) -> Result<Option<ExportSummary>, StoreError> {
    let Some((path, _)) = newest_sound(exports).map_err(|error| refused(&error))? else {
        return Ok(None);
    };
    let file = File::open(&path).map_err(|error| refused(&error))?;
    match import(BufReader::new(file), store) {
        Ok(summary) => Ok(Some(summary)),
        Err(ExportError::Store(error)) => Err(error),
        // It was read to its end a moment ago.
        Err(error) => Err(StoreError::Io(format!("{}: {error}", path.display()))),
    }
}

/// Nothing up to the last announced block is news, in whatever the store now holds of a network.
fn raise_floors(store: &dyn Store, floors: &Floors) -> Result<(), StoreError> {
    let mut table = Table::<Progress>::load("", store)?;
    for (network, floor) in &floors.0 {
        table.change_or_make(network, Progress::default, |progress| {
            progress.floor = progress.floor.max(*floor);
            progress.is_introduced = true;
        });
    }
    // What the file does not know, the channel may (`recall`).
    let known: Vec<String> = table.rows().map(|(network, _)| network.clone()).collect();
    for network in known {
        let is_doubtful = !floors.0.contains_key(&network);
        table.change(&network, |progress| {
            progress.is_floor_doubtful = is_doubtful;
        });
    }
    commit(store, &mut table)
}

/// A message that was owed when the export was made may stand in its channel by now.
fn doubt_deliveries(store: &dyn Store) -> Result<(), StoreError> {
    let mut table = Table::<Delivery>::load("", store)?;
    let owed: Vec<_> = table
        .rows()
        .filter(|(_, row)| {
            matches!(
                row.state,
                DeliveryState::Pending | DeliveryState::Started(_)
            )
        })
        .map(|(id, _)| id.clone())
        .collect();
    for id in owed {
        table.change(&id, |delivery| {
            let first_attempt_at_ms = match &delivery.state {
                DeliveryState::Started(started) => started.first_attempt_at_ms,
                _ => delivery.owed_at_ms,
            };
            delivery.state = DeliveryState::Started(Started {
                first_attempt_at_ms,
                content_hash: None,
                is_uncertain: true,
                may_resend: false,
            });
        });
    }
    commit(store, &mut table)
}

fn commit(store: &dyn Store, table: &mut dyn Journal) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    table.drain(&mut batch, None)?;
    store.commit(&batch)
}

fn read_mark(mark: &Path) -> Option<MovedAside> {
    let bytes = fs::read(mark).ok()?;
    let Mark { path, fault } = serde_json::from_slice(&bytes).ok()?;
    Some(MovedAside { path, fault })
}

fn note_mark(mark: &Path, moved: &MovedAside) -> io::Result<()> {
    let form = Mark {
        path: moved.path.clone(),
        fault: moved.fault.clone(),
    };
    write_whole(mark, &serde_json::to_vec(&form)?)
}

fn remove_database(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory.join(DATABASE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn refused(error: &io::Error) -> StoreError {
    StoreError::Io(error.to_string())
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
