//! When a position of a rollup's entry queue becomes a validator.
//!
//! The rule is that of the contract (`StakingLib.flushEntryQueue`): an epoch has an allowance, fixed by the first flush of
//! that epoch, even at zero; a deposit that fails gives its place back; nothing happens unless somebody calls. So a
//! position enters in a batch, at the start of an epoch, and not along a straight line.
//!
//! Not here: reading the facts, and anything about who stands at which position.

use serde::Serialize;

use crate::{
    chain::contracts::QueueConfig,
    units::{Epoch, UnixSeconds},
};

/// Entries that are forecast at most: some hundred times the longest queue seen, so that a lying length costs nothing.
const ENTRIES_MAX: u64 = 1 << 20;

/// What a rollup says about its entry queue at one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFacts {
    /// The flush configuration (storage of the rollup, or `StakingQueueConfigUpdated`).
    pub config: QueueConfig,
    /// `getEntryQueueLength()`.
    pub length: u64,
    /// `getActiveAttesterCount()`.
    pub active_attesters: u64,
    /// `getAvailableValidatorFlushes()`: what is left of the current epoch's allowance.
    pub available_flushes: u64,
    /// `getNextFlushableEpoch()`; after the current epoch where this epoch's allowance is fixed already.
    pub next_flushable_epoch: Epoch,
    /// `getIsBootstrapped()`.
    pub is_bootstrapped: bool,
    /// `getCurrentEpoch()` at the block.
    pub current_epoch: Epoch,
    /// `getGenesisTime()`.
    pub genesis_time: UnixSeconds,
    /// `getSlotDuration()` in seconds.
    pub slot_duration_seconds: u64,
    /// `getEpochDuration()` in slots.
    pub epoch_duration_slots: u64,
    /// The block's own time: what "now" means in a forecast.
    pub at: UnixSeconds,
}

impl QueueFacts {
    /// What an epoch that begins with this state would allow.
    #[must_use]
    pub const fn flush_size(&self) -> u64 {
        flush_size(
            self.config,
            self.active_attesters,
            self.length,
            self.is_bootstrapped,
        )
    }

    /// Whether a flush has fixed the current epoch's allowance already.
    #[must_use]
    pub const fn is_allowance_fixed(&self) -> bool {
        self.next_flushable_epoch.value() > self.current_epoch.value()
    }
}

/// A moment at which a position may enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Moment {
    /// The time: the block's own for "now", else the start of the epoch.
    pub at: UnixSeconds,
    /// The epoch.
    pub epoch: Epoch,
}

/// Whether, and when, a position enters. Ordered: any moment comes before a gate, a gate before a closed queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// At that moment.
    At(Moment),
    /// Not before the queue is long enough to bootstrap the validator set.
    Gated {
        /// How many more entries the queue needs.
        needs: u64,
    },
    /// Never by these rules: the configuration admits nobody.
    Closed,
}

impl Entry {
    /// The moment, where there is one.
    #[must_use]
    pub const fn moment(self) -> Option<Moment> {
        match self {
            Self::At(moment) => Some(moment),
            Self::Gated { .. } | Self::Closed => None,
        }
    }

    /// Why there is none by the rules, as a sentence's part; `None` where there is a moment.
    #[must_use]
    pub fn held(self) -> Option<String> {
        match self {
            Self::At(_) => None,
            Self::Gated { needs } => Some(format!(
                "the rollup admits nobody until {needs} more wait in its queue"
            )),
            Self::Closed => Some("by its configuration the rollup admits nobody".to_owned()),
        }
    }
}

/// When one position enters, under three assumptions; each is at or after the one before.
///
/// All of them assume that nobody leaves the validator set, and that no configuration changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Forecast {
    /// The lower bound: every deposit ahead fails, and so gives its place back. Often "now" for a whole queue.
    pub earliest_possible: Entry,
    /// Somebody flushes as soon as the rules allow, or as in `expected` where that is sooner, and every deposit succeeds.
    pub earliest: Entry,
    /// Somebody flushes once at the start of every epoch, and every deposit succeeds: what a flush has left over in the
    /// current epoch lapses; an allowance that nobody has touched yet is taken at once.
    pub expected: Entry,
}

/// What a flush may admit in an epoch that begins with this state (`getEntryQueueFlushSize`).
#[must_use]
pub const fn flush_size(
    config: QueueConfig,
    active_attesters: u64,
    queue_length: u64,
    is_bootstrapped: bool,
) -> u64 {
    if config.bootstrap_validator_set_size > 0 && !is_bootstrapped {
        if active_attesters == 0 && queue_length < config.bootstrap_validator_set_size {
            return 0;
        }
        if active_attesters < config.bootstrap_validator_set_size {
            return config.bootstrap_flush_size;
        }
    }
    // A quotient of zero makes the contract revert: nobody enters.
    let Some(share) = active_attesters.checked_div(config.normal_flush_size_quotient) else {
        return 0;
    };
    let wanted = if share > config.normal_flush_size_min {
        share
    } else {
        config.normal_flush_size_min
    };
    if wanted < config.max_queue_flush_size {
        wanted
    } else {
        config.max_queue_flush_size
    }
}

