//! steward: parse, build, run.

use std::process::ExitCode;

use clap::Parser as _;
use steward_commands::cli::entry::{Cli, dispatch};

fn main() -> ExitCode {
    dispatch(Cli::parse())
}
