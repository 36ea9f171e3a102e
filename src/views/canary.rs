//! Whether messages arrive, as the canary proves it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::glance::Glance;

/// Beats that may be missed before the canary counts as silent: one may fall into a restart, two are an outage.
const MISSED_MAX: u64 = 3;

/// Whether messages arrive, as the canary proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CanaryView {
    /// Seconds between two beats.
    pub interval_seconds: u64,
    /// When the last beat came to be owed, Unix seconds.
    pub beat_at: u64,
    /// When a beat was last seen in the channel, Unix seconds; null before the first.
    pub seen_at: Option<u64>,
    /// When the dead man's switch was last fed, Unix seconds; null where there is none, or it was never fed.
    pub fed_at: Option<u64>,
    /// Whether nothing was seen for three intervals.
    pub is_silent: bool,
}

/// The canary; `None` where there is none.
#[must_use]
pub fn show(glance: &Glance<'_>) -> Option<CanaryView> {
    let canary = glance.state.canary.row(&())?;
    let seen_at = canary.seen.map(|seen| seen.at_ms / 1000);
    let interval_seconds = canary.interval_ms / 1000;
    // Before the first one that is seen, time runs from the start of the process.
    let since = seen_at.unwrap_or_else(|| glance.build.started_at.value());
    let silent_for = glance.now().value().saturating_sub(since);
    Some(CanaryView {
        interval_seconds,
        beat_at: canary.beat_at_ms / 1000,
        seen_at,
        fed_at: canary.fed_at_ms.map(|at| at / 1000),
        is_silent: silent_for > interval_seconds.saturating_mul(MISSED_MAX),
    })
}
