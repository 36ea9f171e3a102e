//! The demo: a recorded history of the real contracts, replayed through the production path.
//!
//! Everything from the endpoints to the outbox is what `steward run` is made of: endpoints taken as one source, watcher,
//! book, desk, job engine, deliveries. Only the two ends differ: behind the endpoints stands a [`recording`], and the
//! courier is whatever it is handed. Time is the recording's; between two scenes hours may pass.

pub mod clock;
pub mod recording;
pub mod replay;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::time::Instant;

use crate::{
    alert::text::Explorer,
    chain::endpoints::{Endpoints, Options},
    clock::Clock,
    desk::{Bureau, Desk, Letterhead},
    jobs::{Engine, Policies},
    keys::{KeysFileName, KeysMemory, Listing, Observed},
    network::{InvalidNetworkName, NetworkName},
    outbox::{
        Deliver, DeliveryState, Edit, Routes,
        courier::{ChannelId, Courier},
    },
    provider::coinbase::{CommonCoinbases, Rungs},
    state::State,
    store::memory::MemoryStore,
    tasks::Tasks,
    units::{ProviderId, UnixSeconds},
    watcher::{Announcer, Happening, ProviderRef, Step, Subject, Told, WatchError, Watcher},
    writer::Writer,
};
use clock::ReplayClock;
use recording::{HOW_TO_RECORD, Recording, RecordingError, Scene};
use replay::{ReplayChain, Stage};

/// The name of the recorded network.
pub const NETWORK: &str = "demo";
/// Where life-cycle changes are told.
pub const TRANSITIONS: ChannelId = ChannelId(1);
/// Where incidents are told.
pub const ALERTS: ChannelId = ChannelId(2);

/// Between two looks at the head; the chain's own 12 s would outlast the audience.
const POLL_INTERVAL: Duration = Duration::from_millis(400);
/// A scene that is not over by then never will be: the longest rest of an endpoint is a minute.
const SCENE_MAX: Duration = Duration::from_secs(90);
/// Until the job engine has put down what it holds.
const SHUT_DOWN_MAX: Duration = Duration::from_secs(5);
/// Looks at a keys file that seems half written; the recording's never are.
const LOOKS_MAX: u32 = 8;
/// One age for everything: the recording's blocks are never news of yesterday.
const SINGLE_MAX_AGE: Duration = Duration::from_hours(24);

/// How long each scene is shown; 16 scenes of 4.2 s are 67 s.
pub const SCENE_SHOWN: Duration = Duration::from_millis(4_200);

/// Tells the audience what just happened, and when.
pub type Narrator<'a> = &'a (dyn Fn(&Scene, UnixSeconds) + Send + Sync);

