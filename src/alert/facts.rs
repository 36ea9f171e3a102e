//! What is known of a thing that is told: plain facts that the caller fills and the text reads.
//!
//! Facts hold no sentence and no decision. They are stored with an incident, so every field that was added later has a
//! default. What could not be learned is [`Known::Unknown`] with its reason, never zero.

mod settle;

use serde::{Deserialize, Serialize};

use crate::units::{
    Address, AttesterAddress, B256, BlockNumber, Coinbase, ProviderId, RollupVersion, Round,
    UnixSeconds, Wei,
};

/// A value, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// It is known.
    Is(T),
    /// It is not, because of this: "the archive endpoint does not answer since 04:00".
    Unknown(String),
}

impl<T> Known<T> {
    /// Unknown, because of `why`.
    #[must_use]
    pub fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(why.into())
    }

    /// The value, where it is known.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// When a place in an entry queue becomes a validator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// At this moment.
    Is(UnixSeconds),
    /// All that matters is known, and by the rollup's rules there is no moment yet: "2 more must wait in it first".
    Held(String),
    /// It is not known, because of this.
    Unknown(String),
}

impl Due {
    /// The moment, where there is one.
    #[must_use]
    pub const fn moment(&self) -> Option<&UnixSeconds> {
        match self {
            Self::Is(at) => Some(at),
            Self::Held(_) | Self::Unknown(_) => None,
        }
    }
}

/// A place in an entry queue, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueOutlook {
    /// Place from 1 = next.
    pub position: u64,
    /// How many wait, everybody's attesters included.
    pub length: u64,
    /// The earliest moment of its activation.
    pub earliest: Due,
    /// The expected moment of its activation.
    pub expected: Due,
}

/// What the keys files say of an attester's coinbase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Configured {
    /// The attester is in no keys file: nothing is known of its coinbase.
    NoKeysFile,
    /// It is in a keys file, without a coinbase.
    Missing,
    /// This one.
    Is(Coinbase),
}

/// An attester's coinbase: expected, configured, and until when it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoinbaseFacts {
    /// The attester.
    pub attester: AttesterAddress,
    /// The split of its stake.
    pub expected: Known<Coinbase>,
    /// What the keys files say.
    pub configured: Configured,
    /// Block of the stake that made the split.
    pub stake_block: Option<BlockNumber>,
    /// Transaction of that stake.
    pub stake_transaction: Option<B256>,
    /// Whether it validates already.
    pub is_active: bool,
    /// Its place in the entry queue, while it waits.
    pub queue: Option<QueueOutlook>,
}

/// A coinbase that vanished, changed, or is told in two ways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegressionFacts {
    /// The attester.
    pub attester: AttesterAddress,
    /// The file that said it before, or the first of two that disagree.
    pub file_before: String,
    /// What it said.
    pub before: Configured,
    /// The file that says it now, or the second of two.
    pub file_now: String,
    /// What it says.
    pub now: Configured,
    /// Whether both files are in force at once.
    pub is_contradiction: bool,
}

/// A keys file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeysFileFacts {
    /// Its name, below the keys directory.
    pub file: String,
    /// Line of the fault, from 1.
    pub line: Option<u64>,
    /// What is wrong, without any secret.
    pub fault: String,
    /// When its last good content was read; `None` = there never was any.
    pub good_since: Option<UnixSeconds>,
    /// Attesters that its last good content names.
    pub attester_count: u64,
    /// Whether it is in force all the same, and only looks odd.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_odd: bool,
}

/// Votes to slash one attester in one round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlashFacts {
    /// The attester.
    pub attester: AttesterAddress,
    /// The rollup.
    pub rollup: RollupVersion,
    /// The round.
    pub round: Round,
    /// Votes that a slash needs (`QUORUM`).
    pub quorum: u64,
    /// Votes cast in the round.
    pub votes: u64,
    /// What `getTally` would take now; zero = no quorum for this attester yet.
    pub amount: Known<Wei>,
    /// Its balance.
    pub balance: Known<Wei>,
    /// Below this it is ejected (`getLocalEjectionThreshold`).
    pub ejection_threshold: Known<Wei>,
    /// When the round can be executed.
    pub executable_at: Known<UnixSeconds>,
    /// Whether it was executed.
    pub is_executed: bool,
}

/// A provider whose queue is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderQueueFacts {
    /// The provider.
    pub provider: ProviderId,
    /// Keys that wait.
    pub keys_left: u64,
    /// When the last key left; `None` = no key was ever added.
    pub empty_since: Option<UnixSeconds>,
}

/// An attester that waits in the queue of a rollup that is no longer canonical.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrandedFacts {
    /// The attester.
    pub attester: AttesterAddress,
    /// The rollup in whose queue it waits.
    pub rollup: RollupVersion,
    /// The canonical rollup.
    pub canonical: RollupVersion,
    /// Its place in the old queue, from 1.
    pub position: Option<u64>,
    /// Who gets the stake back.
    pub withdrawer: Option<Address>,
}

/// What is wrong with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointFault {
    /// It does not answer.
    Silent,
    /// It answers with errors.
    Refuses,
    /// It is behind the others by this many blocks.
    Lags(u64),
    /// It serves another chain than the configured one.
    WrongChain {
        /// The chain id that it gives.
        found: u64,
        /// The chain id that is expected.
        expected: u64,
    },
    /// It limits our rate.
    Limits,
    /// A majority says something else of the same block.
    Contradicted,
}

/// An endpoint that cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFacts {
    /// Its name: the host of its URL, never the URL, which may hold a secret.
    pub endpoint: String,
    /// What is wrong.
    pub fault: EndpointFault,
    /// Its last error, without secrets.
    pub detail: Option<String>,
    /// Since when.
    pub since: UnixSeconds,
    /// Endpoints of the network that are well.
    pub healthy: u64,
    /// Endpoints of the network.
    pub total: u64,
}

