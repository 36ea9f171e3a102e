//! What the watcher makes of endpoints that keep logs to themselves, forget, contradict each other, or know no final block.

use std::{sync::Arc, time::Duration};

use alloy::sol_types::SolEvent;
use steward::{
    alert::facts::Facts,
    attester::Stage,
    chain::{ChainError, contracts::abi},
    clock::Clock,
    desk::{Desk, Letterhead},
    units::{ProviderId, RollupVersion},
    watcher::completeness::MissingFact,
};

use crate::{
    agreement::bureau,
    watched::{NETWORK, Watched},
    watching::{attester, flush, standing, watched},
    world::{
        blocks::World,
        endpoint::{Lie, Pruning},
        script::OURS,
    },
};

/// An endpoint no longer tells of deposits.
fn keep_deposits_back(watched: &Watched, endpoint: usize) {
    let dropped = abi::Rollup::Deposit::SIGNATURE_HASH;
    watched.endpoints[endpoint].change(|manners| manners.lies = vec![Lie::DropsLogs(dropped)]);
}

#[tokio::test(start_paused = true)]
async fn logs_that_an_endpoint_keeps_to_itself_are_found_by_an_audit() {
    let mut watched = watched(4, 1);
    watched.is_right().await;
    keep_deposits_back(&watched, 0);
    watched.play(|world| {
        flush(world);
        // The queue is shorter than the logs say: seen at once, and the sweep of the next block repairs it.
        world.mine();
    });
    watched.come_to_rest().await;
    {
        let state = watched.writer.read().await;
        assert!(!state.progress_of(NETWORK).faults.is_empty());
    }
    watched.play(|world| world.pass(700));
    watched.come_to_rest().await;
    assert_eq!(standing(&watched, 0).await.0, Stage::Active);
    watched.play(|world| world.pass(700));
    watched.come_to_rest().await;
    let state = watched.writer.read().await;
    assert_eq!(state.progress_of(NETWORK).faults, []);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_nobody_holds_is_named_and_nothing_depends_on_it() {
    let mut watched = watched(4, 2);
    watched.play(|world| {
        flush(world);
        world.mine_many(200);
    });
    let height = watched.play(|world| world.head().block.number.value());
    for endpoint in &watched.endpoints {
        endpoint.change(|manners| manners.pruned = Some((height - 20, Pruning::Silent)));
    }
    watched.come_to_rest().await;
    let state = watched.writer.read().await;
    let book = state.book(NETWORK).unwrap();
    let summary = book.summary();
    assert_eq!(summary.is_complete, Some(false));
    assert_eq!(
        summary.first_block, summary.cursor.number,
        "before it, nobody remembers"
    );
    let forgetful = state.progress_of(NETWORK).forgetful;
    let forgetful: Vec<&str> = forgetful.iter().map(|one| one.as_str()).collect();
    assert_eq!(forgetful, ["rpc-1", "rpc-2"]);
    let provider = ProviderId::new(OURS);
    let expected = [
        MissingFact::Canonical {
            rollups: 1,
            seen: 0,
        },
        MissingFact::Providers {
            first: vec![provider, ProviderId::new(2)],
            count: 2,
        },
        MissingFact::ProviderQueue {
            provider,
            folded: 0,
            read: 6,
        },
    ];
    for fact in &expected {
        assert!(summary.missing.contains(fact), "{:?}", summary.missing);
    }
    // What waits is read from the contract.
    let queued = book.attesters.row(&attester(5)).unwrap();
    assert_eq!(queued.standing.stage, Stage::InStakingProviderQueue);
    let latest = book.summary().latest;
    assert_eq!(latest, Some(RollupVersion::new(1)));
}

/// The leader answers `[]` for what it forgot; the other one is not there at first.
#[tokio::test(start_paused = true)]
async fn history_is_read_from_the_endpoint_that_remembers_it() {
    for is_late in [false, true] {
        let mut watched = watched(4, 2);
        watched.play(|world| {
            flush(world);
            world.mine_many(200);
        });
        let height = watched.play(|world| world.head().block.number.value());
        watched.endpoints[0].change(|manners| {
            manners.pruned = Some((height - 20, Pruning::Silent));
        });
        if is_late {
            watched.endpoints[1].fail_next(ChainError::Unavailable("502".to_owned()));
        }
        watched.is_right().await;
        watched.is_complete().await;
        assert_eq!(standing(&watched, 0).await.0, Stage::Active);
        let state = watched.writer.read().await;
        assert!(state.progress_of(NETWORK).forgetful.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn where_every_endpoint_refuses_old_logs_reading_begins_where_they_begin() {
    let mut watched = watched(4, 2);
    watched.play(|world| {
        flush(world);
        world.mine_many(200);
    });
    let held = watched.play(|world| world.head().block.number.value() - 120);
    for endpoint in &watched.endpoints {
        endpoint.change(|manners| manners.pruned = Some((held, Pruning::Refusing)));
    }
    watched.come_to_rest().await;
    let state = watched.writer.read().await;
    let summary = state.book(NETWORK).unwrap().summary();
    assert_eq!(summary.first_block.value(), held);
    assert_eq!(summary.is_complete, Some(false));
    assert_eq!(state.progress_of(NETWORK).forgetful.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn endpoints_of_another_chain_are_left_alone() {
    let mut watched = watched(2, 2);
    watched.endpoints[0].change(|manners| manners.chain_id = Some(1));
    watched.watcher.identify(31_337).await.unwrap();
    watched.endpoints[0].take_requests();
    watched.is_right().await;
    assert!(watched.endpoints[0].requests().is_empty());
    let alone = self::watched(2, 1);
    let error = alone.watcher.identify(1).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the endpoints serve chain 31337, and the network lives on chain 1; check the RPC URLs"
    );
}

/// The card of an endpoint says what is wrong with it, and not only that something is.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_lags_or_serves_another_chain_is_told_as_what_it_is() {
    let mut watched = watched(2, 3);
    watched.endpoints[2].change(|manners| manners.chain_id = Some(1));
    watched.watcher.identify(31_337).await.unwrap();
    watched.is_right().await;
    watched.endpoints[0].change(|manners| manners.lag_blocks = 20);
    watched.play(|world| world.mine_many(40));
    for _ in 0..4 {
        watched.step().await.unwrap();
        // The leader's newest block is old by now, so the others are asked for theirs.
        watched.clock.advance(Duration::from_secs(600));
        watched.watcher.step().await.unwrap();
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    let desk = Desk::new(
        Letterhead::default(),
        vec![bureau(Some(Arc::clone(&watched.source)))],
    );
    let now = watched.clock.now_ms();
    for now_ms in [now, now + 120_000] {
        let judged = watched.writer.commit(|state, _| {
            desk.judge(state, NETWORK, now_ms);
            Ok::<_, std::convert::Infallible>(())
        });
        judged.await.unwrap();
    }
    let state = watched.writer.read().await;
    let rows = state.incidents[NETWORK].rows.rows();
    let mut told: Vec<String> = rows
        .filter_map(|(_, incident)| match &incident.facts {
            Facts::Endpoint(facts) => Some(format!("{}: {:?}", facts.endpoint, facts.fault)),
            _ => None,
        })
        .collect();
    told.sort();
    let expected = [
        "rpc-1: Lags(20)",
        "rpc-3: WrongChain { found: 1, expected: 31337 }",
    ];
    assert_eq!(told, expected);
}

#[tokio::test(start_paused = true)]
async fn news_is_confirmed_by_other_endpoints_with_two_requests_each() {
    let mut watched = watched(4, 3);
    watched.is_right().await;
    for endpoint in &watched.endpoints {
        endpoint.take_requests();
    }
    watched.play(flush);
    watched.is_right().await;
    // Two of three are a majority: the third need not be asked.
    let totals: Vec<u64> = watched.endpoints[1..]
        .iter()
        .map(|endpoint| endpoint.take_requests().values().sum())
        .collect();
    assert_eq!(totals, [2, 0]);
    let happened = watched.recorder.happenings.lock().unwrap().join("\n");
    assert!(
        happened.contains("Agreed { of: 2, total: 3, dissent: [] }"),
        "{happened}"
    );
    let state = watched.writer.read().await;
    assert!(state.book(NETWORK).unwrap().disagreements.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_contradiction_is_written_down_with_who_said_what() {
    let mut watched = watched(4, 2);
    watched.is_right().await;
    keep_deposits_back(&watched, 1);
    watched.play(flush);
    watched.is_right().await;
    let state = watched.writer.read().await;
    let book = state.book(NETWORK).unwrap();
    let (_, row) = book.disagreements.rows().next().unwrap();
    let said: Vec<(&str, u64)> = row
        .said
        .iter()
        .map(|said| (said.endpoint.as_str(), said.logs))
        .collect();
    assert_eq!(said, [("rpc-1", 12), ("rpc-2", 8)]);
}

/// Clients refuse the words `safe` and `finalized` in as many ways as there are clients.
#[tokio::test(start_paused = true)]
async fn an_endpoint_that_knows_no_final_block_is_not_blamed_for_it() {
    let mut watched = watched(2, 1);
    watched.endpoints[0].change(|manners| manners.has_tags = false);
    watched.play(|world| world.mine_many(300));
    watched.is_right().await;
    for _ in 0..6 {
        watched.play(|world| world.mine_many(33));
        watched.is_right().await;
    }
    let health = watched.source.health().remove(0);
    assert_eq!((health.failures, health.last_error), (0, None));
    let state = watched.writer.read().await;
    assert_eq!(state.progress_of(NETWORK).finalized, None);
}

/// Blocks near the head whose state is gone, as on an L1 that was loaded from a file: `UnknownBlock` of a block that is
/// held takes 0.6 s to be believed, and there may be 64 of them.
#[tokio::test(start_paused = true)]
async fn blocks_whose_state_nobody_holds_are_not_waited_for_one_by_one() {
    let denials = [
        ChainError::UnknownBlock,
        ChainError::Pruned("missing trie node".to_owned()),
        ChainError::PinIgnored,
    ];
    for denial in denials {
        let mut watched = watched(2, 1);
        watched.endpoints[0].change(|manners| {
            (manners.states_kept, manners.stateless) = (3, denial.clone());
        });
        watched.play(|world| {
            flush(world);
            world.mine_many(60);
        });
        let start = tokio::time::Instant::now();
        watched.is_right().await;
        let waited = start.elapsed();
        assert!(waited < Duration::from_secs(1), "{denial}: {waited:?}");
        let calls = watched.endpoints[0].requests()["eth_call"];
        assert!(calls < 40, "{denial}: {calls}");
        let health = watched.source.health().remove(0);
        assert_eq!((health.failures, health.last_error), (0, None), "{denial}");
    }
}

/// Where no endpoint tells finality, the configured depth does: ranges end at it, and undo records go with it.
#[tokio::test(start_paused = true)]
async fn a_configured_depth_stands_for_finality_where_nobody_tells_it() {
    const DEPTH: u64 = 100;
    let first = watched(2, 1);
    let mut subject = first.subject.clone();
    subject.finality_depth = Some(DEPTH);
    let mut watched = Watched::of(&first.world, 1, subject);
    watched.endpoints[0].change(|manners| manners.has_tags = false);
    watched.play(|world| world.mine_many(300));
    watched.is_right().await;
    // The blocks that are not final were read one by one, so that they can be taken back.
    watched.play(|world| world.reorg(DEPTH - 10, |_| true));
    watched.play(World::mine);
    watched.is_right().await;
    watched.play(|world| world.mine_many(40));
    watched.is_right().await;
    let state = watched.writer.read().await;
    let cursor = state.book(NETWORK).unwrap().summary().cursor;
    let finalized = state.progress_of(NETWORK).finalized.unwrap();
    let behind = cursor.number.since(finalized.number);
    assert!((DEPTH..DEPTH + 64).contains(&behind), "{behind}");
}
