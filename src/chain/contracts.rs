//! The ABI of Aztec's L1 contracts, as far as steward reads it.
//!
//! Signatures are those of the releases v2 to v5, which agree in everything that concerns staking. Decoding turns a raw
//! log into an [`Event`] of the field's words; a log of a watched contract that is known but of no use is [`Decoded::Unused`],
//! and one that nobody knows is [`Decoded::Unknown`], which becomes an incident.

use alloy::sol_types::{SolCall, SolEvent, SolValue};
use serde::{Deserialize, Serialize};

use super::{Call, CallAnswer, Log};
use crate::units::{
    Address, AttesterAddress, B256, BasisPoints, Bytes, Coinbase, ProviderId, RollupVersion, Round,
    Slot, U256, Wei,
};

/// Raw bindings; only this module and the worlds of the tests name them.
pub mod abi {
    use alloy::sol;

    sol! {
        struct G1Point { uint256 x; uint256 y; }
        struct G2Point { uint256 x0; uint256 x1; uint256 y0; uint256 y1; }
        struct Exit { uint256 withdrawalId; uint256 amount; uint256 exitableAt; address recipientOrWithdrawer; bool isRecipient; bool exists; }
        struct AttesterConfig { G1Point publicKey; address withdrawer; }
        struct AttesterView { uint8 status; uint256 effectiveBalance; Exit exit; AttesterConfig config; }
        struct DepositArgs { address attester; address withdrawer; G1Point publicKeyInG1; G2Point publicKeyInG2; G1Point proofOfPossession; bool moveWithLatestRollup; }
        struct StakingQueueConfig { uint256 bootstrapValidatorSetSize; uint256 bootstrapFlushSize; uint256 normalFlushSizeMin; uint256 normalFlushSizeQuotient; uint256 maxQueueFlushSize; }
        struct SlashAction { address validator; uint256 slashAmount; }
        struct KeyStore { address attester; G1Point publicKeyG1; G2Point publicKeyG2; G1Point proofOfPossession; }
        struct ProviderConfiguration { address providerAdmin; uint16 providerTakeRate; address providerRewardsRecipient; }
        struct Withdrawal { uint256 amount; uint256 unlocksAt; address recipient; bool claimed; }

        interface Rollup {
            event ValidatorQueued(address indexed attester, address indexed withdrawer);
            event Deposit(address indexed attester, address indexed withdrawer, G1Point publicKeyInG1, G2Point publicKeyInG2, G1Point proofOfPossession, uint256 amount);
            event FailedDeposit(address indexed attester, address indexed withdrawer, G1Point publicKeyInG1, G2Point publicKeyInG2, G1Point proofOfPossession);
            event WithdrawInitiated(address indexed attester, address indexed recipient, uint256 amount);
            event WithdrawFinalized(address indexed attester, address indexed recipient, uint256 amount);
            event Slashed(address indexed attester, uint256 amount);
            event StakingQueueConfigUpdated(StakingQueueConfig config);
            event SlasherUpdated(address indexed oldSlasher, address indexed newSlasher);
            event PendingSlasherQueued(address indexed slasher, uint256 readyAt);
            event PendingSlasherCancelled(address indexed slasher);
            event LegacySlasherAuthorized(address indexed legacySlasher, uint256 authorizedUntil);
            event LocalEjectionThresholdUpdated(uint256 indexed oldLocalEjectionThreshold, uint256 indexed newLocalEjectionThreshold);

            function getStatus(address attester) external view returns (uint8);
            function getAttesterView(address attester) external view returns (AttesterView);
            function getActiveAttesterCount() external view returns (uint256);
            function getEntryQueueLength() external view returns (uint256);
            function getEntryQueueAt(uint256 index) external view returns (DepositArgs);
            function getEntryQueueFlushSize() external view returns (uint256);
            function getAvailableValidatorFlushes() external view returns (uint256);
            function getNextFlushableEpoch() external view returns (uint256);
            function getIsBootstrapped() external view returns (bool);
            function getCurrentEpoch() external view returns (uint256);
            function getCurrentSlot() external view returns (uint256);
            function getEpochDuration() external view returns (uint256);
            function getSlotDuration() external view returns (uint256);
            function getGenesisTime() external view returns (uint256);
            function getActivationThreshold() external view returns (uint256);
            function getEjectionThreshold() external view returns (uint256);
            function getLocalEjectionThreshold() external view returns (uint256);
            function getExitDelay() external view returns (uint256);
            function getSlasher() external view returns (address);
            function getPendingSlasher() external view returns (address, uint256);
            function getLegacySlasher() external view returns (address, uint256);
            function getGSE() external view returns (address);
            function getVersion() external view returns (uint256);
        }

        interface Gse {
            event Deposit(address indexed instance, address indexed attester, address withdrawer);
            function getLatestRollup() external view returns (address);
            function getGovernance() external view returns (address);
            function getBonusInstanceAddress() external view returns (address);
            function isRegistered(address instance, address attester) external view returns (bool);
            function ownedPKs(bytes32 hashedKey) external view returns (bool);
        }

        interface Registry {
            event CanonicalRollupUpdated(address indexed instance, uint256 indexed version);
            function getCanonicalRollup() external view returns (address);
            function getRollup(uint256 version) external view returns (address);
            function getVersion(uint256 index) external view returns (uint256);
            function numberOfVersions() external view returns (uint256);
            function getGovernance() external view returns (address);
        }

        interface Governance {
            function getWithdrawal(uint256 withdrawalId) external view returns (Withdrawal);
        }

        interface Slasher {
            event VetoedPayload(address indexed payload);
            event SlashingDisabled(uint256 disabledUntil);
            function PROPOSER() external view returns (address);
        }

        interface SlashingProposer {
            event VoteCast(uint256 indexed round, uint256 indexed slot, address indexed proposer);
            event RoundExecuted(uint256 indexed round, uint256 slashCount);
            function getCurrentRound() external view returns (uint256);
            function getRound(uint256 round) external view returns (bool isExecuted, uint256 voteCount);
            function getTally(uint256 round, address[][] committees) external view returns (SlashAction[]);
            function getSlashTargetCommittees(uint256 round) external returns (address[][] committees);
            function getVotes(uint256 round, uint256 index) external view returns (bytes);
            function getSlashTargetEpoch(uint256 round, uint256 epochIndex) external view returns (uint256);
            function isRoundReadyToExecute(uint256 round, uint256 slot) external view returns (bool);
            function QUORUM() external view returns (uint256);
            function ROUND_SIZE() external view returns (uint256);
            function ROUND_SIZE_IN_EPOCHS() external view returns (uint256);
            function EXECUTION_DELAY_IN_ROUNDS() external view returns (uint256);
            function LIFETIME_IN_ROUNDS() external view returns (uint256);
            function SLASH_OFFSET_IN_ROUNDS() external view returns (uint256);
            function SLASH_AMOUNT_SMALL() external view returns (uint256);
            function SLASH_AMOUNT_MEDIUM() external view returns (uint256);
            function SLASH_AMOUNT_LARGE() external view returns (uint256);
        }

        interface StakingRegistry {
            event ProviderRegistered(uint256 indexed providerIdentifier, address indexed providerAdmin, uint16 indexed providerTakeRate);
            event ProviderAdminUpdateInitiated(uint256 indexed providerIdentifier, address indexed newAdmin);
            event ProviderAdminUpdated(uint256 indexed providerIdentifier, address indexed newAdmin);
            event ProviderTakeRateUpdated(uint256 indexed providerIdentifier, uint16 newTakeRate);
            event ProviderRewardsRecipientUpdated(uint256 indexed providerIdentifier, address indexed newRewardsRecipient);
            event AttestersAddedToProvider(uint256 indexed providerIdentifier, address[] attesters);
            event ProviderQueueDripped(uint256 indexed providerIdentifier, address indexed attester);
            event StakedWithProvider(uint256 indexed providerIdentifier, address indexed rollupAddress, address indexed attester, address coinbaseSplitContractAddress, address stakerImplementation);

            function getProviderQueueLength(uint256 providerIdentifier) external view returns (uint256);
            function getFirstIndexInQueue(uint256 providerIdentifier) external view returns (uint128);
            function getLastIndexInQueue(uint256 providerIdentifier) external view returns (uint128);
            function getValueAtIndexInQueue(uint256 providerIdentifier, uint128 index) external view returns (KeyStore);
            function nextProviderIdentifier() external view returns (uint256);
            function providerConfigurations(uint256 providerIdentifier) external view returns (address providerAdmin, uint16 providerTakeRate, address providerRewardsRecipient);
            function pendingProviderAdmins(uint256 providerIdentifier) external view returns (address);
        }

        interface Multicall3 {
            struct Call3 { address target; bool allowFailure; bytes callData; }
            struct Result { bool success; bytes returnData; }
            function aggregate3(Call3[] calls) external payable returns (Result[] returnData);
            function getBlockNumber() external view returns (uint256 blockNumber);
            function getLastBlockHash() external view returns (bytes32 blockHash);
            function getCurrentBlockTimestamp() external view returns (uint256 timestamp);
        }
    }
}

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

