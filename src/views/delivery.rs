//! Deliveries: one message each, owed to one channel.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{find::page_of, glance::Glance, refusal::Refusal};
use crate::outbox::delivery::Delivery;

/// States of a delivery.
pub const DELIVERY_STATES: [&str; 9] = [
    "pending",
    "started",
    "sent",
    "merged",
    "moved",
    "cancelled",
    "unclear",
    "gone",
    "undeliverable",
];

/// A delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// Its id.
    pub id: String,
    /// The network it speaks of.
    pub network: String,
    /// The channel, a Discord id as text.
    pub channel: String,
    /// The job that sends it.
    pub job: u64,
    /// The notices that it tells.
    pub notices: Vec<String>,
    /// One of `pending`, `started`, `sent`, `merged`, `moved`, `cancelled`, `unclear`, `gone`, `undeliverable`.
    pub state: String,
    /// The message that stands in the channel, a Discord id as text; null where none does.
    pub message: Option<String>,
    /// Whether the message that stands differs from the newest content.
    pub owes_edit: bool,
    /// When it came to be owed, Unix milliseconds.
    pub owed_at_ms: u64,
    /// When it was accepted, Unix milliseconds; null until it is.
    pub sent_at_ms: Option<u64>,
}

/// A page of deliveries, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryList {
    /// How many match.
    pub total: u64,
    /// The page.
    pub deliveries: Vec<DeliveryView>,
    /// Pass as `after` to see more; null on the last page.
    pub next: Option<String>,
}

/// Which deliveries are asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilter {
    /// Only of this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Cursor: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Rows a page, at most 1000; 100 where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Lists deliveries, newest first.
///
/// # Errors
/// A [`Refusal`] where the network or the state is not known.
pub fn list(glance: &Glance<'_>, filter: &DeliveryFilter) -> Result<DeliveryList, Refusal> {
    super::find::networks(glance, filter.network.as_deref())?;
    if let Some(state) = &filter.state
        && !DELIVERY_STATES.contains(&state.as_str())
    {
        let why = "no delivery is ever in it";
        return Err(
            Refusal::not_found("delivery state", state, why).with_next(format!(
                "States of a delivery: {}.",
                DELIVERY_STATES.join(", ")
            )),
        );
    }
    let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
    let deliveries = glance.state.outbox.deliveries();
    let mut matching: Vec<&Delivery> = deliveries
        .filter(|of| same(&filter.network, &of.network) && same(&filter.state, of.state.name()))
        .collect();
    matching.sort_by_key(|of| (std::cmp::Reverse(of.owed_at_ms), of.id.as_str()));
    let after = filter.after.as_deref();
    let page = page_of(matching.into_iter(), after, filter.limit, |of| {
        of.id.to_string()
    });
    Ok(DeliveryList {
        total: page.total,
        deliveries: page.rows.into_iter().map(DeliveryView::from).collect(),
        next: page.next,
    })
}

impl From<&Delivery> for DeliveryView {
    fn from(of: &Delivery) -> Self {
        let posted = of.posted.as_ref();
        let notices = of.entries.iter();
        Self {
            id: of.id.to_string(),
            network: of.network.clone(),
            channel: of.channel.0.to_string(),
            job: of.job,
            notices: notices
                .map(|entry| entry.notice.as_str().to_owned())
                .collect(),
            state: of.state.name().to_owned(),
            message: posted.map(|posted| posted.message.0.to_string()),
            owes_edit: of.owes_edit(),
            owed_at_ms: of.owed_at_ms,
            sent_at_ms: posted.map(|posted| posted.at_ms),
        }
    }
}
