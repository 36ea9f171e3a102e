//! The routes through the front door: what they answer, and whom they let in.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, header},
};
use futures::future::BoxFuture;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    control::{Command, Done},
    *,
};
use crate::{
    metrics::PerAttester,
    views::{Refusal, sample::Sample},
};

fn api() -> Api {
    let metrics = Metrics::new(PerAttester::default()).unwrap();
    Api::new(Arc::new(Sample::new()), Arc::new(metrics))
}

struct Reply {
    status: u16,
    headers: axum::http::HeaderMap,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn send(router: Router, request: Request<Body>) -> Reply {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    Reply {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

async fn get_from(router: Router, path: &str) -> Reply {
    send(router, Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_documented_route_answers() {
    let document = serde_json::to_value(document()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    assert_eq!(paths.len(), 16);
    for path in paths.keys() {
        let path = path
            .replace("incidents/{id}", "incidents/mainnet/0x1212")
            .replace("jobs/{id}", "jobs/1")
            .replace("{name}", "fra-1%2F17")
            .replace("completions", "completions?kind=host");
        let reply = get_from(api().local_router(), &path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        assert!(reply.headers.contains_key("x-request-id"));
    }
}

#[test]
fn the_openapi_document_keeps_its_form() {
    let document = serde_json::to_string_pretty(&document()).unwrap();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("openapi", document);
    });
}

#[tokio::test]
async fn views_are_read_only_and_say_so() {
    let request = Request::delete("/v1/status").body(Body::empty()).unwrap();
    let reply = send(api().router(Access::Loopback), request).await;
    assert_eq!(reply.status, 405);
    assert_eq!(reply.headers[header::ALLOW], "GET,HEAD");
    assert_eq!(
        reply.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    insta::assert_snapshot!(reply.body, @r#"{"type":"about:blank","title":"DELETE is not allowed at /v1/status","status":405,"detail":"views are read-only","next":"Use one of the methods in the header Allow."}"#);
}

#[tokio::test]
async fn a_refusal_is_a_problem_with_a_way_out() {
    let reply = get_from(api().router(Access::Loopback), "/v1/status?network=sepolia").await;
    insta::assert_snapshot!(reply.body, @r#"{"type":"about:blank","title":"there is no network \"sepolia\"","status":404,"detail":"this service watches mainnet, testnet","next":"Name one of: mainnet, testnet."}"#);
    let reply = get_from(api().router(Access::Loopback), "/v1/attesters?state=GONE").await;
    assert_eq!(reply.status, 400);
    insta::assert_snapshot!(reply.body, @r#"{"type":"about:blank","title":"the query cannot be read","status":400,"detail":"Failed to deserialize query string: state: unknown variant `GONE`, expected one of `NEW`, `IN_STAKING_PROVIDER_QUEUE`, `ROLLUP_ENTRY_QUEUE`, `ACTIVE`, `NO_LONGER_ACTIVE`","next":"See /v1/openapi.json for the parameters."}"#);
    let reply = get_from(api().router(Access::Loopback), "/v2").await;
    assert_eq!(
        (reply.status, reply.json()["status"].as_u64()),
        (404, Some(404))
    );
}

#[tokio::test]
async fn a_token_opens_views_and_metrics_and_nothing_else_does() {
    let access = || Access::Token("0123456789abcdef".into());
    for path in ["/v1/status", "/v1/openapi.json", "/metrics"] {
        for (header, status) in [
            (None, 401),
            (Some("Bearer 0123456789abcdeF"), 401),
            (Some("Bearer 0123456789abcdef0"), 401),
            (Some("Bearer "), 401),
            (Some("Basic 0123456789abcdef"), 401),
            (Some("Bearer 0123456789abcdef"), 200),
            (Some("bearer 0123456789abcdef"), 200),
        ] {
            let mut request = Request::get(path);
            if let Some(header) = header {
                request = request.header(header::AUTHORIZATION, header);
            }
            let reply = send(api().router(access()), request.body(Body::empty()).unwrap()).await;
            assert_eq!(reply.status, status, "{path} {header:?}");
            assert_eq!(
                reply.headers.contains_key(header::WWW_AUTHENTICATE),
                status == 401
            );
        }
    }
    assert_eq!(
        get_from(api().router(access()), "/healthz").await.status,
        200
    );
}

#[tokio::test]
async fn without_a_token_other_machines_get_metrics_and_no_views() {
    let bind: SocketAddr = "0.0.0.0:9464".parse().unwrap();
    let router = || api().router(Access::of(None, bind));
    assert_eq!(get_from(router(), "/metrics").await.status, 200);
    for path in ["/v1/status", "/v1/openapi.json", "/v1/incidents/x"] {
        assert_eq!(get_from(router(), path).await.status, 403, "{path}");
    }
    let here: SocketAddr = "127.0.0.1:9464".parse().unwrap();
    assert_eq!(
        get_from(api().router(Access::of(None, here)), "/v1/status")
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn readiness_names_what_is_missing() {
    let reply = get_from(api().router(Access::Loopback), "/readyz").await;
    assert_eq!(reply.status, 503);
    let why = &reply.json()["dependencies"];
    assert_eq!(
        why[1]["reason"],
        "block 25533401 is 0 s old, 1 blocks are to be read"
    );
    assert_eq!(why[2]["reason"], "nothing was read yet");
    let alive = get_from(api().router(Access::Loopback), "/healthz").await;
    assert_eq!((alive.status, alive.body.as_str()), (200, "alive\n"));
}

#[derive(Debug)]
struct Echo;

impl Control for Echo {
    fn carry_out(&self, command: Command) -> BoxFuture<'_, Result<Done, Refusal>> {
        Box::pin(async move {
            Ok(Done {
                text: format!("{:?}", command.order),
                subject: command.by,
            })
        })
    }
}

fn order(body: &str) -> Request<Body> {
    Request::post("/control/orders")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn orders_are_taken_through_the_local_door_only() {
    let body =
        r#"{"by":"maria","order":{"kind":"retry_job","job":2,"reason":"the channel is back"}}"#;
    let api = api().with_control(Arc::new(Echo));
    let taken = send(api.clone().local_router(), order(body)).await;
    assert_eq!(
        (taken.status, taken.json()["subject"].as_str()),
        (200, Some("maria"))
    );
    assert_eq!(
        send(api.clone().router(Access::Loopback), order(body))
            .await
            .status,
        404
    );
    let unknown = r#"{"by":"maria","order":{"kind":"sell_everything"}}"#;
    assert_eq!(send(api.local_router(), order(unknown)).await.status, 422);
}

#[tokio::test]
async fn an_order_that_is_too_large_is_refused() {
    let body = format!("{{\"by\":\"{}\"}}", "a".repeat(BODY_BYTES_MAX));
    let api = api().with_control(Arc::new(Echo));
    assert_eq!(send(api.local_router(), order(&body)).await.status, 413);
}

#[tokio::test]
async fn a_panic_is_contained_and_told_as_ours() {
    let routes: Router<Api> = Router::new().route("/boom", get(boom));
    let router = dress(routes).with_state(api());
    let reply = get_from(router, "/boom").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.json()["detail"], "this is our fault");
    assert!(!reply.body.contains("secret"));
}

async fn boom() {
    panic!("secret");
}

#[tokio::test]
async fn the_socket_is_for_its_owner_only_and_replaces_a_dead_one() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    drop(serve::open_socket(directory.path()).unwrap());
    let listener = serve::open_socket(directory.path()).unwrap();
    let path = directory.path().join(serve::SOCKET_NAME);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = CancellationToken::new();
    let server = serve::socket(listener, api().local_router(), token.clone());
    let client = async {
        let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nhost: steward\r\nconnection: close\r\n\r\n")
            .await
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        token.cancel();
        text
    };
    let both = async { tokio::join!(server, client) };
    let (served, text) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .unwrap();
    served.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text}");
}
