//! `steward import`: an export into an empty data directory.

use std::{
    fs::{self, File},
    io::{BufReader, IsTerminal as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::tz::TimeZone;
use steward::{
    config::StoreConfig,
    service::{floor::FLOOR_FILE, restore},
    store::{export, sled::SledStore},
    units::UnixSeconds,
};

use super::{export::networks, say};

/// `steward import`
#[derive(Debug, Args)]
pub struct Import {
    /// The export.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Does not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Checks an export to its end, and fills an empty store from it.
///
/// # Errors
/// When the export is not whole, the store not empty, or nobody agreed.
pub fn run(options: &Import) -> anyhow::Result<ExitCode> {
    let config = StoreConfig::from_env()?;
    fill(&config.data_dir, &options.file, None, options.yes)?;
    Ok(ExitCode::SUCCESS)
}

/// Fills the store of `directory` from `file`; `announced` is a copy of the file with the last announced blocks.
pub(super) fn fill(
    directory: &Path,
    file: &Path,
    announced: Option<&Path>,
    is_agreed: bool,
) -> anyhow::Result<()> {
    let summary = export::check(read(file)?)
        .with_context(|| format!("{} cannot be imported", file.display()))?;
    let (records, whose) = (summary.records, networks(&summary.networks));
    say(&format!(
        "{} is whole: {records} records of {whose}, made at {}",
        file.display(),
        moment(summary.created_at)
    ));
    if directory.join("store").exists() {
        bail!(
            "there is a database in {} already; move {} away, or set DATA_DIR to an empty directory",
            directory.display(),
            directory.join("store").display()
        );
    }
    if !is_agreed && !agrees(directory)? {
        bail!("nothing was imported");
    }
    let store = SledStore::open(directory)?;
    if let Some(announced) = announced.filter(|_| !directory.join(FLOOR_FILE).exists()) {
        fs::copy(announced, directory.join(FLOOR_FILE))
            .with_context(|| format!("{} cannot be copied", announced.display()))?;
    }
    export::import(read(file)?, &store).with_context(|| {
        format!(
            "the import did not end; remove {} and import again",
            directory.join("store").display()
        )
    })?;
    restore::after_import(&store, directory)?;
    say(&format!(
        "imported {records} records of {whose} into {}",
        directory.display()
    ));
    say(&if directory.join(FLOOR_FILE).exists() {
        format!("what {FLOOR_FILE} there says was announced is not announced again")
    } else {
        format!(
            "what happened since the newest card in the channel will be announced when steward runs; \
             copy {FLOOR_FILE} of the old data directory there first, and nothing has to be asked"
        )
    });
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<BufReader<File>> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(BufReader::new(file))
}

/// Asks on the terminal; without one, `--yes` is needed.
fn agrees(directory: &Path) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "add --yes to import into {} without being asked",
            directory.display()
        );
    }
    say(&format!("Import into {}? Type yes:", directory.display()));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// A moment as people and file names can read it.
pub(super) fn moment(at: UnixSeconds) -> String {
    at.written("%Y-%m-%dT%H:%M:%SZ", TimeZone::UTC)
}
