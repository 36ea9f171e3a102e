//! Several scripted endpoints as one source: who is asked, how often, and who is believed.

use tokio::time::{advance, pause};

use super::*;
use crate::{
    chain::{
        Call, CallAnswer, Log, LogFilter,
        agreement::Agreement,
        observe::Observed,
        scripted::{GENESIS, Rules, Scripted, WATCHED, World, view},
    },
    clock::ManualClock,
};

const HEAD: u64 = 100;

fn gone() -> ChainError {
    ChainError::Unavailable("gone".to_owned())
}

fn failing(error: ChainError) -> Rules {
    Rules {
        failing: Some(error),
        ..Rules::default()
    }
}

/// Endpoints `rpc-1`, `rpc-2`, ... at the head of `world`.
struct Scene {
    world: Arc<World>,
    chains: Vec<Arc<Scripted>>,
    clock: Arc<ManualClock>,
    endpoints: Endpoints,
}

fn scene_of(world: Arc<World>, head: u64, rules: Vec<Rules>) -> Scene {
    let chains: Vec<Arc<Scripted>> = rules
        .into_iter()
        .enumerate()
        .map(|(position, rules)| Scripted::new(&format!("rpc-{}", position + 1), &world, rules))
        .collect();
    let clock = Arc::new(ManualClock::new(UnixSeconds::new(GENESIS + 12 * head + 1)));
    let as_chain = |chain: &Arc<Scripted>| chain.clone() as Arc<dyn Chain>;
    let endpoints = Endpoints::new(
        chains.iter().map(as_chain).collect(),
        vec![],
        clock.clone(),
        Options::default(),
    );
    Scene {
        world,
        chains,
        clock,
        endpoints,
    }
}

/// A log in every third block.
fn scene(rules: Vec<Rules>) -> Scene {
    scene_of(World::new(HEAD, 0, |number| number % 3 == 0), HEAD, rules)
}

fn filter() -> LogFilter {
    LogFilter {
        addresses: vec![WATCHED],
        topics: vec![],
    }
}

fn calls(count: u64) -> Vec<Call> {
    (0..count)
        .map(|number| Call {
            to: WATCHED,
            data: Bytes::copy_from_slice(&number.to_be_bytes()),
        })
        .collect()
}

impl Scene {
    fn requests(&self, endpoint: &str, method: &str) -> u64 {
        let requests = self.endpoints.requests();
        requests[&EndpointName::new(endpoint)]
            .get(method)
            .copied()
            .unwrap_or(0)
    }

    fn all_requests(&self, endpoint: &str) -> u64 {
        self.endpoints.requests()[&EndpointName::new(endpoint)]
            .values()
            .sum()
    }

    fn state(&self, endpoint: &str) -> HealthState {
        let health = self.endpoints.health().into_iter();
        let mut health = health.filter(|health| health.endpoint.as_str() == endpoint);
        health.next().unwrap().state
    }

    async fn observe(&self, number: u64, count: u64) -> Result<Observed, ChainError> {
        let at = self.world.header(number);
        self.endpoints.observe(&at, &filter(), &calls(count)).await
    }

    fn honest(&self, number: u64, count: u64) -> Vec<CallAnswer> {
        let at = self.world.header(number);
        calls(count).iter().map(|call| view(&at, call)).collect()
    }
}

fn names(changes: &[HealthChange]) -> Vec<(String, HealthState)> {
    let name = |change: &HealthChange| (change.endpoint.to_string(), change.to);
    changes.iter().map(name).collect()
}

#[tokio::test]
async fn a_block_with_nothing_to_do_costs_three_requests_on_the_leader() {
    let scene = scene(vec![Rules::default(), Rules::default()]);
    let head = scene.endpoints.head().await.unwrap();
    let observed = scene
        .endpoints
        .observe(&head, &filter(), &calls(40))
        .await
        .unwrap();
    assert_eq!(observed.source.as_str(), "rpc-1");
    assert_eq!(observed.answers, scene.honest(HEAD, 40));
    assert_eq!(
        (scene.all_requests("rpc-1"), scene.all_requests("rpc-2")),
        (3, 0)
    );
}

