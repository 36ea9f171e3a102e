//! Attesters: one, many, what happened, and why.

use super::{
    OfAttester, PAGE_ROWS, Page, Question, address_line, ahead, card, field, foreign, fresh_all,
    hosts, json, moment, name, one, sheet, short, when,
};
use crate::{
    alert::{
        card::{Field, Message, Severity, Span, Text},
        text::{count, table},
    },
    units::BlockNumber,
    views::{
        attester::{self, AttesterView, RegistrationView},
        attesters::{self, AttesterFilter},
        glance::Glance,
        history::{self, ChangeView, EvidenceView, HistoryEntry},
        refusal::Refusal,
        standing::{AttesterState, StandingView},
        why::{self, WhyView},
    },
};

/// Entries of a history that its file holds.
const HISTORY_MAX: u64 = 1_000;

pub(super) fn show(glance: &Glance<'_>, of: &OfAttester) -> Result<Message, Refusal> {
    let view = attester::show(glance, of.network.as_deref(), &of.attester)?;
    let standing = &view.standing;
    let is_wrong = view.coinbase.verdict.is_wrong();
    let severity = if is_wrong {
        Severity::Warning
    } else {
        Severity::Info
    };
    let title = titled(view.label.as_ref(), &view.attester, standing);
    let mut card = card(glance, severity, title, Some(&view.as_of));
    card.author = foreign(view.network.clone());
    card.body.push(reason(standing, view.since));
    card.body
        .push(address_line(&view.attester, view.link.as_ref()));
    if !view.is_ours {
        card.body.push(Text::plain("It is not one of ours."));
    }
    card.fields = fields(&view);
    Ok(one(card))
}

fn titled(label: Option<&String>, attester: &str, standing: &StandingView) -> Text {
    Text::plain("Attester ")
        .with(Span::Foreign(name(label, attester)))
        .and(format!(": {}", standing.state.name()))
}

fn reason(standing: &StandingView, since: Option<u64>) -> Text {
    let text = Text::plain(capital(&standing.reason_text));
    match since {
        Some(at) => super::since(text.and(", since "), at).and("."),
        None => text.and("."),
    }
}

fn capital(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().map(|sign| sign.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), signs.as_str())
}

fn fields(view: &AttesterView) -> Vec<Field> {
    let mut fields = Vec::new();
    for entry in &view.entries {
        let text = match entry.position {
            Some(position) => Text::plain(format!("position {} · expected ", count(position))),
            None => Text::plain("position unknown · expected "),
        };
        let name = format!("Entry queue of rollup {}", entry.rollup);
        let text = when(text, &entry.forecast.expected);
        // What keeps both from being known is said once.
        let text = if entry.forecast.expected.at.is_none()
            && entry.forecast.expected == entry.forecast.earliest
        {
            text
        } else {
            when(text.and(" · earliest "), &entry.forecast.earliest)
        };
        fields.push(field(&name, text, false));
    }
    if let Some(position) = view.provider_queue_position {
        fields.push(field(
            "Provider queue",
            format!("position {}", count(position)),
            true,
        ));
    }
    fields.extend(view.registration.as_ref().map(registration));
    fields.push(field("Host", foreign(hosts(&view.hosts)), true));
    fields.push(super::coinbase::field_of(&view.coinbase));
    if view.slash_count > 0 {
        let text = format!(
            "{}, {} AZTEC lost",
            count(view.slash_count),
            view.slashed.tokens
        );
        fields.push(field("Slashes", text, true));
    }
    fields
}

fn registration(of: &RegistrationView) -> Field {
    let state = of.state.replace('_', " ");
    let text = format!(
        "{state} on rollup {} with {} AZTEC",
        of.rollup, of.balance.tokens
    );
    let text = Text::plain(text);
    let text = match &of.exit {
        Some(exit) => match exit.free_at {
            Some(at) => moment(text.and(" · free "), at),
            None => moment(text.and(" · free not before "), exit.exitable_at),
        },
        None => text,
    };
    field("Registration", text, false)
}

