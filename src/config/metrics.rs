//! What Prometheus is told.

use super::{
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const METRICS_PER_ATTESTER: Variable = Variable {
    name: "METRICS_PER_ATTESTER",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("false"),
    doc: "Whether every attester has series of its own in /metrics. Without them there are counts per state, host and network.",
    example: "true",
};

const METRICS_ATTESTERS_MAX: Variable = Variable {
    name: "METRICS_ATTESTERS_MAX",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("500"),
    doc: "How many attesters have series of their own at most. A metric says how many were left out.",
    example: "500",
};

pub(super) const SECTION: Section = Section {
    title: "Metrics",
    intro: "Aggregates are always there; series per attester cost Prometheus memory.",
    variables: &[&METRICS_PER_ATTESTER, &METRICS_ATTESTERS_MAX],
};

/// What Prometheus is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricsConfig {
    /// Whether attesters have series of their own.
    pub is_per_attester: bool,
    /// How many attesters at most have them.
    pub attesters_max: u64,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<MetricsConfig> {
    let is_per_attester = reader.value(&METRICS_PER_ATTESTER, value::switch);
    let attesters_max = reader.value(&METRICS_ATTESTERS_MAX, |text| {
        value::number(text, 1..=100_000)
    });
    Some(MetricsConfig {
        is_per_attester: is_per_attester?,
        attesters_max: attesters_max?,
    })
}
