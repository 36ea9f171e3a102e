//! Questions and orders over a service: each command, each rank, and the card that an order edits.

use std::{sync::Arc, time::Duration};

use fake::{Message, Snowflake, Spec};
use serde_json::{Value, json};
use steward::{api::control::Order, store::memory::MemoryStore};
use steward_commands::discord::gateway::GatewayState;

use crate::{
    bot::{Bot, PATIENCE, quick, start_on, timing},
    house::{self, QUEUED, attester, incident},
    world::connection,
};

/// Discord voids an interaction that has no first answer after this long.
const DEADLINE: Duration = Duration::from_secs(3);

/// A connected bot over a filled service whose outbox is at work.
pub(crate) async fn lived_in() -> Bot {
    let fake = quick().await;
    let service = house::service(&fake);
    house::fill(&service).await;
    let mut bot = start_on(&fake, service, connection(&fake), Arc::default(), timing());
    house::deliver(&bot.desk.service, &bot.fake, &bot.token);
    bot.until(GatewayState::Connected).await;
    bot
}

pub(crate) async fn ask(bot: &Bot, user: Snowflake, command: &str, options: &Value) -> Message {
    let asked = bot.fake.slash(user, command, options).unwrap();
    asked.answered(DEADLINE).await.unwrap();
    let reply = asked.reply(PATIENCE).await.unwrap();
    assert_eq!(
        reply.ephemeral_to,
        Some(user),
        "{command} is for the asker only"
    );
    reply
}

/// The card of the incident, once it stands in the channel.
async fn card_of_incident(bot: &Bot) -> Message {
    let found = bot.fake.wait_for(PATIENCE, |fake| {
        let mut messages = fake.messages(Spec::CHANNEL).into_iter();
        messages.find(|message| message.text().contains("Coinbase missing"))
    });
    found.await.unwrap()
}

#[tokio::test]
async fn every_question_is_answered_in_time() {
    let bot = lived_in().await;
    let one = attester(1).to_string();
    let of_one = json!({ "attester": one });
    let cases = [
        ("status", json!({}), "steward"),
        ("attester show", of_one.clone(), "ENTRY"),
        ("attester list", json!({}), "40 attesters"),
        (
            "attester list",
            json!({ "host": "fra-2" }),
            "20 attesters on host fra-2",
        ),
        ("attester history", of_one.clone(), "Nothing was seen"),
        ("attester why", of_one.clone(), "Rule"),
        ("queue", json!({ "network": "mainnet" }), "40 of 40"),
        ("coinbase missing", json!({}), "1 coinbase is wrong"),
        ("coinbase show", of_one, "is missing"),
        ("provider", json!({}), "No key is left"),
        ("incident list", json!({}), "Coinbase missing"),
        (
            "incident show",
            json!({ "incident": incident() }),
            "Coinbase missing",
        ),
        ("job list", json!({}), "deliver"),
        ("job show", json!({ "job": 1 }), "Job 1"),
        ("help", json!({}), "/incident snooze"),
    ];
    for (command, options, expected) in cases {
        let reply = ask(&bot, Spec::BOB, command, &options).await;
        assert!(
            reply.text().contains(expected),
            "{command}: {}",
            reply.text()
        );
    }
    assert_eq!(bot.fake.violations(), []);
}

