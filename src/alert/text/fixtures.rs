//! A small world for the tests of text: one network, one provider, two hosts.

use super::{Context, Explorer, Label};
use crate::{
    alert::{
        card::{ButtonAction, Message},
        render::markdown::{bare, content, description, markdown, table, title},
    },
    attester::change::Evidence,
    units::{Address, AttesterAddress, B256, BlockNumber, BlockRef, Coinbase, UnixSeconds},
};

/// An address made of one byte.
pub(crate) fn address(byte: u8) -> Address {
    Address::repeat_byte(byte)
}

/// An attester made of one byte.
pub(crate) fn attester(byte: u8) -> AttesterAddress {
    AttesterAddress::new(address(byte))
}

/// A split made of one byte.
pub(crate) fn split(byte: u8) -> Coinbase {
    Coinbase::new(address(byte))
}

/// The world's explorer.
pub(crate) fn explorer() -> Explorer {
    Explorer(Some("https://scan.test/".to_owned()))
}

/// Attesters below 0x80 have a label and a host.
pub(crate) fn label(attester: AttesterAddress) -> Label {
    let byte = attester.address().0.first().copied().unwrap_or_default();
    if byte < 0x80 {
        Label {
            name: Some(format!("fra-2/{byte}")),
            host: Some("fra-2".to_owned()),
        }
    } else {
        Label::default()
    }
}

/// The world's context.
pub(crate) fn context(explorer: &Explorer) -> Context<'_> {
    Context {
        network: "testnet",
        network_label: "Testnet",
        provider_label: "Provider 7",
        explorer,
        labels: &label,
        runbook: Some("https://docs.test/OPERATING.md"),
        build: "0.1.0",
        roles: &[77],
    }
}

/// Where something was seen.
pub(crate) fn evidence(source: &'static str) -> Evidence {
    Evidence {
        block: BlockRef {
            number: BlockNumber::new(25_533_401),
            hash: B256::repeat_byte(0xbb),
        },
        at: UnixSeconds::new(1_795_233_600),
        transaction: Some(B256::repeat_byte(0xee)),
        log_index: Some(3),
        source: source.into(),
    }
}

/// A message as text: what Discord is given, one part a line.
pub(crate) fn show(message: &Message) -> String {
    let mut out = Vec::new();
    if let Some(content) = content(message) {
        out.push(format!("! {content}"));
    }
    for card in &message.cards {
        out.push(format!("({})", bare(&card.author)));
        out.push(title(card));
        out.push(description(card));
        for field in &card.fields {
            out.push(format!("{}: {}", field.name, markdown(&field.value)));
        }
        let buttons: Vec<String> = card
            .buttons
            .iter()
            .map(|button| match &button.action {
                ButtonAction::Open(_) => format!("[{}]", button.label),
                ButtonAction::Acknowledge { .. }
                | ButtonAction::Snooze { .. }
                | ButtonAction::Why { .. }
                | ButtonAction::Ask { .. } => format!("({})", button.label),
            })
            .collect();
        if !buttons.is_empty() {
            out.push(buttons.join(" "));
        }
        if let Some(chart) = &card.chart {
            out.push(format!("[{}: {}]", chart.file_name(), chart.alt()));
        }
        out.push(format!("_ {}", card.footer));
    }
    out.extend(table(message));
    for file in &message.attachments {
        out.push(format!(
            "+ {} ({} lines)",
            file.name,
            file.text.lines().count()
        ));
    }
    out.join("\n").replace('\u{200b}', "␣")
}
