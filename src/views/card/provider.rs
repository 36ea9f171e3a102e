//! The provider: configuration, queue, and keys left.

use super::{card, check_network, field, foreign, hosts, name, sheet, unknown};
use crate::{
    alert::{
        card::{Card, Message, Severity, Span, Text},
        text::count,
    },
    views::{
        glance::Glance,
        provider::{self, ProviderView},
        refusal::Refusal,
    },
};

pub(super) fn show(glance: &Glance<'_>, network: Option<&str>) -> Result<Message, Refusal> {
    check_network(glance, network)?;
    let view = provider::show(glance, network)?;
    // The table of the one that has keys stands below the last card.
    let mut providers: Vec<&ProviderView> = view.providers.iter().collect();
    providers.sort_by_key(|of| of.next_keys.len());
    let keys = providers
        .last()
        .map(|of| of.next_keys.as_slice())
        .unwrap_or_default();
    let rows: Vec<Vec<String>> = keys
        .iter()
        .map(|key| {
            vec![
                count(key.position),
                name(key.label.as_ref(), &key.attester),
                hosts(&key.hosts),
            ]
        })
        .collect();
    Ok(Message {
        cards: providers
            .iter()
            .map(|of| one_provider(glance, of))
            .collect(),
        table: sheet(&["next", "attester", "host"], &rows),
        ..Message::default()
    })
}

fn one_provider(glance: &Glance<'_>, of: &ProviderView) -> Card {
    let title = match of.keys_left {
        Some(0) => Text::plain("No key is left to stake"),
        Some(1) => Text::plain("1 key is left to stake"),
        Some(left) => Text::plain(format!("{} keys are left to stake", count(left))),
        None => Text::plain("The provider is not known yet"),
    };
    let severity = if of.keys_left == Some(0) {
        Severity::Warning
    } else {
        Severity::Info
    };
    let mut card = card(glance, severity, title, Some(&of.as_of));
    let provider = of
        .provider
        .map_or_else(String::new, |id| format!(" · provider {id}"));
    let label = of
        .label
        .as_ref()
        .map_or_else(String::new, |label| format!(" ({label})"));
    card.author = foreign(format!("{}{provider}{label}", of.network));
    if let Some(why) = &of.unknown_because {
        card.body.push(unknown(Some(why)));
        return card;
    }
    let address = |address: &Option<String>| match address {
        Some(address) => Text::from(Span::Code(address.clone())),
        None => unknown(Some("no event told it")),
    };
    card.fields.push(field("Admin", address(&of.admin), false));
    if let Some(pending) = &of.pending_admin {
        card.fields
            .push(field("Proposed admin", Span::Code(pending.clone()), false));
    }
    card.fields.push(field(
        "Rewards recipient",
        address(&of.rewards_recipient),
        false,
    ));
    let rate = of
        .take_rate_basis_points
        .map(|rate| format!("{}.{:02} %", rate / 100, rate % 100));
    let rate = rate.map_or_else(|| unknown(Some("no event told it")), Text::plain);
    card.fields.push(field("Take rate", rate, true));
    let number = |number: Option<u64>| number.map_or_else(|| "unknown".to_owned(), count);
    let keys = format!(
        "{} added, {} staked, {} dripped",
        number(of.keys_added),
        number(of.keys_staked),
        number(of.keys_dripped)
    );
    card.fields.push(field("Keys", keys, true));
    card
}