/// Multicall3, at the same address on every chain.
pub const MULTICALL3: Address =
    alloy::primitives::address!("cA11bde05977b3631167028862bE2a173976CA11");

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

/// `StakingQueueConfig` of a rollup.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Validators below which the set is not bootstrapped; zero switches the bootstrap gate off.
    pub bootstrap_validator_set_size: u64,
    /// Validators admitted an epoch while bootstrapping.
    pub bootstrap_flush_size: u64,
    /// Least admitted an epoch.
    pub normal_flush_size_min: u64,
    /// Active validators per admitted one.
    pub normal_flush_size_quotient: u64,
    /// Most admitted an epoch.
    pub max_queue_flush_size: u64,
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

/// Events of watched contracts that are known and of no use (`topic0`), so that they never raise an incident.
const UNUSED: &[&str] = &[
    // Rollup, v2 to v5
    "9ad613a7ff46b97e0f732b31118d43f39c9ca017bed1efe739b70b0625383589", // L2BlockProposed (v2)
    "168961dee9ef2afbe81371a43cbdf228855aa3ab75fd04e868ed704c49879763", // CheckpointProposed (v3)
    "6ff492bf2b4ca1b93a175167d14b3e46085b935cab3f39ca94013000799b93a0", // CheckpointProposed (v4, v5)
    "034dd13d657aeb14f8dec7291c4a8ddb3b20d40cf2412714e72f97f19c735609", // L2ProofVerified
    "4271377505594adadc599508fc7e64ce82bfc79e5040857399a7cd1159e1353f", // CheckpointInvalidated
    "87b648c33767e23535e6c734a1481b16497c497f7774860fb34ab0e7e876153d", // BlockInvalidated (v2)
    "c78a70f3b27748d5fa327f6a3c1104b9b007d6a80d20c41f7c0dc4543fbdbdcd", // PrunedPending
    "36375d1f1abd9940cbda583ace84a7a8a60c2e1d6a12156d68d35a5cbd7793c2", // RewardConfigUpdated (v2 to v4)
    "24ea90802d5c1d10fd3da4b05f2415af510be55a0e3b385831be1851c3975869", // RewardConfigUpdated (v5)
    "fa50fc5c953ca42e5b6a7acac6e13c95c2ec283b259630f1d839e445fcec8c94", // RewardsClaimableUpdated
    "aaa1053539ab4621b2aecf54a7ccf2096610ff768f32261f667aca9ae3069482", // ManaTargetUpdated
    "0500a8b61403f38033f6f5cc57ff7a088ed20cfafd117fa1f7a505796c7d6c7f", // EscapeHatchUpdated (v4)
    "17a1cb124ae226925a506c45bbf4e49c701b0fb60a32cad8106a58846250573c", // EscapeHatchSet (v5)
    "8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0", // OwnershipTransferred
    "0a6387c9ea3628b88a633bb4f3b151770f70085117a15f9bf3787cda53f13d31", // EIP712DomainChanged
    // GSE
    "3134e8a2e6d97e929a7e54011ea5485d7d196dd5f0ba4d4ef95803e8e3fc257f", // DelegateChanged
    "dec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a724", // DelegateVotesChanged
    // Registry
    "15057bbec20fe352ac8931e529ade6a9ce138c954ffc87d6aa3423dd066c4acd", // RewardDistributorUpdated
];

