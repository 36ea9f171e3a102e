//! Messages: sending, editing, reading back, and whom they ping.

use std::collections::BTreeSet;
use std::time::Duration;

use fake::{Rate, Snowflake, Spec};
use serde_json::{Value, json};

use crate::client::{bot, messages};

#[tokio::test]
async fn a_sent_message_is_in_the_channel_with_its_nonce_and_author() {
    let bot = bot().await;
    let sent = bot
        .post(json!({ "content": " hello ", "nonce": "n1", "embeds": [{ "title": "t" }] }))
        .await;
    assert_eq!(sent.status, 200);
    let shown = bot.fake.messages(Spec::CHANNEL);
    assert_eq!(shown.len(), 1);
    assert_eq!(
        (shown[0].content.as_str(), shown[0].nonce.as_deref()),
        ("hello", Some("n1"))
    );
    assert_eq!(shown[0].author, Spec::APPLICATION);
    assert_eq!(shown[0].id.to_string(), sent.id());
    assert_eq!(shown[0].embeds[0], json!({ "title": "t", "type": "rich" }));
    bot.assert_clean();
}

#[tokio::test]
async fn an_upload_keeps_its_bytes_and_can_be_fetched() {
    let bot = bot().await;
    let body =
        json!({ "content": "table", "attachments": [{ "id": 0, "description": "all of them" }] });
    let sent = bot
        .upload("POST", &messages(), body, "table.csv", b"a,b\n1,2\n")
        .await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    let file = &bot.fake.messages(Spec::CHANNEL)[0].attachments[0];
    assert_eq!(
        (file.name.as_str(), file.bytes.as_slice()),
        ("table.csv", b"a,b\n1,2\n".as_slice())
    );
    assert_eq!(file.description.as_deref(), Some("all of them"));
    let url = sent.body["attachments"][0]["url"].as_str().unwrap();
    assert_eq!(
        reqwest::get(url).await.unwrap().text().await.unwrap(),
        "a,b\n1,2\n"
    );
    bot.assert_clean();
}

#[tokio::test]
async fn an_edit_that_lists_no_attachments_removes_them() {
    let bot = bot().await;
    let id = bot
        .upload(
            "POST",
            &messages(),
            json!({ "content": "x" }),
            "a.csv",
            b"a",
        )
        .await
        .id();
    let path = format!("{}/{id}", messages());
    bot.call("PATCH", &path, json!({ "content": "y" })).await;
    assert_eq!(bot.fake.messages(Spec::CHANNEL)[0].attachments.len(), 1);
    bot.call("PATCH", &path, json!({ "attachments": [] })).await;
    assert_eq!(bot.fake.messages(Spec::CHANNEL)[0].attachments.len(), 0);
}

#[tokio::test]
async fn the_same_enforced_nonce_gives_the_first_message_back() {
    let bot = bot().await;
    let first = bot
        .post(json!({ "content": "a", "nonce": "n", "enforce_nonce": true }))
        .await;
    let second = bot
        .post(json!({ "content": "b", "nonce": "n", "enforce_nonce": true }))
        .await;
    assert_eq!(
        (first.id(), second.body["content"].as_str()),
        (second.id(), Some("a"))
    );
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 1);
    bot.assert_clean();
}

#[tokio::test]
async fn whoever_fetches_a_message_gets_no_nonce() {
    let bot = bot().await;
    let sent = bot.post(json!({ "content": "a", "nonce": "n" })).await;
    assert_eq!(sent.body["nonce"], "n");
    let page = bot.call("GET", &messages(), Value::Null).await;
    assert!(page.body[0].get("nonce").is_none(), "{}", page.body);
    let path = format!("{}/{}", messages(), sent.id());
    let one = bot.call("GET", &path, Value::Null).await;
    assert!(one.body.get("nonce").is_none(), "{}", one.body);
}

#[tokio::test]
async fn a_nonce_is_forgotten_after_a_few_minutes() {
    let bot = bot().await;
    bot.post(json!({ "content": "a", "nonce": "n", "enforce_nonce": true }))
        .await;
    bot.fake.advance(Duration::from_secs(301));
    bot.post(json!({ "content": "a", "nonce": "n", "enforce_nonce": true }))
        .await;
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 2);
}