/// When an epoch starts (`getTimestampForEpoch`).
#[must_use]
pub const fn epoch_start(facts: &QueueFacts, epoch: Epoch) -> UnixSeconds {
    let seconds = facts
        .epoch_duration_slots
        .saturating_mul(facts.slot_duration_seconds);
    facts
        .genesis_time
        .saturating_add(epoch.value().saturating_mul(seconds))
}

/// When `position` (0 is the head) enters; `None` where the queue does not reach so far.
#[must_use]
pub fn forecast(facts: &QueueFacts, position: u64) -> Option<Forecast> {
    Schedules::new(facts, position.saturating_add(1)).forecast(position)
}

/// The forecasts of many positions, in the order given; the queue is gone through once.
pub fn forecast_all<P: IntoIterator<Item = u64>>(
    facts: &QueueFacts,
    positions: P,
) -> impl Iterator<Item = (u64, Option<Forecast>)> + use<P> {
    let schedules = Schedules::new(facts, facts.length);
    positions
        .into_iter()
        .map(move |position| (position, schedules.forecast(position)))
}

/// The batches to come, under both assumptions about the calls.
struct Schedules {
    length: u64,
    bound: Entry,
    earliest: Schedule,
    expected: Schedule,
}

impl Schedules {
    fn new(facts: &QueueFacts, positions: u64) -> Self {
        let lapses = facts.is_allowance_fixed();
        let available = facts.available_flushes;
        let earliest = Schedule::new(facts, available, positions);
        let expected = if lapses && available > 0 {
            Schedule::new(facts, 0, positions)
        } else {
            earliest.clone()
        };
        Self {
            length: facts.length.min(ENTRIES_MAX),
            bound: earliest.entry(0),
            earliest,
            expected,
        }
    }

    fn forecast(&self, position: u64) -> Option<Forecast> {
        let expected = self.expected.entry(position);
        (position < self.length).then(|| Forecast {
            earliest_possible: self.bound,
            // Taking a remainder may end the bootstrap phase sooner, and with it a larger flush: haste can delay.
            earliest: self.earliest.entry(position).min(expected),
            expected,
        })
    }
}

/// The batches to come: who enters when, and what becomes of those behind the last batch.
#[derive(Clone)]
struct Schedule {
    /// First position behind the batch, and its moment; both grow.
    batches: Vec<(u64, Moment)>,
    /// For every position that no batch takes.
    behind: Entry,
}

impl Schedule {
    /// Plays the contract forward until `positions` entries are in, `available` of them in the current epoch.
    fn new(facts: &QueueFacts, available: u64, positions: u64) -> Self {
        let length = facts.length.min(ENTRIES_MAX);
        let wanted = positions.min(length);
        let mut batches = Vec::new();
        let mut entered = 0_u64;
        let mut is_bootstrapped = facts.is_bootstrapped;
        let mut allowance = available;
        let mut moment = Moment {
            at: facts.at,
            epoch: facts.current_epoch,
        };
        let mut next = facts
            .current_epoch
            .saturating_add(1)
            .max(facts.next_flushable_epoch);
        loop {
            if allowance > 0 {
                entered = length.min(entered.saturating_add(allowance));
                batches.push((entered, moment));
                let active = facts.active_attesters.saturating_add(entered);
                is_bootstrapped |= active >= facts.config.bootstrap_validator_set_size;
            }
            if entered >= wanted {
                break;
            }
            let active = facts.active_attesters.saturating_add(entered);
            let waiting = length.saturating_sub(entered);
            allowance = flush_size(facts.config, active, waiting, is_bootstrapped);
            if allowance == 0 {
                break;
            }
            moment = Moment {
                at: epoch_start(facts, next),
                epoch: next,
            };
            next = next.saturating_add(1);
        }
        Self {
            batches,
            behind: shut(facts, entered, is_bootstrapped),
        }
    }

    fn entry(&self, position: u64) -> Entry {
        let batch = self.batches.partition_point(|(end, _)| *end <= position);
        self.batches
            .get(batch)
            .map_or(self.behind, |(_, moment)| Entry::At(*moment))
    }
}

/// Why nobody enters once `entered` are in and the allowance of an epoch is zero.
const fn shut(facts: &QueueFacts, entered: u64, is_bootstrapped: bool) -> Entry {
    let config = facts.config;
    let waiting = facts.length.saturating_sub(entered);
    let needs = config.bootstrap_validator_set_size.saturating_sub(waiting);
    let is_gated = !is_bootstrapped && facts.active_attesters == 0 && entered == 0 && needs > 0;
    if is_gated && config.bootstrap_flush_size > 0 {
        Entry::Gated { needs }
    } else {
        Entry::Closed
    }
}

#[cfg(test)]
#[path = "entry_queue_tests.rs"]
mod tests;
