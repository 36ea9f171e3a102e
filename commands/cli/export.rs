//! `steward export`: the whole store as JSON lines.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use steward::{
    clock::{Clock as _, SystemClock},
    config::StoreConfig,
    service::restore::EXPORTS,
    store::{StoreError, export, nightly, sled::SledStore},
};

use super::say;

/// `steward export`
#[derive(Debug, Args)]
pub struct Export {
    /// Where to write it; `-` is stdout.
    #[arg(long, default_value = "-", value_name = "FILE")]
    pub out: PathBuf,
}

/// Exports the store. A running service holds it; its nightly exports are then named.
///
/// # Errors
/// When the store cannot be opened, or the file not be written.
pub fn run(options: &Export) -> anyhow::Result<ExitCode> {
    let config = StoreConfig::from_env()?;
    let store = open(&config.data_dir)?;
    let now = SystemClock.now();
    let summary = if options.out == Path::new("-") {
        let stdout = std::io::stdout();
        export::export(&store, BufWriter::new(stdout.lock()), now)?
    } else {
        whole(&options.out, |out| Ok(export::export(&store, out, now)?))?
    };
    say(&format!(
        "exported {} records of {} ({})",
        summary.records,
        networks(&summary.networks),
        options.out.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The networks of an export, for people.
pub(super) fn networks(names: &[String]) -> String {
    if names.is_empty() {
        "no network".to_owned()
    } else {
        names.join(", ")
    }
}

/// Opens the store of a data directory; a directory without one is said to be so and not filled.
pub(super) fn open(directory: &Path) -> anyhow::Result<SledStore> {
    if !directory.join("store").exists() {
        bail!(
            "there is no database in {}; set DATA_DIR to the directory that steward run uses",
            directory.display()
        );
    }
    match SledStore::open(directory) {
        Ok(store) => Ok(store),
        Err(error @ StoreError::Locked(_)) => {
            let exports = directory.join(EXPORTS);
            let newest = nightly::newest_sound(&exports).ok().flatten();
            let hint = newest.map_or_else(
                || "it has made no export of its own yet".to_owned(),
                |(path, _)| format!("its newest export is {}", path.display()),
            );
            Err(anyhow::Error::new(error)
                .context(format!("a running steward holds the store; {hint}")))
        }
        Err(error @ StoreError::Damaged(_)) => Err(anyhow::Error::new(error).context(
            "the store cannot be read; start steward run, which moves it aside and restores the newest export",
        )),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file under another name first, so that it is whole as soon as it has its own.
pub(super) fn whole<T>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut name = path.as_os_str().to_owned();
    name.push(".draft");
    let draft = PathBuf::from(name);
    let cannot = || {
        format!(
            "{} cannot be written; check the directory and the disk",
            path.display()
        )
    };
    let file = File::create(&draft).with_context(cannot)?;
    let mut out = BufWriter::new(file);
    let done = write(&mut out).and_then(|done| {
        out.flush()?;
        out.get_ref().sync_all()?;
        Ok(done)
    });
    match done {
        Ok(done) => {
            fs::rename(&draft, path).with_context(cannot)?;
            Ok(done)
        }
        Err(error) => {
            // A draft counts for nothing and takes space on what may be a full disk.
            drop(fs::remove_file(&draft));
            Err(error).with_context(cannot)
        }
    }
}
