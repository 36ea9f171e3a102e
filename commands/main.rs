//! steward: parse, build, run.

use std::process::ExitCode;

use clap::Parser as _;
use steward_commands::cli::entry::{Cli, dispatch};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    dispatch(Cli::parse())
}
