//! What is said of an incident: its card in every state, and the replies to it.

mod coinbase;
mod group;
mod house;
mod network;
mod row;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use row::{row, row_of};

use super::{Context, duration, field, relative};
use crate::{
    alert::{
        card::{Button, ButtonAction, Field, Message, Severity, Span, Text},
        class::Class,
        facts::Facts,
        fit::{self, CONTENT, cut_text, fit, fit_message},
        incident::{Incident, Line, Snooze, State, Step, handle},
        render::markdown::bare,
    },
    chart::{Chart, TallyChart},
};

/// Lines of the time line that a card shows.
const LINES_SHOWN: usize = 5;

/// What a class says of its facts.
pub(super) struct Told {
    /// What is true, in at most eight words.
    pub(super) title: Text,
    /// What follows from it, and what next.
    pub(super) lines: Vec<Text>,
    /// At most five.
    pub(super) fields: Vec<Field>,
}

/// A reply that is no rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It came back.
    Again,
    /// It changed, which ends a snooze.
    Changed,
    /// It is over, after somebody was woken.
    Resolved,
}

impl Reply {
    /// Its name in keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
        }
    }
}

/// The card of an incident as it stands.
#[must_use]
pub fn card(context: &Context<'_>, incident: &Incident) -> Message {
    let told = told(context, incident.class, &incident.facts);
    let severity = match incident.state {
        State::Resolved => Severity::Resolved,
        State::Snoozed(_) => Severity::Retracted,
        State::Open | State::Acknowledged => incident.severity,
    };
    let mut title = told.title;
    if !incident.is_open() {
        title.0.insert(0, Span::Plain("Resolved: ".to_owned()));
    }
    let mut card = context.card(severity, title, &incident.id, incident.opened_at);
    let id = incident.id.as_str();
    card.footer = fit::footer(&format!("{} · {id}", handle(id)), context.build);
    if incident.is_open() {
        card.body.extend(told.lines);
        card.body.extend(
            context
                .runbook_link(incident.class)
                .map(|link| Text::plain("What to check and do: ").with(link)),
        );
    }
    card.body.extend(timeline(incident));
    card.fields = told.fields;
    card.fields.truncate(crate::alert::fit::FIELDS_MAX - 1);
    card.fields
        .push(field("Incident", standing(incident), true));
    card.chart = chart(&incident.facts);
    card.buttons = buttons(context, incident);
    let table = match &incident.facts {
        Facts::Group(facts) if incident.is_open() && !facts.rows.is_empty() => {
            Some(super::table::monospace(&facts.columns, &facts.rows))
        }
        _ => None,
    };
    fit_message(Message {
        cards: vec![fit(card)],
        table,
        ..Message::default()
    })
}

/// The votes of a round, drawn against its quorum.
fn chart(facts: &Facts) -> Option<Chart> {
    let Facts::Slash(facts) = facts else {
        return None;
    };
    Some(Chart::Tally(TallyChart {
        round: facts.round,
        votes: facts.votes,
        quorum: facts.quorum,
    }))
}

/// Adds the line and the mention that wake people to a critical incident's first card.
pub fn wake(context: &Context<'_>, incident: &Incident, message: &mut Message) {
    let line = headline(context, incident).and(".");
    message.content = Some(cut_text(line, CONTENT));
    message.mention_roles = context.roles.to_vec();
}

/// The reply when a rung is crossed: one line that wakes people.
#[must_use]
pub fn rung(context: &Context<'_>, incident: &Incident, rung: &str, count: u64) -> Message {
    let line = headline(context, incident).and(": ").and(rung_words(rung));
    let line = if incident.is_group() {
        line.and(format!(
            " for {}",
            super::counted(count, "of them", "of them")
        ))
    } else {
        line
    };
    let line = match incident.facts.deadline() {
        // Once it is active there is nothing left to be in time for.
        Some(deadline) if rung != "active" => line.and(", deadline ").with(relative(deadline)),
        Some(_) | None => line,
    };
    fit_message(Message {
        content: Some(line.and(".")),
        mention_roles: context.roles.to_vec(),
        ..Message::default()
    })
}

/// A reply that tells a turn; it wakes people only where a critical incident came back.
#[must_use]
pub fn reply(context: &Context<'_>, incident: &Incident, reply: Reply) -> Message {
    let line = headline(context, incident);
    let (line, wakes) = match reply {
        Reply::Again => (
            line.and(": it is the case again."),
            incident.severity == Severity::Critical,
        ),
        Reply::Changed => (
            line.and(": it changed, so its snooze is over; the card shows what holds now."),
            false,
        ),
        Reply::Resolved => (
            line.and(", after ")
                .and(duration(incident.updated_at.since(incident.opened_at)))
                .and("."),
            false,
        ),
    };
    fit_message(Message {
        content: Some(line),
        mention_roles: if wakes {
            context.roles.to_vec()
        } else {
            Vec::new()
        },
        ..Message::default()
    })
}

/// `🔴 Votes to slash attester fra-2/17 (Testnet)`.
fn headline(context: &Context<'_>, incident: &Incident) -> Text {
    let severity = if incident.is_open() {
        incident.severity
    } else {
        Severity::Resolved
    };
    let mut text = Text::plain(format!("{} ", severity.sign()));
    if !incident.is_open() {
        text = text.and("Resolved: ");
    }
    text.0
        .extend(told(context, incident.class, &incident.facts).title.0);
    text.and(" (")
        .with(Span::Foreign(context.network_label.to_owned()))
        .and(")")
}

