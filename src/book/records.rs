//! The records of a book beside the attesters.

use serde::{Deserialize, Serialize};

use crate::{
    chain::{Call, EndpointName, agreement::Testimony, contracts::QueueConfig},
    store::{
        Tree,
        table::{Record, TableKey},
    },
    units::{
        Address, AttesterAddress, B256, BasisPoints, BlockNumber, BlockRef, Epoch, ProviderId,
        QueueIndex, RollupVersion, Round, UnixSeconds, Wei,
    },
    watcher::completeness::MissingFact,
};

/// The network as a whole: cursor, contracts, finality.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chapter {
    /// The last block that was folded; its number is zero before the first.
    pub cursor: BlockRef,
    /// Time of that block.
    pub at: UnixSeconds,
    /// The first block whose logs were read; history before it is unknown.
    pub first_block: BlockNumber,
    /// Aztec's Registry.
    pub registry: Address,
    /// The `StakingRegistry`.
    pub staking_registry: Address,
    /// The rollup that the GSE calls the latest.
    pub latest: Option<RollupVersion>,
    /// The rollup that the Registry last called canonical; the GSE may follow in a later transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<RollupVersion>,
    /// How often another rollup became canonical.
    pub canonical_changes: u64,
    /// `StakingRegistry.nextProviderIdentifier`, as last read.
    pub next_provider: Option<ProviderId>,
    /// Whether the fold is complete from `first_block` on, as proven against views; `None` = not proven yet.
    pub is_complete: Option<bool>,
    /// What the logs did not tell, where they are not complete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingFact>,
    /// Whether nobody held the logs before `first_block`, so that history was begun there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_skipped: bool,
    /// The first block in which a log of ours was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest_log: Option<BlockNumber>,
    /// Whether every attester of ours was compared with its views at least once at the head.
    pub is_swept: bool,
}

impl Record for Chapter {
    const KIND: &'static str = "chapter";
    const TREE: Tree = Tree::Derived;
    type Key = ();
}

/// A recent block: what reorgs and the re-scan at finality are measured against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its hash.
    pub hash: B256,
    /// Its parent's hash.
    pub parent: B256,
    /// Its time.
    pub at: UnixSeconds,
    /// The contracts that were watched when it was read.
    #[serde(default)]
    pub contracts: Vec<Address>,
    /// How many logs of watched contracts it holds.
    pub log_count: u64,
    /// Digest over those logs (transaction, index, topics, data).
    pub log_digest: B256,
}

impl Record for Block {
    const KIND: &'static str = "block";
    const TREE: Tree = Tree::Derived;
    type Key = BlockNumber;
}

/// One rollup of the Registry.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollup {
    /// Its address.
    pub address: Address,
    /// Its GSE.
    pub gse: Address,
    /// Its slashers (present, pending, legacy) with their proposers.
    pub slashing: Vec<Slashing>,
    /// Its parameters, as last read; `None` before the first read.
    pub parameters: Option<Parameters>,
    /// Its entry queue as folded.
    pub queue: EntryQueue,
    /// Its flush state, as last read.
    pub flush: Option<Flush>,
}

impl Record for Rollup {
    const KIND: &'static str = "rollup";
    const TREE: Tree = Tree::Derived;
    type Key = RollupVersion;
}

/// A slasher and its proposer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slashing {
    /// The slasher.
    pub slasher: Address,
    /// The slashing proposer (`Slasher.PROPOSER`).
    pub proposer: Address,
    /// Votes needed (`QUORUM`).
    pub quorum: u64,
    /// Slots of a round (`ROUND_SIZE`).
    pub round_size: u64,
    /// Epochs of a round (`ROUND_SIZE_IN_EPOCHS`).
    pub round_size_epochs: u64,
    /// Rounds between the vote and the execution (`EXECUTION_DELAY_IN_ROUNDS`).
    pub execution_delay_rounds: u64,
    /// Rounds after which a round can no longer be executed (`LIFETIME_IN_ROUNDS`).
    pub lifetime_rounds: u64,
}

/// Parameters of a rollup. Durations in seconds, thresholds in wei of the staking asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// `getSlotDuration`.
    pub slot_duration_seconds: u64,
    /// `getEpochDuration`, in slots.
    pub epoch_duration_slots: u64,
    /// `getGenesisTime`.
    pub genesis: UnixSeconds,
    /// `getActivationThreshold`.
    pub activation_threshold: Wei,
    /// `getEjectionThreshold`.
    pub ejection_threshold: Wei,
    /// `getLocalEjectionThreshold`.
    pub local_ejection_threshold: Wei,
    /// `getExitDelay`.
    pub exit_delay_seconds: u64,
    /// The flush configuration (storage or `StakingQueueConfigUpdated`); `None` where neither could be read.
    pub queue_config: Option<QueueConfig>,
    /// `GSE.getGovernance`.
    pub governance: Address,
}

/// The entry queue of a rollup as folded from all its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryQueue {
    /// Absolute index of the head.
    pub first: QueueIndex,
    /// Absolute index of the next entry to come; `last - first` is the length.
    pub last: QueueIndex,
}

impl Default for EntryQueue {
    /// Both indices of an empty queue start at 1, as in the contract.
    fn default() -> Self {
        Self {
            first: QueueIndex::new(1),
            last: QueueIndex::new(1),
        }
    }
}

