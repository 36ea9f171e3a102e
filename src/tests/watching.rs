//! What the watcher makes of single misfortunes, each small enough to be followed by eye.

use steward::{
    attester::{Reason, Stage, change::Change},
    chain::contracts::QueueConfig,
    units::{Address, AttesterAddress, ProviderId, U256},
    watcher::{ProviderRef, Step, WatchError},
};

use crate::{
    agreement::with_desk,
    watched::{NETWORK, Watched},
    world::{
        action::{Action, Key},
        blocks::{Setup, World},
        script::OURS,
    },
};

pub const ADMIN: Address = Address::repeat_byte(0xa1);
const DELEGATOR: Address = Address::repeat_byte(0xd1);

fn tokens(count: u64) -> U256 {
    U256::from(count) * U256::from(10).pow(U256::from(18))
}

pub fn attester(seed: u64) -> AttesterAddress {
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

pub fn stake(world: &mut World, count: u64) {
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

pub async fn standing(watched: &Watched, seed: u64) -> (Stage, Reason) {
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

/// Goal: the chart of `/status` shows what was. Method: ours move from one queue to the other between hours; what blocks
/// said that are gone is not kept, and a restart forgets nothing.
#[tokio::test(start_paused = true)]
async fn every_hour_is_counted_once_and_anew_where_its_blocks_are_gone() {
    let counts = async |watched: &Watched| -> Vec<[u64; 5]> {
        let state = watched.writer.read().await;
        let census = state.census.get(NETWORK).unwrap();
        census.counts().map(|count| count.of).collect()
    };
    let mut watched = with_desk(watched(2, 1));
    watched.is_right().await;
    for staked in [1, 3] {
        watched.play(|world| {
            world.pass(3_600);
            stake(world, staked);
            world.mine();
        });
        watched.is_right().await;
    }
    watched.play(|world| world.pass(3_600));
    watched.is_right().await;
    // The first hour began with nothing.
    let seen = [[0; 5], [0, 8, 2, 0, 0], [0, 7, 3, 0, 0], [0, 4, 6, 0, 0]];
    assert_eq!(counts(&watched).await, seen);
    watched.play(|world| world.reorg(3, |_| false));
    watched.is_right().await;
    let kept = counts(&watched).await;
    assert_eq!(kept, seen[..2]);
    watched.restart();
    watched.is_right().await;
    assert_eq!(counts(&watched).await, kept);
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