#[tokio::test]
async fn an_unknown_attester_is_refused_with_a_next_step() {
    let bot = lived_in().await;
    let options = json!({ "attester": "0x9999999999999999999999999999999999999999" });
    let reply = ask(&bot, Spec::BOB, "attester show", &options).await;
    insta::assert_snapshot!(reply.text(), @r#"
There is no attester "0x9999999999999999999999999999999999999999".
No event of the watched contracts and no keys file names it.
See /attester list; check the network and the provider.
"#);
    let options = json!({ "network": "testnet" });
    let reply = ask(&bot, Spec::BOB, "status", &options).await;
    insta::assert_snapshot!(reply.text(), @r#"
There is no network "testnet".
This service watches mainnet.
Name one of: mainnet.
"#);
}

#[tokio::test]
async fn each_rank_may_do_its_part_and_no_more() {
    let bot = lived_in().await;
    // As people type it: the five signs of the card, and a part of the id that only one has.
    let of = json!({ "incident": "W2XTT" });
    let snooze = json!({ "incident": incident(), "for": 0 });
    let note = json!({ "incident": "0x0101", "text": "the host is being moved" });
    let job = json!({ "job": 1, "reason": "wanted" });
    let acts = [
        ("incident ack", of),
        ("incident snooze", snooze),
        ("incident note", note),
    ];
    let jobs = [("job retry", job.clone()), ("job cancel", job)];
    for (command, options) in acts.iter().chain(&jobs) {
        let reply = ask(&bot, Spec::BOB, command, options).await;
        assert!(reply.text().contains("needs the rank"), "{}", reply.text());
    }
    for (command, options) in &jobs {
        let reply = ask(&bot, Spec::ALICE, command, options).await;
        assert!(reply.text().contains("rank of admin"), "{}", reply.text());
    }
    assert_eq!(
        bot.desk.orders.lock().unwrap().len(),
        0,
        "refused before it is heard"
    );
    for (command, options) in &acts {
        let reply = ask(&bot, Spec::ALICE, command, options).await;
        assert!(reply.text().contains("Done"), "{command}: {}", reply.text());
    }
    for (command, options) in &jobs {
        ask(&bot, Spec::OWNER, command, options).await;
    }
    let orders: Vec<Order> = bot
        .desk
        .orders
        .lock()
        .unwrap()
        .iter()
        .map(|of| of.order.clone())
        .collect();
    insta::assert_json_snapshot!(orders, @r#"
[
  {
    "kind": "acknowledge_incident",
    "incident": "W2XTT"
  },
  {
    "kind": "snooze_incident",
    "incident": "mainnet/0x0101010101010101010101010101010101010101/coinbase_missing/1",
    "seconds": 3600
  },
  {
    "kind": "note_incident",
    "incident": "0x0101",
    "text": "the host is being moved"
  },
  {
    "kind": "retry_job",
    "job": 1,
    "reason": "wanted"
  },
  {
    "kind": "cancel_job",
    "job": 1,
    "reason": "wanted"
  }
]
"#);
    assert_eq!(bot.fake.violations(), []);
}

#[tokio::test]
async fn a_pressed_acknowledge_edits_the_card_through_the_outbox() {
    let bot = lived_in().await;
    let card = card_of_incident(&bot).await;
    let button = format!("v1:ack:{}", incident());
    let pressed = bot.fake.press(Spec::ALICE, card.id, &button).unwrap();
    let reply = pressed.reply(PATIENCE).await.unwrap();
    assert!(reply.text().contains("acknowledged"), "{}", reply.text());
    let is_edited = |fake: &fake::Fake| {
        let message = fake.message(card.id);
        message.is_some_and(|message| message.text().contains("acknowledged by alice"))
    };
    bot.fake.wait(PATIENCE, is_edited).await.unwrap();
    assert_eq!(bot.fake.violations(), []);
}

#[tokio::test]
async fn buttons_work_after_a_restart_on_the_same_store() {
    let fake = quick().await;
    let store = Arc::new(MemoryStore::new());
    let first = house::on(&fake, Arc::clone(&store) as _);
    house::fill(&first).await;
    let mut bot = start_on(&fake, first, connection(&fake), Arc::default(), timing());
    house::deliver(&bot.desk.service, &bot.fake, &bot.token);
    bot.until(GatewayState::Connected).await;
    let card = card_of_incident(&bot).await;
    bot.end().await.unwrap();
    let second = house::on(&fake, Arc::new(MemoryStore::on(store.disk())));
    let mut bot = start_on(&fake, second, connection(&fake), Arc::default(), timing());
    bot.until(GatewayState::Connected).await;
    let why = format!("v1:why:{}", incident());
    let pressed = bot.fake.press(Spec::BOB, card.id, &why).unwrap();
    let reply = pressed.reply(PATIENCE).await.unwrap();
    assert!(reply.text().contains("What happened"), "{}", reply.text());
    assert_eq!(reply.attachments.len(), 1);
    let snooze = format!("v1:snooze:3600:{}", incident());
    let pressed = bot.fake.press(Spec::ALICE, card.id, &snooze).unwrap();
    let reply = pressed.reply(PATIENCE).await.unwrap();
    assert!(reply.text().contains("snoozed"), "{}", reply.text());
}

/// Goal: pages of a long list, by stateless buttons. Method: the next page is pressed until there is none; each takes
/// the place of the one before, and every attester was shown.
#[tokio::test]
async fn a_long_list_has_pages_that_take_each_others_place() {
    let bot = lived_in().await;
    let reply = ask(&bot, Spec::BOB, "attester list", &json!({})).await;
    let mut message = reply.id;
    let mut text = reply.text();
    let mut pages = 1;
    while let Some(next) = button_of(&bot, message, "Next page") {
        let before = text.clone();
        bot.fake.press(Spec::BOB, message, &next).unwrap();
        let is_other = |fake: &fake::Fake| {
            let message = fake.message(message)?;
            (message.text() != before).then(|| message.text())
        };
        text = bot.fake.wait_for(PATIENCE, is_other).await.unwrap();
        message = bot.fake.message(message).unwrap().id;
        pages += 1;
    }
    assert_eq!(pages, usize::from(QUEUED).div_ceil(15));
    assert!(text.contains("10 of 40 are shown"), "{text}");
    assert!(button_of(&bot, message, "First page").is_some());
    assert_eq!(bot.fake.violations(), []);
}

fn button_of(bot: &Bot, message: Snowflake, label: &str) -> Option<String> {
    let message = bot.fake.message(message).unwrap();
    let buttons = message
        .components
        .iter()
        .flat_map(|row| row["components"].as_array().cloned().unwrap_or_default());
    let mut buttons = buttons.filter(|button| button["label"] == label);
    buttons
        .next()
        .and_then(|button| button["custom_id"].as_str().map(str::to_owned))
}

#[tokio::test]
async fn options_complete_while_somebody_types() {
    let bot = lived_in().await;
    let cases = [
        ("attester show", json!({ "attester": "0x0101" }), "attester"),
        ("attester list", json!({ "host": "fra" }), "host"),
        ("incident ack", json!({ "incident": "coinb" }), "incident"),
        ("status", json!({ "network": "m" }), "network"),
    ];
    let mut values = Vec::new();
    for (command, options, focused) in cases {
        let typed = bot
            .fake
            .autocomplete(Spec::BOB, command, &options, focused)
            .unwrap();
        let choices = typed.choices(DEADLINE).await.unwrap();
        values.push(choices);
    }
    insta::assert_json_snapshot!(values, @r#"
    [
      [
        {
          "name": "0x0101…0101 · ROLLUP_ENTRY_QUEUE",
          "value": "0x0101010101010101010101010101010101010101"
        }
      ],
      [
        {
          "name": "fra-1",
          "value": "fra-1"
        },
        {
          "name": "fra-2",
          "value": "fra-2"
        }
      ],
      [
        {
          "name": "w2xtt · Coinbase missing for attester 0x0101…0101",
          "value": "mainnet/0x0101010101010101010101010101010101010101/coinbase_missing/1"
        }
      ],
      [
        {
          "name": "mainnet",
          "value": "mainnet"
        }
      ]
    ]
    "#);
    assert_eq!(bot.fake.violations(), []);
}

#[tokio::test]
async fn a_test_alert_goes_through_the_whole_path() {
    let bot = lived_in().await;
    let reply = ask(&bot, Spec::ALICE, "alert test", &json!({})).await;
    assert!(reply.text().contains("on its way"), "{}", reply.text());
    let is_there = |fake: &fake::Fake| {
        let messages = fake.messages(Spec::CHANNEL);
        messages
            .iter()
            .any(|message| message.text().contains("alice"))
    };
    bot.fake.wait(PATIENCE, is_there).await.unwrap();
}
