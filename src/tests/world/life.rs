//! The model of the contracts against what the real ones did.

use steward::{
    chain::{
        Log,
        contracts::{self, Decoded, abi, answer, call},
    },
    provider::entry_queue::{Entry, QueueFacts, forecast_all},
    units::{Address, Epoch, U256, UnixSeconds},
};

use super::{
    action::{Action, Key, Revert},
    blocks::{Setup, World},
    rollup::Rollup,
    slashing::Target,
    truth::roles,
};

const ADMIN: Address = Address::repeat_byte(0xa1);
const DELEGATOR: Address = Address::repeat_byte(0xd1);
const NONE: u8 = 0;
const VALIDATING: u8 = 1;
const ZOMBIE: u8 = 2;
const EXITING: u8 = 3;

fn tokens(count: u64) -> U256 {
    U256::from(count) * U256::from(10).pow(U256::from(18))
}

/// A world in which our provider has keys 0 to `keys` - 1.
fn world(setup: Setup, keys: u64) -> World {
    let mut world = World::new(setup);
    let register = Action::RegisterProvider {
        admin: ADMIN,
        take_rate: 500,
        recipient: ADMIN,
    };
    world.act(register).unwrap();
    let keys = (0..keys).map(Key::new).collect();
    world.act(Action::AddKeys { provider: 1, keys }).unwrap();
    world.mine();
    world
}

fn attester(seed: u64) -> Address {
    Key::new(seed).attester
}

fn stake(world: &mut World, count: u64, moves: bool) {
    for _ in 0..count {
        let stake = Action::Stake {
            provider: 1,
            version: world.contracts().canonical(),
            withdrawer: DELEGATOR,
            moves,
        };
        world.act(stake).unwrap();
    }
}

fn flush(world: &mut World, version: u64) {
    let flush = Action::Flush {
        version,
        to_add: 100,
    };
    world.act(flush).unwrap();
    world.mine();
}

/// Somebody calls at the start of every epoch until the entry queue is empty.
fn flush_all(world: &mut World, version: u64) {
    while world.contracts().rollup(version).unwrap().entry_queue.len() > 0 {
        world.pass(48);
        flush(world, version);
    }
}

/// What the contracts of the newest block answer to `view`.
fn view<C: alloy::sol_types::SolCall>(world: &World, to: Address, view: &C) -> C::Return {
    let state = world.state(world.head().block.number.value()).unwrap();
    let call = call(to, view);
    answer::<C>(&state.call(call.to, &call.data)).unwrap()
}

fn attester_view(world: &World, version: u64, attester: Address) -> abi::AttesterView {
    let rollup = world.contracts().rollup(version).unwrap().address;
    view(
        world,
        rollup,
        &abi::Rollup::getAttesterViewCall { attester },
    )
}

fn status(world: &World, attester: Address) -> u8 {
    attester_view(world, 1, attester).status
}

fn slash(world: &mut World, attester: Address, amount: U256) {
    let slash = Action::Slash {
        version: 1,
        attester,
        amount,
    };
    world.act(slash).unwrap();
    world.mine();
}

/// The names of the events in the newest block, as steward decodes them.
fn events(world: &World) -> Vec<String> {
    let block = world.block(world.head().block.number.value()).unwrap();
    let roles = roles(world.contracts());
    let event = |log: &Log| match contracts::decode(*roles.get(&log.address)?, log) {
        Decoded::Event(event) => Some(name(&event)),
        Decoded::Unused => None,
        other => panic!("{other:?}"),
    };
    block.logs.iter().filter_map(event).collect()
}

pub(super) fn name(event: &contracts::Event) -> String {
    let text = format!("{event:?}");
    text.split([' ', '{', '(']).next().unwrap().to_owned()
}

