//! One side is away for a while.

use fake::Fault;
use localnet::Key;

use super::{
    cable::Cable,
    stage::{Stage, TRANSITIONS},
    telling::tellings,
};

/// What is owed while Discord cannot be reached waits; it arrives once, and so much of it as tables.
#[tokio::test(flavor = "multi_thread")]
async fn what_discord_missed_arrives_once_and_as_tables_when_it_is_much() {
    let mut stage = Stage::unlimited().await;
    let cable = Cable::to(stage.discord.url()).await;
    stage.settings.insert("DISCORD_API_URL", cable.url());
    let floor = stage.start_first().await;
    cable.pull();
    // Three a block: fewer than make a table of their own.
    for batch in 0..14 {
        stage.add_keys(batch * 3, 3).await;
    }
    let head = stage.net.head().await.unwrap().number;
    stage.hear_of_block(head).await;
    cable.plug();
    stage.see_the_truth(floor).await;
    let messages = stage.discord.messages(TRANSITIONS);
    assert!(messages.len() <= 1 + 5, "{} messages", messages.len());
    let files = messages.iter().map(|message| message.attachments.len());
    assert!(files.sum::<usize>() >= 1);
    assert_eq!(tellings(&stage.discord, TRANSITIONS).len(), 1 + 42);
    stage.assert_order_of_the_chain(floor).await;
    stage.see_that_nothing_follows(floor).await;
    stage.assert_rules_were_kept();
}

/// Discord answers, but with 503: the same, and a few stay a few. A power cut meanwhile does not change their order.
#[tokio::test(flavor = "multi_thread")]
async fn a_few_changes_during_an_outage_of_discord_are_a_card_each_afterwards() {
    let stage = Stage::unlimited().await;
    let floor = stage.start_first().await;
    stage.discord.outage(true);
    // All in one block, in an order that is not the one by address.
    let mut keys = Key::range(0, 3).unwrap();
    keys.sort_by_key(|key| std::cmp::Reverse(key.attester));
    stage.net.add_keys(stage.provider, &keys).await.unwrap();
    let head = stage.net.head().await.unwrap().number;
    stage.hear_of_block(head).await;
    stage.kill().await;
    stage.start();
    stage.hear_of_lives(2).await;
    stage.discord.outage(false);
    stage.see_the_truth(floor).await;
    stage.see_that_nothing_follows(floor).await;
    // The summary, the three, and the last.
    assert_eq!(stage.discord.messages(TRANSITIONS).len(), 5);
    stage.assert_order_of_the_chain(floor).await;
    stage.assert_rules_were_kept();
}

/// What happens while no endpoint answers is told when one does; a restart in the dark changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_the_chain_cannot_be_read_is_told_afterwards() {
    let mut stage = Stage::unlimited().await;
    let cable = Cable::to(&stage.net.url()).await;
    stage.settings.insert("L1_RPC_URLS", cable.url());
    let floor = stage.start_first().await;
    for is_restarted in [false, true] {
        cable.pull();
        if is_restarted {
            stage.kill().await;
            stage.start();
        }
        let first = if is_restarted { 4 } else { 0 };
        stage.add_keys(first, 3).await;
        stage.stake(1).await;
        stage.hear("step failed").await;
        cable.plug();
        stage.see_the_truth(floor).await;
    }
    stage.see_that_nothing_follows(floor).await;
    stage.assert_rules_were_kept();
}

/// Commands need the gateway; the watcher does not.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_gateway_changes_are_told_all_the_same() {
    let stage = Stage::unlimited().await;
    let gateway = Fault::on("GET", "/gateway").unwrap();
    stage.discord.fault(gateway.status(500).always());
    let floor = stage.start_first().await;
    stage.add_keys(0, 2).await;
    stage.see_the_truth(floor).await;
    stage.assert_is_running();
    stage.assert_rules_were_kept();
}
