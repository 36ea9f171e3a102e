//! Everything between a chain and a store, wired as the service wires it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use steward::{
    alert::text::Explorer,
    chain::{
        Chain,
        endpoints::{Endpoints, Options},
    },
    clock::Clock,
    desk::{Bureau, Desk, Letterhead},
    jobs::{Engine, JobKind, Policies},
    keys::{Configured, ConfiguredCoinbase, Host, Keys, KeysObservation},
    outbox::{
        Deliver, Edit, Routes,
        courier::{ChannelId, Courier},
    },
    provider::coinbase::{CommonCoinbases, Rungs},
    service::backup::Backup,
    state::State,
    store::{Store, sled::SledStore},
    tasks::Tasks,
    units::{Address, BlockNumber, Coinbase, ProviderId, UnixSeconds},
    watcher::{ProviderRef, Step, Subject, Watcher},
    writer::Writer,
};
use tokio::time::Instant;

use crate::{
    history::OURS,
    world::{blocks::SharedWorld, endpoint::WorldEndpoint},
};

pub const NETWORK: &str = "mainnet";

/// How long messages may take before a figure of them is given up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How often somebody looks whether they are taken.
pub const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Where transitions go.
pub const TRANSITIONS: ChannelId = ChannelId(11);
/// Where alerts go.
pub const ALERTS: ChannelId = ChannelId(12);

/// A clock that is set to the time of a chain, and runs on from there.
#[derive(Debug)]
pub struct RunningClock(Mutex<(u64, Instant)>);

impl RunningClock {
    /// Stands at `now`, and runs.
    pub fn at(now: UnixSeconds) -> Self {
        Self(Mutex::new((now.value() * 1000, Instant::now())))
    }

    /// Jumps forward; never back.
    pub fn set(&self, now: UnixSeconds) {
        let wanted = (now.value() * 1000).max(self.now_ms());
        *self.0.lock().unwrap() = (wanted, Instant::now());
    }
}

impl Clock for RunningClock {
    fn now_ms(&self) -> u64 {
        let (set, at) = *self.0.lock().unwrap();
        set + at.elapsed().as_millis() as u64
    }
}

/// What a network's contracts and first block are.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    pub registry: Address,
    pub staking_registry: Address,
    pub first_block: u64,
}

impl Site {
    pub fn of(world: &SharedWorld) -> Self {
        let world = world.lock();
        Self {
            registry: world.contracts().registry,
            staking_registry: world.contracts().staking_registry.address,
            first_block: world.setup.first_block,
        }
    }
}

/// The parts that watch one network.
#[derive(Debug)]
pub struct House {
    pub writer: Arc<Writer<State>>,
    pub desk: Arc<Desk>,
    pub watcher: Watcher,
    pub clock: Arc<RunningClock>,
    pub endpoints: Arc<Endpoints>,
}

impl House {
    /// Wires the parts over `chain` and `store`; the clock stands at `now`.
    pub fn new(site: Site, chain: Arc<dyn Chain>, store: Arc<dyn Store>, now: UnixSeconds) -> Self {
        let clock = Arc::new(RunningClock::at(now));
        let state = State::load([NETWORK], store.as_ref(), 1).unwrap();
        let writer = Arc::new(Writer::new(state, store));
        let endpoints = Arc::new(Endpoints::new(
            vec![chain],
            Vec::new(),
            clock.clone(),
            Options::default(),
        ));
        let provider = ProviderRef::Id(ProviderId::new(OURS));
        let bureau = Bureau {
            network: NETWORK.to_owned(),
            provider_label: "our provider".to_owned(),
            provider,
            explorer: Explorer(Some("https://etherscan.io".to_owned())),
            routes: Routes::new(TRANSITIONS, ALERTS),
            rungs: Rungs::default(),
            common: CommonCoinbases::default(),
            single_max_age: Duration::from_secs(86_400),
            head_age_max: Some(Duration::from_secs(300)),
            has_keys_dir: true,
            endpoints: Some(Arc::clone(&endpoints)),
        };
        let desk = Arc::new(Desk::new(Letterhead::default(), vec![bureau]));
        let subject = Subject {
            network: NETWORK.to_owned(),
            registry: site.registry,
            staking_registry: site.staking_registry,
            first_block: BlockNumber::new(site.first_block),
            provider,
            finality_depth: None,
        };
        let watcher = Watcher::new(
            subject,
            Arc::clone(&endpoints),
            Arc::clone(&writer),
            clock.clone(),
            desk.clone(),
        );
        Self {
            writer,
            desk,
            watcher,
            clock,
            endpoints,
        }
    }

