//! `steward backup`: the state in one file, while steward runs or while it does not.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use steward::{
    clock::{Clock as _, SystemClock},
    config::StoreConfig,
    service::{floor::FLOOR_FILE, restore::EXPORTS},
    store::{
        Store, StoreError,
        export::{self, ExportSummary},
        nightly,
    },
    units::UnixSeconds,
};

use super::{
    export::{networks, open, whole},
    import::moment,
    say,
};

/// `steward backup`
#[derive(Debug, Args)]
#[command(
    after_help = "While steward runs, the backup is a copy of its newest nightly export; the last announced blocks lie beside it, so that \
                  what was told since is not told again after a restore. Stop steward first for a backup of this moment."
)]
pub struct Backup {
    /// Where to write it: a directory gets a file named by the moment
    #[arg(value_name = "DIR|FILE")]
    pub target: PathBuf,
}

/// Writes a backup, and reads it to its end.
///
/// # Errors
/// When there is nothing to back up, or the file exists already or cannot be written.
pub fn run(options: &Backup) -> anyhow::Result<ExitCode> {
    let directory = StoreConfig::from_env()?.data_dir;
    let now = SystemClock.now();
    let path = destination(&options.target, now)?;
    let summary = match open(&directory) {
        Ok(store) => write(&store, &path, now)?,
        Err(error) if is_held(&error) => copy_newest(&directory, &path)?,
        Err(error) => return Err(error),
    };
    say(&format!("wrote {}: {}", path.display(), what(&summary)));
    Ok(ExitCode::SUCCESS)
}

/// Where a backup goes. One that is there already is never replaced.
pub(super) fn destination(target: &Path, now: UnixSeconds) -> anyhow::Result<PathBuf> {
    let is_directory = target.is_dir() || target.to_string_lossy().ends_with('/');
    let path = if is_directory {
        fs::create_dir_all(target)
            .with_context(|| format!("{} cannot be made", target.display()))?;
        let stamp = moment(now).replace(['-', ':'], "");
        target.join(format!("steward-{stamp}.jsonl"))
    } else {
        target.to_owned()
    };
    if path.exists() {
        bail!(
            "{} is there already; name another file, or a directory",
            path.display()
        );
    }
    Ok(path)
}

/// Writes the store, and reads what was written: a backup that nobody can read is none.
pub(super) fn write(
    store: &dyn Store,
    path: &Path,
    now: UnixSeconds,
) -> anyhow::Result<ExportSummary> {
    let written = whole(path, |out| Ok(export::export(store, out, now)?))?;
    let read = export::check(BufReader::new(File::open(path)?))
        .with_context(|| format!("{} was written and cannot be read", path.display()))?;
    if read != written {
        bail!("{} holds something else than was written", path.display());
    }
    Ok(written)
}

/// Copies the newest nightly export of a running steward, and beside it what was announced since.
fn copy_newest(directory: &Path, path: &Path) -> anyhow::Result<ExportSummary> {
    let newest = nightly::newest_sound(&directory.join(EXPORTS))?;
    let Some((export, summary)) = newest else {
        bail!("steward runs and has made no export yet; stop it, and back up again");
    };
    let mut file = BufReader::new(File::open(&export)?);
    whole(path, |out| Ok(std::io::copy(&mut file, out)?))?;
    let announced = directory.join(FLOOR_FILE);
    if announced.exists() {
        fs::copy(&announced, beside(path))
            .with_context(|| format!("{} cannot be copied", announced.display()))?;
    }
    say("steward runs, so this is a copy of its newest nightly export");
    Ok(summary)
}

/// The file with the last announced blocks that belongs to a backup.
pub(super) fn beside(path: &Path) -> PathBuf {
    path.with_extension(FLOOR_FILE)
}

/// Whether a running steward holds the store.
fn is_held(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<StoreError>(),
        Some(StoreError::Locked(_))
    )
}

/// What a backup holds, for people.
pub(super) fn what(summary: &ExportSummary) -> String {
    format!(
        "{} records of {}, as of {}",
        summary.records,
        networks(&summary.networks),
        moment(summary.created_at)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_gets_a_file_named_by_the_moment_and_nothing_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let now = UnixSeconds::new(1_795_000_000);
        let path = destination(home.path(), now).unwrap();
        assert_eq!(path, home.path().join("steward-20261118T110640Z.jsonl"));
        assert_eq!(
            beside(&path),
            home.path().join("steward-20261118T110640Z.announced.json")
        );
        fs::write(&path, "").unwrap();
        assert!(destination(home.path(), now).is_err());
        let made = PathBuf::from(format!("{}/new/", home.path().display()));
        assert!(destination(&made, now).unwrap().starts_with(&made));
        let file = home.path().join("one");
        assert_eq!(destination(&file, now).unwrap(), file);
    }
}