#[tokio::test]
async fn a_nonce_without_enforcement_does_not_hold_a_second_message_back() {
    let bot = bot().await;
    bot.post(json!({ "content": "a", "nonce": "n" })).await;
    bot.post(json!({ "content": "a", "nonce": "n" })).await;
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 2);
}

#[tokio::test]
async fn messages_over_the_limits_are_refused_and_noted() {
    let button = |id: &str| json!({ "type": 2, "style": 1, "label": "x", "custom_id": id });
    let field = json!({ "name": "n", "value": "v" });
    let long = |length: usize| "x".repeat(length);
    let cases: Vec<(&str, Value)> = vec![
        ("content", json!({ "content": long(2001) })),
        ("nonce", json!({ "content": "a", "nonce": long(26) })),
        ("title", json!({ "embeds": [{ "title": long(257) }] })),
        (
            "description",
            json!({ "embeds": [{ "description": long(4097) }] }),
        ),
        (
            "footer",
            json!({ "embeds": [{ "title": "t", "footer": { "text": long(2049) } }] }),
        ),
        (
            "fields",
            json!({ "embeds": [{ "title": "t", "fields": vec![field; 26] }] }),
        ),
        (
            "value",
            json!({ "embeds": [{ "fields": [{ "name": "n", "value": long(1025) }] }] }),
        ),
        (
            "empty field",
            json!({ "embeds": [{ "fields": [{ "name": " ", "value": "v" }] }] }),
        ),
        (
            "total",
            json!({ "embeds": [{ "description": long(4000) }, { "description": long(2001) }] }),
        ),
        (
            "embeds",
            json!({ "embeds": vec![json!({ "title": "t" }); 11] }),
        ),
        (
            "url",
            json!({ "embeds": [{ "title": "t", "url": "not a url" }] }),
        ),
        (
            "rows",
            json!({ "content": "a", "components": vec![json!({ "type": 1, "components": [button("a")] }); 6] }),
        ),
        (
            "twins",
            json!({ "content": "a", "components": [{ "type": 1, "components": [button("a"), button("a")] }] }),
        ),
        (
            "id length",
            json!({ "content": "a", "components": [{ "type": 1, "components": [button(&long(101))] }] }),
        ),
        (
            "mentions",
            json!({ "content": "a", "allowed_mentions": { "parse": ["users"], "users": ["1"] } }),
        ),
    ];
    let bot = bot().await;
    for (name, body) in cases {
        let refused = bot.post(body).await;
        assert_eq!(refused.refusal(), (400, 50035), "{name}: {}", refused.body);
        assert!(
            !bot.fake.violations().is_empty(),
            "{name} left no violation"
        );
        bot.fake.clear_violations();
    }
    assert_eq!(bot.fake.all_messages().len(), 0);
}

#[tokio::test]
async fn messages_at_the_limits_are_taken() {
    let bot = bot().await;
    let buttons: Vec<Value> = (0..5).map(|n| json!({ "type": 2, "style": 1, "label": "x".repeat(80), "custom_id": format!("{n:0100}") })).collect();
    let sent = bot
        .post(json!({
            "content": "ü".repeat(2000), "nonce": "x".repeat(25),
            "embeds": [{ "description": "x".repeat(4096) }, { "description": "x".repeat(1904) }],
            "components": [{ "type": 1, "components": buttons }],
        }))
        .await;
    assert_eq!(sent.status, 200, "{}", sent.body);
    bot.assert_clean();
}

#[tokio::test]
async fn an_empty_message_is_refused() {
    let bot = bot().await;
    assert_eq!(
        bot.post(json!({ "content": "  " })).await.refusal(),
        (400, 50006)
    );
}

#[tokio::test]
async fn only_the_allowed_mentions_ping() {
    let bot = bot().await;
    let content = format!(
        "@everyone <@{}> <@{}> <@&{}>",
        Spec::ALICE,
        Spec::BOB,
        Spec::ROLE
    );
    let rule = json!({ "parse": [], "roles": [Spec::ROLE] });
    bot.post(json!({ "content": content, "allowed_mentions": rule }))
        .await;
    bot.post(json!({ "content": content })).await;
    let shown = bot.fake.messages(Spec::CHANNEL);
    assert_eq!(shown[0].pinged.roles, BTreeSet::from([Spec::ROLE]));
    assert!(shown[0].pinged.users.is_empty());
    assert_eq!(
        shown[1].pinged.users,
        BTreeSet::from([Spec::ALICE, Spec::BOB])
    );
    assert!(
        !shown[1].pinged.everyone,
        "the bot may not mention everyone"
    );
    bot.assert_clean();
}

