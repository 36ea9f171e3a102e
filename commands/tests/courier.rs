//! The courier against Discord's rules and Discord's faults.

mod limits;

use std::time::Duration;

use fake::{Fault, Spec, permission};
use serde_json::json;
use steward::{
    alert::card::{Attachment, Message, Text},
    outbox::courier::{ChannelId, Courier as _, CourierError, Found, MessageId},
};

use crate::world::{CHANNEL, courier, message, parcel, unlimited};

fn is_later(error: &CourierError) -> bool {
    matches!(
        error,
        CourierError::Later {
            is_rate_limit: false,
            ..
        }
    )
}

fn waits(error: &CourierError) -> Option<Duration> {
    match error {
        CourierError::Later {
            retry_after,
            is_rate_limit: true,
            ..
        } => *retry_after,
        _ => None,
    }
}

/// A card with this id in its footer.
fn named(id: &str) -> Message {
    let mut message = message();
    message.cards[0].footer = format!("{id} · steward 0.0.1");
    message
}

#[tokio::test]
async fn a_card_is_sent_edited_found_and_deleted() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let started = fake.now_ms();
    fake.say(Spec::ALICE, Spec::CHANNEL, "good morning");
    let receipt = courier.send(&parcel("n1", message())).await.unwrap();
    assert!(receipt.is_faithful);
    assert_eq!(
        (receipt.channel, receipt.nonce.as_deref()),
        (CHANNEL, Some("n1"))
    );
    let mut changed = message();
    changed.cards[0].title = Text::plain("Coinbase set");
    changed.cards[0].buttons.clear();
    courier
        .edit(CHANNEL, receipt.message, &changed)
        .await
        .unwrap();
    let shown = fake.message(fake::Snowflake(receipt.message.0)).unwrap();
    assert!(shown.text().contains("Coinbase set") && shown.components.is_empty());
    let found = courier
        .find(&parcel("n1", message()), started)
        .await
        .unwrap();
    assert!(matches!(found, Found::Yes(found) if found.message == receipt.message));
    courier.delete(CHANNEL, receipt.message).await.unwrap();
    assert_eq!(
        courier.delete(CHANNEL, receipt.message).await,
        Err(CourierError::MessageGone)
    );
    let found = courier
        .find(&parcel("n1", message()), started)
        .await
        .unwrap();
    assert_eq!(found, Found::No);
    assert_eq!(fake.violations(), []);
}

#[tokio::test]
async fn only_the_listed_roles_are_pinged_and_edits_ping_nobody() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let mut loud = message();
    loud.content = Some(Text::plain("@everyone @here look"));
    loud.mention_roles = vec![Spec::ROLE.0];
    let receipt = courier.send(&parcel("n1", loud.clone())).await.unwrap();
    courier.edit(CHANNEL, receipt.message, &loud).await.unwrap();
    let pinged = fake.messages(Spec::CHANNEL)[0].pinged.clone();
    assert_eq!((pinged.everyone, pinged.users.len()), (false, 0));
    assert_eq!(pinged.roles.into_iter().collect::<Vec<_>>(), [Spec::ROLE]);
    let edit = &fake.requests_of("PATCH", "/messages/")[0];
    assert_eq!(
        edit.json.clone().unwrap()["allowed_mentions"]["roles"],
        json!([])
    );
    assert_eq!(
        edit.json.clone().unwrap()["allowed_mentions"]["parse"],
        json!([])
    );
}

/// A role that somebody deleted wakes nobody, and keeps no alert back; `check` says that it is gone.
#[tokio::test]
async fn an_alert_whose_role_is_gone_is_sent_all_the_same() {
    let fake = unlimited().await;
    assert!(fake.delete_role(Spec::ROLE));
    let mut loud = message();
    loud.content = Some(Text::plain("look"));
    loud.mention_roles = vec![Spec::ROLE.0];
    let receipt = courier(&fake).send(&parcel("n1", loud)).await.unwrap();
    let shown = fake.message(fake::Snowflake(receipt.message.0)).unwrap();
    assert!(shown.text().contains("look"), "{}", shown.text());
    assert!(receipt.is_faithful, "it is not sent again");
}

