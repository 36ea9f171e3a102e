//! The table of all variables: what is read, from whom, and what it means to the operator.
//!
//! Reading goes through these constants, each beside the topic that it configures; a test compares what the code asks
//! the environment for with [`VARIABLES`], and `.env.example` and `docs/CONFIGURATION.md` are written from it.

use super::{
    alerts, canary, discord, http, keys, metrics, networks, outbox, process, store, telemetry,
    watcher,
};

/// One variable of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name, without the prefix of a network.
    pub name: &'static str,
    /// Whom its value serves.
    pub scope: Scope,
    /// Whether its value is never shown, and may come from the file that `<name>_FILE` names.
    pub is_secret: bool,
    /// What holds when it is not set.
    pub presence: Presence,
    /// What it is for, in the operator's words. The first sentence stands alone.
    pub doc: &'static str,
    /// A value as it might look.
    pub example: &'static str,
}

impl Variable {
    /// The first sentence of the documentation.
    #[must_use]
    pub fn purpose(&self) -> &'static str {
        match self.doc.find(". ") {
            Some(end) => self.doc.get(..=end).unwrap_or(self.doc),
            None => self.doc,
        }
    }
}

/// Whom a variable's value serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The whole process.
    Process,
    /// Exactly one network: `MAINNET_<name>`, or the bare name where there is only one network.
    Network,
    /// Every network, unless `MAINNET_<name>` says otherwise for one.
    Shared,
}

/// What holds when a variable is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// steward does not start.
    Required,
    /// steward does not start, unless this is so.
    RequiredUnless(&'static str),
    /// This value.
    Default(&'static str),
    /// This is what happens.
    Optional(&'static str),
}

/// A group of variables that are read together.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// What the operator should know about the group.
    pub intro: &'static str,
    /// The variables, the important first.
    pub variables: &'static [&'static Variable],
}

/// Every variable that steward reads, the required ones first.
pub const VARIABLES: &[Section] = &[
    networks::SECTION,
    discord::SECTION,
    keys::SECTION,
    alerts::SECTION,
    canary::SECTION,
    store::SECTION,
    http::SECTION,
    metrics::SECTION,
    telemetry::SECTION,
    watcher::SECTION,
    outbox::SECTION,
    process::SECTION,
];

/// Every variable, in the order of [`VARIABLES`].
pub(super) fn all() -> impl Iterator<Item = &'static Variable> {
    VARIABLES
        .iter()
        .flat_map(|section| section.variables.iter().copied())
}