#[test]
fn a_life_cycle_reads_as_on_the_real_contracts() {
    let mut world = world(Setup::small(1), 10);
    assert_eq!(status(&world, attester(0)), NONE);
    assert!(
        attester_view(&world, 1, attester(0))
            .config
            .withdrawer
            .is_zero()
    );

    stake(&mut world, 1, true);
    world.mine();
    assert_eq!(events(&world), ["ValidatorQueued", "StakedWithProvider"]);
    let rollup = world.contracts().rollup(1).unwrap().address;
    let head = abi::Rollup::getEntryQueueAtCall { index: U256::ZERO };
    assert_eq!(view(&world, rollup, &head).attester, attester(0));
    assert!(view(&world, rollup, &head).moveWithLatestRollup);
    let behind = abi::Rollup::getEntryQueueAtCall { index: U256::ONE };
    assert!(view(&world, rollup, &behind).attester.is_zero());
    assert_eq!(status(&world, attester(0)), NONE);

    stake(&mut world, 5, true);
    world.mine();
    flush_all(&mut world, 1);
    assert_eq!(
        events(&world),
        ["Registered", "Deposit", "Registered", "Deposit"]
    );
    let entered = attester_view(&world, 1, attester(5));
    assert_eq!(
        (entered.status, entered.effectiveBalance),
        (VALIDATING, tokens(200_000))
    );
    assert_eq!(entered.config.withdrawer, DELEGATOR);
    assert!(view(&world, rollup, &abi::Rollup::getIsBootstrappedCall {}));

    slash(&mut world, attester(2), tokens(2_000));
    let slashed = attester_view(&world, 1, attester(2));
    assert_eq!(
        (slashed.status, slashed.effectiveBalance),
        (VALIDATING, tokens(198_000))
    );
    slash(&mut world, attester(3), tokens(20_000));
    assert_eq!(events(&world), ["Slashed"]);
    let zombie = attester_view(&world, 1, attester(3));
    assert_eq!(
        (zombie.status, zombie.effectiveBalance),
        (ZOMBIE, U256::ZERO)
    );
    assert_eq!(zombie.exit.amount, tokens(180_000));
    assert_eq!(zombie.exit.recipientOrWithdrawer, DELEGATOR);
    assert!(!zombie.exit.isRecipient);
}

#[test]
fn the_local_ejection_threshold_itself_is_enough_to_stay() {
    let mut world = world(Setup::open(1, 4), 3);
    stake(&mut world, 3, false);
    flush_all(&mut world, 1);
    slash(&mut world, attester(0), tokens(10_000));
    assert_eq!(status(&world, attester(0)), VALIDATING);
    slash(&mut world, attester(0), U256::ONE);
    assert_eq!(status(&world, attester(0)), ZOMBIE);
    // Slashed for everything: no exit, as if it had never been, but for the configuration.
    slash(&mut world, attester(1), tokens(500_000));
    let nothing = attester_view(&world, 1, attester(1));
    assert_eq!((nothing.status, nothing.exit.exists), (NONE, false));
    assert_eq!(nothing.config.withdrawer, DELEGATOR);
}

#[test]
fn an_exit_waits_for_its_delay_and_for_governance() {
    let mut world = world(Setup::open(1, 4), 1);
    stake(&mut world, 1, true);
    flush_all(&mut world, 1);
    let leave = |caller| Action::InitiateWithdraw {
        version: 1,
        caller,
        attester: attester(0),
        recipient: ADMIN,
    };
    let finalize = || Action::FinalizeWithdraw {
        version: 1,
        attester: attester(0),
    };
    assert_eq!(
        world.act(leave(ADMIN)),
        Err(Revert("Staking__NotWithdrawer"))
    );
    world.act(leave(DELEGATOR)).unwrap();
    world.mine();
    assert_eq!(events(&world), ["WithdrawInitiated"]);
    assert_eq!(status(&world, attester(0)), EXITING);
    slash(&mut world, attester(0), tokens(2_000));
    let exit = attester_view(&world, 1, attester(0)).exit;
    assert_eq!(exit.amount, tokens(198_000));
    assert_eq!(
        world.act(finalize()),
        Err(Revert("Staking__WithdrawalNotUnlockedYet"))
    );
    world.pass(3_600);
    assert_eq!(
        world.act(finalize()),
        Err(Revert("Governance__WithdrawalNotUnlockedYet"))
    );
    // What may be taken can no longer be slashed: nothing happens, and nothing is said.
    slash(&mut world, attester(0), tokens(2_000));
    assert!(events(&world).is_empty());
    world.pass(3_600);
    world.act(finalize()).unwrap();
    world.mine();
    assert_eq!(events(&world), ["WithdrawFinalized"]);
    let gone = attester_view(&world, 1, attester(0));
    assert_eq!((gone.status, gone.config.withdrawer), (NONE, DELEGATOR));
}

