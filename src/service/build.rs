//! From a configuration to a service that may be started.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use thiserror::Error;

use super::{NetworkPart, Service, counted::CountedAnnouncer, restore};
use crate::{
    alert::text::Explorer,
    chain::{
        Chain, ChainError,
        endpoints::{Endpoints, Options},
        rpc::{HttpClient, HttpEndpoint, HttpOptions},
    },
    clock::Clock,
    config::{Config, EndpointConfig, NetworkConfig, ProviderSelector},
    desk::{Bureau, Desk, Letterhead, Restored},
    metrics::{Metrics, MetricsError},
    outbox::{Routes, courier::ChannelId},
    provider::coinbase::{CommonCoinbases, Rungs},
    state::State,
    store::{Store, StoreError, identity},
    version::VERSION,
    watcher::{Announcer, ProviderRef, Subject, Watcher},
    writer::Writer,
};

/// Where people read about a class.
const RUNBOOK: &str = "https://github.com/aztec-steward/steward/blob/main/docs/OPERATING.md";
/// Age of the newest block from which the head of a public chain is stale: 25 slots × 12 s.
pub(super) const HEAD_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(300);
/// Chains whose blocks come by a clock.
pub(super) const CLOCKED_CHAINS: [u64; 2] = [1, 11_155_111];

