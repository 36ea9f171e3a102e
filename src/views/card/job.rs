//! Jobs: the list, and one with its attempts.

use super::{PAGE_ROWS, Page, Question, ahead_ms, card, field, foreign, one, sheet, shortened};
use crate::{
    alert::{
        card::{Message, Severity, Span, Text},
        text::count,
    },
    views::{
        glance::Glance,
        job::{self, JobFilter},
        refusal::Refusal,
    },
};

pub(super) fn list(
    glance: &Glance<'_>,
    question: &Question,
    filter: &JobFilter,
) -> Result<Message, Refusal> {
    let filter = JobFilter {
        limit: Some(PAGE_ROWS),
        ..filter.clone()
    };
    let view = job::list(glance, &filter)?;
    let noun = if view.total == 1 { "job" } else { "jobs" };
    let state = filter
        .state
        .as_ref()
        .map_or_else(String::new, |state| format!(" in state {state}"));
    let title = Text::from(Span::Foreign(format!(
        "{} {noun}{state}",
        count(view.total)
    )));
    let mut card = card(glance, Severity::Info, title, None);
    let page = Page {
        question,
        after: filter.after.as_ref(),
        next: view.next.as_ref(),
        shown: view.jobs.len(),
        total: view.total,
    };
    page.put(&mut card);
    let rows = view.jobs.iter().map(|job| {
        let reason = job
            .reason
            .as_ref()
            .map_or_else(String::new, |reason| format!(": {reason}"));
        vec![
            job.id.to_string(),
            format!("{} {}", job.kind, shortened(&job.key)),
            format!("{}{reason}", job.state.replace('_', " ")),
            ahead_ms(glance, job.updated_at_ms),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Ok(Message {
        table: sheet(&["job", "what", "state", "changed"], &rows),
        ..one(card)
    })
}

pub(super) fn show(glance: &Glance<'_>, id: &str) -> Result<Message, Refusal> {
    let view = job::show(glance, id)?;
    let job = &view.job;
    let severity = match job.state.as_str() {
        "failed" | "unclear" => Severity::Warning,
        "done" => Severity::Resolved,
        _ => Severity::Info,
    };
    let title = format!("Job {} is {}", job.id, job.state.replace('_', " "));
    let mut card = card(glance, severity, Text::plain(title), None);
    card.author = foreign(job.network.clone());
    card.body
        .push(Text::plain(format!("It does: {} ", job.kind)).with(Span::Code(job.key.clone())));
    let told = [("Reason", &job.reason), ("Evidence", &job.evidence)];
    for (name, text) in told {
        if let Some(text) = text {
            card.fields.push(field(name, foreign(text.clone()), false));
        }
    }
    card.fields
        .push(field("Attempts", count(job.attempts.into()), true));
    card.fields
        .push(field("Created", ahead_ms(glance, job.created_at_ms), true));
    if ["created", "pending_verification"].contains(&job.state.as_str()) {
        card.fields
            .push(field("Due", ahead_ms(glance, job.available_at_ms), true));
    }
    let shown = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let hidden = view.history.len().saturating_sub(shown);
    let rows = view.history.iter().skip(hidden).map(|attempt| {
        let outcome = attempt
            .outcome
            .clone()
            .unwrap_or_else(|| "none yet".to_owned());
        let detail = attempt
            .detail
            .as_ref()
            .map_or_else(String::new, |detail| format!(": {detail}"));
        vec![
            attempt.attempt.to_string(),
            attempt.phase.clone(),
            ahead_ms(glance, attempt.started_at_ms),
            format!("{outcome}{detail}"),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Ok(Message {
        table: sheet(&["attempt", "phase", "began", "outcome"], &rows),
        ..one(card)
    })
}
