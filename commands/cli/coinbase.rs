//! `steward coinbase missing|show`.

use anyhow::Result;
use clap::{Args, Subcommand};
use steward::views::coinbase::{CoinbaseFilter, CoinbaseList, CoinbaseShown};

use super::{
    Ask, Desk, InNetwork, Outcome, PageArgs, Paper,
    attester::{One, coinbase, hosts},
    footer,
    paper::{Sheet, Tone, freshness, name, number, or_unknown},
};

/// Coinbases.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum CoinbaseCommand {
    /// List attesters whose coinbase is missing, different or disputed, the most urgent first; exits with 4 where there are any
    Missing(Missing),
    /// Show the coinbase of one attester: expected, configured, deadline
    Show(One),
}

/// Wrong coinbases.
#[derive(Debug, Clone, Args)]
pub(crate) struct Missing {
    #[command(flatten)]
    of: InNetwork,
    /// Only on this host
    #[arg(long)]
    host: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

impl CoinbaseCommand {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        match self {
            Self::Missing(missing) => {
                let filter = CoinbaseFilter {
                    network: missing.of.network.clone(),
                    host: missing.host.clone(),
                    after: missing.page.after.clone(),
                    limit: Some(missing.page.limit),
                };
                let ask = Ask::view(&["coinbases"], &filter);
                desk.answer(&ask, |view: &CoinbaseList, paper| {
                    Outcome::answered(listed(view, paper)).urgent(view.total > 0)
                })
                .await
            }
            Self::Show(one) => {
                let ask = Ask::view(&["coinbases", &one.attester], &one.of);
                desk.answer(&ask, |view, paper| Outcome::answered(shown(view, paper)))
                    .await
            }
        }
    }
}

pub(super) fn listed(view: &CoinbaseList, paper: &Paper) -> String {
    let unknown = format!(
        "{} attesters are in no keys file or have no stake that tells",
        number(view.unknown)
    );
    if view.total == 0 {
        return format!("no coinbase is wrong · {unknown}");
    }
    let mut sheet = Sheet::new(&[
        "ATTESTER",
        "HOST",
        "STATE",
        "IS",
        "SET THIS",
        "CONFIGURED",
        "UNTIL",
    ]);
    for row in &view.coinbases {
        let of = &row.coinbase;
        let configured = if of.configured.is_empty() {
            "none".to_owned()
        } else {
            of.configured.join(", ")
        };
        let until = of.deadline.as_ref().map(|when| paper.when(when));
        sheet.toned([
            (name(row.label.as_ref(), &row.attester), Tone::Plain),
            (hosts(&row.hosts), Tone::Plain),
            (row.state.name().to_owned(), Tone::Plain),
            (of.verdict.name().to_owned(), Tone::Bad),
            (or_unknown(of.expected.clone()), Tone::Plain),
            (configured, Tone::Plain),
            (or_unknown(until), Tone::Plain),
        ]);
    }
    let footer = footer(
        view.coinbases.len(),
        view.total,
        "wrong coinbases",
        view.next.as_ref(),
    );
    format!("{}\n\n{footer} · {unknown}", paper.table(&sheet))
}

pub(super) fn shown(view: &CoinbaseShown, paper: &Paper) -> String {
    let row = &view.row;
    let title = format!(
        "{} on {} ({})",
        name(row.label.as_ref(), &row.attester),
        row.network,
        row.state.name()
    );
    format!(
        "{title}\n{}\n\n{}",
        coinbase(&row.coinbase, paper),
        freshness(&view.as_of)
    )
}
