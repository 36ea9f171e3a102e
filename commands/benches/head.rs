//! Blocks at the head: requests and processor time, whatever the fleet.

use std::sync::Arc;

use steward::watcher::Step;
use tokio::time::Instant;

use crate::{
    figure::{Figure, with_unit},
    history::Past,
    house::{self, House},
    machine,
    world::{blocks::SharedWorld, endpoint::WorldEndpoint},
};

/// Sizes of fleets.
const FLEETS: [u64; 5] = [10, 100, 1_000, 10_000, 100_000];
/// Blocks that are followed at each size.
const BLOCKS: u64 = 200;

/// A fleet that was caught up with and swept.
pub struct Fleet {
    pub world: SharedWorld,
    pub endpoint: Arc<WorldEndpoint>,
    pub house: House,
    pub directory: tempfile::TempDir,
}

/// Brings a fleet of `ours` to the head.
pub fn fleet(ours: u64) -> Fleet {
    let past = Past {
        blocks: 20_000,
        ..Past::of(ours)
    };
    let world = past.live();
    let endpoint = Arc::new(WorldEndpoint::new("rpc-1", &world));
    let directory = tempfile::tempdir().unwrap();
    let house = House::over(&world, &endpoint, house::store_in(directory.path()));
    house::block_on(async {
        house.settle().await;
        house.take_keys().await;
        house.settle().await;
    });
    Fleet {
        world,
        endpoint,
        house,
        directory,
    }
}

/// What blocks with nothing of ours in them cost.
struct Calm {
    /// Most requests of one.
    requests: u64,
    /// Processor time of each, in milliseconds.
    cpu: f64,
    /// Time of each, in milliseconds, sorted.
    wall: Vec<f64>,
}

/// Follows calm blocks.
async fn calm(fleet: &Fleet) -> Calm {
    let (mut most, mut cpu, mut wall) = (0, 0, Vec::new());
    for block in 0..BLOCKS {
        fleet.world.lock().mine();
        fleet.house.keep_time(&fleet.world);
        fleet.endpoint.take_requests();
        let (begin, spent) = (Instant::now(), machine::cpu_ns());
        fleet.house.watcher.step().await.unwrap();
        // The first block also looks at the keys files for the first time.
        if block == 0 {
            continue;
        }
        cpu += machine::cpu_ns() - spent;
        wall.push(begin.elapsed().as_secs_f64() * 1e3);
        let counts = fleet.endpoint.take_requests();
        // Once per 32 blocks finality is asked for and final blocks are read again, with budgets of their own.
        let is_finality = counts.get("eth_getBlockByNumber").is_some_and(|n| *n > 1);
        if !is_finality {
            most = most.max(counts.values().sum());
        }
    }
    wall.sort_by(f64::total_cmp);
    Calm {
        requests: most,
        cpu: cpu as f64 / 1e6 / (BLOCKS - 1) as f64,
        wall,
    }
}

/// Requests and processor time per block with nothing of ours in it.
pub fn steady_blocks() -> Vec<Figure> {
    let mut figures = Vec::new();
    for ours in FLEETS {
        let fleet = fleet(ours);
        let cost = house::block_on(calm(&fleet));
        let size = with_unit(ours as f64, "");
        figures.push(Figure::at_most(
            format!("requests per block at the head, {size} attesters"),
            cost.requests as f64,
            3.0,
            "",
        ));
        figures.push(Figure::plain(
            format!("processor time per block, {size} attesters"),
            with_unit(cost.cpu, "ms"),
        ));
        figures.push(Figure::plain(
            format!("time of a block, commit and flush included, {size} attesters, p50 / p99"),
            format!(
                "{:.2} / {:.2} ms",
                machine::percentile(&cost.wall, 50),
                machine::percentile(&cost.wall, 99)
            ),
        ));
    }
    figures
}

/// The same where not one of 10,000 attesters has its coinbase.
pub fn wrong_blocks() -> Vec<Figure> {
    let fleet = fleet(10_000);
    let cost = house::block_on(async {
        fleet.house.take_keys_without_coinbases().await;
        calm(&fleet).await
    });
    vec![Figure::plain(
        "processor time per block, 10,000 attesters, all of them without a coinbase",
        with_unit(cost.cpu, "ms"),
    )]
}

/// Everything of ours and the whole entry queue, asked once.
pub fn sweep() -> Vec<Figure> {
    let past = Past {
        ours: 2_000,
        others: 0,
        waiting: 1_000,
        blocks: 20_000,
    };
    let world = past.live();
    let endpoint = Arc::new(
        WorldEndpoint::new("rpc-1", &world).with(|manners| manners.gas_cap = Some(50_000_000)),
    );
    let directory = tempfile::tempdir().unwrap();
    let store = house::store_in(directory.path());
    let over = |world: &SharedWorld| House::over(world, &endpoint, Arc::clone(&store));
    house::block_on(over(&world).settle());
    // The audit of a process that just started: it has learnt nothing of the endpoint yet.
    let house = over(&world);
    house::block_on(house.watcher.audit_next()).unwrap();
    world.lock().mine();
    endpoint.take_requests();
    let step = house::block_on(house.watcher.step()).unwrap();
    assert!(matches!(step, Step::Followed { .. }), "{step:?}");
    let counts = endpoint.take_requests();
    let aggregates = counts.get("eth_call").copied().unwrap_or_default();
    vec![
        Figure::at_most(
            "full sweep of 1,000 active and 1,000 queued at a 50 M gas cap: aggregates",
            aggregates as f64,
            10.0,
            "",
        ),
        Figure::plain(
            "gas of the largest of them (37,000 a view)",
            with_unit(endpoint.gas_max() as f64 / 1e6, "M"),
        ),
    ]
}
