//! How steward fares: how far it read, what it may not know, what it owes, and how many attesters are in which state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    canary::{self, CanaryView},
    count,
    delivery::DELIVERY_STATES,
    find::{self, Place},
    fleet::Fleet,
    form::{Block, Freshness, Span, address, is_begun},
    glance::{Gateway, Glance},
    job::JOB_STATES,
    refusal::Refusal,
    standing::AttesterState,
};
use crate::{
    attester::Stage,
    chain::endpoints::EndpointHealth,
    chart::{CensusChart, Count},
    outbox::delivery::{Delivery, DeliveryState},
    units::{BlockNumber, BlockRef, ProviderId, UnixSeconds},
    watcher::{
        progress::{Intervals, Progress},
        resume::Resumption,
    },
};

/// How steward fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusView {
    /// Version of the program.
    pub version: String,
    /// The commit it was built from.
    pub revision: String,
    /// When the process started, Unix seconds.
    pub started_at: u64,
    /// Now, Unix seconds.
    pub now: u64,
    /// Every network.
    pub networks: Vec<NetworkStatus>,
    /// The connection to Discord.
    pub discord: DiscordStatus,
    /// Whether messages arrive, as the canary proves it; null where there is none.
    pub canary: Option<CanaryView>,
    /// Deliveries by state; every state is there.
    pub deliveries: BTreeMap<String, u64>,
    /// When the oldest delivery that is neither sent nor closed came to be owed, Unix milliseconds; null = none waits.
    pub oldest_pending_at_ms: Option<u64>,
    /// Jobs by state; every state is there.
    pub jobs: BTreeMap<String, u64>,
    /// Incidents that are not resolved, by class; absent means none.
    pub incidents: BTreeMap<String, u64>,
    /// Bytes of the database on disk; null where it could not be read.
    pub store_bytes: Option<u64>,
}

/// How one network fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NetworkStatus {
    /// Its name.
    pub network: String,
    /// Its chain id.
    pub chain_id: u64,
    /// The provider; null while its id is not known.
    pub provider: Option<u64>,
    /// What the operator calls the provider.
    pub provider_label: Option<String>,
    /// Why the network is stopped until a person acts; null = it is not.
    pub stopped: Option<String>,
    /// Who had the network read again from its first block, the newest last; absent where nobody did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumptions: Vec<ResumptionView>,
    /// The newest block that any endpoint told; null before the first.
    pub head: Option<Head>,
    /// The last block that was taken in.
    pub cursor: Freshness,
    /// Blocks between the two; null where one is unknown.
    pub lag_blocks: Option<u64>,
    /// Which blocks were read.
    pub coverage: Coverage,
    /// What is final.
    pub finality: FinalityView,
    /// Whether the fold is proven complete.
    pub completeness: Completeness,
    /// The rollups of the Registry.
    pub rollups: Vec<RollupStatus>,
    /// The endpoints.
    pub endpoints: Vec<EndpointStatus>,
    /// The endpoint that is asked first; null while all rest.
    pub leader: Option<String>,
    /// Attesters of ours by state, all five always.
    pub attesters: BTreeMap<AttesterState, u64>,
    /// Why the counts may miss attesters; absent where they do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attesters_unknown_because: Option<String>,
    /// Attesters of ours that are not over, by verdict on the coinbase.
    pub coinbases: BTreeMap<super::coinbase::Verdict, u64>,
    /// Reorgs seen.
    pub reorgs: u64,
    /// Depth of the deepest.
    pub reorg_depth_max: u64,
    /// Kinds of events of watched contracts that nobody knows.
    pub unknown_events: u64,
}

/// A person had a network read again from its first block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResumptionView {
    /// When, Unix seconds.
    pub at: u64,
    /// Who.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Why it was stopped; null = its history was incomplete.
    pub stopped: Option<String>,
    /// The block up to which nothing is announced again.
    pub floor: u64,
}

