//! `steward status`.

use anyhow::Result;
use clap::Args;
use steward::views::{
    canary::CanaryView,
    status::{DiscordStatus, NetworkStatus, StatusView},
};

use super::{
    Ask, Desk, InNetwork, Outcome, Paper,
    paper::{Sheet, Tone, facts, freshness, number, span},
};

/// How steward fares.
#[derive(Debug, Clone, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    of: InNetwork,
}

impl Status {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        let ask = Ask::view(&["status"], &self.of);
        desk.answer(&ask, |view, paper| Outcome::answered(render(view, paper)))
            .await
    }
}

pub(super) fn render(view: &StatusView, paper: &Paper) -> String {
    let mut parts: Vec<String> = view.networks.iter().map(|of| network(of, paper)).collect();
    parts.push(work(view, paper));
    parts.join("\n\n")
}

fn network(of: &NetworkStatus, paper: &Paper) -> String {
    let provider = match (of.provider, &of.provider_label) {
        (Some(id), Some(label)) => format!("{id} ({label})"),
        (Some(id), None) => id.to_string(),
        (None, _) => "unknown: its id is not resolved yet".to_owned(),
    };
    let head = of
        .head
        .map(|head| format!("{}, {} old", number(head.number), span(head.age_seconds)));
    let head = head.unwrap_or_else(|| "unknown: no endpoint told one yet".to_owned());
    let lag = of.lag_blocks.map(|lag| format!(", {} behind", blocks(lag)));
    let gaps = of.coverage.gaps.iter();
    let gaps: Vec<String> = gaps
        .map(|gap| format!("{} to {}", number(gap.from), number(gap.to)))
        .collect();
    let coverage = of.coverage.first_block.map(|first| match gaps.as_slice() {
        [] => format!("from block {}, no gap", number(first)),
        gaps => format!("from block {}, missing {}", number(first), gaps.join(", ")),
    });
    let finalized = match (&of.finality.finalized, &of.finality.unknown_because) {
        (Some(block), _) => number(block.number),
        (None, why) => format!("unknown: {}", why.as_deref().unwrap_or("nobody tells")),
    };
    let counts = of
        .attesters
        .iter()
        .map(|(state, count)| format!("{} {}", number(*count), state.name()));
    let mut counts = counts.collect::<Vec<_>>().join(", ");
    if let Some(why) = &of.attesters_unknown_because {
        counts.push_str(&format!(" (incomplete: {why})"));
    }
    let coinbases = of
        .coinbases
        .iter()
        .map(|(verdict, count)| format!("{} {}", number(*count), verdict.name()));
    let facts = facts(&[
        ("Stopped", of.stopped.clone()),
        ("Read again", resumption(of, paper)),
        ("Provider", Some(provider)),
        ("Head", Some(head)),
        (
            "Read",
            Some(format!(
                "{}{}",
                freshness(&of.cursor),
                lag.unwrap_or_default()
            )),
        ),
        ("History", coverage),
        ("Complete", Some(of.completeness.text.clone())),
        ("Final", Some(finalized)),
        ("Attesters", Some(counts)),
        ("Coinbases", Some(coinbases.collect::<Vec<_>>().join(", "))),
        (
            "Reorgs",
            Some(format!(
                "{}, deepest {}",
                of.reorgs,
                blocks(of.reorg_depth_max)
            )),
        ),
    ]);
    let mut text = format!("{} (chain {})\n{facts}", of.network, of.chain_id);
    for table in [rollups(of, paper), endpoints(of, paper)]
        .into_iter()
        .flatten()
    {
        text.push_str("\n\n");
        text.push_str(&table);
    }
    text
}

/// Who had it read again last.
fn resumption(of: &NetworkStatus, paper: &Paper) -> Option<String> {
    let last = of.resumptions.last()?;
    let at = paper.moment(last.at);
    Some(format!("{at}, by {}: {}", last.by, last.reason))
}

