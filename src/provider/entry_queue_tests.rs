//! The forecast against the contract's rule, played out call by call.

use proptest::prelude::*;

use super::*;

const MAINNET: QueueConfig = QueueConfig {
    bootstrap_validator_set_size: 500,
    bootstrap_flush_size: 4,
    normal_flush_size_min: 1,
    normal_flush_size_quotient: 400,
    max_queue_flush_size: 4,
};

/// Mainnet's times: 32 slots of 72 s, an hour into epoch 100.
fn facts(active: u64, length: u64) -> QueueFacts {
    let mut facts = QueueFacts {
        config: MAINNET,
        length,
        active_attesters: active,
        available_flushes: 0,
        next_flushable_epoch: Epoch::new(101),
        is_bootstrapped: active >= 500,
        current_epoch: Epoch::new(100),
        genesis_time: UnixSeconds::new(1_700_000_000),
        slot_duration_seconds: 72,
        epoch_duration_slots: 32,
        at: UnixSeconds::new(0),
    };
    facts.at = epoch_start(&facts, Epoch::new(100)).saturating_add(600);
    facts
}

/// The parts of `StakingLib` that decide who enters, written as the contract has them.
#[derive(Debug, Clone)]
struct Contract {
    config: QueueConfig,
    active: u64,
    /// Positions still waiting, the head first.
    queue: std::collections::VecDeque<u64>,
    next_flushable: u64,
    stored: u64,
    is_bootstrapped: bool,
}

impl Contract {
    fn size(&self) -> u64 {
        let c = self.config;
        let waiting = self.queue.len() as u64;
        if c.bootstrap_validator_set_size > 0 && !self.is_bootstrapped {
            if self.active == 0 && waiting < c.bootstrap_validator_set_size {
                return 0;
            }
            if self.active < c.bootstrap_validator_set_size {
                return c.bootstrap_flush_size;
            }
        }
        (self.active / c.normal_flush_size_quotient)
            .max(c.normal_flush_size_min)
            .min(c.max_queue_flush_size)
    }

    fn available(&self, epoch: u64) -> u64 {
        if self.next_flushable > epoch {
            self.stored
        } else {
            self.size()
        }
    }

    /// One call; `fails` says which positions are refused. Answers who became a validator.
    fn flush(&mut self, epoch: u64, fails: impl Fn(u64) -> bool) -> Vec<u64> {
        self.stored = self.available(epoch);
        self.next_flushable = self.next_flushable.max(epoch + 1);
        let mut entered = Vec::new();
        for _ in 0..self.stored.min(self.queue.len() as u64) {
            let position = self.queue.pop_front().unwrap();
            if !fails(position) {
                entered.push(position);
            }
        }
        self.stored -= entered.len() as u64;
        self.active += entered.len() as u64;
        self.is_bootstrapped |= self.active >= self.config.bootstrap_validator_set_size;
        entered
    }

    fn facts(&self, epoch: u64) -> QueueFacts {
        let mut facts = QueueFacts {
            config: self.config,
            length: self.queue.len() as u64,
            active_attesters: self.active,
            available_flushes: self.available(epoch),
            next_flushable_epoch: Epoch::new(self.next_flushable),
            is_bootstrapped: self.is_bootstrapped,
            current_epoch: Epoch::new(epoch),
            genesis_time: UnixSeconds::new(1000),
            slot_duration_seconds: 12,
            epoch_duration_slots: 4,
            at: UnixSeconds::new(0),
        };
        facts.at = epoch_start(&facts, Epoch::new(epoch)).saturating_add(7);
        facts
    }
}

fn contracts() -> impl Strategy<Value = Contract> {
    let config = (0_u64..20, 0_u64..6, 0_u64..4, 1_u64..12, 1_u64..7);
    let state = (0_u64..40, 0_u64..40, 0_u64..2, 0_u64..4, any::<bool>());
    (config, state).prop_map(
        |(config, (active, length, ahead, stored, latched))| Contract {
            config: QueueConfig {
                bootstrap_validator_set_size: config.0,
                bootstrap_flush_size: config.1,
                normal_flush_size_min: config.2,
                normal_flush_size_quotient: config.3,
                max_queue_flush_size: config.4,
            },
            active,
            queue: (0..length).collect(),
            next_flushable: 10 + ahead,
            stored: stored * ahead,
            is_bootstrapped: latched || active >= config.0,
        },
    )
}

