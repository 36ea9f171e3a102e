//! When positions of an entry queue become validators, as answers write it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::find::Place;
use crate::{
    attester::{Attester, Stage},
    book::Book,
    chart::QueuePoint,
    provider::entry_queue::{self, Entry, QueueFacts},
    units::{Epoch, QueueIndex, RollupVersion, UnixSeconds},
};

/// A moment, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct When {
    /// The moment, Unix seconds; null where there is none or it is not known.
    pub at: Option<u64>,
    /// The Aztec epoch; null where there is none.
    pub epoch: Option<u64>,
    /// Why there is no moment though all is known: what the rollup's rules wait for; absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_because: Option<String>,
    /// Why the moment is not known; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
}

impl When {
    fn never(why: &str) -> Self {
        Self {
            at: None,
            epoch: None,
            held_because: None,
            unknown_because: Some(why.to_owned()),
        }
    }

    fn at(at: UnixSeconds) -> Self {
        Self {
            at: Some(at.value()),
            epoch: None,
            held_because: None,
            unknown_because: None,
        }
    }
}

impl From<Entry> for When {
    fn from(entry: Entry) -> Self {
        Self {
            at: entry.moment().map(|moment| moment.at.value()),
            epoch: entry.moment().map(|moment| moment.epoch.value()),
            held_because: entry.held(),
            unknown_because: None,
        }
    }
}

/// When one position enters, under three assumptions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForecastView {
    /// The lower bound: every deposit ahead fails.
    pub earliest_possible: When,
    /// Every deposit succeeds, and somebody flushes as soon as the rules allow.
    pub earliest: When,
    /// Every deposit succeeds, and somebody flushes once at the start of every epoch.
    pub expected: When,
}

impl ForecastView {
    fn unknown(why: &str) -> Self {
        Self {
            earliest_possible: When::never(why),
            earliest: When::never(why),
            expected: When::never(why),
        }
    }
}

/// What a rollup says about its entry queue, with the block's time as now.
///
/// # Errors
/// Why it is not known, as a sentence.
pub fn queue_facts(book: &Book, version: RollupVersion) -> Result<QueueFacts, &'static str> {
    let rollup = book
        .rollups
        .row(&version)
        .ok_or("the rollup is not known")?;
    let parameters = rollup.parameters.as_ref().ok_or(
        "the rollup does not answer as a known release does, so its parameters are unknown",
    )?;
    let flush = rollup
        .flush
        .as_ref()
        .ok_or("the rollup's flush state was not read yet")?;
    let config = parameters
        .queue_config
        .ok_or("the rollup's queue configuration could not be read")?;
    let at = book.summary().at.max(flush.at);
    let epoch_seconds = parameters
        .slot_duration_seconds
        .saturating_mul(parameters.epoch_duration_slots);
    let current_epoch = at
        .since(parameters.genesis)
        .checked_div(epoch_seconds)
        .ok_or("the rollup's epochs have no length")?;
    Ok(QueueFacts {
        config,
        length: rollup.queue.len(),
        active_attesters: flush.active_attesters,
        available_flushes: flush.available,
        next_flushable_epoch: flush.next_flushable_epoch,
        is_bootstrapped: flush.is_bootstrapped,
        current_epoch: Epoch::new(current_epoch),
        genesis_time: parameters.genesis,
        slot_duration_seconds: parameters.slot_duration_seconds,
        epoch_duration_slots: parameters.epoch_duration_slots,
        at,
    })
}

/// Forecasts of one network, each queue gone through at most once.
#[derive(Debug)]
pub(super) struct Forecasts<'a> {
    place: Place<'a>,
    queues: BTreeMap<RollupVersion, Result<Vec<Option<entry_queue::Forecast>>, &'static str>>,
}

impl<'a> Forecasts<'a> {
    pub(super) const fn new(place: Place<'a>) -> Self {
        Self {
            place,
            queues: BTreeMap::new(),
        }
    }

    /// The forecast of an entry.
    pub(super) fn of(&mut self, rollup: RollupVersion, index: QueueIndex) -> ForecastView {
        match self.find(rollup, index) {
            Ok(forecast) => ForecastView {
                earliest_possible: forecast.earliest_possible.into(),
                earliest: forecast.earliest.into(),
                expected: forecast.expected.into(),
            },
            Err(why) => ForecastView::unknown(why),
        }
    }

    fn find(
        &mut self,
        rollup: RollupVersion,
        index: QueueIndex,
    ) -> Result<entry_queue::Forecast, &'static str> {
        let book = self.place.book.ok_or("nothing was read yet")?;
        let position = book
            .position(rollup, index)
            .ok_or("the entry has left the queue")?;
        let queue = self.queue(book, rollup)?;
        let place = usize::try_from(position).ok();
        place
            .and_then(|place| queue.get(place).copied().flatten())
            .ok_or("the position lies behind the part of the queue that is forecast")
    }

    /// The forecast of every position of a queue that can be forecast, from the first.
    fn queue(
        &mut self,
        book: &Book,
        rollup: RollupVersion,
    ) -> Result<&[Option<entry_queue::Forecast>], &'static str> {
        let queue = self.queues.entry(rollup).or_insert_with(|| {
            let facts = queue_facts(book, rollup)?;
            let all = entry_queue::forecast_all(&facts, 0..facts.length.min(ENTRIES_MAX));
            Ok(all.map(|(_, forecast)| forecast).collect())
        });
        queue.as_deref().map_err(|why| *why)
    }

    /// At most `most` positions of a queue that have moments, evenly spread, the first and the last among them.
    pub(super) fn points(&mut self, rollup: RollupVersion, most: usize) -> Vec<QueuePoint> {
        let Some(book) = self.place.book else {
            return Vec::new();
        };
        let queue = self.queue(book, rollup).unwrap_or_default();
        let all: Vec<QueuePoint> = (1..)
            .zip(queue)
            .filter_map(|(position, forecast)| {
                let forecast = (*forecast)?;
                Some(QueuePoint {
                    position,
                    earliest: forecast.earliest.moment()?.at,
                    expected: forecast.expected.moment()?.at,
                })
            })
            .collect();
        let step = all.len().div_ceil(most.max(2)).max(1);
        let last = all.len().saturating_sub(1);
        let places = all.into_iter().enumerate();
        places
            .filter(|(place, _)| place % step == 0 || *place == last)
            .map(|(_, point)| point)
            .collect()
    }

    /// When a wrong coinbase begins to cost: now for an active attester, else the earliest activation.
    pub(super) fn deadline(&mut self, attester: Option<&Attester>) -> When {
        let Some(attester) = attester else {
            return When::never("no contract knows the attester yet");
        };
        match (attester.standing.stage, attester.entries.first()) {
            (Stage::Active, _) => When::at(attester.since),
            (Stage::RollupEntryQueue, Some(entry)) => self.of(entry.rollup, entry.index).earliest,
            (Stage::InStakingProviderQueue, _) => When::never("it is not staked yet"),
            _ => When::never("it is in no queue"),
        }
    }
}

/// Entries that are forecast one by one: a hundred times the longest queue seen would be less.
const ENTRIES_MAX: u64 = 100_000;