/// Reads one log of a contract that plays `role`.
#[must_use]
pub fn decode(role: ContractRole, log: &Log) -> Decoded {
    let Some(topic) = log.topics.first() else {
        return Decoded::Unknown;
    };
    let decoded = match role {
        ContractRole::Registry => registry(log),
        ContractRole::Rollup(version) => rollup(version, log),
        ContractRole::Gse => gse(log),
        ContractRole::Slasher(version) => slasher(version, log),
        ContractRole::SlashingProposer(version) => slashing_proposer(version, log),
        ContractRole::StakingRegistry => staking_registry(log),
    };
    match decoded {
        Some(Ok(event)) => Decoded::Event(event),
        Some(Err(detail)) => Decoded::Malformed(detail),
        None if is_unused(topic) => Decoded::Unused,
        None => Decoded::Unknown,
    }
}

fn is_unused(topic: &B256) -> bool {
    static TOPICS: std::sync::LazyLock<std::collections::HashSet<B256>> =
        std::sync::LazyLock::new(|| UNUSED.iter().filter_map(|text| text.parse().ok()).collect());
    TOPICS.contains(topic)
}

type Reading = Option<Result<Event, String>>;

/// Decodes the log as the event `E`, whose first topic was already found to fit.
fn as_event<E: SolEvent>(log: &Log, event: impl FnOnce(E) -> Result<Event, String>) -> Reading {
    Some(
        E::decode_raw_log(log.topics.iter().copied(), &log.data)
            .map_err(|error| error.to_string())
            .and_then(event),
    )
}

