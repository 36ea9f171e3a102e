//! The canary of the shipped binary.

use fake::Snowflake;

use super::stage::{Stage, unlimited};

const CANARY: Snowflake = Snowflake(1_100_000_000_000_000_014);

/// Without anything happening on chain it is written, read back, and told in the status.
#[tokio::test(flavor = "multi_thread")]
async fn the_canary_is_written_and_seen_and_the_status_says_so() {
    let mut stage = Stage::with(unlimited().channel(CANARY, "canary"), 32).await;
    let channel = CANARY.0.to_string();
    stage.settings.insert("DISCORD_CHANNEL_CANARY", channel);
    stage.add_keys(0, 2).await;
    stage.start_first().await;
    let messages = stage.see_messages(CANARY, 1).await;
    assert!(messages[0].text().contains("read up to block"));
    let seen = stage.see_answer(&["status", "--json"], |answer| {
        let status: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
        let canary = status["canary"].clone();
        canary["seen_at"].is_u64().then_some(canary)
    });
    assert_eq!(seen.await["is_silent"], false);
    stage.assert_rules_were_kept();
}
