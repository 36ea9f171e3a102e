//! Rate limits: windows, headers, 429, and the counters.

use std::time::Duration;

use fake::{Rate, Rules, Spec};
use serde_json::{Value, json};

use crate::client::{bot_in, messages};

/// No limits but those the test sets: windows of an hour, so that a slow machine does not end them.
fn limited(change: impl FnOnce(Rules) -> Rules) -> Spec {
    Spec {
        rules: change(Rules::default().unlimited()),
        ..Spec::default()
    }
}

#[tokio::test]
async fn every_answer_tells_its_bucket_and_the_sixth_send_is_refused() {
    let rate = Rate::per_seconds(5, 3600);
    let bot = bot_in(limited(|rules| {
        rules.with_rate("POST", "/channels/{id}/messages", rate)
    }))
    .await;
    for left in ["4", "3", "2", "1", "0"] {
        let sent = bot.post(json!({ "content": "a" })).await;
        assert_eq!(
            (sent.status, sent.header("x-ratelimit-remaining")),
            (200, left)
        );
        assert_eq!(sent.header("x-ratelimit-limit"), "5");
        assert!(
            sent.header("x-ratelimit-reset-after")
                .parse::<f64>()
                .unwrap()
                > 3000.0
        );
    }
    let refused = bot.post(json!({ "content": "a" })).await;
    assert_eq!(
        (refused.status, &refused.body["global"]),
        (429, &json!(false))
    );
    assert_eq!(refused.header("x-ratelimit-scope"), "user");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 3000);
    assert_eq!(bot.fake.invalid_requests().rate_limited, 1);
    let elsewhere = bot
        .call(
            "POST",
            &format!("/channels/{}/messages", Spec::FALLBACK),
            json!({ "content": "a" }),
        )
        .await;
    assert_eq!(
        elsewhere.status, 200,
        "another channel has a window of its own"
    );
    bot.fake.advance(Duration::from_secs(3600));
    assert_eq!(bot.post(json!({ "content": "a" })).await.status, 200);
    assert_eq!(bot.fake.messages(Spec::CHANNEL).len(), 6);
}

#[tokio::test]
async fn the_global_limit_counts_all_routes() {
    let bot = bot_in(limited(|rules| Rules {
        global: Rate::per_seconds(3, 3600),
        ..rules
    }))
    .await;
    for path in ["/users/@me", "/gateway", &messages()] {
        assert_eq!(bot.call("GET", path, Value::Null).await.status, 200);
    }
    let refused = bot.call("GET", "/users/@me", Value::Null).await;
    assert_eq!(
        (refused.status, &refused.body["global"]),
        (429, &json!(true))
    );
    assert_eq!(refused.header("x-ratelimit-global"), "true");
}