impl EntryQueue {
    /// How many wait.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.last.since(self.first)
    }

    /// Whether nobody waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What decides about the next flushes, as read at `block`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flush {
    /// Where it was read.
    pub block: BlockRef,
    /// Time of that block.
    pub at: UnixSeconds,
    /// `getActiveAttesterCount`.
    pub active_attesters: u64,
    /// `getAvailableValidatorFlushes`.
    pub available: u64,
    /// `getNextFlushableEpoch`.
    pub next_flushable_epoch: Epoch,
    /// `getIsBootstrapped`.
    pub is_bootstrapped: bool,
    /// `getEntryQueueFlushSize`.
    pub flush_size: u64,
}

/// An entry that waits in an entry queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueEntry {
    /// Who waits.
    pub attester: AttesterAddress,
    /// Who gets the stake back.
    pub withdrawer: Address,
    /// `moveWithLatestRollup`, where a view told it.
    pub moves_with_latest: Option<bool>,
}

impl Record for QueueEntry {
    const KIND: &'static str = "entry";
    const TREE: Tree = Tree::Derived;
    type Key = (RollupVersion, QueueIndex);
}

/// A provider of the `StakingRegistry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its admin; `None` where its registration was not seen.
    pub admin: Option<Address>,
    /// A proposed admin that has not accepted.
    pub pending_admin: Option<Address>,
    /// Its take rate.
    pub take_rate: Option<BasisPoints>,
    /// Where its share goes; the registration event does not tell it, a view does.
    pub rewards_recipient: Option<Address>,
    /// Index of the head of its queue.
    pub first: QueueIndex,
    /// Index of the next key to come.
    pub last: QueueIndex,
    /// Keys ever added.
    pub added: u64,
    /// Keys dripped.
    pub dripped: u64,
    /// Keys staked.
    pub staked: u64,
    /// Changes of its configuration.
    pub changes: u64,
    /// Whether its registration was seen.
    #[serde(default)]
    pub is_registered: bool,
}

impl Default for Provider {
    fn default() -> Self {
        Self {
            admin: None,
            pending_admin: None,
            take_rate: None,
            rewards_recipient: None,
            first: QueueIndex::new(1),
            last: QueueIndex::new(1),
            added: 0,
            dripped: 0,
            staked: 0,
            changes: 0,
            is_registered: false,
        }
    }
}

impl Provider {
    /// Keys that wait.
    #[must_use]
    pub const fn keys_left(&self) -> u64 {
        self.last.since(self.first)
    }
}

impl Record for Provider {
    const KIND: &'static str = "provider";
    const TREE: Tree = Tree::Derived;
    type Key = ProviderId;
}

/// A key that waits in a provider queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderQueueEntry {
    /// The attester.
    pub attester: AttesterAddress,
}

impl Record for ProviderQueueEntry {
    const KIND: &'static str = "provider-queue";
    const TREE: Tree = Tree::Derived;
    type Key = (ProviderId, QueueIndex);
}

/// A slashing round with votes, as last read.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashRound {
    /// The slashing proposer.
    pub contract: Address,
    /// Votes cast.
    pub votes: u64,
    /// Whether it was executed.
    pub is_executed: bool,
    /// What `getTally` says of attesters of ours: attester and amount, one per slash; `None` = could not be read.
    pub tally: Option<Vec<(AttesterAddress, Wei)>>,
    /// Where it was last read.
    pub block: BlockNumber,
}

impl Record for SlashRound {
    const KIND: &'static str = "round";
    const TREE: Tree = Tree::Derived;
    type Key = (RollupVersion, QueueIndex);
}

/// The key of a round's record.
#[must_use]
pub const fn round_key(rollup: RollupVersion, round: Round) -> (RollupVersion, QueueIndex) {
    (rollup, QueueIndex::new(round.value()))
}

/// An event of a watched contract that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownEvent {
    /// How often it was seen.
    pub count: u64,
    /// Where it was seen first.
    pub first_block: BlockRef,
    /// Why it could not be read; empty where its topic is unknown.
    pub detail: String,
}

impl Record for UnknownEvent {
    const KIND: &'static str = "unknown-event";
    const TREE: Tree = Tree::Derived;
    type Key = (Address, B256);
}

impl TableKey for (Address, B256) {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_slice());
        out.extend_from_slice(self.1.as_slice());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (address, topic) = bytes.split_at_checked(20)?;
        Some((
            Address::try_from(address).ok()?,
            B256::try_from(topic).ok()?,
        ))
    }
}

/// What endpoints said of one block, where they do not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The block.
    pub block: BlockRef,
    /// Time of that block.
    pub at: UnixSeconds,
    /// What each endpoint said, the one that was believed first.
    pub said: Vec<Said>,
    /// Those that a majority contradicted, and that rest for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out: Vec<EndpointName>,
}

/// What one endpoint said of one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Which endpoint.
    pub endpoint: EndpointName,
    /// How many logs of watched contracts.
    pub logs: u64,
    /// Digest over its logs and answers.
    pub digest: B256,
}

impl Record for Disagreement {
    const KIND: &'static str = "disagreement";
    const TREE: Tree = Tree::Kept;
    type Key = BlockNumber;
}

/// A block that was told by one source, about which others are to be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwedAgreement {
    /// The block.
    pub block: BlockRef,
    /// What the one source said.
    pub ours: Testimony,
    /// What it was asked beside its logs.
    pub calls: Vec<Call>,
    /// How often others were asked again.
    pub tries: u32,
    /// Not before this time.
    pub again_at: UnixSeconds,
}

impl Record for OwedAgreement {
    const KIND: &'static str = "owed-agreement";
    const TREE: Tree = Tree::Kept;
    type Key = BlockNumber;
}
