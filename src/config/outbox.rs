//! How messages are delivered.

use std::time::Duration;

use super::{
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const DELIVERY_RETRY_MAX: Variable = Variable {
    name: "DELIVERY_RETRY_MAX",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("5m"),
    doc: "The longest wait between two attempts to deliver a message. The first attempts follow within seconds.",
    example: "5m",
};

const DELIVERY_GIVE_UP_AFTER: Variable = Variable {
    name: "DELIVERY_GIVE_UP_AFTER",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("7d"),
    doc: "How long a message that Discord does not accept is tried. After that it is kept, and shown as exhausted; nothing is dropped.",
    example: "7d",
};

pub(super) const SECTION: Section = Section {
    title: "Delivery",
    intro: "How messages reach Discord when Discord has a bad day.",
    variables: &[&DELIVERY_RETRY_MAX, &DELIVERY_GIVE_UP_AFTER],
};

/// How messages are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxConfig {
    /// The longest wait between two attempts.
    pub retry_max: Duration,
    /// The age at which a delivery counts as exhausted.
    pub give_up_after: Duration,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<OutboxConfig> {
    let retry_max = reader.value(&DELIVERY_RETRY_MAX, |text| {
        value::duration(text, Duration::from_secs(1)..=Duration::from_secs(3600))
    });
    let give_up_after = reader.value(&DELIVERY_GIVE_UP_AFTER, |text| {
        value::duration(
            text,
            Duration::from_secs(60)..=Duration::from_secs(365 * 86_400),
        )
    });
    Some(OutboxConfig {
        retry_max: retry_max?,
        give_up_after: give_up_after?,
    })
}
