//! Many things in one message: how things stand at first start, what was missed, what one block changed; and the test.

use super::{Context, count, counted, field, moment};
use crate::{
    alert::{
        card::{Message, Severity, Span, Text},
        class::Class,
        facts::Known,
        fit::fit_message,
        notice::NoticeId,
    },
    attester::Stage,
    units::{BlockNumber, UnixSeconds},
};

/// How things stand when steward begins to speak of a network, a provider or a keys file.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What is new: `network`, `provider 7`, `keys file fra-2`.
    pub what: String,
    /// Its notice.
    pub id: NoticeId,
    /// The block at which it was read.
    pub block: BlockNumber,
    /// Time of that block.
    pub at: UnixSeconds,
    /// Attesters per state, in the order of [`Stage::ALL`].
    pub counts: Vec<(Stage, u64)>,
    /// First block of the complete history; or why there is none.
    pub complete_from: Known<BlockNumber>,
    /// Attesters that keys files name; or why that is unknown.
    pub in_keys_files: Known<u64>,
    /// Incidents that are open now.
    pub incidents: u64,
}

/// The summary card.
#[must_use]
pub fn summary(context: &Context<'_>, facts: &Summary) -> Message {
    let total: u64 = facts.counts.iter().map(|(_, count)| *count).sum();
    let title = Text::plain(format!(
        "Watching {}",
        counted(total, "attester", "attesters")
    ));
    let mut card = context.card(Severity::Info, title, &facts.id, facts.at);
    let begun = Text::plain("Watching began for ")
        .with(Span::Foreign(facts.what.clone()))
        .and(" at block ")
        .with(context.explorer.block(facts.block))
        .and(", ");
    card.body.push(moment(begun, facts.at).and("."));
    card.body.push(Text::plain(
        "What happened before is not told singly. From here on every change is a card of its own.",
    ));
    let incidents = match facts.incidents {
        0 => "No incident is open.".to_owned(),
        some => format!(
            "{} open and told in the alerts.",
            counted(some, "incident is", "incidents are")
        ),
    };
    card.body.push(Text::plain(incidents));
    for (stage, number) in &facts.counts {
        if *number > 0 || *stage == Stage::Active {
            card.fields
                .push(field(stage_name(*stage), count(*number), true));
        }
    }
    // Four of the six fields are states at most: a fleet with attesters in all five leaves out the rarest word, "New".
    if card.fields.len() > 4 {
        card.fields.remove(0);
    }
    let coverage = match &facts.complete_from {
        Known::Is(from) => Text::plain("complete from block ").with(context.explorer.block(*from)),
        Known::Unknown(why) => super::unknown(Text::plain("completeness "), why),
    };
    card.fields.push(field("History", coverage, false));
    let files = match &facts.in_keys_files {
        Known::Is(number) => Text::plain(format!(
            "name {} of {}",
            count(*number),
            counted(total, "attester", "attesters")
        )),
        Known::Unknown(why) => super::unknown(Text::default(), why),
    };
    card.fields.push(field("Keys files", files, false));
    fit_message(Message {
        cards: vec![card],
        ..Message::default()
    })
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::New => "New",
        Stage::InStakingProviderQueue => "Provider queue",
        Stage::RollupEntryQueue => "Entry queue",
        Stage::Active => "Active",
        Stage::NoLongerActive => "No longer active",
    }
}

/// Rows of many notices of one class, as their notices carry them.
#[derive(Debug, Clone)]
pub struct Many<'a> {
    /// Its notice or delivery.
    pub id: NoticeId,
    /// The class of all of them.
    pub class: Class,
    /// How many there could be: attesters of the provider; `None` where there is no such number.
    pub of: Option<u64>,
    /// The rows.
    pub rows: &'a [Vec<(String, String)>],
    /// When the last of it happened.
    pub at: UnixSeconds,
}

