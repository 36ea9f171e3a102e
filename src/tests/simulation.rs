//! Whatever happens to the chain, the endpoints and the process: what the book says is what is the case.
//!
//! A world lives a random life. A watcher follows it through endpoints that lag, prune, fail and limit, over reorgs, long
//! absences and crashes before and after any commit. Whenever the watcher has nothing to do, every fact of the book is
//! compared with the model's. A failing seed is printed; `STEWARD_TEST_SEEDS` says how many are run.

use std::{collections::BTreeMap, sync::Mutex};

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use steward::{
    attester::change::Change,
    chain::{Chain, ChainError},
    store::memory::{Fault as DiskFault, FaultPlan},
};

use crate::{
    recorded,
    watched::{NETWORK, Watched},
    world::{
        blocks::{Setup, World},
        endpoint::{Manners, Pruning},
        script::Script,
    },
};

/// Seeds of a normal run.
const SEEDS: u64 = 200;

/// What happens to one life: blocks, reorgs, absences, crashes, bad manners.
const ROUNDS: u64 = 24;

/// One life and its watcher.
struct Simulation {
    rng: StdRng,
    script: Script,
    watched: Watched,
    /// What was done, for the one who has to find out.
    diary: Vec<String>,
    /// How often each of it was done.
    counts: BTreeMap<&'static str, u32>,
    /// Its exports, one a day at most.
    exports: tempfile::TempDir,
}

impl Simulation {
    fn new(seed: u64) -> Self {
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
        // No reorg reaches the registration of the provider, without which there is nothing to watch.
        world.lock().mine_many(20);
        Self {
            rng,
            script,
            watched: Watched::new(&world, 3),
            diary: Vec::new(),
            counts: BTreeMap::new(),
            exports: tempfile::tempdir().unwrap(),
        }
    }

    fn note(&mut self, what: &'static str, detail: impl ToString) {
        self.diary.push(format!("{what} {}", detail.to_string()));
        *self.counts.entry(what).or_default() += 1;
    }

    /// One thing happens.
    fn happen(&mut self) {
        let world = self.watched.world.clone();
        let mut world = world.lock();
        match self.rng.random_range(0..100) {
            0..50 => {
                let blocks = self.rng.random_range(1..6);
                for _ in 0..blocks {
                    self.script.step(&mut world);
                }
                self.note("blocks", blocks);
            }
            50..68 => {
                let height = world.head().block.number.value();
                let most = (height - world.setup.first_block).clamp(1, 20);
                self.script.shake(&mut world, most);
                self.note("reorg", "");
            }
            68..74 => {
                let blocks = self.rng.random_range(60..180);
                for _ in 0..blocks {
                    self.script.step(&mut world);
                }
                self.note("absence of", blocks);
            }
            74..86 => {
                drop(world);
                self.spoil();
            }
            _ => self.fail_a_commit(),
        }
    }

    /// The process will die before or after one of the next commits, or the disk has no room for it.
    fn fail_a_commit(&mut self) {
        let faults = [
            DiskFault::CrashBefore,
            DiskFault::CrashAfter,
            DiskFault::DiskFull,
        ];
        let fault = *faults.choose(&mut self.rng).unwrap();
        let store = &self.watched.store;
        let commit = store.commits_tried() + self.rng.random_range(1..5);
        let plan = FaultPlan { commit, fault };
        self.watched.store = store.clone().with_fault(plan);
        self.note("crash to come", format!("{fault:?}"));
    }

    /// An endpoint loses its manners.
    fn spoil(&mut self) {
        let height = self.watched.play(|world| world.head().block.number.value());
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
        let endpoint = self.watched.endpoints.choose(&mut self.rng).unwrap();
        endpoint.change(|old| *old = manners);
        let detail = format!("{} by {kind}", endpoint.name());
        self.note("spoilt", detail);
    }

    async fn is_right(&mut self, when: &str) {
        let wrong = self.watched.wrong().await;
        assert!(wrong.is_empty(), "{when}: {wrong:#?}");
    }

