//! Whatever happens to the chain, the endpoints and the process: what the book says is what is the case.
//!
//! A world lives a random life. A watcher follows it through endpoints that lag, prune, fail and limit, over reorgs, long
//! absences and crashes before and after any commit. Whenever the watcher has nothing to do, every fact of the book is
//! compared with the model's. A failing seed is printed; `STEWARD_TEST_SEEDS` says how many are run.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use steward::{
    book::fold::{Fault, Ours},
    chain::{
        Chain, ChainError,
        endpoints::{Endpoints, Options},
    },
    clock::ManualClock,
    state::State,
    store::memory::{Fault as DiskFault, MemoryStore},
    units::{BlockNumber, ProviderId, UnixSeconds},
    watcher::{Announcer, Happening, ProviderRef, Step, Subject, Told, Watcher},
    writer::Writer,
};

use crate::world::{
    blocks::{Setup, SharedWorld, World},
    endpoint::{Manners, Pruning, WorldEndpoint},
    script::{OURS, Script},
    truth::Truth,
};

const NETWORK: &str = "sim";

/// Seeds of a normal run.
const SEEDS: u64 = 200;

/// What happens to one life: blocks, reorgs, absences, crashes, bad manners.
const ROUNDS: u64 = 24;

/// Writes down what does not fit.
#[derive(Debug, Default)]
pub struct Recorder {
    pub faults: Mutex<Vec<Fault>>,
}

impl Announcer for Recorder {
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>) {
        let is_swept = state.book(network).is_some_and(|b| b.summary().is_swept);
        if let Happening::Folded(outcome) = &told.happening
            && is_swept
        {
            let faults = outcome.faults.iter().cloned();
            self.faults.lock().unwrap().extend(faults);
        }
    }

    fn ours(&self, _state: &State, _network: &str) -> Ours {
        Ours {
            providers: BTreeSet::from([ProviderId::new(OURS)]),
            ..Ours::default()
        }
    }
}

/// One life and its watcher.
pub struct Simulation {
    rng: StdRng,
    pub world: SharedWorld,
    script: Script,
    pub endpoints: Vec<Arc<WorldEndpoint>>,
    pub clock: Arc<ManualClock>,
    store: MemoryStore,
    pub writer: Arc<Writer<State>>,
    pub watcher: Watcher,
    pub recorder: Arc<Recorder>,
    /// What was done, for the one who has to find out.
    diary: Vec<String>,
}

fn wire(
    world: &SharedWorld,
    endpoints: &[Arc<WorldEndpoint>],
    clock: &Arc<ManualClock>,
    store: &MemoryStore,
    recorder: &Arc<Recorder>,
) -> (Arc<Writer<State>>, Watcher) {
    let state = State::load([NETWORK], store, 1).unwrap();
    let writer = Arc::new(Writer::new(state, Arc::new(store.clone())));
    let chains = endpoints.iter().map(|e| Arc::clone(e) as Arc<dyn Chain>);
    let endpoints = Endpoints::new(
        chains.collect(),
        Vec::new(),
        clock.clone(),
        Options::default(),
    );
    let world = world.lock();
    let subject = Subject {
        network: NETWORK.to_owned(),
        registry: world.contracts().registry,
        staking_registry: world.contracts().staking_registry.address,
        first_block: BlockNumber::new(world.setup.first_block),
        provider: ProviderRef::Id(ProviderId::new(OURS)),
        finality_depth: None,
    };
    let watcher = Watcher::new(
        subject,
        Arc::new(endpoints),
        Arc::clone(&writer),
        clock.clone(),
        recorder.clone(),
    );
    (writer, watcher)
}