fn registry(log: &Log) -> Reading {
    use abi::Registry as C;
    match *log.topics.first()? {
        C::CanonicalRollupUpdated::SIGNATURE_HASH => {
            as_event::<C::CanonicalRollupUpdated>(log, |event| {
                Ok(Event::CanonicalRollupUpdated {
                    rollup: event.instance,
                    version: version(event.version)?,
                })
            })
        }
        _ => None,
    }
}

fn gse(log: &Log) -> Reading {
    use abi::Gse as C;
    match *log.topics.first()? {
        C::Deposit::SIGNATURE_HASH => as_event::<C::Deposit>(log, |event| {
            let instance = if event.instance == BONUS_INSTANCE {
                Instance::Bonus
            } else {
                Instance::Rollup(event.instance)
            };
            Ok(Event::Registered {
                instance,
                attester: event.attester.into(),
                withdrawer: event.withdrawer,
            })
        }),
        _ => None,
    }
}

fn rollup(rollup: RollupVersion, log: &Log) -> Reading {
    use abi::Rollup as C;
    match *log.topics.first()? {
        C::ValidatorQueued::SIGNATURE_HASH => as_event::<C::ValidatorQueued>(log, |event| {
            Ok(Event::ValidatorQueued {
                rollup,
                attester: event.attester.into(),
                withdrawer: event.withdrawer,
            })
        }),
        C::Deposit::SIGNATURE_HASH => deposit(rollup, log),
        C::FailedDeposit::SIGNATURE_HASH => failed_deposit(rollup, log),
        C::WithdrawInitiated::SIGNATURE_HASH => as_event::<C::WithdrawInitiated>(log, |event| {
            let (attester, amount) = (event.attester.into(), Wei::new(event.amount));
            Ok(Event::WithdrawInitiated {
                rollup,
                attester,
                recipient: event.recipient,
                amount,
            })
        }),
        C::WithdrawFinalized::SIGNATURE_HASH => as_event::<C::WithdrawFinalized>(log, |event| {
            let (attester, amount) = (event.attester.into(), Wei::new(event.amount));
            Ok(Event::WithdrawFinalized {
                rollup,
                attester,
                recipient: event.recipient,
                amount,
            })
        }),
        C::Slashed::SIGNATURE_HASH => as_event::<C::Slashed>(log, |event| {
            Ok(Event::Slashed {
                rollup,
                attester: event.attester.into(),
                amount: Wei::new(event.amount),
            })
        }),
        C::StakingQueueConfigUpdated::SIGNATURE_HASH => {
            as_event::<C::StakingQueueConfigUpdated>(log, |event| {
                Ok(Event::StakingQueueConfigUpdated {
                    rollup,
                    config: queue_config(&event.config)?,
                })
            })
        }
        C::LocalEjectionThresholdUpdated::SIGNATURE_HASH => {
            as_event::<C::LocalEjectionThresholdUpdated>(log, |event| {
                let threshold = Wei::new(event.newLocalEjectionThreshold);
                Ok(Event::LocalEjectionThresholdUpdated { rollup, threshold })
            })
        }
        C::SlasherUpdated::SIGNATURE_HASH
        | C::PendingSlasherQueued::SIGNATURE_HASH
        | C::PendingSlasherCancelled::SIGNATURE_HASH
        | C::LegacySlasherAuthorized::SIGNATURE_HASH => Some(Ok(Event::SlasherChanged { rollup })),
        _ => None,
    }
}

