//! What the watcher costs its endpoints: requests per block, per poll, per sweep.

use std::collections::BTreeMap;

use steward::watcher::Step;

use crate::{
    watched::Watched,
    world::{
        action::{Action, Key},
        blocks::{Setup, SharedWorld, World},
        script::{OURS, Script},
    },
};

/// A world in which our provider has so many validators, and as many that wait.
fn fleet(active: u64, waiting: u64) -> SharedWorld {
    let world = World::shared(Setup::open(1, active.max(1) + 100));
    let mut guard = world.lock();
    Script::new(1).begin(&mut guard);
    guard.populate(OURS, 1_000_000, active);
    let keys = (0..waiting).map(|n| Key::new(2_000_000 + n)).collect();
    let provider = OURS;
    guard.act(Action::AddKeys { provider, keys }).unwrap();
    guard.mine();
    for _ in 0..waiting {
        let stake = Action::Stake {
            provider,
            version: 1,
            withdrawer: steward::units::Address::repeat_byte(9),
            moves: true,
        };
        guard.act(stake).unwrap();
    }
    guard.mine();
    drop(guard);
    world
}

fn total(counts: &BTreeMap<&'static str, u64>) -> u64 {
    counts.values().sum()
}

/// Requests on the leader in each of 64 blocks in which nothing of ours is touched.
async fn per_block(active: u64) -> Vec<BTreeMap<&'static str, u64>> {
    let world = fleet(active, 0);
    let mut watched = Watched::new(&world, 2);
    watched.come_to_rest().await;
    for endpoint in &watched.endpoints {
        endpoint.take_requests();
    }
    let mut counts = Vec::new();
    for block in 0..64_u64 {
        watched.play(|world| {
            // Somebody else's keys, and what a rollup emits all day.
            let keys = vec![Key::new(5_000_000 + block)];
            if block % 3 == 0 {
                world.act(Action::AddKeys { provider: 2, keys }).unwrap();
            }
            world.mine();
        });
        let step = watched.step().await.unwrap();
        assert!(matches!(step, Step::Followed { blocks: 1, .. }), "{step:?}");
        counts.push(watched.endpoints[0].take_requests());
        assert_eq!(watched.endpoints[1].take_requests(), BTreeMap::new());
    }
    counts
}

#[tokio::test(start_paused = true)]
async fn a_block_costs_three_requests_whatever_the_fleet() {
    let small = per_block(10).await;
    let large = per_block(10_000).await;
    assert_eq!(small, large);
    // Finality has its own budget: one question of two requests and one re-scan in 32 blocks.
    let over: Vec<u64> = small
        .iter()
        .map(total)
        .filter(|count| *count != 3)
        .collect();
    assert!(over.len() <= 2, "{small:?}");
    assert!(over.iter().all(|count| *count <= 6), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_without_news_costs_one_request() {
    let world = fleet(10, 0);
    let mut watched = Watched::new(&world, 2);
    watched.come_to_rest().await;
    for endpoint in &watched.endpoints {
        endpoint.take_requests();
    }
    assert_eq!(watched.step().await.unwrap(), Step::Idle);
    let counts = watched.endpoints[0].take_requests();
    assert_eq!(counts, BTreeMap::from([("eth_getBlockByNumber", 1)]));
    assert_eq!(watched.endpoints[1].take_requests(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_of_a_thousand_active_and_a_thousand_queued_costs_ten_requests_at_most() {
    let world = fleet(1_000, 1_000);
    let mut watched = Watched::new(&world, 1);
    watched.endpoints[0].change(|manners| manners.gas_cap = Some(50_000_000));
    watched.come_to_rest().await;
    watched.watcher.audit_next().await.unwrap();
    watched.endpoints[0].take_requests();
    watched.play(|world| world.mine());
    watched.come_to_rest().await;
    let counts = watched.endpoints[0].take_requests();
    let calls = counts.get("eth_call").copied().unwrap_or(0);
    assert!(calls <= 10, "{counts:?}");
    watched.is_right().await;
}