#[tokio::test]
async fn a_table_is_attached_and_stays_through_an_edit() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let mut long = message();
    long.table = Some("a b\n1 2".to_owned());
    long.attachments = vec![Attachment {
        name: "all.csv".to_owned(),
        text: "a,b\n1,2\n".to_owned(),
    }];
    let receipt = courier.send(&parcel("n1", long.clone())).await.unwrap();
    assert!(receipt.is_faithful);
    courier.edit(CHANNEL, receipt.message, &long).await.unwrap();
    let shown = &fake.messages(Spec::CHANNEL)[0];
    assert_eq!(shown.attachments[0].name, "all.csv");
    assert_eq!(shown.attachments[0].bytes, b"a,b\n1,2\n");
    assert!(shown.text().contains("```\na b\n1 2\n```"));
    assert_eq!(fake.violations(), []);
}

#[tokio::test]
async fn a_reply_to_a_message_that_is_gone_is_sent_without() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let first = courier.send(&parcel("n1", message())).await.unwrap();
    let mut reply = parcel("n2", message());
    reply.reply_to = Some(first.message);
    courier.send(&reply).await.unwrap();
    reply.reply_to = Some(MessageId(1));
    reply.nonce = "n3".to_owned();
    courier.send(&reply).await.unwrap();
    let replies: Vec<_> = fake
        .messages(Spec::CHANNEL)
        .iter()
        .map(|one| one.reply_to.map(|id| id.0))
        .collect();
    assert_eq!(replies[..2], [None, Some(first.message.0)]);
    assert_eq!(replies.len(), 3);
    assert_eq!(fake.violations(), []);
}

