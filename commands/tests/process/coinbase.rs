//! Coinbases: the keys files on one side, the splits of the stakes on the other.

use fake::{Message, Spec};
use localnet::Key;

use super::stage::{ALERTS, Stage, TRANSITIONS};

pub(super) const FILE: &str = "local-keys-beast-1-v1.json";

/// A keys file with these attesters and their coinbases.
pub(super) fn keys_file(rows: &[(&Key, Option<String>)]) -> String {
    let validators: Vec<serde_json::Value> = rows
        .iter()
        .map(|(key, coinbase)| {
            let mut row = serde_json::json!({
                "attester": { "eth": key.attester.to_string() },
                "publisher": "0x2222222222222222222222222222222222222222",
            });
            if let Some(coinbase) = coinbase {
                row["coinbase"] = coinbase.clone().into();
            }
            row
        })
        .collect();
    serde_json::json!({ "validators": validators }).to_string()
}

fn about(messages: &[Message], class: &str, key: &Key) -> Vec<Message> {
    let subject = format!("{:#x}/{class}", key.attester);
    let same = messages
        .iter()
        .filter(|message| message.text().contains(&subject));
    same.cloned().collect()
}

/// Missing: a card, and a reply to it with the mention. Corrected: the same card turns green. In no file: unknown, which
/// is no incident, and the stake's card tells the split.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_coinbase_is_an_incident_until_the_keys_file_is_right() {
    let mut stage = Stage::unlimited().await;
    stage.use_keys_files();
    let keys = stage.add_keys(0, 8).await;
    let (ours, stranger) = (&keys[0], &keys[1]);
    stage.write_keys_file(FILE, &keys_file(&[(ours, None)]));
    stage.start_first().await;
    let mut splits = Vec::new();
    for _ in 0..6 {
        let staked = stage
            .net
            .stake(&stage.net.stake_on(stage.provider))
            .await
            .unwrap();
        splits.push(staked.split.to_string());
    }

    let card = stage
        .see("a reply that wakes people", |discord| {
            let messages = discord.messages(ALERTS);
            let about = about(&messages, "coinbase_missing", ours);
            let card = about.iter().find(|message| message.reply_to.is_none())?;
            let mut replies = messages.iter();
            let reply = replies.find(|message| message.reply_to == Some(card.id))?;
            assert!(reply.pinged.roles.contains(&Spec::ROLE), "{reply:#?}");
            assert_eq!(reply.pinged.roles.len(), 1);
            assert!(reply.content.contains(&format!("<@&{}>", Spec::ROLE)));
            Some(card.clone())
        })
        .await;
    assert!(card.text().contains(&splits[0]), "{}", card.text());

    stage.write_keys_file(FILE, &keys_file(&[(ours, Some(splits[0].clone()))]));
    let resolved = stage
        .see("the card resolved", |discord| {
            let card = discord.message(card.id)?;
            (card.embeds[0]["title"].as_str()?.contains("🟢")).then_some(card)
        })
        .await;
    assert!(resolved.versions.len() > 1);
    let cards = about(&stage.discord.messages(ALERTS), "coinbase_missing", ours);
    let standing = cards.iter().filter(|message| message.reply_to.is_none());
    assert_eq!(standing.count(), 1);

    let alerts = stage.discord.messages(ALERTS);
    assert!(about(&alerts, "coinbase_missing", stranger).is_empty());
    let told = stage.discord.messages(TRANSITIONS);
    let stake = about(&told, "attester_transition/2", stranger);
    assert!(stake[0].text().contains(&splits[1]), "{}", stake[0].text());
    stage.assert_rules_were_kept();
}

/// A coinbase that is no split is an error, unless it is declared.
#[tokio::test(flavor = "multi_thread")]
async fn a_common_coinbase_is_a_policy_once_it_is_declared() {
    let mut stage = Stage::unlimited().await;
    stage.use_keys_files();
    let keys = stage.add_keys(0, 2).await;
    let common = "0x4444444444444444444444444444444444444444".to_owned();
    stage.write_keys_file(FILE, &keys_file(&[(&keys[0], Some(common.clone()))]));
    stage.start_first().await;
    stage.stake(1).await;
    let card = stage
        .see("a wrong coinbase", |discord| {
            let about = about(&discord.messages(ALERTS), "coinbase_mismatch", &keys[0]);
            about.first().cloned()
        })
        .await;
    let (status, _) = stage.terminate().await;
    assert!(status.success());
    stage.settings.insert("COMMON_COINBASES", common);
    stage.start();
    stage
        .see("the card resolved", |discord| {
            let card = discord.message(card.id)?;
            card.embeds[0]["title"]
                .as_str()?
                .contains("🟢")
                .then_some(())
        })
        .await;
    stage.assert_rules_were_kept();
}
