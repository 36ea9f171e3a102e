//! Faults between the bot and Discord: what the bot sees, and what Discord did all the same.

use std::time::{Duration, Instant};

use fake::{Fault, Spec};
use serde_json::json;

use crate::client::{PATIENCE, bot, messages};

#[tokio::test]
async fn a_status_fault_refuses_so_many_times_and_nothing_happens() {
    let bot = bot().await;
    bot.fake.fault(Fault::on_send().times(2).status(502));
    for expected in [502, 502, 200] {
        assert_eq!(bot.post(json!({ "content": "a" })).await.status, expected);
    }
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 1);
}

#[tokio::test]
async fn an_accepted_message_exists_although_its_answer_is_lost() {
    let bot = bot().await;
    bot.fake.fault(Fault::on_send().accept_then_drop());
    let lost = bot
        .try_call("POST", &messages(), json!({ "content": "a" }))
        .await;
    assert!(lost.is_err());
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 1);
    assert_eq!(bot.fake.requests()[0].status, None);
    assert_eq!(bot.post(json!({ "content": "b" })).await.status, 200);
}

#[tokio::test]
async fn an_accepted_message_exists_although_the_answer_is_500() {
    let bot = bot().await;
    bot.fake.fault(Fault::on_send().accept_then_status(500));
    assert_eq!(bot.post(json!({ "content": "a" })).await.status, 500);
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 1);
}

#[tokio::test]
async fn a_dropped_request_does_nothing() {
    let bot = bot().await;
    bot.fake.fault(Fault::on_send().drop_connection());
    assert!(
        bot.try_call("POST", &messages(), json!({ "content": "a" }))
            .await
            .is_err()
    );
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 0);
}

#[tokio::test]
async fn a_hanging_request_never_ends() {
    let bot = bot().await;
    bot.fake.fault(Fault::on_send().hang());
    let path = messages();
    let mut sending = Box::pin(bot.try_call("POST", &path, json!({ "content": "a" })));
    let arrived = bot.fake.wait(PATIENCE, |fake| fake.requests().len() == 1);
    tokio::select! {
        _ = &mut sending => panic!("it was answered"),
        arrived = arrived => arrived.unwrap(),
    }
    assert!(
        tokio::time::timeout(Duration::from_millis(50), sending)
            .await
            .is_err()
    );
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 0);
}

#[tokio::test]
async fn a_delay_holds_the_work_back() {
    let bot = bot().await;
    bot.fake
        .fault(Fault::on_send().delay(Duration::from_millis(80)));
    let started = Instant::now();
    assert_eq!(bot.post(json!({ "content": "a" })).await.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn a_fault_can_wait_for_its_body_and_its_turn() {
    let bot = bot().await;
    bot.fake.fault(
        Fault::on_send()
            .with_body("poison")
            .unwrap()
            .skip(1)
            .status(500),
    );
    let mut statuses = Vec::new();
    for content in ["poison", "fine", "poison", "poison"] {
        statuses.push(bot.post(json!({ "content": content })).await.status);
    }
    assert_eq!(statuses, [200, 200, 500, 200]);
}

#[tokio::test]
async fn an_injected_429_looks_like_discords() {
    let bot = bot().await;
    bot.fake.fault(Fault::on_send().rate_limited(1.5, "shared"));
    let refused = bot.post(json!({ "content": "a" })).await;
    assert_eq!(
        (
            refused.status,
            refused.header("retry-after"),
            refused.header("x-ratelimit-scope")
        ),
        (429, "2", "shared")
    );
    assert_eq!(refused.body["retry_after"], json!(1.5));
    assert_eq!(
        bot.fake.invalid_requests().rate_limited,
        0,
        "shared ones do not count"
    );
}

#[tokio::test]
async fn a_proxys_page_is_no_json() {
    let bot = bot().await;
    bot.fake
        .fault(Fault::on_edit().html(502, "<html>Bad gateway</html>"));
    let id = bot.post(json!({ "content": "a" })).await.id();
    let refused = bot
        .call(
            "PATCH",
            &format!("{}/{id}", messages()),
            json!({ "content": "b" }),
        )
        .await;
    assert_eq!(
        (refused.status, refused.header("content-type")),
        (502, "text/html")
    );
}