/// A `Deposit` carries ten words of BLS points that nobody here needs: only the amount, its last word, is read.
fn deposit(rollup: RollupVersion, log: &Log) -> Reading {
    const WORDS: usize = 9;
    let (Some(attester), Some(withdrawer)) = (topic_address(log, 1), topic_address(log, 2)) else {
        return Some(Err("a Deposit without its indexed addresses".to_owned()));
    };
    let Some(amount) = log.data.get((WORDS - 1) * 32..WORDS * 32) else {
        return Some(Err("a Deposit shorter than nine words".to_owned()));
    };
    let amount = Wei::new(U256::from_be_slice(amount));
    Some(Ok(Event::Deposit {
        rollup,
        attester: attester.into(),
        withdrawer,
        amount,
    }))
}

fn failed_deposit(rollup: RollupVersion, log: &Log) -> Reading {
    let (Some(attester), Some(withdrawer)) = (topic_address(log, 1), topic_address(log, 2)) else {
        return Some(Err(
            "a FailedDeposit without its indexed addresses".to_owned()
        ));
    };
    let Some(key) = log.data.get(..64) else {
        return Some(Err("a FailedDeposit without its public key".to_owned()));
    };
    let public_key = alloy::primitives::keccak256(key);
    Some(Ok(Event::FailedDeposit {
        rollup,
        attester: attester.into(),
        withdrawer,
        public_key,
    }))
}

fn topic_address(log: &Log, position: usize) -> Option<Address> {
    log.topics
        .get(position)
        .map(|topic| Address::from_word(*topic))
}

fn slasher(rollup: RollupVersion, log: &Log) -> Reading {
    use abi::Slasher as C;
    match *log.topics.first()? {
        C::VetoedPayload::SIGNATURE_HASH => as_event::<C::VetoedPayload>(log, |event| {
            Ok(Event::VetoedPayload {
                rollup,
                payload: event.payload,
            })
        }),
        C::SlashingDisabled::SIGNATURE_HASH => as_event::<C::SlashingDisabled>(log, |event| {
            Ok(Event::SlashingDisabled {
                rollup,
                until: small(event.disabledUntil)?,
            })
        }),
        _ => None,
    }
}

