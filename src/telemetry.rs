//! Logs: to stderr, readable or as JSON.

use tracing_subscriber::{
    EnvFilter, fmt::writer::BoxMakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::config::{LogFormat, TelemetryConfig};

/// Starts logging to `writer`. A filter that cannot be read is replaced by `info`, and said.
///
/// Colours are for people: a journal or a file would keep their codes, so only who knows where the lines go allows them.
pub fn start(config: &TelemetryConfig, writer: BoxMakeWriter, has_colour: bool) {
    let (filter, fault) = match EnvFilter::try_new(&config.filter) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = match config.format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(has_colour)
                    .with_writer(writer),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(tracing_subscriber::fmt::layer().json().with_writer(writer))
            .try_init(),
    };
    if let Some(fault) = fault {
        tracing::warn!(%fault, "the log filter cannot be read, info is used");
    }
    drop(started);
}
