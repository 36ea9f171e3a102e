//! The list of attesters: filtered, in pages.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    coinbase::{Verdict, is_on},
    find::{self, Member, Place, lower, page_of},
    form::{Amount, Freshness},
    glance::Glance,
    refusal::Refusal,
    standing::{AttesterState, StandingView},
};

/// An attester as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttesterRow {
    /// Its network.
    pub network: String,
    /// Its address.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// Hosts that run it, as the keys files tell.
    pub hosts: Vec<String>,
    /// Its state and why.
    #[serde(flatten)]
    pub standing: StandingView,
    /// When the state began, Unix seconds; null where it never changed.
    pub since: Option<u64>,
    /// Its position in the entry queue, 1 = next; null where it is in none.
    pub position: Option<u64>,
    /// What is left of its stake; null before it was deposited.
    pub balance: Option<Amount>,
    /// What to think of its coinbase.
    pub coinbase: Verdict,
}

/// A page of attesters, by network and address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttesterList {
    /// How many match.
    pub total: u64,
    /// The page.
    pub attesters: Vec<AttesterRow>,
    /// Pass as `after` to see more; null on the last page.
    pub next: Option<String>,
    /// How fresh the answer is, by network.
    pub as_of: std::collections::BTreeMap<String, Freshness>,
}

/// Which attesters are asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttesterFilter {
    /// Only of this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AttesterState>,
    /// Only on this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Only with this verdict on the coinbase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coinbase: Option<Verdict>,
    /// Only those whose label, host or address holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Cursor: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Rows a page, at most 1000; 100 where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Lists attesters of ours.
///
/// # Errors
/// A [`Refusal`] where the network is not known.
pub fn list(glance: &Glance<'_>, filter: &AttesterFilter) -> Result<AttesterList, Refusal> {
    let places = find::networks(glance, filter.network.as_deref())?;
    let fresh = |place: &Place<'_>| {
        let fresh = Freshness::new(place.book, place.network, glance.now());
        (place.name.to_owned(), fresh)
    };
    let as_of = places.iter().map(fresh).collect();
    let text = filter.text.as_deref().map(str::to_lowercase);
    let matching = places.iter().flat_map(|place| {
        let text = text.as_deref();
        let ours = place.ours().into_iter();
        ours.filter(move |member| matches(place, member, filter, text))
            .map(move |member| (place, member))
    });
    let page = page_of(
        matching,
        filter.after.as_deref(),
        filter.limit,
        |(place, member)| format!("{}:{}", place.name, member.address),
    );
    Ok(AttesterList {
        total: page.total,
        attesters: page
            .rows
            .iter()
            .map(|(place, member)| row(place, member))
            .collect(),
        next: page.next,
        as_of,
    })
}

fn matches(
    place: &Place<'_>,
    member: &Member<'_>,
    filter: &AttesterFilter,
    text: Option<&str>,
) -> bool {
    let state = || AttesterState::from(stage_of(member));
    let verdict = || Verdict::from(&place.verdict(member));
    filter.state.is_none_or(|wanted| wanted == state())
        && is_on(member, filter.host.as_deref())
        && filter.coinbase.is_none_or(|wanted| wanted == verdict())
        && text.is_none_or(|text| holds(place, member, text))
}

fn stage_of(member: &Member<'_>) -> crate::attester::Stage {
    let attester = member.attester;
    attester
        .map(|attester| attester.standing.stage)
        .unwrap_or_default()
}

fn holds(place: &Place<'_>, member: &Member<'_>, text: &str) -> bool {
    let label = place.label(member.address);
    let is_in = |candidate: &str| candidate.to_lowercase().contains(text);
    label.is_some_and(is_in)
        || member.hosts().iter().any(|host| is_in(host))
        || lower(member.address).contains(text)
}

fn row(place: &Place<'_>, member: &Member<'_>) -> AttesterRow {
    let attester = member.attester;
    let entry = attester.and_then(|attester| attester.entries.first());
    let registration = attester.and_then(|attester| attester.registration.as_ref());
    let since = attester.map(|attester| attester.since.value());
    AttesterRow {
        network: place.name.to_owned(),
        attester: member.address.to_string(),
        label: place.label(member.address).map(str::to_owned),
        hosts: member.hosts(),
        standing: attester
            .map(|attester| attester.standing)
            .unwrap_or_default()
            .into(),
        since: since.filter(|since| *since > 0),
        position: entry.and_then(|entry| place.queue_place(entry)),
        balance: registration.map(|registration| registration.balance.into()),
        coinbase: Verdict::from(&place.verdict(member)),
    }
}
