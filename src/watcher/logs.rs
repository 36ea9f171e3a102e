//! Raw logs of a block or range, read with the book's eyes.

use std::collections::BTreeMap;

use crate::{
    book::fold::Seen,
    chain::{
        Log, LogFilter,
        contracts::{ContractRole, Decoded, Event, abi, decode},
    },
    units::{Address, B256, BlockNumber, BlockRef, UnixSeconds},
};
use alloy::sol_types::SolEvent;

/// The events that the fold acts on: the filter of a catch-up, in which everything else would only cost.
#[must_use]
pub fn catch_up_filter(contracts: &BTreeMap<Address, ContractRole>) -> LogFilter {
    use abi::{Gse, Registry, Rollup as R, SlashingProposer as P, StakingRegistry as S};
    let topics = vec![
        Registry::CanonicalRollupUpdated::SIGNATURE_HASH,
        Gse::Deposit::SIGNATURE_HASH,
        R::ValidatorQueued::SIGNATURE_HASH,
        R::Deposit::SIGNATURE_HASH,
        R::FailedDeposit::SIGNATURE_HASH,
        R::WithdrawInitiated::SIGNATURE_HASH,
        R::WithdrawFinalized::SIGNATURE_HASH,
        R::Slashed::SIGNATURE_HASH,
        R::StakingQueueConfigUpdated::SIGNATURE_HASH,
        R::LocalEjectionThresholdUpdated::SIGNATURE_HASH,
        R::SlasherUpdated::SIGNATURE_HASH,
        R::PendingSlasherQueued::SIGNATURE_HASH,
        R::PendingSlasherCancelled::SIGNATURE_HASH,
        R::LegacySlasherAuthorized::SIGNATURE_HASH,
        P::RoundExecuted::SIGNATURE_HASH,
        S::ProviderRegistered::SIGNATURE_HASH,
        S::ProviderAdminUpdateInitiated::SIGNATURE_HASH,
        S::ProviderAdminUpdated::SIGNATURE_HASH,
        S::ProviderTakeRateUpdated::SIGNATURE_HASH,
        S::ProviderRewardsRecipientUpdated::SIGNATURE_HASH,
        S::AttestersAddedToProvider::SIGNATURE_HASH,
        S::ProviderQueueDripped::SIGNATURE_HASH,
        S::StakedWithProvider::SIGNATURE_HASH,
    ];
    LogFilter {
        addresses: contracts.keys().copied().collect(),
        topics,
    }
}

/// What the logs of a block or range turned out to be.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The events, in canonical order.
    pub seen: Vec<Seen>,
    /// Logs that nobody knows: contract, first topic, block, and what is wrong (empty: the topic is unknown).
    pub unknown: Vec<(Address, B256, BlockRef, String)>,
}

impl Reading {
    /// Reads `logs`; `at` gives the time of a block (zero where unknown, as in a catch-up).
    #[must_use]
    pub fn of(
        contracts: &BTreeMap<Address, ContractRole>,
        logs: &[Log],
        at: impl Fn(BlockNumber) -> UnixSeconds,
    ) -> Self {
        let mut reading = Self::default();
        for log in logs {
            let Some(role) = contracts.get(&log.address) else {
                continue;
            };
            match decode(*role, log) {
                Decoded::Event(event) => reading.seen.push(Seen {
                    event,
                    block: log.block,
                    at: at(log.block.number),
                    transaction: log.transaction,
                    log_index: log.index,
                }),
                Decoded::Unused => {}
                Decoded::Unknown => reading.note(log, String::new()),
                Decoded::Malformed(detail) => reading.note(log, detail),
            }
        }
        reading
    }

    fn note(&mut self, log: &Log, detail: String) {
        let topic = log.topics.first().copied().unwrap_or_default();
        self.unknown.push((log.address, topic, log.block, detail));
    }

    /// Rollups and slashers that the events name and the book does not know yet: their contracts must be found, and the
    /// logs of the block read again, before anything is folded.
    pub fn is_structural(&self, contracts: &BTreeMap<Address, ContractRole>) -> bool {
        self.seen.iter().any(|seen| match &seen.event {
            Event::CanonicalRollupUpdated { rollup, .. }
            | Event::StakedWithProvider { rollup, .. } => !contracts.contains_key(rollup),
            Event::SlasherChanged { .. } => true,
            _ => false,
        })
    }
}
