//! How far each network was read, and how its endpoints fare.

use prometheus::{GaugeVec, IntCounterVec};

use super::{Maker, MetricsError, set, set_known};
use crate::views::{find::Place, status::NetworkStatus};

#[derive(Debug)]
pub(super) struct ChainMetrics {
    head: GaugeVec,
    head_at: GaugeVec,
    processed: GaugeVec,
    processed_at: GaugeVec,
    finalized: GaugeVec,
    gap_blocks: GaugeVec,
    complete: GaugeVec,
    stopped: GaugeVec,
    reorgs: IntCounterVec,
    reorg_depth: GaugeVec,
    unknown_events: GaugeVec,
    queue_length: GaugeVec,
    endpoint_up: GaugeVec,
    endpoint_head: GaugeVec,
    requests: IntCounterVec,
}

impl ChainMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, MetricsError> {
        let of = |name, help| maker.gauge(name, help, &["network"]);
        let of_endpoint = |name, help| maker.gauge(name, help, &["network", "endpoint"]);
        Ok(Self {
            head: of(
                "steward_l1_head_block",
                "Newest L1 block that any endpoint told.",
            )?,
            head_at: of("steward_l1_head_timestamp_seconds", "Time of that block.")?,
            processed: of(
                "steward_processed_block",
                "Last L1 block that was taken in.",
            )?,
            processed_at: of("steward_processed_timestamp_seconds", "Time of that block.")?,
            finalized: of(
                "steward_finalized_block",
                "Newest final L1 block; absent where no endpoint tells.",
            )?,
            gap_blocks: of(
                "steward_coverage_gap_blocks",
                "Blocks between the first and the last taken in whose logs are missing.",
            )?,
            complete: of(
                "steward_history_complete",
                "1 where history is proven complete against the contracts, 0 where it is not; absent while not proven either way.",
            )?,
            stopped: of(
                "steward_network_stopped",
                "1 where the network is stopped until a person acts.",
            )?,
            reorgs: maker.counter("steward_reorgs_total", "Reorgs seen.", &["network"])?,
            reorg_depth: of(
                "steward_reorg_depth_blocks",
                "Depth of the deepest reorg seen.",
            )?,
            unknown_events: of(
                "steward_unknown_events",
                "Kinds of events of watched contracts that nobody knows.",
            )?,
            queue_length: maker.gauge(
                "steward_entry_queue_length",
                "Attesters in the entry queue of a rollup, everybody's.",
                &["network", "rollup"],
            )?,
            endpoint_up: of_endpoint(
                "steward_rpc_endpoint_up",
                "1 where the endpoint answers (it may fail twice in a row), 0 where it is limited, down or excluded; absent until it has answered.",
            )?,
            endpoint_head: of_endpoint(
                "steward_rpc_endpoint_head_block",
                "Newest block of the endpoint as last seen.",
            )?,
            requests: maker.counter(
                "steward_rpc_requests_total",
                "JSON-RPC requests since start.",
                &["network", "endpoint", "method"],
            )?,
        })
    }

    pub(super) fn reset(&self) {
        for gauge in [
            &self.head,
            &self.head_at,
            &self.processed,
            &self.processed_at,
            &self.finalized,
            &self.gap_blocks,
            &self.complete,
            &self.stopped,
            &self.reorg_depth,
            &self.unknown_events,
            &self.queue_length,
            &self.endpoint_up,
            &self.endpoint_head,
        ] {
            gauge.reset();
        }
        self.reorgs.reset();
        self.requests.reset();
    }

    pub(super) fn set(&self, place: Place<'_>, status: &NetworkStatus) {
        let network = &[place.name];
        let processed = status.cursor.block.as_ref();
        let gaps = status.coverage.gaps.iter();
        set_known(&self.head, network, status.head.map(|head| head.number));
        set_known(&self.head_at, network, status.head.map(|head| head.at));
        set_known(
            &self.processed,
            network,
            processed.map(|block| block.number),
        );
        set_known(
            &self.processed_at,
            network,
            processed.and_then(|block| block.at),
        );
        let finalized = status.finality.finalized.as_ref();
        set_known(
            &self.finalized,
            network,
            finalized.map(|block| block.number),
        );
        let missing = gaps.map(|gap| gap.to.saturating_sub(gap.from).saturating_add(1));
        set_known(&self.gap_blocks, network, processed.map(|_| missing.sum()));
        set_known(
            &self.complete,
            network,
            status.completeness.is_proven.map(u64::from),
        );
        set(&self.stopped, network, u64::from(status.stopped.is_some()));
        self.reorgs.with_label_values(network).inc_by(status.reorgs);
        set(&self.reorg_depth, network, status.reorg_depth_max);
        set(&self.unknown_events, network, status.unknown_events);
        for rollup in &status.rollups {
            let version = rollup.version.to_string();
            set(
                &self.queue_length,
                &[place.name, &version],
                rollup.queue_length,
            );
        }
        self.endpoints(place, status);
    }

    fn endpoints(&self, place: Place<'_>, status: &NetworkStatus) {
        for endpoint in &status.endpoints {
            let labels = &[place.name, endpoint.name.as_str()];
            let is_up = endpoint.state == "healthy";
            // One that was not heard of yet is neither.
            let is_known = !is_up || endpoint.head.is_some();
            set_known(
                &self.endpoint_up,
                labels,
                is_known.then_some(u64::from(is_up)),
            );
            set_known(&self.endpoint_head, labels, endpoint.head);
        }
        for health in &place.network.endpoints {
            for (method, count) in &health.requests {
                let labels = &[place.name, health.endpoint.as_str(), method];
                self.requests.with_label_values(labels).inc_by(*count);
            }
        }
    }
}