    /// One over a world's endpoint.
    pub fn over(world: &SharedWorld, endpoint: &Arc<WorldEndpoint>, store: Arc<dyn Store>) -> Self {
        let now = world.lock().head().timestamp.saturating_add(2);
        Self::new(Site::of(world), endpoint.clone(), store, now)
    }

    /// Starts the engine that carries what is owed; it ends with the runtime.
    pub fn employ(&self, courier: Arc<dyn Courier>) {
        self.start(self.engine(courier));
    }

    /// The same, with the exports of every day besides.
    pub fn employ_with_exports(&self, courier: Arc<dyn Courier>, directory: &Path) {
        /// What the service keeps as it comes.
        const KEPT: usize = 7;
        let store = Arc::clone(self.writer.store());
        let backup = Backup::new(store, directory.to_owned(), KEPT);
        self.start(self.engine(courier).with(Arc::new(backup)));
    }

    fn engine(&self, courier: Arc<dyn Courier>) -> Engine<State> {
        let clock = Arc::clone(&self.clock);
        Engine::new(Arc::clone(&self.writer), clock, Policies::default(), 1)
            .with(Arc::new(Deliver::new(Arc::clone(&courier))))
            .with(Arc::new(Edit::new(courier)))
    }

    fn start(&self, engine: Engine<State>) {
        let (tasks, _ended) = Tasks::new();
        let token = tasks.token();
        tasks.spawn("outbox", async move { engine.run(token).await });
    }

    /// Waits until no message waits to be sent.
    pub async fn carried(&self) {
        let begin = Instant::now();
        while let Some(owed) = self.owes().await {
            assert!(begin.elapsed() < PATIENCE, "still owed: {owed:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the export that is wanted was made.
    pub async fn exported(&self) {
        let begin = Instant::now();
        let is_made = async || {
            let state = self.writer.read().await;
            let counts = state.jobs.counts().iter();
            let mut unfinished =
                counts.filter(|((kind, name), _)| *kind == JobKind::Export && *name != "done");
            unfinished.all(|(_, count)| *count == 0)
        };
        while !is_made().await {
            assert!(begin.elapsed() < PATIENCE, "the export was not made");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Messages that wait to be sent, per channel and state, if any do.
    async fn owes(&self) -> Option<Vec<((ChannelId, &'static str), usize)>> {
        let state = self.writer.read().await;
        let waits = |name: &str| matches!(name, "pending" | "started");
        let counts = state.outbox.counts().iter();
        let owed: Vec<_> = counts
            .filter(|((_, name), count)| waits(name) && **count > 0)
            .map(|(key, count)| (*key, *count))
            .collect();
        (!owed.is_empty()).then_some(owed)
    }

    /// Steps until there is nothing to do.
    pub async fn settle(&self) {
        loop {
            match self.watcher.step().await.unwrap() {
                Step::Idle => return,
                Step::Stopped(why) => panic!("stopped: {why}"),
                Step::CaughtUp { .. } | Step::Followed { .. } | Step::Unwound { .. } => {}
            }
        }
    }

    /// The clock goes with the head of the world.
    pub fn keep_time(&self, world: &SharedWorld) {
        self.clock
            .set(world.lock().head().timestamp.saturating_add(2));
    }

    /// Hands the desk keys files that name every attester of ours with its right coinbase, on hosts of fifty.
    pub async fn take_keys(&self) {
        self.take_keys_with(ConfiguredCoinbase::Set).await;
    }

    /// Hands it the same files without a single coinbase: everything is wrong at once.
    pub async fn take_keys_without_coinbases(&self) {
        self.take_keys_with(|_split| ConfiguredCoinbase::Missing)
            .await;
    }

    async fn take_keys_with(&self, coinbase: impl Fn(Coinbase) -> ConfiguredCoinbase) {
        let state = self.writer.read().await;
        let book = state.book(NETWORK).unwrap();
        let mut attesters = BTreeMap::new();
        for (place, (address, attester)) in book.members(ProviderId::new(OURS)).enumerate() {
            let split = attester.expected_stake().map_or_else(
                || Coinbase::from(Address::repeat_byte(7)),
                |stake| stake.split,
            );
            attesters.insert(
                *address,
                Configured {
                    coinbase: coinbase(split),
                    hosts: vec![Host::new(&format!("host-{}", place / 50))],
                    files: Vec::new(),
                },
            );
        }
        let keys = Keys {
            attesters,
            ..Keys::default()
        };
        drop(state);
        let observation = KeysObservation {
            keys: Arc::new(keys),
            read_at: UnixSeconds::new(1),
            changed: true,
        };
        self.desk.take_keys(NETWORK, observation);
    }
}

/// The store of the product in a directory that goes away.
pub fn store_in(directory: &Path) -> Arc<dyn Store> {
    Arc::new(SledStore::open(directory).unwrap())
}

/// Runs a future to its end on a runtime like that of the program.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}