fn slashing_proposer(rollup: RollupVersion, log: &Log) -> Reading {
    use abi::SlashingProposer as C;
    let proposer_contract = log.address;
    match *log.topics.first()? {
        C::VoteCast::SIGNATURE_HASH => as_event::<C::VoteCast>(log, |event| {
            let (round, slot) = (
                Round::new(small(event.round)?),
                Slot::new(small(event.slot)?),
            );
            Ok(Event::VoteCast {
                rollup,
                proposer_contract,
                round,
                slot,
                proposer: event.proposer,
            })
        }),
        C::RoundExecuted::SIGNATURE_HASH => as_event::<C::RoundExecuted>(log, |event| {
            let (round, slash_count) = (Round::new(small(event.round)?), small(event.slashCount)?);
            Ok(Event::RoundExecuted {
                rollup,
                proposer_contract,
                round,
                slash_count,
            })
        }),
        _ => None,
    }
}

fn staking_registry(log: &Log) -> Reading {
    use abi::StakingRegistry as C;
    match *log.topics.first()? {
        C::AttestersAddedToProvider::SIGNATURE_HASH => {
            as_event::<C::AttestersAddedToProvider>(log, |event| {
                let attesters = event
                    .attesters
                    .into_iter()
                    .map(AttesterAddress::from)
                    .collect();
                Ok(Event::AttestersAddedToProvider {
                    provider: provider(event.providerIdentifier)?,
                    attesters,
                })
            })
        }
        C::ProviderQueueDripped::SIGNATURE_HASH => {
            as_event::<C::ProviderQueueDripped>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderQueueDripped {
                    provider,
                    attester: event.attester.into(),
                })
            })
        }
        C::StakedWithProvider::SIGNATURE_HASH => as_event::<C::StakedWithProvider>(log, |event| {
            Ok(Event::StakedWithProvider {
                provider: provider(event.providerIdentifier)?,
                rollup: event.rollupAddress,
                attester: event.attester.into(),
                split: event.coinbaseSplitContractAddress.into(),
                staker: event.stakerImplementation,
            })
        }),
        _ => staking_registry_provider(log),
    }
}

fn staking_registry_provider(log: &Log) -> Reading {
    use abi::StakingRegistry as C;
    match *log.topics.first()? {
        C::ProviderRegistered::SIGNATURE_HASH => as_event::<C::ProviderRegistered>(log, |event| {
            Ok(Event::ProviderRegistered {
                provider: provider(event.providerIdentifier)?,
                admin: event.providerAdmin,
                take_rate: BasisPoints::new(event.providerTakeRate),
            })
        }),
        C::ProviderAdminUpdateInitiated::SIGNATURE_HASH => {
            as_event::<C::ProviderAdminUpdateInitiated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderAdminUpdateInitiated {
                    provider,
                    admin: event.newAdmin,
                })
            })
        }
        C::ProviderAdminUpdated::SIGNATURE_HASH => {
            as_event::<C::ProviderAdminUpdated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderAdminUpdated {
                    provider,
                    admin: event.newAdmin,
                })
            })
        }
        C::ProviderTakeRateUpdated::SIGNATURE_HASH => {
            as_event::<C::ProviderTakeRateUpdated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderTakeRateUpdated {
                    provider,
                    take_rate: BasisPoints::new(event.newTakeRate),
                })
            })
        }
        C::ProviderRewardsRecipientUpdated::SIGNATURE_HASH => {
            as_event::<C::ProviderRewardsRecipientUpdated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderRewardsRecipientUpdated {
                    provider,
                    recipient: event.newRewardsRecipient,
                })
            })
        }
        _ => None,
    }
}

/// A number of a contract that must fit 64 bits.
fn small(number: U256) -> Result<u64, String> {
    u64::try_from(number).map_err(|error| format!("{number} does not fit 64 bits: {error}"))
}

