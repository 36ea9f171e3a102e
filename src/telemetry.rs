//! Logs: to stderr, readable or as JSON.

use tracing::Level;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt as _, filter_fn},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::{
    config::{LogFormat, TelemetryConfig},
    trace,
};

/// Who hears the spans of [`trace`].
pub type SpanLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging to `writer`; `spans` hears the spans of [`trace`], and nobody else does. A filter that cannot be read is
/// replaced by `info`, and said.
///
/// Colours are for people: a journal or a file would keep their codes, so only who knows where the lines go allows them.
pub fn start(
    config: &TelemetryConfig,
    writer: BoxMakeWriter,
    has_colour: bool,
    spans: Option<SpanLayer>,
) {
    let (filter, fault) = match EnvFilter::try_new(&config.filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let is_span = filter_fn(|of| of.target() == trace::TARGET).with_max_level_hint(Level::INFO);
    let registry = tracing_subscriber::registry().with(spans.with_filter(is_span));
    // Without hints of their own both would have every line of every library looked at, however quiet the log is.
    let is_other = filter_fn(|of| of.target() != trace::TARGET).with_max_level_hint(Level::TRACE);
    let is_line = filter.and(is_other);
    let lines = tracing_subscriber::fmt::layer();
    let started = match config.format {
        LogFormat::Text => {
            let lines = lines.with_ansi(has_colour).with_writer(writer);
            registry.with(lines.with_filter(is_line)).try_init()
        }
        LogFormat::Json => {
            let lines = lines.json().with_writer(writer);
            registry.with(lines.with_filter(is_line)).try_init()
        }
    };
    if let Some(fault) = fault {
        tracing::warn!(%fault, "the log filter cannot be read, info is used");
    }
    drop(started);
}
