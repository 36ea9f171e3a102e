//! Incidents: what is the case until it is not.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    find::page_of,
    glance::Glance,
    refusal::{Refusal, RefusalKind, quoted},
};
use crate::{
    alert::{
        card::{Message, Severity, Text},
        class::Class,
        incident::{CANDIDATES_MAX, Incident, Line, Named, Snooze, State, Step, handle, named},
        render::terminal::{self, Terminal},
        text::{self, Context, Explorer, Label},
    },
    state::HOUSE,
    units::UnixSeconds,
};

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
    /// Five signs that name it, too.
    #[serde(default)]
    pub short: String,
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
    /// What is known, as its card tells it.
    pub facts: Vec<IncidentFact>,
    /// What happened to it, oldest first.
    pub timeline: Vec<TimelineEntry>,
    /// The deliveries that tell of it.
    pub deliveries: Vec<String>,
}

/// One thing that is known of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IncidentFact {
    /// What.
    pub name: String,
    /// Its value in words.
    pub value: String,
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
    let matching = all(glance).into_iter().filter(|(network, incident)| {
        (filter.all || incident.is_open())
            && filter.network.as_ref().is_none_or(|name| name == network)
            && filter
                .class
                .as_deref()
                .is_none_or(|class| class == incident.class.name())
    });
    let page = page_of(
        matching,
        filter.after.as_deref(),
        filter.limit,
        |(_, incident)| incident.id.as_str().to_owned(),
    );
    let rows = page.rows.into_iter();
    Ok(IncidentList {
        total: page.total,
        incidents: rows
            .map(|(network, of)| row_of(glance, network, of))
            .collect(),
        next: page.next,
    })
}

/// Every incident with its network, newest first.
pub(crate) fn all<'a>(glance: &Glance<'a>) -> Vec<(&'a str, &'a Incident)> {
    let incidents = glance.state.incidents.iter();
    let mut all: Vec<_> = incidents
        .flat_map(|(network, of)| {
            of.rows
                .rows()
                .map(|(_, incident)| (network.as_str(), incident))
        })
        .collect();
    all.sort_by_key(|(_, incident)| (std::cmp::Reverse(incident.opened_at), incident.id.as_str()));
    all
}

/// Shows one incident, by any of its [names](named).
///
/// # Errors
/// A [`Refusal`] where there is none, or several.
pub fn show(glance: &Glance<'_>, id: &str) -> Result<IncidentDetail, Refusal> {
    let (network, incident) = find(glance, id)?;
    let card = card(glance, network, incident);
    // Times are said as seen from now, in words: the answer is read at once.
    let terminal = Terminal {
        width: 0,
        has_colour: false,
        now: glance.now(),
        zone: jiff::tz::TimeZone::UTC,
    };
    let plain = |text: &Text| terminal::text(text, &terminal);
    let card = card.cards.into_iter().next();
    let lines = card.iter().flat_map(|card| card.body.iter().map(plain));
    let fields = card.iter().flat_map(|card| &card.fields);
    let facts = fields.map(|field| IncidentFact {
        name: field.name.clone(),
        value: plain(&field.value),
    });
    let told = glance.state.outbox.telling(&incident.id);
    Ok(IncidentDetail {
        row: row_of(glance, network, incident),
        // The time line is told apart below.
        lines: lines.filter(|line| !line.starts_with("· ")).collect(),
        facts: facts.collect(),
        timeline: incident.timeline.iter().map(timeline_entry).collect(),
        deliveries: told
            .map(|delivery| delivery.id.to_string())
            .into_iter()
            .collect(),
    })
}

/// The incident that somebody [names](named), with its network.
///
/// # Errors
/// A [`Refusal`] where there is none, or several.
pub(super) fn find<'a>(glance: &Glance<'a>, id: &str) -> Result<(&'a str, &'a Incident), Refusal> {
    match named(all(glance), |(_, incident)| *incident, id) {
        Named::One(found) => Ok(found),
        Named::Nobody => {
            let why = "no incident that is remembered has this name";
            Err(Refusal::not_found("incident", id, why)
                .with_next("Give the five signs that its card and `incident list --all` show."))
        }
        Named::Several(several) => {
            let what = format!("{} means {} incidents", quoted(id), several.len());
            let candidates: Vec<String> = several
                .iter()
                .take(CANDIDATES_MAX)
                .map(|(network, incident)| {
                    let title = title(glance, network, incident);
                    format!("{} ({title})", handle(incident.id.as_str()))
                })
                .collect();
            let why = format!("among them {}", candidates.join(", "));
            Err(Refusal::new(RefusalKind::Ambiguous, what, why)
                .with_next("Give the five signs of the one that is meant."))
        }
    }
}

