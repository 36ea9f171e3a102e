//! What is made durable beside sled's own flush: its log and blobs, the witness file, the redo file.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use ::sled as engine;

use super::{fault, refused};
use crate::store::{
    StoreError,
    redo::{RedoFile, sync_directory_of},
};

/// What is synced beside sled's own flush.
#[derive(Debug)]
pub(super) struct Disk {
    log: File,
    witness: File,
    blobs: PathBuf,
    synced_blobs: BTreeSet<OsString>,
    /// Where a large batch is owed.
    pub(super) redo: RedoFile,
}

impl Disk {
    pub(super) fn open(home: &Path, database: &Path) -> io::Result<Self> {
        let log = database.join("db");
        let witness = home.join("witness");
        let disk = Self {
            witness: File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&witness)?,
            blobs: database.join("blobs"),
            synced_blobs: BTreeSet::new(),
            redo: RedoFile::of(home),
            log: File::open(&log)?,
        };
        // The names of the files, once: from here on only their content changes.
        for path in [&log, &witness, home] {
            sync_directory_of(path)?;
        }
        Ok(disk)
    }

    /// Makes everything written so far durable.
    pub(super) fn flush(&mut self, database: &engine::Db) -> Result<(), StoreError> {
        database.flush().map_err(fault)?;
        self.sync_blobs().map_err(refused)?;
        self.log.sync_data().map_err(refused)
    }

    /// sled writes a value of more than some 128 KiB to a file of its own, written once and never synced.
    fn sync_blobs(&mut self) -> io::Result<()> {
        let mut present = BTreeSet::new();
        let mut is_new = false;
        for entry in fs::read_dir(&self.blobs)? {
            let entry = entry?;
            let name = entry.file_name();
            if !self.synced_blobs.contains(&name) {
                match File::open(entry.path()) {
                    Ok(blob) => blob.sync_all()?,
                    // sled removes a blob as soon as nothing points to it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                }
                is_new = true;
            }
            present.insert(name);
        }
        self.synced_blobs = present;
        if is_new {
            File::open(&self.blobs)?.sync_all()?;
        }
        Ok(())
    }

    /// Notes the commit outside the database. Not synced: after a power loss the note may be old, and never too new.
    pub(super) fn bear_witness(&self, commit: u64) -> io::Result<()> {
        self.witness.write_all_at(&commit.to_be_bytes(), 0)
    }

    /// The number of the last commit that was noted, if one was.
    pub(super) fn witnessed(&self) -> io::Result<Option<u64>> {
        let mut bytes = [0; 8];
        match self.witness.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(Some(u64::from_be_bytes(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}
