//! How steward fares: whether it can do its work, then each network, then the endpoints.

use std::collections::BTreeMap;

use super::{card, field, foreign, moment, sheet, unknown};
use crate::{
    alert::{
        card::{Card, Field, Message, Severity, Text},
        text::{count, duration},
    },
    chart::Chart,
    views::{
        glance::Glance,
        readiness,
        refusal::Refusal,
        status::{self, DiscordStatus, NetworkStatus, StatusView},
    },
};

pub(super) fn show(glance: &Glance<'_>, network: Option<&str>) -> Result<Message, Refusal> {
    let view = status::show(glance, network)?;
    let mut cards = vec![house(glance, &view)];
    cards.extend(view.networks.iter().map(|of| one_network(glance, of)));
    let rows: Vec<Vec<String>> = view.networks.iter().flat_map(endpoints).collect();
    Ok(Message {
        cards,
        table: sheet(&["endpoint", "state", "head", "last error"], &rows),
        ..Message::default()
    })
}

/// Steward itself, the conclusion first.
fn house(glance: &Glance<'_>, view: &StatusView) -> Card {
    let ready = readiness::show(glance);
    let (severity, title) = if ready.is_ready {
        (Severity::Resolved, "steward can do its work")
    } else {
        (Severity::Warning, "steward cannot do all of its work")
    };
    let mut card = card(glance, severity, Text::plain(title), None);
    card.body = ready
        .dependencies
        .iter()
        .filter(|dependency| !dependency.is_ok)
        .map(|dependency| foreign(format!("{}: {}.", dependency.name, dependency.reason)))
        .collect();
    let discord = match &view.discord {
        DiscordStatus::Absent => Text::plain("not configured"),
        DiscordStatus::Connected { since } => super::since(Text::plain("connected since "), *since),
        DiscordStatus::Impaired { since, reason } => because(
            super::since(Text::plain("connected since "), *since).and(", but "),
            reason,
        ),
        DiscordStatus::Disconnected { since, reason } => because(
            super::since(Text::plain("not connected since "), *since).and(": "),
            reason,
        ),
    };
    let deliveries = Text::plain(counted(&view.deliveries));
    let deliveries = match view.oldest_pending_at_ms {
        Some(at) => super::since(deliveries.and(" · oldest waits since "), at / 1000),
        None => deliveries,
    };
    let canary = view.canary.map(|canary| match canary.seen_at {
        Some(at) => super::since(Text::plain("seen "), at),
        None => unknown(Some("none was seen yet")),
    });
    card.fields = vec![
        field("Discord", discord, true),
        field("Deliveries", deliveries, true),
        field("Jobs", counted(&view.jobs), true),
        field("Incidents", counted(&view.incidents), true),
        field("Started", moment(Text::default(), view.started_at), true),
    ];
    card.fields
        .extend(canary.map(|seen| field("Canary", seen, true)));
    card
}

fn because(text: Text, reason: &str) -> Text {
    let spans = text.0.into_iter();
    Text(spans.chain(foreign(reason.to_owned()).0).collect())
}

fn counted(counts: &BTreeMap<String, u64>) -> String {
    let some = counts.iter().filter(|(_, number)| **number > 0);
    let texts: Vec<String> = some
        .map(|(name, number)| format!("{} {}", count(*number), name.replace('_', " ")))
        .collect();
    if texts.is_empty() {
        "none".to_owned()
    } else {
        texts.join(", ")
    }
}

fn one_network(glance: &Glance<'_>, of: &NetworkStatus) -> Card {
    let (severity, title) = match (&of.stopped, of.lag_blocks) {
        (Some(_), _) => (Severity::Critical, "stopped until a person acts".to_owned()),
        (None, Some(0 | 1)) => (Severity::Info, "at the head".to_owned()),
        (None, Some(lag)) => (
            Severity::Info,
            format!("{} blocks behind the head", count(lag)),
        ),
        (None, None) => (Severity::Warning, "no block was read yet".to_owned()),
    };
    let title = foreign(of.network.clone()).and(format!(": {title}"));
    let mut card = card(glance, severity, title, Some(&of.cursor));
    if let Some(stopped) = &of.stopped {
        card.body.push(foreign(format!("{stopped}.")));
    }
    if let Some(why) = &of.attesters_unknown_because {
        card.body.push(
            Text::plain("The counts may miss attesters: ")
                .and(why.clone())
                .and("."),
        );
    }
    card.fields = facts(of);
    card.chart = status::chart(glance, of).map(Chart::Census);
    card
}

fn facts(of: &NetworkStatus) -> Vec<Field> {
    let provider = match (of.provider, &of.provider_label) {
        (Some(id), Some(label)) => foreign(format!("{id} ({label})")),
        (Some(id), None) => Text::plain(id.to_string()),
        (None, _) => unknown(Some("its id is not resolved yet")),
    };
    let head = of
        .head
        .map(|head| format!("{}, {} old", count(head.number), duration(head.age_seconds)));
    let head = head.map_or_else(|| unknown(Some("no endpoint told one yet")), Text::plain);
    let finalized = match &of.finality.finalized {
        Some(block) => Text::plain(format!("final: {}", count(block.number))),
        None => unknown(of.finality.unknown_because.as_deref()),
    };
    let head = Text(head.and(" · ").0.into_iter().chain(finalized.0).collect());
    let states = of.attesters.iter();
    let states: Vec<String> = states
        .map(|(state, number)| format!("{} {}", count(*number), state.name()))
        .collect();
    let wrong: Vec<String> = of
        .coinbases
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(verdict, number)| format!("{} {}", count(*number), verdict.name()))
        .collect();
    let wrong = if wrong.is_empty() {
        "none".to_owned()
    } else {
        wrong.join(", ")
    };
    let again = of.resumptions.last().map(|last| {
        let text = moment(Text::default(), last.at).and(", by ");
        let text = because(text, &last.by).and(": ");
        field("Read again", because(text, &last.reason), false)
    });
    let mut fields = vec![
        field("Attesters", states.join(", "), false),
        field("Coinbases", wrong, true),
        field("Provider", provider, true),
        field("Head", head, false),
        field("History", history(of), false),
    ];
    fields.extend(again);
    fields
}

fn history(of: &NetworkStatus) -> String {
    let Some(first) = of.coverage.first_block else {
        return "unknown: nothing was read yet".to_owned();
    };
    let gaps: Vec<String> = of
        .coverage
        .gaps
        .iter()
        .map(|gap| format!("{} to {}", count(gap.from), count(gap.to)))
        .collect();
    let gaps = if gaps.is_empty() {
        "no gap".to_owned()
    } else {
        format!("missing {}", gaps.join(", "))
    };
    format!(
        "from block {}, {gaps}; {}",
        count(first),
        of.completeness.text
    )
}

fn endpoints(of: &NetworkStatus) -> Vec<Vec<String>> {
    of.endpoints
        .iter()
        .map(|endpoint| {
            let is_leader = of.leader.as_ref() == Some(&endpoint.name);
            let role = match (is_leader, endpoint.is_archive) {
                (true, _) => " (leads)",
                (false, true) => " (archive)",
                (false, false) => "",
            };
            vec![
                format!("{}{role}", endpoint.name),
                endpoint.state.clone(),
                endpoint.head.map_or_else(|| "unknown".to_owned(), count),
                endpoint
                    .last_error
                    .clone()
                    .unwrap_or_else(|| "none".to_owned()),
            ]
        })
        .collect()
}
