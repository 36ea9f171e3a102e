//! What a person sees.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex},
};

use steward::{
    alert::card::{Button, ButtonAction, Card, Field, Message, Severity, Span, Text, TimeStyle},
    clock::ManualClock,
    outbox::courier::{ChannelId, Courier as _, CourierError, Found, MessageId, Parcel},
    units::UnixSeconds,
};

use super::{Page, TerminalCourier};

const NOW: UnixSeconds = UnixSeconds::new(1_795_233_600);
const ALERTS: ChannelId = ChannelId(2);

/// Paper that can be read afterwards.
#[derive(Debug, Default, Clone)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn read(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn terminal(width: u16, has_colour: bool) -> (Paper, TerminalCourier) {
    let paper = Paper::default();
    let zone = jiff::tz::TimeZone::UTC;
    let page = Page::new(Box::new(paper.clone()), Some(width), has_colour, zone);
    let clock = Arc::new(ManualClock::new(NOW));
    let channels = BTreeMap::from([(ALERTS, "alerts")]);
    (paper, TerminalCourier::new(Arc::new(page), clock, channels))
}

fn incident() -> Message {
    let field = |name: &str, value: Text| Field {
        name: name.to_owned(),
        value,
        inline: true,
    };
    let deadline = Text::from(Span::Time {
        at: UnixSeconds::new(NOW.value() + 20_400),
        style: TimeStyle::Relative,
    });
    let card = Card {
        severity: Severity::Warning,
        author: "Testnet · Provider 7".into(),
        title: "Coinbase missing for attester fra-2/17".into(),
        body: vec!["It enters the active set soon.".into()],
        fields: vec![
            field("Deadline", deadline),
            field("Incident", "open".into()),
        ],
        chart: None,
        footer: "testnet/0x12/coinbase_missing/1".to_owned(),
        at: NOW,
        buttons: vec![Button {
            label: "Acknowledge".to_owned(),
            action: ButtonAction::Acknowledge {
                incident: "1".to_owned(),
            },
        }],
    };
    Message {
        cards: vec![card],
        ..Message::default()
    }
}

fn resolved() -> Message {
    let mut message = incident();
    let card = &mut message.cards[0];
    card.severity = Severity::Resolved;
    card.body = vec!["Its coinbase is set.".into()];
    card.fields[1].value = "resolved".into();
    message
}

fn parcel(nonce: &str, message: Message, reply_to: Option<u64>) -> Parcel {
    Parcel {
        channel: ALERTS,
        nonce: nonce.to_owned(),
        message,
        reply_to: reply_to.map(MessageId),
    }
}

fn rung() -> Message {
    Message {
        content: Some("Coinbase missing for fra-2/17: less than 6 h are left.".into()),
        ..Message::default()
    }
}

#[tokio::test]
async fn a_card_is_posted_in_a_box_and_an_edit_says_only_what_changed() {
    let (paper, courier) = terminal(60, false);
    let receipt = courier.send(&parcel("a", incident(), None)).await.unwrap();
    courier.send(&parcel("b", rung(), Some(1))).await.unwrap();
    courier
        .edit(ALERTS, receipt.message, &resolved())
        .await
        .unwrap();
    insta::assert_snapshot!(paper.read(), @"
    ╭─ #alerts · message 1
    │ 🟠 Coinbase missing for attester fra-2/17
    │   Testnet · Provider 7 · 2026-11-21 04:00 UTC
    │   It enters the active set soon.
    │   Deadline:        in 5 h 40 min
    │   Incident:        open
    │   (Acknowledge)
    │   testnet/0x12/coinbase_missing/1
    ╰─
        ╭─ #alerts · message 2, reply to 1
        │ Coinbase missing for fra-2/17: less than 6 h are left.
        ╰─
    ╭─ #alerts · edited: message 1
    │ 🟢 Coinbase missing for attester fra-2/17
    │   - It enters the active set soon.
    │   + Its coinbase is set.
    │   Incident: open → resolved
    ╰─
    ");
}

#[tokio::test]
async fn every_line_fits_a_narrow_terminal() {
    let (paper, courier) = terminal(40, false);
    courier.send(&parcel("a", incident(), None)).await.unwrap();
    courier.send(&parcel("b", rung(), Some(1))).await.unwrap();
    let shown = paper.read();
    let widest = shown.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(40), "{shown}");
}

#[tokio::test]
async fn colour_is_shown_only_where_it_is_wanted() {
    for has_colour in [true, false] {
        let (paper, courier) = terminal(60, has_colour);
        courier.send(&parcel("a", incident(), None)).await.unwrap();
        assert_eq!(paper.read().contains('\u{1b}'), has_colour);
    }
}

#[tokio::test]
async fn a_message_is_found_by_its_nonce_and_a_deleted_one_is_gone() {
    let (_paper, courier) = terminal(60, false);
    let receipt = courier.send(&parcel("a", incident(), None)).await.unwrap();
    let found = courier
        .find(&parcel("a", incident(), None), 0)
        .await
        .unwrap();
    assert_eq!(found, Found::Yes(receipt.clone()));
    assert_eq!(
        courier
            .find(&parcel("b", incident(), None), 0)
            .await
            .unwrap(),
        Found::No
    );
    courier.delete(ALERTS, receipt.message).await.unwrap();
    assert_eq!(
        courier
            .find(&parcel("a", incident(), None), 0)
            .await
            .unwrap(),
        Found::No
    );
    let edited = courier.edit(ALERTS, receipt.message, &resolved()).await;
    assert_eq!(edited, Err(CourierError::MessageGone));
}
