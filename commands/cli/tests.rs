//! What people see: help, tables, refusals, exit codes.

use std::{collections::BTreeMap, path::PathBuf, pin::Pin, sync::Arc};

use clap::{CommandFactory, Parser};
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use steward::{
    api::{Api, in_process::InProcess, serve},
    metrics::{Metrics, PerAttester},
    state::State,
    store::memory::MemoryStore,
    units::UnixSeconds,
    views::{Answers, Build, Gateway, Glance, Look, NetworkGlance},
};
use tokio_util::sync::CancellationToken;

use super::*;

/// The shape in which the binary carries the questions.
#[derive(Debug, Parser)]
#[command(name = "steward", about = "steward", after_help = EXIT_CODES, term_width = 100)]
struct Line {
    #[command(subcommand)]
    question: Question,
    #[command(flatten)]
    output: Output,
}

/// A view as the library's own snapshots hold it.
fn view<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&answer(name)).unwrap()
}

fn answer(name: &str) -> String {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../src/views/snapshots");
    let text = std::fs::read_to_string(directory.join(format!("{name}.snap"))).unwrap();
    text.splitn(3, "---\n").nth(2).unwrap().to_owned()
}

fn paper(width: Option<u16>) -> Paper {
    Paper {
        width,
        is_coloured: false,
        zone: TimeZone::UTC,
        now: 1_763_700_012,
    }
}

#[test]
fn every_answer_is_written_for_people() {
    let paper = paper(None);
    insta::assert_snapshot!("status", status::render(&view("status"), &paper));
    insta::assert_snapshot!(
        "attester-list",
        attester::listed(&view("attesters"), &paper)
    );
    insta::assert_snapshot!("attester-show", attester::shown(&view("attester"), &paper));
    insta::assert_snapshot!(
        "attester-show-leaving",
        attester::shown(&view("attester-leaving"), &paper)
    );
    insta::assert_snapshot!("attester-history", attester::told(&view("history"), &paper));
    insta::assert_snapshot!("attester-why", attester::explained(&view("why")));
    insta::assert_snapshot!("queue", queue::render(&view("queue"), &paper));
    insta::assert_snapshot!(
        "coinbase-missing",
        coinbase::listed(&view("coinbases"), &paper)
    );
    insta::assert_snapshot!("coinbase-show", coinbase::shown(&view("coinbase"), &paper));
    insta::assert_snapshot!("provider", provider::render(&view("provider"), &paper));
    insta::assert_snapshot!(
        "incident-list",
        incident::listed(&view("incidents"), &paper)
    );
    insta::assert_snapshot!("incident-show", incident::shown(&view("incident"), &paper));
    insta::assert_snapshot!("job-list", job::listed(&view("jobs"), &paper));
    insta::assert_snapshot!("job-show", job::shown(&view("job"), &paper));
    insta::assert_snapshot!("health", health::render(&view("readiness"), &paper));
}

#[test]
fn tables_fit_the_width_or_become_lines() {
    for width in [40, 80, 100, 140] {
        let text = attester::listed(&view("attesters"), &paper(Some(width)));
        let table = text.split("\n\n").next().unwrap();
        let longest = table
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        // Lines of `key: value` are as long as an address, whatever the width.
        assert!(
            longest <= usize::from(width.max(52)),
            "{width}: {longest}\n{text}"
        );
    }
}

#[test]
fn every_help_text_keeps_its_form() {
    let mut command = Line::command();
    command.build();
    let mut text = String::new();
    help(&mut command, &mut text);
    insta::assert_snapshot!("help", text);
}

fn help(command: &mut clap::Command, text: &mut String) {
    let rendered = command.render_help();
    let name = command.get_bin_name().unwrap_or("steward");
    text.push_str(&format!("$ {name} --help\n{rendered}\n"));
    for inner in command
        .get_subcommands_mut()
        .filter(|inner| inner.get_name() != "help")
    {
        help(inner, text);
    }
}

