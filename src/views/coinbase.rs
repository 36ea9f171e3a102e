//! Coinbases: which one is expected, which one is configured, and until when the difference must be gone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find::{self, Member, Place, page_of},
    forecast::{Forecasts, When},
    form::{Freshness, address, transaction_link},
    glance::Glance,
    refusal::Refusal,
    standing::AttesterState,
};
use crate::{
    attester::{Attester, Stage},
    keys,
    provider::coinbase::{CoinbaseVerdict, Configured},
};

/// What to think of a coinbase.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the expected one, or a declared common one.
    Right,
    /// The keys files set none.
    Missing,
    /// The keys files set another one.
    Mismatch,
    /// The keys files disagree with each other.
    Conflict,
    /// Nothing can be said.
    Unknown,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 5] = [
        Self::Right,
        Self::Missing,
        Self::Mismatch,
        Self::Conflict,
        Self::Unknown,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Missing => "missing",
            Self::Mismatch => "mismatch",
            Self::Conflict => "conflict",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody has to act.
    #[must_use]
    pub const fn is_wrong(self) -> bool {
        matches!(self, Self::Missing | Self::Mismatch | Self::Conflict)
    }
}

impl From<&CoinbaseVerdict> for Verdict {
    fn from(verdict: &CoinbaseVerdict) -> Self {
        match verdict {
            CoinbaseVerdict::Right => Self::Right,
            CoinbaseVerdict::Missing { .. } => Self::Missing,
            CoinbaseVerdict::Mismatch { .. } => Self::Mismatch,
            CoinbaseVerdict::Conflict { .. } => Self::Conflict,
            CoinbaseVerdict::Unknown => Self::Unknown,
        }
    }
}

/// The coinbase of one attester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoinbaseView {
    /// What to think of it.
    pub verdict: Verdict,
    /// Why nothing can be said; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// The split to set, from the latest stake that was not refunded; null where no stake tells.
    pub expected: Option<String>,
    /// The transaction that tells it.
    pub expected_from: Option<Source>,
    /// What the keys files set: none, one, or several that disagree.
    pub configured: Vec<String>,
    /// Keys files that name the attester.
    pub files: Vec<String>,
    /// The earliest moment at which a wrong coinbase costs rewards; null where the coinbase is not wrong.
    pub deadline: Option<When>,
}

/// Where an expected coinbase comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// The transaction of the stake.
    pub transaction: String,
    /// Its block.
    pub block: u64,
    /// Time of that block, Unix seconds.
    pub at: u64,
    /// Link to the explorer; absent where none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// One attester in a list of coinbases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoinbaseRow {
    /// Its network.
    pub network: String,
    /// Its address.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// Hosts that run it.
    pub hosts: Vec<String>,
    /// Its state.
    pub state: AttesterState,
    /// Its coinbase.
    #[serde(flatten)]
    pub coinbase: CoinbaseView,
}

/// Attesters whose coinbase is wrong, the most urgent first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoinbaseList {
    /// How many match.
    pub total: u64,
    /// How many attesters are in no keys file, so that nothing can be said of them.
    pub unknown: u64,
    /// The page.
    pub coinbases: Vec<CoinbaseRow>,
    /// Pass as `after` to see more; null on the last page.
    pub next: Option<String>,
}

/// Which coinbases are asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CoinbaseFilter {
    /// Only of this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Only on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Cursor: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Rows a page, at most 1000; 100 where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Lists the attesters whose coinbase is missing, different or disputed, the earliest deadline first.
