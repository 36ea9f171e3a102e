//! Incidents: the list, one as its card tells it, and all that happened to it.

use super::{PAGE_ROWS, Page, Question, card, json, one, sheet};
use crate::{
    alert::{
        card::{Message, Severity, Span, Text},
        text::{count, incident::timeline_line},
    },
    views::{
        glance::Glance,
        incident::{self, IncidentFilter},
        refusal::Refusal,
    },
};

pub(super) fn list(
    glance: &Glance<'_>,
    question: &Question,
    filter: &IncidentFilter,
) -> Result<Message, Refusal> {
    let filter = IncidentFilter {
        limit: Some(PAGE_ROWS),
        ..filter.clone()
    };
    let view = incident::list(glance, &filter)?;
    let (severity, title) = match (view.total, filter.all) {
        (0, false) => (Severity::Resolved, "No incident is open".to_owned()),
        (0, true) => (Severity::Info, "No incident is remembered".to_owned()),
        (1, false) => (Severity::Warning, "1 incident is open".to_owned()),
        (many, false) => (
            Severity::Warning,
            format!("{} incidents are open", count(many)),
        ),
        (many, true) => (
            Severity::Info,
            format!("{} incidents are remembered", count(many)),
        ),
    };
    let mut card = card(glance, severity, Text::plain(title), None);
    let page = Page {
        question,
        after: filter.after.as_ref(),
        next: view.next.as_ref(),
        shown: view.incidents.len(),
        total: view.total,
    };
    page.put(&mut card);
    let rows = view.incidents.iter().map(|row| {
        vec![
            row.short.clone(),
            row.title.clone(),
            row.severity.clone(),
            row.state.name().to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Ok(Message {
        table: sheet(&["id", "incident", "matters", "state"], &rows),
        ..one(card)
    })
}

/// One incident, with the buttons that its card has.
pub(super) fn show(glance: &Glance<'_>, reference: &str) -> Result<Message, Refusal> {
    let (network, incident) = incident::find(glance, reference)?;
    let mut message = incident::card(glance, network, incident);
    // Nobody is woken by an answer.
    message.content = None;
    message.mention_roles.clear();
    Ok(message)
}

/// One incident with its whole time line, and everything as a file.
pub(super) fn why(glance: &Glance<'_>, reference: &str) -> Result<Message, Refusal> {
    let (_, incident) = incident::find(glance, reference)?;
    let mut message = show(glance, reference)?;
    let mut lines = card(
        glance,
        incident.severity,
        Text::plain("What happened"),
        None,
    );
    lines.body = incident.timeline.iter().map(timeline_line).collect();
    lines
        .body
        .push(Text::from(Span::Code(incident.id.as_str().to_owned())));
    message.cards.push(lines);
    let detail = incident::show(glance, incident.id.as_str())?;
    message.attachments.push(json("incident", &detail)?);
    Ok(message)
}