impl From<&Resumption> for ResumptionView {
    fn from(resumption: &Resumption) -> Self {
        Self {
            at: resumption.at.value(),
            by: resumption.by.clone(),
            reason: resumption.reason.clone(),
            stopped: resumption.stopped.clone(),
            floor: resumption.floor.value(),
        }
    }
}

/// The newest block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Head {
    /// Height.
    pub number: u64,
    /// Its own time, Unix seconds.
    pub at: u64,
    /// Its age in seconds.
    pub age_seconds: u64,
}

/// Which blocks were read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Coverage {
    /// Where history begins; null before the first read.
    pub first_block: Option<u64>,
    /// Blocks whose logs were read.
    pub covered: Vec<Span>,
    /// Blocks between the first and the last taken in whose logs are missing.
    pub gaps: Vec<Span>,
    /// Blocks whose logs were read again after they were final, and were the same.
    pub confirmed: Vec<Span>,
}

/// What is final.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FinalityView {
    /// The newest safe block; null where no endpoint tells.
    pub safe: Option<Block>,
    /// The newest final block; null where no endpoint tells.
    pub finalized: Option<Block>,
    /// Why finality is unknown; absent where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
}

/// Whether the fold is proven complete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Completeness {
    /// True = proven against the contracts, false = something is missing, null = not proven yet.
    pub is_proven: Option<bool>,
    /// The same in words.
    pub text: String,
    /// Whether every attester of ours was compared with its views at least once.
    pub is_swept: bool,
}

/// A rollup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RollupStatus {
    /// Its version.
    pub version: u64,
    /// Its address.
    pub address: String,
    /// Whether it is the GSE's latest; null while that is unknown.
    pub is_latest: Option<bool>,
    /// Length of its entry queue.
    pub queue_length: u64,
    /// Its validators, everybody's; null where it was not read.
    pub active_attesters: Option<u64>,
}

/// An endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndpointStatus {
    /// Its name, never its URL.
    pub name: String,
    /// Whether it serves backfills only.
    pub is_archive: bool,
    /// `healthy`, `limited`, `down` or `excluded`.
    pub state: String,
    /// Since when, Unix seconds.
    pub since: u64,
    /// Failures in a row.
    pub failures: u32,
    /// The last failure; null where there was none.
    pub last_error: Option<String>,
    /// Its newest block as last seen; null where none was.
    pub head: Option<u64>,
    /// Requests since start.
    pub requests: u64,
}

/// The connection to Discord.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "gateway")]
pub enum DiscordStatus {
    /// Discord is not configured, or switched off in this process.
    Absent,
    /// Connected.
    Connected {
        /// Since when, Unix seconds.
        since: u64,
    },
    /// Connected, and yet something there keeps people from asking or alerts from waking them.
    Impaired {
        /// Connected since when, Unix seconds.
        since: u64,
        /// What, and what to do.
        reason: String,
    },
    /// Not connected.
    Disconnected {
        /// Since when, Unix seconds.
        since: u64,
        /// Why, as far as is known.
        reason: String,
    },
}

impl From<&Gateway> for DiscordStatus {
    fn from(gateway: &Gateway) -> Self {
        match gateway {
            Gateway::Absent => Self::Absent,
            Gateway::Connected { since } => Self::Connected {
                since: since.value(),
            },
            Gateway::Impaired { since, reason } => Self::Impaired {
                since: since.value(),
                reason: reason.clone(),
            },
            Gateway::Disconnected { since, reason } => Self::Disconnected {
                since: since.value(),
                reason: reason.clone(),
            },
        }
    }
}

/// Says how steward fares.
///
/// # Errors
/// A [`Refusal`] where the network is not known.
pub fn show(glance: &Glance<'_>, network: Option<&str>) -> Result<StatusView, Refusal> {
    let places = find::networks(glance, network)?;
    let networks = places
        .into_iter()
        .map(|place| network_status(glance, place, &Fleet::of(place)))
        .collect();
    Ok(whole(glance, networks))
}

