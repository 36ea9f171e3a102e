//! The page through the front door: what it serves, to whom, and that it hears of news.

use std::net::SocketAddr;

use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use data_encoding::BASE64;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::{
    alert::card::{Message, Text},
    api::{Api, access::Access},
    clock::{Clock, ManualClock},
    metrics::{Metrics, PerAttester},
    outbox::courier::{ChannelId, Courier as _, Parcel},
    preview::{Board, DryRun, Onlooker},
    units::UnixSeconds,
    views::{
        card::{self, Question},
        sample::Sample,
    },
};
use std::{sync::Arc, time::Duration};

const TOKEN: &str = "0123456789abcdef";

fn board() -> Arc<Board> {
    let names = [(ChannelId(1), "transitions".to_owned())];
    Arc::new(Board::new(clock(), names.into()))
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(UnixSeconds::new(1_795_233_600)))
}

fn api(board: Option<&Arc<Board>>) -> Api {
    let metrics = Metrics::new(PerAttester::default()).unwrap();
    Api::new(Arc::new(Sample::new()), Arc::new(metrics)).with_board(board.map(Arc::clone))
}

struct Door(Api, Access);

impl Door {
    async fn get(&self, path: &str, headers: &[(header::HeaderName, &str)]) -> (u16, String) {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let router = self.0.clone().router(self.1.clone());
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let of = |name| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let head = [
            header::CONTENT_TYPE,
            header::CONTENT_SECURITY_POLICY,
            header::WWW_AUTHENTICATE,
        ];
        let head: Vec<String> = head.into_iter().filter_map(of).collect();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8_lossy(&body).into_owned();
        (status, format!("{}\n{body}", head.join(" | ")))
    }
}

async fn say(board: &Arc<Board>, words: &str) {
    let courier = Onlooker::new(Arc::new(DryRun::new(clock())), Arc::clone(board));
    let parcel = Parcel {
        channel: ChannelId(1),
        nonce: "n".to_owned(),
        message: Message {
            content: Some(Text::plain(words)),
            ..Message::default()
        },
        reply_to: None,
    };
    courier.send(&parcel).await.unwrap();
}

#[tokio::test]
async fn the_page_and_its_parts_are_served_where_it_is_switched_on() {
    let board = board();
    let door = Door(api(Some(&board)), Access::Loopback);
    for (path, kind) in [
        ("/preview", "text/html"),
        ("/preview/page.css", "text/css"),
        ("/preview/page.js", "text/javascript"),
    ] {
        let (status, body) = door.get(path, &[]).await;
        assert_eq!(status, 200, "{path}");
        let head = format!("{kind}; charset=utf-8 | default-src 'none'; script-src 'self';");
        assert!(body.starts_with(&head), "{path} {body}");
    }
    let off = Door(api(None), Access::Loopback);
    assert_eq!(off.get("/preview", &[]).await.0, 404);
}

#[tokio::test]
async fn a_page_that_has_seen_everything_waits_for_news() {
    let board = board();
    say(&board, "first").await;
    let door = Door(api(Some(&board)), Access::Loopback);
    let parse = |answer: (u16, String)| -> Value {
        assert_eq!(answer.0, 200);
        serde_json::from_str(answer.1.split_once('\n').unwrap().1).unwrap()
    };
    let first = parse(door.get("/preview/messages", &[]).await);
    assert_eq!(first["version"], 1);
    assert_eq!(first["messages"][0]["channel"], "transitions");

    let waiting = door.get("/preview/messages?after=1", &[]);
    let news = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        say(&board, "second").await;
    };
    let (answer, ()) = tokio::join!(waiting, news);
    let second = parse(answer);
    assert_eq!(second["version"], 2);
    assert_eq!(second["messages"].as_array().unwrap().len(), 2);
}

/// Discord's ids are larger than a number of a page's script may be; the page is told the whole path.
#[tokio::test]
async fn a_chart_is_shown_in_its_card_and_told_in_words() {
    let board = board();
    let sample = Sample::new();
    let question = Question::Queue { network: None };
    let message = card::answer(&sample.glance(), &question).unwrap();
    let courier = Onlooker::new(Arc::new(DryRun::new(clock())), Arc::clone(&board));
    let parcel = Parcel {
        channel: ChannelId(1),
        nonce: "n".to_owned(),
        message,
        reply_to: None,
    };
    courier.send(&parcel).await.unwrap();
    let door = Door(api(Some(&board)), Access::Loopback);
    let (_, body) = door.get("/preview/messages", &[]).await;
    let sight: Value = serde_json::from_str(body.split_once('\n').unwrap().1).unwrap();
    let picture = &sight["messages"][0]["pictures"][0];
    let words = picture["words"].as_str().unwrap();
    assert!(words.contains("wait in the entry queue"), "{words}");
    let path = picture["path"].as_str().unwrap();
    let (status, body) = door.get(path, &[]).await;
    assert_eq!(status, 200, "{path}");
    assert!(body.starts_with("image/png"), "{body}");
    let (status, _) = door.get("/preview/charts/1/0", &[]).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_browser_shows_the_token_as_a_password() {
    let board = board();
    let door = Door(api(Some(&board)), Access::Token(TOKEN.into()));
    let basic = |pair: &str| format!("Basic {}", BASE64.encode(pair.as_bytes()));
    let bearer = format!("Bearer {TOKEN}");
    for (shown, status) in [
        (basic(&format!("me:{TOKEN}")), 200),
        (basic(&format!(":{TOKEN}")), 200),
        (bearer, 200),
        (basic(&format!("{TOKEN}:")), 401),
        (basic("me:0123456789abcdeF"), 401),
        (basic(TOKEN), 401),
        ("Basic !".to_owned(), 401),
    ] {
        let shows = [(header::AUTHORIZATION, shown.as_str())];
        let got = door.get("/preview", &shows).await;
        assert_eq!(got.0, status, "{shown}");
        let views = door.get("/v1/status", &shows).await;
        let expected = if shown.starts_with("Bearer") {
            200
        } else {
            401
        };
        assert_eq!(views.0, expected, "{shown}");
    }
    let (status, body) = door.get("/preview/messages", &[]).await;
    assert_eq!(status, 401);
    assert!(body.contains("Basic realm=\"steward: HTTP_TOKEN is the password\""));
    let bind: SocketAddr = "0.0.0.0:9464".parse().unwrap();
    let open = Door(api(Some(&board)), Access::of(None, bind));
    assert_eq!(open.get("/preview", &[]).await.0, 403);
}

#[tokio::test]
async fn a_name_from_elsewhere_that_means_this_machine_is_refused() {
    let board = board();
    let door = Door(api(Some(&board)), Access::Loopback);
    for (host, status) in [
        ("127.0.0.1:9464", 200),
        ("localhost:9464", 200),
        ("LOCALHOST", 200),
        ("[::1]:9464", 200),
        ("rebound.example:9464", 403),
        ("localhost.rebound.example", 403),
        ("127.0.0.1.rebound.example", 403),
        ("", 403),
    ] {
        for path in ["/preview", "/preview/messages", "/v1/status"] {
            let got = door.get(path, &[(header::HOST, host)]).await;
            assert_eq!(got.0, status, "{host} {path} {}", got.1);
        }
        let health = door.get("/healthz", &[(header::HOST, host)]).await;
        assert_eq!(health.0, 200, "{host}");
    }
}
