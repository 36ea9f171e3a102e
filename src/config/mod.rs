//! The configuration, and the only place that reads the environment.
//!
//! One file and one struct per topic. Everything is read and checked at once, at start, so that the operator sees all
//! problems together; after that the types are trusted. Nothing here opens a connection, touches the data directory,
//! or asks whether a token is valid: that is `steward check`.

mod alerts;
mod canary;
mod discord;
mod endpoints;
mod environment;
#[cfg(test)]
mod fuzz;
mod http;
mod keys;
mod metrics;
mod networks;
mod outbox;
mod problem;
mod process;
mod provider;
mod reader;
pub mod reference;
mod store;
mod telemetry;
#[cfg(test)]
mod tests;
mod unknown;
mod value;
mod variable;
mod watcher;

use self::reader::Reader;
pub use self::{
    alerts::AlertsConfig,
    canary::CanaryConfig,
    discord::{ChannelId, Channels, DiscordConfig, GuildId, RoleId, Roles},
    endpoints::EndpointConfig,
    environment::{DotenvFault, account_name, has_supervisor, load_dotenv},
    http::{Exposure, HttpConfig},
    keys::KeysConfig,
    metrics::MetricsConfig,
    networks::NetworkConfig,
    outbox::OutboxConfig,
    problem::{ConfigProblems, ConfigWarning, Problem},
    process::ProcessConfig,
    provider::ProviderSelector,
    store::StoreConfig,
    telemetry::{LogFormat, OtlpConfig, TelemetryConfig},
    variable::{Presence, Scope, Section, VARIABLES, Variable},
    watcher::WatcherConfig,
};
use crate::network::NetworkName;

/// Everything that an operator can decide.
#[derive(Debug, Clone)]
pub struct Config {
    /// The watched networks, in the operator's order; never empty.
    pub networks: Vec<NetworkConfig>,
    /// The Discord server; `None` only where [`Need::NoDiscord`] was asked for and no token is set.
    pub discord: Option<DiscordConfig>,
    /// How keys files are watched.
    pub keys: KeysConfig,
    /// When something is said.
    pub alerts: AlertsConfig,
    /// The canary.
    pub canary: CanaryConfig,
    /// Where state is kept.
    pub store: StoreConfig,
    /// The HTTP server.
    pub http: HttpConfig,
    /// What Prometheus is told.
    pub metrics: MetricsConfig,
    /// What is logged.
    pub telemetry: TelemetryConfig,
    /// How messages are delivered.
    pub outbox: OutboxConfig,
    /// The process itself.
    pub process: ProcessConfig,
    /// What is odd, but does not keep steward from starting.
    pub warnings: Vec<ConfigWarning>,
}

/// What a command cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Everything that the service needs.
    Service,
    /// The networks, but not Discord: questions on the command line, or parts of the service.
    NoDiscord,
    /// Everything but a token: what would be said is shown on this machine and sent nowhere.
    DryRun,
}

impl Config {
    /// Reads the configuration through `lookup`, which answers for one variable at a time.
    ///
    /// Apart from `lookup`, only the files that `*_FILE` variables name and systemd's credentials are read.
    ///
    /// # Errors
    /// All problems at once.
    pub fn read(
        lookup: &dyn Fn(&str) -> Option<String>,
        need: Need,
    ) -> Result<Self, ConfigProblems> {
        let mut reader = Reader::new(lookup);
        let read = Self::read_topics(&mut reader, need);
        match read {
            Some(config) if reader.problems.is_empty() => Ok(config),
            _ => Err(ConfigProblems(reader.problems)),
        }
    }

    /// Reads the configuration from the process's environment. Call [`load_dotenv`] before.
    ///
    /// # Errors
    /// All problems at once.
    pub fn from_env(need: Need) -> Result<Self, ConfigProblems> {
        let names = environment::names();
        let mut config = match Self::read(&environment::variable, need) {
            Ok(config) => config,
            Err(ConfigProblems(mut problems)) => {
                unknown::explain(&mut problems, &names);
                return Err(ConfigProblems(problems));
            }
        };
        config.warn_of_unknown(&names);
        Ok(config)
    }

    /// Adds a warning for every name that is probably meant for steward, and is none of its variables.
    pub fn warn_of_unknown(&mut self, names: &[String]) {
        let networks: Vec<&NetworkName> = self.networks.iter().map(|n| &n.network.name).collect();
        self.warnings.extend(unknown::warnings(names, &networks));
    }

    /// The configuration of one network.
    #[must_use]
    pub fn network(&self, name: &NetworkName) -> Option<&NetworkConfig> {
        self.networks
            .iter()
            .find(|network| network.network.name == *name)
    }

    /// Every topic is read before the first one that failed ends it, so that all problems are found.
    fn read_topics(reader: &mut Reader<'_>, need: Need) -> Option<Self> {
        let networks = networks::read(reader);
        let wants_discord = need == Need::Service || discord::is_set(reader);
        let discord = match need {
            Need::DryRun => Some(discord::read_without_token(reader)),
            Need::Service | Need::NoDiscord => wants_discord.then(|| discord::read(reader)),
        };
        let keys = keys::read(reader);
        let alerts = alerts::read(reader);
        let is_dry = need == Need::DryRun;
        let known = discord.as_ref().and_then(Option::as_ref);
        let canary = canary::read(reader, known, is_dry);
        let store = store::read(reader);
        let http = http::read(reader);
        let metrics = metrics::read(reader);
        let telemetry = telemetry::read(reader);
        let outbox = outbox::read(reader);
        let process = process::read(reader);
        Some(Self {
            networks: networks?,
            discord: match discord {
                Some(discord) => Some(discord?),
                None => None,
            },
            keys: keys?,
            alerts: alerts?,
            canary: canary?,
            store: store?,
            http: http?,
            metrics: metrics?,
            telemetry: telemetry?,
            outbox: outbox?,
            process: process?,
            warnings: Vec::new(),
        })
    }
}

impl StoreConfig {
    /// Reads where state is kept, and nothing else: enough for a command that asks the running service.
    ///
    /// # Errors
    /// All problems at once.
    pub fn from_env() -> Result<Self, ConfigProblems> {
        let mut reader = Reader::new(&environment::variable);
        match store::read(&mut reader) {
            Some(store) if reader.problems.is_empty() => Ok(store),
            _ => Err(ConfigProblems(reader.problems)),
        }
    }
}