/// Many of one class in one message.
#[must_use]
pub fn many(context: &Context<'_>, facts: &Many<'_>) -> Message {
    let number = u64::try_from(facts.rows.len()).unwrap_or(u64::MAX);
    let title = match facts.class {
        Class::AttesterTransition => counted(number, "change of state", "changes of state"),
        Class::AttesterSlashed => counted(number, "slash", "slashes"),
        Class::ProviderChanged => {
            counted(number, "change of the provider", "changes of the provider")
        }
        class => format!("{} × {}", count(number), class.name()),
    };
    let lead = match facts.of {
        Some(of) => format!(
            "{title}, {} of {}.",
            share(number, of),
            counted(of, "attester", "attesters")
        ),
        None => format!("{title}."),
    };
    let text = Text::plain(lead).and(" They came together, so they are told together.");
    digest(context, facts, Text::plain(title), text, Severity::Info)
}

/// What happened while nobody watched, and is too old to be told singly.
#[must_use]
pub fn missed(
    context: &Context<'_>,
    facts: &Many<'_>,
    from: UnixSeconds,
    to: UnixSeconds,
) -> Message {
    let number = u64::try_from(facts.rows.len()).unwrap_or(u64::MAX);
    let title = Text::plain(format!(
        "{} missed while steward was away",
        counted(number, "change was", "changes were")
    ));
    let text = moment(Text::plain("They happened between "), from);
    let text = moment(text.and(" and "), to).and(". Later ones are told singly.");
    digest(context, facts, title, text, Severity::Info)
}

fn digest(
    context: &Context<'_>,
    facts: &Many<'_>,
    title: Text,
    text: Text,
    severity: Severity,
) -> Message {
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in facts.rows.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let cell = |row: &Vec<(String, String)>, column: &String| {
        let found = row.iter().find(|(name, _)| name == column);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let cells = |row: &Vec<(String, String)>| -> Vec<String> {
        columns.iter().map(|column| cell(row, column)).collect()
    };
    let rows: Vec<Vec<String>> = facts.rows.iter().map(cells).collect();
    let mut card = context.card(severity, title, &facts.id, facts.at);
    card.body.push(text);
    if let Some((label, covered)) = explained(facts.rows) {
        let line = if covered == facts.rows.len() {
            Text::plain("All: ")
        } else {
            Text::plain(format!(
                "{} of them: ",
                count(u64::try_from(covered).unwrap_or(u64::MAX))
            ))
        };
        card.body.push(line.with(Span::Foreign(label)).and("."));
    }
    if rows.len() > crate::alert::fit::TABLE_ROWS_MAX {
        card.body.push(Text::plain(format!(
            "The table shows the first {}; the attached file holds all.",
            crate::alert::fit::TABLE_ROWS_MAX
        )));
    }
    fit_message(Message {
        cards: vec![card],
        table: (!rows.is_empty()).then(|| super::table::monospace(&columns, &rows)),
        attachments: vec![super::table::file(facts.class.name(), &columns, &rows)],
        ..Message::default()
    })
}

/// What covers at least half of the rows: `host fra-2`, `now active`.
fn explained(rows: &[Vec<(String, String)>]) -> Option<(String, usize)> {
    let mut best: Option<(String, usize)> = None;
    for column in ["host", "now"] {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        for (_, value) in rows
            .iter()
            .flatten()
            .filter(|(name, value)| name == column && !value.is_empty())
        {
            *counts.entry(value).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, covered)| *covered);
        if let Some((value, covered)) = most
            && best.as_ref().is_none_or(|(_, most)| covered > *most)
        {
            best = Some((format!("{column} {value}"), covered));
        }
    }
    best.filter(|(_, covered)| covered.saturating_mul(2) >= rows.len())
}

/// `5 %`, `0.3 %`, `less than 0.1 %`.
fn share(part: u64, whole: u64) -> String {
    let tenths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(0);
    match (tenths / 10, tenths % 10) {
        (0, 0) => "less than 0.1 %".to_owned(),
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}

/// The card of `/alert test`.
#[must_use]
pub fn test(context: &Context<'_>, id: &NoticeId, who: &str, at: UnixSeconds) -> Message {
    let title = Text::plain("This is a test");
    let mut card = context.card(Severity::Info, title, id, at);
    card.body
        .push(Text::default().with(Span::Foreign(who.to_owned())).and(
            " asked for it. It took the whole path: commit, delivery, Discord. Nothing is wrong.",
        ));
    fit_message(Message {
        cards: vec![card],
        ..Message::default()
    })
}
