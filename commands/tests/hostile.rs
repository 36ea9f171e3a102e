//! Whatever stands in a card, Discord takes it: no limit is broken, nothing is pinged.

use std::sync::Arc;

use fake::{Fake, Spec};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use steward::{
    alert::card::{Button, ButtonAction, Card, Field, Message, Severity, Span, Text, TimeStyle},
    outbox::courier::{Courier as _, MessageId},
    units::{Address, B256, BlockNumber, UnixSeconds},
};

use crate::world::{CHANNEL, courier, parcel, unlimited};

/// Enough to meet every limit; each case is two requests.
const CASES: u32 = 48;

fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \t\n\u{200b}]{0,8}",
        Just("@everyone @here <@&1100000000000000020> <@1100000000000000030>".to_owned()),
        Just("```*_~|>#-[x](http://x)\\".to_owned()),
        (1usize..4000, any::<char>()).prop_map(|(count, sign)| sign.to_string().repeat(count)),
        (1usize..300).prop_map(|count| format!("e{}", "\u{301}".repeat(count))),
        (1usize..1000).prop_map(|count| "👨‍👩‍👧‍👦".repeat(count)),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    prop_oneof![
        words().prop_map(Span::Plain),
        words().prop_map(Span::Foreign),
        words().prop_map(Span::Code),
        words().prop_map(Span::Bold),
        words().prop_map(Span::Struck),
        any::<u64>().prop_map(|at| Span::Time {
            at: UnixSeconds::new(at),
            style: TimeStyle::Full
        }),
        (words(), words()).prop_map(|(text, url)| Span::Link { text, url }),
        words().prop_map(|url| Span::Address {
            address: Address::ZERO,
            url: Some(format!("https://{url}"))
        }),
        words().prop_map(|url| Span::Transaction {
            hash: B256::ZERO,
            url: Some(url)
        }),
        any::<u64>().prop_map(|number| Span::Block {
            number: BlockNumber::new(number),
            url: None
        }),
    ]
}

fn text() -> impl Strategy<Value = Text> {
    proptest::collection::vec(span(), 0..4).prop_map(Text)
}

fn button() -> impl Strategy<Value = Button> {
    let action = prop_oneof![
        words().prop_map(ButtonAction::Open),
        words().prop_map(|path| ButtonAction::Open(format!("https://example.org/{path}"))),
        words().prop_map(|incident| ButtonAction::Acknowledge { incident }),
        (words(), any::<Option<u64>>())
            .prop_map(|(incident, seconds)| ButtonAction::Snooze { incident, seconds }),
        words().prop_map(|subject| ButtonAction::Why { subject }),
    ];
    (words(), action).prop_map(|(label, action)| Button { label, action })
}

fn card() -> impl Strategy<Value = Card> {
    let field = (words(), text(), any::<bool>()).prop_map(|(name, value, inline)| Field {
        name,
        value,
        inline,
    });
    (
        text(),
        text(),
        proptest::collection::vec(text(), 0..8),
        proptest::collection::vec(field, 0..30),
        words(),
        any::<u64>(),
        proptest::collection::vec(button(), 0..8),
    )
        .prop_map(|(author, title, body, fields, footer, at, buttons)| Card {
            severity: Severity::Info,
            author,
            title,
            body,
            fields,
            chart: None,
            footer,
            at: UnixSeconds::new(at),
            buttons,
        })
}

fn message() -> impl Strategy<Value = Message> {
    (
        proptest::option::of(text()),
        proptest::collection::vec(card(), 1..12),
        proptest::option::of(words()),
    )
        .prop_map(|(content, cards, table)| Message {
            content,
            cards,
            table,
            ..Message::default()
        })
}

async fn carry(fake: &Arc<Fake>, case: u32, message: &Message) -> Result<(), TestCaseError> {
    let courier = courier(fake);
    let sent = courier
        .send(&parcel(&format!("case{case}"), message.clone()))
        .await;
    let receipt = sent.map_err(|error| TestCaseError::fail(error.to_string()))?;
    let edited = courier
        .edit(CHANNEL, MessageId(receipt.message.0), message)
        .await;
    edited.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(receipt.is_faithful);
    prop_assert!(
        fake.messages(Spec::CHANNEL)
            .iter()
            .all(|message| message.pinged.is_nobody())
    );
    prop_assert_eq!(fake.violations(), vec![]);
    Ok(())
}

/// Goal: a label that somebody chose breaks no card. Method: cards of hostile text are sent to the fake and edited,
/// which checks every hand-written limit, and Discord's own document where it is at hand.
#[test]
fn whatever_stands_in_a_card_discord_takes_it_and_nobody_is_pinged() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let fake = runtime.block_on(unlimited());
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let case = std::cell::Cell::new(0);
    let outcome = runner.run(&message(), |message| {
        case.set(case.get() + 1);
        fake.clear_violations();
        runtime.block_on(carry(&fake, case.get(), &message))
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
