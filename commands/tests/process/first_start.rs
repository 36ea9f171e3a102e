//! The first start, and the first life cycle after it.

use fake::{Message, Snowflake};
use localnet::rollup::tokens;

use super::{
    stage::{ALERTS, Stage, TRANSITIONS, unlimited},
    telling::tellings,
    truth::facts,
};

/// Set where the check against Discord's own document must not be left out.
const EXPECT_OPENAPI: &str = "STEWARD_EXPECT_OPENAPI";

/// What happened before is in the summary's counts and nowhere else. From then on every change is one card, in the order
/// of the chain, in the channel of its kind; and once its block is final its badge says so.
#[tokio::test(flavor = "multi_thread")]
async fn from_the_first_start_on_every_change_is_one_card_in_order_and_becomes_final() {
    let stage = Stage::with(unlimited(), 1).await;
    let keys = stage.add_keys(0, 8).await;
    stage.stake(2).await;
    let floor = stage.start_first().await;
    let summary = stage.discord.messages(TRANSITIONS);
    assert!(
        summary[0].text().contains("Watching 8 attesters"),
        "{}",
        summary[0].text()
    );

    stage.stake(4).await;
    stage.net.drain_entry_queue().await.unwrap();
    let slashed = stage.net.slash(keys[0].attester, tokens(2_000));
    slashed.await.unwrap();
    stage.see_the_truth(floor).await;

    let facts = facts(&stage, floor).await;
    let is_slash = |notice: &str| notice.contains("attester_slashed");
    let expected = facts.iter().filter(|fact| !is_slash(&fact.notice));
    let notices: Vec<&str> = expected.map(|fact| fact.notice.as_str()).collect();
    let told = tellings(&stage.discord, TRANSITIONS);
    assert_eq!(told[0].notice, "local/-/summary/1");
    // Four of them are in one block: they follow the chain there too.
    let order = told.iter().skip(1).map(|telling| telling.notice.as_str());
    assert_eq!(order.collect::<Vec<&str>>(), notices);
    let block = facts
        .iter()
        .rfind(|fact| !is_slash(&fact.notice))
        .unwrap()
        .block;
    let together = facts.iter().filter(|fact| fact.block == block);
    assert!(!together.map(|fact| &fact.notice).is_sorted());
    let alerts = tellings(&stage.discord, ALERTS);
    assert_eq!(alerts.len(), 1);
    assert!(is_slash(&alerts[0].notice));

    // What is final is asked for every 32 blocks.
    stage.net.mine(40).await.unwrap();
    let is_final = |message: &Message| message.text().contains("Finality\nfinal");
    let of_changes = |messages: Vec<Message>| {
        let changes = messages.into_iter();
        changes
            .filter(|message| !message.text().contains("/summary/"))
            .collect::<Vec<_>>()
    };
    let cards = stage
        .see("a final badge on every card", |discord| {
            let mut cards = of_changes(discord.messages(TRANSITIONS));
            cards.extend(discord.messages(ALERTS));
            cards.iter().all(is_final).then_some(cards)
        })
        .await;
    assert_eq!(cards.len(), facts.len());
    for card in &cards {
        // Said once and edited once, with nothing attached; one card wakes nobody.
        assert_eq!((card.versions.len(), card.attachments.len()), (2, 0));
        assert!(card.pinged.is_nobody(), "{}", card.text());
    }
    stage.see_that_nothing_follows(floor).await;
    stage.assert_rules_were_kept();
}

/// A channel of their own for digests.
const DIGESTS: Snowflake = Snowflake(1_100_000_000_000_000_013);

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_goes_to_the_channel_of_digests_and_changes_do_not() {
    let mut stage = Stage::with(unlimited().channel(DIGESTS, "digests"), 32).await;
    let digests = DIGESTS.0.to_string();
    stage.settings.insert("DISCORD_CHANNEL_DIGESTS", digests);
    stage.add_keys(0, 2).await;
    stage.start();
    stage.see_messages(DIGESTS, 1).await;
    stage.stake(1).await;
    stage.see_messages(TRANSITIONS, 1).await;
    let notices = |channel| -> Vec<String> {
        let told = tellings(&stage.discord, channel);
        told.into_iter().map(|telling| telling.notice).collect()
    };
    assert_eq!(notices(DIGESTS), ["local/-/summary/1"]);
    assert!(notices(TRANSITIONS)[0].contains("/attester_transition/"));
    stage.assert_rules_were_kept();
}

#[test]
fn where_it_is_expected_everything_is_checked_against_discords_own_document() {
    let is_expected = std::env::var(EXPECT_OPENAPI).is_ok_and(|value| value == "1");
    let is_checked = std::env::var_os(fake::OPENAPI_VARIABLE).is_some();
    assert!(
        is_checked || !is_expected,
        "{EXPECT_OPENAPI} is 1, and {} is not set: what is sent was not checked",
        fake::OPENAPI_VARIABLE
    );
    if !is_checked {
        println!("skipped: {} is not set", fake::OPENAPI_VARIABLE);
    }
}
