//! The data directory: when it fills up, belongs to somebody else, or goes; and what is kept beside it.

use std::{fs, net::TcpListener};

use serde_json::Value;

use super::{
    stage::{Stage, TRANSITIONS},
    telling::tellings,
};

/// An address that nobody listens on.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

/// Goal: what was announced is not announced again, and what came since is, though neither the database nor the file of the
/// last announced block is there. Method: both are deleted while steward is down and the chain goes on.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_database_and_its_file_it_asks_the_channel_what_was_announced() {
    let stage = Stage::unlimited().await;
    stage.add_keys(0, 8).await;
    let floor = stage.start_first().await;
    stage.stake(3).await;
    stage.see_the_truth(floor).await;
    let before = stage.discord.messages(TRANSITIONS).len();
    for is_damaged in [false, true] {
        let (status, _) = stage.terminate().await;
        assert!(status.success());
        let data = stage.data_dir();
        for directory in ["store", "exports"] {
            fs::remove_dir_all(data.join(directory)).ok();
        }
        let announced = data.join("announced.json");
        if is_damaged {
            fs::write(&announced, "{\"version\":1,\"ann").unwrap();
        } else {
            fs::remove_file(&announced).unwrap();
        }
        stage.stake(1).await;
        stage.start();
        stage.hear("taken from the newest card").await;
        stage.see_the_truth(floor).await;
    }
    stage.see_that_nothing_follows(floor).await;
    // The two stakes while it was down, and the last change; no second summary.
    assert_eq!(stage.discord.messages(TRANSITIONS).len(), before + 3);
    stage.assert_rules_were_kept();
}

/// The export of the day is a job like others; what is recorded after it is folded again by `verify`, and gives the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_days_export_is_a_job_and_the_base_that_verify_replays_from() {
    let mut stage = Stage::unlimited().await;
    let address = free_address();
    stage.settings.insert("HTTP_BIND", address.clone());
    stage.add_keys(0, 8).await;
    let floor = stage.start_first().await;
    let job = stage
        .see_answer(&["job", "list", "--kind", "export", "--json"], |answer| {
            let answer: Value = serde_json::from_str(answer).ok()?;
            let job = answer["jobs"].get(0)?.clone();
            (job["state"] == "done").then_some(job)
        })
        .await;
    let evidence = job["evidence"].as_str().unwrap();
    assert!(evidence.contains(".jsonl holds "), "{evidence}");
    stage.stake(2).await;
    stage.net.reorg(1).await.unwrap();
    stage.stake(1).await;
    stage.see_the_truth(floor).await;

    let metrics = reqwest::get(format!("http://{address}/metrics"))
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    let count = metrics
        .lines()
        .find_map(|line| line.strip_prefix("steward_delivery_latency_seconds_count "))
        .unwrap();
    let told = tellings(&stage.discord, TRANSITIONS).len();
    assert!(count.parse::<usize>().unwrap() >= told, "{count} of {told}");

    let (status, _) = stage.terminate().await;
    assert!(status.success());
    let output = stage.ask(&["verify", "--json"]).await;
    let (status, said) = (output.status, String::from_utf8(output.stdout).unwrap());
    assert!(status.success(), "{said}");
    let report: Value = serde_json::from_str(&said).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let found: Vec<&str> = findings
        .filter(|finding| finding["subject"] == "local observations")
        .map(|finding| finding["detail"].as_str().unwrap())
        .collect();
    let [found] = found.as_slice() else {
        panic!("{said}")
    };
    assert!(
        found.contains(" observations since steward-") && found.ends_with("): equal"),
        "{found}"
    );
    stage.assert_rules_were_kept();
}

/// Method: no file may grow beyond what the database has now and a little more; then so much happens that it must.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_ends_it_with_a_sentence_and_nothing_is_lost() {
    let stage = Stage::unlimited().await;
    let floor = stage.start_first().await;
    let (status, _) = stage.terminate().await;
    assert!(status.success());
    let log = stage.data_dir().join("store/db/db");
    let size = fs::metadata(log).unwrap().len();
    stage.start_on_a_full_disk(size + 600_000);
    stage.hear_of_lives(2).await;
    for batch in 0..40 {
        if stage.has_ended() {
            break;
        }
        stage.add_keys(batch * 40, 40).await;
    }
    let status = stage.end().await;
    assert!(!status.success());
    stage
        .hear("free space on its disk and check its owner, then start steward again")
        .await;
    stage.start();
    stage.see_the_truth(floor).await;
    stage.see_that_nothing_follows(floor).await;
    stage.assert_rules_were_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_of_another_network_is_refused_with_both_values() {
    let mut stage = Stage::unlimited().await;
    stage.start_first().await;
    let (status, _) = stage.terminate().await;
    assert!(status.success());
    let other = "0x3333333333333333333333333333333333333333";
    let ours = stage.settings.insert("REGISTRY_ADDRESS", other.to_owned());
    stage.start();
    let status = stage.end().await;
    assert!(!status.success());
    let said = stage.said();
    assert!(
        said.contains("the network local cannot be watched"),
        "{said}"
    );
    let ours = ours.unwrap().to_lowercase();
    let lower = said.to_lowercase();
    assert!(lower.contains(&ours) && lower.contains(other), "{said}");
}
