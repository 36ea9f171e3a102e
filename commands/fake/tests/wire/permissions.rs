//! Who may do what: token, user agent, overwrites, roles, outage.

use fake::permission::{
    ATTACH_FILES, EMBED_LINKS, MANAGE_ROLES, READ_MESSAGE_HISTORY, SEND_MESSAGES, VIEW_CHANNEL,
};
use fake::{Rule, Snowflake, Spec};
use serde_json::{Value, json};

use crate::client::{bot, bot_in, messages, read};

#[tokio::test]
async fn a_bad_token_is_unauthorized_and_counted() {
    let bot = bot().await;
    let request = bot
        .request("GET", "/users/@me")
        .header("x-audit-log-reason", "x");
    let mut request = request.build().unwrap();
    request
        .headers_mut()
        .insert("authorization", "Bot wrong".parse().unwrap());
    request
        .headers_mut()
        .insert("user-agent", "DiscordBot (x, 1)".parse().unwrap());
    assert_eq!(
        reqwest::Client::new()
            .execute(request)
            .await
            .unwrap()
            .status(),
        401
    );
    assert_eq!(bot.fake.invalid_requests().unauthorized, 1);
}

#[tokio::test]
async fn another_user_agent_is_refused_and_noted() {
    let bot = bot().await;
    let refused = read(
        bot.request("GET", "/users/@me")
            .header("user-agent", "curl/8"),
    )
    .await
    .unwrap();
    assert_eq!(refused.refusal(), (403, 40333));
    assert_eq!(bot.fake.violations()[0].rule, Rule::HandWritten);
}

#[tokio::test]
async fn a_missing_permission_is_50013_and_an_invisible_channel_50001() {
    for (denied, body, expected) in [
        (SEND_MESSAGES, json!({ "content": "a" }), 50013),
        (EMBED_LINKS, json!({ "embeds": [{ "title": "a" }] }), 50013),
        (VIEW_CHANNEL, json!({ "content": "a" }), 50001),
    ] {
        let bot = bot().await;
        assert!(bot.fake.deny(Spec::CHANNEL, denied));
        assert_eq!(bot.post(body).await.refusal(), (403, expected));
        assert_eq!(bot.fake.invalid_requests().forbidden, 1);
        bot.assert_clean();
    }
}

#[tokio::test]
async fn files_need_their_own_permission() {
    let bot = bot_in(Spec::default().deny(Spec::CHANNEL, ATTACH_FILES)).await;
    let refused = bot
        .upload("POST", &messages(), json!({ "content": "a" }), "a", b"a")
        .await;
    assert_eq!(refused.refusal(), (403, 50013));
}

#[tokio::test]
async fn without_history_pages_are_empty_and_replies_refused() {
    let bot = bot().await;
    let id = bot.post(json!({ "content": "a" })).await.id();
    bot.fake.deny(Spec::CHANNEL, READ_MESSAGE_HISTORY);
    assert_eq!(
        bot.call("GET", &messages(), Value::Null).await.body,
        json!([])
    );
    let reply = bot
        .post(json!({ "content": "b", "message_reference": { "message_id": id } }))
        .await;
    assert_eq!(reply.refusal(), (403, 160_002));
    assert_eq!(
        bot.call("GET", &format!("{}/{id}", messages()), Value::Null)
            .await
            .refusal(),
        (403, 50013)
    );
}

#[tokio::test]
async fn roles_are_given_only_below_the_bots_own() {
    let mut spec = Spec::default()
        .role(50, "low", 0)
        .role(60, "bot", MANAGE_ROLES)
        .role(70, "high", 0);
    let bot_user = spec.application;
    spec = spec.member(bot_user, "steward", &[Snowflake(60)]);
    let bot = bot_in(spec).await;
    let path = |role: u64| format!("/guilds/{}/members/{}/roles/{role}", Spec::GUILD, Spec::BOB);
    assert_eq!(bot.call("PUT", &path(50), Value::Null).await.status, 204);
    assert_eq!(
        bot.call("PUT", &path(70), Value::Null).await.refusal(),
        (403, 50013)
    );
    let member = bot
        .call(
            "GET",
            &format!("/guilds/{}/members/{}", Spec::GUILD, Spec::BOB),
            Value::Null,
        )
        .await;
    assert_eq!(member.body["roles"], json!(["50"]));
    assert!(bot.fake.delete_role(Snowflake(50)));
    assert_eq!(
        bot.call("PUT", &path(50), Value::Null).await.refusal(),
        (404, 10011)
    );
    bot.assert_clean();
}

#[tokio::test]
async fn an_outage_answers_503_until_it_ends() {
    let bot = bot().await;
    bot.fake.outage(true);
    assert_eq!(bot.post(json!({ "content": "a" })).await.status, 503);
    bot.fake.outage(false);
    assert_eq!(bot.post(json!({ "content": "a" })).await.status, 200);
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 1);
}

#[tokio::test]
async fn the_bot_can_look_itself_and_its_guild_up() {
    let bot = bot().await;
    let guild = format!("/guilds/{}", Spec::GUILD);
    for path in [
        "/users/@me".to_owned(),
        "/oauth2/applications/@me".to_owned(),
        "/gateway".to_owned(),
        "/gateway/bot".to_owned(),
        guild.clone(),
        format!("{guild}/roles"),
        format!("{guild}/channels"),
        format!("{guild}/members/{}", Spec::ALICE),
        format!("/channels/{}", Spec::CHANNEL),
    ] {
        assert_eq!(
            bot.call("GET", &path, Value::Null).await.status,
            200,
            "{path}"
        );
    }
    let direct = bot
        .call(
            "POST",
            "/users/@me/channels",
            json!({ "recipient_id": Spec::BOB }),
        )
        .await;
    let sent = bot
        .call(
            "POST",
            &format!("/channels/{}/messages", direct.id()),
            json!({ "content": "psst" }),
        )
        .await;
    assert_eq!(sent.status, 200);
    bot.assert_clean();
}

#[tokio::test]
async fn an_unknown_route_is_noted() {
    let bot = bot().await;
    assert_eq!(bot.call("GET", "/nothing", Value::Null).await.status, 404);
    assert!(
        bot.fake
            .violations()
            .iter()
            .any(|violation| violation.rule == Rule::UnknownRoute)
    );
}