/// The status around networks that were looked at already.
pub(crate) fn whole(glance: &Glance<'_>, networks: Vec<NetworkStatus>) -> StatusView {
    let (outbox, jobs) = (&glance.state.outbox, &glance.state.jobs);
    let is_waiting = |delivery: &&Delivery| {
        matches!(
            delivery.state,
            DeliveryState::Pending | DeliveryState::Started(_)
        )
    };
    let oldest = outbox.deliveries().filter(is_waiting);
    let mut incidents: BTreeMap<String, u64> = BTreeMap::new();
    for (_, incident) in super::incident::all(glance) {
        if incident.is_open() {
            *incidents
                .entry(incident.class.name().to_owned())
                .or_default() += 1;
        }
    }
    let delivered = outbox
        .counts()
        .iter()
        .map(|((_, state), count)| (*state, *count));
    let worked = jobs
        .counts()
        .iter()
        .map(|((_, state), count)| (*state, *count));
    StatusView {
        version: glance.build.version.clone(),
        revision: glance.build.revision.clone(),
        started_at: glance.build.started_at.value(),
        now: glance.now().value(),
        networks,
        discord: glance.gateway.into(),
        canary: canary::show(glance),
        deliveries: tally(&DELIVERY_STATES, delivered),
        oldest_pending_at_ms: oldest.map(|delivery| delivery.owed_at_ms).min(),
        jobs: tally(&JOB_STATES, worked),
        incidents,
        store_bytes: glance.store.size_bytes().ok(),
    }
}

