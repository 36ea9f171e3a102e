//! Incidents: what is the case until it is not.
//!
//! [`judge`] compares what is found with what is open and gives changes; [`Incidents::apply`] writes them down and gives
//! the notices that they owe; [`Incidents::act`] does the same for what people do. All pure: time is given.
//! An incident is kept whatever a reorg takes back: it ends when its finding does, and its ordinal is not used again while
//! anybody remembers it.

mod apply;
mod group;
mod judge;
mod name;
mod people;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use apply::{IncidentChange, Opening};
pub use judge::{EVERY_SCOPE, judge};
pub use name::{CANDIDATES_MAX, Named, handle, named};
pub use people::{Action, Refused};

use super::{
    card::Severity,
    class::Class,
    condition::{
        GROUP_OVER, RESOLVED_MAX, SUBJECT_KEPT_SECONDS, SUBJECTS_MAX,
        SUBJECTS_PRUNED_EVERY_SECONDS, TIMELINE_MAX,
    },
    facts::Facts,
    notice::NoticeId,
};
use crate::{
    store::{
        Store, StoreError, Tree,
        table::{Journal, Record, Table},
    },
    units::UnixSeconds,
    writer::Tables,
};

/// The subject of a group.
pub const GROUP: &str = "*";
/// Most characters of a subject: an address has 42; with 16 of a network's name an id stays below 90.
pub const SUBJECT_MAX: usize = 42;

/// Something that is the case now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its class.
    pub class: Class,
    /// What it is about; see [`subject`].
    pub subject: String,
    /// Where it was learned: a keys file, a rollup, an endpoint; empty where the class has one source.
    pub scope: String,
    /// How much it matters now.
    pub severity: Severity,
    /// What is known.
    pub facts: Facts,
    /// The rungs of its ladder that are behind it, in any order.
    pub rungs: Vec<Rung>,
    /// Its row in a group's table and file, from `text::incident::row`.
    pub row: Vec<(String, String)>,
}

/// A rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rung {
    /// How far up it is; the highest is told.
    pub rank: u8,
    /// Its name in keys: `48h`.
    pub name: String,
}

/// A subject that can stand in a key: what is longer or holds other signs is cut and told apart by a digest.
#[must_use]
pub fn subject(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let is_fine = |sign: char| sign.is_ascii_alphanumeric() || "-_.:".contains(sign);
    if !text.is_empty() && text.len() <= SUBJECT_MAX && text.chars().all(is_fine) {
        return text.to_owned();
    }
    /// 29 + `~` + 12 = 42.
    const HEAD: usize = 29;
    let head: String = text
        .chars()
        .filter(|sign| is_fine(*sign))
        .take(HEAD)
        .collect();
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(text.as_bytes()));
    format!("{head}~{}", digest.get(..12).unwrap_or(&digest))
}

/// Until when an incident is snoozed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Snooze {
    /// Until then.
    Until(UnixSeconds),
    /// Until its facts change.
    UntilChanged,
}

/// How an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has said anything.
    Open,
    /// Somebody knows.
    Acknowledged,
    /// Somebody does not want to hear of it for a while.
    Snoozed(Snooze),
    /// It is over.
    Resolved,
}

/// What happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It was opened.
    Opened,
    /// A rung was crossed, or it matters more.
    Escalated(String),
    /// Somebody acknowledged it.
    Acknowledged,
    /// Somebody snoozed it.
    Snoozed(Snooze),
    /// Its snooze ended: by a person, by time, by a change.
    Woken,
    /// Somebody wrote a note.
    Noted,
    /// It is over.
    Resolved,
    /// It came back.
    Reopened,
}

/// A line of an incident's time line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: UnixSeconds,
    /// Who, by the name they have in Discord; `None` = steward.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What.
    pub step: Step,
    /// Why, in their words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id, and the id of its card's notice: `network/subject/class/occurrence`.
    pub id: NoticeId,
    /// Its class.
    pub class: Class,
    /// What it is about.
    pub subject: String,
    /// Where it was learned.
    #[serde(default)]
    pub scope: String,
    /// The how-manieth of its class and subject, from 1.
    pub occurrence: u64,
    /// How it stands.
    pub state: State,
    /// How much it matters.
    pub severity: Severity,
    /// What is known.
    pub facts: Facts,
    /// When it was opened.
    pub opened_at: UnixSeconds,
    /// When it changed last.
    pub updated_at: UnixSeconds,
    /// Since when it is no longer found, while that is not yet believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<UnixSeconds>,
    /// The rungs that were told, oldest first, by the detail of their notices.
    #[serde(default)]
    pub rungs: Vec<String>,
    /// When a rung was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rung_at: Option<UnixSeconds>,
    /// Further replies that were sent: the ordinal of the next one.
    #[serde(default)]
    pub replies: u64,
    /// Whether anybody was woken: then its end is told too.
    #[serde(default)]
    pub has_woken: bool,
    /// What happened to it, oldest first.
    pub timeline: Vec<Line>,
}

impl Record for Incident {
    const KIND: &'static str = "incident";
    const TREE: Tree = Tree::Kept;
    type Key = String;
}

impl Incident {
    /// Whether it is not over.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Resolved)
    }

    /// Whether it stands for many.
    #[must_use]
    pub fn is_group(&self) -> bool {
        self.subject == GROUP
    }

    /// When it ended; `None` while it has not.
    #[must_use]
    pub fn resolved_at(&self) -> Option<UnixSeconds> {
        (!self.is_open()).then_some(self.updated_at)
    }

    /// Appends to the time line, within its limit.
    fn note(&mut self, at: UnixSeconds, who: Option<&str>, step: Step, why: Option<&str>) {
        if self.timeline.len() >= TIMELINE_MAX {
            // The first line says when it began and stays.
            self.timeline.remove(1);
        }
        self.timeline.push(Line {
            at,
            who: who.map(str::to_owned),
            step,
            why: why.map(str::to_owned),
        });
        self.updated_at = at;
    }
}