fn version(number: U256) -> Result<RollupVersion, String> {
    small(number).map(RollupVersion::new)
}

fn provider(number: U256) -> Result<ProviderId, String> {
    small(number).map(ProviderId::new)
}

fn queue_config(config: &abi::StakingQueueConfig) -> Result<QueueConfig, String> {
    Ok(QueueConfig {
        bootstrap_validator_set_size: small(config.bootstrapValidatorSetSize)?,
        bootstrap_flush_size: small(config.bootstrapFlushSize)?,
        normal_flush_size_min: small(config.normalFlushSizeMin)?,
        normal_flush_size_quotient: small(config.normalFlushSizeQuotient)?,
        max_queue_flush_size: small(config.maxQueueFlushSize)?,
    })
}

/// A call of a contract's view.
#[must_use]
pub fn call<C: SolCall>(to: Address, call: &C) -> Call {
    Call {
        to,
        data: Bytes::from(call.abi_encode()),
    }
}

/// Why a view has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewFault {
    /// The contract reverted.
    #[error("the view reverted")]
    Reverted(Bytes),
    /// No contract lives there, or it answers something else.
    #[error("the view's answer does not fit: {0}")]
    Malformed(String),
}

/// Reads the answer to `C`.
///
/// # Errors
/// [`ViewFault`] where the contract reverted or answered something else.
pub fn answer<C: SolCall>(answer: &CallAnswer) -> Result<C::Return, ViewFault> {
    match answer {
        CallAnswer::Returned(bytes) => {
            C::abi_decode_returns(bytes).map_err(|error| ViewFault::Malformed(error.to_string()))
        }
        CallAnswer::Reverted(bytes) => Err(ViewFault::Reverted(bytes.clone())),
    }
}

/// Storage slot of the packed queue configuration: `keccak256("aztec.core.staking.storage")` + 4 on v2 to v4, + 5 on v5.
#[must_use]
pub fn queue_config_slot(offset: u64) -> B256 {
    let base = U256::from_be_bytes(alloy::primitives::keccak256("aztec.core.staking.storage").0);
    B256::from(base.wrapping_add(U256::from(offset)))
}

/// Reads the packed queue configuration (five `uint32`); `None` where the word cannot be one (a quotient or maximum of zero).
#[must_use]
pub fn unpack_queue_config(word: B256) -> Option<QueueConfig> {
    let word = U256::from_be_bytes(word.0);
    if word >> 160 != U256::ZERO {
        return None;
    }
    let part = |shift: usize| u64::try_from((word >> shift) & U256::from(u32::MAX)).ok();
    let config = QueueConfig {
        bootstrap_validator_set_size: part(128)?,
        bootstrap_flush_size: part(96)?,
        normal_flush_size_min: part(64)?,
        normal_flush_size_quotient: part(32)?,
        max_queue_flush_size: part(0)?,
    };
    (config.normal_flush_size_quotient > 0 && config.max_queue_flush_size > 0).then_some(config)
}

