//! Many findings as one: count, what they have in common, the most pressing ones, and all of them as a file.

use std::collections::BTreeMap;

use super::Finding;
use crate::{
    alert::{
        card::{Attachment, Severity},
        class::Class,
        facts::{Facts, GroupFacts},
        fit::TABLE_ROWS_MAX,
        text::table,
    },
    units::UnixSeconds,
};

/// Columns that may explain a set, best first.
const EXPLAINING: [&str; 5] = ["host", "rollup", "fault", "kind", "file"];

/// The worst of its members.
pub(super) fn severity(members: &[&Finding], class: Class) -> Severity {
    let worst = members.iter().map(|member| member.severity).max();
    worst.unwrap_or(class.severity())
}

/// The facts of a group.
pub(super) fn facts(members: &[&Finding]) -> GroupFacts {
    let sorted = sorted(members);
    let columns = columns(&sorted);
    let rows = sorted.iter().take(TABLE_ROWS_MAX);
    GroupFacts {
        count: u64::try_from(members.len()).unwrap_or(u64::MAX),
        common: common(members),
        deadline: sorted
            .iter()
            .filter_map(|member| member.facts.deadline())
            .min(),
        rows: rows.map(|member| cells(member, &columns)).collect(),
        columns,
    }
}

/// All members as a file.
pub(super) fn file(class: Class, members: &[&Finding]) -> Attachment {
    let sorted = sorted(members);
    let columns = columns(&sorted);
    let rows: Vec<Vec<String>> = sorted
        .iter()
        .map(|member| cells(member, &columns))
        .collect();
    table::file(class.name(), &columns, &rows)
}

fn sorted<'a>(members: &[&'a Finding]) -> Vec<&'a Finding> {
    let mut sorted = members.to_vec();
    let never = UnixSeconds::new(u64::MAX);
    sorted.sort_by_key(|member| {
        (
            std::cmp::Reverse(member.severity),
            member.facts.deadline().unwrap_or(never),
            member.subject.clone(),
        )
    });
    sorted
}

fn columns(members: &[&Finding]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in members.iter().flat_map(|member| &member.row) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

fn cells(member: &Finding, columns: &[String]) -> Vec<String> {
    let cell = |column: &String| {
        let found = member.row.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    columns.iter().map(cell).collect()
}

/// The value of an explaining column that covers at least half of the members.
fn common(members: &[&Finding]) -> Option<(String, u64)> {
    let mut best: Option<(String, usize)> = None;
    for column in EXPLAINING {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, value) in members
            .iter()
            .flat_map(|member| &member.row)
            .filter(|(name, value)| name == column && !value.is_empty())
        {
            *counts.entry(value).or_default() += 1;
        }
        let Some((value, count)) = counts.into_iter().max_by_key(|(_, count)| *count) else {
            continue;
        };
        if best.as_ref().is_none_or(|(_, most)| count > *most) {
            best = Some((format!("{column} {value}"), count));
        }
    }
    let (label, count) = best?;
    let is_telling = count.saturating_mul(2) >= members.len();
    is_telling.then(|| (label, u64::try_from(count).unwrap_or(u64::MAX)))
}

impl Facts {
    /// Until when somebody can act; `None` where there is no such moment or it is not known.
    #[must_use]
    pub fn deadline(&self) -> Option<UnixSeconds> {
        match self {
            Self::Coinbase(facts) => facts.queue.as_ref()?.earliest.moment().copied(),
            Self::Slash(facts) => facts.executable_at.value().copied(),
            Self::Group(facts) => facts.deadline,
            Self::Regression(_)
            | Self::KeysFile(_)
            | Self::ProviderQueue(_)
            | Self::Stranded(_)
            | Self::Endpoint(_)
            | Self::Disagreement(_)
            | Self::Unseen(_)
            | Self::Stale(_)
            | Self::UnknownEvent(_)
            | Self::Mismatch(_)
            | Self::History(_)
            | Self::DeepReorg(_)
            | Self::Channel(_)
            | Self::Job(_)
            | Self::Restored(_) => None,
        }
    }
}
