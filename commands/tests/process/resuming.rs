//! A network that was stopped, and the person who has it read again.

use serde_json::Value;

use super::stage::{ALERTS, Stage, unlimited};

const RESUME: [&str; 5] = ["network", "resume", "local", "--reason", "rpc-1 was right"];

fn words(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap().trim_end().to_owned()
}

/// What steward says of the only network.
fn network(answer: &str) -> Option<Value> {
    let view: Value = serde_json::from_str(answer).ok()?;
    view["networks"].get(0).cloned()
}

async fn assert_nothing_is_read_again_without_need(stage: &Stage) {
    let early = stage.ask(&RESUME).await;
    assert!(!early.status.success());
    insta::assert_snapshot!(words(early.stderr), @"
    steward: local is not read again: local is not stopped, and nothing of its history is missing
    Look at it with `steward status`.
    ");
    let elsewhere = stage
        .ask(&["network", "resume", "mainnet", "--reason", "x"])
        .await;
    assert!(!elsewhere.status.success());
    insta::assert_snapshot!(words(elsewhere.stderr), @"
    steward: there is no network mainnet: the networks are local
    Name one of them.
    ");
}

async fn see_the_card_of_the_stop(stage: &Stage) {
    stage
        .see("the card of the stop", |discord| {
            let messages = discord.messages(ALERTS);
            let card = messages
                .iter()
                .find(|message| message.text().contains("below the finalised block"))?;
            assert!(
                card.text()
                    .contains("steward network resume local --reason"),
                "{}",
                card.text()
            );
            Some(())
        })
        .await;
}

/// Goal: the way out of a stop works as its card says. Method: an L1 whose blocks are final at once replaces final ones; the
/// command is given to the running service through its socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_network_is_read_again_on_the_order_of_a_person_and_status_says_who() {
    let stage = Stage::with(unlimited(), 1).await;
    let floor = stage.start_first().await;
    stage.add_keys(0, 2).await;
    stage.see_the_truth(floor).await;
    assert_nothing_is_read_again_without_need(&stage).await;
    stage.net.mine(80).await.unwrap();
    let head = stage.net.head().await.unwrap().number;
    let is_final = |answer: &str| {
        let told = network(answer)?["finality"]["finalized"]["number"].as_u64()?;
        (told + 50 > head).then_some(())
    };
    stage.see_answer(&["status", "--json"], is_final).await;
    stage.net.reorg(70).await.unwrap();
    stage.net.mine(2).await.unwrap();
    see_the_card_of_the_stop(&stage).await;
    let stopped = |answer: &str| Some(network(answer)?["stopped"].as_str()?.to_owned());
    let why = stage.see_answer(&["status", "--json"], stopped).await;

    let done = stage.ask(&RESUME).await;
    assert!(done.status.success(), "{}", words(done.stderr));
    let said = words(done.stdout);
    let expected = "local is read again from its first block; nothing up to block ";
    assert!(said.contains(expected), "{said}");
    let again = |answer: &str| {
        let network = network(answer)?;
        let is_over = network["stopped"].is_null() && network["lag_blocks"] == 0;
        is_over.then(|| network["resumptions"].clone())
    };
    let resumptions = stage.see_answer(&["status", "--json"], again).await;
    assert_eq!(resumptions.as_array().unwrap().len(), 1);
    assert_eq!(resumptions[0]["reason"], "rpc-1 was right");
    assert_eq!(resumptions[0]["stopped"], why);
    let by = resumptions[0]["by"].as_str().unwrap();
    let shown = words(stage.ask(&["status"]).await.stdout);
    let line = shown.lines().find(|line| line.starts_with("Read again"));
    let line = line.unwrap_or_else(|| panic!("{shown}"));
    assert!(
        line.ends_with(&format!("by {by}: rpc-1 was right")),
        "{line}"
    );

    stage.add_keys(2, 1).await;
    stage.see_the_truth(floor).await;
    stage.see_that_nothing_follows(floor).await;
    stage.assert_rules_were_kept();

    let (status, _) = stage.terminate().await;
    assert!(status.success());
    let nobody = stage.ask(&RESUME).await;
    assert!(!nobody.status.success());
    insta::assert_snapshot!(words(nobody.stderr), @"
    steward: the order was not taken: no service is running that could carry it out
    Start it with `steward run`.
    ");
}
