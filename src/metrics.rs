//! What Prometheus is told.
//!
//! One struct with its own registry. Gauges and counters that follow from the state are set anew at every scrape, from
//! the same views that people see, so no series outlives its subject. What only happens (latencies, transitions) is
//! observed as it happens, through [`Live`]. Nothing here reads the chain; the disk is asked for its size only.
//! `docs/METRICS.md` lists every name; a test holds it to the exposition.

mod chain;
mod fleet;
mod live;
mod work;

use std::sync::{Mutex, PoisonError};

use prometheus::{
    Encoder, GaugeVec, IntCounterVec, Opts, Registry, TextEncoder, proto::MetricFamily,
};
use thiserror::Error;

use crate::views::{Glance, find, fleet::Fleet, status};
pub use live::{Live, Outcome};

/// Whether attesters have series of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerAttester {
    /// Whether they have.
    pub is_on: bool,
    /// How many at most, on each network; the rest is counted in `steward_series_truncated`.
    pub attesters_max: usize,
}

impl Default for PerAttester {
    /// None: counts per state and host only.
    fn default() -> Self {
        Self {
            is_on: false,
            attesters_max: 500,
        }
    }
}

/// Why there are no metrics.
#[derive(Debug, Error)]
pub enum MetricsError {
    /// Two metrics have one name, or a name or label is not allowed.
    #[error("a metric cannot be registered")]
    Register(#[source] prometheus::Error),
    /// The text cannot be written.
    #[error("the metrics cannot be written as text")]
    Encode(#[source] prometheus::Error),
    /// The text is no UTF-8.
    #[error("the metrics are no text")]
    Text(#[source] std::string::FromUtf8Error),
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    chain: chain::ChainMetrics,
    fleet: fleet::FleetMetrics,
    work: work::WorkMetrics,
    live: Live,
    per_attester: PerAttester,
    gathering: Mutex<()>,
}

impl Metrics {
    /// Metrics with a registry of their own.
    ///
    /// # Errors
    /// [`MetricsError::Register`] where two have one name, which a test excludes.
    pub fn new(per_attester: PerAttester) -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let maker = Maker {
            registry: &registry,
        };
        Ok(Self {
            chain: chain::ChainMetrics::new(&maker)?,
            fleet: fleet::FleetMetrics::new(&maker)?,
            work: work::WorkMetrics::new(&maker)?,
            live: Live::new(&maker)?,
            per_attester,
            gathering: Mutex::new(()),
            registry,
        })
    }

    /// The handles on which events are observed as they happen.
    #[must_use]
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// The text that Prometheus scrapes, as of `glance`.
    ///
    /// # Errors
    /// [`MetricsError`] where the text cannot be written.
    pub fn gather(&self, glance: &Glance<'_>) -> Result<String, MetricsError> {
        let families = self.families(glance);
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&families, &mut text)
            .map_err(MetricsError::Encode)?;
        String::from_utf8(text).map_err(MetricsError::Text)
    }

    /// Every metric with its series, as of `glance`.
    #[must_use]
    pub fn families(&self, glance: &Glance<'_>) -> Vec<MetricFamily> {
        // Two scrapes at a time would mix their resets.
        let one_at_a_time = self
            .gathering
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.chain.reset();
        self.fleet.reset();
        self.work.reset();
        let mut networks = Vec::new();
        for place in find::networks(glance, None).unwrap_or_default() {
            let fleet = Fleet::of(place);
            let status = status::network_status(glance, place, &fleet);
            self.live.announce_network(place.name);
            self.chain.set(place, &status);
            // Before the first block nothing is known of attesters, and nothing is said of them.
            if place.book.is_some() {
                self.fleet.set(place, &fleet, self.per_attester);
            }
            networks.push(status);
        }
        self.work.set(glance, &status::whole(glance, networks));
        let families = self.registry.gather();
        drop(one_at_a_time);
        families
    }
}

/// Makes and registers metrics.
struct Maker<'a> {
    registry: &'a Registry,
}

impl Maker<'_> {
    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, MetricsError> {
        let gauge = GaugeVec::new(Opts::new(name, help), labels);
        self.register(gauge.map_err(MetricsError::Register)?)
    }

    fn counter(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, MetricsError> {
        let counter = IntCounterVec::new(Opts::new(name, help), labels);
        self.register(counter.map_err(MetricsError::Register)?)
    }

    fn register<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        metric: C,
    ) -> Result<C, MetricsError> {
        self.registry
            .register(Box::new(metric.clone()))
            .map_err(MetricsError::Register)?;
        Ok(metric)
    }
}

/// Sets the series of `labels` to a whole number.
fn set(gauge: &GaugeVec, labels: &[&str], value: u64) {
    #[expect(
        clippy::cast_precision_loss,
        reason = "Prometheus knows floats only; heights, times and counts stay below 2^53"
    )]
    gauge.with_label_values(labels).set(value as f64);
}

/// Sets the series of `labels`, or leaves it out where the number is unknown.
fn set_known(gauge: &GaugeVec, labels: &[&str], value: Option<u64>) {
    if let Some(value) = value {
        set(gauge, labels, value);
    }
}

#[cfg(test)]
mod tests;
