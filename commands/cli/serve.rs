//! `steward run`: everything, until told to stop.

use std::{io::IsTerminal as _, path::Path, process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use secrecy::SecretString;
use steward::{
    clock::{Clock, SystemClock},
    config::{Config, LogFormat, Need},
    outbox::courier::{ChannelId, Courier},
    preview::{Board, DryRun, Onlooker},
    service::{
        build,
        risk::{self, Surroundings},
    },
    tasks::{Stop, Tasks},
    telemetry::SpanLayer,
    version,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::{
    discord::{Connection, DiscordCourier},
    service::supervisor,
    terminal::{self, catch_up::Bars},
};

/// `steward run`
#[derive(Debug, Args)]
pub struct Run {
    /// Runs only these parts of the service; without it, all of them.
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    pub only: Vec<Part>,
    /// Says nothing in Discord and needs no token: what would be said is shown on a page of this machine. Keeps its state
    /// apart, in `dry-run` below the data directory
    #[arg(long, conflicts_with = "only")]
    pub dry_run: bool,
}

/// A part of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Reads the chain and the keys files.
    Watcher,
    /// Sends messages and answers in Discord.
    Discord,
    /// Serves metrics, health and `/v1`.
    Metrics,
}

impl Run {
    fn has(&self, part: Part) -> bool {
        match part {
            Part::Discord if self.dry_run => false,
            _ => self.only.is_empty() || self.only.contains(&part),
        }
    }

    fn need(&self) -> Need {
        match (self.dry_run, self.has(Part::Discord)) {
            (true, _) => Need::DryRun,
            (false, true) => Need::Service,
            (false, false) => Need::NoDiscord,
        }
    }

    /// The configuration for this run.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config::from_env(self.need())?;
        if self.dry_run {
            config.store.data_dir.push(DRY_RUN);
            config.http.has_preview = true;
        }
        Ok(config)
    }

    /// Who carries what is said, seen by `board` where there is one.
    fn courier(
        &self,
        clock: &Arc<dyn Clock>,
        connection: Option<&Connection>,
        board: Option<&Arc<Board>>,
    ) -> anyhow::Result<Option<Arc<dyn Courier>>> {
        let courier = match connection {
            _ if self.dry_run => Some(Arc::new(DryRun::new(Arc::clone(clock))) as Arc<dyn Courier>),
            Some(connection) => Some(Arc::new(DiscordCourier::new(connection)?) as _),
            None => None,
        };
        let seen = |courier| match board {
            Some(board) => Arc::new(Onlooker::new(courier, Arc::clone(board))) as _,
            None => courier,
        };
        Ok(courier.map(seen))
    }
}

/// The directory of a dry run's state, below the data directory.
const DRY_RUN: &str = "dry-run";

/// Runs the service.
///
/// # Errors
/// When it cannot be started; what ends it later is its exit code and a line on stderr.
pub async fn run(options: &Run, env_file: &Path, no_color: bool) -> anyhow::Result<ExitCode> {
    let config = options.config()?;
    let (spans, exporter) = crate::service::collector(&config)?;
    let bars = start_logging(&config, no_color, spans);
    super::migrate::refuse_moved(&config.store.data_dir)?;
    let around = Surroundings::look(&config.store.data_dir, env_file);
    // Before anything is opened: whoever is told to stop while starting stops in order, too.
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be heard")?;
    let deadline = config.process.shutdown_deadline;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let connection = connection(&config).filter(|_| options.has(Part::Discord));
    let board = board(&config, &clock);
    let courier = options.courier(&clock, connection.as_ref(), board.as_ref())?;
    let built = build::build(config, clock).context("steward cannot start")?;
    if let Some(restored) = &built.restored {
        let facts = &restored.facts;
        tracing::error!(
            moved.to = facts.moved_to,
            fault = facts.detail,
            export.at = facts.export_at.map(|at| at.value()),
            "the database was damaged: it was moved aside, and the newest sound export restored"
        );
    }
    let service = Arc::new(built.service);
    warn(&service.config, &around);
    let (tasks, mut ended) = Tasks::new();
    let shown = terminal::catch_up::show(service.readings(), bars, tasks.token());
    tasks.spawn_short("catch-up", shown);
    service.spawn(&tasks, courier);
    if let Some(connection) = connection {
        crate::service::hear(&service, &tasks, connection);
    }
    service
        .serve(&tasks, options.has(Part::Metrics), board)
        .await
        .context("steward cannot start")?;
    tracing::info!(
        version = version::VERSION,
        revision = version::REVISION,
        incarnation = service.incarnation,
        "steward is up"
    );
    crate::service::push(&service, &tasks, exporter);
    supervisor::report(&service, &tasks);
    let stop = tokio::select! {
        _ = terminate.recv() => Stop::Asked("SIGTERM".to_owned()),
        _ = tokio::signal::ctrl_c() => Stop::Asked("SIGINT".to_owned()),
        stop = ended.recv() => stop.unwrap_or_else(|| Stop::Asked("nobody is left".to_owned())),
    };
    finish(&tasks, stop, deadline).await
}

/// Says once what is odd, and what somebody will be sorry for.
fn warn(config: &Config, around: &Surroundings) {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    for risk in risk::risks(config, around) {
        let next = risk.next.unwrap_or_default();
        tracing::warn!(area = %risk.area, "{} {}. {next}", risk.subject, risk.detail);
    }
}

/// Ends every task within the deadline. A task that ended by itself is an error with its reason.
async fn finish(tasks: &Tasks, stop: Stop, deadline: Duration) -> anyhow::Result<ExitCode> {
    tracing::info!(?stop, "stopping");
    supervisor::stopping();
    let in_time = tasks.shut_down(deadline).await;
    if !in_time {
        tracing::warn!(
            deadline_seconds = deadline.as_secs(),
            "some tasks did not end in time"
        );
    }
    match stop {
        Stop::Asked(_) => Ok(ExitCode::SUCCESS),
        Stop::TaskEnded { task, reason } => anyhow::bail!("the task {task} ended: {reason}"),
    }
}

/// What the page shows, where one is served.
fn board(config: &Config, clock: &Arc<dyn Clock>) -> Option<Arc<Board>> {
    let names = config.discord.iter().flat_map(|discord| {
        let names = discord.channels.names().into_iter();
        names.map(|(channel, name)| (ChannelId(channel.value()), name))
    });
    let board = || Board::new(Arc::clone(clock), names.collect());
    config.http.has_preview.then(board).map(Arc::new)
}

/// Where the configured Discord is.
pub(super) fn connection(config: &Config) -> Option<Connection> {
    let discord = config.discord.as_ref()?;
    let token: SecretString = discord.token.clone();
    let mut connection = Connection::new(token).at(&discord.api_url);
    connection.request_timeout = discord.request_timeout;
    Some(connection)
}

/// Starts logging; gives the bars of the terminal, where people read the log in one.
fn start_logging(config: &Config, no_color: bool, spans: Option<SpanLayer>) -> Option<Bars> {
    let is_terminal = std::io::stderr().is_terminal();
    let is_for_people = config.telemetry.format == LogFormat::Text;
    let bars = (is_terminal && is_for_people).then(Bars::default);
    let writer = match bars.clone() {
        Some(bars) => BoxMakeWriter::new(bars),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let has_colour = is_terminal && !no_color;
    steward::telemetry::start(&config.telemetry, writer, has_colour, spans);
    bars
}
