//! Spans and metrics as a collector receives them.

use opentelemetry_proto::tonic::{
    common::v1::any_value,
    metrics::v1::metric::Data,
    trace::v1::{Span, status::StatusCode},
};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, Registry};
use proptest::prelude::*;
use steward::trace::TARGET;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::{metric, span::Spans};

const TRACE: &str = "000102030405060708090a0b0c0d0e0f1011121314151617";

/// What comes out while `act` runs.
fn heard(act: impl FnOnce()) -> Vec<Span> {
    let (layer, mut ended) = Spans::new();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, act);
    std::iter::from_fn(|| ended.spans.try_recv().ok()).collect()
}

fn root() -> Vec<u8> {
    (16..24).collect()
}

#[test]
fn a_block_is_the_root_and_what_it_led_to_hangs_below_it() {
    let spans = heard(|| {
        let follow = tracing::info_span!(target: TARGET, "follow", trace = TRACE, committed = tracing::field::Empty);
        follow.in_scope(|| {
            drop(tracing::info_span!(target: TARGET, "part", otel.name = "read").entered());
        });
        follow.record("committed", true);
        drop(follow);
        let carry = tracing::info_span!(target: TARGET, "carry", otel.name = "send", trace = TRACE, channel = u64::MAX);
        drop(carry);
    });
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["read", "block", "follow", "send"]);
    assert!(
        spans
            .iter()
            .all(|span| span.trace_id == (0..16).collect::<Vec<u8>>())
    );
    let [read, block, follow, send] = spans.as_slice() else {
        panic!("four spans")
    };
    assert_eq!(
        (&block.span_id, block.parent_span_id.is_empty()),
        (&root(), true)
    );
    assert_eq!(follow.parent_span_id, root());
    assert_eq!(read.parent_span_id, follow.span_id);
    assert_eq!(send.parent_span_id, root());
    assert!(block.start_time_unix_nano <= read.start_time_unix_nano);
    assert!(block.end_time_unix_nano >= read.end_time_unix_nano);
    let channel = send.attributes.iter().find(|of| of.key == "channel");
    let channel = channel.and_then(|of| of.value.clone()?.value);
    assert_eq!(
        channel,
        Some(any_value::Value::StringValue(u64::MAX.to_string()))
    );
}

#[test]
fn a_block_that_was_not_committed_is_no_root_and_says_why() {
    let spans = heard(|| {
        let follow = tracing::info_span!(target: TARGET, "follow", trace = TRACE, error = tracing::field::Empty);
        follow.record("error", "the endpoint does not answer");
    });
    let [follow] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    let status = follow.status.as_ref().unwrap();
    assert_eq!(status.code(), StatusCode::Error);
    assert_eq!(status.message, "the endpoint does not answer");
}

#[test]
fn what_belongs_to_no_trace_is_not_told() {
    let spans = heard(|| {
        drop(tracing::info_span!(target: TARGET, "part", otel.name = "read").entered());
        drop(tracing::info_span!(target: TARGET, "follow", trace = "not one").entered());
    });
    assert_eq!(spans, []);
}

#[test]
fn spans_that_find_no_room_are_counted() {
    let (layer, ended) = Spans::new();
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..5_000 {
            drop(tracing::info_span!(target: TARGET, "follow", trace = TRACE));
        }
    });
    assert_eq!(ended.take_dropped(), 5_000 - 4_096);
    assert_eq!(ended.take_dropped(), 0);
}

proptest! {
    /// Each bucket by itself adds up to all, and to what Prometheus counts with all below it.
    #[test]
    fn a_histogram_is_the_same_counted_either_way(values in prop::collection::vec(0.0..20.0_f64, 0..60)) {
        let registry = Registry::new();
        let opts = HistogramOpts::new("steward_wait_seconds", "help").buckets(vec![1.0, 5.0, 10.0]);
        let histogram = HistogramVec::new(opts, &["network"]).unwrap();
        registry.register(Box::new(histogram.clone())).unwrap();
        let counter = IntCounter::new("steward_many_total", "help").unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        for value in &values {
            histogram.with_label_values(&["main"]).observe(*value);
            counter.inc();
        }
        let over = metric::Span { from_ns: 1, to_ns: 2 };
        let request = metric::request(&registry.gather(), over);
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        let of = |name: &str| metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.data.clone());
        let Some(Data::Sum(sum)) = of("steward_many_total") else { panic!("{metrics:?}") };
        prop_assert!(sum.is_monotonic && sum.data_points[0].start_time_unix_nano == 1);
        if let Some(Data::Histogram(told)) = of("steward_wait_seconds") {
            let point = &told.data_points[0];
            prop_assert_eq!(&point.explicit_bounds, &[1.0, 5.0, 10.0]);
            prop_assert_eq!(point.bucket_counts.iter().sum::<u64>(), values.len() as u64);
            let small = values.iter().filter(|value| **value <= 1.0).count() as u64;
            prop_assert_eq!(point.bucket_counts[0], small);
            prop_assert!((point.sum.unwrap() - values.iter().sum::<f64>()).abs() < 1e-6);
        } else {
            prop_assert!(values.is_empty());
        }
    }
}
