//! Metrics and traces by OTLP over HTTP, in the protobuf form.
//!
//! Pushed is what there is anyway: the families that `/metrics` shows, and the spans of `steward::trace`. A collector that
//! does not answer costs nothing but its spans: they wait, bounded, and the oldest are given up.
//!
//! Not here: what is measured (`steward::metrics`), and which spans there are (`steward::trace`).

pub mod metric;
pub mod push;
pub mod span;
#[cfg(test)]
mod tests;

pub use push::{Exporter, Families};
pub use span::Spans;

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
};

/// Who speaks.
fn resource() -> Option<Resource> {
    Some(Resource {
        attributes: vec![
            attribute("service.name", text("steward")),
            attribute("service.version", text(steward::version::VERSION)),
        ],
        ..Resource::default()
    })
}

/// What is spoken of.
fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "steward".to_owned(),
        ..InstrumentationScope::default()
    })
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(value: &str) -> any_value::Value {
    any_value::Value::StringValue(value.to_owned())
}

/// Now, in nanoseconds since 1970.
fn now_ns() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "a span lasts milliseconds, which steward's clock does not tell; nothing is decided by it"
    )]
    let now = std::time::SystemTime::now();
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
