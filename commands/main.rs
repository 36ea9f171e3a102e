//! steward: parse, build, run.

use std::process::ExitCode;

use clap::Parser as _;
use steward_commands::cli::{Cli, dispatch};

fn main() -> ExitCode {
    dispatch(Cli::parse())
}
