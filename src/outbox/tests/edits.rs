//! Edits: newest content, patience, and messages that people deleted.

use std::time::Duration;

use super::{
    house::{ALARMS, House, MINUTE, NEWS, incident, state_of, transition},
    machine::Deed,
    world::Fault,
};
use crate::{
    alert::{
        card::{Attachment, Severity, Span, Text},
        class::Class,
        notice::Notice,
    },
    outbox::{BADGE_EDITED_FOR, courier::Courier},
};

#[tokio::test(start_paused = true)]
async fn a_message_that_came_back_different_is_edited() {
    let mut house = House::new(1);
    let process = house.start();
    house
        .world
        .set(|rules| rules.faults.push(Fault::Unfaithful));
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(NEWS);
    assert_eq!((seen.len(), seen[0].edits), (1, 1));
    assert_eq!(seen[0].message.cards.len(), 1);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn edits_come_down_to_the_newest_content_and_never_hold_up_news() {
    let mut house = House::new(1);
    let process = house.start();
    process
        .owe(vec![transition(1, "seen"), transition(2, "seen")])
        .await
        .unwrap();
    process.settle().await;
    for n in 0..20 {
        process
            .owe(vec![
                transition(1, &format!("version {n}")),
                transition(2, "final"),
            ])
            .await
            .unwrap();
    }
    process.owe(vec![transition(3, "active")]).await.unwrap();
    let begin = tokio::time::Instant::now();
    while house.world.seen(NEWS).len() < 3 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(
        begin.elapsed() < Duration::from_millis(400),
        "one request is under way at most"
    );
    process.settle().await;
    let seen = house.world.seen(NEWS);
    assert_eq!(
        seen[0].message.cards[0].title.0,
        [Span::Plain("version 19".to_owned())]
    );
    assert!(seen[0].edits <= 2, "{}", seen[0].edits);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_badge_on_an_old_message_is_given_up_and_an_incident_is_not() {
    let mut house = House::new(1);
    let process = house.start();
    process
        .owe(vec![transition(1, "seen"), incident(1, "missing")])
        .await
        .unwrap();
    process.settle().await;
    house
        .world
        .set(|rules| rules.editable_for = Some(60 * MINUTE));
    tokio::time::sleep(90 * MINUTE).await;
    process
        .owe(vec![transition(1, "final"), incident(1, "set")])
        .await
        .unwrap();
    for n in 0..30 {
        tokio::time::sleep(5 * MINUTE).await;
        let begin = tokio::time::Instant::now();
        process
            .owe(vec![transition(100 + n, "active")])
            .await
            .unwrap();
        let seen = house.world.seen(NEWS).len();
        while house.world.seen(NEWS).len() == seen {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(1),
            "news wait for no edit"
        );
    }
    assert!(150 * MINUTE > BADGE_EDITED_FOR);
    let live: Vec<_> = {
        let state = process.writer.read().await;
        let live = state.jobs.newest().filter(|job| job.state.is_live());
        live.map(|job| (job.kind, job.key.clone())).collect()
    };
    assert_eq!(live.len(), 1, "{live:?}");
    assert!(live[0].1.contains("coinbase_missing"));
    assert!(
        house.world.calls(Deed::Edit) < 120,
        "{}",
        house.world.calls(Deed::Edit)
    );
    house.world.set(|rules| rules.editable_for = None);
    process.settle().await;
    assert_eq!(house.world.seen(ALARMS)[0].edits, 1);
    assert_eq!(house.world.seen(NEWS)[0].edits, 0);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_deleted_message_stays_deleted_but_an_open_incident_stands_again_once() {
    let mut house = House::new(1);
    let process = house.start();
    let mut loud = incident(1, "missing");
    loud.message.mention_roles = vec![7];
    process
        .owe(vec![transition(1, "seen"), loud])
        .await
        .unwrap();
    process.settle().await;
    for _ in 0..2 {
        for channel in [NEWS, ALARMS] {
            for message in house.world.seen(channel) {
                house
                    .world
                    .delete(message.channel, message.id)
                    .await
                    .unwrap();
            }
        }
        let text = format!("{:?}", tokio::time::Instant::now());
        process
            .owe(vec![transition(1, &text), incident(1, &text)])
            .await
            .unwrap();
        process.settle().await;
        assert_eq!(house.world.seen(NEWS).len(), 0);
        assert!(
            house
                .world
                .seen(ALARMS)
                .iter()
                .all(|m| m.message.mention_roles.is_empty())
        );
    }
    assert_eq!(house.world.seen(ALARMS).len(), 0, "people deleted it twice");
    assert_eq!(house.world.calls(Deed::Send), 3);
    assert_eq!(state_of(&process, Class::CoinbaseMissing, 1).await, "gone");
    process.end().await;
}

/// An incident that wakes people with its card, as a group does: with a file.
fn loud(subject: u64) -> Notice {
    let mut loud = incident(subject, "missing");
    loud.message.content = Some(Text::plain("look"));
    loud.message.mention_roles = vec![7];
    loud.message.attachments = vec![Attachment {
        name: "all.csv".to_owned(),
        text: "attester".to_owned(),
    }];
    loud
}

/// Discord is away while an incident opens and changes: the change is owed as an edit, which wakes nobody by itself.
#[tokio::test(start_paused = true)]
async fn an_incident_that_changes_before_it_is_sent_wakes_people_all_the_same() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_down = true);
    process.owe(vec![loud(1), loud(2)]).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    let mut over = incident(2, "set");
    over.message.cards[0].severity = Severity::Resolved;
    process
        .owe(vec![incident(1, "missing, 3 votes"), over])
        .await
        .unwrap();
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    let title = Span::Plain("missing, 3 votes".to_owned());
    assert_eq!(seen[0].message.cards[0].title.0, [title]);
    assert_eq!(seen[0].message.content, Some(Text::plain("look")));
    assert_eq!(seen[0].message.mention_roles, [7]);
    assert_eq!(seen[0].files, ["attester"]);
    let roles = &seen[1].message.mention_roles;
    assert!(roles.is_empty(), "nobody is woken for what is over");

    process.owe(vec![incident(1, "4 votes")]).await.unwrap();
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert!(
        seen[0].message.mention_roles.is_empty(),
        "an edit is no news"
    );
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_row_that_changes_before_its_table_is_sent_wakes_people_all_the_same() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_down = true);
    process.owe((1..=30).map(loud).collect()).await.unwrap();
    tokio::time::sleep(MINUTE).await;
    process
        .owe((1..=30).map(|n| incident(n, "due")).collect())
        .await
        .unwrap();
    house.world.set(|rules| rules.is_down = false);
    process.settle().await;
    let seen = house.world.seen(ALARMS);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].message.mention_roles, [7]);
    assert!(seen[0].message.content.is_some());
    process.end().await;
}
