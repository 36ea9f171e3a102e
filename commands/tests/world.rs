//! The world of these tests: a fake Discord, who we are in it, and cards to send.

use std::{sync::Arc, time::Duration};

use fake::{Fake, Spec};
use steward::{
    alert::card::{Button, ButtonAction, Card, Field, Message, Severity, Span, Text},
    outbox::courier::{ChannelId, Parcel},
    units::UnixSeconds,
};
use steward_commands::discord::{Connection, DiscordCourier};

pub(crate) const CHANNEL: ChannelId = ChannelId(Spec::CHANNEL.0);

/// A fake without rate limits.
pub(crate) async fn unlimited() -> Arc<Fake> {
    let mut spec = Spec::default();
    spec.rules = spec.rules.unlimited();
    Fake::start(spec).await.unwrap()
}

pub(crate) fn connection(fake: &Fake) -> Connection {
    let mut connection = Connection::new(Spec::TOKEN.into()).at(fake.url());
    connection.request_timeout = Duration::from_secs(2);
    connection
}

pub(crate) fn courier(fake: &Fake) -> DiscordCourier {
    DiscordCourier::new(&connection(fake)).unwrap()
}

pub(crate) fn card() -> Card {
    Card {
        severity: Severity::Warning,
        author: Text::plain("mainnet · provider 3"),
        title: Text::plain("Coinbase missing for attester fra-2/17"),
        body: vec![
            Text::plain("It enters the active set in ").with(Span::Bold("5 h 40 min".to_owned())),
            Text::plain("Set it on host ").with(Span::Foreign("fra-2 @everyone".to_owned())),
        ],
        fields: vec![Field {
            name: "Configured".to_owned(),
            value: Text::plain("none"),
            inline: true,
        }],
        chart: None,
        footer: "mainnet/0x12/coinbase_missing/1".to_owned(),
        at: UnixSeconds::new(1_795_000_000),
        buttons: vec![
            Button {
                label: "Transaction".to_owned(),
                action: ButtonAction::Open("https://etherscan.io/tx/0x12".to_owned()),
            },
            Button {
                label: "Acknowledge".to_owned(),
                action: ButtonAction::Acknowledge {
                    incident: "mainnet/0x12/coinbase_missing/1".to_owned(),
                },
            },
        ],
    }
}

pub(crate) fn message() -> Message {
    Message {
        cards: vec![card()],
        ..Message::default()
    }
}

pub(crate) fn parcel(nonce: &str, message: Message) -> Parcel {
    Parcel {
        channel: CHANNEL,
        nonce: nonce.to_owned(),
        message,
        reply_to: None,
    }
}
