//! `steward attester list|show|history|why`.

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use steward::views::{
    attester::AttesterView,
    attesters::{AttesterFilter, AttesterList},
    coinbase::{CoinbaseView, Verdict},
    history::{HistoryEntry, HistoryView},
    standing::AttesterState,
    why::WhyView,
};

use super::{
    Ask, Desk, InNetwork, Outcome, PageArgs, Paper, footer,
    paper::{Sheet, Tone, facts, freshness, name, number, or_unknown, printable_lines, short},
};

/// Attesters.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AttesterCommand {
    /// List attesters of the provider
    List(List),
    /// Show one attester: state, queue, stakes, coinbase
    Show(One),
    /// Show what happened to an attester, oldest first
    History(History),
    /// Explain the state of an attester: the rule, its inputs, the events behind them
    Why(One),
}

/// One attester.
#[derive(Debug, Clone, Args)]
pub(crate) struct One {
    /// Address, the beginning of one (0x and 4 digits or more), or label
    pub(super) attester: String,
    #[command(flatten)]
    pub(super) of: InNetwork,
}

/// A list of attesters.
#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    #[command(flatten)]
    of: InNetwork,
    /// Only in this state
    #[arg(long, value_enum, ignore_case = true)]
    state: Option<StateName>,
    /// Only on this host
    #[arg(long)]
    host: Option<String>,
    /// Only with this verdict on the coinbase
    #[arg(long, value_enum)]
    coinbase: Option<VerdictName>,
    /// Only those whose label, host or address holds this text
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

/// The history of one attester.
#[derive(Debug, Clone, Args)]
pub(crate) struct History {
    #[command(flatten)]
    one: One,
    /// The newest so many entries
    #[arg(long, default_value_t = 100)]
    limit: u64,
}

/// The five states, as people type them.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StateName {
    New,
    InStakingProviderQueue,
    RollupEntryQueue,
    Active,
    NoLongerActive,
}

impl From<StateName> for AttesterState {
    fn from(name: StateName) -> Self {
        match name {
            StateName::New => Self::New,
            StateName::InStakingProviderQueue => Self::InStakingProviderQueue,
            StateName::RollupEntryQueue => Self::RollupEntryQueue,
            StateName::Active => Self::Active,
            StateName::NoLongerActive => Self::NoLongerActive,
        }
    }
}

/// Verdicts on a coinbase, as people type them.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VerdictName {
    Right,
    Missing,
    Mismatch,
    Conflict,
    Unknown,
}

impl From<VerdictName> for Verdict {
    fn from(name: VerdictName) -> Self {
        match name {
            VerdictName::Right => Self::Right,
            VerdictName::Missing => Self::Missing,
            VerdictName::Mismatch => Self::Mismatch,
            VerdictName::Conflict => Self::Conflict,
            VerdictName::Unknown => Self::Unknown,
        }
    }
}

impl AttesterCommand {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        match self {
            Self::List(list) => {
                let ask = Ask::view(&["attesters"], &list.filter());
                desk.answer(&ask, |view, paper| Outcome::answered(listed(view, paper)))
                    .await
            }
            Self::Show(one) => {
                let ask = Ask::view(&["attesters", &one.attester], &one.of);
                desk.answer(&ask, |view, paper| Outcome::answered(shown(view, paper)))
                    .await
            }
            Self::History(History { one, limit }) => {
                let query = serde_json::json!({ "network": one.of.network, "limit": limit });
                let ask = Ask::view(&["attesters", &one.attester, "history"], &query);
                desk.answer(&ask, |view, paper| Outcome::answered(told(view, paper)))
                    .await
            }
            Self::Why(one) => {
                let ask = Ask::view(&["attesters", &one.attester, "why"], &one.of);
                desk.answer(&ask, |view, _| Outcome::answered(explained(view)))
                    .await
            }
        }
    }
}

impl List {
    fn filter(&self) -> AttesterFilter {
        AttesterFilter {
            network: self.of.network.clone(),
            state: self.state.map(Into::into),
            host: self.host.clone(),
            coinbase: self.coinbase.map(Into::into),
            text: self.text.clone(),
            after: self.page.after.clone(),
            limit: Some(self.page.limit),
        }
    }
}

pub(super) fn listed(view: &AttesterList, paper: &Paper) -> String {
    let head = [
        "NETWORK", "ATTESTER", "LABEL", "HOST", "STATE", "QUEUE", "STAKE", "COINBASE",
    ];
    let mut sheet = Sheet::new(&head);
    for row in &view.attesters {
        let coinbase = if row.coinbase.is_wrong() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        let state = match row.standing.state {
            AttesterState::Active => Tone::Good,
            _ => Tone::Plain,
        };
        let none = || "none".to_owned();
        sheet.toned([
            (row.network.clone(), Tone::Plain),
            (row.attester.clone(), Tone::Plain),
            (row.label.clone().unwrap_or_else(none), Tone::Plain),
            (hosts(&row.hosts), Tone::Plain),
            (row.standing.state.name().to_owned(), state),
            (row.position.map_or_else(none, number), Tone::Plain),
            (
                row.balance
                    .as_ref()
                    .map_or_else(none, |balance| balance.tokens.clone()),
                Tone::Plain,
            ),
            (row.coinbase.name().to_owned(), coinbase),
        ]);
    }
    let footer = footer(
        view.attesters.len(),
        view.total,
        "attesters",
        view.next.as_ref(),
    );
    let fresh = view
        .as_of
        .iter()
        .map(|(network, of)| format!("{network} {}", freshness(of)));
    format!(
        "{}\n\n{footer} · {}",
        paper.table(&sheet),
        fresh.collect::<Vec<_>>().join(" · ")
    )
}

