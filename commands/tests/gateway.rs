//! The gateway under faults: what heals, what is told, and what ends it.

use std::{sync::Arc, time::Duration};

use fake::{Command, Fault, Spec};
use steward_commands::discord::gateway::{GatewayError, GatewayState, GatewayStatus, Timing};

use crate::{
    bot::{PATIENCE, TestMemory, connected, quick, start, start_as, timing},
    world::connection,
};

#[tokio::test]
async fn the_bot_connects_registers_answers_and_ends_cleanly() {
    let bot = connected().await;
    bot.assert_answers().await;
    assert_eq!(bot.fake.command_puts(), 1);
    let state = bot.fake.gateway_state();
    assert_eq!((state.connects, state.identifies), (1, 1));
    assert_eq!(bot.status.borrow().identifies_today, 1);
    let (fake, mut status) = (Arc::clone(&bot.fake), bot.status.clone());
    status
        .wait_for(|status| status.last_ack.is_some())
        .await
        .unwrap();
    assert!(bot.end().await.is_ok());
    assert_eq!(status.borrow().state, GatewayState::Stopped);
    fake.wait(PATIENCE, |fake| fake.gateway_state().ready == 0)
        .await
        .unwrap();
    assert_eq!(fake.violations(), []);
}

#[tokio::test]
async fn commands_are_registered_again_only_when_they_changed() {
    let fake = quick().await;
    let memory = Arc::<TestMemory>::default();
    for _ in 0..2 {
        let mut bot = start_as(&fake, connection(&fake), Arc::clone(&memory), timing());
        bot.until(GatewayState::Connected).await;
        bot.end().await.unwrap();
    }
    assert_eq!(fake.command_puts(), 1);
}

#[tokio::test]
async fn a_registration_that_fails_does_not_keep_the_bot_away() {
    let fake = quick().await;
    fake.fault(Fault::on("PUT", "/commands$").unwrap().status(500));
    let mut bot = start(&fake);
    bot.until(GatewayState::Connected).await;
    let told = |status: &GatewayStatus| status.trouble.is_some();
    let trouble = bot.status.wait_for(told).await.unwrap().trouble.clone();
    assert!(trouble.unwrap().contains("tried again"));
    let registered = |fake: &fake::Fake| !fake.commands().is_empty();
    fake.wait(PATIENCE, registered).await.unwrap();
    let well = |status: &GatewayStatus| status.trouble.is_none();
    bot.status.wait_for(well).await.unwrap();
    assert_eq!(fake.gateway_state().identifies, 1);
}

/// Goal: a supervisor that starts a dying process again and again uses up no more than an hour's introductions.
#[tokio::test]
async fn introductions_of_earlier_processes_count() {
    let fake = quick().await;
    let memory = Arc::<TestMemory>::default();
    let timing = || Timing {
        identifies_per_hour: 3,
        ..timing()
    };
    for _ in 0..3 {
        let mut bot = start_as(&fake, connection(&fake), Arc::clone(&memory), timing());
        bot.until(GatewayState::Connected).await;
        bot.task.abort();
    }
    let mut bot = start_as(&fake, connection(&fake), memory, timing());
    bot.until(GatewayState::BackingOff).await;
    let error = bot.status.borrow().last_error.clone().unwrap();
    assert!(error.contains("started so often"), "{error}");
    assert_eq!(fake.gateway_state().identifies, 3);
    assert_eq!(bot.status.borrow().identifies_today, 3);
}

#[tokio::test]
async fn what_can_be_resumed_is_resumed() {
    for command in [
        Command::Reconnect,
        Command::InvalidSession(true),
        Command::Close(4000),
        Command::Close(1001),
        Command::Drop,
    ] {
        let bot = connected().await;
        bot.fake.gateway(command.clone());
        let resumed = bot
            .fake
            .wait(PATIENCE, |fake| fake.gateway_state().resumes == 1)
            .await;
        assert!(resumed.is_ok(), "{command:?}: {resumed:?}");
        bot.assert_answers().await;
        assert_eq!(bot.fake.gateway_state().identifies, 1);
    }
}

