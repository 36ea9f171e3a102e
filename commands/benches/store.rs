//! The store: flushes, starts, and what it takes on the disk.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use steward::{
    state::State,
    store::{Batch, Pair, Store, StoreError, Tree, sled::SledStore},
    units::U256,
};
use tokio::time::Instant;

use crate::{
    courier::Doorstep,
    figure::{Figure, with_unit},
    history::Past,
    house::{self, House},
    machine,
    world::{action::Action, blocks::SharedWorld, endpoint::WorldEndpoint},
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

/// What a year of changes leaves behind.
pub struct Year {
    /// The store after the changes, and after calm blocks more, in MiB.
    pub busy: f64,
    pub calm: f64,
    /// Until the store was opened, and until the state was read besides, in seconds.
    pub opened: f64,
    pub read: f64,
    attesters: usize,
    deliveries: usize,
}

/// Every attester of a fleet enters, and a fifth lose a little; then nothing happens for a while, and steward starts.
pub fn year_of(ours: u64) -> Year {
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
                happen(&world, ours, block);
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
    let opened = begin.elapsed().as_secs_f64();
    let state = State::load([house::NETWORK], &store, 2).unwrap();
    Year {
        busy,
        calm,
        opened,
        read: begin.elapsed().as_secs_f64(),
        attesters: state.book(house::NETWORK).unwrap().attesters.len(),
        deliveries: state.outbox.deliveries().count(),
    }
}

/// The changes of one of the busy blocks: a thousandth of the fleet enters, and of those that came a hundred blocks ago every
/// fifth loses a little.
fn happen(world: &SharedWorld, ours: u64, block: u64) {
    // Below a thousand attesters not every block has one.
    let entered = |block: u64| ours * block / BUSY;
    let to_add = entered(block + 1) - entered(block);
    let mut chain = world.lock();
    if to_add > 0 {
        chain.act(Action::Flush { version: 1, to_add }).unwrap();
    }
    let earlier = block.saturating_sub(100);
    for number in (entered(earlier)..entered(earlier + 1)).filter(|number| number % 5 == 0) {
        let attester = crate::history::key(number).attester;
        let amount = U256::from(10).pow(U256::from(21));
        let slash = Action::Slash {
            version: 1,
            attester,
            amount,
        };
        // In the first hundred blocks the same ones lose again and again, until one has nothing left.
        let _refused = chain.act(slash);
    }
    chain.mine();
}

/// The start after a year with 10,000 attesters, and the disk that the year takes.
pub fn year() -> Vec<Figure> {
    let year = year_of(10_000);
    vec![
        Figure::at_most(
            format!(
                "start: store opened and state read, {} attesters, {} deliveries, {} changes in {} blocks",
                year.attesters,
                year.deliveries,
                with_unit((BUSY * 12) as f64, ""),
                with_unit((BUSY + CALM) as f64, ""),
            ),
            year.read,
            2.0,
            "s",
        ),
        Figure::plain("of that, the store opened", with_unit(year.opened, "s")),
        Figure::plain("the store after the changes", with_unit(year.busy, "MiB")),
        Figure::plain(
            format!("the store after {CALM} calm blocks more"),
            with_unit(year.calm, "MiB"),
        ),
    ]
}
