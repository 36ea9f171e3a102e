//! What happened to an attester, oldest first.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find::{self, Place},
    form::{Amount, Block, Freshness, address, transaction_link},
    glance::Glance,
    refusal::Refusal,
    standing::StandingView,
};
use crate::{
    attester::change::{Change, Entry, Evidence, ProviderChange},
    units::AttesterAddress,
};

/// Entries that are shown where nobody says otherwise; a life has a dozen.
const ENTRIES_DEFAULT: u64 = 100;
/// Most entries that are shown.
const ENTRIES_MAX: u64 = 1_000;

/// The history of one attester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryView {
    /// Its network.
    pub network: String,
    /// Its address.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// The first block whose logs were read: what happened before it is unknown.
    pub known_from_block: Option<u64>,
    /// What happened, oldest first.
    pub entries: Vec<HistoryEntry>,
    /// How fresh the answer is.
    pub as_of: Freshness,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryEntry {
    /// What happened, in words.
    pub text: String,
    /// What changed.
    #[serde(flatten)]
    pub change: ChangeView,
    /// Where it was seen.
    pub evidence: EvidenceView,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum ChangeView {
    /// The state or its reason.
    State {
        /// Before.
        from: StandingView,
        /// After.
        to: StandingView,
    },
    /// It lost stake.
    Slashed {
        /// The rollup.
        rollup: u64,
        /// How much.
        amount: Amount,
        /// What is left; null where it is not known.
        left: Option<Amount>,
    },
    /// Something beyond the attester.
    Other,
}

/// Where a change was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceView {
    /// The event or view, as the contracts call it.
    pub source: String,
    /// The block.
    pub block: Block,
    /// The transaction; null where only a view told.
    pub transaction: Option<String>,
    /// The log's position in the block; null where only a view told.
    pub log_index: Option<u64>,
    /// Link to the transaction; absent where no explorer is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl EvidenceView {
    /// Evidence with its links.
    #[must_use]
    pub(super) fn new(evidence: &Evidence, place: Place<'_>) -> Self {
        let transaction = evidence.transaction;
        Self {
            source: evidence.source.clone().into_owned(),
            block: Block::new(evidence.block, Some(evidence.at), place.network),
            transaction: transaction.map(|hash| hash.to_string()),
            log_index: evidence.log_index,
            link: transaction.and_then(|hash| transaction_link(place.network, hash)),
        }
    }
}

/// Shows what happened to an attester: the newest `limit` entries, oldest first.
///
/// # Errors
/// A [`Refusal`] where the attester is not found, or the store cannot be read.
pub fn show(
    glance: &Glance<'_>,
    network: Option<&str>,
    name: &str,
    limit: Option<u64>,
) -> Result<HistoryView, Refusal> {
    let (place, member) = find::attester(glance, network, name)?;
    let entries = entries(glance, place, member.address, limit)?;
    let first = place.book.map(|book| book.summary().first_block.value());
    Ok(HistoryView {
        network: place.name.to_owned(),
        attester: member.address.to_string(),
        label: place.label(member.address).map(str::to_owned),
        known_from_block: first,
        entries: entries
            .iter()
            .map(|entry| entry_view(entry, place))
            .collect(),
        as_of: Freshness::new(place.book, place.network, glance.now()),
    })
}

/// The newest entries about an attester, from the store.
pub(super) fn entries(
    glance: &Glance<'_>,
    place: Place<'_>,
    attester: AttesterAddress,
    limit: Option<u64>,
) -> Result<Vec<Entry>, Refusal> {
    let limit = limit.unwrap_or(ENTRIES_DEFAULT).clamp(1, ENTRIES_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let Some(book) = place.book else {
        return Ok(Vec::new());
    };
    book.history
        .of(glance.store, attester, limit)
        .map_err(|error| Refusal::of_store(&error))
}

/// An entry with its words.
pub(super) fn entry_view(entry: &Entry, place: Place<'_>) -> HistoryEntry {
    let change = match &entry.change {
        Change::Standing { from, to, .. } => ChangeView::State {
            from: (*from).into(),
            to: (*to).into(),
        },
        Change::Slashed {
            rollup,
            amount,
            left,
            ..
        } => ChangeView::Slashed {
            rollup: rollup.value(),
            amount: (*amount).into(),
            left: left.map(Into::into),
        },
        Change::Provider { .. }
        | Change::Canonical { .. }
        | Change::SlashVote { .. }
        | Change::SlashRoundExecuted { .. } => ChangeView::Other,
    };
    HistoryEntry {
        text: words(&entry.change),
        change,
        evidence: EvidenceView::new(&entry.evidence, place),
    }
}

/// What happened, in words, without a full stop.
fn words(change: &Change) -> String {
    match change {
        Change::Standing { from, to, .. } => {
            let after = StandingView::from(*to).reason_text;
            format!("{} → {}: {after}", from.stage, to.stage)
        }
        Change::Slashed { amount, left, .. } => match left {
            Some(left) => format!("slashed by {amount} AZTEC, {left} AZTEC left"),
            None => format!("slashed by {amount} AZTEC, what is left is not known"),
        },
        Change::Provider { provider, what, .. } => {
            format!("provider {provider}: {}", provider_words(what))
        }
        Change::Canonical { to, .. } => format!("rollup {to} became canonical"),
        Change::SlashVote { round, .. } => format!("a vote to slash in round {round}"),
        Change::SlashRoundExecuted { round, .. } => format!("slashing round {round} was executed"),
    }
}

fn provider_words(what: &ProviderChange) -> String {
    match what {
        ProviderChange::Registered => "registered".to_owned(),
        ProviderChange::AdminProposed { admin } => {
            format!("{} proposed as admin", address(*admin))
        }
        ProviderChange::Admin { to, .. } => format!("admin is now {}", address(*to)),
        ProviderChange::TakeRate { to, .. } => format!("take rate is now {to}"),
        ProviderChange::RewardsRecipient { to, .. } => {
            format!("rewards recipient is now {}", address(*to))
        }
    }
}