///
/// # Errors
/// A [`Refusal`] where the network is not known.
pub fn missing(glance: &Glance<'_>, filter: &CoinbaseFilter) -> Result<CoinbaseList, Refusal> {
    let mut unknown = 0_u64;
    let mut wrong = Vec::new();
    for place in find::networks(glance, filter.network.as_deref())? {
        let mut forecasts = Forecasts::new(place);
        for member in place.ours() {
            if !is_on(&member, filter.host.as_deref()) || is_over(&member) {
                continue;
            }
            let verdict = Verdict::from(&place.verdict(&member));
            unknown = unknown.saturating_add(u64::from(verdict == Verdict::Unknown));
            if verdict.is_wrong() {
                wrong.push((row(place, &member, &mut forecasts), place.name));
            }
        }
    }
    let urgency = |row: &CoinbaseRow| {
        let deadline = row.coinbase.deadline.as_ref().and_then(|when| when.at);
        (deadline.is_none(), deadline, row.attester.clone())
    };
    wrong.sort_by_cached_key(|(row, _)| urgency(row));
    let rows = wrong.into_iter().map(|(row, _)| row);
    let page = page_of(rows, filter.after.as_deref(), filter.limit, |row| {
        format!("{}:{}", row.network, row.attester)
    });
    Ok(CoinbaseList {
        total: page.total,
        unknown,
        coinbases: page.rows,
        next: page.next,
    })
}

/// The coinbase of one attester, with how fresh the answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CoinbaseShown {
    /// The attester and its coinbase.
    #[serde(flatten)]
    pub row: CoinbaseRow,
    /// How fresh the answer is.
    pub as_of: Freshness,
}

/// Shows the coinbase of one attester.
///
/// # Errors
/// A [`Refusal`] where the attester is not found.
pub fn show(
    glance: &Glance<'_>,
    network: Option<&str>,
    name: &str,
) -> Result<CoinbaseShown, Refusal> {
    let (place, member) = find::attester(glance, network, name)?;
    Ok(CoinbaseShown {
        row: row(place, &member, &mut Forecasts::new(place)),
        as_of: Freshness::new(place.book, place.network, glance.now()),
    })
}

/// Whether an attester runs on `host`; every one does where no host is named.
pub(super) fn is_on(member: &Member<'_>, host: Option<&str>) -> bool {
    host.is_none_or(|host| {
        let deployed = member.deployed;
        deployed.is_some_and(|deployed| deployed.hosts.iter().any(|known| known.as_str() == host))
    })
}

/// Whether it will propose no more, so that its coinbase does not matter.
pub(super) fn is_over(member: &Member<'_>) -> bool {
    member
        .attester
        .is_some_and(|attester| attester.standing.stage == Stage::NoLongerActive)
}

fn row(place: Place<'_>, member: &Member<'_>, forecasts: &mut Forecasts<'_>) -> CoinbaseRow {
    let stage = member.attester.map(|attester| attester.standing.stage);
    CoinbaseRow {
        network: place.name.to_owned(),
        attester: member.address.to_string(),
        label: place.label(member.address).map(str::to_owned),
        hosts: member.hosts(),
        state: stage.unwrap_or_default().into(),
        coinbase: view(place, member, forecasts),
    }
}

/// The coinbase of an attester.
pub(super) fn view(
    place: Place<'_>,
    member: &Member<'_>,
    forecasts: &mut Forecasts<'_>,
) -> CoinbaseView {
    let verdict = Verdict::from(&place.verdict(member));
    let stake = member.attester.and_then(Attester::expected_stake);
    let configured = match keys::Configured::coinbase_of(member.deployed) {
        Configured::NotInAnyFile | Configured::Missing => Vec::new(),
        Configured::Set(coinbase) => vec![address(coinbase.address())],
        Configured::Conflict(coinbases) => coinbases
            .iter()
            .map(|coinbase| address(coinbase.address()))
            .collect(),
    };
    let because = match (verdict, place.network.keys.is_some(), member.deployed) {
        (Verdict::Unknown, false, _) => Some("no keys files are configured or read"),
        (Verdict::Unknown, true, None) => Some("no keys file names the attester"),
        (Verdict::Unknown, true, Some(_)) => Some("no stake tells what to expect"),
        _ => None,
    };
    CoinbaseView {
        verdict,
        unknown_because: because.map(str::to_owned),
        expected: stake.map(|stake| stake.split.to_string()),
        expected_from: stake.map(|stake| Source {
            transaction: stake.transaction.to_string(),
            block: stake.block.value(),
            at: stake.at.value(),
            link: transaction_link(place.network, stake.transaction),
        }),
        configured,
        files: member.files(),
        deadline: verdict
            .is_wrong()
            .then(|| forecasts.deadline(member.attester)),
    }
}