/// What is remembered of a subject of a class beside its incidents: never unwound, so that an ordinal is used once.
/// [`Incidents::prune`] says for how long.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectState {
    /// How often an incident was raised.
    #[serde(default)]
    pub raised: u64,
    /// Where it was learned last.
    #[serde(default)]
    pub scope: String,
    /// Since when it is found; `None` while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<UnixSeconds>,
    /// When it was found last, once it no longer is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<UnixSeconds>,
    /// Names of the rungs that were told, alone or within a group.
    #[serde(default)]
    pub rungs: Vec<String>,
}

impl Record for SubjectState {
    const KIND: &'static str = "incident-subject";
    const TREE: Tree = Tree::Kept;
    type Key = String;
}

fn subject_key(class: Class, subject: &str) -> String {
    format!("{}/{subject}", class.name())
}

/// The incidents of one network.
#[derive(Debug)]
pub struct Incidents {
    /// The network's name.
    pub network: String,
    /// All incidents, resolved ones up to a limit, by id.
    pub rows: Table<Incident>,
    /// What is remembered of their subjects.
    pub subjects: Table<SubjectState>,
    /// More findings of one class than this are told as one.
    pub group_over: usize,
    /// When it was last looked which subjects can be forgotten, by this process.
    subjects_pruned_at: UnixSeconds,
}

impl Incidents {
    /// None.
    #[must_use]
    pub fn new(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            rows: Table::new(network),
            subjects: Table::new(network),
            group_over: GROUP_OVER,
            subjects_pruned_at: UnixSeconds::default(),
        }
    }

    /// Reads the incidents of `network`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load(network: &str, store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            rows: Table::load(network, store)?,
            subjects: Table::load(network, store)?,
            ..Self::new(network)
        })
    }

    /// Those that are not over, worst first, then oldest first.
    #[must_use]
    pub fn open(&self) -> Vec<&Incident> {
        let mut open: Vec<&Incident> = self
            .rows
            .rows()
            .map(|(_, incident)| incident)
            .filter(|incident| incident.is_open())
            .collect();
        open.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.opened_at));
        open
    }

    /// The incident of an id, or of the short form that a button carries.
    #[must_use]
    pub fn find(&self, reference: &str) -> Option<&Incident> {
        let exact = self.rows.row(&reference.to_owned());
        exact.or_else(|| {
            let mut all = self.rows.rows().map(|(_, incident)| incident);
            all.find(|incident| super::button::short(incident.id.as_str()) == reference)
        })
    }

    /// The latest incident of a subject.
    fn latest(&self, class: Class, subject: &str) -> Option<&Incident> {
        let raised = self.subjects.row(&subject_key(class, subject))?.raised;
        let id = NoticeId::new(&self.network, subject, class, raised, "");
        self.rows.row(&id.as_str().to_owned())
    }

    /// Forgets the oldest resolved incidents beyond the limit, and subjects of which nothing is left to remember.
    pub fn prune(&mut self, now: UnixSeconds) {
        let mut resolved: Vec<(UnixSeconds, String)> = self
            .rows
            .rows()
            .filter_map(|(id, incident)| Some((incident.resolved_at()?, id.clone())))
            .collect();
        let surplus = resolved.len().saturating_sub(RESOLVED_MAX);
        resolved.sort();
        for (_, id) in resolved.into_iter().take(surplus) {
            self.rows.remove(&id);
        }
        if now.since(self.subjects_pruned_at) >= SUBJECTS_PRUNED_EVERY_SECONDS {
            self.subjects_pruned_at = now;
            self.prune_subjects(now);
        }
    }

    /// What was never raised alone has no ordinal to keep, only the rungs of its last spell. What was raised keeps its
    /// ordinal while an incident of it is kept and [`SUBJECT_KEPT_SECONDS`] longer, or for good where the same subject
    /// can come back and there are not too many.
    fn prune_subjects(&mut self, now: UnixSeconds) {
        let rows = self.rows.rows();
        let kept: BTreeSet<String> = rows
            .map(|(_, incident)| subject_key(incident.class, &incident.subject))
            .collect();
        let mut gone: Vec<(UnixSeconds, u64, String)> = self
            .subjects
            .rows()
            .filter(|(key, row)| row.since.is_none() && !kept.contains(*key))
            .filter_map(|(key, row)| Some((row.gone_at?, row.raised, key.clone())))
            .collect();
        gone.sort();
        let mut surplus = self.subjects.len().saturating_sub(SUBJECTS_MAX);
        for (gone_at, raised, key) in gone {
            let name = key.split('/').next();
            let mut classes = Class::ALL.into_iter();
            let Some(class) = classes.find(|class| Some(class.name()) == name) else {
                continue;
            };
            let gone_for = now.since(gone_at);
            let is_forgotten = if raised == 0 {
                gone_for > class.condition().spell()
            } else {
                gone_for > SUBJECT_KEPT_SECONDS && (class.is_of_one_occasion() || surplus > 0)
            };
            if is_forgotten {
                self.subjects.remove(&key);
                surplus = surplus.saturating_sub(1);
            }
        }
    }
}

impl Tables for Incidents {
    fn tables(&mut self) -> Vec<&mut dyn Journal> {
        vec![&mut self.rows, &mut self.subjects]
    }
}
