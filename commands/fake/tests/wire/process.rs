//! `fakediscord` as a process, through its side door.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::PATIENCE;

struct Process {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    url: String,
}

async fn start() -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fakediscord"));
    command.args([
        "--token",
        "secret",
        "--channel",
        "77:news",
        "--role",
        "88:ops",
        "--unlimited",
    ]);
    let mut child = command
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.next_line().await.unwrap().unwrap();
    let url = ready.strip_prefix("ready ").unwrap().to_owned();
    Process {
        _child: child,
        lines,
        url,
    }
}

impl Process {
    async fn line(&mut self, part: &str) -> String {
        let search = async {
            loop {
                let line = self.lines.next_line().await.unwrap().unwrap();
                if line.contains(part) {
                    return line;
                }
            }
        };
        tokio::time::timeout(PATIENCE, search).await.unwrap()
    }

    async fn look(&self, path: &str) -> Value {
        reqwest::get(format!("{}/fake/{path}", self.url))
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn act(&self, path: &str, body: Value) -> u16 {
        let http = reqwest::Client::new();
        http.post(format!("{}/fake/{path}", self.url))
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    async fn send(&self, content: &str) -> u16 {
        let request =
            reqwest::Client::new().post(format!("{}/api/v10/channels/77/messages", self.url));
        let request = request
            .header("authorization", "Bot secret")
            .header("user-agent", "DiscordBot (x, 1)");
        request
            .json(&json!({ "content": content }))
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }
}

#[tokio::test]
async fn the_process_prints_an_environment_and_logs_what_is_posted() {
    let mut process = start().await;
    assert_eq!(
        process.line("DISCORD_API_URL").await,
        format!("DISCORD_API_URL={}", process.url)
    );
    assert_eq!(process.line("DISCORD_TOKEN").await, "DISCORD_TOKEN=secret");
    assert_eq!(process.send("hello there").await, 200);
    assert!(process.line("posted").await.ends_with("hello there"));
}

#[tokio::test]
async fn the_side_door_shows_the_world_and_spoils_it() {
    let process = start().await;
    assert_eq!(process.send("one").await, 200);
    let fault = json!({ "method": "POST", "path": "messages$", "outcome": "accept_then_status", "status": 500 });
    assert_eq!(process.act("fault", fault).await, 204);
    assert_eq!(process.send("two").await, 500);
    assert_eq!(process.act("outage", json!({ "on": true })).await, 200);
    assert_eq!(process.send("three").await, 503);
    let contents: Vec<Value> = process
        .look("messages?channel=77")
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["content"].clone())
        .collect();
    assert_eq!(contents, [json!("one"), json!("two")]);
    let statuses: Vec<Value> = process
        .look("requests")
        .await
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["status"].clone())
        .collect();
    assert_eq!(statuses, [200, 500, 503]);
    assert_eq!(process.look("violations").await, json!([]));
    assert_eq!(process.look("gateway").await["ready"], 0);
    assert_eq!(
        process.act("slash", json!({ "command": "gone" })).await,
        400
    );
    assert_eq!(process.act("fault", json!({ "path": "(" })).await, 400);
}

#[tokio::test]
async fn the_page_escapes_what_the_bot_wrote() {
    let process = start().await;
    process.send("<script>alert(1)</script>").await;
    let page = reqwest::get(format!("{}/fake/", process.url))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
}