#[tokio::test]
async fn an_ended_session_is_begun_again() {
    let mut bot = connected().await;
    bot.fake.gateway(Command::InvalidSession(false));
    bot.fake
        .wait(PATIENCE, |fake| fake.gateway_state().identifies == 2)
        .await
        .unwrap();
    bot.assert_answers().await;
    bot.until(GatewayState::Connected).await;
    assert_eq!(bot.status.borrow().identifies_today, 2);
}

/// Goal: a connection that swallows everything is replaced, and not by serenity's own attempts alone.
#[tokio::test]
async fn without_acknowledgements_the_watchdog_replaces_the_connection() {
    let mut bot = connected().await;
    bot.fake.gateway(Command::MuteAcks(true));
    bot.until(GatewayState::BackingOff).await;
    let error = bot.status.borrow().last_error.clone().unwrap();
    assert!(error.contains("no heartbeat was acknowledged"), "{error}");
    bot.fake.gateway(Command::MuteAcks(false));
    bot.until(GatewayState::Connected).await;
    bot.assert_answers().await;
    bot.fake
        .wait(PATIENCE, |fake| fake.gateway_state().ready == 1)
        .await
        .unwrap();
}

/// Goal: quiet is not dead. Method: no events, for many times as long as the watchdog tolerates silence.
#[tokio::test]
async fn a_silent_gateway_that_acknowledges_is_left_alone() {
    let bot = connected().await;
    bot.fake.gateway(Command::Silent(true));
    let before = bot.fake.gateway_state().heartbeats;
    let beats = |fake: &fake::Fake| fake.gateway_state().heartbeats >= before + 12;
    bot.fake.wait(PATIENCE, beats).await.unwrap();
    let state = bot.fake.gateway_state();
    assert_eq!((state.connects, state.identifies), (1, 1));
    assert_eq!(bot.status.borrow().state, GatewayState::Connected);
}

#[tokio::test]
async fn what_discord_refuses_for_good_ends_it_with_a_name() {
    let fake = quick().await;
    let mut wrong = connection(&fake);
    wrong.token = "wrong".into();
    let refused = start_as(&fake, wrong, Arc::default(), timing())
        .ended()
        .await;
    assert!(
        matches!(refused, Err(GatewayError::TokenRefused)),
        "{refused:?}"
    );
    for code in [4004, 4013, 4014] {
        let bot = connected().await;
        bot.fake.gateway(Command::Close(code));
        let status = bot.status.clone();
        let error = bot.ended().await.unwrap_err();
        assert!(error.to_string().contains(&code.to_string()), "{error}");
        assert_eq!(status.borrow().state, GatewayState::Refused);
    }
}

#[tokio::test]
async fn an_address_that_hangs_or_fails_is_asked_again() {
    let fake = quick().await;
    fake.fault(Fault::on("GET", "/gateway$").unwrap().hang());
    fake.fault(Fault::on("GET", "/gateway$").unwrap().html(502, "<html>"));
    let mut bot = start(&fake);
    bot.until(GatewayState::Unreachable).await;
    bot.until(GatewayState::Connected).await;
    bot.assert_answers().await;
}

#[tokio::test]
async fn a_gateway_that_takes_no_connection_is_told_and_does_not_keep_the_process() {
    let fake = quick().await;
    fake.gateway(Command::Refuse(true));
    let mut bot = start(&fake);
    bot.until(GatewayState::Unreachable).await;
    assert!(bot.end().await.is_ok());
    let mut bot = start(&fake);
    bot.until(GatewayState::Unreachable).await;
    fake.gateway(Command::Refuse(false));
    bot.until(GatewayState::Connected).await;
}

