//! Reorganisations of the chain, seen in Discord.

use super::{
    stage::{Stage, TRANSITIONS},
    telling::{Telling, tellings},
    truth::facts,
};

async fn with_one_activation() -> (Stage, u64) {
    let stage = Stage::unlimited().await;
    stage.add_keys(0, 7).await;
    stage.stake(6).await;
    stage.net.next_epoch().await.unwrap();
    stage.net.flush_entry_queue().await.unwrap();
    let floor = stage.start_first().await;
    stage.net.next_epoch().await.unwrap();
    stage.net.flush_entry_queue().await.unwrap();
    stage.see_the_truth(floor).await;
    (stage, floor)
}

fn of_notice(all: &[Telling], notice: &str) -> Vec<Telling> {
    let same = all.iter().filter(|telling| telling.notice == notice);
    same.cloned().collect()
}

/// Taken back, its card says so; included again, the same message tells the block it is in now.
#[tokio::test(flavor = "multi_thread")]
async fn an_activation_that_a_reorg_moves_to_another_block_stays_one_message() {
    let (stage, floor) = with_one_activation().await;
    let before = facts(&stage, floor).await;
    let notice = before[0].notice.clone();
    let first = of_notice(&tellings(&stage.discord, TRANSITIONS), &notice);

    stage.net.reorg(1).await.unwrap();
    let taken_back = stage
        .see("the card taken back", |discord| {
            let told = of_notice(&tellings(discord, TRANSITIONS), &notice);
            told[0].is_retracted.then_some(told)
        })
        .await;
    assert_eq!(taken_back.len(), 1);
    assert!(
        taken_back[0].text.contains("Taken back"),
        "{}",
        taken_back[0].text
    );

    stage.net.mine(1).await.unwrap();
    stage
        .see("the block in its place", |discord| {
            let told = of_notice(&tellings(discord, TRANSITIONS), &notice);
            told[0].text.contains(" is in its place.").then_some(())
        })
        .await;

    stage.net.flush_entry_queue().await.unwrap();
    stage.see_the_truth(floor).await;
    let after = facts(&stage, floor).await;
    assert_eq!(after[0].notice, notice);
    assert_ne!(after[0].block, before[0].block);
    let last = of_notice(&tellings(&stage.discord, TRANSITIONS), &notice);
    assert_eq!((last.len(), last[0].message), (1, first[0].message));
    stage.see_that_nothing_follows(floor).await;
    stage.assert_rules_were_kept();
}

/// The same, so fast that the service sees only the end of it; once while it runs, once while it is down.
#[tokio::test(flavor = "multi_thread")]
async fn an_activation_that_moved_before_anybody_looked_is_edited_and_not_told_again() {
    let (stage, floor) = with_one_activation().await;
    for is_down in [false, true] {
        if is_down {
            stage.kill().await;
        }
        stage.net.reorg(2).await.unwrap();
        stage.net.mine(2).await.unwrap();
        stage.net.next_epoch().await.unwrap();
        stage.net.flush_entry_queue().await.unwrap();
        if is_down {
            stage.start();
        }
        stage.see_the_truth(floor).await;
    }
    stage.see_that_nothing_follows(floor).await;
    let count = facts(&stage, floor).await.len();
    assert_eq!(stage.discord.messages(TRANSITIONS).len(), count + 1);
    stage.assert_rules_were_kept();
}
