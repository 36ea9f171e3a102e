//! Interactions: what people may do, and how and when the bot may answer.

use std::time::Duration;

use fake::{Interaction, Spec};
use serde_json::{Value, json};

use crate::client::{Bot, GUILDS, Gateway, MESSAGES, Reply, bot};

/// A bot with one command that is connected.
async fn connected() -> (Bot, Gateway) {
    let bot = bot().await;
    let path = format!(
        "/applications/{}/guilds/{}/commands",
        Spec::APPLICATION,
        Spec::GUILD
    );
    let name = json!({ "type": 3, "name": "name", "description": "d", "required": true, "autocomplete": true });
    let list = json!({ "type": 1, "name": "list", "description": "d" });
    let show = json!({ "type": 1, "name": "show", "description": "d", "options": [name] });
    let set = json!([{ "name": "attester", "description": "d", "options": [show, list] }]);
    assert_eq!(bot.call("PUT", &path, set).await.status, 200);
    let (gateway, _) = bot.ready(GUILDS | MESSAGES).await;
    (bot, gateway)
}

struct Call {
    interaction: Interaction,
    event: Value,
}

async fn list(bot: &Bot, gateway: &mut Gateway) -> Call {
    let interaction = bot
        .fake
        .slash(Spec::ALICE, "attester list", &json!({}))
        .unwrap();
    Call {
        interaction,
        event: gateway.event("INTERACTION_CREATE").await,
    }
}

impl Call {
    fn token(&self) -> &str {
        self.event["token"].as_str().unwrap()
    }

    async fn answer(&self, bot: &Bot, body: Value) -> Reply {
        let id = self.event["id"].as_str().unwrap();
        bot.call(
            "POST",
            &format!("/interactions/{id}/{}/callback", self.token()),
            body,
        )
        .await
    }

    async fn webhook(&self, bot: &Bot, method: &str, rest: &str, body: Value) -> Reply {
        bot.call(
            method,
            &format!("/webhooks/{}/{}{rest}", Spec::APPLICATION, self.token()),
            body,
        )
        .await
    }
}

#[tokio::test]
async fn a_command_reaches_the_bot_with_its_options_and_its_answer_reaches_the_person() {
    let (bot, mut gateway) = connected().await;
    let interaction = bot
        .fake
        .slash(Spec::ALICE, "attester show", &json!({ "name": "0x1" }))
        .unwrap();
    let event = gateway.event("INTERACTION_CREATE").await;
    assert_eq!(event["data"]["options"][0]["options"][0]["value"], "0x1");
    assert_eq!(event["member"]["user"]["username"], "alice");
    let call = Call { interaction, event };
    assert_eq!(
        call.answer(&bot, json!({ "type": 4, "data": { "content": "here" } }))
            .await
            .status,
        204
    );
    assert_eq!(call.interaction.replies()[0].content, "here");
    assert_eq!(gateway.event("MESSAGE_CREATE").await["content"], "here");
    bot.assert_clean();
}

#[tokio::test]
async fn with_response_brings_the_message_back() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    let path = format!(
        "/interactions/{}/{}/callback?with_response=true",
        call.interaction.id,
        call.token()
    );
    let answer = bot
        .call(
            "POST",
            &path,
            json!({ "type": 4, "data": { "content": "here" } }),
        )
        .await;
    assert_eq!(
        (
            answer.status,
            &answer.body["resource"]["message"]["content"]
        ),
        (200, &json!("here"))
    );
    bot.assert_clean();
}

#[tokio::test]
async fn an_interaction_is_unknown_after_its_deadline() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    bot.fake.advance(Duration::from_millis(3100));
    assert_eq!(
        call.answer(&bot, json!({ "type": 5 })).await.refusal(),
        (404, 10062)
    );
    assert!(!call.interaction.record().unwrap().is_answered());
}

#[tokio::test]
async fn a_second_answer_is_refused() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    assert_eq!(call.answer(&bot, json!({ "type": 5 })).await.status, 204);
    assert_eq!(
        call.answer(&bot, json!({ "type": 5 })).await.refusal(),
        (400, 40060)
    );
}

#[tokio::test]
async fn a_command_cannot_be_answered_by_changing_a_message() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    assert_eq!(
        call.answer(&bot, json!({ "type": 7, "data": { "content": "x" } }))
            .await
            .refusal(),
        (400, 50035)
    );
}

#[tokio::test]
async fn a_deferred_ephemeral_answer_stays_private_and_a_later_followup_is_public() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    call.answer(&bot, json!({ "type": 5, "data": { "flags": 64 } }))
        .await;
    assert!(call.interaction.replies()[0].is_loading());
    assert_eq!(
        call.webhook(&bot, "POST", "", json!({ "content": "first" }))
            .await
            .status,
        200
    );
    assert_eq!(
        call.webhook(&bot, "POST", "", json!({ "content": "second" }))
            .await
            .status,
        200
    );
    let replies = call.interaction.replies();
    let seen: Vec<(&str, bool)> = replies
        .iter()
        .map(|reply| (reply.content.as_str(), reply.is_ephemeral()))
        .collect();
    assert_eq!(seen, [("first", true), ("second", false)]);
    assert_eq!(
        bot.fake.messages(Spec::CHANNEL).len(),
        1,
        "the private one is not in the channel"
    );
    bot.assert_clean();
}

