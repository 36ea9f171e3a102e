//! What the watcher makes of single misfortunes, each small enough to be followed by eye.

use std::time::Duration;

use alloy::sol_types::SolEvent;
use steward::{
    attester::{Reason, Stage, change::Change},
    chain::{
        ChainError,
        contracts::{QueueConfig, abi},
    },
    units::{Address, AttesterAddress, ProviderId, RollupVersion, U256},
    watcher::{ProviderRef, Step, WatchError, completeness::MissingFact},
};

use crate::{
    watched::{NETWORK, Watched},
    world::{
        action::{Action, Key},
        blocks::{Setup, World},
        endpoint::{Lie, Pruning},
        script::OURS,
    },
};

const ADMIN: Address = Address::repeat_byte(0xa1);
const DELEGATOR: Address = Address::repeat_byte(0xd1);

fn tokens(count: u64) -> U256 {
    U256::from(count) * U256::from(10).pow(U256::from(18))
}

fn attester(seed: u64) -> AttesterAddress {
    Key::new(seed).attester.into()
}

/// A world with two providers, of which ours has keys 0 to 9, the first `staked` of them in the entry queue.
pub fn watched(staked: u64, endpoints: usize) -> Watched {
    let mut setup = Setup::open(1, 8);
    (setup.finalized_depth, setup.safe_depth) = (40, 20);
    let world = World::shared(setup);
    {
        let mut world = world.lock();
        for admin in [ADMIN, Address::repeat_byte(0xa2)] {
            let register = Action::RegisterProvider {
                admin,
                take_rate: 500,
                recipient: admin,
            };
            world.act(register).unwrap();
        }
        let keys = (0..10).map(Key::new).collect();
        let add = Action::AddKeys {
            provider: OURS,
            keys,
        };
        world.act(add).unwrap();
        world.mine();
        stake(&mut world, staked);
        world.mine();
    }
    Watched::new(&world, endpoints)
}

fn stake(world: &mut World, count: u64) {
    for _ in 0..count {
        let version = world.contracts().canonical();
        let stake = Action::Stake {
            provider: OURS,
            version,
            withdrawer: DELEGATOR,
            moves: true,
        };
        world.act(stake).unwrap();
    }
}

pub fn flush(world: &mut World) {
    let version = world.contracts().canonical();
    world
        .act(Action::Flush {
            version,
            to_add: 100,
        })
        .unwrap();
    world.mine();
}

fn slash(world: &mut World, seed: u64, amount: u64) {
    let slash = Action::Slash {
        version: 1,
        attester: Key::new(seed).attester,
        amount: tokens(amount),
    };
    world.act(slash).unwrap();
}

async fn standing(watched: &Watched, seed: u64) -> (Stage, Reason) {
    let state = watched.writer.read().await;
    let row = state.book(NETWORK).unwrap().attesters.row(&attester(seed));
    row.map(|row| (row.standing.stage, row.standing.reason))
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_reorg_during_a_long_absence_is_noticed() {
    let mut watched = watched(0, 1);
    watched.play(|world| {
        stake(world, 3);
        world.mine();
    });
    watched.is_right().await;
    watched.play(|world| {
        world.reorg(1, |_| false);
        world.mine_many(150);
    });
    watched.is_right().await;
    assert_eq!(standing(&watched, 0).await.0, Stage::InStakingProviderQueue);
}

/// A new slasher in the block leaves the fold in doubt about ejections, and the views settle it: in the order of the chain.
#[tokio::test(start_paused = true)]
async fn what_views_tell_of_a_block_is_told_in_the_order_of_its_events() {
    let mut watched = watched(6, 1);
    watched.play(flush);
    watched.is_right().await;
    let order = [3, 0, 4, 1];
    assert!(!order.map(attester).is_sorted());
    watched.play(|world| {
        world.act(Action::SetSlasher { version: 1 }).unwrap();
        for seed in order {
            slash(world, seed, 150_000);
        }
        world.mine();
    });
    watched.recorder.changes.lock().unwrap().clear();
    watched.is_right().await;
    let changes = watched.recorder.changes.lock().unwrap();
    let ejected: Vec<AttesterAddress> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Standing { attester, to, .. } if to.stage == Stage::NoLongerActive => {
                Some(*attester)
            }
            _ => None,
        })
        .collect();
    assert_eq!(ejected, order.map(attester));
}

#[tokio::test(start_paused = true)]
async fn a_rollup_that_a_reorg_takes_back_is_forgotten() {
    let mut watched = watched(2, 1);
    watched.play(flush);
    watched.is_right().await;
    watched.play(|world| {
        let config = world.contracts().rollup(1).unwrap().config;
        world.act(Action::AddRollup { version: 2, config }).unwrap();
        world.mine();
    });
    watched.is_right().await;
    watched.play(|world| world.reorg(1, |_| false));
    watched.is_right().await;
    let state = watched.writer.read().await;
    assert_eq!(state.book(NETWORK).unwrap().rollups.len(), 1);
}