/// Goal: a permission that one message in ten needs does not hold up the other nine.
#[tokio::test]
async fn what_may_not_reply_or_carry_files_is_sent_without() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let first = courier.send(&parcel("n1", message())).await.unwrap();
    let everything = permission::READ_MESSAGE_HISTORY | permission::ATTACH_FILES;
    fake.deny(Spec::CHANNEL, everything);
    let mut reply = parcel("n2", message());
    reply.reply_to = Some(first.message);
    reply.message.attachments = vec![Attachment {
        name: "all.csv".to_owned(),
        text: "a,b\n1,2\n".to_owned(),
    }];
    courier.send(&reply).await.unwrap();
    let messages = fake.messages(Spec::CHANNEL);
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1].reply_to, None);
    assert_eq!(messages[1].attachments.len(), 0);
    fake.deny(Spec::CHANNEL, permission::SEND_MESSAGES);
    reply.nonce = "n3".to_owned();
    let error = courier.send(&reply).await.unwrap_err();
    assert!(
        matches!(error, CourierError::ChannelUnreachable(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_same_nonce_gives_the_first_message_which_is_not_faithful_to_other_content() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let first = courier.send(&parcel("n1", message())).await.unwrap();
    let mut other = message();
    other.cards[0].title = Text::plain("Something else");
    let second = courier.send(&parcel("n1", other)).await.unwrap();
    assert_eq!(second.message, first.message);
    assert!(first.is_faithful && !second.is_faithful);
    assert_eq!(fake.messages(Spec::CHANNEL).len(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_unclear_and_the_message_is_found_by_what_it_shows() {
    for fault in [
        Fault::on_send().accept_then_drop(),
        Fault::on_send().accept_then_status(502),
        Fault::on_send().accept_then_hang(),
    ] {
        let fake = unlimited().await;
        let courier = courier(&fake);
        let started = fake.now_ms();
        fake.fault(fault);
        let lost = courier.send(&parcel("n1", message())).await;
        assert!(matches!(lost, Err(CourierError::Unclear(_))), "{lost:?}");
        let found = courier.find(&parcel("n1", message()), started).await;
        let id = fake.messages(Spec::CHANNEL)[0].id.0;
        assert!(matches!(found, Ok(Found::Yes(found)) if found.message.0 == id));
    }
}

#[tokio::test]
async fn a_line_without_a_card_is_found_by_its_words() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let started = fake.now_ms();
    let line = |words: &str| Message {
        content: Some(Text::plain(words)),
        ..Message::default()
    };
    courier
        .send(&parcel("n1", line("48 h are left")))
        .await
        .unwrap();
    fake.fault(Fault::on_send().accept_then_drop());
    let lost = courier.send(&parcel("n2", line("6 h are left"))).await;
    assert!(matches!(lost, Err(CourierError::Unclear(_))), "{lost:?}");
    let id = fake.messages(Spec::CHANNEL)[1].id.0;
    let found = courier
        .find(&parcel("n2", line("6 h are left")), started)
        .await;
    assert!(matches!(found, Ok(Found::Yes(found)) if found.message.0 == id));
    let found = courier
        .find(&parcel("n3", line("1 h is left")), started)
        .await;
    assert_eq!(found, Ok(Found::No));
}

#[tokio::test]
async fn a_message_that_never_arrived_is_not_found() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let started = fake.now_ms();
    fake.fault(Fault::on_send().drop_connection());
    let lost = courier.send(&parcel("n1", message())).await;
    assert!(matches!(lost, Err(CourierError::Unclear(_))), "{lost:?}");
    assert_eq!(
        courier.find(&parcel("n1", message()), started).await,
        Ok(Found::No)
    );
    fake.say(Spec::ALICE, Spec::CHANNEL, "n1");
    assert_eq!(
        courier.find(&parcel("n1", message()), started).await,
        Ok(Found::No)
    );
}

#[tokio::test]
async fn a_search_goes_through_every_page_and_says_when_there_are_too_many() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let started = fake.now_ms();
    for _ in 0..250 {
        fake.say(Spec::ALICE, Spec::CHANNEL, "chatter");
    }
    let receipt = courier.send(&parcel("late", named("late"))).await.unwrap();
    let found = courier
        .find(&parcel("late", named("late")), started)
        .await
        .unwrap();
    assert!(matches!(found, Found::Yes(found) if found.message == receipt.message));
    for _ in 0..2000 {
        fake.say(Spec::ALICE, Spec::CHANNEL, "chatter");
    }
    let found = courier
        .find(&parcel("never", named("never")), started)
        .await
        .unwrap();
    assert!(matches!(found, Found::Unclear(_)));
}

#[tokio::test]
async fn a_history_that_may_not_be_read_is_unclear_and_never_empty() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let started = fake.now_ms();
    courier.send(&parcel("n1", message())).await.unwrap();
    fake.deny(Spec::CHANNEL, permission::READ_MESSAGE_HISTORY);
    let found = courier
        .find(&parcel("n1", message()), started)
        .await
        .unwrap();
    assert!(matches!(found, Found::Unclear(_)), "{found:?}");
    fake.deny(Spec::CHANNEL, permission::VIEW_CHANNEL);
    let found = courier
        .find(&parcel("n1", message()), started)
        .await
        .unwrap();
    assert!(matches!(found, Found::Unclear(_)), "{found:?}");
}

#[tokio::test]
async fn a_server_that_is_down_means_later_and_not_unclear() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    drop(fake);
    let error = courier.send(&parcel("n1", message())).await.unwrap_err();
    assert!(is_later(&error), "{error:?}");
}

#[tokio::test]
async fn a_server_that_hangs_is_left_after_the_time_that_was_set() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    fake.fault(Fault::on("*", "/messages").unwrap().hang().always());
    let send = courier.send(&parcel("n1", message())).await;
    assert!(matches!(send, Err(CourierError::Unclear(_))), "{send:?}");
    let edit = courier.edit(CHANNEL, MessageId(1), &message()).await;
    assert!(is_later(&edit.unwrap_err()));
}

#[tokio::test]
async fn faults_of_the_server_are_unclear_for_a_send_and_later_for_an_edit() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let receipt = courier.send(&parcel("n1", message())).await.unwrap();
    fake.fault(
        Fault::on("*", "/messages")
            .unwrap()
            .html(502, "<html>bad gateway</html>")
            .always(),
    );
    let send = courier.send(&parcel("n2", message())).await;
    assert!(matches!(send, Err(CourierError::Unclear(_))), "{send:?}");
    let edit = courier.edit(CHANNEL, receipt.message, &message()).await;
    assert!(is_later(&edit.unwrap_err()));
}

