//! Exports by date in a directory: the backups of an embedded store.
//!
//! A file is whole as soon as it has its name: it is written under another one, synced and renamed.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
};

use super::{
    Store,
    export::{ExportError, ExportSummary, check, export},
    redo::sync_directory_of,
};
use crate::units::UnixSeconds;

/// How many exports are kept unless somebody says otherwise: a week of nights.
pub const KEPT: usize = 7;

/// How often an export starts over because something was committed meanwhile: on a network with a block every 12 s an
/// export of less than that succeeds at the second try.
const TRIES: u32 = 5;

const PREFIX: &str = "steward-";
const SUFFIX: &str = ".jsonl";

/// Exports the store into `directory` under today's date (UTC), replacing an earlier one of the same day, and removes all
/// but the newest `keep`.
///
/// # Errors
/// As [`export`], and what the directory refuses. The exports that are already there stay.
pub fn write_nightly(
    store: &dyn Store,
    directory: &Path,
    keep: usize,
    now: UnixSeconds,
) -> Result<(PathBuf, ExportSummary), ExportError> {
    write_day(store, directory, keep, &day_of(now)?, now)
}

/// The date of a moment (UTC), as exports are named by it.
///
/// # Errors
/// Where no calendar holds the moment.
pub fn day_of(now: UnixSeconds) -> io::Result<String> {
    Ok(date_of(now)?.to_string())
}

/// The export of a day.
#[must_use]
pub fn path_of(directory: &Path, day: &str) -> PathBuf {
    directory.join(format!("{PREFIX}{day}{SUFFIX}"))
}

/// As [`write_nightly`], under the date `day`.
///
/// # Errors
/// As [`write_nightly`].
pub fn write_day(
    store: &dyn Store,
    directory: &Path,
    keep: usize,
    day: &str,
    now: UnixSeconds,
) -> Result<(PathBuf, ExportSummary), ExportError> {
    fs::create_dir_all(directory)?;
    let path = path_of(directory, day);
    let draft = directory.join(format!("{PREFIX}draft"));
    let mut tries = 1;
    let summary = loop {
        match write_draft(store, &draft, now) {
            Err(ExportError::Changed) if tries < TRIES => tries += 1,
            Ok(summary) => break summary,
            Err(error) => {
                // A draft counts for nothing and takes space on what may be a full disk.
                drop(fs::remove_file(&draft));
                return Err(error);
            }
        }
    };
    fs::rename(&draft, &path)?;
    sync_directory_of(&path)?;
    let mut present = exports(directory)?;
    present.retain(|export| *export != path);
    for old in present.iter().rev().skip(keep.saturating_sub(1)) {
        fs::remove_file(old)?;
    }
    Ok((path, summary))
}

/// The newest export of a directory that is whole, and what it holds; damaged ones are passed over.
///
/// # Errors
/// Where the directory cannot be read; a missing one has no exports.
pub fn newest_sound(directory: &Path) -> io::Result<Option<(PathBuf, ExportSummary)>> {
    for path in exports(directory)?.into_iter().rev() {
        let checked = File::open(&path)
            .map_err(ExportError::from)
            .and_then(|file| check(BufReader::new(file)));
        if let Ok(summary) = checked {
            return Ok(Some((path, summary)));
        }
    }
    Ok(None)
}

fn write_draft(
    store: &dyn Store,
    draft: &Path,
    now: UnixSeconds,
) -> Result<ExportSummary, ExportError> {
    let mut out = BufWriter::new(File::create(draft)?);
    let summary = export(store, &mut out, now)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(summary)
}

/// The exports of a directory, oldest first: their names sort as their dates do.
///
/// # Errors
/// Where the directory cannot be read; a missing one has no exports.
pub fn exports(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let date = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX));
        if date.is_some_and(|date| date.parse::<jiff::civil::Date>().is_ok()) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

fn date_of(now: UnixSeconds) -> io::Result<jiff::civil::Date> {
    let beyond = || io::Error::other("the clock stands beyond the calendar");
    let time = now.timestamp().ok_or_else(beyond)?;
    Ok(time.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Batch, Tree, memory::MemoryStore};

    const DAY: u64 = 86_400;

    fn names(directory: &Path) -> Vec<String> {
        let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut names: Vec<String> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| name(entry.unwrap().path()))
            .collect();
        names.sort();
        names
    }

    fn store() -> MemoryStore {
        let store = MemoryStore::new();
        let mut batch = Batch::default();
        batch.put(Tree::Kept, "a", "1");
        store.commit(&batch).unwrap();
        store
    }

    #[test]
    fn the_newest_nights_are_kept_and_foreign_files_left_alone() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("steward-notes.jsonl"), "mine").unwrap();
        for day in 0..5 {
            let now = UnixSeconds::new(1_767_225_599 + day * DAY);
            write_nightly(&store(), home.path(), 3, now).unwrap();
        }
        let now = UnixSeconds::new(1_767_225_599 + 4 * DAY - 60);
        write_nightly(&store(), home.path(), 3, now).unwrap();
        assert_eq!(
            names(home.path()),
            [
                "steward-2026-01-02.jsonl",
                "steward-2026-01-03.jsonl",
                "steward-2026-01-04.jsonl",
                "steward-notes.jsonl"
            ]
        );
    }

    #[test]
    fn a_damaged_export_is_passed_over() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(newest_sound(&home.path().join("none")).unwrap(), None);
        let (older, summary) =
            write_nightly(&store(), home.path(), KEPT, UnixSeconds::new(DAY)).unwrap();
        let (newer, _) =
            write_nightly(&store(), home.path(), KEPT, UnixSeconds::new(2 * DAY)).unwrap();
        let bytes = fs::read(&newer).unwrap();
        fs::write(&newer, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(newest_sound(home.path()).unwrap(), Some((older, summary)));
    }

    #[test]
    fn a_refused_export_leaves_no_draft_and_no_other_file() {
        let home = tempfile::tempdir().unwrap();
        let broken = store();
        broken.fail_next_commit(crate::store::memory::Fault::DiskFull);
        let mut batch = Batch::default();
        batch.put(Tree::Kept, "b", "1");
        broken.commit(&batch).unwrap_err();
        write_nightly(&broken, home.path(), KEPT, UnixSeconds::new(DAY)).unwrap_err();
        assert_eq!(names(home.path()), [""; 0]);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let below = file.path().join("exports");
        write_nightly(&store(), &below, KEPT, UnixSeconds::new(DAY)).unwrap_err();
    }
}
