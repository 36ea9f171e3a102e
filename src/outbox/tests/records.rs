//! What is written down, how it looks on disk, and when it is forgotten.

use std::time::Duration;

use super::{
    house::{House, NEWS, Process, id, incident, state_of, transition},
    world::Fault,
};
use crate::{
    alert::{card::Severity, class::Class},
    jobs::{HasJobs, JobKind, attempt, job::Action},
    outbox::{CLOSED_MAX, Delivery, DeliveryId, REFUSED_MAX},
};

async fn one_sent(house: &mut House) -> Process {
    let process = house.start();
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    process
}

#[tokio::test(start_paused = true)]
async fn old_deliveries_are_forgotten_but_not_told_again() {
    let mut house = House::new(1);
    let process = house.start();
    let mut snoozed = incident(2, "missing");
    snoozed.message.cards[0].severity = Severity::Retracted;
    process
        .owe(vec![transition(1, "seen"), incident(1, "missing"), snoozed])
        .await
        .unwrap();
    process.settle().await;
    tokio::time::sleep(Duration::from_hours(10 * 24)).await;
    assert_eq!(
        state_of(&process, Class::AttesterTransition, 1).await,
        "forgotten"
    );
    for subject in [1, 2] {
        assert_eq!(
            state_of(&process, Class::CoinbaseMissing, subject).await,
            "sent"
        );
    }
    let owed = process.owe(vec![transition(1, "final")]).await.unwrap();
    assert_eq!((owed.messages, owed.unchanged), (0, 1));
    assert_eq!(
        process.writer.read().await.jobs().newest().count(),
        1,
        "numbers do not come back"
    );
    process.end().await;
}

/// The failed job is shown for 90 days, and what it would send is kept for as long, whatever else comes and goes.
#[tokio::test(start_paused = true)]
async fn a_refused_message_can_be_sent_again_while_its_job_is_shown() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_refusing = true);
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    house.world.set(|rules| rules.is_refusing = false);
    process.owe(vec![transition(2, "active")]).await.unwrap();
    process.settle().await;
    tokio::time::sleep(Duration::from_hours(6 * 24)).await;
    let sent = telling(&process, 2).await;
    process
        .change(|outbox, _, now_ms| {
            for other in copies(&sent, now_ms).take(CLOSED_MAX + 1) {
                outbox.put(other);
            }
            outbox.prune(now_ms);
        })
        .await;
    let class = Class::AttesterTransition;
    assert_eq!(state_of(&process, class, 2).await, "forgotten");
    tokio::time::sleep(Duration::from_hours(80 * 24)).await;
    assert_eq!(state_of(&process, class, 1).await, "undeliverable");
    let job = telling(&process, 1).await.job;
    process.ask(job, Action::Retry).await.unwrap();
    process.settle().await;
    assert_eq!(house.world.seen(NEWS).len(), 2);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_is_not_sent_again() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.is_refusing = true);
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    let refused = telling(&process, 1).await;
    process
        .change(|outbox, _, now_ms| {
            for other in copies(&refused, now_ms + 1).take(REFUSED_MAX) {
                outbox.put(other);
            }
            outbox.prune(now_ms);
        })
        .await;
    let error = process.ask(refused.job, Action::Retry).await.unwrap_err();
    insta::assert_snapshot!(crate::tasks::chain_of(&error), @"refused: the message of job 1 is forgotten, so there is nothing to send again; cancel the job to close it");
    process.ask(refused.job, Action::Cancel).await.unwrap();
    process.end().await;
}

async fn telling(process: &Process, subject: u64) -> Delivery {
    let state = process.writer.read().await;
    let id = id(Class::AttesterTransition, subject);
    state.outbox.telling(&id).unwrap().clone()
}

