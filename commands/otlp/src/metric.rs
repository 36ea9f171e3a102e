//! Prometheus's families as OTLP's metrics.

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point::Value,
    },
};
use prometheus::proto::{self, MetricFamily, MetricType};

use crate::{attribute, resource, scope, text};

/// When it was counted: since the process began, until now (Unix, nanoseconds).
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// When counting began.
    pub from_ns: u64,
    /// When it was read.
    pub to_ns: u64,
}

/// The request that carries all families.
#[must_use]
pub fn request(families: &[MetricFamily], over: Span) -> ExportMetricsServiceRequest {
    let metrics = families.iter().filter_map(|family| metric(family, over));
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics: metrics.collect(),
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// One family; `None` for a kind that steward has none of.
fn metric(family: &MetricFamily, over: Span) -> Option<Metric> {
    let rows = family.get_metric().iter();
    let number = |of: fn(&proto::Metric) -> f64| -> Vec<NumberDataPoint> {
        rows.clone()
            .map(|row| NumberDataPoint {
                attributes: labels(row),
                start_time_unix_nano: over.from_ns,
                time_unix_nano: over.to_ns,
                value: Some(Value::AsDouble(of(row))),
                ..NumberDataPoint::default()
            })
            .collect()
    };
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match family.get_field_type() {
        MetricType::COUNTER => Data::Sum(Sum {
            data_points: number(|row| row.get_counter().get_value()),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        MetricType::GAUGE => Data::Gauge(Gauge {
            data_points: number(|row| row.get_gauge().get_value()),
        }),
        MetricType::HISTOGRAM => Data::Histogram(Histogram {
            data_points: rows.clone().map(|row| histogram(row, over)).collect(),
            aggregation_temporality: cumulative,
        }),
        MetricType::SUMMARY | MetricType::UNTYPED => return None,
    };
    Some(Metric {
        name: family.name().to_owned(),
        description: family.help().to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

fn labels(row: &proto::Metric) -> Vec<KeyValue> {
    let labels = row.get_label().iter();
    labels
        .map(|label| attribute(label.name(), text(label.value())))
        .collect()
}

/// Prometheus counts each bucket with all below it; OTLP counts each by itself, with one more above the last bound.
fn histogram(row: &proto::Metric, over: Span) -> HistogramDataPoint {
    let told = row.get_histogram();
    let finite = || {
        let buckets = told.get_bucket().iter();
        buckets.filter(|bucket| bucket.upper_bound().is_finite())
    };
    let mut below = 0;
    let mut counts = Vec::new();
    for bucket in finite() {
        counts.push(bucket.cumulative_count().saturating_sub(below));
        below = bucket.cumulative_count();
    }
    counts.push(told.get_sample_count().saturating_sub(below));
    HistogramDataPoint {
        attributes: labels(row),
        start_time_unix_nano: over.from_ns,
        time_unix_nano: over.to_ns,
        count: told.get_sample_count(),
        sum: Some(told.get_sample_sum()),
        bucket_counts: counts,
        explicit_bounds: finite().map(proto::Bucket::upper_bound).collect(),
        ..HistogramDataPoint::default()
    }
}
