//! The entry queues: ours with position and forecast, all of them in length, and the facts behind the forecast.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find::{self, Place},
    forecast::{ForecastView, Forecasts, queue_facts},
    form::{Block, Freshness},
    glance::Glance,
    refusal::Refusal,
};
use crate::{
    book::{Book, records::Rollup},
    chart::{EntryQueueChart, OurPlace},
    units::{RollupVersion, UnixSeconds},
};

/// Entries of ours that are listed for each rollup; the counts are whole.
const ENTRIES_SHOWN: usize = 1_000;
/// Positions whose forecast is drawn: more than a picture has room for.
const POINTS_MAX: usize = 120;

/// The entry queues of the networks asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// One for each rollup with its network.
    pub queues: Vec<RollupQueue>,
}

/// The entry queue of one rollup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RollupQueue {
    /// The network.
    pub network: String,
    /// The rollup's version.
    pub rollup: u64,
    /// Whether it is the GSE's latest; null while that is unknown.
    pub is_latest: Option<bool>,
    /// How many wait, foreign attesters included.
    pub length: u64,
    /// How many of them are ours.
    pub ours: u64,
    /// What decides about the next flushes; null where it is not known.
    pub flush: Option<FlushView>,
    /// Why it is not known; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flush_unknown_because: Option<String>,
    /// Ours, first to enter first, at most 1000.
    pub entries: Vec<QueuedView>,
    /// How many of ours are not listed.
    pub entries_left_out: u64,
    /// How fresh the answer is.
    pub as_of: Freshness,
}

/// What decides about the next flushes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FlushView {
    /// `getActiveAttesterCount`.
    pub active_attesters: u64,
    /// Validators that an epoch admits as things stand.
    pub flush_size: u64,
    /// What is left of the current epoch's allowance.
    pub available_flushes: u64,
    /// The epoch of the block.
    pub current_epoch: u64,
    /// The first epoch whose allowance is not fixed yet.
    pub next_flushable_epoch: u64,
    /// Whether the validator set is bootstrapped.
    pub is_bootstrapped: bool,
    /// Length of an epoch in seconds.
    pub epoch_seconds: u64,
    /// Where it was read.
    pub read_at: Option<Block>,
}

/// One of ours that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueuedView {
    /// The attester.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// Hosts that run it.
    pub hosts: Vec<String>,
    /// Its position, 1 = next.
    pub position: u64,
    /// When it becomes a validator.
    pub forecast: ForecastView,
}

/// Shows the entry queues.
///
/// # Errors
/// A [`Refusal`] where the network is not known.
pub fn show(glance: &Glance<'_>, network: Option<&str>) -> Result<QueueView, Refusal> {
    let mut queues = Vec::new();
    for place in find::networks(glance, network)? {
        let Some(book) = place.book else { continue };
        let mut forecasts = Forecasts::new(place);
        for (version, rollup) in book.rollups.rows() {
            queues.push(rollup_queue(
                glance,
                (place, book),
                (*version, rollup),
                &mut forecasts,
            ));
        }
    }
    Ok(QueueView { queues })
}

/// When the positions of a queue become validators, for a chart; `None` where fewer than two can be forecast.
pub(super) fn chart(glance: &Glance<'_>, queue: &RollupQueue) -> Option<EntryQueueChart> {
    let places = find::networks(glance, Some(&queue.network)).ok()?;
    let place = *places.first()?;
    let points = Forecasts::new(place).points(RollupVersion::new(queue.rollup), POINTS_MAX);
    let ours = queue.entries.iter().filter_map(|entry| {
        let expected = UnixSeconds::new(entry.forecast.expected.at?);
        Some(OurPlace {
            position: entry.position,
            expected,
        })
    });
    (points.len() > 1).then(|| EntryQueueChart {
        at: place.book.map(|book| book.summary().at).unwrap_or_default(),
        length: queue.length,
        points,
        ours: ours.collect(),
    })
}

fn rollup_queue(
    glance: &Glance<'_>,
    (place, book): (Place<'_>, &Book),
    (version, rollup): (RollupVersion, &Rollup),
    forecasts: &mut Forecasts<'_>,
) -> RollupQueue {
    let ours: Vec<_> = book
        .queue_entries(version)
        .map(|(index, entry)| (index, place.member(entry.attester)))
        .filter(|(_, member)| place.is_ours(member))
        .collect();
    let latest = book.summary().latest;
    let shown = ours.iter().take(ENTRIES_SHOWN);
    let entries = shown.map(|(index, member)| QueuedView {
        attester: member.address.to_string(),
        label: place.label(member.address).map(str::to_owned),
        hosts: member.hosts(),
        position: index.since(rollup.queue.first).saturating_add(1),
        forecast: forecasts.of(version, *index),
    });
    let entries: Vec<QueuedView> = entries.collect();
    let left_out = ours.len().saturating_sub(entries.len());
    let flush = flush_view(place, book, version);
    RollupQueue {
        network: place.name.to_owned(),
        rollup: version.value(),
        is_latest: latest.map(|latest| latest == version),
        length: rollup.queue.len(),
        ours: super::count(ours.len()),
        flush_unknown_because: flush.as_ref().err().map(|why| (*why).to_owned()),
        flush: flush.ok(),
        entries,
        entries_left_out: super::count(left_out),
        as_of: Freshness::new(Some(book), place.network, glance.now()),
    }
}

fn flush_view(
    place: Place<'_>,
    book: &Book,
    version: RollupVersion,
) -> Result<FlushView, &'static str> {
    let facts = queue_facts(book, version)?;
    let read = book
        .rollups
        .row(&version)
        .and_then(|rollup| rollup.flush.as_ref());
    Ok(FlushView {
        active_attesters: facts.active_attesters,
        flush_size: facts.flush_size(),
        available_flushes: facts.available_flushes,
        current_epoch: facts.current_epoch.value(),
        next_flushable_epoch: facts.next_flushable_epoch.value(),
        is_bootstrapped: facts.is_bootstrapped,
        epoch_seconds: facts
            .epoch_duration_slots
            .saturating_mul(facts.slot_duration_seconds),
        read_at: read.map(|flush| Block::new(flush.block, Some(flush.at), place.network)),
    })
}
