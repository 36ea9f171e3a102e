//! Incidents: what is the case until it is not.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find::{page_of, prefix_of},
    glance::Glance,
    refusal::Refusal,
};
use crate::{
    alert::{card::Severity, class::Class},
    units::UnixSeconds,
};

/// What the views are told of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentFacts {
    /// Its id.
    pub id: String,
    /// Its network; empty where it concerns the service itself.
    pub network: String,
    /// Its class.
    pub class: Class,
    /// What it is about: an address, a file, a channel.
    pub subject: String,
    /// How much it matters now.
    pub severity: Severity,
    /// What is true now, in plain words.
    pub title: String,
    /// Why, and what next.
    pub lines: Vec<String>,
    /// Where it stands.
    pub state: IncidentState,
    /// When it was opened.
    pub opened_at: UnixSeconds,
    /// When it last changed.
    pub updated_at: UnixSeconds,
    /// Until when something has to be done.
    pub deadline: Option<UnixSeconds>,
    /// What happened to it, oldest first.
    pub timeline: Vec<TimelineEntry>,
}

/// Where an incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum IncidentState {
    /// Nobody has reacted.
    Open,
    /// Somebody takes care.
    Acknowledged {
        /// Who.
        by: String,
        /// When, Unix seconds.
        at: u64,
    },
    /// It is silent for a while.
    Snoozed {
        /// Who made it so.
        by: String,
        /// Until when, Unix seconds; null = until it changes.
        until: Option<u64>,
    },
    /// It is over.
    Resolved {
        /// When, Unix seconds.
        at: u64,
    },
}

impl IncidentState {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Snoozed { .. } => "snoozed",
            Self::Resolved { .. } => "resolved",
        }
    }

    /// Whether it is still the case.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Resolved { .. })
    }
}

/// One line of an incident's time line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// When, Unix seconds.
    pub at: u64,
    /// Who; null where steward did it by itself.
    pub by: Option<String>,
    /// What.
    pub text: String,
}

/// An incident as a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentRow {
    /// Its id.
    pub id: String,
    /// Its network; null where it concerns the service itself.
    pub network: Option<String>,
    /// Its class, one of a closed list.
    pub class: String,
    /// What it is about: an address, a file, a channel.
    pub subject: String,
    /// `info`, `warning`, `critical`, `resolved` or `retracted`.
    pub severity: String,
    /// What is true now.
    pub title: String,
    /// Where it stands.
    pub state: IncidentState,
    /// When it was opened, Unix seconds.
    pub opened_at: u64,
    /// When it last changed, Unix seconds.
    pub updated_at: u64,
    /// Until when something has to be done, Unix seconds; null = there is no date.
    pub deadline: Option<u64>,
}

/// An incident with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentDetail {
    /// The row.
    #[serde(flatten)]
    pub row: IncidentRow,
    /// Why, and what next.
    pub lines: Vec<String>,
    /// What happened to it, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// The deliveries that tell of it.
    pub deliveries: Vec<String>,
}

/// A page of incidents, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentList {
    /// How many match.
    pub total: u64,
    /// The page.
    pub incidents: Vec<IncidentRow>,
    /// Pass as `after` to see more; null on the last page.
    pub next: Option<String>,
}

/// Which incidents are asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentFilter {
    /// Only of this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Only of this class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Also those that are resolved.
    #[serde(default)]
    pub all: bool,
    /// Cursor: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Rows a page, at most 1000; 100 where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Lists incidents, newest first.
///
/// # Errors
/// A [`Refusal`] where the network or the class is not known.
pub fn list(glance: &Glance<'_>, filter: &IncidentFilter) -> Result<IncidentList, Refusal> {
    super::find::networks(glance, filter.network.as_deref())?;
    if let Some(class) = &filter.class
        && !Class::ALL.iter().any(|known| known.name() == class)
    {
        let names: Vec<_> = Class::ALL.iter().map(|class| class.name()).collect();
        return Err(Refusal::not_found("class", class, "no class has that name")
            .with_next(format!("Known classes: {}.", names.join(", "))));
    }
    let matching = glance.incidents.iter().filter(|incident| {
        (filter.all || incident.state.is_open())
            && filter
                .network
                .as_ref()
                .is_none_or(|network| *network == incident.network)
            && filter
                .class
                .as_deref()
                .is_none_or(|class| class == incident.class.name())
    });
    let page = page_of(
        matching,
        filter.after.as_deref(),
        filter.limit,
        |incident| incident.id.clone(),
    );
    Ok(IncidentList {
        total: page.total,
        incidents: page.rows.into_iter().map(row_of).collect(),
        next: page.next,
    })
}

/// Shows one incident, by its id or the unambiguous beginning of it.
///
/// # Errors
/// A [`Refusal`] where there is none, or several.
pub fn show(glance: &Glance<'_>, id: &str) -> Result<IncidentDetail, Refusal> {
    let facts = prefix_of("incident", id, glance.incidents, |incident| &incident.id)?;
    let tells = |notice: &String| {
        let rest = notice.strip_prefix(facts.id.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let deliveries = glance.deliveries.iter();
    Ok(IncidentDetail {
        row: row_of(facts),
        lines: facts.lines.clone(),
        timeline: facts.timeline.clone(),
        deliveries: deliveries
            .filter(|delivery| delivery.notices.iter().any(tells))
            .map(|delivery| delivery.id.clone())
            .collect(),
    })
}

fn row_of(facts: &IncidentFacts) -> IncidentRow {
    IncidentRow {
        id: facts.id.clone(),
        network: (!facts.network.is_empty()).then(|| facts.network.clone()),
        class: facts.class.name().to_owned(),
        subject: facts.subject.clone(),
        severity: severity_name(facts.severity).to_owned(),
        title: facts.title.clone(),
        state: facts.state.clone(),
        opened_at: facts.opened_at.value(),
        updated_at: facts.updated_at.value(),
        deadline: facts.deadline.map(UnixSeconds::value),
    }
}

/// The name of a severity in answers and metrics.
#[must_use]
pub const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
        Severity::Resolved => "resolved",
        Severity::Retracted => "retracted",
    }
}
