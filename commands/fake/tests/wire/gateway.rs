//! The gateway: identification, heartbeats, resuming, closing.

use std::time::Duration;

use fake::{Command, Rate, Spec};
use serde_json::{Value, json};

use crate::client::{GUILDS, Heard, MESSAGES, PATIENCE, bot};

#[tokio::test]
async fn identifying_brings_ready_and_the_guild() {
    let bot = bot().await;
    let mut gateway = bot.connect().await;
    gateway
        .identify(&format!("Bot {}", Spec::TOKEN), GUILDS)
        .await;
    let ready = gateway.event("READY").await;
    assert_eq!(ready["user"]["id"], json!(Spec::APPLICATION));
    assert_eq!(ready["guilds"][0]["unavailable"], true);
    let guild = gateway.event("GUILD_CREATE").await;
    assert_eq!(guild["channels"].as_array().unwrap().len(), 2);
    assert!(guild["stage_instances"].is_array());
    assert_eq!(bot.fake.gateway_state().identifies, 1);
}

#[tokio::test]
async fn a_wrong_identification_closes_with_its_code() {
    for (token, intents, code) in [
        ("wrong", 1, 4004),
        (Spec::TOKEN, 1 << 40, 4013),
        (Spec::TOKEN, 1 << 1, 4014),
    ] {
        let bot = bot().await;
        let mut gateway = bot.connect().await;
        gateway.identify(token, intents).await;
        assert_eq!(gateway.hear().await, Heard::Closed(code));
        assert_eq!(bot.fake.gateway_state().identifies, 0);
    }
}

#[tokio::test]
async fn frames_against_the_rules_close_the_connection_and_are_noted() {
    for (frame, code) in [
        (json!({ "op": 3, "d": {} }).to_string(), 4003),
        ("nonsense".to_owned(), 4002),
        (json!({ "op": 99 }).to_string(), 4001),
        (json!({ "op": 1, "d": "x".repeat(5000) }).to_string(), 4002),
    ] {
        let bot = bot().await;
        let mut gateway = bot.connect().await;
        gateway.text(&frame).await;
        assert_eq!(gateway.hear().await, Heard::Closed(code));
        assert_eq!(bot.fake.violations().len(), 1);
    }
}

#[tokio::test]
async fn a_second_identify_closes_with_4005() {
    let bot = bot().await;
    let (mut gateway, _) = bot.ready(GUILDS).await;
    gateway.identify(Spec::TOKEN, GUILDS).await;
    assert_eq!(gateway.hear().await, Heard::Closed(4005));
}

#[tokio::test]
async fn too_many_sends_close_with_4008() {
    let bot = bot().await;
    bot.fake
        .change_rules(|rules| rules.gateway_sends = Rate::per_seconds(3, 3600));
    let mut gateway = bot.connect().await;
    for _ in 0..3 {
        gateway.send(&json!({ "op": 1, "d": null })).await;
        assert_eq!(gateway.frame().await["op"], 11);
    }
    gateway.send(&json!({ "op": 1, "d": null })).await;
    assert_eq!(gateway.hear().await, Heard::Closed(4008));
}

#[tokio::test]
async fn heartbeats_are_acknowledged_unless_muted() {
    let bot = bot().await;
    let (mut gateway, _) = bot.ready(GUILDS).await;
    gateway.send(&json!({ "op": 1, "d": gateway.seq })).await;
    assert_eq!(gateway.frame().await["op"], 11);
    bot.fake.gateway(Command::MuteAcks(true));
    gateway.send(&json!({ "op": 1, "d": gateway.seq })).await;
    bot.fake
        .wait(PATIENCE, |fake| fake.gateway_state().heartbeats == 2)
        .await
        .unwrap();
    bot.fake.gateway(Command::Reconnect);
    assert_eq!(
        gateway.frame().await["op"],
        7,
        "no acknowledgement came before it"
    );
}

