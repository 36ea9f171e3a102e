//! The running service: everything built from the configuration, and the tasks that keep it going.
//!
//! `build` makes the parts and checks what must be right before anything starts; `run` spawns one task per part. The
//! Discord edge is handed in from outside: a courier that carries messages, and nothing else.

mod answers;
pub mod backup;
pub mod build;
pub mod canary;
pub mod check;
pub mod counted;
pub mod floor;
pub mod one_shot;
pub mod pulse;
mod recall;
pub mod restore;
pub mod risk;
pub mod run;
pub mod verify;

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;

use crate::{
    canary::confirm::Switch,
    chain::endpoints::Endpoints,
    clock::Clock,
    config::{Config, NetworkConfig},
    desk::Desk,
    metrics::{Metrics, PerAttester},
    state::State,
    units::UnixSeconds,
    views::Gateway,
    watcher::{Watcher, stretch::Stretch},
    writer::Writer,
};

/// One network of the service.
#[derive(Debug)]
pub struct NetworkPart {
    /// Its configuration.
    pub config: NetworkConfig,
    /// Its endpoints.
    pub endpoints: Arc<Endpoints>,
    /// Its watcher.
    pub watcher: Arc<Watcher>,
    /// Whether that gets on.
    pub pulse: pulse::Pulse,
}

/// The parts of the service.
#[derive(Debug)]
pub struct Service {
    /// The configuration.
    pub config: Config,
    /// The one writer.
    pub writer: Arc<Writer<State>>,
    /// The desk.
    pub desk: Arc<Desk>,
    /// The networks, by name.
    pub networks: BTreeMap<String, NetworkPart>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Counts the processes that held the store.
    pub incarnation: u64,
    /// When the process started.
    pub started_at: UnixSeconds,
    /// What is counted as it happens, and rendered when asked.
    pub metrics: Arc<Metrics>,
    pub(crate) switch: Option<Arc<dyn Switch>>,
    pub(crate) gateway: watch::Sender<Gateway>,
    pub(crate) readings: watch::Sender<Readings>,
}

/// The networks whose history is being read, and how far.
pub type Readings = BTreeMap<String, Stretch>;

impl Service {
    /// How far catch-ups are, now and as they go on.
    #[must_use]
    pub fn readings(&self) -> watch::Receiver<Readings> {
        self.readings.subscribe()
    }

    /// Whether attesters have metrics of their own.
    #[must_use]
    pub fn per_attester(&self) -> PerAttester {
        per_attester(&self.config)
    }
}

pub(crate) fn per_attester(config: &Config) -> PerAttester {
    PerAttester {
        is_on: config.metrics.is_per_attester,
        attesters_max: usize::try_from(config.metrics.attesters_max).unwrap_or(usize::MAX),
    }
}