/// Epoch of entry per position where somebody calls `calls` times in every epoch from 10 on.
fn played(mut contract: Contract, calls: usize, fails: impl Fn(u64) -> bool) -> Vec<Option<u64>> {
    let mut entered = vec![None; contract.queue.len()];
    for epoch in 10..60 {
        for _ in 0..calls {
            for position in contract.flush(epoch, &fails) {
                entered[usize::try_from(position).unwrap()] = Some(epoch);
            }
        }
    }
    entered
}

fn epoch_of(entry: Entry) -> Option<u64> {
    entry.moment().map(|moment| moment.epoch.value())
}

proptest! {
    #[test]
    fn the_earliest_entry_is_that_of_the_contract_when_everybody_calls(contract in contracts()) {
        let played = played(contract.clone(), 1, |_| false);
        for (position, forecast) in forecast_all(&contract.facts(10), 0..contract.queue.len() as u64) {
            let (forecast, epoch) = (forecast.unwrap(), played[usize::try_from(position).unwrap()]);
            // Where a larger bootstrap flush is left sooner by haste, waiting is the faster way.
            if epoch_of(forecast.expected).is_some_and(|expected| epoch.is_none_or(|epoch| expected < epoch)) {
                prop_assert_eq!(forecast.earliest, forecast.expected);
            } else {
                prop_assert_eq!(epoch_of(forecast.earliest), epoch, "position {}", position);
            }
        }
    }

    #[test]
    fn the_expected_entry_is_that_of_the_contract_when_the_remainder_lapses(contract in contracts()) {
        let mut called = contract.clone();
        if contract.next_flushable > 10 {
            called.stored = 0;
        }
        let played = played(called, 1, |_| false);
        for (position, forecast) in forecast_all(&contract.facts(10), 0..contract.queue.len() as u64) {
            let epoch = played[usize::try_from(position).unwrap()];
            prop_assert_eq!(epoch_of(forecast.unwrap().expected), epoch, "position {}", position);
        }
    }

    #[test]
    fn no_failure_of_others_lets_a_position_in_before_its_bound(
        contract in contracts(),
        failing in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let facts = contract.facts(10);
        let played = played(contract, 41, |position| failing[usize::try_from(position).unwrap()]);
        for (position, played) in (0..).zip(played) {
            let bound = forecast(&facts, position).unwrap().earliest_possible;
            match (played, epoch_of(bound)) {
                (Some(epoch), Some(bound)) => prop_assert!(bound <= epoch),
                (Some(epoch), None) => prop_assert!(false, "entered in {epoch}, said never"),
                (None, _) => {}
            }
        }
    }

    #[test]
    fn the_bound_is_reached_when_all_ahead_fail(contract in contracts()) {
        prop_assume!(!contract.queue.is_empty());
        let facts = contract.facts(10);
        let last = contract.queue.len() as u64 - 1;
        let played = played(contract, 41, |position| position < last);
        let bound = forecast(&facts, last).unwrap().earliest_possible;
        prop_assert_eq!(played.last().copied().flatten(), epoch_of(bound));
    }

    #[test]
    fn later_positions_and_weaker_assumptions_never_enter_sooner(contract in contracts()) {
        let mut before: Option<Forecast> = None;
        for (_, forecast) in forecast_all(&contract.facts(10), 0..contract.queue.len() as u64) {
            let forecast = forecast.unwrap();
            prop_assert!(forecast.earliest_possible <= forecast.earliest);
            prop_assert!(forecast.earliest <= forecast.expected);
            if let Some(before) = before {
                prop_assert!(before.earliest <= forecast.earliest);
                prop_assert!(before.expected <= forecast.expected);
            }
            before = Some(forecast);
        }
    }

    #[test]
    fn one_position_is_forecast_as_it_is_among_all(contract in contracts()) {
        let facts = contract.facts(10);
        for (position, among) in forecast_all(&facts, 0..50) {
            prop_assert_eq!(forecast(&facts, position), among);
        }
    }
}

