//! `steward provider`.

use anyhow::Result;
use clap::Args;
use steward::views::provider::{ProviderView, ProvidersView};

use super::{
    Ask, Desk, InNetwork, Outcome, Paper,
    attester::hosts,
    paper::{Sheet, facts, freshness, number, or_unknown},
};

/// The provider.
#[derive(Debug, Clone, Args)]
pub(crate) struct Provider {
    #[command(flatten)]
    of: InNetwork,
}

impl Provider {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        let ask = Ask::view(&["provider"], &self.of);
        desk.answer(&ask, |view, paper| Outcome::answered(render(view, paper)))
            .await
    }
}

pub(super) fn render(view: &ProvidersView, paper: &Paper) -> String {
    let providers = view.providers.iter().map(|provider| one(provider, paper));
    providers.collect::<Vec<_>>().join("\n\n")
}

fn one(view: &ProviderView, paper: &Paper) -> String {
    let id = view
        .provider
        .map_or_else(|| "unknown".to_owned(), |id| id.to_string());
    let title = match &view.label {
        Some(label) => format!("{} provider {id} ({label})", view.network),
        None => format!("{} provider {id}", view.network),
    };
    if let Some(why) = &view.unknown_because {
        return format!("{title}\nunknown: {why} · {}", freshness(&view.as_of));
    }
    let count = |of: Option<u64>| or_unknown(of.map(number));
    let rate = view
        .take_rate_basis_points
        .map(|rate| steward::units::BasisPoints::new(rate).to_string());
    let mut text = format!(
        "{title}\n{}",
        facts(&[
            ("Admin", Some(or_unknown(view.admin.clone()))),
            ("Proposed admin", view.pending_admin.clone()),
            ("Take rate", Some(or_unknown(rate))),
            (
                "Rewards to",
                Some(or_unknown(view.rewards_recipient.clone()))
            ),
            ("Keys left", Some(count(view.keys_left))),
            (
                "Keys",
                Some(format!(
                    "{} added, {} staked, {} dripped",
                    count(view.keys_added),
                    count(view.keys_staked),
                    count(view.keys_dripped)
                ))
            ),
        ])
    );
    if !view.next_keys.is_empty() {
        let mut sheet = Sheet::new(&["NEXT", "ATTESTER", "LABEL", "HOST"]);
        for key in &view.next_keys {
            sheet.row([
                number(key.position),
                key.attester.clone(),
                key.label.clone().unwrap_or_else(|| "none".to_owned()),
                hosts(&key.hosts),
            ]);
        }
        text.push_str(&format!("\n\n{}", paper.table(&sheet)));
    }
    format!("{text}\n\n{}", freshness(&view.as_of))
}