fn blocks(count: u64) -> String {
    let noun = if count == 1 { "block" } else { "blocks" };
    format!("{} {noun}", number(count))
}

fn rollups(of: &NetworkStatus, paper: &Paper) -> Option<String> {
    let mut sheet = Sheet::new(&["ROLLUP", "LATEST", "ENTRY QUEUE", "ACTIVE", "ADDRESS"]);
    for rollup in &of.rollups {
        let latest = match rollup.is_latest {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        };
        sheet.row([
            rollup.version.to_string(),
            latest.to_owned(),
            number(rollup.queue_length),
            rollup
                .active_attesters
                .map_or_else(|| "unknown".to_owned(), number),
            rollup.address.clone(),
        ]);
    }
    (!of.rollups.is_empty()).then(|| paper.table(&sheet))
}

fn endpoints(of: &NetworkStatus, paper: &Paper) -> Option<String> {
    let mut sheet = Sheet::new(&[
        "ENDPOINT",
        "STATE",
        "SINCE",
        "HEAD",
        "REQUESTS",
        "LAST ERROR",
    ]);
    for endpoint in &of.endpoints {
        let is_leader = of.leader.as_ref() == Some(&endpoint.name);
        let tone = if endpoint.state == "healthy" {
            Tone::Good
        } else {
            Tone::Bad
        };
        let role = match (is_leader, endpoint.is_archive) {
            (true, _) => " (leads)",
            (false, true) => " (archive)",
            (false, false) => "",
        };
        sheet.toned([
            (format!("{}{role}", endpoint.name), Tone::Plain),
            (endpoint.state.clone(), tone),
            (paper.distance(endpoint.since), Tone::Plain),
            (
                endpoint.head.map_or_else(|| "unknown".to_owned(), number),
                Tone::Plain,
            ),
            (number(endpoint.requests), Tone::Plain),
            (
                endpoint
                    .last_error
                    .clone()
                    .unwrap_or_else(|| "none".to_owned()),
                Tone::Plain,
            ),
        ]);
    }
    (!of.endpoints.is_empty()).then(|| paper.table(&sheet))
}

fn work(view: &StatusView, paper: &Paper) -> String {
    let discord = match &view.discord {
        DiscordStatus::Absent => "not configured".to_owned(),
        DiscordStatus::Connected { since } => format!("connected since {}", paper.moment(*since)),
        DiscordStatus::Impaired { since, reason } => {
            format!("connected since {}, but {reason}", paper.moment(*since))
        }
        DiscordStatus::Disconnected { since, reason } => {
            format!("not connected since {}: {reason}", paper.moment(*since))
        }
    };
    let counted = |counts: &std::collections::BTreeMap<String, u64>| {
        let some = counts.iter().filter(|(_, count)| **count > 0);
        let texts: Vec<String> = some
            .map(|(name, count)| format!("{} {name}", number(*count)))
            .collect();
        if texts.is_empty() {
            "none".to_owned()
        } else {
            texts.join(", ")
        }
    };
    facts(&[
        ("Discord", Some(discord)),
        ("Canary", view.canary.map(|of| canary(&of, paper))),
        ("Deliveries", Some(counted(&view.deliveries))),
        (
            "Oldest waiting",
            view.oldest_pending_at_ms.map(|at| paper.moment_ms(at)),
        ),
        ("Jobs", Some(counted(&view.jobs))),
        ("Incidents", Some(counted(&view.incidents))),
        (
            "Version",
            Some(steward::version::said(&view.version, &view.revision)),
        ),
        ("Started", Some(paper.moment(view.started_at))),
    ])
}

fn canary(of: &CanaryView, paper: &Paper) -> String {
    let seen = match of.seen_at {
        Some(at) => format!("seen {}", paper.moment(at)),
        None => "none was seen yet".to_owned(),
    };
    let fed = of
        .fed_at
        .map(|at| format!(", the dead man's switch was fed {}", paper.moment(at)));
    format!("{seen}{}", fed.unwrap_or_default())
}
