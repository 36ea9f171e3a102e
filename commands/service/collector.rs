//! A collector of OpenTelemetry, where one is configured and the build has the feature `otlp`.

#[cfg(feature = "otlp")]
pub use present::{Exporter, collector, push};

#[cfg(feature = "otlp")]
mod present {
    use std::sync::Arc;

    use anyhow::Context as _;
    use steward::{config::Config, service::Service, tasks::Tasks, telemetry::SpanLayer, views};
    pub use steward_otlp::Exporter;
    use steward_otlp::Families;

    /// Who hears spans, and who pushes them.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn collector(config: &Config) -> anyhow::Result<(Option<SpanLayer>, Option<Exporter>)> {
        let Some(otlp) = &config.telemetry.otlp else {
            return Ok((None, None));
        };
        let (exporter, spans) = Exporter::new(otlp).context("nothing can be pushed by OTLP")?;
        Ok((Some(Box::new(spans)), Some(exporter)))
    }

    /// Pushes for as long as the process lives.
    pub fn push(service: &Arc<Service>, tasks: &Tasks, exporter: Option<Exporter>) {
        let Some(exporter) = exporter else { return };
        let service = Arc::clone(service);
        let families: Families = Arc::new(move || {
            let service = Arc::clone(&service);
            Box::pin(async move {
                views::ask(&*service, |glance| service.metrics.families(glance)).await
            })
        });
        tasks.spawn("otlp", exporter.run(families, tasks.token()));
        tracing::info!("metrics and traces are pushed by OTLP");
    }
}

#[cfg(not(feature = "otlp"))]
pub use absent::{Exporter, collector, push};

#[cfg(not(feature = "otlp"))]
mod absent {
    use std::sync::Arc;

    use steward::{config::Config, service::Service, tasks::Tasks, telemetry::SpanLayer};

    /// There is none in this build.
    #[derive(Debug)]
    pub enum Exporter {}

    /// Nobody hears spans.
    ///
    /// # Errors
    /// Never.
    pub fn collector(_config: &Config) -> anyhow::Result<(Option<SpanLayer>, Option<Exporter>)> {
        Ok((None, None))
    }

    /// Says that nothing is pushed, where somebody expects it.
    pub fn push(service: &Arc<Service>, _tasks: &Tasks, _exporter: Option<Exporter>) {
        if service.config.telemetry.otlp.is_some() {
            tracing::warn!(
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, and this build pushes nothing: build it with --features \
                 steward-commands/otlp, or remove it"
            );
        }
    }
}
