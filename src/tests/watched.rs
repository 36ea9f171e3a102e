//! A world under watch: the endpoints, the clock, the disk, and the watcher over them.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use steward::{
    attester::change::Change,
    book::fold::{Fault, Ours},
    chain::{
        Chain,
        endpoints::{Endpoints, Options},
    },
    clock::ManualClock,
    state::State,
    store::memory::MemoryStore,
    units::{BlockNumber, ProviderId, UnixSeconds},
    watcher::{Announcer, Happening, ProviderRef, Step, Subject, Told, WatchError, Watcher},
    writer::Writer,
};

use crate::world::{
    blocks::{SharedWorld, World},
    endpoint::{Manners, WorldEndpoint},
    script::OURS,
    truth::Truth,
};

pub const NETWORK: &str = "sim";

/// Writes down what it is told.
#[derive(Debug, Default)]
pub struct Recorder {
    /// What did not fit, once everything had been compared with the views.
    pub faults: Mutex<Vec<Fault>>,
    /// What changed, in the order in which it was told.
    pub changes: Mutex<Vec<Change>>,
    /// The names of what happened.
    pub happenings: Mutex<Vec<String>>,
    /// Who makes cards of it, or counts it, where that is wanted.
    pub desk: Option<Arc<dyn Announcer>>,
}

impl Announcer for Recorder {
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>) {
        let is_swept = state.book(network).is_some_and(|b| b.summary().is_swept);
        if let Some(desk) = &self.desk {
            desk.announce(state, network, told);
        }
        if told.is_rehearsal {
            return;
        }
        if let Happening::Folded { outcome, .. } = &told.happening {
            let changes = outcome.changes.iter().map(|entry| entry.change.clone());
            self.changes.lock().unwrap().extend(changes);
        }
        if let Happening::Folded { outcome, .. } = &told.happening
            && is_swept
        {
            let faults = outcome.faults.iter().cloned();
            self.faults.lock().unwrap().extend(faults);
        }
        if let Happening::Folded { agreement, .. } = &told.happening {
            let said = agreement.map(|agreement| format!("told as {agreement:?}"));
            self.happenings.lock().unwrap().extend(said);
        } else {
            let name = format!("{:?}", told.happening);
            self.happenings.lock().unwrap().push(name);
        }
    }

    fn ours(&self, _state: &State, _network: &str) -> Ours {
        Ours {
            providers: BTreeSet::from([ProviderId::new(OURS)]),
            ..Ours::default()
        }
    }
}

/// A watcher and all that it stands on.
pub struct Watched {
    pub world: SharedWorld,
    pub endpoints: Vec<Arc<WorldEndpoint>>,
    pub clock: Arc<ManualClock>,
    pub store: MemoryStore,
    pub writer: Arc<Writer<State>>,
    pub watcher: Watcher,
    /// The endpoints as the watcher sees them.
    pub source: Arc<Endpoints>,
    pub recorder: Arc<Recorder>,
    pub subject: Subject,
    /// How often the process died.
    pub crashes: u32,
}

impl Watched {
    /// Watches `world` through so many endpoints.
    pub fn new(world: &SharedWorld, endpoints: usize) -> Self {
        let subject = {
            let world = world.lock();
            Subject {
                network: NETWORK.to_owned(),
                registry: world.contracts().registry,
                staking_registry: world.contracts().staking_registry.address,
                first_block: BlockNumber::new(world.setup.first_block),
                provider: ProviderRef::Id(ProviderId::new(OURS)),
                finality_depth: None,
            }
        };
        Self::of(world, endpoints, subject)
    }

    /// As before, with another subject.
    pub fn of(world: &SharedWorld, endpoints: usize, subject: Subject) -> Self {
        let endpoints: Vec<_> = (1..=endpoints)
            .map(|number| Arc::new(WorldEndpoint::new(&format!("rpc-{number}"), world)))
            .collect();
        let clock = Arc::new(ManualClock::new(UnixSeconds::new(0)));
        let (store, recorder) = (MemoryStore::new(), Arc::default());
        let (writer, watcher, source) = wire(&endpoints, &clock, &store, &recorder, &subject);
        Self {
            world: world.clone(),
            endpoints,
            clock,
            store,
            writer,
            watcher,
            source,
            recorder,
            subject,
            crashes: 0,
        }
    }

    /// The process starts again on what the disk holds.
    pub fn restart(&mut self) {
        self.store = MemoryStore::on(self.store.disk());
        (self.writer, self.watcher, self.source) = wire(
            &self.endpoints,
            &self.clock,
            &self.store,
            &self.recorder,
            &self.subject,
        );
    }