/// ABI-encodes a value, for the worlds of the tests.
#[must_use]
pub fn encoded<V: SolValue>(value: &V) -> Bytes {
    Bytes::from(value.abi_encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(topics: &[&str], data: &[u8]) -> Log {
        Log {
            block: crate::units::BlockRef::default(),
            transaction: B256::ZERO,
            index: 0,
            address: Address::repeat_byte(1),
            topics: topics.iter().map(|topic| topic.parse().unwrap()).collect(),
            data: Bytes::copy_from_slice(data),
        }
    }

    #[test]
    fn topics_are_those_that_the_contracts_emit() {
        let expect = |hash: B256, text: &str| assert_eq!(hash, text.parse::<B256>().unwrap());
        expect(
            abi::Rollup::ValidatorQueued::SIGNATURE_HASH,
            "0x676247b4195b3fe545499177befc02b4b4bebd3805a2283b30defcae63d54661",
        );
        expect(
            abi::Rollup::Deposit::SIGNATURE_HASH,
            "0x21d790cf15da7e78046dbc1cf401d93aff7e1df9c8ab8905c9db0c7a3ed569e3",
        );
        expect(
            abi::Rollup::FailedDeposit::SIGNATURE_HASH,
            "0xae63502829232952025378f85719b4e2278e77cbf06b29f68618470cd4ae5887",
        );
        expect(
            abi::Rollup::Slashed::SIGNATURE_HASH,
            "0x4ed05e9673c26d2ed44f7ef6a7f2942df0ee3b5e1e17db4b99f9dcd261a339cd",
        );
        expect(
            abi::Rollup::StakingQueueConfigUpdated::SIGNATURE_HASH,
            "0x7b26e3a042027ef0e1dae742558aa6568eee81e5ab3452dd6540496f9a03eb59",
        );
        expect(
            abi::Gse::Deposit::SIGNATURE_HASH,
            "0x7986a8ff398d9a6be88df9dfc6e3c9a83e4da5544241aad420d1cf7c214e4345",
        );
        expect(
            abi::SlashingProposer::VoteCast::SIGNATURE_HASH,
            "0x7fe1d4e6b34e228b5dc059fcdc037c71b216fb2417f47c171e505144a5e4f5fc",
        );
        expect(
            abi::StakingRegistry::StakedWithProvider::SIGNATURE_HASH,
            "0xc91c8b4e934fb8f46c6d08a34d60ceb8dbe4ab6844a7040ca4c580e5a837d5c7",
        );
        expect(
            abi::StakingRegistry::AttestersAddedToProvider::SIGNATURE_HASH,
            "0x8dc338d3490cc6b09bdcf6e2a20a42d02c2da00c19901dea14363bc2897e87ab",
        );
        expect(
            abi::Registry::CanonicalRollupUpdated::SIGNATURE_HASH,
            "0x951289a79f98b55e6ccfa01a51f56b8a69c666094f84f69ba036b53af644d848",
        );
    }

    #[test]
    fn a_topic_that_nobody_knows_is_unknown_and_a_known_useless_one_is_not() {
        let role = ContractRole::Rollup(RollupVersion::new(1));
        let proposed = log(
            &["0x6ff492bf2b4ca1b93a175167d14b3e46085b935cab3f39ca94013000799b93a0"],
            &[],
        );
        assert_eq!(decode(role, &proposed), Decoded::Unused);
        let nobody = log(
            &["0x1111111111111111111111111111111111111111111111111111111111111111"],
            &[],
        );
        assert_eq!(decode(role, &nobody), Decoded::Unknown);
    }

    #[test]
    fn a_known_topic_with_data_that_does_not_fit_is_malformed() {
        let role = ContractRole::Rollup(RollupVersion::new(1));
        let slashed = log(
            &["0x4ed05e9673c26d2ed44f7ef6a7f2942df0ee3b5e1e17db4b99f9dcd261a339cd"],
            &[1, 2],
        );
        assert!(matches!(decode(role, &slashed), Decoded::Malformed(_)));
    }

    #[test]
    fn the_queue_configuration_is_read_from_its_storage_word() {
        assert_eq!(
            queue_config_slot(0),
            "0xbba4a4d3c3eeb229c4f06863ce3d3d8cddab9e4dee538d785fc67e2ed9d68cad"
                .parse::<B256>()
                .unwrap()
        );
        let word =
            "0x000000000000000000000000000001f4000000040000000100000190000000 04".replace(' ', "");
        let config = unpack_queue_config(word.parse().unwrap()).unwrap();
        assert_eq!(
            (
                config.bootstrap_validator_set_size,
                config.bootstrap_flush_size
            ),
            (500, 4)
        );
        assert_eq!(config.normal_flush_size_quotient, 400);
        assert_eq!(unpack_queue_config(B256::ZERO), None);
    }
}
