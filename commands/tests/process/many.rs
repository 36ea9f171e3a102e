//! Many changes at once.

use futures::future::join_all;
use serde_json::json;

use super::{
    stage::{Stage, TRANSITIONS},
    telling::tellings,
};

/// The keys of one transaction: more of them do not fit into the gas of one.
const KEYS_IN_A_TRANSACTION: u64 = 70;

async fn add_keys_in_one_block(stage: &Stage, count: u64) {
    let rpc = &stage.net.rpc;
    rpc.tell("evm_setBlockGasLimit", json!(["0x10000000"]))
        .await
        .unwrap();
    rpc.tell("evm_setAutomine", json!([false])).await.unwrap();
    let batches = (0..count / KEYS_IN_A_TRANSACTION)
        .map(|batch| stage.add_keys(batch * KEYS_IN_A_TRANSACTION, KEYS_IN_A_TRANSACTION));
    join_all(batches).await;
    rpc.tell("evm_setAutomine", json!([true])).await.unwrap();
}

/// With Discord's own rate limits: a table with a file, and no refusal for being too fast.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_changes_in_one_block_are_a_few_messages_with_a_table() {
    let stage = Stage::set().await;
    let floor = stage.start_first().await;
    add_keys_in_one_block(&stage, 210).await;
    stage.see_the_truth(floor).await;
    let messages = stage.discord.messages(TRANSITIONS);
    assert!(messages.len() <= 1 + 5, "{} messages", messages.len());
    let table = messages.last().unwrap();
    assert_eq!(table.attachments.len(), 1);
    assert_eq!(table.attachments[0].name, "notices.csv");
    let rows = tellings(&stage.discord, TRANSITIONS).len() - 1;
    assert_eq!(rows, 210);
    stage.assert_order_of_the_chain(floor).await;
    stage.see_that_nothing_follows(floor).await;
    assert_eq!(stage.discord.invalid_requests().rate_limited, 0);
    stage.assert_rules_were_kept();
}