/// Its card, as a channel shows it.
pub(super) fn card(glance: &Glance<'_>, network: &str, incident: &Incident) -> Message {
    with_context(glance, network, |context| {
        text::incident::card(context, incident)
    })
}

/// What is true now, in plain words.
pub(super) fn title(glance: &Glance<'_>, network: &str, incident: &Incident) -> String {
    with_context(glance, network, |context| {
        text::incident::title(context, incident)
    })
}

/// Words about a network are written as its cards are.
fn with_context<T>(glance: &Glance<'_>, name: &str, write: impl FnOnce(&Context<'_>) -> T) -> T {
    let network = glance.networks.get(name);
    let explorer = Explorer(network.and_then(|network| network.explorer.clone()));
    let labels = network.map(|network| (network.labels.clone(), network.keys.clone()));
    let label = move |attester| {
        let (labels, keys) = labels.as_ref().map_or((None, None), |(labels, keys)| {
            (labels.get(&attester), keys.as_ref())
        });
        let deployed = keys.and_then(|keys| keys.attesters.get(&attester));
        Label {
            name: labels.cloned(),
            host: deployed
                .and_then(|deployed| deployed.hosts.first())
                .map(|host| host.as_str().to_owned()),
        }
    };
    write(&Context {
        network: name,
        network_label: name,
        provider_label: network
            .and_then(|network| network.provider_label.as_deref())
            .unwrap_or_default(),
        explorer: &explorer,
        labels: &label,
        runbook: None,
        build: &glance.build.version,
        roles: &[],
    })
}

fn row_of(glance: &Glance<'_>, network: &str, incident: &Incident) -> IncidentRow {
    IncidentRow {
        id: incident.id.as_str().to_owned(),
        short: handle(incident.id.as_str()),
        network: (network != HOUSE).then(|| network.to_owned()),
        class: incident.class.name().to_owned(),
        subject: incident.subject.clone(),
        severity: severity_name(incident.severity).to_owned(),
        title: title(glance, network, incident),
        state: state_of(incident),
        opened_at: incident.opened_at.value(),
        updated_at: incident.updated_at.value(),
        deadline: incident.facts.deadline().map(UnixSeconds::value),
    }
}

/// Where it stands, and who made it so, as the time line tells.
fn state_of(incident: &Incident) -> IncidentState {
    let last = |is: fn(&Step) -> bool| incident.timeline.iter().rev().find(|line| is(&line.step));
    let who = |line: Option<&Line>| {
        let who = line.and_then(|line| line.who.clone());
        who.unwrap_or_else(|| "steward".to_owned())
    };
    match incident.state {
        State::Open => IncidentState::Open,
        State::Acknowledged => {
            let line = last(|step| matches!(step, Step::Acknowledged));
            IncidentState::Acknowledged {
                by: who(line),
                at: line.map_or(incident.updated_at, |line| line.at).value(),
            }
        }
        State::Snoozed(snooze) => IncidentState::Snoozed {
            by: who(last(|step| matches!(step, Step::Snoozed(_)))),
            until: match snooze {
                Snooze::Until(until) => Some(until.value()),
                Snooze::UntilChanged => None,
            },
        },
        State::Resolved => IncidentState::Resolved {
            at: incident.updated_at.value(),
        },
    }
}

fn timeline_entry(line: &Line) -> TimelineEntry {
    let step = match &line.step {
        Step::Opened => "opened".to_owned(),
        Step::Escalated(rung) => format!("escalated: {rung}"),
        Step::Acknowledged => "acknowledged".to_owned(),
        Step::Snoozed(Snooze::Until(until)) => format!("snoozed until {until} (Unix seconds)"),
        Step::Snoozed(Snooze::UntilChanged) => "snoozed until it changes".to_owned(),
        Step::Woken => "snooze over".to_owned(),
        Step::Noted => "note".to_owned(),
        Step::Resolved => "resolved".to_owned(),
        Step::Reopened => "came back".to_owned(),
    };
    TimelineEntry {
        at: line.at.value(),
        by: line.who.clone(),
        text: match &line.why {
            Some(why) => format!("{step}: {why}"),
            None => step,
        },
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
