//! Many changes at once.

use super::{
    stage::{Stage, TRANSITIONS},
    telling::tellings,
};

/// With Discord's own rate limits: a table with a file, and no refusal for being too fast.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_changes_in_one_transaction_are_a_few_messages_with_a_table() {
    let stage = Stage::set().await;
    let floor = stage.start_first().await;
    stage.add_keys(0, 200).await;
    stage.see_the_truth(floor).await;
    let messages = stage.discord.messages(TRANSITIONS);
    assert!(messages.len() <= 1 + 5, "{} messages", messages.len());
    let table = messages.last().unwrap();
    assert_eq!(table.attachments.len(), 1);
    assert_eq!(table.attachments[0].name, "notices.csv");
    let rows = tellings(&stage.discord, TRANSITIONS).len() - 1;
    assert_eq!(rows, 200);
    stage.see_that_nothing_follows(floor).await;
    assert_eq!(stage.discord.invalid_requests().rate_limited, 0);
    stage.assert_rules_were_kept();
}
