//! Counts over all attesters of ours on one network, in one pass.

use std::collections::BTreeMap;

use super::{
    coinbase::{Verdict, is_over},
    find::Place,
    forecast::Forecasts,
};
use crate::{
    attester::{Attester, Stage},
    keys::Host,
    units::{QueueIndex, RollupVersion, Wei},
};

/// Counts over all attesters of ours on one network.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fleet {
    /// Attesters by state; every state is there.
    pub states: BTreeMap<Stage, u64>,
    /// Attesters by state and host; several hosts of one attester are joined by `+`, none is empty.
    pub hosts: BTreeMap<(Stage, String), u64>,
    /// Attesters that are not over, by verdict on their coinbase; every verdict is there.
    pub coinbases: BTreeMap<Verdict, u64>,
    /// Attesters that are not over and whose keys file sets no coinbase, by state; every state but the last is there.
    pub coinbase_missing: BTreeMap<Stage, u64>,
    /// The earliest deadline of a wrong coinbase, Unix seconds.
    pub coinbase_deadline: Option<u64>,
    /// First and last entry of ours, by rollup.
    pub entries: BTreeMap<RollupVersion, (QueueIndex, QueueIndex)>,
    /// When the first of ours enters, by rollup,, as forecast: earliest and expected, Unix seconds.
    pub next_entry: BTreeMap<RollupVersion, (Option<u64>, Option<u64>)>,
    /// Slashes suffered.
    pub slashes: u64,
    /// Stake lost.
    pub slashed: Wei,
    /// Changes of state seen.
    pub transitions: u64,
}

/// The states in which a coinbase matters.
const LIVING: [Stage; 4] = [
    Stage::New,
    Stage::InStakingProviderQueue,
    Stage::RollupEntryQueue,
    Stage::Active,
];

impl Fleet {
    /// Counts.
    #[must_use]
    pub fn of(place: Place<'_>) -> Self {
        let mut fleet = Self {
            states: Stage::ALL.map(|stage| (stage, 0)).into(),
            coinbases: Verdict::ALL.map(|verdict| (verdict, 0)).into(),
            coinbase_missing: LIVING.map(|stage| (stage, 0)).into(),
            ..Self::default()
        };
        let mut forecasts = Forecasts::new(place);
        // Counted by the hosts as they are, and joined once per set of them instead of once per attester.
        let mut hosts: BTreeMap<(Stage, &[Host]), u64> = BTreeMap::new();
        for member in place.ours() {
            let stage = member
                .attester
                .map(|a| a.standing.stage)
                .unwrap_or_default();
            *fleet.states.entry(stage).or_default() += 1;
            let on = member.deployed.map_or(&[][..], |deployed| &deployed.hosts);
            *hosts.entry((stage, on)).or_default() += 1;
            if let Some(attester) = member.attester {
                fleet.add(attester);
            }
            if is_over(&member) {
                continue;
            }
            let verdict = Verdict::from(&place.verdict(&member));
            *fleet.coinbases.entry(verdict).or_default() += 1;
            if verdict == Verdict::Missing {
                *fleet.coinbase_missing.entry(stage).or_default() += 1;
            }
            if verdict.is_wrong() {
                let deadline = forecasts.deadline(member.attester).at;
                let earliest = [fleet.coinbase_deadline, deadline];
                fleet.coinbase_deadline = earliest.into_iter().flatten().min();
            }
        }
        for ((stage, on), count) in hosts {
            let names: Vec<&str> = on.iter().map(Host::as_str).collect();
            *fleet.hosts.entry((stage, names.join("+"))).or_default() += count;
        }
        for (rollup, (first, _)) in &fleet.entries {
            let forecast = forecasts.of(*rollup, *first);
            let next = (forecast.earliest.at, forecast.expected.at);
            fleet.next_entry.insert(*rollup, next);
        }
        fleet
    }

    fn add(&mut self, attester: &Attester) {
        self.slashes = self.slashes.saturating_add(attester.slash_count);
        self.slashed = self.slashed.saturating_add(attester.slashed);
        self.transitions = self.transitions.saturating_add(attester.transitions);
        for entry in &attester.entries {
            let ends = (entry.index, entry.index);
            let ends = self.entries.entry(entry.rollup).or_insert(ends);
            *ends = (ends.0.min(entry.index), ends.1.max(entry.index));
        }
    }

    /// How many there are.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.states.values().sum()
    }
}