pub(super) fn list(
    glance: &Glance<'_>,
    question: &Question,
    filter: &AttesterFilter,
) -> Result<Message, Refusal> {
    let filter = AttesterFilter {
        limit: Some(PAGE_ROWS),
        ..filter.clone()
    };
    let view = attesters::list(glance, &filter)?;
    let noun = if view.total == 1 {
        "attester"
    } else {
        "attesters"
    };
    let title = format!("{} {noun}{}", count(view.total), conditions(&filter));
    let mut card = card(
        glance,
        Severity::Info,
        Text::from(Span::Foreign(title)),
        None,
    );
    let as_of = view.as_of.iter();
    card.footer = fresh_all(
        glance,
        as_of.map(|(name, as_of)| (name.as_str(), as_of.clone())),
    );
    let page = Page {
        question,
        after: filter.after.as_ref(),
        next: view.next.as_ref(),
        shown: view.attesters.len(),
        total: view.total,
    };
    page.put(&mut card);
    let rows = view.attesters.iter().map(|row| {
        let state = match row.position {
            Some(position) => format!("{} {}", row.standing.state.name(), count(position)),
            None => row.standing.state.name().to_owned(),
        };
        vec![
            row.label.clone().map_or_else(
                || short(&row.attester),
                |label| format!("{label} {}", short(&row.attester)),
            ),
            hosts(&row.hosts),
            state,
            row.coinbase.name().to_owned(),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    Ok(Message {
        table: sheet(&["attester", "host", "state", "coinbase"], &rows),
        ..one(card)
    })
}

/// ` in ACTIVE on fra-2 with coinbase missing`.
fn conditions(filter: &AttesterFilter) -> String {
    let mut text = String::new();
    let state = filter.state.map(AttesterState::name);
    let coinbase = filter.coinbase.map(crate::views::coinbase::Verdict::name);
    let parts = [
        ("in", state),
        ("on host", filter.host.as_deref()),
        ("with coinbase", coinbase),
        ("of network", filter.network.as_deref()),
        ("named like", filter.text.as_deref()),
    ];
    for (word, value) in parts {
        if let Some(value) = value {
            text.push_str(&format!(" {word} {value}"));
        }
    }
    text
}

pub(super) fn history(glance: &Glance<'_>, of: &OfAttester) -> Result<Message, Refusal> {
    let view = history::show(
        glance,
        of.network.as_deref(),
        &of.attester,
        Some(HISTORY_MAX),
    )?;
    let called = name(view.label.as_ref(), &view.attester);
    let title = match view.entries.len() {
        0 => Text::plain("Nothing was seen of attester "),
        many => Text::plain(format!(
            "{} changes of attester ",
            count(crate::views::count(many))
        )),
    };
    let title = title.with(Span::Foreign(called));
    let mut card = card(glance, Severity::Info, title, Some(&view.as_of));
    card.author = foreign(view.network.clone());
    card.body.push(address_line(&view.attester, None));
    card.body.push(match view.known_from_block {
        Some(block) => Text::plain(format!(
            "What happened before block {} is not known.",
            count(block)
        )),
        None => Text::plain("Nothing of this network was read yet."),
    });
    let shown = usize::try_from(PAGE_ROWS).unwrap_or(usize::MAX);
    let hidden = view.entries.len().saturating_sub(shown);
    if hidden > 0 {
        card.body.push(Text::plain(
            "The newest are shown; the file holds all of them.",
        ));
    }
    let row = |entry: &HistoryEntry| {
        let block = &entry.evidence.block;
        let at = block
            .at
            .map_or_else(|| "unknown".to_owned(), |at| ahead(glance, at));
        vec![count(block.number), at, brief(entry)]
    };
    let rows: Vec<Vec<String>> = view.entries.iter().skip(hidden).map(row).collect();
    let mut message = Message {
        table: sheet(&["block", "when", "what"], &rows),
        ..one(card)
    };
    if !view.entries.is_empty() {
        message
            .attachments
            .push(file(&view.attester, &view.entries));
    }
    Ok(message)
}

/// What fits into a table: the states where they differ, else the reason.
fn brief(entry: &HistoryEntry) -> String {
    match &entry.change {
        ChangeView::State { from, to } if from.state != to.state => {
            format!("{} → {}", from.state.name(), to.state.name())
        }
        ChangeView::State { to, .. } => to.reason_text.clone(),
        ChangeView::Slashed { .. } | ChangeView::Other => entry.text.clone(),
    }
}

fn file(attester: &str, entries: &[HistoryEntry]) -> crate::alert::card::Attachment {
    let columns = [
        "block",
        "hash",
        "time",
        "what",
        "source",
        "transaction",
        "log",
    ];
    let columns = columns.map(str::to_owned);
    let text = |number: Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let evidence = &entry.evidence;
            vec![
                evidence.block.number.to_string(),
                evidence.block.hash.clone(),
                text(evidence.block.at),
                entry.text.clone(),
                evidence.source.clone(),
                evidence.transaction.clone().unwrap_or_default(),
                text(evidence.log_index),
            ]
        })
        .collect();
    table::file(&format!("history-{attester}"), &columns, &rows)
}

pub(super) fn why(glance: &Glance<'_>, of: &OfAttester) -> Result<Message, Refusal> {
    let view = why::explain(glance, of.network.as_deref(), &of.attester)?;
    let title = titled(view.label.as_ref(), &view.attester, &view.standing);
    let severity = if view.is_consistent {
        Severity::Info
    } else {
        Severity::Critical
    };
    let mut card = card(glance, severity, title, Some(&view.as_of));
    card.author = foreign(view.network.clone());
    card.body = lines(&view);
    card.fields = view
        .inputs
        .iter()
        .map(|input| field(&capital(&input.name), foreign(input.value.clone()), true))
        .collect();
    let mut message = one(card);
    let file = json(&format!("why-{}", view.attester), &view)?;
    message.attachments.push(file);
    Ok(message)
}

fn lines(view: &WhyView) -> Vec<Text> {
    let mut lines = vec![
        reason(&view.standing, None),
        Text::plain(format!("Rule: {}.", view.rule)),
    ];
    lines.push(match &view.decided_by {
        Some(entry) => evidence(
            Text::plain(format!("Since: {}, ", entry.text)),
            &entry.evidence,
        ),
        None => Text::plain("Since: no change was seen."),
    });
    if let Some(missing) = &view.missing {
        lines.push(Text::plain(format!("Missing: {missing}.")));
    }
    if !view.is_consistent {
        lines.push(Text::plain(
            "The rule gives another state now: please report this.",
        ));
    }
    if !view.before.is_empty() {
        let many = count(crate::views::count(view.before.len()));
        let noun = if view.before.len() == 1 {
            "change"
        } else {
            "changes"
        };
        lines.push(Text::plain(format!(
            "The file holds {many} earlier {noun}, and the hashes."
        )));
    }
    lines.push(Text::from(Span::Code(view.attester.clone())));
    lines
}

/// `Rollup.ValidatorQueued, transaction 0x…, block …`.
fn evidence(text: Text, of: &EvidenceView) -> Text {
    let text = text.with(Span::Foreign(of.source.clone()));
    let hash = of.transaction.as_ref().and_then(|hash| hash.parse().ok());
    let text = match hash {
        Some(hash) => text.and(", transaction ").with(Span::Transaction {
            hash,
            url: of.link.clone(),
        }),
        None => text,
    };
    let text = text.and(", block ").with(Span::Block {
        number: BlockNumber::new(of.block.number),
        url: of.block.link.clone(),
    });
    match of.block.at {
        Some(at) => moment(text.and(", "), at).and("."),
        None => text.and("."),
    }
}
