//! People: commands, buttons, permissions, and what is said when something fails.

use fake::{Fault, Message, Snowflake, Spec};
use serde_json::{Value, json};
use steward::{
    alert::card::{Button, ButtonAction},
    outbox::courier::Courier as _,
};
use steward_commands::slash;

use crate::{
    bot::{Bot, PATIENCE, connected},
    world::{courier, message, parcel},
};

/// Sends a card with these buttons.
async fn card_with(bot: &Bot, actions: Vec<ButtonAction>) -> Snowflake {
    let mut message = message();
    let button = |action| Button {
        label: "Press".to_owned(),
        action,
    };
    message.cards[0].buttons = actions.into_iter().map(button).collect();
    let receipt = courier(&bot.fake)
        .send(&parcel(
            &format!("card{}", bot.fake.requests().len()),
            message,
        ))
        .await
        .unwrap();
    Snowflake(receipt.message.0)
}

/// Sends what an older version may have sent.
async fn raw_button(bot: &Bot, custom_id: &str) -> Snowflake {
    let body = json!({ "content": "old", "components": [{ "type": 1, "components": [{ "type": 2, "style": 2, "label": "x", "custom_id": custom_id }] }] });
    let http = crate::world::connection(&bot.fake).client().unwrap();
    let url = format!(
        "{}/api/v10/channels/{}/messages",
        bot.fake.url(),
        Spec::CHANNEL
    );
    let request = http
        .post(url)
        .header("authorization", format!("Bot {}", Spec::TOKEN));
    let answer = request.json(&body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    Snowflake(answer["id"].as_str().unwrap().parse().unwrap())
}

async fn press(bot: &Bot, user: Snowflake, message: Snowflake, custom_id: &str) -> Message {
    let pressed = bot.fake.press(user, message, custom_id).unwrap();
    let reply = pressed.reply(PATIENCE).await.unwrap();
    assert_eq!(
        reply.ephemeral_to,
        Some(user),
        "every answer is for the asker only"
    );
    reply
}

async fn ask(bot: &Bot, user: Snowflake, command: &str) -> Message {
    let asked = bot.fake.slash(user, command, &json!({})).unwrap();
    let reply = asked.reply(PATIENCE).await.unwrap();
    assert_eq!(
        reply.ephemeral_to,
        Some(user),
        "every answer is for the asker only"
    );
    reply
}

#[test]
fn these_commands_are_registered() {
    let commands = poise::builtins::create_application_commands(&slash::commands());
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_json_snapshot!("registered-commands", commands);
    });
}