#[test]
fn positions_enter_in_batches_at_the_starts_of_epochs() {
    // 1600 active make four an epoch; two are left in epoch 100.
    let mut facts = facts(1_600, 100);
    facts.available_flushes = 2;
    let epochs: Vec<_> = forecast_all(&facts, 0..11)
        .map(|(_, forecast)| epoch_of(forecast.unwrap().earliest).unwrap())
        .collect();
    assert_eq!(
        epochs,
        [100, 100, 101, 101, 101, 101, 102, 102, 102, 102, 103]
    );
    // currentEpoch + ceil((10 + 1 - 2) / 4) = 103, at genesis + 103 × 32 × 72 s.
    let tenth = forecast(&facts, 10).unwrap().earliest.moment().unwrap();
    assert_eq!(tenth.at, UnixSeconds::new(1_700_000_000 + 103 * 2_304));
    let head = forecast(&facts, 0).unwrap();
    assert_eq!(head.earliest.moment().unwrap().at, facts.at);
    // The two that a flush left over are not expected to be taken: the next call is that of epoch 101.
    assert_eq!(epoch_of(head.expected), Some(101));
}

#[test]
fn an_allowance_that_nobody_touched_is_expected_to_be_taken_at_once() {
    let mut facts = facts(1_600, 5);
    facts.next_flushable_epoch = Epoch::new(100);
    facts.available_flushes = 4;
    assert_eq!(epoch_of(forecast(&facts, 3).unwrap().expected), Some(100));
    assert_eq!(epoch_of(forecast(&facts, 4).unwrap().expected), Some(101));
}

#[test]
fn the_flush_grows_with_the_validators_it_admits() {
    // 798 active admit one, twice; from 800 on two enter.
    let facts = facts(798, 6);
    let epochs: Vec<_> = forecast_all(&facts, 0..6)
        .map(|(_, forecast)| epoch_of(forecast.unwrap().earliest).unwrap())
        .collect();
    assert_eq!(epochs, [101, 102, 103, 103, 104, 104]);
}

#[test]
fn the_bootstrap_gate_says_how_many_are_missing() {
    let gated = facts(0, 498);
    let forecasts = forecast(&gated, 0).unwrap();
    assert_eq!(forecasts.earliest_possible, Entry::Gated { needs: 2 });
    assert_eq!(forecasts.expected, Entry::Gated { needs: 2 });
    let open = facts(0, 500);
    assert_eq!(epoch_of(forecast(&open, 499).unwrap().earliest), Some(225));
}

#[test]
fn an_allowance_fixed_at_zero_stays_zero_until_the_next_epoch() {
    // A flush was called while the gate was shut; the queue has grown since.
    let facts = facts(0, 500);
    assert_eq!(facts.flush_size(), 4);
    assert!(facts.is_allowance_fixed());
    let head = forecast(&facts, 0).unwrap();
    assert_eq!(epoch_of(head.earliest_possible), Some(101));
}

#[test]
fn a_closed_validator_set_lets_nobody_in() {
    let mut facts = facts(1_600, 10);
    facts.config.normal_flush_size_min = 0;
    facts.config.normal_flush_size_quotient = u64::from(u32::MAX);
    assert_eq!(forecast(&facts, 0).unwrap().earliest, Entry::Closed);
    facts.config.normal_flush_size_quotient = 0;
    assert_eq!(forecast(&facts, 0).unwrap().earliest, Entry::Closed);
}

#[test]
fn a_position_past_the_end_has_no_forecast() {
    assert_eq!(forecast(&facts(1_600, 10), 10), None);
    assert_eq!(forecast(&facts(1_600, u64::MAX), u64::MAX - 1), None);
}

#[test]
fn flush_sizes_are_those_of_the_configurations_in_use() {
    let size = |active, bootstrapped| flush_size(MAINNET, active, 10, bootstrapped);
    assert_eq!(size(0, false), 0);
    assert_eq!(size(1, false), 4);
    assert_eq!(
        [500, 799, 800, 1_000, 1_200, 1_600, 9_000].map(|active| size(active, true)),
        [1, 1, 2, 2, 3, 4, 4]
    );
    let ignition = QueueConfig {
        bootstrap_flush_size: 500,
        normal_flush_size_quotient: 2_048,
        max_queue_flush_size: 8,
        ..MAINNET
    };
    assert_eq!(flush_size(ignition, 0, 500, false), 500);
    assert_eq!(flush_size(ignition, 20_000, 1, true), 8);
}