#[tokio::test]
async fn another_takes_over_while_the_leader_fails_and_gives_back_by_itself() {
    pause();
    let scene = scene(vec![failing(gone()), Rules::default()]);
    for _ in 0..5 {
        assert_eq!(scene.observe(99, 3).await.unwrap().source.as_str(), "rpc-2");
        advance(Duration::from_secs(61)).await;
    }
    assert_eq!(scene.state("rpc-1"), HealthState::Down);
    scene.chains[0].set(Rules::default());
    assert_eq!(scene.observe(99, 3).await.unwrap().source.as_str(), "rpc-1");
    let changes = scene.endpoints.drain_health_changes();
    let expected = [HealthState::Down, HealthState::Healthy].map(|to| ("rpc-1".to_owned(), to));
    assert_eq!(names(&changes), expected);
    assert_eq!(
        changes[0].error.as_deref(),
        Some("the endpoint does not answer: gone")
    );
    assert!(scene.endpoints.drain_health_changes().is_empty());
}

#[tokio::test]
async fn a_resting_endpoint_is_not_asked() {
    pause();
    let scene = scene(vec![failing(gone()), Rules::default()]);
    for _ in 0..10 {
        scene.endpoints.head().await.unwrap();
    }
    assert_eq!(scene.all_requests("rpc-1"), 1);
    assert_eq!(scene.endpoints.leader(), Some(EndpointName::new("rpc-2")));
}

#[tokio::test]
async fn a_rate_limit_is_kept_even_by_the_only_endpoint() {
    pause();
    let limited = ChainError::RateLimited {
        retry_after: Some(Duration::from_secs(30)),
    };
    let scene = scene(vec![failing(limited)]);
    assert!(scene.endpoints.head().await.is_err());
    scene.chains[0].set(Rules::default());
    advance(Duration::from_secs(29)).await;
    let ChainError::RateLimited { retry_after } = scene.endpoints.head().await.unwrap_err() else {
        panic!("asked too early");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(1)));
    assert_eq!(scene.all_requests("rpc-1"), 1);
    advance(Duration::from_secs(2)).await;
    assert!(scene.endpoints.head().await.is_ok());
}

#[tokio::test]
async fn an_endpoint_whose_calls_fail_is_down_although_its_logs_come() {
    pause();
    let rules = Rules {
        failing_calls: Some(ChainError::PinIgnored),
        ..Rules::default()
    };
    let scene = scene(vec![rules, Rules::default()]);
    for _ in 0..3 {
        let observed = scene.observe(99, 3).await.unwrap();
        assert_eq!(
            (observed.source.as_str(), observed.logs.len()),
            ("rpc-2", 1)
        );
        advance(Duration::from_secs(61)).await;
    }
    assert_eq!(scene.state("rpc-1"), HealthState::Down);
}

#[tokio::test]
async fn a_block_that_is_not_yet_known_is_asked_for_again_without_blame() {
    pause();
    let rules = Rules {
        unknown_times: 2,
        ..Rules::default()
    };
    let scene = scene(vec![rules, Rules::default()]);
    let observed = scene.observe(99, 3).await.unwrap();
    assert_eq!(observed.source.as_str(), "rpc-1");
    assert_eq!(scene.all_requests("rpc-2"), 0);
    assert_eq!(scene.endpoints.health()[0].failures, 0);
}

#[tokio::test]
async fn the_third_unknown_block_in_a_row_is_the_endpoints_fault() {
    pause();
    let rules = Rules {
        behind: 5,
        ..Rules::default()
    };
    let scene = scene(vec![rules, Rules::default()]);
    let observed = scene.observe(99, 3).await.unwrap();
    assert_eq!(observed.source.as_str(), "rpc-2");
    assert_eq!(scene.requests("rpc-1", "eth_getLogs"), 3);
    assert_eq!(scene.endpoints.health()[0].failures, 1);
}

#[tokio::test]
async fn a_block_that_was_reorganised_away_is_nobodys_fault() {
    pause();
    let scene = scene(vec![Rules::default(), Rules::default()]);
    let elsewhere = World::new(HEAD, 7, |_| false).header(HEAD);
    let said = scene
        .endpoints
        .observe(&elsewhere, &filter(), &calls(3))
        .await;
    assert_eq!(said, Err(ChainError::UnknownBlock));
    assert!(
        scene
            .endpoints
            .health()
            .iter()
            .all(|health| health.failures == 0)
    );
}

