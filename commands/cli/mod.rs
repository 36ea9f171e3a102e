//! Questions and orders on the command line.
//!
//! Every subcommand asks the same routes as everybody else, through the service's socket or over a store opened for
//! one question. Data goes to stdout, everything else to stderr; `--json` prints the API's answer as it is.

mod alert;
mod allocator;
mod attester;
pub mod backup;
pub mod check;
mod coinbase;
pub mod demo;
pub mod entry;
pub mod export;
mod health;
pub mod import;
mod incident;
mod job;
pub mod manual;
pub mod migrate;
mod network;
mod paper;
mod provider;
mod queue;
pub mod restore;
pub mod serve;
mod source;
mod status;
mod table;
pub mod verify;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand, builder::FalseyValueParser};
use serde::de::DeserializeOwned;
use steward::api::{Problem, control::Done};

pub(crate) use paper::Paper;
pub(crate) use source::{Ask, Source};

/// What the exit codes of questions and orders mean; shown under `--help`.
pub(crate) const EXIT_CODES: &str = "Exit codes:\n  0  answered, or done\n  1  refused: not found, ambiguous, not allowed\n  2  the command line is wrong\n  3  no answer: the service or the store cannot be reached\n  4  answered, and somebody has to act (health, coinbase missing)";

/// A question, or an order.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Question {
    /// How steward fares: heads, lag, coverage, endpoints, Discord, work, counts per state
    Status(status::Status),
    /// Attesters: list, show, history, why
    #[command(subcommand)]
    Attester(attester::AttesterCommand),
    /// Entry queues: ours with position and forecast
    Queue(queue::Queue),
    /// Coinbases: which are wrong, and what is expected
    #[command(subcommand)]
    Coinbase(coinbase::CoinbaseCommand),
    /// The provider: configuration, queue, keys left
    Provider(provider::Provider),
    /// Incidents: list, show, acknowledge, snooze, note
    #[command(subcommand)]
    Incident(incident::IncidentCommand),
    /// Jobs: list, show, retry, cancel, verify
    #[command(subcommand)]
    Job(job::JobCommand),
    /// Networks: read one again that is stopped
    #[command(subcommand)]
    Network(network::NetworkCommand),
    /// Alerts: send a test card through the whole path
    #[command(subcommand)]
    Alert(alert::AlertCommand),
    /// Whether steward can do its work
    Health(health::Health),
}

/// How answers are written.
#[derive(Debug, Clone, Args)]
pub(crate) struct Output {
    /// Print the answer of the API as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Use no colour
    #[arg(long, global = true, env = "NO_COLOR", value_parser = FalseyValueParser::new(), hide_env_values = true)]
    pub(crate) no_color: bool,
}

/// What becomes of a question: written by the caller, so that nothing here touches the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Data, for stdout.
    pub(crate) out: String,
    /// What went wrong, for stderr.
    pub(crate) error: String,
    /// The exit code.
    pub(crate) code: u8,
}

impl Outcome {
    fn answered(out: String) -> Self {
        Self {
            out,
            error: String::new(),
            code: 0,
        }
    }

    /// Somebody has to act.
    fn urgent(mut self, is_urgent: bool) -> Self {
        if is_urgent {
            self.code = 4;
        }
        self
    }
}

/// The things that answering needs.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// Where answers come from.
    pub(crate) source: &'a Source,
    /// What they are written on.
    pub(crate) paper: &'a Paper,
    /// Whether JSON is wanted.
    pub(crate) is_json: bool,
    /// Who gives orders: the account's name.
    pub(crate) by: &'a str,
}

impl Desk<'_> {
    /// Asks, and writes the answer with `render`.
    async fn answer<T: DeserializeOwned>(
        &self,
        ask: &Ask,
        render: impl FnOnce(&T, &Paper) -> Outcome,
    ) -> Result<Outcome> {
        let exchange = self.source.send(ask, self.by).await?;
        if !(200..300).contains(&exchange.status) {
            return Ok(refused(exchange.status, &exchange.body));
        }
        let view: T = serde_json::from_str(&exchange.body).context(
            "the answer has another form than this program knows: both must have the same version",
        )?;
        let mut outcome = render(&view, self.paper);
        if self.is_json {
            outcome.out = exchange.body;
        }
        Ok(outcome)
    }

    /// Gives an order.
    async fn order(&self, ask: &Ask) -> Result<Outcome> {
        self.answer(ask, |done: &Done, _| Outcome::answered(done.text.clone()))
            .await
    }
}

fn refused(status: u16, body: &str) -> Outcome {
    let error = match serde_json::from_str::<Problem>(body) {
        Ok(problem) if problem.next.is_empty() => format!("{}: {}", problem.title, problem.detail),
        Ok(problem) => format!("{}: {}\n{}", problem.title, problem.detail, problem.next),
        Err(_) => format!("the service answered {status}: {body}"),
    };
    Outcome {
        out: String::new(),
        error: paper::printable_lines(&error),
        code: if status >= 500 { 3 } else { 1 },
    }
}

/// Tells a person something that is no data.
#[expect(
    clippy::print_stderr,
    reason = "what is no data goes to stderr, through this function only"
)]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Answers a question.
///
/// # Errors
/// Where nobody answers; exit with code 3.
pub(crate) async fn run(question: &Question, desk: &Desk<'_>) -> Result<Outcome> {
    match question {
        Question::Status(status) => status.run(desk).await,
        Question::Attester(command) => command.run(desk).await,
        Question::Queue(queue) => queue.run(desk).await,
        Question::Coinbase(command) => command.run(desk).await,
        Question::Provider(provider) => provider.run(desk).await,
        Question::Incident(command) => command.run(desk).await,
        Question::Job(command) => command.run(desk).await,
        Question::Network(command) => command.run(desk).await,
        Question::Alert(command) => command.run(desk).await,
        Question::Health(health) => health.run(desk).await,
    }
}

/// Which network is meant.
#[derive(Debug, Clone, Default, Args, serde::Serialize)]
pub(crate) struct InNetwork {
    /// Only this network
    #[arg(long)]
    pub(crate) network: Option<String>,
}

/// Which part of a long list is shown.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PageArgs {
    /// Rows, at most 1000
    #[arg(long, default_value_t = 100)]
    pub(crate) limit: u64,
    /// Go on after the row that the page before named
    #[arg(long)]
    pub(crate) after: Option<String>,
}

/// What follows a page: how many there are, and how to see more.
fn footer(shown: usize, total: u64, noun: &str, next: Option<&String>) -> String {
    let counted = format!("{shown} of {} {noun}", paper::number(total));
    match next {
        Some(next) => format!("{counted}; more with --after {next}"),
        None => counted,
    }
}

#[cfg(test)]
mod tests;