/// The process dies when it has found the new rollup, and the block goes away before it is back.
#[tokio::test(start_paused = true)]
async fn a_rollup_whose_block_was_never_committed_leaves_nothing_behind() {
    let mut watched = watched(2, 1);
    watched.is_right().await;
    watched.play(|world| {
        let config = world.contracts().rollup(1).unwrap().config;
        world.act(Action::AddRollup { version: 2, config }).unwrap();
        world.mine();
    });
    watched
        .store
        .fail_next_commit(steward::store::memory::Fault::CrashBefore);
    assert!(watched.step().await.is_err());
    watched.play(|world| world.reorg(1, |_| false));
    watched.is_right().await;
    let state = watched.writer.read().await;
    assert_eq!(state.book(NETWORK).unwrap().rollups.len(), 1);
}

/// The block that registers a rollup is a little below the head, and its state is gone: the rollup is found at the head.
#[tokio::test(start_paused = true)]
async fn a_rollup_is_found_although_nobody_holds_the_state_of_its_block() {
    let mut watched = watched(2, 1);
    watched.is_right().await;
    for endpoint in &watched.endpoints {
        endpoint.change(|manners| manners.states_kept = 3);
    }
    watched.play(|world| {
        let config = world.contracts().rollup(1).unwrap().config;
        world.act(Action::AddRollup { version: 2, config }).unwrap();
        world.mine_many(20);
    });
    watched.is_right().await;
    let state = watched.writer.read().await;
    assert_eq!(state.book(NETWORK).unwrap().rollups.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn parameters_that_changed_during_an_absence_are_those_of_the_head() {
    let mut watched = watched(2, 1);
    watched.is_right().await;
    watched.play(|world| {
        for size in [3, 2] {
            let config = QueueConfig {
                normal_flush_size_min: size,
                ..world.contracts().rollup(1).unwrap().config.queue
            };
            let set = Action::SetQueueConfig { version: 1, config };
            world.act(set).unwrap();
            world.act(Action::SetSlasher { version: 1 }).unwrap();
            world.mine_many(70);
        }
    });
    watched.is_right().await;
}

/// Anybody can register as a provider and add any address to its queue.
#[tokio::test(start_paused = true)]
async fn a_stranger_who_adds_our_attesters_takes_nothing_away() {
    let mut watched = watched(2, 1);
    watched.play(flush);
    watched.is_right().await;
    watched.play(|world| {
        let keys = (0..10).map(Key::new).collect();
        world.act(Action::AddKeys { provider: 2, keys }).unwrap();
        world.mine();
        let drip = Action::Drip {
            provider: 2,
            count: 10,
        };
        world.act(drip).unwrap();
        world.mine();
    });
    watched.is_right().await;
    assert_eq!(standing(&watched, 0).await.0, Stage::Active);
    assert_eq!(standing(&watched, 5).await.0, Stage::InStakingProviderQueue);
    let state = watched.writer.read().await;
    let members = state.book(NETWORK).unwrap().members(ProviderId::new(OURS));
    assert_eq!(members.count(), 10);
}

#[tokio::test(start_paused = true)]
async fn the_unlock_of_an_exit_survives_a_crash_at_any_commit() {
    use steward::store::memory::Fault;
    for fault in [Fault::CrashBefore, Fault::CrashAfter] {
        let mut watched = watched(2, 1);
        watched.play(flush);
        watched.is_right().await;
        watched.play(|world| {
            let leave = Action::InitiateWithdraw {
                version: 1,
                caller: DELEGATOR,
                attester: Key::new(0).attester,
                recipient: DELEGATOR,
            };
            world.act(leave).unwrap();
            world.mine();
        });
        watched.store.fail_next_commit(fault);
        assert!(watched.step().await.is_err());
        watched.is_right().await;
        assert_eq!(watched.crashes, 1);
    }
}

/// The threshold is lowered before the slash and raised after it, all in blocks that were not read one by one.
#[tokio::test(start_paused = true)]
async fn a_slash_is_never_judged_by_a_later_threshold() {
    let mut watched = watched(2, 1);
    watched.play(flush);
    watched.is_right().await;
    watched.play(|world| {
        let set = |threshold| Action::SetLocalEjectionThreshold {
            version: 1,
            threshold: tokens(threshold),
        };
        world.mine_many(90);
        world.act(Action::SetSlasher { version: 1 }).unwrap();
        slash(world, 0, 5_000);
        world.mine();
        world.act(set(199_000)).unwrap();
        world.mine();
        world.mine_many(3);
    });
    watched.is_right().await;
    assert_eq!(standing(&watched, 0).await.1, Reason::FollowsLatest);
    let state = watched.writer.read().await;
    let book = state.book(NETWORK).unwrap();
    let transitions = book.attesters.row(&attester(0)).unwrap().transitions;
    assert_eq!(transitions, 3, "into two queues and the set, and never out");
}

#[tokio::test(start_paused = true)]
async fn logs_that_an_endpoint_keeps_to_itself_are_found_by_an_audit() {
    let mut watched = watched(4, 1);
    watched.is_right().await;
    let dropped = abi::Rollup::Deposit::SIGNATURE_HASH;
    watched.endpoints[0].change(|manners| manners.lies = vec![Lie::DropsLogs(dropped)]);
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
async fn a_final_block_that_goes_away_stops_the_network() {
    let mut watched = watched(2, 1);
    watched.play(|world| world.mine_many(100));
    watched.is_right().await;
    watched.play(|world| world.mine_many(40));
    watched.is_right().await;
    watched.play(|world| world.reorg(120, |_| false));
    let mut last = Step::Idle;
    for _ in 0..5 {
        last = watched.step().await.unwrap();
    }
    assert!(matches!(last, Step::Stopped(_)), "{last:?}");
    let Step::Stopped(why) = last else { return };
    assert!(why.contains("final"), "{why}");
}

/// A person who has looked at the endpoints has the network read again: from its first block, and in silence about what
/// was told before.
#[tokio::test(start_paused = true)]
async fn a_stopped_network_goes_on_when_a_person_says_so() {
    let mut watched = watched(2, 1);
    watched.play(flush);
    watched.play(|world| world.mine_many(100));
    watched.is_right().await;
    let refused = watched.watcher.resume("ada", "to see").await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sim is not stopped, and nothing of its history is missing"
    );
    watched.play(|world| world.mine_many(40));
    watched.is_right().await;
    let told_to = watched.play(|world| world.head().block.number);
    watched.play(|world| {
        world.reorg(120, |_| true);
        stake(world, 1);
        world.mine();
    });
    while !matches!(watched.step().await.unwrap(), Step::Stopped(_)) {}
    watched.restart();
    let resumed = watched
        .watcher
        .resume("ada", "rpc-1 was right")
        .await
        .unwrap();
    assert_eq!((resumed.by.as_str(), resumed.floor), ("ada", told_to));
    watched.restart();
    watched.play(|world| world.mine_many(80));
    watched.is_right().await;
    watched.is_complete().await;
    watched.is_durable().await;
    let state = watched.writer.read().await;
    let progress = state.progress_of(NETWORK);
    assert_eq!(progress.resumptions, [resumed]);
    assert_eq!((progress.stopped, progress.floor), (None, told_to));
    let store = watched.writer.store();
    let book = state.book(NETWORK).unwrap();
    let history = book.history.of(store.as_ref(), attester(0), 100).unwrap();
    assert_eq!(history.len(), 3, "the old history is gone: {history:?}");
}

async fn refusal(provider: ProviderRef, registry: Option<Address>) -> String {
    let first = watched(2, 1);
    let mut subject = first.subject.clone();
    subject.provider = provider;
    subject.staking_registry = registry.unwrap_or(subject.staking_registry);
    let mut watched = Watched::of(&first.world, 1, subject);
    let error = watched.step().await.unwrap_err();
    assert!(!error.is_fatal());
    match error {
        WatchError::Discovery(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_not_there_is_told_with_what_to_check() {
    let nowhere = Address::repeat_byte(0x77);
    let told = [
        refusal(ProviderRef::Id(ProviderId::new(0)), None).await,
        refusal(ProviderRef::Id(ProviderId::new(9)), None).await,
        refusal(ProviderRef::Admin(nowhere), None).await,
        refusal(ProviderRef::Id(ProviderId::new(1)), Some(nowhere)).await,
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    providers are numbered from 1; check PROVIDER_ID
    there is no provider 9: the StakingRegistry has 2; check PROVIDER_ID and the network
    none of the 2 providers of the StakingRegistry 0x9c40DaB09a13d08B82b8fD13F45706B2Ffb5175e has the admin 0x7777777777777777777777777777777777777777; check PROVIDER_ADMIN, or set PROVIDER_ID if the admin was changed
    the StakingRegistry at 0x7777777777777777777777777777777777777777 does not answer nextProviderIdentifier as it should: no contract lives there; check the address and the network
    ");
}

#[tokio::test(start_paused = true)]
async fn a_provider_named_by_its_admin_stays_the_same_when_the_admin_changes() {
    let first = watched(2, 1);
    let mut subject = first.subject.clone();
    subject.provider = ProviderRef::Admin(ADMIN);
    let mut watched = Watched::of(&first.world, 1, subject);
    watched.is_right().await;
    watched.play(|world| {
        let admin = Address::repeat_byte(0x55);
        let provider = OURS;
        world.act(Action::ProposeAdmin { provider, admin }).unwrap();
        world.act(Action::AcceptAdmin { provider }).unwrap();
        world.mine();
    });
    watched.is_right().await;
    watched.restart();
    watched.play(World::mine);
    watched.is_right().await;
    let state = watched.writer.read().await;
    let provider = state.progress_of(NETWORK).provider;
    let named = (ProviderRef::Admin(ADMIN), ProviderId::new(OURS));
    assert_eq!(provider, Some(named));
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
    let dropped = abi::Rollup::Deposit::SIGNATURE_HASH;
    watched.endpoints[1].change(|manners| manners.lies = vec![Lie::DropsLogs(dropped)]);
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