#[tokio::test]
async fn resuming_replays_what_was_missed() {
    let bot = bot().await;
    let (mut gateway, ready) = bot.ready(GUILDS | MESSAGES).await;
    let seq = gateway.seq;
    bot.fake.gateway(Command::Drop);
    assert!(matches!(
        gateway.hear().await,
        Heard::Lost | Heard::Closed(_)
    ));
    bot.fake
        .wait(PATIENCE, |fake| fake.gateway_state().ready == 0)
        .await
        .unwrap();
    bot.fake.say(Spec::ALICE, Spec::CHANNEL, "missed");
    let mut again = bot.connect().await;
    again.resume(&ready, seq).await;
    assert_eq!(again.event("MESSAGE_CREATE").await["content"], "missed");
    again.event("RESUMED").await;
    assert_eq!(
        (
            bot.fake.gateway_state().identifies,
            bot.fake.gateway_state().resumes
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn an_ended_session_cannot_be_resumed() {
    let bot = bot().await;
    let (_gateway, ready) = bot.ready(GUILDS).await;
    bot.fake.gateway(Command::InvalidSession(false));
    let mut again = bot.connect().await;
    again.resume(&ready, 1).await;
    assert_eq!(again.frame().await, json!({ "op": 9, "d": false }));
}

#[tokio::test]
async fn commands_reach_the_connection() {
    let bot = bot().await;
    let (mut gateway, _) = bot.ready(GUILDS).await;
    bot.fake.gateway(Command::InvalidSession(true));
    assert_eq!(gateway.frame().await, json!({ "op": 9, "d": true }));
    bot.fake.gateway(Command::Dispatch(
        "TYPING_START".to_owned(),
        json!({ "x": 1 }),
    ));
    assert_eq!(gateway.event("TYPING_START").await, json!({ "x": 1 }));
    bot.fake.guild_unavailable(true);
    assert_eq!(gateway.event("GUILD_DELETE").await["unavailable"], true);
    bot.fake.gateway(Command::Close(4000));
    assert_eq!(gateway.hear().await, Heard::Closed(4000));
}

#[tokio::test]
async fn a_silent_gateway_keeps_events_back_and_still_acknowledges() {
    let bot = bot().await;
    let (mut gateway, _) = bot.ready(GUILDS | MESSAGES).await;
    bot.fake.gateway(Command::Silent(true));
    bot.fake.say(Spec::ALICE, Spec::CHANNEL, "kept back");
    gateway.send(&json!({ "op": 1, "d": gateway.seq })).await;
    assert_eq!(gateway.frame().await["op"], 11);
}

#[tokio::test]
async fn a_refusing_gateway_takes_no_connection() {
    let bot = bot().await;
    bot.fake.gateway(Command::Refuse(true));
    let url = bot.call("GET", "/gateway", Value::Null).await.body["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(tokio_tungstenite::connect_async(url).await.is_err());
    bot.fake.gateway(Command::Refuse(false));
    bot.ready(GUILDS).await;
}

#[tokio::test]
async fn events_come_only_with_their_intents() {
    let bot = bot().await;
    let (mut gateway, _) = bot.ready(GUILDS).await;
    bot.fake.say(Spec::ALICE, Spec::CHANNEL, "not for this bot");
    bot.fake.delete_channel(Spec::FALLBACK);
    assert_eq!(
        gateway.event("CHANNEL_DELETE").await["id"],
        json!(Spec::FALLBACK)
    );
}

#[tokio::test]
async fn the_budget_of_identifies_is_counted() {
    let bot = bot().await;
    bot.fake.change_rules(|rules| rules.identify_budget = 1);
    let (_gateway, _) = bot.ready(GUILDS).await;
    let left =
        bot.call("GET", "/gateway/bot", Value::Null).await.body["session_start_limit"]["remaining"]
            .clone();
    assert_eq!(left, 0);
    let mut second = bot.connect().await;
    second.identify(Spec::TOKEN, GUILDS).await;
    assert_eq!(second.hear().await, Heard::Closed(4004));
    assert_eq!(bot.fake.violations().len(), 1);
}

#[tokio::test]
async fn identifies_that_come_too_soon_are_invalid_sessions() {
    let bot = bot().await;
    bot.fake
        .change_rules(|rules| rules.identify_spacing = Duration::from_secs(5));
    let (_gateway, _) = bot.ready(GUILDS).await;
    let mut second = bot.connect().await;
    second.identify(Spec::TOKEN, GUILDS).await;
    assert_eq!(second.frame().await, json!({ "op": 9, "d": false }));
    bot.fake.advance(Duration::from_secs(5));
    second.identify(Spec::TOKEN, GUILDS).await;
    second.event("READY").await;
}

#[tokio::test]
async fn a_fake_that_is_dropped_lets_its_connections_go() {
    let bot = bot().await;
    let (mut gateway, _) = bot.ready(GUILDS).await;
    let request = bot.request("GET", "/users/@me");
    drop(bot);
    assert!(
        request.send().await.is_err(),
        "a kept connection must not be served any more"
    );
    assert!(matches!(
        gateway.hear().await,
        Heard::Lost | Heard::Closed(_)
    ));
}
