//! The entrance: what steward can be told to do, and the order in which a process begins.
//!
//! The environment is read before any thread exists, because `.env` changes it. stdout carries data and nothing else.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, LazyLock},
};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};
use steward::{
    api::in_process::InProcess,
    clock::{Clock as _, SystemClock},
    config::{Config, Need, StoreConfig, load_dotenv},
    service::{build, one_shot},
    version,
};

use super::{Desk, EXIT_CODES, Outcome, Output, Paper, Question, Source, allocator, run};

/// The exit code of a question that nobody answers.
const NO_ANSWER: u8 = 3;

/// What `--version` says.
static VERSION: LazyLock<String> =
    LazyLock::new(|| version::said(version::VERSION, version::REVISION));

/// Watches an Aztec staking provider and tells its people in Discord, once and correctly.
#[derive(Debug, Parser)]
#[command(name = "steward", version = VERSION.as_str(), max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// File with the settings; the real environment wins over it
    #[arg(long, global = true, default_value = ".env", value_name = "FILE")]
    env_file: PathBuf,
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

/// What steward can be told to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Watch, tell and answer, until told to stop
    Run(super::serve::Run),
    /// Replay a recorded history of the real contracts in this terminal: no token, no node
    Demo(super::demo::Demo),
    /// Look whether steward can run here, and say what to do where not
    Check(super::check::Check),
    /// Write the whole store as JSON lines
    Export(super::export::Export),
    /// Fill an empty data directory from an export
    Import(super::import::Import),
    /// Write a backup of the state
    Backup(super::backup::Backup),
    /// Fill an empty data directory from a backup
    Restore(super::restore::Restore),
    /// Take the state to another machine: a last backup, after which it does not run here any more
    Migrate(super::migrate::Migrate),
    /// Prove what can be proven of the store or of an export
    Verify(super::verify::Verify),
    /// Write the manual pages
    Manual(super::manual::Manual),
    /// Write the completions of a shell to stdout
    Completions(super::manual::Completions),
    #[command(flatten)]
    Question(Question),
}

/// Reads the settings, starts the runtime, and does what was asked.
#[must_use]
pub fn dispatch(cli: Cli) -> ExitCode {
    // Neither settings nor a runtime: a packager has none.
    match &cli.command {
        Command::Manual(options) => {
            return super::manual::manual(options).unwrap_or_else(|error| fail(&error));
        }
        Command::Completions(options) => {
            return super::manual::completions(options).unwrap_or_else(|error| fail(&error));
        }
        _ => {}
    }
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
    let Cli {
        env_file,
        output,
        command,
    } = cli;
    let done = runtime.block_on(async {
        match command {
            Command::Run(options) => super::serve::run(&options, &env_file, output.no_color).await,
            Command::Check(options) => super::check::check(options, &env_file).await,
            Command::Export(options) => super::export::run(&options),
            Command::Import(options) => super::import::run(&options),
            Command::Backup(options) => super::backup::run(&options),
            Command::Restore(options) => super::restore::run(&options),
            Command::Migrate(options) => super::migrate::run(&options),
            Command::Verify(options) => super::verify::run(options).await,
            Command::Demo(options) => super::demo::run(&options, output.no_color).await,
            Command::Manual(options) => super::manual::manual(&options),
            Command::Completions(options) => super::manual::completions(&options),
            Command::Question(question) => answer(&question, &output).await.or_else(|error| {
                note(&format!("{error:#}"));
                Ok(ExitCode::from(NO_ANSWER))
            }),
        }
    });
    runtime.shutdown_background();
    done.unwrap_or_else(|error| fail(&error))
}

/// Answers a question, through the service or over its store.
async fn answer(question: &Question, output: &Output) -> anyhow::Result<ExitCode> {
    let store = StoreConfig::from_env()?;
    let source = match Source::of_service(&store.data_dir).await? {
        Some(source) => source,
        // A store that nobody works on says nothing of health, and a probe must not hold it while the service starts.
        None if matches!(question, Question::Health(_)) => {
            bail!("no steward runs on {}", store.data_dir.display())
        }
        None => Source::Local(local().await?),
    };
    let paper = Paper::of_stdout(output.no_color, SystemClock.now().value());
    let by = account();
    let desk = Desk {
        source: &source,
        paper: &paper,
        is_json: output.json,
        by: &by,
    };
    Ok(tell(&run(question, &desk).await?))
}

/// The routes over the store of a service that does not run; where there is no store, over the chain.
async fn local() -> anyhow::Result<InProcess> {
    let config = Config::from_env(Need::NoDiscord)?;
    allocator::keep_freed_pages();
    let service = build::for_one_question(config, Arc::new(SystemClock))
        .context("there is no running service, and its store cannot be opened")?;
    if one_shot::is_empty(&service).await {
        note("there is no store yet: the chain is read for this one question, which takes a while");
        one_shot::read_chain(&service)
            .await
            .context("the chain cannot be read")?;
    }
    Ok(InProcess::new(one_shot::routes(Arc::new(service))?))
}

/// The account that gives orders, for the audit.
fn account() -> String {
    steward::config::account_name().unwrap_or_else(|| "the command line".to_owned())
}

fn tell(outcome: &Outcome) -> ExitCode {
    if !outcome.out.is_empty() {
        let mut out = std::io::stdout().lock();
        // A reader that went away (`| head`) is no fault.
        let written = writeln!(out, "{}", outcome.out.trim_end_matches('\n'));
        drop(written);
    }
    if !outcome.error.is_empty() {
        note(&outcome.error);
    }
    ExitCode::from(outcome.code)
}

/// Says what went wrong, starting with what failed.
fn fail(error: &anyhow::Error) -> ExitCode {
    note(&format!("{error:#}"));
    ExitCode::FAILURE
}

fn note(text: &str) {
    super::say(&format!("steward: {text}"));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_says_how_state_is_kept_and_moved() {
        Cli::command().debug_assert();
        let mut command = Cli::command();
        command.build();
        for name in ["backup", "restore", "migrate"] {
            let command = command.find_subcommand_mut(name).unwrap();
            let help = command.render_help().to_string();
            insta::assert_snapshot!(format!("help-{name}"), help);
        }
    }
}