    /// The history of every attester leads from nothing to what it is, without a gap and without a repetition.
    async fn history_is_whole(&self) {
        let store = self.watched.writer.store();
        let state = self.watched.writer.read().await;
        let book = state.book(NETWORK).unwrap();
        for (address, attester) in book.attesters.rows() {
            let history = book.history.of(store.as_ref(), *address, 1_000).unwrap();
            let (mut standing, mut transitions, mut slashes) = Default::default();
            for entry in history {
                match entry.change {
                    Change::Standing {
                        from,
                        to,
                        occurrence,
                        ..
                    } => {
                        assert_eq!((standing, transitions + 1), (from, occurrence), "{address}");
                        (standing, transitions) = (to, occurrence);
                    }
                    Change::Slashed { occurrence, .. } => {
                        assert_eq!(slashes + 1, occurrence, "{address}");
                        slashes = occurrence;
                    }
                    other => panic!("{other:?} is no history of an attester"),
                }
            }
            let held = (
                attester.standing,
                attester.transitions,
                attester.slash_count,
            );
            assert_eq!((standing, transitions, slashes), held, "{address}");
        }
    }

    /// What was observed, folded again from the newest export, gives what the disk holds.
    fn is_replayed(&self) {
        let found = recorded::replayed(&self.watched, self.exports.path());
        assert!(found.detail.contains(": equal"), "{}", found.detail);
    }

    async fn live(&mut self) {
        for round in 0..ROUNDS {
            if self.rng.random_bool(0.05) {
                recorded::export(&self.watched, self.exports.path(), round);
                self.note("export", round);
            }
            self.happen();
            if self.watched.settle(30).await {
                self.is_right("on the way").await;
            }
            if self.rng.random_bool(0.3) {
                self.watched.heal();
                self.watched.come_to_rest().await;
                self.is_right("at rest").await;
            }
        }
        self.watched.heal();
        self.watched.come_to_rest().await;
        self.watched.restart();
        self.watched.watcher.audit_next().await.unwrap();
        self.watched.play(World::mine);
        self.watched.is_right().await;
        self.watched.is_complete().await;
        self.watched.is_durable().await;
        self.history_is_whole().await;
        self.is_replayed();
    }
}

/// Runs the life of one seed on paused time; a panic is told with the seed and what had happened.
fn run(seed: u64) -> Result<BTreeMap<&'static str, u32>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let mut simulation = Simulation::new(seed);
    let lived = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        runtime.block_on(simulation.live());
    }));
    let crashes = simulation.watched.crashes;
    simulation.counts.insert("crashes", crashes);
    lived.map(|()| simulation.counts).map_err(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|&s| s.to_owned()));
        let diary = simulation.diary.join(", ");
        format!("seed {seed}: {} after {diary}", said.unwrap_or_default())
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a simulation runs is no configuration of the service"
)]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// `STEWARD_TEST_SEEDS` lives, from `STEWARD_TEST_SEED` on.
#[test]
fn the_book_is_right_whatever_happens() {
    let seeds = variable("STEWARD_TEST_SEEDS").unwrap_or(SEEDS);
    let first = variable("STEWARD_TEST_SEED").unwrap_or(0);
    let failed = Mutex::new(Vec::new());
    let counts = Mutex::new(BTreeMap::<&str, u32>::new());
    std::thread::scope(|scope| {
        for part in 0..2 {
            let (failed, counts) = (&failed, &counts);
            scope.spawn(move || {
                for seed in (first..first + seeds).filter(|seed| seed % 2 == part) {
                    match run(seed) {
                        Err(why) => failed.lock().unwrap().push(why),
                        Ok(lived) => {
                            for (what, count) in lived {
                                *counts.lock().unwrap().entry(what).or_default() += count;
                            }
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    let shown: Vec<String> = failed.iter().take(4).cloned().collect();
    assert!(
        failed.is_empty(),
        "{} of {seeds} seeds failed; {}",
        failed.len(),
        shown.join("\n")
    );
    // A simulation in which nothing goes wrong shows nothing.
    let counts = counts.into_inner().unwrap();
    for what in ["reorg", "absence of", "spoilt", "crashes"] {
        let least = seeds / 4;
        assert!(
            u64::from(counts.get(what).copied().unwrap_or(0)) >= least,
            "{what} happened too seldom: {counts:?}"
        );
    }
}