#[test]
fn the_first_flush_of_an_epoch_fixes_its_allowance_even_at_zero() {
    let mut world = world(Setup::small(1), 6);
    let available = |world: &World| {
        let rollup = world.contracts().rollup(1).unwrap();
        let now = world.head().timestamp.value();
        let gse = &world.contracts().gse;
        (rollup.flush_size(gse), rollup.available_flushes(gse, now))
    };
    world.pass(48);
    stake(&mut world, 5, true);
    flush(&mut world, 1);
    assert_eq!(available(&world), (0, 0));
    stake(&mut world, 1, true);
    flush(&mut world, 1);
    assert_eq!(available(&world), (4, 0));
    assert!(!events(&world).contains(&"Deposit".to_owned()));
    world.pass(48);
    assert_eq!(available(&world), (4, 4));
}

#[test]
fn a_failed_deposit_uses_no_allowance() {
    let mut world = World::new(Setup::open(1, 1));
    let bad = |change: fn(&mut Key)| {
        let mut key = Key::new(9);
        change(&mut key);
        key
    };
    let keys = [
        Key::new(0),
        bad(|key| key.attester = attester(0)),
        bad(|key| key.bls = 0),
        bad(|key| key.has_valid_proof = false),
        Key::new(9),
    ];
    for key in keys {
        let deposit = Action::Deposit {
            version: 1,
            key,
            withdrawer: DELEGATOR,
            moves: false,
        };
        world.act(deposit).unwrap();
    }
    flush(&mut world, 1);
    assert_eq!(status(&world, attester(0)), VALIDATING);
    world.pass(48);
    for _ in 0..3 {
        flush(&mut world, 1);
        assert_eq!(events(&world), ["FailedDeposit"]);
    }
    // A bad proof leaves no trace: the same attester enters with a good one, in the same epoch still.
    flush(&mut world, 1);
    assert_eq!(events(&world), ["Registered", "Deposit"]);
    assert_eq!(status(&world, attester(9)), VALIDATING);
}

#[test]
fn a_new_canonical_rollup_takes_those_along_that_move() {
    let mut world = world(Setup::open(1, 4), 4);
    stake(&mut world, 1, true);
    stake(&mut world, 1, false);
    flush_all(&mut world, 1);
    stake(&mut world, 1, true);
    let config = world.contracts().rollup(1).unwrap().config;
    world.act(Action::AddRollup { version: 2, config }).unwrap();
    world.mine();
    let status = |version, seed| attester_view(&world, version, attester(seed)).status;
    assert_eq!([status(1, 0), status(2, 0)], [NONE, VALIDATING]);
    assert_eq!([status(1, 1), status(2, 1)], [VALIDATING, NONE]);
    // Who waits in the old queue and wants to move is refused there.
    world.pass(48);
    flush(&mut world, 1);
    assert_eq!(events(&world), ["FailedDeposit"]);
}

#[test]
fn a_stake_that_reverts_leaves_its_key_at_the_head_of_the_provider_queue() {
    let mut world = world(Setup::open(1, 4), 1);
    let keys = vec![Key::new(0)];
    world.act(Action::AddKeys { provider: 1, keys }).unwrap();
    stake(&mut world, 1, false);
    flush_all(&mut world, 1);
    slash(&mut world, attester(0), tokens(20_000));
    let again = Action::Stake {
        provider: 1,
        version: 1,
        withdrawer: DELEGATOR,
        moves: false,
    };
    assert_eq!(world.act(again), Err(Revert("Staking__AlreadyExiting")));
    let drip = |count| Action::Drip { provider: 1, count };
    assert_eq!(world.act(drip(2)), Err(Revert("QueueIsEmpty")));
    let provider = world.contracts().staking_registry.provider(1).unwrap();
    assert_eq!(provider.queue.at(0), Some(&Key::new(0)));
    // Only the admin can clear the way.
    world.act(drip(1)).unwrap();
}

