//! The command line: one subcommand a file.
//!
//! Data goes to stdout and nothing else does; logs and errors go to stderr. The environment is read before any thread
//! exists, because `.env` changes it.

pub mod demo;
pub mod run;

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
    /// Replay a recorded history of the real contracts in this terminal: no settings, no network, a minute.
    Demo(demo::Demo),
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
        Command::Demo(demo) => runtime.block_on(demo::run(demo)),
    };
    runtime.shutdown_background();
    done.unwrap_or_else(|error| fail(&error))
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
