//! Cards of incidents, which must be seen: their mention, their buttons, their end.

use std::time::Duration;

use super::{
    house::{ALARMS, House, MINUTE, id, incident, state_of},
    world::Standing,
};
use crate::{
    alert::{
        card::{Attachment, Severity, Text},
        class::Class,
        notice::{Notice, NoticeId},
    },
    jobs::job::Action,
};

fn loud(subject: u64) -> Notice {
    let mut notice = incident(subject, "missing");
    notice.message.content = Some(Text::plain("look"));
    notice.message.mention_roles = vec![7];
    notice
}

/// A rung of an incident, as the judge has it: a reply with the row of its card.
fn rung(subject: u64) -> Notice {
    let card = incident(subject, "missing");
    let mut notice = loud(subject);
    notice.id = NoticeId::new("main", &format!("0x{subject:04x}"), card.class, 1, "7d");
    notice.message.cards.clear();
    notice.reply_to = Some(card.id);
    notice
}

fn over(subject: u64) -> Notice {
    let mut notice = incident(subject, "set");
    notice.message.cards[0].severity = Severity::Resolved;
    notice
}

fn wakes(standing: &Standing) -> bool {
    standing.message.content.is_some() && standing.message.mention_roles == [7]
}

#[tokio::test(start_paused = true)]
async fn newer_words_before_it_is_sent_take_no_mention_away() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_down = true);
    let mut first = loud(1);
    first.message.attachments = vec![Attachment {
        name: "all.csv".to_owned(),
        text: "attester".to_owned(),
    }];
    process.owe(vec![first, loud(2)]).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    let newer = incident(1, "missing, 6 h left");
    process.owe(vec![newer, over(2)]).await.unwrap();
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    let titles: Vec<_> = seen.iter().map(|one| &one.message.cards[0].title).collect();
    assert_eq!(
        titles,
        [&Text::plain("missing, 6 h left"), &Text::plain("set")]
    );
    assert!(wakes(&seen[0]), "{seen:#?}");
    assert_eq!(seen[0].files, ["attester"]);
    assert!(!wakes(&seen[1]), "what is over wakes nobody");
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_mention_outlives_a_digest_that_is_not_sent_yet() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_down = true);
    for subject in 1..=40 {
        process.owe(vec![loud(subject)]).await.unwrap();
    }
    tokio::time::sleep(20 * MINUTE).await;
    for subject in 1..=40 {
        process.owe(vec![incident(subject, "wrong")]).await.unwrap();
    }
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert!(seen.len() < 10, "they were merged");
    assert!(seen.iter().all(wakes), "{seen:#?}");
    process.end().await;
}

/// Three attesters inside the ladder: three cards with a rung each are six notices and no flood.
#[tokio::test(start_paused = true)]
async fn a_few_incidents_with_their_rungs_keep_their_cards() {
    let mut house = House::new(1);
    let process = house.start();
    let three = (1..=3).flat_map(|subject| [incident(subject, "missing"), rung(subject)]);
    process.owe(three.collect()).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen.len(), 6);
    assert!(seen.iter().all(|one| one.message.table.is_none()));
    assert_eq!(seen.iter().filter(|one| one.reply_to.is_some()).count(), 3);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn in_a_table_a_rung_is_no_row_beside_its_card() {
    let mut house = House::new(1);
    let process = house.start();
    let many = (1..=8).flat_map(|subject| [incident(subject, "missing"), rung(subject)]);
    process.owe(many.collect()).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen.len(), 1);
    assert_eq!(
        seen[0].message.cards[0].title,
        Text::plain("8 × coinbase missing")
    );
    assert_eq!(seen[0].files[0].lines().count(), 9);
    assert!(wakes(&seen[0]));
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_table_of_incidents_is_remembered_until_the_last_is_over() {
    let mut house = House::new(1);
    let process = house.start();
    let many = (1..=8).map(|subject| incident(subject, "missing"));
    process.owe(many.collect()).await.unwrap();
    process.settle().await;
    tokio::time::sleep(Duration::from_hours(10 * 24)).await;
    let owed = process.owe((1..=8).map(over).collect()).await.unwrap();
    assert_eq!((owed.messages, owed.revised), (0, 8));
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen[0].message.cards[0].severity, Severity::Resolved);
    assert!(seen[0].message.table.as_ref().unwrap().contains("set"));
    tokio::time::sleep(Duration::from_hours(10 * 24)).await;
    assert_eq!(
        state_of(&process, Class::CoinbaseMissing, 1).await,
        "forgotten"
    );
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_can_be_sent_again_as_long_as_its_job_is_shown() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.does_refuse = true);
    process.owe(vec![incident(1, "missing")]).await.unwrap();
    process.settle().await;
    assert_eq!(
        state_of(&process, Class::CoinbaseMissing, 1).await,
        "undeliverable"
    );
    house.world.set(|rules| rules.does_refuse = false);
    tokio::time::sleep(Duration::from_hours(60 * 24)).await;
    let job = {
        let state = process.writer.read().await;
        let telling = state.outbox.telling(&id(Class::CoinbaseMissing, 1));
        telling.unwrap().job
    };
    process.ask(job, Action::Retry).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(ALARMS).len(), 1);
    process.end().await;
}
