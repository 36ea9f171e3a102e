//! The store: flushes, starts, and what it takes on the disk.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use steward::{
    state::State,
    store::{Batch, Pair, Store, StoreError, Tree, sled::SledStore},
};
use tokio::time::Instant;

use crate::{
    courier::Doorstep,
    figure::{Figure, with_unit},
    history::Past,
    house::{self, House},
    machine,
    world::{action::Action, endpoint::WorldEndpoint},
};

/// A store whose commits are timed.
#[derive(Debug)]
struct Timed {
    store: SledStore,
    commits: Mutex<Vec<f64>>,
}

impl Timed {
    fn open(directory: &Path) -> Arc<Self> {
        Arc::new(Self {
            store: SledStore::open(directory).unwrap(),
            commits: Mutex::default(),
        })
    }
}

impl Store for Timed {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let begin = Instant::now();
        let done = self.store.commit(batch);
        let took = begin.elapsed().as_secs_f64() * 1e3;
        self.commits.lock().unwrap().push(took);
        done
    }

    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.read(tree, key)
    }

    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.store.scan(tree, prefix, after, limit)
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        self.store.size_bytes()
    }

    fn flush_count(&self) -> u64 {
        self.store.flush_count()
    }
}

/// Flushes per block, and how long one takes.
pub fn commits() -> Vec<Figure> {
    let past = Past {
        blocks: 5_000,
        ..Past::of(10_000)
    };
    let world = past.live();
    let endpoint = Arc::new(WorldEndpoint::new("rpc-1", &world));
    let directory = tempfile::tempdir().unwrap();
    let store = Timed::open(directory.path());
    let house = House::over(&world, &endpoint, store.clone());
    let mut most = 0;
    house::block_on(async {
        house.settle().await;
        store.commits.lock().unwrap().clear();
        for _ in 0..300 {
            world.lock().mine();
            house.keep_time(&world);
            let before = store.flush_count();
            endpoint.take_requests();
            house.watcher.step().await.unwrap();
            let counts = endpoint.take_requests();
            // Finality commits by itself, once in 32 blocks.
            if counts
                .get("eth_getBlockByNumber")
                .is_none_or(|count| *count <= 1)
            {
                most = most.max(store.flush_count() - before);
            }
        }
    });
    let mut times = std::mem::take(&mut *store.commits.lock().unwrap());
    times.sort_by(f64::total_cmp);
    let p = |percent| with_unit(machine::percentile(&times, percent), "ms");
    vec![
        Figure::at_most("flushes per block commit", most as f64, 1.0, ""),
        Figure::plain(
            "a block's commit with its flush (sled and fdatasync), p50 / p99",
            format!("{} / {}", p(50), p(99)),
        ),
    ]
}

/// Blocks at the head with changes in them, and without.
const BUSY: u64 = 1_000;
const CALM: u64 = 2_000;

/// The start after a year with 10,000 attesters, and the disk that the year takes.
pub fn year() -> Vec<Figure> {
    let ours = 10_000;
    let past = Past {
        ours,
        others: ours / 4,
        waiting: ours,
        blocks: 1_000,
    };
    let world = past.live();
    let endpoint = Arc::new(WorldEndpoint::new("rpc-1", &world));
    let directory = tempfile::tempdir().unwrap();
    let (busy, calm) = {
        let store = house::store_in(directory.path());
        let house = House::over(&world, &endpoint, Arc::clone(&store));
        let size = || store.size_bytes().unwrap() as f64 / f64::from(1 << 20);
        house::block_on(async {
            house.employ(Arc::new(Doorstep::default()));
            house.settle().await;
            for block in 0..BUSY {
                let flush = Action::Flush {
                    version: 1,
                    to_add: ours / BUSY,
                };
                let mut chain = world.lock();
                chain.act(flush).unwrap();
                // Those that came a hundred blocks ago lose a little.
                for number in (block.saturating_sub(100) * 10..).take(10).step_by(5) {
                    let attester = crate::history::key(number).attester;
                    let amount = steward::units::U256::from(10).pow(steward::units::U256::from(21));
                    let slash = Action::Slash {
                        version: 1,
                        attester,
                        amount,
                    };
                    chain.act(slash).unwrap();
                }
                chain.mine();
                drop(chain);
                house.keep_time(&world);
                house.watcher.step().await.unwrap();
            }
            let busy = size();
            for _ in 0..CALM {
                world.lock().mine();
                house.keep_time(&world);
                house.watcher.step().await.unwrap();
            }
            (busy, size())
        })
    };
    let begin = Instant::now();
    let store = SledStore::open(directory.path()).unwrap();
    let state = State::load([house::NETWORK], &store, 2).unwrap();
    let took = begin.elapsed().as_secs_f64();
    let attesters = state.book(house::NETWORK).unwrap().attesters.len();
    let deliveries = state.outbox.deliveries().count();
    vec![
        Figure::at_most(
            format!(
                "start: store opened and state read, {attesters} attesters, {deliveries} deliveries, {} changes in {} blocks",
                with_unit((BUSY * 12) as f64, ""),
                with_unit((BUSY + CALM) as f64, ""),
            ),
            took,
            2.0,
            "s",
        ),
        Figure::plain("the store after the changes", with_unit(busy, "MiB")),
        Figure::plain(
            format!("the store after {CALM} calm blocks more"),
            with_unit(calm, "MiB"),
        ),
    ]
}
