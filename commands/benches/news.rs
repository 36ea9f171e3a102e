//! From a block to the messages about it: one change, and ten thousand at once.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{Router, routing::post};
use steward::outbox::courier::ChannelId;
use tokio::time::Instant;

use crate::{
    courier::Doorstep,
    figure::Figure,
    head,
    history::{self, Past},
    house::{self, House, LOOK_EVERY, PATIENCE},
    machine,
    world::{action::Action, endpoint::WorldEndpoint},
};

/// Changes whose way is timed.
const TRIALS: usize = 200;

/// A server that takes every message, on loopback.
async fn doorstep() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(|_body: axum::body::Bytes| async { "{}" }));
    let (tasks, _ended) = steward::tasks::Tasks::new();
    tasks.spawn(
        "doorstep",
        async move { axum::serve(listener, router).await },
    );
    url
}

/// From the head that is served to the card that is taken, with 10,000 attesters.
pub fn latency() -> Vec<Figure> {
    let fleet = head::fleet(10_000);
    let house = &fleet.house;
    let mut times = Vec::new();
    house::block_on(async {
        let courier = Arc::new(Doorstep::at(doorstep().await));
        house.employ(courier.clone());
        // The summary of the first start and what holds now.
        house.carried().await;
        for number in history::at_stake().take(TRIALS) {
            let version = 1;
            let attester = history::key(number).attester;
            let amount = steward::units::U256::from(1_000)
                * steward::units::U256::from(10).pow(steward::units::U256::from(18));
            let mut world = fleet.world.lock();
            world
                .act(Action::Slash {
                    version,
                    attester,
                    amount,
                })
                .unwrap();
            world.mine();
            drop(world);
            house.keep_time(&fleet.world);
            let (before, begin) = (courier.taken().len(), Instant::now());
            house.watcher.step().await.unwrap();
            let at = loop {
                if let Some((_, at)) = courier.taken().get(before) {
                    break *at;
                }
                assert!(
                    begin.elapsed() < PATIENCE,
                    "no card came of the slash of {number}"
                );
                tokio::time::sleep(LOOK_EVERY).await;
            };
            times.push(at.duration_since(begin).as_secs_f64() * 1e3);
            house.carried().await;
        }
    });
    times.sort_by(f64::total_cmp);
    let p = |percent| machine::percentile(&times, percent);
    vec![
        Figure::plain(
            "head served to card taken on loopback, 10,000 attesters, p50",
            crate::figure::with_unit(p(50), "ms"),
        ),
        Figure::at_most(
            "head served to card taken on loopback, 10,000 attesters, p99",
            p(99),
            1_000.0,
            "ms",
        ),
    ]
}

/// Ten thousand changes in one block.
pub fn storm() -> Vec<Figure> {
    let past = Past {
        ours: 10_000,
        others: 0,
        waiting: 10_000,
        blocks: 1_000,
    };
    let world = past.live();
    let endpoint = Arc::new(
        WorldEndpoint::new("rpc-1", &world).with(|manners| manners.gas_cap = Some(50_000_000)),
    );
    let directory = tempfile::tempdir().unwrap();
    let house = House::over(&world, &endpoint, house::store_in(directory.path()));
    let courier = Arc::new(Doorstep::limited());
    let (took, mut taken) = house::block_on(async {
        house.settle().await;
        house.take_keys().await;
        house.employ(courier.clone());
        house.carried().await;
        // Another window of the bucket, so that only the storm is counted.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let before = courier.taken().len();
        let flush = Action::Flush {
            version: 1,
            to_add: u64::MAX,
        };
        world.lock().act(flush).unwrap();
        world.lock().mine();
        house.keep_time(&world);
        let begin = Instant::now();
        house.settle().await;
        house.carried().await;
        (begin.elapsed(), courier.taken().split_off(before))
    });
    let mut channels: BTreeMap<ChannelId, usize> = BTreeMap::new();
    for (channel, _) in taken.drain(..) {
        *channels.entry(channel).or_default() += 1;
    }
    let most = channels.values().copied().max().unwrap_or_default();
    vec![
        Figure::at_most(
            format!(
                "10,000 transitions in one block: messages in the busiest of {} channels",
                channels.len()
            ),
            most as f64,
            5.0,
            "",
        ),
        Figure::at_most(
            "10,000 transitions in one block: head served to all messages taken",
            took.as_secs_f64(),
            10.0,
            "s",
        ),
        Figure::at_most(
            "10,000 transitions in one block: refusals (429)",
            courier.refused() as f64,
            0.0,
            "",
        ),
    ]
}