fn told(context: &Context<'_>, class: Class, facts: &Facts) -> Told {
    match facts {
        Facts::Coinbase(facts) => coinbase::coinbase(context, class, facts),
        Facts::Regression(facts) => coinbase::regression(context, facts),
        Facts::KeysFile(facts) => coinbase::keys_file(facts),
        Facts::Slash(facts) => network::slash(context, facts),
        Facts::ProviderQueue(facts) => network::provider_queue(facts),
        Facts::Stranded(facts) => network::stranded(context, facts),
        Facts::Endpoint(facts) => network::endpoint(facts),
        Facts::Disagreement(facts) => network::disagreement(facts),
        Facts::Unseen(facts) => network::unseen(context, facts),
        Facts::Stale(facts) => network::stale(context, facts),
        Facts::UnknownEvent(facts) => house::unknown_event(context, facts),
        Facts::Mismatch(facts) => house::mismatch(context, facts),
        Facts::History(facts) => house::history(context, facts),
        Facts::DeepReorg(facts) => house::deep_reorg(context, facts),
        Facts::Channel(facts) => house::channel(facts),
        Facts::Job(facts) => house::job(facts),
        Facts::Restored(facts) => house::restored(facts),
        Facts::Group(facts) => group::group(class, facts),
    }
}

/// `less than 48 h are left`.
fn rung_words(rung: &str) -> String {
    let amount = |unit: char| rung.strip_suffix(unit)?.parse::<u64>().ok();
    if let Some(hours) = amount('h') {
        return format!("less than {hours} h are left");
    }
    if let Some(days) = amount('d') {
        return format!("less than {} are left", super::counted(days, "day", "days"));
    }
    match rung {
        "active" => "it validates already".to_owned(),
        "critical" => "it is critical now".to_owned(),
        other => other.replace('_', " "),
    }
}

/// How it stands, in the words of the field.
fn standing(incident: &Incident) -> Text {
    match incident.state {
        State::Open => Text::plain("opened ").with(relative(incident.opened_at)),
        State::Acknowledged => {
            let who = incident
                .timeline
                .iter()
                .rev()
                .find(|line| line.step == Step::Acknowledged)
                .and_then(|line| line.who.clone());
            let text = Text::plain("acknowledged");
            match who {
                Some(who) => text.and(" by ").with(Span::Foreign(who)),
                None => text,
            }
        }
        State::Snoozed(Snooze::Until(until)) => Text::plain("snoozed, ends ").with(relative(until)),
        State::Snoozed(Snooze::UntilChanged) => Text::plain("snoozed until it changes"),
        State::Resolved => Text::plain(format!(
            "resolved after {}",
            duration(incident.updated_at.since(incident.opened_at))
        )),
    }
}

/// The last lines of the time line.
fn timeline(incident: &Incident) -> Vec<Text> {
    let hidden = incident.timeline.len().saturating_sub(LINES_SHOWN);
    incident
        .timeline
        .iter()
        .skip(hidden)
        .map(timeline_line)
        .collect()
}

/// A line of the time line: when, what, who, why.
#[must_use]
pub fn timeline_line(line: &Line) -> Text {
    let text = Text::plain("· ").with(relative(line.at)).and(" ");
    let text = match &line.step {
        Step::Opened => text.and("opened"),
        Step::Escalated(rung) => text.and("escalated: ").and(rung_words(rung)),
        Step::Acknowledged => text.and("acknowledged"),
        Step::Snoozed(Snooze::Until(until)) => text.and("snoozed, ends ").with(relative(*until)),
        Step::Snoozed(Snooze::UntilChanged) => text.and("snoozed until it changes"),
        Step::Woken => text.and("snooze over"),
        Step::Noted => text.and("note"),
        Step::Resolved => text.and("resolved"),
        Step::Reopened => text.and("came back"),
    };
    let text = match &line.who {
        Some(who) => text.and(" by ").with(Span::Foreign(who.clone())),
        None => text,
    };
    match &line.why {
        Some(why) => text.and(": ").with(Span::Foreign(why.clone())),
        None => text,
    }
}

/// At most five; where five actions fill the row, the runbook is linked in the text alone.
fn buttons(context: &Context<'_>, incident: &Incident) -> Vec<Button> {
    let id = || incident.id.as_str().to_owned();
    let runbook = context.runbook.map(|base| Button {
        label: "Runbook".to_owned(),
        action: ButtonAction::Open(format!("{base}#{}", incident.class.name())),
    });
    let acknowledge = || Button {
        label: "Acknowledge".to_owned(),
        action: ButtonAction::Acknowledge { incident: id() },
    };
    let snooze = |label: &str, seconds| Button {
        label: label.to_owned(),
        action: ButtonAction::Snooze {
            incident: id(),
            seconds,
        },
    };
    let snoozes = || {
        [
            snooze("Snooze 1 h", Some(3_600)),
            snooze("Snooze 8 h", Some(28_800)),
            snooze("Snooze until changed", None),
        ]
    };
    let mut buttons: Vec<Button> = Vec::new();
    match incident.state {
        State::Open => {
            buttons.push(acknowledge());
            buttons.extend(snoozes());
        }
        State::Acknowledged => {
            buttons.extend(runbook);
            buttons.extend(snoozes());
        }
        State::Snoozed(_) => {
            buttons.extend(runbook);
            buttons.push(acknowledge());
        }
        State::Resolved => buttons.extend(runbook),
    }
    buttons.push(Button {
        label: "Why".to_owned(),
        action: ButtonAction::Why { subject: id() },
    });
    buttons
}

/// The title alone, for lists and autocompletion: without any markup.
#[must_use]
pub fn title(context: &Context<'_>, incident: &Incident) -> String {
    bare(&told(context, incident.class, &incident.facts).title)
}