/// Endpoints that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisagreementFacts {
    /// The block they disagree about.
    pub block: BlockNumber,
    /// What is compared: `block hash`, `logs`, `getAttesterView`.
    pub what: String,
    /// Each answer, cut, with the endpoints that give it; the most agreed first.
    pub answers: Vec<(String, Vec<String>)>,
    /// Endpoints taken out of rotation.
    pub out: Vec<String>,
}

/// No endpoint answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenFacts {
    /// Endpoints of the network.
    pub total: u64,
    /// Since when.
    pub since: UnixSeconds,
    /// The last block that was seen.
    pub last_block: Option<BlockNumber>,
    /// The last error, without secrets.
    pub detail: Option<String>,
}

/// The head is old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleFacts {
    /// The head.
    pub block: BlockNumber,
    /// Its time.
    pub at: UnixSeconds,
    /// Endpoints that agree on this head.
    pub endpoints: u64,
}

/// A log that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownEventFacts {
    /// The contract.
    pub contract: Address,
    /// Its role: `Rollup 4248422647`.
    pub role: String,
    /// Its first topic.
    pub topic: B256,
    /// How often it was seen.
    pub count: u64,
    /// Where it was seen first.
    pub first_block: BlockNumber,
    /// Why it could not be read; `None` = the topic is not known.
    pub detail: Option<String>,
}

/// What was folded from logs differs from what the contracts answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MismatchFacts {
    /// What is compared: `entry queue length of rollup 4248422647`.
    pub what: String,
    /// What the fold says.
    pub folded: String,
    /// What the contract answers.
    pub viewed: String,
    /// At which block.
    pub block: BlockNumber,
    /// What steward does about it: `the queue is being read again`.
    pub cure: Option<String>,
}

/// History that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryFacts {
    /// First missing block.
    pub from: BlockNumber,
    /// Last missing block.
    pub to: BlockNumber,
    /// What proves that it is missing: `provider 7 was never seen registered`.
    pub proof: String,
    /// Endpoints that do not hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<String>,
}

/// A reorg that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeepReorgFacts {
    /// How many blocks it is known to have replaced; 0 = unknown.
    pub depth: u64,
    /// The finalised block.
    pub finalised: Option<BlockNumber>,
    /// The block where both chains part, where it is known.
    pub fork: Option<BlockNumber>,
    /// Whether records of the way back are missing, and not a final block replaced.
    pub is_undo_exhausted: bool,
}

/// A channel that takes no messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelFacts {
    /// Its Discord id.
    pub channel: u64,
    /// What Discord said.
    pub detail: String,
    /// Where messages go instead; `None` = nowhere, they wait.
    pub fallback: Option<u64>,
    /// Messages that wait.
    pub waiting: u64,
}

/// A job that gave up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFacts {
    /// Its id.
    pub job: String,
    /// Its kind: `delivery`.
    pub kind: String,
    /// Attempts made.
    pub attempts: u64,
    /// What the last attempt said.
    pub detail: String,
    /// Whether it is not known whether it was done: only a person may try again.
    pub is_unclear: bool,
}

/// A database that was damaged and restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoredFacts {
    /// What was found damaged.
    pub detail: String,
    /// Time of the export that was restored; `None` = there was none, all was read from the chain again.
    pub export_at: Option<UnixSeconds>,
    /// Where the damaged files were moved.
    pub moved_to: String,
    /// People's actions and deliveries since the export that are lost; `None` = not known.
    pub lost: Option<u64>,
}

/// Many findings of one class, told as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupFacts {
    /// How many.
    pub count: u64,
    /// What explains the set best: `host fra-2` and how many of them it covers.
    pub common: Option<(String, u64)>,
    /// The most pressing one's deadline.
    pub deadline: Option<UnixSeconds>,
    /// Columns of the table.
    pub columns: Vec<String>,
    /// The most pressing ones; at most 15.
    pub rows: Vec<Vec<String>>,
}

/// The facts of an incident, by class. A group of any class has facts of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "of")]
pub enum Facts {
    /// Of [`Class::CoinbaseMissing`](super::class::Class::CoinbaseMissing) and
    /// [`Class::CoinbaseMismatch`](super::class::Class::CoinbaseMismatch).
    Coinbase(CoinbaseFacts),
    /// Of `coinbase_regression`.
    Regression(RegressionFacts),
    /// Of `keys_file_invalid`.
    KeysFile(KeysFileFacts),
    /// Of `slash_votes`.
    Slash(SlashFacts),
    /// Of `provider_queue_empty`.
    ProviderQueue(ProviderQueueFacts),
    /// Of `stranded_in_entry_queue`.
    Stranded(StrandedFacts),
    /// Of `endpoint_unhealthy`.
    Endpoint(EndpointFacts),
    /// Of `endpoints_disagree`.
    Disagreement(DisagreementFacts),
    /// Of `network_unseen`.
    Unseen(UnseenFacts),
    /// Of `head_stale`.
    Stale(StaleFacts),
    /// Of `unknown_event`.
    UnknownEvent(UnknownEventFacts),
    /// Of `fold_mismatch`.
    Mismatch(MismatchFacts),
    /// Of `history_missing`.
    History(HistoryFacts),
    /// Of `deep_reorg`.
    DeepReorg(DeepReorgFacts),
    /// Of `channel_unreachable`.
    Channel(ChannelFacts),
    /// Of `job_exhausted`.
    Job(JobFacts),
    /// Of `store_restored`.
    Restored(RestoredFacts),
    /// Many of one class.
    Group(GroupFacts),
}
