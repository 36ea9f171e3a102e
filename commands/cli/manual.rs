//! `steward manual` and `steward completions`: what a packager installs beside the binary, out of the binary itself.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{entry::Cli, say};

/// `steward manual`
#[derive(Debug, Args)]
pub struct Manual {
    /// Directory for one page per command; without it the page of steward itself goes to stdout
    #[arg(long, value_name = "DIRECTORY")]
    pub out: Option<PathBuf>,
}

/// `steward completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    pub shell: Shell,
}

/// Writes the manual pages.
///
/// # Errors
/// When they cannot be written.
pub fn manual(options: &Manual) -> anyhow::Result<ExitCode> {
    let command = Cli::command();
    match &options.out {
        None => clap_mangen::Man::new(command)
            .render(&mut io::stdout().lock())
            .context("the page cannot be written")?,
        Some(directory) => {
            let count = pages(command, directory).with_context(|| {
                format!(
                    "the pages cannot be written to {}; check its owner and the disk",
                    directory.display()
                )
            })?;
            say(&format!(
                "wrote {count} pages to {}; read one with: man -l {}",
                directory.display(),
                directory.join("steward.1").display()
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for every command; gives how many.
fn pages(command: clap::Command, directory: &Path) -> io::Result<usize> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(command, directory)?;
    Ok(fs::read_dir(directory)?
        .filter_map(Result::ok)
        .filter(|file| file.path().extension().is_some_and(|end| end == "1"))
        .count())
}

/// Writes the completions of a shell to stdout.
///
/// # Errors
/// When stdout is closed.
pub fn completions(options: &Completions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "steward", &mut script);
    io::stdout()
        .lock()
        .write_all(&script)
        .context("the completions cannot be written")?;
    Ok(ExitCode::SUCCESS)
}