/// Why a replay ended early.
#[derive(Debug, Error)]
pub enum DemoError {
    /// The recording cannot be read.
    #[error("the recording cannot be read")]
    Recording(#[from] RecordingError),
    /// The production path asks what the recording does not hold.
    #[error("the recording is older than the program: it holds no answer to {}; {HOW_TO_RECORD}", .0.join(", nor to "))]
    Missing(Vec<String>),
    /// The watcher gave up.
    #[error("the watcher stopped in the scene \"{scene}\": {reason}")]
    Stopped {
        /// Which scene.
        scene: String,
        /// Why.
        reason: String,
    },
    /// The watcher or the outbox did not come to rest.
    #[error("the scene \"{0}\" does not end: {1}")]
    Endless(String, &'static str),
    /// The network cannot be called what it is called here.
    #[error("the recorded network has no name")]
    Name(#[from] InvalidNetworkName),
    /// The store failed, which one in memory cannot.
    #[error("the chain could not be committed")]
    Watch(#[from] WatchError),
}

/// A replay, ready to begin.
#[derive(Debug)]
pub struct Demo {
    stage: Arc<Stage>,
    clock: Arc<ReplayClock>,
    shown: Duration,
}

impl Demo {
    /// A replay of `recording` that shows each scene for `shown`.
    #[must_use]
    pub fn new(recording: Recording, shown: Duration) -> Self {
        let begin = recording
            .scenes
            .first()
            .and_then(|scene| recording.blocks.get(&scene.head))
            .map_or(UnixSeconds::new(0), |block| block.header.timestamp);
        Self {
            stage: Arc::new(Stage::new(recording)),
            clock: Arc::new(ReplayClock::new(begin)),
            shown,
        }
    }

    /// The replay's clock, for a courier that shows times.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Plays all scenes; `courier` gets what is posted and edited.
    ///
    /// # Errors
    /// [`DemoError`]; a recording that does not fit the program any more says so at the end.
    pub async fn run(
        &self,
        courier: Arc<dyn Courier>,
        narrator: Narrator<'_>,
    ) -> Result<(), DemoError> {
        let company = Company::new(self)?;
        let (tasks, _ended) = Tasks::new();
        tasks.spawn("job engine", company.engine(courier).run(tasks.token()));
        let played = self.play(&company, narrator).await;
        tasks.shut_down(SHUT_DOWN_MAX).await;
        played
    }

    async fn play(&self, company: &Company, narrator: Narrator<'_>) -> Result<(), DemoError> {
        let mut memory = KeysMemory::new(company.network.clone());
        for scene in &self.stage.recording().scenes {
            company.first.silence(scene.is_silent);
            if let Some(head) = self.stage.enter(scene) {
                self.clock
                    .set(UnixSeconds::new(head.timestamp.value().saturating_add(1)));
            }
            narrator(scene, self.clock.now());
            if let Some(files) = &scene.keys_files {
                company.read_keys(&mut memory, files, self.clock.now());
            }
            self.show(company, scene).await?;
        }
        Ok(())
    }

    /// Lets the company work until the scene was shown long enough and nothing is left to do.
    async fn show(&self, company: &Company, scene: &Scene) -> Result<(), DemoError> {
        let since = Instant::now();
        loop {
            let is_idle = match company.watcher.step().await {
                Ok(Step::Idle) => true,
                Ok(Step::CaughtUp { .. } | Step::Followed { .. } | Step::Unwound { .. }) => false,
                Ok(Step::Stopped(reason)) => {
                    let scene = scene.name.clone();
                    return Err(DemoError::Stopped { scene, reason });
                }
                Err(error) if error.is_fatal() => return Err(error.into()),
                // An endpoint is silent and the other was not asked: the step is taken again, as in the service.
                Err(_) => false,
            };
            let missing = self.stage.missing();
            if !missing.is_empty() {
                return Err(DemoError::Missing(missing));
            }
            company.tick(self.clock.now_ms()).await?;
            let shown = since.elapsed();
            if is_idle && shown >= self.shown && company.is_settled().await {
                return Ok(());
            }
            if shown >= SCENE_MAX {
                let who = if is_idle { "the outbox" } else { "the watcher" };
                return Err(DemoError::Endless(scene.name.clone(), who));
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}

/// Everything that `steward run` has between an L1 and a channel.
#[derive(Debug)]
struct Company {
    network: NetworkName,
    first: Arc<ReplayChain>,
    watcher: Watcher,
    desk: Arc<Desk>,
    writer: Arc<Writer<State>>,
    clock: Arc<ReplayClock>,
}

impl Company {
    fn new(demo: &Demo) -> Result<Self, InvalidNetworkName> {
        let title = &demo.stage.recording().title;
        let chain = |name| Arc::new(ReplayChain::new(name, demo.stage.clone()));
        let (first, second) = (chain("rpc-1"), chain("rpc-2"));
        let endpoints = Arc::new(Endpoints::new(
            vec![first.clone(), second],
            Vec::new(),
            demo.clock.clone(),
            Options::default(),
        ));
        let provider = ProviderRef::Id(ProviderId::new(title.provider));
        let desk = Arc::new(Desk::new(
            letterhead(),
            vec![bureau(provider, endpoints.clone())],
        ));
        let subject = Subject {
            network: NETWORK.to_owned(),
            registry: title.registry,
            staking_registry: title.staking_registry,
            first_block: title.first_block,
            provider,
            finality_depth: None,
        };
        let writer = Arc::new(Writer::new(State::default(), Arc::new(MemoryStore::new())));
        let watcher = Watcher::new(
            subject,
            endpoints,
            writer.clone(),
            demo.clock.clone(),
            desk.clone(),
        );
        Ok(Self {
            network: NetworkName::parse(NETWORK)?,
            first,
            watcher,
            desk,
            writer,
            clock: demo.clock.clone(),
        })
    }

    fn engine(&self, courier: Arc<dyn Courier>) -> Engine<State> {
        Engine::new(
            self.writer.clone(),
            self.clock.clone(),
            Policies::default(),
            0,
        )
        .with(Arc::new(Deliver::new(courier.clone())))
        .with(Arc::new(Edit::new(courier)))
    }

    /// Hands what the keys files say to the desk, as a look at a directory does.
    fn read_keys(
        &self,
        memory: &mut KeysMemory,
        files: &BTreeMap<String, String>,
        now: UnixSeconds,
    ) {
        let content = |(name, text): (&String, &String)| {
            (KeysFileName::new(name), Ok(text.clone().into_bytes()))
        };
        for _ in 0..LOOKS_MAX {
            let listing = Listing {
                files: files.iter().map(content).collect(),
                ..Listing::default()
            };
            if let Observed::Settled(keys) = memory.observe(listing, now) {
                return self.desk.take_keys(NETWORK, keys);
            }
        }
    }

    /// Looks at conditions that need no block to change.
    async fn tick(&self, now_ms: u64) -> Result<(), DemoError> {
        let told = Told {
            now_ms,
            is_rehearsal: false,
            happening: Happening::Tick,
        };
        let ticked = self.writer.commit(|state: &mut State, _| {
            self.desk.announce(state, NETWORK, &told);
            Ok::<_, WatchError>(())
        });
        ticked.await.map_err(WatchError::from)?;
        Ok(())
    }

    /// Whether everything that is owed was delivered.
    async fn is_settled(&self) -> bool {
        let state = self.writer.read().await;
        let is_owed = |state: &DeliveryState| {
            matches!(state, DeliveryState::Pending | DeliveryState::Started(_))
        };
        !state
            .outbox
            .deliveries()
            .any(|delivery| is_owed(&delivery.state) || delivery.owes_edit())
    }
}

fn letterhead() -> Letterhead {
    Letterhead {
        runbook: None,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        roles: Vec::new(),
    }
}

fn bureau(provider: ProviderRef, endpoints: Arc<Endpoints>) -> Bureau {
    Bureau {
        network: NETWORK.to_owned(),
        provider_label: "Provider 1".to_owned(),
        provider,
        explorer: Explorer::default(),
        routes: Routes::new(TRANSITIONS, ALERTS),
        rungs: Rungs::default(),
        common: CommonCoinbases::default(),
        single_max_age: SINGLE_MAX_AGE,
        head_age_max: None,
        has_keys_dir: true,
        endpoints: Some(endpoints),
    }
}