#[tokio::test]
async fn too_many_introductions_end_in_a_long_wait() {
    let fake = quick().await;
    let timing = Timing {
        identifies_per_hour: 1,
        // Longer than serenity takes for its own second attempt.
        silence_max: Duration::from_secs(20),
        ..timing()
    };
    let mut bot = start_as(&fake, connection(&fake), Arc::default(), timing);
    bot.until(GatewayState::Connected).await;
    fake.gateway(Command::InvalidSession(false));
    bot.until(GatewayState::BackingOff).await;
    assert_eq!(
        bot.status.borrow().last_error.as_deref(),
        Some("2 IDENTIFYs within an hour")
    );
    fake.wait(PATIENCE, |fake| fake.gateway_state().ready == 0)
        .await
        .unwrap();
    let quiet = fake
        .wait(Duration::from_secs(2), |fake| {
            fake.gateway_state().identifies > 2
        })
        .await;
    assert!(quiet.is_err(), "no third introduction");
    assert!(bot.end().await.is_ok());
}

/// Goal: a gateway that ends every connection on its IDENTIFY (4010 to 4012, which serenity takes for passing troubles)
/// costs few IDENTIFYs, and the status says what it looks like and what to do. A test beside `Timing` sums up a day of it.
#[tokio::test]
async fn a_gateway_that_ends_every_introduction_is_left_alone_for_a_while() {
    let shunned = |code: u16, was_connected: bool| async move {
        let fake = quick().await;
        let timing = Timing {
            backoff_min: Duration::from_mins(1),
            backoff_max: Duration::from_mins(1),
            ..timing()
        };
        if !was_connected {
            fake.gateway(Command::Shun(Some(code)));
        }
        let mut bot = start_as(&fake, connection(&fake), Arc::default(), timing);
        if was_connected {
            bot.until(GatewayState::Connected).await;
            fake.gateway(Command::Shun(Some(code)));
            fake.gateway(Command::Close(code));
        }
        let is_told = |status: &GatewayStatus| status.last_error.is_some();
        let told = tokio::time::timeout(PATIENCE, bot.status.wait_for(is_told)).await;
        let told = told.map(|status| status.unwrap().clone());
        let used = fake.gateway_state().identifies;
        let told = told.unwrap_or_else(|_| panic!("{code}: {used} IDENTIFYs, and nothing is told"));
        assert!((1..=4).contains(&used), "{code}: {used} IDENTIFYs");
        assert_ne!(told.state, GatewayState::Connected);
        // serenity, left alone, would have come again within 5 s.
        let more = |fake: &fake::Fake| fake.gateway_state().identifies > used;
        let quiet = fake.wait(Duration::from_secs(6), more).await;
        assert!(quiet.is_err(), "{code}: a further introduction");
        told.last_error.unwrap_or_default()
    };
    let codes = [4010, 4011, 4012];
    let cases = codes
        .into_iter()
        .flat_map(|code| [(code, false), (code, true)]);
    let said = cases.map(|(code, was_connected)| shunned(code, was_connected));
    for error in futures::future::join_all(said).await {
        // One whose RESUMEs are refused looks like one that is deaf.
        let is_said = ["close codes 4010 to 4012", "no heartbeat was acknowledged"];
        assert!(is_said.iter().any(|said| error.contains(said)), "{error}");
    }
}

/// Goal: a server that Discord takes away for a while is no fault of the connection. Method: many beats without it.
#[tokio::test]
async fn a_server_that_is_unavailable_ends_nothing_and_is_answered_when_it_is_back() {
    let bot = connected().await;
    bot.fake.guild_unavailable(true);
    let before = bot.fake.gateway_state().heartbeats;
    let beats = |fake: &fake::Fake| fake.gateway_state().heartbeats >= before + 12;
    bot.fake.wait(PATIENCE, beats).await.unwrap();
    let state = bot.fake.gateway_state();
    assert_eq!((state.connects, state.identifies), (1, 1));
    assert_eq!(bot.status.borrow().state, GatewayState::Connected);
    bot.fake.guild_unavailable(false);
    bot.assert_answers().await;
}