#[test]
fn a_refusal_says_what_why_and_what_next_and_sets_the_exit_code() {
    let problem = r#"{"type":"about:blank","title":"there is no attester \"x\"","status":404,"detail":"no file names it","next":"See `attester list`."}"#;
    let outcome = refused(404, problem);
    assert_eq!(outcome.code, 1);
    assert_eq!(
        outcome.error,
        "there is no attester \"x\": no file names it\nSee `attester list`."
    );
    assert_eq!(refused(503, "going down").code, 3);
}

#[test]
fn the_command_line_is_what_people_type() {
    for line in [
        "status --network mainnet --json",
        "attester list --state active --coinbase missing --host fra-1 --text x --limit 5",
        "attester why fra-1/17",
        "coinbase missing",
        "incident snooze mainnet/0x12 --hours 8",
        "incident note mainnet/0x12 looking",
        "job retry 7 --reason again",
        "alert test",
        "health",
    ] {
        let words = std::iter::once("steward").chain(line.split(' '));
        assert!(Line::try_parse_from(words).is_ok(), "{line}");
    }
}

/// A service that has read nothing yet.
#[derive(Debug)]
struct Fresh {
    state: State,
    store: MemoryStore,
    networks: BTreeMap<String, NetworkGlance>,
    build: Build,
}

impl Answers for Fresh {
    fn look<'a>(&'a self, look: Look<'a>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            look(&Glance {
                state: &self.state,
                store: &self.store,
                now_ms: 1_763_700_012_000,
                networks: &self.networks,
                gateway: &Gateway::Absent,
                build: &self.build,
            });
        })
    }
}

fn api() -> Api {
    let fresh = Fresh {
        state: State::default(),
        store: MemoryStore::new(),
        networks: BTreeMap::from([("mainnet".to_owned(), NetworkGlance::new(1))]),
        build: Build {
            version: "0.1.0".to_owned(),
            revision: String::new(),
            started_at: UnixSeconds::new(1_763_700_000),
        },
    };
    let metrics = Metrics::new(PerAttester::default()).unwrap();
    Api::new(Arc::new(fresh), Arc::new(metrics))
}

async fn asked(source: &Source, line: &str, is_json: bool) -> Outcome {
    let words = std::iter::once("steward").chain(line.split(' '));
    let question = Line::try_parse_from(words).unwrap().question;
    let desk = Desk {
        source,
        paper: &paper(Some(100)),
        is_json,
        by: "maria",
    };
    run(&question, &desk).await.unwrap()
}

#[tokio::test]
async fn the_socket_and_the_store_give_the_same_answers() {
    let directory = tempfile::tempdir().unwrap();
    assert!(
        Source::of_service(directory.path())
            .await
            .unwrap()
            .is_none()
    );
    let listener = serve::open_socket(directory.path()).unwrap();
    let token = CancellationToken::new();
    let server = serve::socket(listener, api().local_router(), token.clone());
    let client = async {
        let socket = Source::of_service(directory.path()).await.unwrap().unwrap();
        let local = Source::Local(InProcess::new(api().local_router()));
        for (line, code) in [
            ("status", 0),
            ("attester list --state ACTIVE", 0),
            ("attester show 0x12", 1),
            ("attester why nobody/1", 1),
            ("queue --network sepolia", 1),
            ("coinbase missing", 0),
            ("provider", 0),
            ("incident list --all", 0),
            ("incident ack mainnet/x", 3),
            ("job show 7", 1),
            ("job retry 7", 3),
            ("alert test", 3),
            ("health", 4),
        ] {
            for is_json in [false, true] {
                let (by_socket, by_store) = (
                    asked(&socket, line, is_json).await,
                    asked(&local, line, is_json).await,
                );
                assert_eq!(by_socket, by_store, "{line}");
                assert_eq!(by_socket.code, code, "{line}: {}", by_socket.error);
                assert_eq!(by_socket.out.is_empty(), matches!(code, 1 | 3), "{line}");
            }
        }
        let json = asked(&socket, "health", true).await.out;
        assert!(serde_json::from_str::<serde_json::Value>(&json).unwrap()["is_ready"] == false);
        token.cancel();
    };
    let (served, ()) = tokio::join!(server, client);
    served.unwrap();
}
