//! What only happens, observed as it happens. Cheap to clone: all clones count together.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec};

use super::{Maker, MetricsError};
use crate::{attester::Stage, outbox::Stopwatch};

/// From 50 ms to 5 min: a block is 12 s, and a message that waits longer than 5 min is an incident anyway.
const BUCKETS: [f64; 12] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 12.0, 30.0, 60.0, 120.0, 300.0,
];

/// What an attempt at a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A new message was accepted.
    Sent,
    /// An edit was accepted.
    Edited,
    /// Refused for now, or rate limited.
    Postponed,
    /// Nobody can tell.
    Unclear,
    /// Refused for good.
    Failed,
}

impl Outcome {
    const ALL: [Self; 5] = [
        Self::Sent,
        Self::Edited,
        Self::Postponed,
        Self::Unclear,
        Self::Failed,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Edited => "edited",
            Self::Postponed => "postponed",
            Self::Unclear => "unclear",
            Self::Failed => "failed",
        }
    }
}

/// The handles on which events are observed.
#[derive(Debug, Clone)]
pub struct Live {
    detection: HistogramVec,
    delivery: HistogramVec,
    transitions: IntCounterVec,
    notifications: IntCounterVec,
    disagreements: IntCounterVec,
}

impl Live {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, MetricsError> {
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            let options = HistogramOpts::new(name, help).buckets(BUCKETS.to_vec());
            let histogram = HistogramVec::new(options, labels);
            maker.register(histogram.map_err(MetricsError::Register)?)
        };
        let live = Self {
            detection: histogram(
                "steward_detection_latency_seconds",
                "From the time of an L1 block to the commit of what changed in it, near the head.",
                &["network"],
            )?,
            delivery: histogram(
                "steward_delivery_latency_seconds",
                "From the commit that owed a message to its acceptance.",
                &[],
            )?,
            transitions: maker.counter(
                "steward_transitions_total",
                "Changes of state of attesters of the provider since start.",
                &["network", "from", "to"],
            )?,
            notifications: maker.counter(
                "steward_notifications_total",
                "Attempts at messages since start, by outcome.",
                &["outcome"],
            )?,
            disagreements: maker.counter(
                "steward_rpc_disagreements_total",
                "Contradictions between endpoints since start.",
                &["network"],
            )?,
        };
        for outcome in Outcome::ALL {
            drop(
                live.notifications
                    .get_metric_with_label_values(&[outcome.name()]),
            );
        }
        drop(live.delivery.get_metric_with_label_values(&[] as &[&str]));
        Ok(live)
    }

    /// Exports the series of a network at zero before anything happens.
    pub(super) fn announce_network(&self, network: &str) {
        drop(self.detection.get_metric_with_label_values(&[network]));
        drop(self.disagreements.get_metric_with_label_values(&[network]));
        for from in Stage::ALL {
            for to in Stage::ALL {
                let labels = &[network, from.name(), to.name()];
                drop(self.transitions.get_metric_with_label_values(labels));
            }
        }
    }

    /// What changed in a block was committed so long after the block's time.
    pub fn detected(&self, network: &str, latency: Duration) {
        self.detection
            .with_label_values(&[network])
            .observe(latency.as_secs_f64());
    }

    /// An attester of ours changed its state, or its reason where both are the same.
    pub fn changed(&self, network: &str, from: Stage, to: Stage) {
        self.transitions
            .with_label_values(&[network, from.name(), to.name()])
            .inc();
    }

    /// An attempt at a message ended.
    pub fn attempted(&self, outcome: Outcome) {
        self.notifications
            .with_label_values(&[outcome.name()])
            .inc();
    }

    /// Endpoints contradicted each other.
    pub fn disagreed(&self, network: &str) {
        self.disagreements.with_label_values(&[network]).inc();
    }
}

impl Stopwatch for Live {
    fn arrived(&self, waited: Duration) {
        self.delivery
            .with_label_values(&[] as &[&str])
            .observe(waited.as_secs_f64());
    }
}
