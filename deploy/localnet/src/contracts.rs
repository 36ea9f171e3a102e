//! The parts of the contracts' interfaces that are called here.
//!
//! Sources: `l1-contracts/src` of `@aztec/l1-artifacts` 4.1.2 and `contracts/` of this package.

use alloy::sol;

sol! {
    #![sol(all_derives)]

    struct G1Point { uint256 x; uint256 y; }
    struct G2Point { uint256 x0; uint256 x1; uint256 y0; uint256 y1; }
    struct KeyStore { address attester; G1Point publicKeyG1; G2Point publicKeyG2; G1Point proofOfPossession; }
    struct Signature { uint8 v; bytes32 r; bytes32 s; }

    struct Exit {
        uint256 withdrawalId;
        uint256 amount;
        uint256 exitableAt;
        address recipientOrWithdrawer;
        bool isRecipient;
        bool exists;
    }
    struct AttesterConfig { G1Point publicKey; address withdrawer; }
    struct AttesterView { uint8 status; uint256 effectiveBalance; Exit exit; AttesterConfig config; }
    struct DepositArgs {
        address attester;
        address withdrawer;
        G1Point publicKeyInG1;
        G2Point publicKeyInG2;
        G1Point proofOfPossession;
        bool moveWithLatestRollup;
    }
    struct Split { address[] recipients; uint256[] allocations; uint256 totalAllocation; uint16 distributionIncentive; }
    struct SlashAction { address validator; uint256 slashAmount; }
    struct StakingQueueConfig {
        uint256 bootstrapValidatorSetSize;
        uint256 bootstrapFlushSize;
        uint256 normalFlushSizeMin;
        uint256 normalFlushSizeQuotient;
        uint256 maxQueueFlushSize;
    }
    struct Withdrawal { uint256 amount; uint256 unlocksAt; address recipient; bool claimed; }

    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct CallResult { bool success; bytes returnData; }

    interface Multicall3 {
        function aggregate3(Call3[] calls) external payable returns (CallResult[] memory results);
        function getBlockNumber() external view returns (uint256);
        function getLastBlockHash() external view returns (bytes32);
        function getCurrentBlockTimestamp() external view returns (uint256);
    }

    interface StakingRegistry {
        function registerProvider(address admin, uint16 rate, address recipient) external returns (uint256);
        function addKeysToProvider(uint256 id, KeyStore[] keys) external;
        function dripProviderQueue(uint256 id, uint256 count) external;
        function stake(uint256 id, uint256 version, address withdrawal, uint16 rate, address user, bool move) external;
        function updateProviderAdmin(uint256 id, address admin) external;
        function acceptProviderAdmin(uint256 id) external;
        function updateProviderRewardsRecipient(uint256 id, address recipient) external;
        function updateProviderTakeRate(uint256 id, uint16 rate) external;
        function getProviderQueueLength(uint256 id) external view returns (uint256);
        function getFirstIndexInQueue(uint256 id) external view returns (uint128);
        function getLastIndexInQueue(uint256 id) external view returns (uint128);
        function getValueAtIndexInQueue(uint256 id, uint128 position) external view returns (KeyStore memory);
        function nextProviderIdentifier() external view returns (uint256);
        function pendingProviderAdmins(uint256 id) external view returns (address);
        function providerConfigurations(uint256 id) external view returns (address admin, uint16 rate, address recipient);

        event ProviderRegistered(uint256 indexed id, address indexed admin, uint16 indexed rate);
        event ProviderAdminUpdateInitiated(uint256 indexed id, address indexed admin);
        event ProviderAdminUpdated(uint256 indexed id, address indexed admin);
        event ProviderTakeRateUpdated(uint256 indexed id, uint16 rate);
        event ProviderRewardsRecipientUpdated(uint256 indexed id, address indexed recipient);
        event AttestersAddedToProvider(uint256 indexed id, address[] attesters);
        event ProviderQueueDripped(uint256 indexed id, address indexed attester);
        event StakedWithProvider(
            uint256 indexed id, address indexed rollup, address indexed attester, address split, address staker
        );

        error StakingRegistry__ZeroAddress();
        error StakingRegistry__InvalidProviderIdentifier(uint256 id);
        error StakingRegistry__NotProviderAdmin();
        error StakingRegistry__UpdatedProviderAdminToSameAddress();
        error StakingRegistry__UpdatedProviderTakeRateToSameValue();
        error StakingRegistry__NotPendingProviderAdmin();
        error StakingRegistry__InvalidTakeRate(uint256 rate);
        error StakingRegistry__UnexpectedTakeRate(uint256 expected, uint256 actual);
        error QueueIsEmpty();
        error QueueIndexOutOfBounds();
    }

    interface PullSplitFactory {
        event SplitCreated(address indexed split, Split splitParams, address owner, address creator, uint256 nonce);
    }

    interface PullSplit {
        function SPLITS_WAREHOUSE() external view returns (address);
        function distribute(Split split, address token, address distributor) external;
        function getSplitBalance(address token) external view returns (uint256 splitBalance, uint256 warehouseBalance);
    }

    interface SplitsWarehouse {
        function balanceOf(address owner, uint256 id) external view returns (uint256);
        function withdraw(address owner, address token) external;
    }

    interface Rollup {
        function deposit(
            address attester, address withdrawer, G1Point g1, G2Point g2, G1Point proof, bool move
        ) external;
        function flushEntryQueue() external;
        function initiateWithdraw(address attester, address recipient) external returns (bool);
        function finalizeWithdraw(address attester) external;
        function slash(address attester, uint256 amount) external returns (bool);
        function claimSequencerRewards(address coinbase) external returns (uint256);
        function setRewardsClaimable(bool claimable) external;
        function setSlasher(address slasher) external;
        function queueSetSlasher(address slasher) external;
        function cancelSetSlasher() external;
        function finalizeSetSlasher() external;
        function updateStakingQueueConfig(StakingQueueConfig config) external;
        function owner() external view returns (address);

        function getStatus(address attester) external view returns (uint8);
        function getAttesterView(address attester) external view returns (AttesterView memory);
        function getExit(address attester) external view returns (Exit memory);
        function getActiveAttesterCount() external view returns (uint256);
        function getEntryQueueLength() external view returns (uint256);
        function getEntryQueueAt(uint256 index) external view returns (DepositArgs memory);
        function getEntryQueueFlushSize() external view returns (uint256);
        function getAvailableValidatorFlushes() external view returns (uint256);
        function getNextFlushableEpoch() external view returns (uint256);
        function getIsBootstrapped() external view returns (bool);
        function getCurrentEpoch() external view returns (uint256);
        function getCurrentSlot() external view returns (uint256);
        function getEpochDuration() external view returns (uint256);
        function getSlotDuration() external view returns (uint256);
        function getGenesisTime() external view returns (uint256);
        function getEpochCommittee(uint256 epoch) external returns (address[] memory);
        function getProposerAt(uint256 timestamp) external returns (address);
        function getTips() external view returns (uint256 pending, uint256 proven);
        function getSequencerRewards(address coinbase) external view returns (uint256);
        function getActivationThreshold() external view returns (uint256);
        function getLocalEjectionThreshold() external view returns (uint256);
        function getExitDelay() external view returns (uint256);
        function getSlasher() external view returns (address);
        function getGSE() external view returns (address);
        function getStakingAsset() external view returns (address);
        function getFeeAsset() external view returns (address);
        function getVersion() external view returns (uint256);

        event ValidatorQueued(address indexed attester, address indexed withdrawer);
        event Deposit(
            address indexed attester, address indexed withdrawer, G1Point g1, G2Point g2, G1Point proof, uint256 amount
        );
        event FailedDeposit(
            address indexed attester, address indexed withdrawer, G1Point g1, G2Point g2, G1Point proof
        );
        event WithdrawInitiated(address indexed attester, address indexed recipient, uint256 amount);
        event WithdrawFinalized(address indexed attester, address indexed recipient, uint256 amount);
        event Slashed(address indexed attester, uint256 amount);

        error Staking__AlreadyExiting(address attester);
        error Staking__CannotSlashExitedStake(address attester);
        error Staking__DepositOutOfGas();
        error Staking__InitiateWithdrawNeeded(address attester);
        error Staking__InvalidDeposit(address attester, address withdrawer);
        error Staking__NothingToExit(address attester);
        error Staking__NotExiting(address attester);
        error Staking__NotSlasher(address expected, address caller);
        error Staking__NotWithdrawer(address expected, address caller);
        error Staking__WithdrawalNotUnlockedYet(uint256 now, uint256 exitableAt);
        error Governance__WithdrawalNotUnlockedYet(uint256 now, uint256 unlocksAt);
        error ValidatorSelection__InsufficientValidatorSetSize(uint256 actual, uint256 expected);
        error ValidatorSelection__EpochNotStable(uint256 epoch, uint32 timestamp);
    }

    interface FutureRollup {
        function surprise(uint256 what) external;
    }

    interface Registry {
        function addRollup(address rollup) external;
        function getCanonicalRollup() external view returns (address);
        function getRollup(uint256 version) external view returns (address);
        function getVersion(uint256 index) external view returns (uint256);
        function numberOfVersions() external view returns (uint256);
        function getRewardDistributor() external view returns (address);

        event CanonicalRollupUpdated(address indexed instance, uint256 indexed version);
    }

    interface GSE {
        function addRollup(address rollup) external;
        function setGovernance(address governance) external;
        function isRegistered(address instance, address attester) external view returns (bool);
        function getLatestRollup() external view returns (address);
        function getRegistrationDigest(G1Point key) external view returns (G1Point memory);
    }

    interface Governance {
        function getWithdrawal(uint256 id) external view returns (Withdrawal memory);
    }

    interface StakingAsset {
        function owner() external view returns (address);
        function mint(address to, uint256 amount) external;
        function approve(address spender, uint256 amount) external returns (bool);
        function transfer(address to, uint256 amount) external returns (bool);
        function balanceOf(address account) external view returns (uint256);
    }

    interface Owned {
        function transferOwnership(address owner) external;
    }

    interface Slasher {
        function initializeProposer(address proposer) external;
        function PROPOSER() external view returns (address);
    }

    interface TallySlashingProposer {
        function vote(bytes votes, Signature signature) external;
        function executeRound(uint256 round, address[][] committees) external;
        function getSlashTargetCommittees(uint256 round) external returns (address[][] memory);
        function getTally(uint256 round, address[][] committees) external view returns (SlashAction[] memory);
        function getRound(uint256 round) external view returns (bool isExecuted, uint256 voteCount);
        function getCurrentRound() external view returns (uint256);
        function getVoteSignatureDigest(bytes votes, uint256 slot) external view returns (bytes32);
        function isRoundReadyToExecute(uint256 round, uint256 slot) external view returns (bool);
        function QUORUM() external view returns (uint256);
        function ROUND_SIZE() external view returns (uint256);
        function ROUND_SIZE_IN_EPOCHS() external view returns (uint256);
        function COMMITTEE_SIZE() external view returns (uint256);
        function EXECUTION_DELAY_IN_ROUNDS() external view returns (uint256);

        event VoteCast(uint256 indexed round, uint256 indexed slot, address indexed proposer);
        event RoundExecuted(uint256 indexed round, uint256 slashCount);

        error TallySlashingProposer__InvalidSignature();
        error TallySlashingProposer__RoundNotComplete(uint256 round);
        error TallySlashingProposer__RoundAlreadyExecuted(uint256 round);
        error TallySlashingProposer__VotingNotOpen(uint256 round);
        error TallySlashingProposer__VoteAlreadyCastInCurrentSlot(uint256 slot);
        error TallySlashingProposer__RoundOutOfRange(uint256 round, uint256 currentRound);
    }
}
