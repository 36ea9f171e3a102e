//! What steward would say, on a page and nowhere else.

use serde_json::Value;

use super::stage::{PATIENCE, Stage};

/// The address of the page, as the log tells it.
async fn page(stage: &Stage) -> String {
    let words = "what is said is shown on a page: ";
    stage.hear(words).await;
    let said = stage.said();
    let (_, rest) = said.rsplit_once(words).unwrap();
    rest.split_whitespace().next().unwrap().to_owned()
}

async fn fetch(url: &str) -> Result<String, reqwest::Error> {
    let answer = reqwest::get(url).await?.error_for_status()?;
    answer.text().await
}

/// The channels with the words of every message in them, once they hold `words`.
async fn see_on(page: &str, words: &str) -> Vec<(String, String)> {
    let looked = async {
        let mut after = String::new();
        loop {
            let sight: Value = serde_json::from_str(
                &fetch(&format!("{page}/messages?after={after}"))
                    .await
                    .unwrap(),
            )
            .unwrap();
            after = sight["version"].to_string();
            let messages = sight["messages"].as_array().unwrap();
            if messages.iter().any(|one| one.to_string().contains(words)) {
                return messages
                    .iter()
                    .map(|one| (one["channel"].as_str().unwrap().to_owned(), one.to_string()))
                    .collect();
            }
        }
    };
    match tokio::time::timeout(PATIENCE, looked).await {
        Ok(seen) => seen,
        Err(_elapsed) => panic!("never on the page: {words}"),
    }
}

/// Goal: whoever has no bot yet sees what it would say. Method: the shipped binary without any setting of Discord, on the
/// real contracts; what it says is read from the page as a browser reads it.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_what_it_would_say_stands_on_a_page_and_nowhere_else() {
    let mut stage = Stage::unlimited().await;
    stage
        .settings
        .retain(|name, _| !name.starts_with("DISCORD_"));
    stage.add_keys(0, 1).await;
    stage.start_with(&["--dry-run"]);
    let page = page(&stage).await;
    assert!(fetch(&page).await.unwrap().contains("<title>steward"));
    see_on(&page, "Watching began").await;
    stage.stake(1).await;
    let seen = see_on(&page, "is in the entry queue").await;
    assert!(
        seen.iter()
            .any(|(channel, one)| channel.contains("transitions") && one.contains("entry queue")),
        "{seen:?}"
    );
    assert!(
        stage
            .data_dir()
            .join("dry-run")
            .join("steward.sock")
            .exists()
    );
    assert!(!stage.data_dir().join("store").exists());

    let data = stage.data_dir().join("dry-run").display().to_string();
    stage.settings.insert("DATA_DIR", data);
    let test = stage.ask(&["alert", "test"]).await;
    assert!(test.status.success(), "{test:?}");
    let seen = see_on(&page, "test").await;
    assert!(
        seen.iter().any(|(channel, _)| channel == "alerts"),
        "{seen:?}"
    );
    let status = stage.ask(&["status"]).await;
    let status = String::from_utf8(status.stdout).unwrap();
    assert!(status.contains("not configured"), "{status}");

    let (status, _) = stage.terminate().await;
    assert!(status.success());
    assert_eq!(stage.discord.messages(super::stage::ALERTS).len(), 0);
}

/// Goal: the page stands beside a real run, and shows what Discord took.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_real_run_the_page_shows_what_discord_took() {
    let mut stage = Stage::unlimited().await;
    stage.settings.insert("HTTP_PREVIEW", "on".to_owned());
    stage.add_keys(0, 1).await;
    stage.start_first().await;
    let page = page(&stage).await;
    let seen = see_on(&page, "Watching began").await;
    let taken = stage.discord.messages(super::stage::TRANSITIONS);
    let id = taken[0].id.0.to_string();
    assert!(
        seen.iter().any(|(_, one)| one.contains(&id)),
        "{id} {seen:?}"
    );
    stage.settings.insert("HTTP_PREVIEW", "perhaps".to_owned());
    let refused = stage.ask(&["run"]).await;
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains("HTTP_PREVIEW is \"perhaps\""), "{refused}");
}
