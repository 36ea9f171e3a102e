//! `steward restore`: a backup into an empty data directory.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use steward::config::StoreConfig;

use super::{backup::beside, import::fill, migrate};

/// `steward restore`
#[derive(Debug, Args)]
#[command(
    after_help = "Nothing is told twice: what the backup says was told stays told, and a message that was on its way is looked for in its \
                  channel before it is sent. What happened on chain since the backup is told when steward runs."
)]
pub struct Restore {
    /// The backup
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Fills the data directory from a backup.
///
/// # Errors
/// When the backup is not whole, the data directory not empty, or nobody agreed.
pub fn run(options: &Restore) -> anyhow::Result<ExitCode> {
    let directory = StoreConfig::from_env()?.data_dir;
    migrate::refuse_moved(&directory)?;
    let announced = Some(beside(&options.file)).filter(|path| path.exists());
    fill(&directory, &options.file, announced.as_deref(), options.yes)?;
    Ok(ExitCode::SUCCESS)
}