#[tokio::test]
async fn a_channel_that_is_gone_or_forbidden_is_unreachable() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let unreachable =
        |sent: Result<_, CourierError>| matches!(sent, Err(CourierError::ChannelUnreachable(_)));
    fake.deny(Spec::CHANNEL, permission::SEND_MESSAGES);
    assert!(unreachable(courier.send(&parcel("n1", message())).await));
    fake.deny(Spec::CHANNEL, permission::VIEW_CHANNEL);
    assert!(unreachable(courier.send(&parcel("n1", message())).await));
    fake.delete_channel(Spec::CHANNEL);
    assert!(unreachable(courier.send(&parcel("n1", message())).await));
    let nowhere = courier.edit(ChannelId(4), MessageId(5), &message()).await;
    assert!(
        matches!(nowhere, Err(CourierError::ChannelUnreachable(_))),
        "{nowhere:?}"
    );
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_gone() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    let receipt = courier.send(&parcel("n1", message())).await.unwrap();
    fake.delete_message(fake::Snowflake(receipt.message.0));
    let edit = courier.edit(CHANNEL, receipt.message, &message()).await;
    assert_eq!(edit, Err(CourierError::MessageGone));
}

#[tokio::test]
async fn content_that_discord_refuses_is_refused_with_its_reason() {
    let fake = unlimited().await;
    let refused = courier(&fake).send(&parcel("n1", Message::default())).await;
    let Err(CourierError::Refused(detail)) = refused else {
        panic!("an empty message is refused: {refused:?}");
    };
    assert!(detail.contains("50006"), "{detail}");
}

#[tokio::test]
async fn a_refused_token_is_told_and_never_shown() {
    let fake = unlimited().await;
    let mut connection = crate::world::connection(&fake);
    connection.token = "a-secret-nobody-may-see".into();
    let courier = steward_commands::discord::DiscordCourier::new(&connection).unwrap();
    assert_eq!(
        courier.send(&parcel("n1", message())).await,
        Err(CourierError::Unauthorized)
    );
    assert!(!format!("{courier:?} {connection:?}").contains("nobody"));
    connection.token = "two\nlines".into();
    let error = steward_commands::discord::DiscordCourier::new(&connection).unwrap_err();
    assert!(!format!("{error:#}").contains("lines"));
}

#[tokio::test]
async fn one_card_is_this_embed() {
    let fake = unlimited().await;
    let courier = courier(&fake);
    courier.send(&parcel("n1", message())).await.unwrap();
    let body = fake.requests_of("POST", "/messages")[0]
        .json
        .clone()
        .unwrap();
    let body = serde_json::to_string_pretty(&body).unwrap();
    insta::assert_snapshot!(body.replace('\u{200b}', "␣"), @r#"
{
  "allowed_mentions": {
    "parse": [],
    "replied_user": false,
    "roles": [],
    "users": []
  },
  "attachments": [],
  "components": [
    {
      "components": [
        {
          "disabled": false,
          "label": "Transaction",
          "style": 5,
          "type": 2,
          "url": "https://etherscan.io/tx/0x12"
        },
        {
          "custom_id": "v1:ack:mainnet/0x12/coinbase_missing/1",
          "disabled": false,
          "label": "Acknowledge",
          "style": 1,
          "type": 2
        }
      ],
      "type": 1
    }
  ],
  "embeds": [
    {
      "author": {
        "name": "mainnet · provider 3"
      },
      "color": 15898880,
      "description": "It enters the active set in **5 h 40 min**\nSet it on host fra-2 \\@␣everyone",
      "fields": [
        {
          "inline": true,
          "name": "Configured",
          "value": "none"
        }
      ],
      "footer": {
        "text": "mainnet/0x12/coinbase_missing/1"
      },
      "timestamp": "2026-11-18T11:06:40Z",
      "title": "🟠 Coinbase missing for attester fra-2/17",
      "type": "rich"
    }
  ],
  "enforce_nonce": true,
  "nonce": "n1",
  "sticker_ids": [],
  "tts": false
}
"#);
}