#[tokio::test]
async fn logs_that_were_left_out_are_found_by_the_bloom() {
    let rules = Rules {
        hides_logs: true,
        ..Rules::default()
    };
    let scene = scene(vec![rules, Rules::default()]);
    let observed = scene.observe(99, 3).await.unwrap();
    assert_eq!(
        (observed.source.as_str(), observed.logs.len()),
        ("rpc-2", 1)
    );
    let health = &scene.endpoints.health()[0];
    assert!(
        health
            .last_error
            .as_deref()
            .unwrap()
            .contains("left out 1 logs that rpc-2 holds")
    );
}

#[tokio::test]
async fn an_empty_block_that_the_bloom_explains_is_not_asked_for_elsewhere() {
    let scene = scene(vec![Rules::default(), Rules::default()]);
    let observed = scene.observe(HEAD, 3).await.unwrap();
    assert_eq!((observed.logs.len(), observed.confirmed_by), (0, None));
    let mut open = scene.world.header(HEAD);
    open.logs_bloom = Bytes::new();
    let observed = scene
        .endpoints
        .observe(&open, &filter(), &calls(3))
        .await
        .unwrap();
    assert_eq!(observed.confirmed_by, Some(EndpointName::new("rpc-2")));
    assert_eq!(scene.all_requests("rpc-2"), 1);
}

#[tokio::test]
async fn the_size_of_an_aggregate_is_learnt_once() {
    let rules = Rules {
        aggregate_max: Some(100),
        ..Rules::default()
    };
    let scene = scene(vec![rules]);
    let at = scene.world.header(HEAD);
    assert_eq!(
        scene.endpoints.calls(&at, &calls(450)).await.unwrap(),
        scene.honest(HEAD, 450)
    );
    // 300 and 150 are refused, 75 is taken.
    assert_eq!(scene.requests("rpc-1", "eth_call"), 2 + 6);
    assert_eq!(
        scene.endpoints.calls(&at, &calls(75)).await.unwrap(),
        scene.honest(HEAD, 75)
    );
    assert_eq!(scene.requests("rpc-1", "eth_call"), 9);
}

#[tokio::test]
async fn a_call_that_starved_inside_an_aggregate_is_asked_again() {
    let rules = Rules {
        gas_calls: Some(6),
        ..Rules::default()
    };
    let scene = scene(vec![rules]);
    let at = scene.world.header(HEAD);
    let said = scene.endpoints.calls(&at, &calls(8)).await.unwrap();
    assert_eq!(said, scene.honest(HEAD, 8));
}

#[tokio::test]
async fn a_view_that_reverts_without_a_word_is_doubted_once() {
    let scene = scene(vec![Rules::default()]);
    let mut asked = calls(3);
    asked[1].data = Bytes::from_static(&[0xff; 4]);
    for (number, requests) in [(HEAD, 2), (99, 3), (98, 4)] {
        let at = scene.world.header(number);
        let said = scene.endpoints.calls(&at, &asked).await.unwrap();
        assert_eq!(said[1], CallAnswer::Reverted(Bytes::new()));
        assert_eq!(scene.requests("rpc-1", "eth_call"), requests);
    }
}

#[tokio::test]
async fn a_leader_that_stands_still_gives_way() {
    pause();
    let rules = Rules {
        behind: 20,
        ..Rules::default()
    };
    let scene = scene(vec![rules, Rules::default()]);
    for _ in 0..3 {
        let head = scene.endpoints.head().await.unwrap();
        assert_eq!(head.block.number.value(), HEAD);
        assert_eq!(scene.endpoints.leader(), Some(EndpointName::new("rpc-2")));
        advance(Duration::from_secs(61)).await;
    }
    assert_eq!(scene.state("rpc-1"), HealthState::Down);
    let trouble = || scene.endpoints.health()[0].trouble;
    assert_eq!(trouble(), Some(Trouble::Lags(20)));
    let told = scene.endpoints.health()[0].last_error.clone();
    let expected = "its newest block is 20 blocks behind that of rpc-2";
    assert_eq!(told.as_deref(), Some(expected));
    scene.chains[0].set(Rules::default());
    scene.endpoints.head().await.unwrap();
    assert_eq!(scene.state("rpc-1"), HealthState::Healthy);
    assert_eq!(trouble(), None);
}

#[tokio::test]
async fn an_idle_chain_is_no_fault() {
    let scene = scene(vec![Rules::default(), Rules::default()]);
    scene.clock.advance(Duration::from_secs(3600));
    assert_eq!(
        scene.endpoints.head().await.unwrap(),
        scene.world.header(HEAD)
    );
    assert!(
        scene
            .endpoints
            .health()
            .iter()
            .all(|health| health.failures == 0)
    );
}

