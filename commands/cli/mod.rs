//! The command line: one subcommand a file.
//!
//! Data goes to stdout and nothing else does; logs and errors go to stderr. The environment is read before any thread
//! exists, because `.env` changes it.

pub mod check;
pub mod export;
pub mod import;
pub mod run;
mod table;
pub mod verify;

use std::{path::Path, process::ExitCode};

use clap::{Parser, Subcommand};
use steward::config::load_dotenv;

/// Watches an Aztec staking provider and tells its people in Discord, once and correctly.
#[derive(Debug, Parser)]
#[command(name = "steward", version, about, max_term_width = 100)]
pub struct Cli {
    /// File with the settings; the real environment wins over it.
    #[arg(long, global = true, default_value = ".env", value_name = "FILE")]
    pub env_file: std::path::PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What steward can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch, tell, and answer, until told to stop.
    Run(run::Run),
    /// Look whether steward can run here, and say what to do where not.
    Check(check::Check),
    /// Write the whole store as JSON lines.
    Export(export::Export),
    /// Fill an empty data directory from an export.
    Import(import::Import),
    /// Prove what can be proven of the store or of an export.
    Verify(verify::Verify),
}

/// Reads the settings, starts the runtime, and does what was asked.
#[must_use]
pub fn dispatch(cli: Cli) -> ExitCode {
    if let Err(error) = load_dotenv(Path::new(&cli.env_file)) {
        return fail(&anyhow::Error::new(error));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(&anyhow::Error::new(error).context("the runtime cannot be started"));
        }
    };
    let done = match cli.command {
        Command::Run(run) => runtime.block_on(run::run(run)),
        Command::Check(check) => runtime.block_on(check::check(check)),
        Command::Export(export) => export::run(&export),
        Command::Import(import) => import::run(&import),
        Command::Verify(verify) => runtime.block_on(verify::run(verify)),
    };
    runtime.shutdown_background();
    done.unwrap_or_else(|error| fail(&error))
}

/// Tells a person something that is no data.
#[expect(
    clippy::print_stderr,
    reason = "words of the command line go to stderr, through this function only"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Says what went wrong, starting with what failed.
#[expect(
    clippy::print_stderr,
    reason = "errors of the command line go to stderr, through this function only"
)]
fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("steward: {error:#}");
    ExitCode::FAILURE
}