/// A committee of four sits in every epoch; three of `units` votes for seat 0 of the first epoch of a round.
fn voted(units: u8) -> (World, u64) {
    let mut world = world(Setup::open(1, 4), 4);
    stake(&mut world, 4, true);
    flush_all(&mut world, 1);
    // Round 4 judges the epochs of round 2.
    while world.contracts().block.timestamp < world.setup.genesis_timestamp + 4 * 192 {
        world.mine();
    }
    for _ in 0..3 {
        let vote = Action::Vote {
            version: 1,
            proposer: ADMIN,
            targets: vec![Target {
                epoch_index: 0,
                position: 0,
                units,
            }],
        };
        world.act(vote).unwrap();
        world.mine();
    }
    assert_eq!(events(&world), ["VoteCast"]);
    (world, 4)
}

#[test]
fn a_round_with_a_quorum_slashes_when_it_is_executed() {
    let (mut world, round) = voted(2);
    let tally = world.contracts().tally(1, round).unwrap();
    assert_eq!(tally.len(), 1);
    assert_eq!(tally[0].slashAmount, tokens(5_000));
    let execute = || Action::ExecuteRound { version: 1, round };
    assert_eq!(
        world.act(execute()),
        Err(Revert("SlashingProposer__RoundNotComplete"))
    );
    world.pass(3 * 192);
    world.act(execute()).unwrap();
    world.mine();
    assert_eq!(events(&world), ["Slashed", "RoundExecuted"]);
    let slashed = attester_view(&world, 1, tally[0].validator);
    assert_eq!(slashed.effectiveBalance, tokens(195_000));
    assert_eq!(
        world.act(execute()),
        Err(Revert("SlashingProposer__RoundAlreadyExecuted"))
    );
}

#[test]
fn a_veto_stops_a_round() {
    let (mut world, round) = voted(1);
    world.act(Action::Veto { version: 1, round }).unwrap();
    world.pass(3 * 192);
    let execute = Action::ExecuteRound { version: 1, round };
    assert_eq!(world.act(execute), Err(Revert("Slasher__PayloadVetoed")));
}

/// What a watcher reads of an entry queue at the newest block.
pub(super) fn facts(world: &World, rollup: &Rollup) -> QueueFacts {
    let state = world.state(world.head().block.number.value()).unwrap();
    let now = state.block.timestamp;
    QueueFacts {
        config: rollup.config.queue,
        length: rollup.entry_queue.len(),
        active_attesters: state.gse.attester_count(rollup.address),
        available_flushes: rollup.available_flushes(&state.gse, now),
        next_flushable_epoch: Epoch::new(rollup.next_flushable_epoch),
        is_bootstrapped: rollup.is_bootstrapped,
        current_epoch: Epoch::new(rollup.epoch(now)),
        genesis_time: UnixSeconds::new(rollup.genesis_time),
        slot_duration_seconds: rollup.config.slot_duration_seconds,
        epoch_duration_slots: rollup.config.epoch_duration_slots,
        at: UnixSeconds::new(now),
    }
}

#[test]
fn a_forecast_comes_true_when_somebody_calls_at_every_epoch() {
    let mut world = world(Setup::small(1), 20);
    stake(&mut world, 20, true);
    world.mine();
    let rollup = world.contracts().rollup(1).unwrap();
    let queue: Vec<Address> = rollup
        .entry_queue
        .iter()
        .map(|args| args.attester)
        .collect();
    let forecasts: Vec<_> = forecast_all(&facts(&world, rollup), 0..20).collect();
    while world.contracts().rollup(1).unwrap().entry_queue.len() > 0 {
        flush(&mut world, 1);
        let epoch = world.contracts().rollup(1).unwrap();
        let epoch = epoch.epoch(world.head().timestamp.value());
        for (position, forecast) in &forecasts {
            let Entry::At(moment) = forecast.unwrap().expected else {
                panic!("position {position} never enters");
            };
            let is_in = status(&world, queue[usize::try_from(*position).unwrap()]) == VALIDATING;
            assert_eq!(is_in, moment.epoch.value() <= epoch, "position {position}");
        }
    }
}
