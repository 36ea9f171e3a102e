//! The process itself.

use std::time::Duration;

use super::{
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const SHUTDOWN_DEADLINE: Variable = Variable {
    name: "SHUTDOWN_DEADLINE",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("20s"),
    doc: "How long steward may take to finish what it is doing when it is told to stop. Keep it below the grace period of your supervisor, which is often 30 seconds.",
    example: "20s",
};

pub(super) const SECTION: Section = Section {
    title: "Process",
    intro: "",
    variables: &[&SHUTDOWN_DEADLINE],
};

/// The process itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessConfig {
    /// How long a shutdown may take.
    pub shutdown_deadline: Duration,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<ProcessConfig> {
    let shutdown_deadline = reader.value(&SHUTDOWN_DEADLINE, |text| {
        value::duration(text, Duration::from_secs(1)..=Duration::from_secs(600))
    });
    Some(ProcessConfig {
        shutdown_deadline: shutdown_deadline?,
    })
}
