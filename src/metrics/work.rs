//! Steward's own work: deliveries, jobs, incidents, store, gateway, build.

use std::collections::BTreeMap;

use prometheus::GaugeVec;

use super::{Maker, MetricsError, set, set_known};
use crate::{
    alert::class::Class,
    state::HOUSE,
    views::{
        Glance, incident,
        status::{DiscordStatus, StatusView},
    },
};

#[derive(Debug)]
pub(super) struct WorkMetrics {
    build: GaugeVec,
    started_at: GaugeVec,
    deliveries: GaugeVec,
    pending: GaugeVec,
    oldest: GaugeVec,
    jobs: GaugeVec,
    incidents: GaugeVec,
    store_bytes: GaugeVec,
    canary_interval: GaugeVec,
    canary_seen: GaugeVec,
    dead_man_fed: GaugeVec,
    gateway_up: GaugeVec,
}

impl WorkMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, MetricsError> {
        let of = |name, help, labels: &[&str]| maker.gauge(name, help, labels);
        Ok(Self {
            build: of(
                "steward_build_info",
                "1, with version and commit of the program.",
                &["version", "revision"],
            )?,
            started_at: of(
                "steward_start_timestamp_seconds",
                "When the process started.",
                &[],
            )?,
            deliveries: of(
                "steward_outbox_deliveries",
                "Deliveries that are remembered, by state.",
                &["state"],
            )?,
            pending: of(
                "steward_outbox_pending",
                "Deliveries that are neither sent nor closed.",
                &[],
            )?,
            oldest: of(
                "steward_outbox_oldest_timestamp_seconds",
                "When the oldest of them came to be owed; absent where none waits.",
                &[],
            )?,
            jobs: of(
                "steward_jobs",
                "Jobs that are remembered, by state.",
                &["state"],
            )?,
            incidents: of(
                "steward_incidents",
                "Incidents that are not resolved, by class; the network is empty for the service itself.",
                &["network", "class"],
            )?,
            store_bytes: of(
                "steward_store_size_bytes",
                "Size of the database on disk; absent where it cannot be read.",
                &[],
            )?,
            canary_interval: of(
                "steward_canary_interval_seconds",
                "Time between two beats of the canary; absent where there is none.",
                &[],
            )?,
            canary_seen: of(
                "steward_canary_seen_timestamp_seconds",
                "When a beat of the canary was last seen in its channel; absent before the first.",
                &[],
            )?,
            dead_man_fed: of(
                "steward_dead_man_fed_timestamp_seconds",
                "When the dead man's switch last took a beat; absent before the first.",
                &[],
            )?,
            gateway_up: of(
                "steward_discord_gateway_up",
                "1 where the gateway is connected; absent where Discord is not configured.",
                &[],
            )?,
        })
    }

    pub(super) fn reset(&self) {
        for gauge in [
            &self.build,
            &self.started_at,
            &self.deliveries,
            &self.pending,
            &self.oldest,
            &self.jobs,
            &self.incidents,
            &self.store_bytes,
            &self.canary_interval,
            &self.canary_seen,
            &self.dead_man_fed,
            &self.gateway_up,
        ] {
            gauge.reset();
        }
    }

    pub(super) fn set(&self, glance: &Glance<'_>, status: &StatusView) {
        set(&self.build, &[&status.version, &status.revision], 1);
        set(&self.started_at, &[], status.started_at);
        for (state, count) in &status.deliveries {
            set(&self.deliveries, &[state], *count);
        }
        let waiting = ["pending", "started"].map(|state| status.deliveries.get(state).copied());
        set(&self.pending, &[], waiting.into_iter().flatten().sum());
        set_known(
            &self.oldest,
            &[],
            status.oldest_pending_at_ms.map(|ms| ms / 1000),
        );
        for (state, count) in &status.jobs {
            set(&self.jobs, &[state], *count);
        }
        self.incidents(glance);
        set_known(&self.store_bytes, &[], status.store_bytes);
        if let Some(canary) = &status.canary {
            set(&self.canary_interval, &[], canary.interval_seconds);
            set_known(&self.canary_seen, &[], canary.seen_at);
            set_known(&self.dead_man_fed, &[], canary.fed_at);
        }
        let up = match status.discord {
            DiscordStatus::Absent => None,
            DiscordStatus::Connected { .. } | DiscordStatus::Impaired { .. } => Some(1),
            DiscordStatus::Disconnected { .. } => Some(0),
        };
        set_known(&self.gateway_up, &[], up);
    }

    fn incidents(&self, glance: &Glance<'_>) {
        let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        let networks = glance.networks.keys().map(String::as_str);
        for network in networks.chain([""]) {
            for class in Class::ALL.iter().filter(|class| class.is_incident()) {
                counts.insert((network, class.name()), 0);
            }
        }
        for (network, incident) in incident::all(glance) {
            if incident.is_open() {
                let network = if network == HOUSE { "" } else { network };
                *counts.entry((network, incident.class.name())).or_default() += 1;
            }
        }
        for ((network, class), count) in counts {
            set(&self.incidents, &[network, class], count);
        }
    }
}
