//! A collector that speaks the protobuf of OTLP, and what the shipped binary tells it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::any_value,
    trace::v1::Span,
};
use prost::Message as _;
use tokio::net::TcpListener;

use super::stage::{PATIENCE, Stage, TRANSITIONS};

const KEY: &str = "Basic canary-of-a-key";

/// What was received.
#[derive(Debug, Default)]
struct Received {
    spans: Vec<Span>,
    metrics: BTreeSet<String>,
    keys: BTreeSet<String>,
    /// How often it is still too busy for spans.
    busy: u32,
}

#[derive(Debug, Clone, Default)]
struct Collector(Arc<Mutex<Received>>);

impl Collector {
    /// Listens; refuses the first spans for now.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        collector.0.lock().unwrap().busy = 2;
        let router = Router::new()
            .route("/otlp/v1/traces", post(traces))
            .route("/otlp/v1/metrics", post(metrics))
            .with_state(collector.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/otlp", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (collector, url)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Received) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    fn note(&self, headers: &HeaderMap) {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let key = headers["authorization"].to_str().unwrap().to_owned();
        self.with(|received| received.keys.insert(key));
    }
}

async fn traces(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) -> StatusCode {
    collector.note(&headers);
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    collector.with(|received| {
        if received.busy > 0 {
            received.busy -= 1;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        for scope in request
            .resource_spans
            .into_iter()
            .flat_map(|of| of.scope_spans)
        {
            received.spans.extend(scope.spans);
        }
        StatusCode::OK
    })
}

async fn metrics(
    State(collector): State<Collector>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    collector.note(&headers);
    let request = ExportMetricsServiceRequest::decode(body).unwrap();
    collector.with(|received| {
        for scope in request
            .resource_metrics
            .into_iter()
            .flat_map(|of| of.scope_metrics)
        {
            received
                .metrics
                .extend(scope.metrics.into_iter().map(|metric| metric.name));
        }
    });
    StatusCode::OK
}

fn says(span: &Span, key: &str, part: &str) -> bool {
    let value = span.attributes.iter().find(|of| of.key == key);
    let value = value.and_then(|of| of.value.clone()?.value);
    matches!(value, Some(any_value::Value::StringValue(text)) if text.contains(part))
}

/// Goal: whoever looks at a message finds the block that caused it, and what was done in between. Method: the shipped binary
/// tells a collector; the message's span and the block's are of one trace, and nothing was lost while the collector was busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_block_and_its_message_are_one_trace_at_the_collector() {
    let (collector, url) = Collector::start().await;
    let mut stage = Stage::unlimited().await;
    stage.settings.insert("OTEL_EXPORTER_OTLP_ENDPOINT", url);
    let headers = format!("authorization={}", KEY.replace(' ', "%20"));
    stage.settings.insert("OTEL_EXPORTER_OTLP_HEADERS", headers);
    stage.add_keys(0, 4).await;
    stage.start_first().await;
    stage.stake(1).await;
    stage.see_messages(TRANSITIONS, 2).await;

    let sent = |span: &Span| span.name == "send" && says(span, "notice", "attester_transition");
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let spans = collector.with(|received| received.spans.clone());
            if let Some(send) = spans.iter().find(|span| sent(span)).cloned() {
                return (send, spans);
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    let (send, spans) = found.await.unwrap();
    let trace: Vec<&Span> = spans
        .iter()
        .filter(|span| span.trace_id == send.trace_id)
        .collect();
    let named = |name: &str| trace.iter().find(|span| span.name == name).copied();
    let block = named("block").unwrap();
    assert!(block.parent_span_id.is_empty(), "{block:?}");
    assert_eq!(send.parent_span_id, block.span_id);
    assert!(says(block, "block.hash", "0x"));
    let commit = named("commit").unwrap();
    assert_eq!(commit.parent_span_id, named("follow").unwrap().span_id);
    // It is sent after it was committed.
    assert!(send.start_time_unix_nano >= commit.end_time_unix_nano);
    // Every block that was followed has one root.
    let roots = spans.iter().filter(|span| span.name == "block");
    let ids: BTreeSet<&Vec<u8>> = roots.clone().map(|span| &span.trace_id).collect();
    assert_eq!(ids.len(), roots.count());
    collector.with(|received| {
        assert_eq!(received.keys, BTreeSet::from([KEY.to_owned()]));
        assert!(
            received.metrics.contains("steward_build_info"),
            "{:?}",
            received.metrics
        );
        assert!(received.metrics.len() > 20, "{:?}", received.metrics);
    });
}