#[tokio::test]
async fn finality_is_unknown_where_no_endpoint_has_the_words() {
    let rules = Rules {
        no_finality: true,
        ..Rules::default()
    };
    let alone = scene(vec![rules.clone()]);
    assert_eq!(alone.endpoints.finality().await, Ok(Finality::default()));
    let helped = scene(vec![rules, Rules::default()]);
    let finality = helped.endpoints.finality().await.unwrap();
    assert_eq!(
        finality.finalized,
        Some(helped.world.header(HEAD - 64).block)
    );
    let dead = scene(vec![failing(gone())]);
    assert_eq!(dead.endpoints.finality().await, Err(gone()));
}

#[tokio::test]
async fn who_has_not_the_words_of_finality_is_asked_seldom_and_not_blamed() {
    pause();
    let rules = Rules {
        no_finality: true,
        ..Rules::default()
    };
    let alone = scene(vec![rules]);
    for _ in 0..5 {
        assert_eq!(alone.endpoints.finality().await, Ok(Finality::default()));
        advance(Duration::from_secs(100)).await;
    }
    assert_eq!(alone.all_requests("rpc-1"), 2);
    let health = alone.endpoints.health().remove(0);
    assert_eq!((health.failures, health.last_error), (0, None));
    alone.chains[0].set(Rules::default());
    advance(Duration::from_secs(101)).await;
    let finality = alone.endpoints.finality().await.unwrap();
    assert_eq!(
        finality.finalized,
        Some(alone.world.header(HEAD - 64).block)
    );
}

#[tokio::test]
async fn an_absent_header_is_none_and_an_unread_one_an_error() {
    let scene = scene(vec![failing(gone()), Rules::default()]);
    let beyond = BlockTag::Number(BlockNumber::new(HEAD + 1));
    assert_eq!(scene.endpoints.header(beyond).await, Ok(None));
    let known = BlockTag::Hash(scene.world.header(7).block.hash);
    let header = scene.endpoints.header(known).await.unwrap();
    assert_eq!(header, Some(scene.world.header(7)));
    scene.chains[1].set(failing(gone()));
    assert_eq!(scene.endpoints.header(beyond).await, Err(gone()));
}

#[tokio::test]
async fn chains_are_identified_and_a_foreign_one_excluded() {
    pause();
    let scene = scene(vec![Rules::default(), failing(gone())]);
    let ids = scene.endpoints.identify().await;
    assert_eq!(ids[0], (EndpointName::new("rpc-1"), Ok(1)));
    assert_eq!(ids[1], (EndpointName::new("rpc-2"), Err(gone())));
    scene.endpoints.exclude(&EndpointName::new("rpc-1"), 1, 5);
    advance(Duration::from_secs(9999)).await;
    scene.chains[1].set(Rules::default());
    scene.endpoints.head().await.unwrap();
    assert_eq!(scene.requests("rpc-1", "eth_getBlockByNumber"), 0);
}

#[tokio::test]
async fn storage_and_code_are_read() {
    let scene = scene(vec![failing(gone()), Rules::default()]);
    let (at, slot) = (scene.world.header(HEAD), B256::repeat_byte(9));
    assert_eq!(scene.endpoints.storage(&at, WATCHED, slot).await, Ok(slot));
    let code = scene.endpoints.code(WATCHED).await;
    assert_eq!(code, Ok(Bytes::from_static(&[0x60])));
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_known() {
    let scene = scene(vec![]);
    assert!(matches!(
        scene.endpoints.head().await,
        Err(ChainError::Unavailable(_))
    ));
}

#[test]
fn the_watcher_may_move_between_threads() {
    fn moves<T: Send>(_: &T) {}
    let scene = scene(vec![]);
    let (at, filter, log) = (scene.world.header(1), filter(), scene.world.log(3));
    let endpoints = &scene.endpoints;
    moves(&endpoints.head());
    moves(&endpoints.finality());
    moves(&endpoints.identify());
    moves(&endpoints.observe(&at, &filter, &[]));
    moves(&endpoints.logs(at.block.number, at.block.number, &filter));
    moves(&endpoints.holds_logs(&log));
}

#[path = "endpoints_tests/history.rs"]
mod history;
#[path = "endpoints_tests/votes.rs"]
mod votes;
