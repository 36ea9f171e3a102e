//! Many at once, and many at last: tables instead of floods.

use std::time::Duration;

use super::{
    house::{ALARMS, House, MINUTE, NEWS, id, incident, notice, state_of, transition},
    machine::Deed,
};
use crate::{
    alert::{
        card::{Message, Severity, Text},
        class::Class,
        notice::{Notice, NoticeId},
    },
    outbox::DIGESTS_MAX,
};

#[tokio::test(start_paused = true)]
async fn ten_thousand_notices_in_one_commit_are_at_most_five_messages_a_channel() {
    let mut house = House::new(1);
    let process = house.start();
    let mut batch: Vec<_> = (1..=10_000).map(|n| transition(n, "active")).collect();
    batch.extend((1..=30).map(|n| incident(n, "missing")));
    batch.push(notice(Class::ProviderChanged, 1, "take rate 10 %"));
    let mut call = notice(Class::CanonicalRollupChanged, 1, "version 5");
    call.message.content = Some(Text::plain("look"));
    call.message.mention_roles = vec![7];
    batch.push(call);
    let begin = tokio::time::Instant::now();
    process.owe(batch).await.unwrap();
    process.settle().await;
    assert!(begin.elapsed() < Duration::from_secs(10));
    let news = house.world.seen(NEWS);
    assert!(news.len() <= 5, "{}", news.len());
    let digest = &news[0];
    assert_eq!(digest.files[0].lines().count(), 10_001);
    assert_eq!(digest.message.table.as_ref().unwrap().lines().count(), 16);
    assert_eq!(digest.message.content, None, "transitions wake nobody");
    assert_eq!(
        house.world.seen(ALARMS).len(),
        2,
        "one table, one card that stands alone"
    );
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_table_carries_the_mention_once() {
    let mut house = House::new(1);
    let process = house.start();
    let mut batch: Vec<_> = (1..=30).map(|n| incident(n, "missing")).collect();
    for notice in &mut batch[3..9] {
        notice.message.content = Some(Text::plain("coinbase due"));
        notice.message.mention_roles = vec![7];
    }
    process.owe(batch).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].message.mention_roles, [7]);
    insta::assert_json_snapshot!(seen[0].message.content, @r##"
    [
      {
        "plain": "6 of these need attention; the first: "
      },
      {
        "plain": "coinbase due"
      }
    ]
    "##);
    insta::assert_snapshot!(seen[0].message.table.as_ref().unwrap().lines().take(4).collect::<Vec<_>>().join("\n"), @r##"
    attester  now
    0x0001    missing
    0x0002    missing
    0x0003    missing
    "##);
    process.end().await;
}

/// The reply that a rung of an incident's ladder is.
fn rung(subject: u64) -> Notice {
    let card = incident(subject, "missing");
    Notice {
        id: NoticeId::new(
            "main",
            &format!("0x{subject:04x}"),
            Class::CoinbaseMissing,
            1,
            "48h",
        ),
        message: Message {
            content: Some(Text::plain("48 h left")),
            mention_roles: vec![7],
            ..Message::default()
        },
        reply_to: Some(card.id.clone()),
        ..card
    }
}

/// With their rungs they are more messages than the limit; each keeps its card with its buttons, and its reply.
#[tokio::test(start_paused = true)]
async fn incidents_that_open_together_keep_their_cards() {
    let mut house = House::new(1);
    let process = house.start();
    let both = |n| [incident(n, "missing"), rung(n)];
    process.owe((1..=5).flat_map(both).collect()).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen.len(), 10);
    for pair in seen.chunks(2) {
        assert_eq!(pair[0].message.table, None);
        assert_eq!(pair[1].reply_to, Some(pair[0].id));
    }
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_is_no_row_beside_its_card() {
    let mut house = House::new(1);
    let process = house.start();
    let both = |n| [incident(n, "missing"), rung(n)];
    process
        .owe((1..=14).flat_map(both).collect())
        .await
        .unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen.len(), 1);
    let (card, table) = (&seen[0].message.cards[0], &seen[0].message.table);
    assert_eq!(card.title, Text::plain("14 × coinbase missing"));
    assert_eq!(table.as_ref().unwrap().lines().count(), 15);
    assert_eq!(seen[0].message.mention_roles, [7], "it wakes people once");
    insta::assert_json_snapshot!(card.body.last(), @r##"
    [
      {
        "plain": "The file has the same rows in full. It lists each reminder and reply too: 14."
      }
    ]
    "##);
    assert_eq!(seen[0].files[0].lines().count(), 29);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_outage_with_ten_thousand_notices_settles_in_five_messages() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_down = true);
    for n in 0..2_500_u64 {
        let batch = (1..=4).map(|k| transition(n * 4 + k, "active"));
        process.owe(batch.collect()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_440)).await;
    }
    house.world.set(|rules| rules.is_down = false);
    let begin = tokio::time::Instant::now();
    process.settle().await;
    assert!(begin.elapsed() < 2 * MINUTE, "{:?}", begin.elapsed());
    let news = house.world.seen(NEWS);
    assert!(news.len() <= DIGESTS_MAX + 1, "{}", news.len());
    let rows: usize = news
        .iter()
        .flat_map(|m| &m.files)
        .map(|file| file.lines().count() - 1)
        .sum();
    let cards = news
        .iter()
        .filter(|message| message.files.is_empty())
        .count();
    assert_eq!(rows + cards, 10_000);
    assert!(
        house.world.calls(Deed::Send) < 200,
        "an outage is not a reason to knock faster"
    );
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_few_messages_from_before_a_long_outage_are_told_one_by_one() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_down = true);
    for n in 1..=4 {
        process.owe(vec![transition(n, "active")]).await.unwrap();
    }
    tokio::time::sleep(30 * MINUTE).await;
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let titles: Vec<_> = house
        .world
        .seen(NEWS)
        .iter()
        .map(|m| m.message.cards[0].footer.clone())
        .collect();
    let owed: Vec<_> = (1..=4)
        .map(|n| id(Class::AttesterTransition, n).as_str().to_owned())
        .collect();
    assert_eq!(titles, owed);
    process.end().await;
}

/// What a table said of an incident is edited for as long as the incident lasts, and then forgotten as others are.
#[tokio::test(start_paused = true)]
async fn a_table_shows_what_becomes_of_its_incidents() {
    let mut house = House::new(1);
    let process = house.start();
    let all = (1..=30).map(|n| incident(n, "missing"));
    process.owe(all.collect()).await.unwrap();
    process.settle().await;
    tokio::time::sleep(Duration::from_hours(9 * 24)).await;
    let resolved = |n| {
        let mut over = incident(n, "missing");
        over.message.cards[0].severity = Severity::Resolved;
        over
    };
    process.owe(vec![resolved(30)]).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    let (card, table) = (&seen[0].message.cards[0], &seen[0].message.table);
    assert!(card.body.contains(&Text::plain("Resolved: 1")));
    insta::assert_snapshot!(table.as_ref().unwrap().lines().take(3).collect::<Vec<_>>().join("\n"), @r##"
             attester  now
    changed  0x001e    missing
             0x0001    missing
    "##);
    process.owe(vec![rung(1)]).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen[1].reply_to, Some(seen[0].id), "a rung has its table");

    process.owe((1..=29).map(resolved).collect()).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen[0].message.cards[0].severity, Severity::Resolved);
    tokio::time::sleep(Duration::from_hours(3 * 24)).await;
    assert_eq!(
        state_of(&process, Class::CoinbaseMissing, 1).await,
        "forgotten"
    );
    process.end().await;
}
