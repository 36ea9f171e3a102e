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
    presence: Presence::Default("1m"),
    doc: "The longest wait between two attempts to deliver a message, where Discord does not ask for a longer one. The first attempts follow within seconds; while Discord is down, attempts go on without end.",
    example: "1m",
};

pub(super) const SECTION: Section = Section {
    title: "Delivery",
    intro: "How messages reach Discord when Discord has a bad day.",
    variables: &[&DELIVERY_RETRY_MAX],
};

/// How messages are delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxConfig {
    /// The longest wait between two attempts.
    pub retry_max: Duration,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<OutboxConfig> {
    let retry_max = reader.value(&DELIVERY_RETRY_MAX, |text| {
        value::duration(text, Duration::from_secs(1)..=Duration::from_secs(3600))
    });
    Some(OutboxConfig {
        retry_max: retry_max?,
    })
}
