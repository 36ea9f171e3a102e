//! Random lives: everything happens in them, and the contracts' books stay right.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use steward::{
    chain::contracts::{self, Decoded},
    units::Address,
};

use super::{
    blocks::{Setup, World},
    life::{facts, name},
    script::Script,
    truth::roles,
};

const ZOMBIE: u8 = 2;
const EXITING: u8 = 3;

/// Every event that steward decodes happens in some life, and in none does anything unknown happen.
#[test]
fn a_random_life_has_everything_in_it() {
    let mut seen = BTreeSet::new();
    let mut statuses = BTreeSet::new();
    for seed in 0..6 {
        let mut world = World::new(Setup::small(seed));
        let mut script = Script::new(seed);
        for step in 0..600 {
            if step == 0 {
                script.begin(&mut world);
            } else {
                script.step(&mut world);
            }
            // A slasher that was replaced is no longer reached from its rollup.
            let roles = roles(world.contracts());
            let block = world.block(world.head().block.number.value()).unwrap();
            for log in &block.logs {
                let Some(role) = roles.get(&log.address) else {
                    continue;
                };
                match contracts::decode(*role, log) {
                    Decoded::Event(event) => seen.insert(name(&event)),
                    Decoded::Unused => false,
                    other => panic!("seed {seed}, step {step}: {other:?}"),
                };
            }
            let contracts = world.contracts();
            for rollup in contracts.rollups.values() {
                statuses.extend(
                    rollup
                        .exits
                        .iter()
                        .map(|(a, _)| rollup.status(&contracts.gse, *a)),
                );
            }
        }
    }
    let expected = [
        "AttestersAddedToProvider",
        "CanonicalRollupUpdated",
        "Deposit",
        "FailedDeposit",
        "LocalEjectionThresholdUpdated",
        "ProviderAdminUpdateInitiated",
        "ProviderAdminUpdated",
        "ProviderQueueDripped",
        "ProviderRegistered",
        "ProviderRewardsRecipientUpdated",
        "ProviderTakeRateUpdated",
        "Registered",
        "RoundExecuted",
        "Slashed",
        "SlasherChanged",
        "SlashingDisabled",
        "StakedWithProvider",
        "StakingQueueConfigUpdated",
        "ValidatorQueued",
        "VetoedPayload",
        "VoteCast",
        "WithdrawFinalized",
        "WithdrawInitiated",
    ];
    assert_eq!(seen, expected.map(str::to_owned).into());
    assert_eq!(statuses, BTreeSet::from([ZOMBIE, EXITING]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn queues_and_balances_add_up_in_every_life(seed in any::<u64>()) {
        let mut world = World::new(Setup::small(seed));
        let mut script = Script::new(seed);
        script.begin(&mut world);
        for step in 0..150 {
            script.step(&mut world);
            if step % 20 == 19 {
                script.shake(&mut world, 5);
            }
            let state = world.state(world.head().block.number.value()).unwrap();
            for rollup in state.rollups.values() {
                prop_assert_eq!(facts(&world, rollup).flush_size(), rollup.flush_size(&state.gse));
            }
        }
        let contracts = world.contracts();
        let mut counts: BTreeMap<(Address, String), u64> = BTreeMap::new();
        let roles = roles(contracts);
        for log in world.logs() {
            let Some(role) = roles.get(&log.address) else { continue };
            if let Decoded::Event(event) = contracts::decode(*role, log) {
                *counts.entry((log.address, name(&event))).or_default() += 1;
            }
        }
        for rollup in contracts.rollups.values() {
            let count = |event: &str| counts.get(&(rollup.address, event.to_owned())).copied().unwrap_or(0);
            let left = count("Deposit") + count("FailedDeposit");
            prop_assert_eq!(count("ValidatorQueued") - left, rollup.entry_queue.len());
            prop_assert_eq!(rollup.entry_queue.first - 1, left);
        }
        for members in contracts.gse.instances.values() {
            prop_assert_eq!(members.set.len(), members.balances.len() as u64);
            for (_, balance) in members.balances.iter() {
                prop_assert!(*balance >= contracts.gse.ejection_threshold);
            }
        }
    }
}