impl Simulation {
    pub fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut setup = if rng.random_bool(0.5) {
            Setup::small(seed)
        } else {
            Setup::open(seed, 4)
        };
        // Nothing that is final is ever taken back: reorgs reach 20 blocks.
        (setup.finalized_depth, setup.safe_depth) = (40, 20);
        let world = World::shared(setup);
        let mut script = Script::new(seed);
        script.begin(&mut world.lock());
        let names = ["rpc-1", "rpc-2", "rpc-3"];
        let endpoints: Vec<_> = names
            .iter()
            .map(|name| Arc::new(WorldEndpoint::new(name, &world)))
            .collect();
        let clock = Arc::new(ManualClock::new(UnixSeconds::new(setup.genesis_timestamp)));
        let (store, recorder) = (MemoryStore::new(), Arc::default());
        let (writer, watcher) = wire(&world, &endpoints, &clock, &store, &recorder);
        Self {
            rng,
            world,
            script,
            endpoints,
            clock,
            store,
            writer,
            watcher,
            recorder,
            diary: Vec::new(),
        }
    }

    /// The process starts again on what the disk holds.
    pub fn restart(&mut self) {
        self.store = MemoryStore::on(self.store.disk());
        (self.writer, self.watcher) = wire(
            &self.world,
            &self.endpoints,
            &self.clock,
            &self.store,
            &self.recorder,
        );
    }

    /// The clock goes with the chain, two seconds behind it.
    fn keep_time(&self) {
        let now = self.world.lock().head().timestamp.value() + 2;
        self.clock.set(UnixSeconds::new(now));
    }

    /// One thing happens.
    fn happen(&mut self) {
        let kind = self.rng.random_range(0..100);
        let mut world = self.world.lock();
        match kind {
            0..50 => {
                let blocks = self.rng.random_range(1..6);
                for _ in 0..blocks {
                    self.script.step(&mut world);
                }
                self.diary.push(format!("{blocks} blocks"));
            }
            50..68 => {
                let height = world.head().block.number.value();
                let most = (height - world.setup.first_block).clamp(1, 20);
                self.script.shake(&mut world, most);
                self.diary.push("reorg".to_owned());
            }
            68..74 => {
                let blocks = self.rng.random_range(60..180);
                for _ in 0..blocks {
                    self.script.step(&mut world);
                }
                self.diary.push(format!("absent for {blocks} blocks"));
            }
            74..86 => {
                drop(world);
                self.spoil();
            }
            _ => {
                drop(world);
                self.fail_a_commit();
            }
        }
    }

    /// The process will die, before or after one of the next commits.
    fn fail_a_commit(&mut self) {
        let fault = *[DiskFault::CrashBefore, DiskFault::CrashAfter]
            .choose(&mut self.rng)
            .unwrap();
        let commit = self.store.commits_tried() + self.rng.random_range(1..5);
        let plan = steward::store::memory::FaultPlan { commit, fault };
        self.store = self.store.clone().with_fault(plan);
        self.diary.push(format!("{fault:?} to come"));
    }

    /// An endpoint loses its manners.
    fn spoil(&mut self) {
        let height = self.world.lock().head().block.number.value();
        let mut manners = Manners::default();
        let kind = self.rng.random_range(0..8);
        match kind {
            0 => manners.lag_blocks = self.rng.random_range(1..6),
            1 => manners.pruned = Some((height - 1, Pruning::Refusing)),
            2 => manners.requests_per_block_max = Some(self.rng.random_range(1..8)),
            3 => manners.outage = Some(ChainError::Unavailable("refused".to_owned())),
            4 => manners.ignores_pin = true,
            5 => manners.has_tags = false,
            6 => manners.flaky_permille = 300,
            _ => {
                manners.states_kept = 3;
                manners.remembers_orphans = false;
            }
        }
        let endpoint = self.endpoints.choose(&mut self.rng).unwrap();
        endpoint.change(|old| *old = manners);
        self.diary
            .push(format!("{} spoilt by {kind}", endpoint.name()));
    }

    fn heal(&self) {
        for endpoint in &self.endpoints {
            endpoint.change(|manners| *manners = Manners::default());
        }
    }

    /// Steps until there is nothing to do; `false` where that does not come to pass.
    pub async fn settle(&mut self, steps: u32) -> bool {
        for _ in 0..steps {
            self.keep_time();
            match self.watcher.step().await {
                Ok(Step::Idle) => return true,
                Ok(Step::Stopped(why)) => panic!("stopped: {why}"),
                Ok(Step::CaughtUp { .. } | Step::Followed { .. } | Step::Unwound { .. }) => {}
                Err(error) if error.is_fatal() => {
                    self.diary.push("crashed".to_owned());
                    self.restart();
                }
                Err(_) => tokio::time::sleep(Duration::from_secs(5)).await,
            }
        }
        false
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

    /// With good endpoints the head is reached, and the book is right about it.
    pub async fn come_to_rest(&mut self) {
        self.heal();
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

    /// What is in memory is what is on the disk.
    async fn is_durable(&self) {
        let disk = State::load([NETWORK], &MemoryStore::on(self.store.disk()), 1).unwrap();
        let state = self.writer.read().await;
        let (kept, held) = (disk.book(NETWORK).unwrap(), state.book(NETWORK).unwrap());
        assert!(kept.attesters.rows().eq(held.attesters.rows()));
        assert!(kept.entry_queue.rows().eq(held.entry_queue.rows()));
        assert!(kept.rollups.rows().eq(held.rollups.rows()));
        assert!(kept.providers.rows().eq(held.providers.rows()));
        assert_eq!(kept.summary(), held.summary());
    }

    async fn live(&mut self) {
        for _ in 0..ROUNDS {
            self.happen();
            if self.settle(30).await {
                let wrong = self.wrong().await;
                assert!(wrong.is_empty(), "on the way: {wrong:#?}");
            }
            if self.rng.random_bool(0.3) {
                self.come_to_rest().await;
                let wrong = self.wrong().await;
                assert!(wrong.is_empty(), "at rest: {wrong:#?}");
            }
        }
        self.come_to_rest().await;
        let wrong = self.wrong().await;
        assert!(wrong.is_empty(), "at the end: {wrong:#?}");
        self.is_durable().await;
        let faults = std::mem::take(&mut *self.recorder.faults.lock().unwrap());
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

/// Runs the life of one seed on paused time; a panic is told with the seed and what had happened.
fn run(seed: u64) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut simulation = Simulation::new(seed);
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(simulation.live());
    }));
    lived.map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&s| s.to_owned()));
        let diary = simulation.diary.join(", ");
        format!("seed {seed}: {} after {diary}", said.unwrap_or_default())
    })
}

#[test]
fn the_book_is_right_whatever_happens() {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds: u64 = variable("STEWARD_TEST_SEEDS").unwrap_or(SEEDS);
    let first: u64 = variable("STEWARD_TEST_SEED").unwrap_or(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for part in 0..2 {
            let failed = &failed;
            scope.spawn(move || {
                for seed in (first..first + seeds).filter(|seed| seed % 2 == part) {
                    if let Err(why) = run(seed) {
                        failed.lock().unwrap().push(why);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {seeds} seeds failed; {}",
        failed.len(),
        failed
            .iter()
            .take(4)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
}