#[tokio::test]
async fn the_original_answer_is_edited_read_and_deleted_by_its_name() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    call.answer(&bot, json!({ "type": 5 })).await;
    let edited = call
        .webhook(
            &bot,
            "PATCH",
            "/messages/@original",
            json!({ "content": "done" }),
        )
        .await;
    assert_eq!(edited.body["content"], "done");
    assert!(!call.interaction.replies()[0].is_loading());
    let read = call
        .webhook(&bot, "GET", "/messages/@original", Value::Null)
        .await;
    assert_eq!(read.id(), edited.id());
    assert_eq!(
        call.webhook(&bot, "DELETE", "/messages/@original", Value::Null)
            .await
            .status,
        204
    );
    assert_eq!(
        call.webhook(&bot, "GET", "/messages/@original", Value::Null)
            .await
            .refusal(),
        (404, 10008)
    );
    bot.assert_clean();
}

#[tokio::test]
async fn a_token_dies_after_fifteen_minutes() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    call.answer(&bot, json!({ "type": 5 })).await;
    bot.fake.advance(Duration::from_secs(15 * 60 + 1));
    assert_eq!(
        call.webhook(
            &bot,
            "PATCH",
            "/messages/@original",
            json!({ "content": "x" })
        )
        .await
        .refusal(),
        (401, 50027)
    );
}

#[tokio::test]
async fn a_pressed_button_may_change_its_message_and_only_its_reader_may_press() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    let button = json!({ "type": 2, "style": 1, "label": "Ack", "custom_id": "v1:ack:7" });
    let data = json!({ "content": "card", "flags": 64, "components": [{ "type": 1, "components": [button] }] });
    assert_eq!(
        call.answer(&bot, json!({ "type": 4, "data": data }))
            .await
            .status,
        204
    );
    let message = call.interaction.replies()[0].id;
    assert!(bot.fake.press(Spec::BOB, message, "v1:ack:7").is_err());
    assert!(bot.fake.press(Spec::ALICE, message, "v1:other").is_err());
    let interaction = bot.fake.press(Spec::ALICE, message, "v1:ack:7").unwrap();
    let event = gateway.event("INTERACTION_CREATE").await;
    assert_eq!(
        (&event["type"], &event["message"]["content"]),
        (&json!(3), &json!("card"))
    );
    let press = Call { interaction, event };
    let update = json!({ "type": 7, "data": { "content": "acked", "components": [] } });
    assert_eq!(press.answer(&bot, update).await.status, 204);
    let message = bot.fake.message(message).unwrap();
    assert_eq!(
        (
            message.content.as_str(),
            message.components.len(),
            message.is_ephemeral()
        ),
        ("acked", 0, true)
    );
    bot.assert_clean();
}

#[tokio::test]
async fn a_modal_is_shown_and_submitted_with_its_fields() {
    let (bot, mut gateway) = connected().await;
    let call = list(&bot, &mut gateway).await;
    let input = json!({ "type": 4, "custom_id": "note", "label": "Note", "style": 1 });
    let modal = json!({ "custom_id": "m", "title": "Note", "components": [{ "type": 1, "components": [input] }] });
    assert_eq!(
        call.answer(&bot, json!({ "type": 9, "data": modal }))
            .await
            .status,
        204
    );
    assert!(
        bot.fake
            .modal(Spec::ALICE, call.interaction.id, &json!({}))
            .is_err(),
        "the field is required"
    );
    let interaction = bot
        .fake
        .modal(
            Spec::ALICE,
            call.interaction.id,
            &json!({ "note": "hello" }),
        )
        .unwrap();
    let event = gateway.event("INTERACTION_CREATE").await;
    assert_eq!(
        event["data"]["components"][0]["components"][0]["value"],
        "hello"
    );
    let submitted = Call { interaction, event };
    assert_eq!(
        submitted
            .answer(&bot, json!({ "type": 9, "data": modal }))
            .await
            .refusal(),
        (400, 50035)
    );
    assert_eq!(
        submitted
            .answer(&bot, json!({ "type": 4, "data": { "content": "ok" } }))
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn autocomplete_gives_choices_and_no_more_than_25() {
    let (bot, mut gateway) = connected().await;
    for (count, status) in [(25, 204), (26, 400)] {
        let interaction = bot
            .fake
            .autocomplete(
                Spec::ALICE,
                "attester show",
                &json!({ "name": "0" }),
                "name",
            )
            .unwrap();
        let event = gateway.event("INTERACTION_CREATE").await;
        assert_eq!(event["data"]["options"][0]["options"][0]["focused"], true);
        let call = Call { interaction, event };
        let choices: Vec<Value> = (0..count)
            .map(|n| json!({ "name": n.to_string(), "value": n.to_string() }))
            .collect();
        assert_eq!(
            call.answer(&bot, json!({ "type": 8, "data": { "choices": choices } }))
                .await
                .status,
            status
        );
        assert_eq!(
            call.interaction.record().unwrap().choices.is_some(),
            status == 204
        );
    }
}

#[tokio::test]
async fn what_discords_client_would_not_send_is_refused_to_the_test() {
    let (bot, _gateway) = connected().await;
    for (command, options) in [
        ("unknown", json!({})),
        ("attester", json!({})),
        ("attester gone", json!({})),
        ("attester show", json!({})),
        ("attester show", json!({ "name": 5 })),
        ("attester show", json!({ "name": "a", "other": 1 })),
    ] {
        assert!(
            bot.fake.slash(Spec::ALICE, command, &options).is_err(),
            "{command} {options}"
        );
    }
}
