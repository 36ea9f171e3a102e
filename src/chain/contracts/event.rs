//! What the logs of watched contracts say, in the field's words.

use serde::{Deserialize, Serialize};

use super::QueueConfig;
use crate::units::{
    Address, AttesterAddress, B256, BasisPoints, Coinbase, ProviderId, RollupVersion, Round, Slot,
    Wei,
};

/// Where a registration in the GSE sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instance {
    /// The bonus instance: the stake follows the latest rollup (`moveWithLatestRollup`).
    Bonus,
    /// One rollup; the stake stays there.
    Rollup(Address),
}

/// `GSE.getBonusInstanceAddress()`: low 20 bytes of keccak("bonus-instance").
pub const BONUS_INSTANCE: Address =
    alloy::primitives::address!("9064Fb41156D300196d5Eb95E0B3c1f08eBc39a8");

/// The role that a watched contract plays; decides how its logs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractRole {
    /// Aztec's Registry.
    Registry,
    /// A rollup of the Registry.
    Rollup(RollupVersion),
    /// The GSE.
    Gse,
    /// The slasher of a rollup.
    Slasher(RollupVersion),
    /// The slashing proposer of a rollup.
    SlashingProposer(RollupVersion),
    /// The StakingRegistry.
    StakingRegistry,
}

/// What happened, in the contracts' words. Amounts are in wei of the staking asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
#[expect(missing_docs, reason = "fields are those of the events")]
pub enum Event {
    /// `Registry.CanonicalRollupUpdated`.
    CanonicalRollupUpdated {
        rollup: Address,
        version: RollupVersion,
    },
    /// `Rollup.ValidatorQueued`: an attester entered the entry queue.
    ValidatorQueued {
        rollup: RollupVersion,
        attester: AttesterAddress,
        withdrawer: Address,
    },
    /// `GSE.Deposit`: an attester was registered on an instance; comes just before the rollup's own `Deposit`.
    Registered {
        instance: Instance,
        attester: AttesterAddress,
        withdrawer: Address,
    },
    /// `Rollup.Deposit`: the head of the entry queue became a validator.
    Deposit {
        rollup: RollupVersion,
        attester: AttesterAddress,
        withdrawer: Address,
        amount: Wei,
    },
    /// `Rollup.FailedDeposit`: the head of the entry queue was refused and refunded. `public_key` is the hash of its BLS key.
    FailedDeposit {
        rollup: RollupVersion,
        attester: AttesterAddress,
        withdrawer: Address,
        public_key: B256,
    },
    /// `Rollup.WithdrawInitiated`.
    WithdrawInitiated {
        rollup: RollupVersion,
        attester: AttesterAddress,
        recipient: Address,
        amount: Wei,
    },
    /// `Rollup.WithdrawFinalized`.
    WithdrawFinalized {
        rollup: RollupVersion,
        attester: AttesterAddress,
        recipient: Address,
        amount: Wei,
    },
    /// `Rollup.Slashed`; an ejecting slash emits nothing else.
    Slashed {
        rollup: RollupVersion,
        attester: AttesterAddress,
        amount: Wei,
    },
    /// `Rollup.StakingQueueConfigUpdated`.
    StakingQueueConfigUpdated {
        rollup: RollupVersion,
        config: QueueConfig,
    },
    /// `Rollup.SlasherUpdated`, `PendingSlasherQueued`, `PendingSlasherCancelled`, `LegacySlasherAuthorized`.
    SlasherChanged { rollup: RollupVersion },
    /// `Rollup.LocalEjectionThresholdUpdated`.
    LocalEjectionThresholdUpdated {
        rollup: RollupVersion,
        threshold: Wei,
    },
    /// `SlashingProposer.VoteCast`.
    VoteCast {
        rollup: RollupVersion,
        proposer_contract: Address,
        round: Round,
        slot: Slot,
        proposer: Address,
    },
    /// `SlashingProposer.RoundExecuted`.
    RoundExecuted {
        rollup: RollupVersion,
        proposer_contract: Address,
        round: Round,
        slash_count: u64,
    },
    /// `Slasher.VetoedPayload`.
    VetoedPayload {
        rollup: RollupVersion,
        payload: Address,
    },
    /// `Slasher.SlashingDisabled`.
    SlashingDisabled { rollup: RollupVersion, until: u64 },
    /// `StakingRegistry.ProviderRegistered`.
    ProviderRegistered {
        provider: ProviderId,
        admin: Address,
        take_rate: BasisPoints,
    },
    /// `StakingRegistry.ProviderAdminUpdateInitiated`.
    ProviderAdminUpdateInitiated {
        provider: ProviderId,
        admin: Address,
    },
    /// `StakingRegistry.ProviderAdminUpdated`.
    ProviderAdminUpdated {
        provider: ProviderId,
        admin: Address,
    },
    /// `StakingRegistry.ProviderTakeRateUpdated`.
    ProviderTakeRateUpdated {
        provider: ProviderId,
        take_rate: BasisPoints,
    },
    /// `StakingRegistry.ProviderRewardsRecipientUpdated`.
    ProviderRewardsRecipientUpdated {
        provider: ProviderId,
        recipient: Address,
    },
    /// `StakingRegistry.AttestersAddedToProvider`: keys entered the provider queue, in order.
    AttestersAddedToProvider {
        provider: ProviderId,
        attesters: Vec<AttesterAddress>,
    },
    /// `StakingRegistry.ProviderQueueDripped`: the head of the provider queue was thrown out by the admin.
    ProviderQueueDripped {
        provider: ProviderId,
        attester: AttesterAddress,
    },
    /// `StakingRegistry.StakedWithProvider`: the head of the provider queue was staked.
    StakedWithProvider {
        provider: ProviderId,
        rollup: Address,
        attester: AttesterAddress,
        split: Coinbase,
        staker: Address,
    },
}

/// What a log turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Something steward acts on.
    Event(Event),
    /// Known, and of no use here.
    Unused,
    /// A first topic that nobody knows for this contract.
    Unknown,
    /// A known first topic whose data does not fit.
    Malformed(String),
}
