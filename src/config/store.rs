//! Where state is kept.

use std::path::PathBuf;

use super::{
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const DATA_DIR: Variable = Variable {
    name: "DATA_DIR",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("./data"),
    doc: "Directory for steward's own state. It must be on a local disk, and belongs to one process at a time.",
    example: "/var/lib/steward",
};

const EXPORTS_KEPT: Variable = Variable {
    name: "EXPORTS_KEPT",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("7"),
    doc: "How many nightly exports of the state are kept in the data directory. They are what a damaged database is restored from.",
    example: "7",
};

pub(super) const SECTION: Section = Section {
    title: "State",
    intro: "Where steward keeps what it knows.",
    variables: &[&DATA_DIR, &EXPORTS_KEPT],
};

/// Where state is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// Directory of the database, its exports and the socket.
    pub data_dir: PathBuf,
    /// How many nightly exports are kept.
    pub exports_kept: u64,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<StoreConfig> {
    let data_dir = reader.value(&DATA_DIR, value::path);
    let exports_kept = reader.value(&EXPORTS_KEPT, |text| value::number(text, 1..=365));
    Some(StoreConfig {
        data_dir: data_dir?,
        exports_kept: exports_kept?,
    })
}