/// Why the service cannot be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The store cannot be opened.
    #[error("the store in the data directory cannot be opened")]
    Store(#[from] StoreError),
    /// The disk refuses.
    #[error(
        "the data directory {0} cannot be used; free space on its disk and check its owner, or set DATA_DIR"
    )]
    Disk(String, #[source] StoreError),
    /// The data directory cannot be used.
    #[error(
        "the data directory {0} cannot be made or written; check its owner and the disk, or set DATA_DIR"
    )]
    DataDirectory(String, #[source] std::io::Error),
    /// The address of the dead man's switch cannot be asked.
    #[error("the dead man's switch cannot be used; correct DEAD_MAN_URL")]
    Switch(#[source] reqwest::Error),
    /// The metrics cannot be made.
    #[error("the metrics cannot be made")]
    Metrics(#[source] MetricsError),
    /// An endpoint cannot be made.
    #[error("the endpoint {name} of {network} cannot be used")]
    Endpoint {
        /// The network.
        network: String,
        /// The endpoint's name.
        name: String,
        /// Why.
        #[source]
        source: ChainError,
    },
}

impl From<MetricsError> for BuildError {
    fn from(error: MetricsError) -> Self {
        Self::Metrics(error)
    }
}

/// A service, and what became of a damaged store.
#[derive(Debug)]
pub struct Built {
    /// The service.
    pub service: Service,
    /// What was restored because the database was damaged.
    pub restored: Option<Restored>,
}

/// Opens the store and builds every part.
///
/// # Errors
/// [`BuildError`] with what to do.
pub fn build(config: Config, clock: Arc<dyn Clock>) -> Result<Built, BuildError> {
    let opened = open(&config, clock.as_ref())?;
    let service = on(config, clock, Arc::new(opened.store))?;
    Ok(Built {
        service,
        restored: opened.restored,
    })
}

/// As [`build`], for a process that answers one question and ends.
///
/// # Errors
/// [`BuildError`] with what to do.
pub fn for_one_question(config: Config, clock: Arc<dyn Clock>) -> Result<Service, BuildError> {
    let opened = open(&config, clock.as_ref())?;
    on(config, clock, Arc::new(opened.store.for_one_question()))
}

fn open(config: &Config, clock: &dyn Clock) -> Result<restore::Restoration, BuildError> {
    let directory = &config.store.data_dir;
    make_directory(directory)?;
    restore::open(directory, clock.now()).map_err(|error| match error {
        StoreError::Io(_) => BuildError::Disk(directory.display().to_string(), error),
        error => BuildError::Store(error),
    })
}

/// Builds every part on a store that is open already.
///
/// # Errors
/// [`BuildError`] with what to do.
pub fn on(
    config: Config,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
) -> Result<Service, BuildError> {
    let meta = identity::begin(store.as_ref())?;
    let names: Vec<&str> = config
        .networks
        .iter()
        .map(|network| network.network.name.as_str())
        .collect();
    let mut state = State::load(names, store.as_ref(), meta.incarnation)?;
    let threshold = usize::try_from(config.alerts.digest_threshold).unwrap_or(usize::MAX);
    state.outbox = state.outbox.grouping_above(threshold);
    let writer = Arc::new(Writer::new(state, store));
    let client = Arc::default();
    let mut endpoints = BTreeMap::new();
    for network in &config.networks {
        endpoints.insert(
            network.network.name.as_str().to_owned(),
            Arc::new(endpoints_of(network, &clock, &client)?),
        );
    }
    let bureaus = config
        .networks
        .iter()
        .map(|network| bureau(&config, network, &endpoints))
        .collect();
    let desk = Arc::new(Desk::new(letterhead(&config), bureaus));
    if let Some(restored) = restore::last(writer.store().as_ref())? {
        desk.report_restored(restored);
    }
    let metrics = Arc::new(Metrics::new(super::per_attester(&config))?);
    let announcer = Arc::clone(&desk) as Arc<dyn Announcer>;
    let announcer = Arc::new(CountedAnnouncer::new(announcer, metrics.live()));
    let mut networks = BTreeMap::new();
    for network in &config.networks {
        let name = network.network.name.as_str().to_owned();
        let Some(endpoints) = endpoints.get(&name).cloned() else {
            continue;
        };
        let watcher = Watcher::new(
            subject(network),
            Arc::clone(&endpoints),
            Arc::clone(&writer),
            Arc::clone(&clock),
            Arc::clone(&announcer) as Arc<dyn Announcer>,
        );
        let part = NetworkPart {
            config: network.clone(),
            endpoints,
            watcher: Arc::new(watcher),
            pulse: super::pulse::Pulse::default(),
        };
        networks.insert(name, part);
    }
    let switch = super::canary::switch(&config).map_err(BuildError::Switch)?;
    Ok(Service {
        started_at: clock.now(),
        config,
        writer,
        desk,
        networks,
        clock,
        incarnation: meta.incarnation,
        metrics,
        switch,
        gateway: tokio::sync::watch::Sender::default(),
        readings: tokio::sync::watch::Sender::default(),
    })
}

fn make_directory(directory: &Path) -> Result<(), BuildError> {
    std::fs::create_dir_all(directory)
        .map_err(|source| BuildError::DataDirectory(directory.display().to_string(), source))
}

/// The endpoints of a network, as one source.
///
/// # Errors
/// [`BuildError::Endpoint`] where a URL is none.
pub fn endpoints_of(
    network: &NetworkConfig,
    clock: &Arc<dyn Clock>,
    client: &Arc<HttpClient>,
) -> Result<Endpoints, BuildError> {
    let head = chains_of(network, &network.endpoints, client)?;
    let archive = chains_of(network, &network.archive_endpoints, client)?;
    let options = Options {
        seed: clock.now_ms(),
        ..Options::default()
    };
    Ok(Endpoints::new(head, archive, Arc::clone(clock), options))
}

/// `endpoints` of a network, each for itself.
///
/// # Errors
/// [`BuildError::Endpoint`] where a URL is none.
pub fn chains_of(
    network: &NetworkConfig,
    endpoints: &[EndpointConfig],
    client: &Arc<HttpClient>,
) -> Result<Vec<Arc<dyn Chain>>, BuildError> {
    let options = HttpOptions {
        timeout: network.watcher.request_timeout,
        client: Arc::clone(client),
        ..HttpOptions::default()
    };
    let make = |endpoint: &EndpointConfig| -> Result<Arc<dyn Chain>, BuildError> {
        let made = HttpEndpoint::new(endpoint.name.clone(), &endpoint.url, &options);
        made.map(|endpoint| Arc::new(endpoint) as Arc<dyn Chain>)
            .map_err(|source| BuildError::Endpoint {
                network: network.network.name.as_str().to_owned(),
                name: endpoint.name.as_str().to_owned(),
                source,
            })
    };
    endpoints.iter().map(make).collect()
}

fn subject(network: &NetworkConfig) -> Subject {
    Subject {
        network: network.network.name.as_str().to_owned(),
        registry: network.network.registry,
        staking_registry: network.network.staking_registry,
        first_block: network.network.first_block,
        provider: provider(network),
        finality_depth: network.finality_depth,
    }
}

const fn provider(network: &NetworkConfig) -> ProviderRef {
    match network.provider {
        ProviderSelector::Id(id) => ProviderRef::Id(id),
        ProviderSelector::Admin(admin) => ProviderRef::Admin(admin),
    }
}

fn bureau(
    config: &Config,
    network: &NetworkConfig,
    endpoints: &BTreeMap<String, Arc<Endpoints>>,
) -> Bureau {
    let name = network.network.name.as_str().to_owned();
    let provider_label = network
        .provider_label
        .clone()
        .unwrap_or_else(|| match network.provider {
            ProviderSelector::Id(id) => format!("provider {id}"),
            ProviderSelector::Admin(admin) => {
                format!("provider of {}", crate::units::short_address(admin))
            }
        });
    let explorer = network
        .network
        .explorer
        .as_ref()
        .map(|explorer| explorer.base_url().to_owned());
    let has_clock = CLOCKED_CHAINS.contains(&network.network.chain_id);
    Bureau {
        endpoints: endpoints.get(&name).cloned(),
        network: name,
        provider_label,
        provider: provider(network),
        explorer: Explorer(explorer),
        routes: routes(config),
        rungs: Rungs::new(config.alerts.coinbase_ladder.iter().copied()),
        common: CommonCoinbases::new(network.common_coinbases.iter().copied()),
        single_max_age: config.alerts.announce_single_max_age,
        head_age_max: has_clock.then_some(HEAD_AGE_MAX),
        has_keys_dir: network.keys_dir.is_some(),
    }
}

/// The channels of the configuration; none where Discord is not configured.
fn routes(config: &Config) -> Routes {
    let Some(discord) = &config.discord else {
        return Routes::default();
    };
    let channel = |id: crate::config::ChannelId| ChannelId(id.value());
    let channels = &discord.channels;
    let routes = Routes::new(channel(channels.transitions), channel(channels.alerts))
        .with_digests(channel(channels.digests));
    match channels.fallback {
        Some(fallback) => routes.with_fallback(channel(fallback)),
        None => routes,
    }
}

fn letterhead(config: &Config) -> Letterhead {
    let role = config
        .discord
        .as_ref()
        .and_then(|discord| discord.alert_role);
    Letterhead {
        runbook: Some(RUNBOOK.to_owned()),
        build: VERSION.to_owned(),
        roles: role.map(|role| role.value()).into_iter().collect(),
    }
}
