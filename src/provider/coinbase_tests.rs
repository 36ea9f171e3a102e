//! Coinbases judged, and the ladder climbed.

use proptest::prelude::*;

use super::*;
use crate::units::Address;

const HOUR: u64 = 3_600;

fn coinbase(byte: u8) -> Coinbase {
    Coinbase::new(Address::repeat_byte(byte))
}

fn stake(rollup: u64, split: u8, is_refunded: bool) -> Stake {
    Stake {
        rollup: RollupVersion::new(rollup),
        split: coinbase(split),
        is_refunded,
    }
}

fn before(hours: u64) -> Rung {
    Rung::before(Duration::from_secs(hours * HOUR))
}

#[test]
fn the_expected_coinbase_is_that_of_the_latest_stake_that_was_not_refunded_on_that_rollup() {
    let stakes = [
        stake(1, 1, false),
        stake(2, 2, false),
        stake(1, 3, false),
        stake(1, 4, true),
    ];
    assert_eq!(expected(&stakes, RollupVersion::new(1)), Some(coinbase(3)));
    assert_eq!(expected(&stakes, RollupVersion::new(2)), Some(coinbase(2)));
    assert_eq!(expected(&stakes, RollupVersion::new(3)), None);
}

#[test]
fn a_coinbase_of_zero_is_a_missing_one() {
    assert_eq!(
        Configured::from_files([Some(coinbase(0)), None]),
        Configured::Missing
    );
    assert_eq!(
        Configured::from_files([Some(coinbase(0)), Some(coinbase(1)), Some(coinbase(1))]),
        Configured::Set(coinbase(1))
    );
    assert_eq!(Configured::from_files([]), Configured::NotInAnyFile);
    assert!(!CommonCoinbases::new([coinbase(0)]).contains(coinbase(0)));
}

#[test]
fn an_attester_in_no_keys_file_raises_nothing() {
    let common = CommonCoinbases::default();
    let verdict = judge(Some(coinbase(1)), &Configured::NotInAnyFile, &common);
    assert_eq!(verdict, CoinbaseVerdict::Unknown);
    assert!(!verdict.is_wrong());
}

#[test]
fn a_declared_common_coinbase_is_a_policy_and_not_an_error() {
    let set = Configured::Set(coinbase(9));
    let common = CommonCoinbases::new([coinbase(9)]);
    assert_eq!(
        judge(Some(coinbase(1)), &set, &common),
        CoinbaseVerdict::Right
    );
    assert_eq!(
        judge(Some(coinbase(1)), &set, &CommonCoinbases::default()),
        CoinbaseVerdict::Mismatch {
            expected: coinbase(1),
            configured: coinbase(9)
        }
    );
}

#[test]
fn without_a_stake_nothing_is_expected() {
    let common = CommonCoinbases::default();
    for configured in [Configured::Missing, Configured::Set(coinbase(1))] {
        assert_eq!(judge(None, &configured, &common), CoinbaseVerdict::Unknown);
    }
    let conflict = Configured::from_files([Some(coinbase(1)), Some(coinbase(2))]);
    assert!(judge(None, &conflict, &common).is_wrong());
}

#[test]
fn rungs_missed_while_down_collapse_into_the_most_urgent() {
    let rungs = Rungs::default();
    let deadline = UnixSeconds::new(1_000 * HOUR);
    let at = |hours_left: u64, active, so_far| {
        let now = UnixSeconds::new((1_000 - hours_left) * HOUR);
        ladder(&rungs, Some(deadline), active, now, so_far)
    };
    assert_eq!(at(169, false, None), None);
    assert_eq!(at(168, false, None).unwrap().rung, before(168));
    let woken = at(5, false, Some(before(168))).unwrap();
    assert_eq!(woken.rung, before(6));
    assert_eq!(woken.collapsed, [before(48)]);
    assert_eq!(at(100, false, Some(before(6))), None);
    let active = at(5, true, Some(before(6))).unwrap();
    assert_eq!(active.rung, Rung::ActiveAndWrong);
    assert_eq!(at(5, true, Some(Rung::ActiveAndWrong)), None);
}

#[test]
fn without_a_deadline_only_an_active_attester_is_urgent() {
    let rungs = Rungs::default();
    let now = UnixSeconds::new(1);
    assert_eq!(ladder(&rungs, None, false, now, None), None);
    assert_eq!(
        ladder(&rungs, None, true, now, None).unwrap().rung,
        Rung::ActiveAndWrong
    );
}

fn configured() -> impl Strategy<Value = Configured> {
    proptest::collection::vec(proptest::option::of((0_u8..4).prop_map(coinbase)), 0..4)
        .prop_map(Configured::from_files)
}

proptest! {
    #[test]
    fn what_is_right_is_expected_or_declared(
        expected in proptest::option::of((1_u8..4).prop_map(coinbase)),
        configured in configured(),
        common in proptest::collection::vec((0_u8..4).prop_map(coinbase), 0..3),
    ) {
        let common = CommonCoinbases::new(common);
        match judge(expected, &configured, &common) {
            CoinbaseVerdict::Right => {
                let Configured::Set(set) = configured else {
                    return Err(TestCaseError::fail("right without a coinbase"));
                };
                prop_assert!(expected == Some(set) || common.contains(set));
            }
            CoinbaseVerdict::Mismatch { expected: wanted, configured: set } => {
                prop_assert_ne!(wanted, set);
                prop_assert_eq!(expected, Some(wanted));
                prop_assert!(!common.contains(set));
            }
            CoinbaseVerdict::Missing { .. } => prop_assert_eq!(configured, Configured::Missing),
            CoinbaseVerdict::Conflict { configured: set, .. } => prop_assert!(set.len() > 1),
            CoinbaseVerdict::Unknown => prop_assert!(
                configured == Configured::NotInAnyFile || expected.is_none()
            ),
        }
    }

    #[test]
    fn every_rung_is_told_or_collapsed_once_however_seldom_one_looks(
        times in proptest::collection::btree_set(1_u64..400, 0..5),
        looks in proptest::collection::btree_set(0_u64..600, 1..20),
        active_from in 300_u64..700,
    ) {
        let rungs = Rungs::new(times.iter().map(|seconds| Duration::from_secs(*seconds)));
        let deadline = UnixSeconds::new(400);
        let mut so_far = None;
        let mut seen = Vec::new();
        for look in &looks {
            let now = UnixSeconds::new(*look);
            if let Some(crossing) = ladder(&rungs, Some(deadline), *look >= active_from, now, so_far) {
                seen.extend(crossing.collapsed);
                seen.push(crossing.rung);
                so_far = Some(crossing.rung);
            }
        }
        let last = *looks.last().unwrap();
        let due: Vec<Rung> = rungs
            .iter()
            .filter(|rung| match rung {
                Rung::Before { seconds } => last >= active_from || last + seconds >= 400,
                Rung::ActiveAndWrong => last >= active_from,
            })
            .collect();
        prop_assert_eq!(seen, due);
    }
}