#[tokio::test]
async fn an_edit_pings_nobody() {
    let bot = bot().await;
    let id = bot.post(json!({ "content": "a" })).await.id();
    bot.call(
        "PATCH",
        &format!("{}/{id}", messages()),
        json!({ "content": format!("<@{}>", Spec::ALICE) }),
    )
    .await;
    assert!(bot.fake.messages(Spec::CHANNEL)[0].pinged.is_nobody());
}

#[tokio::test]
async fn an_edit_changes_what_is_named_and_keeps_the_past() {
    let bot = bot().await;
    let id = bot
        .post(json!({ "content": "one", "embeds": [{ "title": "t" }] }))
        .await
        .id();
    let edited = bot
        .call(
            "PATCH",
            &format!("{}/{id}", messages()),
            json!({ "content": "two" }),
        )
        .await;
    assert!(edited.body["edited_timestamp"].is_string());
    let message = &bot.fake.messages(Spec::CHANNEL)[0];
    assert_eq!((message.content.as_str(), message.embeds.len()), ("two", 1));
    let past: Vec<&str> = message
        .versions
        .iter()
        .map(|version| version.content.as_str())
        .collect();
    assert_eq!(past, ["one", "two"]);
    bot.assert_clean();
}

#[tokio::test]
async fn an_old_message_takes_few_edits_and_then_30046() {
    let bot = bot().await;
    bot.fake
        .change_rules(|rules| rules.old_edits = Rate::per_seconds(2, 60));
    let id = bot.post(json!({ "content": "a" })).await.id();
    let path = format!("{}/{id}", messages());
    for n in 0..4 {
        assert_eq!(
            bot.call("PATCH", &path, json!({ "content": format!("young {n}") }))
                .await
                .status,
            200
        );
    }
    bot.fake.advance(Duration::from_secs(3601));
    for n in 0..2 {
        assert_eq!(
            bot.call("PATCH", &path, json!({ "content": format!("old {n}") }))
                .await
                .status,
            200
        );
    }
    let refused = bot
        .call("PATCH", &path, json!({ "content": "old 2" }))
        .await;
    assert_eq!(refused.refusal(), (429, 30046));
    assert!(refused.body["retry_after"].as_f64().unwrap() > 0.0);
    assert!(refused.headers.contains_key("retry-after"));
    bot.fake.advance(Duration::from_secs(61));
    assert_eq!(
        bot.call("PATCH", &path, json!({ "content": "later" }))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn another_persons_message_cannot_be_edited() {
    let bot = bot().await;
    let id = bot.fake.say(Spec::ALICE, Spec::CHANNEL, "mine");
    let refused = bot
        .call(
            "PATCH",
            &format!("{}/{id}", messages()),
            json!({ "content": "no" }),
        )
        .await;
    assert_eq!(refused.refusal(), (403, 50005));
}

#[tokio::test]
async fn what_is_gone_is_unknown() {
    let bot = bot().await;
    let id = bot.post(json!({ "content": "a" })).await.id();
    let path = format!("{}/{id}", messages());
    assert_eq!(bot.call("DELETE", &path, Value::Null).await.status, 204);
    for method in ["GET", "PATCH", "DELETE"] {
        let body = if method == "PATCH" {
            json!({ "content": "b" })
        } else {
            Value::Null
        };
        assert_eq!(
            bot.call(method, &path, body).await.refusal(),
            (404, 10008),
            "{method}"
        );
    }
    assert!(bot.fake.delete_channel(Spec::CHANNEL));
    assert_eq!(
        bot.post(json!({ "content": "a" })).await.refusal(),
        (404, 10003)
    );
}

#[tokio::test]
async fn a_reply_names_its_message_and_an_unknown_one_is_refused_unless_it_may_be_missing() {
    let bot = bot().await;
    let id = bot.post(json!({ "content": "card" })).await.id();
    let reply = bot
        .post(json!({ "content": "rung", "message_reference": { "message_id": id } }))
        .await;
    assert_eq!(
        (
            reply.body["type"].as_u64(),
            reply.body["referenced_message"]["content"].as_str()
        ),
        (Some(19), Some("card"))
    );
    bot.assert_clean();
    let lost = |strict: bool| json!({ "content": "x", "message_reference": { "message_id": "1", "fail_if_not_exists": strict } });
    assert_eq!(bot.post(lost(true)).await.refusal(), (400, 50035));
    let orphan = bot.post(lost(false)).await;
    assert_eq!(
        (orphan.status, &orphan.body["message_reference"]),
        (200, &Value::Null)
    );
}

#[tokio::test]
async fn a_reply_pings_its_author_only_when_it_may() {
    let bot = bot().await;
    let id = bot.fake.say(Spec::ALICE, Spec::CHANNEL, "question");
    bot.post(json!({ "content": "a", "message_reference": { "message_id": id } }))
        .await;
    bot.post(json!({ "content": "b", "message_reference": { "message_id": id }, "allowed_mentions": { "parse": [] } })).await;
    let shown = bot.fake.messages(Spec::CHANNEL);
    assert_eq!(shown[1].pinged.users, BTreeSet::from([Spec::ALICE]));
    assert!(shown[2].pinged.is_nobody());
}

#[tokio::test]
async fn pages_are_newest_first_and_follow_their_anchor() {
    let bot = bot().await;
    let ids: Vec<Snowflake> = (0..7)
        .map(|n| bot.fake.say(Spec::ALICE, Spec::CHANNEL, &n.to_string()))
        .collect();
    for (query, expected) in [
        (String::new(), "6543210"),
        ("?limit=2".to_owned(), "65"),
        (format!("?limit=2&before={}", ids[3]), "21"),
        (format!("?limit=2&after={}", ids[3]), "54"),
        (format!("?after={}", ids[6]), ""),
        (format!("?limit=3&around={}", ids[3]), "432"),
    ] {
        let page = bot
            .call("GET", &format!("{}{query}", messages()), Value::Null)
            .await;
        let contents: String = page
            .body
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["content"].as_str().unwrap())
            .collect();
        assert_eq!(contents, expected, "{query}");
    }
    assert_eq!(
        bot.call("GET", &format!("{}?limit=101", messages()), Value::Null)
            .await
            .refusal(),
        (400, 50035)
    );
    bot.assert_clean();
}

#[tokio::test]
async fn a_message_id_tells_the_worlds_time() {
    let bot = bot().await;
    bot.fake.advance(Duration::from_secs(1000));
    let before = bot.fake.now_ms();
    let id: Snowflake = bot
        .post(json!({ "content": "a" }))
        .await
        .id()
        .parse()
        .unwrap();
    assert!((before..=bot.fake.now_ms()).contains(&id.unix_ms()));
}

#[tokio::test]
async fn a_thread_on_a_message_takes_messages_of_its_own() {
    let bot = bot().await;
    let id = bot.post(json!({ "content": "card" })).await.id();
    let path = format!("{}/{id}/threads", messages());
    let thread = bot.call("POST", &path, json!({ "name": "details" })).await;
    assert_eq!((thread.status, thread.id()), (201, id));
    let inside = bot
        .call(
            "POST",
            &format!("/channels/{}/messages", thread.id()),
            json!({ "content": "x" }),
        )
        .await;
    assert_eq!(inside.status, 200);
    assert_eq!(
        bot.call("POST", &path, json!({ "name": "again" }))
            .await
            .refusal(),
        (400, 160_004)
    );
    bot.assert_clean();
}

/// Only where Discord's OpenAPI document is at hand; said aloud otherwise.
#[tokio::test]
async fn a_request_that_differs_from_discords_document_is_refused_and_noted() {
    let bot = bot().await;
    if std::env::var_os(fake::OPENAPI_VARIABLE).is_none() {
        eprintln!("skipped: {} is not set", fake::OPENAPI_VARIABLE);
        return;
    }
    let refused = bot
        .post(json!({ "content": "a", "embeds": [{ "title": 5 }] }))
        .await;
    assert_eq!(refused.refusal(), (400, 50035));
    assert_eq!(bot.fake.violations()[0].rule, fake::Rule::OpenApiRequest);
}
