//! `steward incident list|show|ack|snooze|note`.

use anyhow::Result;
use clap::{Args, Subcommand};
use steward::{
    api::control::Order,
    views::incident::{IncidentDetail, IncidentFilter, IncidentList, IncidentState},
};

use super::{
    Ask, Desk, InNetwork, Outcome, PageArgs, Paper, footer,
    paper::{Sheet, Tone, facts, printable},
};

/// Incidents.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum IncidentCommand {
    /// List incidents, newest first
    List(List),
    /// Show one incident with its time line
    Show(Incident),
    /// Say that somebody takes care
    Ack(Incident),
    /// Make an incident silent for a while, or until it changes
    Snooze(Snooze),
    /// Write a line under an incident
    Note(Note),
}

/// One incident.
#[derive(Debug, Clone, Args)]
pub(crate) struct Incident {
    /// Its five signs (see `incident list`), its id, or a part that only it has
    incident: String,
}

/// A list of incidents.
#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    #[command(flatten)]
    of: InNetwork,
    /// Only of this class, for example `coinbase_missing`
    #[arg(long)]
    class: Option<String>,
    /// Also those that are resolved
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Silence.
#[derive(Debug, Clone, Args)]
pub(crate) struct Snooze {
    #[command(flatten)]
    one: Incident,
    /// For how many hours; until it changes where not given
    #[arg(long)]
    hours: Option<u64>,
}

/// A line.
#[derive(Debug, Clone, Args)]
pub(crate) struct Note {
    #[command(flatten)]
    one: Incident,
    /// The line
    text: String,
}

impl IncidentCommand {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        match self {
            Self::List(list) => {
                let filter = IncidentFilter {
                    network: list.of.network.clone(),
                    class: list.class.clone(),
                    all: list.all,
                    after: list.page.after.clone(),
                    limit: Some(list.page.limit),
                };
                let ask = Ask::view(&["incidents"], &filter);
                desk.answer(&ask, |view, paper| Outcome::answered(listed(view, paper)))
                    .await
            }
            Self::Show(one) => {
                let ask = Ask::view(&["incidents", &one.incident], &());
                desk.answer(&ask, |view, paper| Outcome::answered(shown(view, paper)))
                    .await
            }
            Self::Ack(_) | Self::Snooze(_) | Self::Note(_) => match self.order() {
                Some(order) => desk.order(&Ask::order(order)).await,
                None => Ok(Outcome::answered(String::new())),
            },
        }
    }

    fn order(&self) -> Option<Order> {
        match self {
            Self::List(_) | Self::Show(_) => None,
            Self::Ack(one) => Some(Order::AcknowledgeIncident {
                incident: one.incident.clone(),
            }),
            Self::Snooze(Snooze { one, hours }) => Some(Order::SnoozeIncident {
                incident: one.incident.clone(),
                seconds: hours.map(|hours| hours.saturating_mul(3_600)),
            }),
            Self::Note(Note { one, text }) => Some(Order::NoteIncident {
                incident: one.incident.clone(),
                text: text.clone(),
            }),
        }
    }
}

pub(super) fn listed(view: &IncidentList, paper: &Paper) -> String {
    if view.total == 0 {
        return "no incident is open".to_owned();
    }
    let mut sheet = Sheet::new(&["ID", "SEVERITY", "INCIDENT", "STATE", "OPENED", "UNTIL"]);
    for row in &view.incidents {
        let tone = if row.severity == "critical" {
            Tone::Bad
        } else {
            Tone::Plain
        };
        sheet.toned([
            (row.short.clone(), Tone::Plain),
            (row.severity.clone(), tone),
            (row.title.clone(), Tone::Plain),
            (row.state.name().to_owned(), Tone::Plain),
            (paper.distance(row.opened_at), Tone::Plain),
            (
                row.deadline
                    .map_or_else(|| "no date".to_owned(), |at| paper.distance(at)),
                Tone::Plain,
            ),
        ]);
    }
    let footer = footer(
        view.incidents.len(),
        view.total,
        "incidents",
        view.next.as_ref(),
    );
    format!("{}\n\n{footer}", paper.table(&sheet))
}

pub(super) fn shown(view: &IncidentDetail, paper: &Paper) -> String {
    let row = &view.row;
    let state = match &row.state {
        IncidentState::Open => "open".to_owned(),
        IncidentState::Acknowledged { by, at } => {
            format!("acknowledged by {by}, {}", paper.distance(*at))
        }
        IncidentState::Snoozed { by, until } => match until {
            Some(until) => format!("snoozed by {by} until {}", paper.moment(*until)),
            None => format!("snoozed by {by} until it changes"),
        },
        IncidentState::Resolved { at } => format!("resolved, {}", paper.moment(*at)),
    };
    let mut text = printable(&row.title);
    for line in &view.lines {
        text.push_str(&format!("\n{}", printable(line)));
    }
    let deliveries = (!view.deliveries.is_empty()).then(|| view.deliveries.join(", "));
    text.push_str(&format!(
        "\n\n{}",
        facts(&[
            ("Severity", Some(row.severity.clone())),
            ("Class", Some(row.class.clone())),
            ("Network", row.network.clone()),
            ("Subject", Some(row.subject.clone())),
            ("State", Some(state)),
            ("Opened", Some(paper.moment(row.opened_at))),
            ("Until", row.deadline.map(|at| paper.moment(at))),
            ("Told by", deliveries),
            ("Id", Some(format!("{} ({})", row.short, row.id))),
        ])
    ));
    let told: Vec<(&str, Option<String>)> = view
        .facts
        .iter()
        .map(|fact| (fact.name.as_str(), Some(fact.value.clone())))
        .collect();
    text.push_str(&format!("\n\n{}\n", facts(&told)));
    for entry in &view.timeline {
        let by = entry
            .by
            .as_ref()
            .map_or_else(String::new, |by| format!(" by {by}"));
        let line = format!("{}: {}{by}", paper.moment(entry.at), entry.text);
        text.push_str(&format!("\n  {}", printable(&line)));
    }
    text
}
