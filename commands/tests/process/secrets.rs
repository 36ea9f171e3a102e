//! Secrets stay where they are: a service with marked ones, with faults all around it and its log at `trace`, shows none.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use fake::{Fake, Snowflake, Spec};

use super::stage::{Stage, unlimited};

const CANARY: Snowflake = Snowflake(1_100_000_000_000_000_014);

/// Where no one listens: what fails is spoken of.
const NOBODY: &str = "127.0.0.1:9";

/// The secrets of the service: what the settings are set to, and what must be seen nowhere.
fn marked(net: &str) -> BTreeMap<&'static str, (String, Vec<&'static str>)> {
    let net = net.trim_start_matches("http://").trim_end_matches('/');
    let rpc = format!(
        "http://marked-user:marked-rpc-password@{net},http://{NOBODY}/v3/marked-rpc-key?key=marked-rpc-query"
    );
    let archive = format!("http://{NOBODY}/v3/marked-archive-key");
    let dead_man = format!("http://{NOBODY}/ping/marked-dead-man");
    let rpc_marks = vec![
        "marked-user",
        "marked-rpc-password",
        "marked-rpc-key",
        "marked-rpc-query",
    ];
    BTreeMap::from([
        ("L1_RPC_URLS", (rpc, rpc_marks)),
        ("L1_ARCHIVE_RPC_URLS", (archive, vec!["marked-archive-key"])),
        ("DISCORD_TOKEN", (Spec::TOKEN.to_owned(), vec![Spec::TOKEN])),
        ("DEAD_MAN_URL", (dead_man, vec!["marked-dead-man"])),
        (
            "OTEL_EXPORTER_OTLP_HEADERS",
            (
                "authorization=Basic%20marked-otlp-key".to_owned(),
                vec!["marked-otlp-key"],
            ),
        ),
        (
            "HTTP_TOKEN",
            (
                "marked-http-token-of-some-length".to_owned(),
                vec!["marked-http-token"],
            ),
        ),
    ])
}

/// The settings that the reference, which is made from the code, calls secret.
fn secret_settings() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = page.lines().filter(|line| line.contains("(secret)"));
    let names = rows.filter_map(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0.to_owned()));
    names.collect()
}

/// What was looked through for the marks, and where one was found.
struct Search {
    marks: Vec<&'static str>,
    looked: usize,
    found: Vec<String>,
}

impl Search {
    fn new(marks: Vec<&'static str>) -> Self {
        Self {
            marks,
            looked: 0,
            found: Vec::new(),
        }
    }

    fn look(&mut self, place: &str, bytes: &[u8]) {
        self.looked += 1;
        for mark in &self.marks {
            let at = bytes
                .windows(mark.len())
                .position(|window| window == mark.as_bytes());
            if let Some(at) = at {
                let around = bytes.get(at.saturating_sub(120)..bytes.len().min(at + 60));
                let around = String::from_utf8_lossy(around.unwrap_or_default()).into_owned();
                self.found.push(format!("{mark} in {place}: …{around}…"));
            }
        }
    }

    fn look_into(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => self.look_into(&path),
                Ok(kind) if kind.is_file() => {
                    self.look(
                        &path.display().to_string(),
                        &fs::read(&path).unwrap_or_default(),
                    );
                }
                _ => {}
            }
        }
    }

    fn look_at_discord(&mut self, discord: &Fake) {
        for request in discord.requests() {
            // All but the header that carries the token, which is what the token is for.
            let sent = (request.path, request.query, request.json, request.files);
            self.look("what Discord was sent", format!("{sent:?}").as_bytes());
        }
    }

    async fn look_at_answer_to(&mut self, stage: &Stage, arguments: &[&str]) {
        let said = stage.ask(arguments).await;
        self.look(&format!("stdout of {arguments:?}"), &said.stdout);
        self.look(&format!("stderr of {arguments:?}"), &said.stderr);
    }

    /// Every answer over HTTP whose address needs nothing to be filled in.
    async fn look_at_answers_over_http(&mut self, door: &str, token: &str) {
        let client = reqwest::Client::new();
        let ask = async |path: &str| {
            let request = client
                .get(format!("http://{door}{path}"))
                .bearer_auth(token);
            request.send().await.unwrap().text().await.unwrap()
        };
        let paper: serde_json::Value =
            serde_json::from_str(&ask("/v1/openapi.json").await).unwrap();
        let routes = paper["paths"].as_object().unwrap().keys().cloned();
        let more = ["/metrics", "/healthz", "/readyz", "/v1/openapi.json"].map(str::to_owned);
        let routes: Vec<String> = routes
            .chain(more)
            .filter(|path| !path.contains('{'))
            .collect();
        assert!(routes.len() > 8, "{routes:?}");
        for path in routes {
            self.look(&path, ask(&path).await.as_bytes());
        }
    }
}

fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn the_search_finds_a_mark() {
    let mut search = Search::new(vec!["marked"]);
    search.look("here", b"nothing");
    assert!(search.found.is_empty());
    search.look("there", b"a url with marked-key in it");
    assert_eq!(search.found.len(), 1);
}

#[test]
fn every_secret_setting_is_marked() {
    let mut wanted = secret_settings();
    wanted.sort();
    let marked: Vec<_> = marked("").into_keys().map(str::to_owned).collect();
    let mut marked = marked;
    marked.sort();
    assert_eq!(wanted, marked);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_shown_anywhere() {
    let mut stage = Stage::with(unlimited().channel(CANARY, "canary"), 32).await;
    let secrets = marked(&stage.net.url());
    for (name, (value, _)) in &secrets {
        stage.settings.insert(*name, value.clone());
    }
    let door = free_address();
    let more = [
        ("DISCORD_CHANNEL_CANARY", CANARY.0.to_string()),
        ("HTTP_BIND", door.clone()),
        ("LOG", "trace".to_owned()),
        // Nobody listens there, which is spoken of.
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{NOBODY}/otlp"),
        ),
    ];
    stage.settings.extend(more);
    stage.use_keys_files();
    stage.add_keys(0, 2).await;
    stage.start_first().await;
    stage.see_messages(CANARY, 1).await;

    let marks = secrets.values().flat_map(|(_, marks)| marks.clone());
    let mut search = Search::new(marks.collect());
    for arguments in [
        vec!["status", "--json"],
        vec!["check"],
        vec!["incident", "list"],
        vec!["backup", "copy.jsonl"],
    ] {
        search.look_at_answer_to(&stage, &arguments).await;
    }
    let (token, _) = &secrets["HTTP_TOKEN"];
    search.look_at_answers_over_http(&door, token).await;

    // Discord refuses the token: that, too, is spoken of.
    stage.kill().await;
    stage
        .settings
        .insert("DISCORD_TOKEN", format!("{}x", Spec::TOKEN));
    stage.start();
    stage.hear("401").await;
    search.look_at_answer_to(&stage, &["check"]).await;
    stage.kill().await;

    // Values that no setting can have.
    for (name, (_, marks)) in &secrets {
        let value = format!("no sense in {}", marks[0]);
        let before = stage.settings.insert(*name, value).unwrap();
        search.look_at_answer_to(&stage, &["check"]).await;
        stage.settings.insert(*name, before);
    }

    search.look_at_discord(&stage.discord);
    search.look_into(&PathBuf::from(stage.home()));
    assert!(
        search.looked > 50,
        "looked into {} things only",
        search.looked
    );
    assert!(search.found.is_empty(), "{:#?}", search.found);
}
