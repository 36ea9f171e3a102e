//! Raw bindings of Aztec's contracts and of Multicall3; only `contracts` and the worlds of the tests name them.

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
