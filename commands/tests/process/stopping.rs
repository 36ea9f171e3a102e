//! Stopping, and not starting.

use std::time::Duration;

use fake::Fault;

use super::stage::{Stage, TRANSITIONS};

/// More than the deadline, for a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(10);

/// A request that hangs does not keep a supervisor waiting, and the message it carried is neither lost nor doubled.
#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_stops_within_its_deadline_and_owes_what_it_could_not_say() {
    let mut stage = Stage::unlimited().await;
    stage.settings.insert("SHUTDOWN_DEADLINE", "1s".to_owned());
    let floor = stage.start_first().await;
    let faults = [Fault::on_send().hang(), Fault::on_send().accept_then_hang()];
    for (lives, fault) in (2..).zip(faults) {
        stage.discord.fault(fault);
        let sent = stage.discord.requests_of("POST", "/messages").len();
        let first = u64::try_from(sent).unwrap();
        stage.add_keys(first, 1).await;
        stage
            .see("a request that hangs", |discord| {
                (discord.requests_of("POST", "/messages").len() > sent).then_some(())
            })
            .await;
        let (status, took) = stage.terminate().await;
        assert!(status.success(), "{status}; {}", stage.said());
        assert!(took < Duration::from_secs(1) + SLACK, "{took:?}");
        stage.start();
        stage.hear_of_lives(lives).await;
        stage.see_the_truth(floor).await;
    }
    let (status, _) = stage.terminate().await;
    assert!(status.success(), "{status}");
    stage.start();
    stage.see_that_nothing_follows(floor).await;
    assert_eq!(stage.discord.messages(TRANSITIONS).len(), 4);
    stage.assert_rules_were_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_on_the_same_directory_is_refused_and_the_first_goes_on() {
    let stage = Stage::unlimited().await;
    let floor = stage.start_first().await;
    let mut second = stage.spawn(&[]);
    let status = stage.end_of(&mut second).await;
    assert_eq!(status.code(), Some(1));
    let said = stage.said();
    let refusal = said.lines().find(|line| line.starts_with("steward: "));
    let directory = stage.data_dir().display().to_string();
    let refusal = refusal.unwrap_or_else(|| panic!("no refusal; {said}"));
    assert!(refusal.contains(&directory), "{refusal}");
    stage.add_keys(0, 1).await;
    stage.see_the_truth(floor).await;
    stage.assert_rules_were_kept();
}

/// A token that Discord does not know: said, not hammered, and the chain is followed all the same; with the right one
/// everything is told once.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_that_discord_refuses_it_goes_on_watching_and_says_so() {
    let mut stage = Stage::unlimited().await;
    stage.add_keys(0, 3).await;
    let right = stage.settings["DISCORD_TOKEN"].clone();
    let wrong = "MTEwMDAwMDAwMDAwMDAwMDAwMQ.wrong.token".to_owned();
    stage.settings.insert("DISCORD_TOKEN", wrong);
    let floor = stage.net.head().await.unwrap().number;
    stage.start();
    stage
        .see("a refusal", |discord| {
            (discord.invalid_requests().unauthorized > 0).then_some(())
        })
        .await;
    stage.hear("the token is refused; set a valid one").await;
    for key in 3..13 {
        stage.add_keys(key, 1).await;
        let head = stage.net.head().await.unwrap().number;
        stage.hear_of_block(head).await;
    }
    stage.assert_is_running();
    let refused = stage.discord.invalid_requests().unauthorized;
    assert!(refused <= 5, "{refused} requests with a refused token");

    let (status, _) = stage.terminate().await;
    assert!(status.success(), "{status}");
    stage.settings.insert("DISCORD_TOKEN", right);
    stage.start();
    stage.see_the_truth(floor).await;
    stage.see_that_nothing_follows(floor).await;
}
