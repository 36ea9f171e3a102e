//! `steward migrate`: the state goes to another machine, and does not run on this one any more.
//!
//! Two stewards on one state would tell everything twice. So the last backup leaves a mark behind, and a steward that finds
//! it does not start.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::Args;
use steward::{
    clock::{Clock as _, SystemClock},
    config::StoreConfig,
};

use super::{
    backup::{destination, what, write},
    export::open,
    import::moment,
    say,
};

/// Lies in a data directory whose state went to another machine; its text is for people.
const MARK: &str = "moved";

/// `steward migrate`
#[derive(Debug, Args)]
#[command(
    after_help = "Stop steward first. Then: steward migrate FILE here; copy FILE, the settings and the secrets to the other machine; \
                  steward restore FILE there; start it there."
)]
pub struct Migrate {
    /// Where to write the backup to take along: a directory gets a file named by the moment
    #[arg(value_name = "DIR|FILE")]
    pub target: PathBuf,
}

/// Writes the last backup of a stopped steward, and marks its data directory.
///
/// # Errors
/// When it runs still, was taken away before, or the backup cannot be written.
pub fn run(options: &Migrate) -> anyhow::Result<ExitCode> {
    let directory = StoreConfig::from_env()?.data_dir;
    refuse_moved(&directory)?;
    let store = open(&directory).context(
        "stop steward first: what it tells from now on would be missing from the backup",
    )?;
    let now = SystemClock.now();
    let path = destination(&options.target, now)?;
    let summary = write(&store, &path, now)?;
    // The store is held until the mark lies there, so that nobody starts in between.
    let mark = directory.join(MARK);
    fs::write(
        &mark,
        format!("at {}, as {}\n", moment(now), path.display()),
    )
    .with_context(|| format!("{} cannot be written", mark.display()))?;
    drop(store);
    say(&format!("wrote {}: {}", path.display(), what(&summary)));
    say(&format!(
        "steward does not start on {} any more; on the other machine: steward restore {}",
        directory.display(),
        path.file_name().unwrap_or(path.as_os_str()).display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// Refuses a data directory whose state went to another machine.
pub(super) fn refuse_moved(directory: &Path) -> anyhow::Result<()> {
    let mark = directory.join(MARK);
    let Ok(text) = fs::read_to_string(&mark) else {
        return Ok(());
    };
    bail!(
        "the state in {} went to another machine ({}); to run it here again, stop it there and remove {}",
        directory.display(),
        text.trim(),
        mark.display()
    );
}
