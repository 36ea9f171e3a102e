//! What changed in a block: the stuff that notices and history are made of.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::stage::Standing;
use crate::{
    store::{Tree, table::Record},
    units::{
        Address, AttesterAddress, B256, BasisPoints, BlockRef, ProviderId, RollupVersion, Round,
        Slot, UnixSeconds, Wei,
    },
};

/// Where a change was seen.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The block.
    pub block: BlockRef,
    /// The block's time.
    pub at: UnixSeconds,
    /// The transaction; `None` where only a view told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<B256>,
    /// The log's position in the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_index: Option<u64>,
    /// The event or view, as the contracts call it: `Rollup.Deposit`.
    pub source: Cow<'static, str>,
}

/// A change that people may want to hear of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// An attester's state or its reason changed.
    Standing {
        /// The attester.
        attester: AttesterAddress,
        /// Before.
        from: Standing,
        /// After.
        to: Standing,
        /// The how-manieth change of this attester it is, from 1.
        occurrence: u64,
    },
    /// An attester lost stake.
    Slashed {
        /// The attester.
        attester: AttesterAddress,
        /// The rollup.
        rollup: RollupVersion,
        /// How much.
        amount: Wei,
        /// What is left; `None` where it is not known.
        left: Option<Wei>,
        /// The how-manieth slash of this attester it is, from 1.
        occurrence: u64,
    },
    /// A provider's configuration changed.
    Provider {
        /// The provider.
        provider: ProviderId,
        /// What of it.
        what: ProviderChange,
        /// The how-manieth change of this provider it is, from 1.
        occurrence: u64,
    },
    /// Another rollup became canonical.
    Canonical {
        /// The rollup before; `None` where there was none.
        from: Option<RollupVersion>,
        /// The rollup now.
        to: RollupVersion,
        /// Attesters of ours that moved with it.
        moved: u64,
        /// Attesters of ours that stayed.
        left: u64,
        /// Ordinal, from 1.
        occurrence: u64,
    },
    /// A vote to slash was cast, by whomever, about whomever: read the tally.
    SlashVote {
        /// The rollup.
        rollup: RollupVersion,
        /// The slashing proposer contract.
        contract: Address,
        /// The round.
        round: Round,
        /// The slot of the vote.
        slot: Slot,
    },
    /// A slashing round was executed.
    SlashRoundExecuted {
        /// The rollup.
        rollup: RollupVersion,
        /// The slashing proposer contract.
        contract: Address,
        /// The round.
        round: Round,
    },
}

/// What changed of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum ProviderChange {
    /// It was registered.
    Registered,
    /// A new admin was proposed and has to accept.
    AdminProposed {
        /// The proposed admin.
        admin: Address,
    },
    /// The admin changed.
    Admin {
        /// Before.
        from: Option<Address>,
        /// After.
        to: Address,
    },
    /// The take rate changed; splits that exist keep theirs.
    TakeRate {
        /// Before.
        from: Option<BasisPoints>,
        /// After.
        to: BasisPoints,
    },
    /// The rewards recipient changed; splits that exist keep theirs.
    RewardsRecipient {
        /// Before.
        from: Option<Address>,
        /// After.
        to: Address,
    },
}

/// A change with its evidence: one line of an attester's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What changed.
    #[serde(flatten)]
    pub change: Change,
    /// Where it was seen.
    pub evidence: Evidence,
}

impl Record for Entry {
    const KIND: &'static str = "history";
    const TREE: Tree = Tree::Derived;
    type Key = String;
}