/// Deliveries that are like this one, and changed then.
fn copies(delivery: &Delivery, changed_at_ms: u64) -> impl Iterator<Item = Delivery> {
    let copy = move |generation| Delivery {
        id: DeliveryId::new("copy", delivery.channel, generation),
        changed_at_ms,
        ..delivery.clone()
    };
    (0..).map(copy)
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_in_the_ledger_before_and_after() {
    let mut house = House::new(1);
    let process = house.start();
    house.world.set(|rules| rules.faults.push(Fault::Panics));
    process.owe(vec![transition(1, "active")]).await.unwrap();
    process.settle().await;
    let job = process.writer.read().await.jobs.newest().next().unwrap().id;
    let attempts = attempt::of_job(&**process.writer.store(), job, 10).unwrap();
    let told: Vec<String> = attempts
        .iter()
        .map(|attempt| match &attempt.outcome {
            None => format!("{} begins", attempt.lease.attempt),
            Some(outcome) => format!(
                "{} {}: {}",
                attempt.lease.attempt, outcome.kind, outcome.detail
            ),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r##"
    1 begins
    1 later: the courier panicked: the courier stumbled
    2 begins
    2 done: message 1
    "##);
    process.end().await;
}

#[tokio::test(start_paused = true)]
async fn on_disk_a_job_looks_like_this() {
    let mut house = House::new(1);
    let process = one_sent(&mut house).await;
    let state = process.writer.read().await;
    let job = state.jobs.newest().next().unwrap();
    assert_eq!(job.kind, JobKind::Deliver);
    insta::assert_json_snapshot!(job, @r##"
    {
      "id": 1,
      "network": "main",
      "kind": "deliver",
      "key": "main/0x0001/attester_transition/1|10|0",
      "state": "done",
      "lane": {
        "send": 10
      },
      "priority": "normal",
      "order": 1,
      "available_at_ms": 1795219200000,
      "attempts": 1,
      "streak": 0,
      "faults": 0,
      "polls": 0,
      "evidence": "message 1",
      "created_at_ms": 1795219200000,
      "updated_at_ms": 1795219200150
    }
    "##);
}

#[tokio::test(start_paused = true)]
async fn on_disk_an_attempt_looks_like_this() {
    let mut house = House::new(1);
    let process = one_sent(&mut house).await;
    let job = process.writer.read().await.jobs.newest().next().unwrap().id;
    let attempts = attempt::of_job(&**process.writer.store(), job, 10).unwrap();
    insta::assert_json_snapshot!(attempts[1], @r##"
    {
      "job": 1,
      "lease": {
        "incarnation": 1,
        "attempt": 1,
        "phase": "process"
      },
      "at_ms": 1795219200150,
      "outcome": {
        "kind": "done",
        "detail": "message 1"
      }
    }
    "##);
}

#[tokio::test(start_paused = true)]
async fn on_disk_a_delivery_looks_like_this() {
    let mut house = House::new(1);
    let process = one_sent(&mut house).await;
    let state = process.writer.read().await;
    let delivery = state.outbox.deliveries().next().unwrap();
    insta::assert_json_snapshot!(delivery, @r##"
    {
      "id": "main/0x0001/attester_transition/1|10|0",
      "job": 1,
      "network": "main",
      "meaning": "main/0x0001/attester_transition/1",
      "channel": 10,
      "fallbacks": [
        20
      ],
      "generation": 0,
      "entries": [
        {
          "notice": "main/0x0001/attester_transition/1",
          "class": "attester_transition",
          "severity": "info",
          "at": 1795219200,
          "row": [
            [
              "attester",
              "0x0001"
            ],
            [
              "now",
              "active"
            ]
          ]
        }
      ],
      "is_group": false,
      "wanted": {
        "content": null,
        "cards": [
          {
            "severity": "info",
            "author": [
              {
                "plain": "main · provider 7"
              }
            ],
            "title": [
              {
                "plain": "active"
              }
            ],
            "body": [],
            "fields": [],
            "footer": "main/0x0001/attester_transition/1",
            "at": 1795219200,
            "buttons": []
          }
        ]
      },
      "posted": {
        "message": 1,
        "content_hash": "dbb42529fa8a31703b4152da122f7c70",
        "at_ms": 1795219200150
      },
      "state": "sent",
      "owed_at_ms": 1795219200000,
      "changed_at_ms": 1795219200150
    }
    "##);
}