fn tally(
    states: &[&'static str],
    counted: impl Iterator<Item = (&'static str, usize)>,
) -> BTreeMap<String, u64> {
    let zero = states.iter().map(|state| ((*state).to_owned(), 0));
    let mut counts: BTreeMap<String, u64> = zero.collect();
    for (state, number) in counted {
        if let Some(total) = counts.get_mut(state) {
            *total = total.saturating_add(count(number));
        }
    }
    counts
}

/// How one network fares.
pub(crate) fn network_status(
    glance: &Glance<'_>,
    place: Place<'_>,
    fleet: &Fleet,
) -> NetworkStatus {
    let progress = glance.state.progress.row(&place.name.to_owned());
    let progress = progress.cloned().unwrap_or_default();
    let chapter = place.book.map(crate::book::Book::summary).filter(is_begun);
    let head = (progress.head > BlockNumber::new(0)).then(|| Head {
        number: progress.head.value(),
        at: progress.head_at.value(),
        age_seconds: glance.now().since(progress.head_at),
    });
    let states = fleet.states.iter();
    let network = place.network;
    NetworkStatus {
        network: place.name.to_owned(),
        chain_id: network.chain_id,
        provider: network.provider.map(ProviderId::value),
        provider_label: network.provider_label.clone(),
        stopped: progress.stopped.clone(),
        resumptions: progress.resumptions.iter().map(Into::into).collect(),
        lag_blocks: head
            .zip(chapter.as_ref())
            .map(|(head, chapter)| head.number.saturating_sub(chapter.cursor.number.value())),
        head,
        cursor: Freshness::new(place.book, network, glance.now()),
        coverage: coverage(place, &progress),
        finality: finality(place, &progress),
        completeness: completeness(place),
        rollups: rollups(place),
        endpoints: network.endpoints.iter().map(endpoint_status).collect(),
        leader: network.leader.as_ref().map(ToString::to_string),
        attesters: states
            .map(|(stage, count)| ((*stage).into(), *count))
            .collect(),
        attesters_unknown_because: attesters_unknown(place),
        coinbases: fleet.coinbases.clone(),
        reorgs: progress.reorgs,
        reorg_depth_max: progress.reorg_depth_max,
        unknown_events: place
            .book
            .map_or(0, |book| count(book.unknown_events.len())),
    }
}

/// How many attesters were in each state hour by hour, and now; `None` where there is nothing to compare now with.
pub(super) fn chart(glance: &Glance<'_>, of: &NetworkStatus) -> Option<CensusChart> {
    if of.attesters_unknown_because.is_some() {
        return None;
    }
    let at = UnixSeconds::new(of.cursor.block.as_ref()?.at?);
    let now = Stage::ALL.map(|stage| of.attesters.get(&stage.into()).copied().unwrap_or_default());
    let census = glance.state.census.get(&of.network)?;
    let before = census.counts().filter(|count| count.at < at).copied();
    let counts: Vec<Count> = before.chain([Count { at, of: now }]).collect();
    (counts.len() > 1).then_some(CensusChart { counts })
}

fn attesters_unknown(place: Place<'_>) -> Option<String> {
    let why = match (place.book, place.network.provider) {
        (None, _) => Some("nothing of this network was read yet"),
        (Some(_), None) => Some("the provider's id is not resolved yet"),
        (Some(_), Some(_)) => None,
    };
    why.map(str::to_owned)
}

fn spans(intervals: &[(BlockNumber, BlockNumber)]) -> Vec<Span> {
    let span = |(from, to): &(BlockNumber, BlockNumber)| Span {
        from: from.value(),
        to: to.value(),
    };
    intervals.iter().map(span).collect()
}

fn coverage(place: Place<'_>, progress: &Progress) -> Coverage {
    let chapter = place.book.map(crate::book::Book::summary).filter(is_begun);
    let gaps = |covered: &Intervals| {
        let chapter = chapter.as_ref()?;
        Some(covered.gaps(chapter.first_block, chapter.cursor.number))
    };
    Coverage {
        first_block: chapter.as_ref().map(|chapter| chapter.first_block.value()),
        covered: spans(progress.covered.as_slice()),
        gaps: spans(&gaps(&progress.covered).unwrap_or_default()),
        confirmed: spans(progress.confirmed.as_slice()),
    }
}

fn finality(place: Place<'_>, progress: &Progress) -> FinalityView {
    let at = |block: BlockRef| {
        let row = place.book.and_then(|book| book.blocks.row(&block.number));
        row.map(|row| row.at)
    };
    let block =
        |block: Option<BlockRef>| block.map(|block| Block::new(block, at(block), place.network));
    let because = "no endpoint has told a final block";
    FinalityView {
        safe: block(progress.safe),
        finalized: block(progress.finalized),
        unknown_because: progress.finalized.is_none().then(|| because.to_owned()),
    }
}

fn completeness(place: Place<'_>) -> Completeness {
    let chapter = place
        .book
        .map(crate::book::Book::summary)
        .unwrap_or_default();
    let text = match chapter.is_complete {
        Some(true) => "the fold agrees with the contracts: nothing is missing",
        Some(false) => "the fold and the contracts disagree: history is missing",
        None => "not proven yet",
    };
    Completeness {
        is_proven: chapter.is_complete,
        text: text.to_owned(),
        is_swept: chapter.is_swept,
    }
}

fn rollups(place: Place<'_>) -> Vec<RollupStatus> {
    let Some(book) = place.book else {
        return Vec::new();
    };
    let latest = book.summary().latest;
    let rows = book.rollups.rows();
    rows.map(|(version, rollup)| RollupStatus {
        version: version.value(),
        address: address(rollup.address),
        is_latest: latest.map(|latest| latest == *version),
        queue_length: rollup.queue.len(),
        active_attesters: rollup.flush.as_ref().map(|flush| flush.active_attesters),
    })
    .collect()
}

fn endpoint_status(health: &EndpointHealth) -> EndpointStatus {
    EndpointStatus {
        name: health.endpoint.to_string(),
        is_archive: health.is_archive,
        state: health_name(health.state).to_owned(),
        since: health.since.value(),
        failures: health.failures,
        last_error: health.last_error.clone(),
        head: health.head.map(BlockNumber::value),
        requests: health.requests.values().sum(),
    }
}

/// The name of an endpoint's state.
#[must_use]
pub const fn health_name(state: crate::chain::health::HealthState) -> &'static str {
    use crate::chain::health::HealthState;
    match state {
        HealthState::Healthy => "healthy",
        HealthState::Limited => "limited",
        HealthState::Down => "down",
        HealthState::Excluded => "excluded",
    }
}