    /// The clock goes with the chain, two seconds behind it.
    fn keep_time(&self) {
        let now = self.world.lock().head().timestamp.value() + 2;
        self.clock.set(UnixSeconds::new(now));
    }

    /// One step. A crash starts the process again.
    pub async fn step(&mut self) -> Result<Step, WatchError> {
        self.keep_time();
        let step = self.watcher.step().await;
        if step.as_ref().is_err_and(WatchError::is_fatal) {
            self.crashes += 1;
            self.restart();
        }
        step
    }

    /// Steps until there is nothing to do; `false` where that does not come to pass.
    pub async fn settle(&mut self, steps: u32) -> bool {
        for _ in 0..steps {
            match self.step().await {
                Ok(Step::Idle) => return true,
                Ok(Step::Stopped(why)) => panic!("stopped: {why}"),
                Ok(Step::CaughtUp { .. } | Step::Followed { .. } | Step::Unwound { .. }) => {}
                Err(error) if error.is_fatal() => {}
                Err(_) => tokio::time::sleep(Duration::from_secs(5)).await,
            }
        }
        false
    }

    pub fn heal(&self) {
        for endpoint in &self.endpoints {
            endpoint.change(|manners| *manners = Manners::default());
        }
    }

    /// The head is reached, and everything was compared with the views.
    pub async fn come_to_rest(&mut self) {
        for _ in 0..200 {
            let is_idle = self.settle(200).await;
            let head = self.world.lock().head().block;
            let state = self.writer.read().await;
            let summary = state.book(NETWORK).unwrap().summary();
            if is_idle && summary.cursor == head && summary.is_swept {
                return;
            }
            drop(state);
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
        panic!("the head is never reached");
    }

    /// Where the book is wrong about the block that it has read up to.
    pub async fn wrong(&self) -> Vec<String> {
        let state = self.writer.read().await;
        let book = state.book(NETWORK).unwrap();
        let summary = book.summary();
        if !summary.is_swept {
            return Vec::new();
        }
        let world = self.world.lock();
        Truth::at(&world, summary.cursor.hash, OURS)
            .map(|truth| truth.disagreements(book))
            .unwrap_or_default()
    }

    /// The head is reached, the book is right, and nothing did not fit.
    pub async fn is_right(&mut self) {
        self.come_to_rest().await;
        let wrong = self.wrong().await;
        assert!(wrong.is_empty(), "{wrong:#?}");
        let faults = std::mem::take(&mut *self.recorder.faults.lock().unwrap());
        assert!(faults.is_empty(), "{faults:#?}");
    }

    /// Nothing is missing in what was read.
    pub async fn is_complete(&self) {
        let state = self.writer.read().await;
        let summary = state.book(NETWORK).unwrap().summary();
        let proof = (summary.is_complete, summary.missing);
        assert_eq!(proof, (Some(true), Vec::new()));
        let progress = state.progress_of(NETWORK);
        assert_eq!(progress.faults, []);
        let gaps = progress
            .covered
            .gaps(summary.first_block, summary.cursor.number);
        assert_eq!(gaps, []);
    }

    /// What is in memory is what is on the disk.
    pub async fn is_durable(&self) {
        let disk = State::load([NETWORK], &MemoryStore::on(self.store.disk()), 1).unwrap();
        let state = self.writer.read().await;
        let (kept, held) = (disk.book(NETWORK).unwrap(), state.book(NETWORK).unwrap());
        assert!(kept.attesters.rows().eq(held.attesters.rows()));
        assert!(kept.entry_queue.rows().eq(held.entry_queue.rows()));
        assert!(kept.rollups.rows().eq(held.rollups.rows()));
        assert!(kept.providers.rows().eq(held.providers.rows()));
        assert_eq!(kept.summary(), held.summary());
    }

    /// Plays in the world.
    pub fn play<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        act(&mut self.world.lock())
    }
}

fn wire(
    endpoints: &[Arc<WorldEndpoint>],
    clock: &Arc<ManualClock>,
    store: &MemoryStore,
    recorder: &Arc<Recorder>,
    subject: &Subject,
) -> (Arc<Writer<State>>, Watcher, Arc<Endpoints>) {
    let state = State::load([NETWORK], store, 1).unwrap();
    let writer = Arc::new(Writer::new(state, Arc::new(store.clone())));
    let chains = endpoints.iter().map(|e| Arc::clone(e) as Arc<dyn Chain>);
    let endpoints = Arc::new(Endpoints::new(
        chains.collect(),
        Vec::new(),
        clock.clone(),
        Options::default(),
    ));
    let watcher = Watcher::new(
        subject.clone(),
        Arc::clone(&endpoints),
        Arc::clone(&writer),
        clock.clone(),
        recorder.clone(),
    );
    (writer, watcher, endpoints)
}
