//! How the L1 is followed.

use std::time::Duration;

use super::{
    reader::{Place, Reader},
    value,
    variable::{Presence, Scope, Section, Variable},
};

const L1_POLL_INTERVAL: Variable = Variable {
    name: "L1_POLL_INTERVAL",
    scope: Scope::Shared,
    is_secret: false,
    presence: Presence::Default("2s"),
    doc: "How often the endpoint is asked for a new block. A block comes every 12 seconds on Ethereum, and one question costs one request.",
    example: "2s",
};

const L1_REQUEST_TIMEOUT: Variable = Variable {
    name: "L1_REQUEST_TIMEOUT",
    scope: Scope::Shared,
    is_secret: false,
    presence: Presence::Default("10s"),
    doc: "How long an endpoint may take to answer a request before another one is asked.",
    example: "10s",
};

pub(super) const SECTION: Section = Section {
    title: "Following the L1",
    intro: "With several networks these hold for all, unless a prefix says otherwise for one.",
    variables: &[&L1_POLL_INTERVAL, &L1_REQUEST_TIMEOUT],
};

/// How one network's L1 is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatcherConfig {
    /// How often the head is polled.
    pub poll_interval: Duration,
    /// How long one request may take.
    pub request_timeout: Duration,
}

/// Reads the topic for one network.
pub(super) fn read(reader: &mut Reader<'_>, place: Place<'_>) -> Option<WatcherConfig> {
    let poll_interval = reader.value_at(place, &L1_POLL_INTERVAL, |text| {
        value::duration(text, Duration::from_millis(50)..=Duration::from_secs(600))
    });
    let request_timeout = reader.value_at(place, &L1_REQUEST_TIMEOUT, |text| {
        value::duration(text, Duration::from_millis(100)..=Duration::from_secs(300))
    });
    Some(WatcherConfig {
        poll_interval: poll_interval?,
        request_timeout: request_timeout?,
    })
}
