//! Attesters of ours: counts per state and host, and, where asked for, a series for each.

use std::collections::BTreeSet;

use prometheus::{
    GaugeVec, Opts,
    core::{AtomicF64, GenericCounterVec},
};

use super::{Maker, MetricsError, PerAttester, set, set_known};
use crate::{
    attester::Stage,
    units::Wei,
    views::{find::Place, fleet::Fleet},
};

#[derive(Debug)]
pub(super) struct FleetMetrics {
    attesters: GaugeVec,
    coinbases: GaugeVec,
    without_coinbase: GaugeVec,
    coinbase_deadline: GaugeVec,
    queue_position: GaugeVec,
    queue_eta: GaugeVec,
    provider_keys: GaugeVec,
    slashes: GenericCounterVec<AtomicF64>,
    slashed_tokens: GenericCounterVec<AtomicF64>,
    attester_state: GaugeVec,
    attester_info: GaugeVec,
    truncated: GaugeVec,
}

const OWNER: [&str; 2] = ["network", "provider"];

impl FleetMetrics {
    pub(super) fn new(maker: &Maker<'_>) -> Result<Self, MetricsError> {
        let with = |more: &[&'static str]| [&OWNER[..], more].concat();
        let total = |name: &str, help: &str| {
            let counter = GenericCounterVec::new(Opts::new(name, help), &OWNER);
            maker.register(counter.map_err(MetricsError::Register)?)
        };
        Ok(Self {
            attesters: maker.gauge("steward_attesters", "Attesters of the provider by state and host; the host is empty where no keys file names one.", &with(&["state", "host"]))?,
            coinbases: maker.gauge("steward_attester_coinbases", "Attesters that are not over, by verdict on their coinbase.", &with(&["verdict"]))?,
            without_coinbase: maker.gauge("steward_attesters_without_coinbase", "Attesters whose keys file sets no coinbase although a stake expects one.", &with(&["state"]))?,
            coinbase_deadline: maker.gauge("steward_coinbase_deadline_timestamp_seconds", "Earliest activation of an attester with a wrong coinbase: in the past while an active one is wrong; absent where none is wrong or no date is known.", &OWNER)?,
            queue_position: maker.gauge("steward_entry_queue_position", "Position of our first and last attester in the entry queue, 1 = next; absent where none of ours waits.", &with(&["rollup", "end"]))?,
            queue_eta: maker.gauge("steward_entry_queue_eta_timestamp_seconds", "When our next attester becomes a validator, as forecast; absent where there is no date.", &with(&["rollup", "assumption"]))?,
            provider_keys: maker.gauge("steward_provider_keys", "Keys that wait in the provider queue.", &OWNER)?,
            slashes: total("steward_slashes_total", "Slashes that attesters of the provider suffered.")?,
            slashed_tokens: total("steward_slashed_tokens_total", "Stake that they lost, in whole tokens; a float, so not exact to the wei.")?,
            attester_state: maker.gauge("steward_attester_state", "State of one attester: 0 NEW, 1 IN_STAKING_PROVIDER_QUEUE, 2 ROLLUP_ENTRY_QUEUE, 3 ACTIVE, 4 NO_LONGER_ACTIVE; only where series per attester are switched on.", &with(&["attester"]))?,
            attester_info: maker.gauge("steward_attester_info", "1, with host and label of one attester; only where series per attester are switched on.", &with(&["attester", "host", "label"]))?,
            truncated: maker.gauge("steward_series_truncated", "Attesters without series of their own because of the cap; 0 where series per attester are switched off.", &["network"])?,
        })
    }

    pub(super) fn reset(&self) {
        for gauge in [
            &self.attesters,
            &self.coinbases,
            &self.without_coinbase,
            &self.coinbase_deadline,
            &self.queue_position,
            &self.queue_eta,
            &self.provider_keys,
            &self.attester_state,
            &self.attester_info,
            &self.truncated,
        ] {
            gauge.reset();
        }
        self.slashes.reset();
        self.slashed_tokens.reset();
    }

    pub(super) fn set(&self, place: Place<'_>, fleet: &Fleet, per_attester: PerAttester) {
        let provider = place.network.provider.map(|provider| provider.to_string());
        let provider = provider.unwrap_or_default();
        let owner = [place.name, provider.as_str()];
        self.counts(owner, fleet);
        self.queues(place, owner, fleet);
        set_known(&self.coinbase_deadline, &owner, fleet.coinbase_deadline);
        let keys = place
            .network
            .provider
            .and_then(|id| place.book?.providers.row(&id));
        set_known(
            &self.provider_keys,
            &owner,
            keys.map(crate::book::records::Provider::keys_left),
        );
        #[expect(
            clippy::cast_precision_loss,
            reason = "Prometheus knows floats only; there are far fewer slashes than 2^53"
        )]
        self.slashes
            .with_label_values(&owner)
            .inc_by(fleet.slashes as f64);
        self.slashed_tokens
            .with_label_values(&owner)
            .inc_by(tokens(fleet.slashed));
        let truncated = self.each(place, owner, per_attester);
        set(&self.truncated, &[place.name], truncated);
    }

    fn counts(&self, [network, provider]: [&str; 2], fleet: &Fleet) {
        let hosts: BTreeSet<&str> = fleet.hosts.keys().map(|(_, host)| host.as_str()).collect();
        // Every state of every host, zeroes included, so that no series appears out of nothing.
        for host in hosts
            .into_iter()
            .chain(fleet.hosts.is_empty().then_some(""))
        {
            for stage in Stage::ALL {
                let count = fleet.hosts.get(&(stage, host.to_owned()));
                let labels = [network, provider, stage.name(), host];
                set(&self.attesters, &labels, count.copied().unwrap_or(0));
            }
        }
        for (verdict, count) in &fleet.coinbases {
            set(
                &self.coinbases,
                &[network, provider, verdict.name()],
                *count,
            );
        }
        for (stage, count) in &fleet.coinbase_missing {
            set(
                &self.without_coinbase,
                &[network, provider, stage.name()],
                *count,
            );
        }
    }

    fn queues(&self, place: Place<'_>, [network, provider]: [&str; 2], fleet: &Fleet) {
        for (rollup, (first, last)) in &fleet.entries {
            let version = rollup.to_string();
            let position = |index| {
                let position = place.book.and_then(|book| book.position(*rollup, index));
                position.map(|position| position.saturating_add(1))
            };
            let labels = |end| [network, provider, version.as_str(), end];
            set_known(&self.queue_position, &labels("first"), position(*first));
            set_known(&self.queue_position, &labels("last"), position(*last));
        }
        for (rollup, (earliest, expected)) in &fleet.next_entry {
            let version = rollup.to_string();
            let labels = |assumption| [network, provider, version.as_str(), assumption];
            set_known(&self.queue_eta, &labels("earliest"), *earliest);
            set_known(&self.queue_eta, &labels("expected"), *expected);
        }
    }

    /// A series for each attester, up to the cap; says how many are left out.
    fn each(&self, place: Place<'_>, [network, provider]: [&str; 2], of: PerAttester) -> u64 {
        if !of.is_on {
            return 0;
        }
        let ours = place.ours();
        for member in ours.iter().take(of.attesters_max) {
            let stage = member.attester.map(|attester| attester.standing.stage);
            let address = member.address.to_string().to_ascii_lowercase();
            let number = stage_number(stage.unwrap_or_default());
            set(&self.attester_state, &[network, provider, &address], number);
            let host = member.hosts().join("+");
            let label = place.label(member.address).unwrap_or_default();
            let labels = [network, provider, &address, &host, label];
            set(&self.attester_info, &labels, 1);
        }
        let left_out = ours.len().saturating_sub(of.attesters_max);
        u64::try_from(left_out).unwrap_or(u64::MAX)
    }
}

/// The number of a state in `steward_attester_state`; part of the interface.
const fn stage_number(stage: Stage) -> u64 {
    match stage {
        Stage::New => 0,
        Stage::InStakingProviderQueue => 1,
        Stage::RollupEntryQueue => 2,
        Stage::Active => 3,
        Stage::NoLongerActive => 4,
    }
}

/// Whole tokens as a float: its text form, read again, so that no big number is cast.
fn tokens(amount: Wei) -> f64 {
    amount.to_string().replace(',', "").parse().unwrap_or(0.0)
}
