//! Pictures in cards: what Discord receives, and what it shows.

use fake::Spec;
use serde_json::json;
use steward::{
    alert::card::Message,
    chart::{Chart, TallyChart},
    outbox::courier::{Courier as _, Found},
    units::Round,
};

use crate::{
    questions::{ask, lived_in},
    world::{CHANNEL, courier, message, parcel, unlimited},
};

fn with_tally(votes: u64) -> Message {
    let mut drawn = message();
    drawn.cards[0].chart = Some(Chart::Tally(TallyChart {
        round: Round::new(12),
        votes,
        quorum: 65,
    }));
    drawn
}

/// Goal: the picture in a card shows what the card says. Method: what stands after an edit is what is drawn of the newest
/// votes, in the card, and nothing of the old.
#[tokio::test]
async fn a_chart_stands_in_its_card_and_an_edit_draws_it_anew() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let receipt = courier.send(&parcel("n1", with_tally(37))).await.unwrap();
    assert!(receipt.is_faithful);
    let file = |votes: u64| {
        with_tally(votes).cards[0]
            .chart
            .clone()
            .unwrap()
            .png()
            .unwrap()
    };
    let shown = || fake.messages(Spec::CHANNEL).remove(0);
    assert_eq!(shown().attachments[0].bytes, file(37));
    assert_eq!(
        shown().attachments[0].content_type.as_deref(),
        Some("image/png")
    );
    courier
        .edit(CHANNEL, receipt.message, &with_tally(38))
        .await
        .unwrap();
    let shown = shown();
    let [picture] = shown.attachments.as_slice() else {
        panic!("{:?}", shown.attachments);
    };
    assert_eq!(picture.bytes, file(38));
    assert_eq!(
        picture.description.as_deref(),
        Some("38 votes were cast in round 12; a slash needs 65.")
    );
    let image = shown.embeds[0]["image"]["url"].as_str().unwrap();
    assert_eq!(image, format!("attachment://{}", picture.name));
    // It is found again after an answer that was lost, for what people read is the same.
    let found = courier
        .find(&parcel("n1", with_tally(38)), 0)
        .await
        .unwrap();
    assert!(matches!(found, Found::Yes(found) if found.message == receipt.message));
    assert_eq!(fake.violations(), []);
}

/// Goal: who asks how steward fares sees it. Method: the answer carries one picture, which stands in the card and is told in words.
#[tokio::test]
async fn the_answer_about_the_status_carries_a_picture() {
    let bot = lived_in().await;
    let reply = ask(&bot, Spec::BOB, "status", &json!({})).await;
    let [picture] = reply.attachments.as_slice() else {
        panic!("{:?}", reply.attachments);
    };
    assert!(picture.bytes.starts_with(b"\x89PNG"));
    let words = picture.description.as_deref().unwrap_or_default();
    assert!(words.contains("ROLLUP_ENTRY_QUEUE from 0 to 40"), "{words}");
    let image = reply.embeds[1]["image"]["url"].as_str().unwrap();
    assert_eq!(image, format!("attachment://{}", picture.name));
    assert_eq!(bot.fake.violations(), []);
}