#[tokio::test]
async fn status_says_that_the_server_is_unavailable_or_the_alert_role_is_gone_and_what_to_do() {
    let fake = quick().await;
    let (service, tasks, mut ended) = heard(&fake, fake::Spec::TOKEN);
    fake.wait(PATIENCE, |fake| fake.gateway_state().ready == 1)
        .await
        .unwrap();
    fake.guild_unavailable(true);
    let unavailable = format!(
        "Discord says that server {} is unavailable, an outage of its own; commands are answered when it is back",
        Spec::GUILD
    );
    until_told(&service, &unavailable).await;
    let readiness = steward::views::ask(&*service, steward::views::readiness::show).await;
    assert!(!readiness.unwrap().is_ready);
    fake.guild_unavailable(false);
    assert!(fake.delete_role(Spec::ROLE));
    let gone = format!(
        "the role {} does not exist in the server any more, so alerts wake nobody; set DISCORD_ALERT_ROLE_ID",
        Spec::ROLE
    );
    until_told(&service, &gone).await;
    assert!(ended.try_recv().is_err(), "the process goes on");
    assert!(tasks.shut_down(PATIENCE).await);
}

#[tokio::test]
async fn an_event_of_an_unknown_kind_is_no_fault() {
    let bot = connected().await;
    bot.fake.gateway(Command::Dispatch(
        "SOMETHING_NEW".to_owned(),
        serde_json::json!({ "x": 1 }),
    ));
    bot.fake.gateway(Command::Raw(
        "{\"op\":0,\"t\":\"INTERACTION_CREATE\",\"s\":9,\"d\":{}}".to_owned(),
    ));
    bot.assert_answers().await;
    assert_eq!(bot.fake.gateway_state().identifies, 1);
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 0);
    let mut status = bot.status.clone();
    let told = |status: &GatewayStatus| status.trouble.is_some();
    let trouble = status.wait_for(told).await.unwrap().trouble.clone();
    let trouble = trouble.unwrap();
    assert!(trouble.contains("INTERACTION_CREATE"), "{trouble}");
}

/// A service whose gateway runs among its tasks.
fn heard(
    fake: &fake::Fake,
    token: &str,
) -> (
    std::sync::Arc<steward::service::Service>,
    steward::tasks::Tasks,
    tokio::sync::mpsc::Receiver<steward::tasks::Stop>,
) {
    let service = crate::house::service(fake);
    let (tasks, ended) = steward::tasks::Tasks::new();
    let mut connection = steward_commands::discord::Connection::new(token.into()).at(fake.url());
    connection.request_timeout = std::time::Duration::from_secs(2);
    steward_commands::service::hear(&service, &tasks, connection);
    (service, tasks, ended)
}

/// Waits until the status card of `service` says `sentence`.
async fn until_told(service: &steward::service::Service, sentence: &str) {
    let question = steward::views::card::Question::Status { network: None };
    let told = async {
        loop {
            let answer = steward::views::ask(service, |glance| {
                steward::views::card::answer(glance, &question)
            });
            let message = answer.await.unwrap().unwrap();
            if format!("{message:?}").contains(sentence) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap();
}

#[tokio::test]
async fn a_refused_token_ends_the_gateway_and_not_the_process_and_status_says_what_to_do() {
    let fake = quick().await;
    let (service, tasks, mut ended) = heard(&fake, "another.token.0");
    until_told(
        &service,
        "Discord refuses the token (close code 4004); set DISCORD_TOKEN to the present token of the bot",
    )
    .await;
    assert!(ended.try_recv().is_err(), "the watcher goes on");
    assert!(tasks.shut_down(PATIENCE).await);
}

#[tokio::test]
async fn an_unreachable_gateway_ends_nothing_and_status_says_so() {
    let fake = quick().await;
    fake.outage(true);
    let (service, tasks, mut ended) = heard(&fake, fake::Spec::TOKEN);
    until_told(&service, "Discord does not answer").await;
    assert!(ended.try_recv().is_err(), "the process goes on");
    assert!(tasks.shut_down(PATIENCE).await);
}