pub(super) fn hosts(hosts: &[String]) -> String {
    if hosts.is_empty() {
        return "unknown".to_owned();
    }
    hosts.join(", ")
}

pub(super) fn shown(view: &AttesterView, paper: &Paper) -> String {
    let standing = &view.standing;
    let mut lines = vec![format!(
        "{} is {}: {}",
        name(view.label.as_ref(), &view.attester),
        standing.state.name(),
        standing.reason_text
    )];
    let registration = view.registration.as_ref();
    let exit = registration.and_then(|registration| registration.exit.as_ref());
    let slashed = format!(
        "{} times, {} AZTEC in all",
        view.slash_count, view.slashed.tokens
    );
    let balance = registration.map(|of| {
        format!(
            "{} AZTEC on rollup {} ({})",
            of.balance.tokens, of.rollup, of.state
        )
    });
    lines.push(facts(&[
        ("Address", Some(view.attester.clone())),
        ("Network", Some(view.network.clone())),
        ("Since", view.since.map(|at| paper.moment(at))),
        ("Provider", view.provider.map(|id| id.to_string())),
        ("Ours", (!view.is_ours).then(|| "no".to_owned())),
        ("Hosts", Some(hosts(&view.hosts))),
        (
            "Provider queue",
            view.provider_queue_position
                .map(|at| format!("position {at}")),
        ),
        ("Stake", balance),
        (
            "Free",
            exit.map(|exit| {
                exit.free_at.map_or_else(
                    || "unknown: the governance's lock was not read yet".to_owned(),
                    |at| paper.moment(at),
                )
            }),
        ),
        ("Slashed", (view.slash_count > 0).then_some(slashed)),
        ("Link", view.link.clone()),
    ]));
    for entry in &view.entries {
        let position = entry.position.map_or_else(
            || "has left".to_owned(),
            |at| format!("position {}", number(at)),
        );
        lines.push(facts(&[
            (
                "Entry queue",
                Some(format!("rollup {}, {position}", entry.rollup)),
            ),
            (
                "Active earliest",
                Some(paper.when(&entry.forecast.earliest)),
            ),
            (
                "Active expected",
                Some(paper.when(&entry.forecast.expected)),
            ),
        ]));
    }
    lines.push(coinbase(&view.coinbase, paper));
    lines.push(freshness(&view.as_of));
    lines.join("\n\n")
}

/// What is to be known of a coinbase.
pub(super) fn coinbase(view: &CoinbaseView, paper: &Paper) -> String {
    let verdict = match &view.unknown_because {
        Some(why) => format!("unknown: {why}"),
        None => view.verdict.name().to_owned(),
    };
    let configured = if view.configured.is_empty() {
        "none".to_owned()
    } else {
        view.configured.join(", ")
    };
    facts(&[
        ("Coinbase", Some(verdict)),
        ("Expected", Some(or_unknown(view.expected.clone()))),
        ("Configured", Some(configured)),
        (
            "Files",
            (!view.files.is_empty()).then(|| view.files.join(", ")),
        ),
        (
            "Deadline",
            view.deadline.as_ref().map(|when| paper.when(when)),
        ),
    ])
}

pub(super) fn told(view: &HistoryView, paper: &Paper) -> String {
    let mut sheet = Sheet::new(&["WHEN", "WHAT", "SOURCE", "BLOCK", "TRANSACTION"]);
    for HistoryEntry { text, evidence, .. } in &view.entries {
        sheet.row([
            evidence
                .block
                .at
                .map_or_else(|| "unknown".to_owned(), |at| paper.moment(at)),
            text.clone(),
            evidence.source.clone(),
            number(evidence.block.number),
            evidence
                .transaction
                .as_deref()
                .map_or_else(|| "none: a view told".to_owned(), short),
        ]);
    }
    let known = view.known_from_block.map(number);
    let known = known.map_or_else(
        || "unknown: nothing was read yet".to_owned(),
        |block| format!("from block {block}"),
    );
    let title = name(view.label.as_ref(), &view.attester);
    let fresh = freshness(&view.as_of);
    if view.entries.is_empty() {
        return format!("{title}: no change was seen · history {known} · {fresh}");
    }
    format!(
        "{title}\n\n{}\n\nhistory {known} · {fresh}",
        paper.table(&sheet)
    )
}

pub(super) fn explained(view: &WhyView) -> String {
    format!(
        "{}\n\n{}",
        printable_lines(&view.lines.join("\n")),
        freshness(&view.as_of)
    )
}
