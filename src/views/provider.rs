//! The provider: its configuration, its queue, and how long its keys last.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find::{self, Place},
    form::{Freshness, address},
    glance::Glance,
    refusal::Refusal,
};
use crate::units::{Address, QueueIndex};

/// Keys of the queue that are shown.
const KEYS_SHOWN: usize = 20;

/// The providers of the networks asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProvidersView {
    /// One for each network.
    pub providers: Vec<ProviderView>,
}

/// The provider on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// The network.
    pub network: String,
    /// Its id; null while it is not known.
    pub provider: Option<u64>,
    /// What the operator calls it; null where nobody named it.
    pub label: Option<String>,
    /// Why nothing is known of it; absent where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// Its admin; null where it was not seen.
    pub admin: Option<String>,
    /// A proposed admin that has not accepted; null where there is none.
    pub pending_admin: Option<String>,
    /// Its take rate in basis points; null where it was not seen.
    pub take_rate_basis_points: Option<u16>,
    /// Where its share goes; null where it was not seen.
    pub rewards_recipient: Option<String>,
    /// Keys that wait in its queue; null where nothing is known of it.
    pub keys_left: Option<u64>,
    /// Keys ever added; null where nothing is known of it.
    pub keys_added: Option<u64>,
    /// Keys staked; null where nothing is known of it.
    pub keys_staked: Option<u64>,
    /// Keys dripped; null where nothing is known of it.
    pub keys_dripped: Option<u64>,
    /// The next keys to be staked, at most 20.
    pub next_keys: Vec<KeyView>,
    /// How fresh the answer is.
    pub as_of: Freshness,
}

/// A key that waits in the provider queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Its position, 1 = next.
    pub position: u64,
    /// The attester.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// Hosts that run it; a key that is to be staked next should run somewhere.
    pub hosts: Vec<String>,
}

/// Shows the providers.
///
/// # Errors
/// A [`Refusal`] where the network is not known.
pub fn show(glance: &Glance<'_>, network: Option<&str>) -> Result<ProvidersView, Refusal> {
    let places = find::networks(glance, network)?;
    Ok(ProvidersView {
        providers: places
            .into_iter()
            .map(|place| view(glance, place))
            .collect(),
    })
}

fn view(glance: &Glance<'_>, place: Place<'_>) -> ProviderView {
    let id = place.network.provider;
    let row = id.and_then(|id| place.book?.providers.row(&id));
    let because = match (id, row) {
        (None, _) => Some("the provider's id is not resolved yet"),
        (Some(_), None) => Some("no event of this provider was read"),
        (Some(_), Some(_)) => None,
    };
    let text = |of: Option<Address>| of.map(address);
    ProviderView {
        network: place.name.to_owned(),
        provider: id.map(crate::units::ProviderId::value),
        label: place.network.provider_label.clone(),
        unknown_because: because.map(str::to_owned),
        admin: text(row.and_then(|row| row.admin)),
        pending_admin: text(row.and_then(|row| row.pending_admin)),
        take_rate_basis_points: row.and_then(|row| row.take_rate).map(|rate| rate.value()),
        rewards_recipient: text(row.and_then(|row| row.rewards_recipient)),
        keys_left: row.map(crate::book::records::Provider::keys_left),
        keys_added: row.map(|row| row.added),
        keys_staked: row.map(|row| row.staked),
        keys_dripped: row.map(|row| row.dripped),
        next_keys: next_keys(place),
        as_of: Freshness::new(place.book, place.network, glance.now()),
    }
}

fn next_keys(place: Place<'_>) -> Vec<KeyView> {
    let Some((book, id)) = place.book.zip(place.network.provider) else {
        return Vec::new();
    };
    let first = book
        .providers
        .row(&id)
        .map(|row| row.first)
        .unwrap_or_default();
    let waiting = book
        .provider_queue
        .range((id, first)..=(id, QueueIndex::new(u64::MAX)));
    let view =
        |((_, index), entry): (&(_, QueueIndex), &crate::book::records::ProviderQueueEntry)| {
            KeyView {
                position: index.since(first).saturating_add(1),
                attester: entry.attester.to_string(),
                label: place.label(entry.attester).map(str::to_owned),
                hosts: place.member(entry.attester).hosts(),
            }
        };
    waiting.take(KEYS_SHOWN).map(view).collect()
}