#[tokio::test]
async fn help_names_every_command() {
    let bot = connected().await;
    let reply = ask(&bot, Spec::BOB, "help").await;
    for command in slash::commands() {
        let parts: Vec<String> = command
            .subcommands
            .iter()
            .map(|part| format!("/{} {}", command.name, part.name))
            .collect();
        let names = if parts.is_empty() {
            vec![format!("/{}", command.name)]
        } else {
            parts
        };
        for name in names {
            assert!(reply.text().contains(&format!("`{name}`")), "{name}");
        }
    }
    insta::assert_snapshot!(reply.text(), @r#"
🔵 What steward can be asked
`/status` How steward fares: heads, coverage, endpoints, Discord, work, counts per state
`/attester show` Shows one attester: state, queue, registration, coinbase
`/attester list` Lists the provider's attesters, in pages
`/attester history` Shows what happened to an attester
`/attester why` Explains the state of an attester: the rule, its inputs, the events behind them
`/queue` Entry queues: ours with position and forecast, and everybody's length
steward 0.1.0
🔵 What steward can be asked
`/coinbase missing` Lists attesters whose coinbase is missing, different or disputed, the most urgent first
`/coinbase show` Shows the coinbase of one attester: expected, configured, deadline
`/provider` The provider: configuration, queue, keys left
`/incident list` Lists incidents, newest first
`/incident show` Shows one incident as its card tells it, with what happened to it
`/incident ack` Says that somebody takes care of an incident
`/incident snooze` Makes an incident silent for a while
steward 0.1.0
🔵 What steward can be asked
`/incident note` Writes a line under an incident
`/job list` Lists jobs, newest first
`/job show` Shows one job with its attempts
`/job retry` Has a job done again, after looking whether it was done
`/job verify` Looks whether a job was done, and does nothing else
`/job cancel` Gives a job up
`/alert test` Sends a test card to the alerts channel, the way an alert goes
`/help` Lists everything that can be asked here
steward 0.1.0
"#);
    assert_eq!(bot.fake.violations(), []);
}

#[tokio::test]
async fn an_operator_acts_by_button_and_is_answered_privately() {
    let bot = connected().await;
    let incident = "mainnet/0x12/coinbase_missing/1".to_owned();
    let message = card_with(
        &bot,
        vec![
            ButtonAction::Acknowledge {
                incident: incident.clone(),
            },
            ButtonAction::Snooze {
                incident: incident.clone(),
                seconds: Some(3600),
            },
            ButtonAction::Snooze {
                incident: incident.clone(),
                seconds: None,
            },
            ButtonAction::Why {
                subject: incident.clone(),
            },
        ],
    )
    .await;
    for id in ["ack", "snooze:3600", "snooze:change", "why"] {
        let reply = press(&bot, Spec::ALICE, message, &format!("v1:{id}:{incident}")).await;
        assert!(
            reply.text().contains("There is no incident"),
            "{}",
            reply.text()
        );
    }
    let orders = bot.desk.orders.lock().unwrap().clone();
    insta::assert_json_snapshot!(orders, @r#"
[
  {
    "by": "alice",
    "order": {
      "kind": "acknowledge_incident",
      "incident": "mainnet/0x12/coinbase_missing/1"
    }
  },
  {
    "by": "alice",
    "order": {
      "kind": "snooze_incident",
      "incident": "mainnet/0x12/coinbase_missing/1",
      "seconds": 3600
    }
  },
  {
    "by": "alice",
    "order": {
      "kind": "snooze_incident",
      "incident": "mainnet/0x12/coinbase_missing/1",
      "seconds": null
    }
  }
]
"#);
    assert_eq!(bot.fake.violations(), []);
}

#[tokio::test]
async fn who_may_not_act_is_refused_and_the_desk_never_hears_of_it() {
    let bot = connected().await;
    let message = card_with(
        &bot,
        vec![ButtonAction::Acknowledge {
            incident: "i".to_owned(),
        }],
    )
    .await;
    let reply = press(&bot, Spec::BOB, message, "v1:ack:i").await;
    insta::assert_snapshot!(reply.text(), @r#"
This needs the rank of operator.
Your roles give you the rank of viewer.
Ask an administrator of this server for a role that is configured for it.
"#);
    let reply = ask(&bot, Spec::BOB, "alert test").await;
    assert!(reply.text().contains("operator"), "{}", reply.text());
    assert_eq!(bot.desk.orders.lock().unwrap().len(), 0);
    bot.fake.set_roles(Spec::ALICE, &[]);
    press(&bot, Spec::ALICE, message, "v1:ack:i").await;
    assert_eq!(
        bot.desk.orders.lock().unwrap().len(),
        0,
        "a role that was taken away counts no more"
    );
    press(&bot, Spec::OWNER, message, "v1:ack:i").await;
    assert_eq!(
        bot.desk.orders.lock().unwrap().len(),
        1,
        "administrators are admins"
    );
}

#[tokio::test]
async fn a_button_of_another_version_is_answered_as_expired() {
    let bot = connected().await;
    for custom_id in ["v0:ack:x", "page:next", "v1:dance:x"] {
        let message = raw_button(&bot, custom_id).await;
        let reply = press(&bot, Spec::ALICE, message, custom_id).await;
        assert!(reply.text().contains("expired"), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_fault_of_ours_shows_a_reference_and_no_internals() {
    let bot = connected().await;
    for subject in ["fault", "panic"] {
        let message = card_with(
            &bot,
            vec![ButtonAction::Why {
                subject: subject.to_owned(),
            }],
        )
        .await;
        subject.clone_into(&mut bot.desk.mood.lock().unwrap());
        let reply = press(&bot, Spec::ALICE, message, &format!("v1:why:{subject}")).await;
        assert!(
            reply.text().contains("The fault is ours"),
            "{}",
            reply.text()
        );
        assert!(!reply.text().contains("/var/lib"), "{}", reply.text());
        bot.fake.delete_message(message);
        let reply = ask(&bot, Spec::ALICE, "alert test").await;
        assert!(
            reply.text().contains("The fault is ours"),
            "{}",
            reply.text()
        );
        assert!(!reply.text().contains("/var/lib"), "{}", reply.text());
    }
    bot.assert_answers().await;
}

#[tokio::test]
async fn a_promise_that_is_not_taken_is_not_repeated() {
    let bot = connected().await;
    let message = card_with(
        &bot,
        vec![ButtonAction::Why {
            subject: "i".to_owned(),
        }],
    )
    .await;
    fake_refuses_callbacks(&bot);
    bot.fake.press(Spec::ALICE, message, "v1:why:i").unwrap();
    let callbacks = |fake: &fake::Fake| fake.requests_of("POST", "/callback").len() == 1;
    bot.fake.wait(PATIENCE, callbacks).await.unwrap();
    bot.assert_answers().await;
    assert_eq!(bot.desk.orders.lock().unwrap().len(), 0);
}

fn fake_refuses_callbacks(bot: &Bot) {
    let unknown = json!({ "message": "Unknown interaction", "code": 10062 });
    bot.fake.fault(
        Fault::on("POST", "/callback$")
            .unwrap()
            .answer(404, &[], unknown),
    );
}
