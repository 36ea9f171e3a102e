//! How keys files are watched. Where they lie belongs to the network.

use std::time::Duration;

use super::{
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const KEYS_RESCAN_INTERVAL: Variable = Variable {
    name: "KEYS_RESCAN_INTERVAL",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("60s"),
    doc: "How often all keys files are read again, beside the moments when the system reports a change. Network file systems report none.",
    example: "60s",
};

pub(super) const SECTION: Section = Section {
    title: "Keys files",
    intro: "Where they lie is told by KEYS_DIR, above.",
    variables: &[&KEYS_RESCAN_INTERVAL],
};

/// How keys files are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysConfig {
    /// How often all files are read again.
    pub rescan_interval: Duration,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<KeysConfig> {
    let rescan_interval = reader.value(&KEYS_RESCAN_INTERVAL, |text| {
        value::duration(text, Duration::from_secs(1)..=Duration::from_secs(86_400))
    });
    Some(KeysConfig {
        rescan_interval: rescan_interval?,
    })
}
