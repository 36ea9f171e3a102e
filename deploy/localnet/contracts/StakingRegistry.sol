// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IERC20, PullSplitFactory, Split} from "./Splits.sol";

struct G1Point {
    uint256 x;
    uint256 y;
}

struct G2Point {
    uint256 x0;
    uint256 x1;
    uint256 y0;
    uint256 y1;
}

/// One sequencer that a provider offers: its address and its BLS keys.
struct KeyStore {
    address attester;
    G1Point publicKeyG1;
    G2Point publicKeyG2;
    G1Point proofOfPossession;
}

struct ProviderConfiguration {
    address providerAdmin;
    uint16 providerTakeRate;
    address providerRewardsRecipient;
}

/// Absolute positions that only grow, both from 1; `last` is one past the end.
struct Queue {
    uint128 first;
    uint128 last;
}

interface IRollup {
    function getActivationThreshold() external view returns (uint256);
    function deposit(
        address attester,
        address withdrawer,
        G1Point calldata publicKeyInG1,
        G2Point calldata publicKeyInG2,
        G1Point calldata proofOfPossession,
        bool moveWithLatestRollup
    ) external;
}

interface IRegistry {
    function getRollup(uint256 version) external view returns (IRollup);
}

/// Where providers offer keys and delegators stake on them.
/// A double with the interface of the deployed contract: functions, structs, events, errors and queue positions.
/// It stakes on the real rollup; it has not been audited and holds no real money.
contract StakingRegistry {
    IERC20 public immutable STAKING_ASSET;
    PullSplitFactory public immutable PULL_SPLIT_FACTORY;
    IRegistry public immutable ROLLUP_REGISTRY;

    uint256 internal constant BASIS_POINTS = 10_000;

    uint256 public nextProviderIdentifier = 1;
    mapping(uint256 providerIdentifier => ProviderConfiguration) public providerConfigurations;
    mapping(uint256 providerIdentifier => address providerAdmin) public pendingProviderAdmins;
    mapping(uint256 providerIdentifier => Queue) public providerQueues;
    mapping(uint256 providerIdentifier => mapping(uint128 position => KeyStore)) internal keyStores;

    event ProviderRegistered(
        uint256 indexed providerIdentifier, address indexed providerAdmin, uint16 indexed providerTakeRate
    );
    event ProviderAdminUpdateInitiated(uint256 indexed providerIdentifier, address indexed newAdmin);
    event ProviderAdminUpdated(uint256 indexed providerIdentifier, address indexed newAdmin);
    event ProviderTakeRateUpdated(uint256 indexed providerIdentifier, uint16 newTakeRate);
    event ProviderRewardsRecipientUpdated(uint256 indexed providerIdentifier, address indexed newRewardsRecipient);
    event AttestersAddedToProvider(uint256 indexed providerIdentifier, address[] attesters);
    event ProviderQueueDripped(uint256 indexed providerIdentifier, address indexed attester);
    event StakedWithProvider(
        uint256 indexed providerIdentifier,
        address indexed rollupAddress,
        address indexed attester,
        address coinbaseSplitContractAddress,
        address stakerImplementation
    );

    error StakingRegistry__ZeroAddress();
    error StakingRegistry__InvalidProviderIdentifier(uint256 _providerIdentifier);
    error StakingRegistry__NotProviderAdmin();
    error StakingRegistry__UpdatedProviderAdminToSameAddress();
    error StakingRegistry__UpdatedProviderTakeRateToSameValue();
    error StakingRegistry__NotPendingProviderAdmin();
    error StakingRegistry__InvalidTakeRate(uint256 _takeRate);
    error StakingRegistry__UnexpectedTakeRate(uint256 _expectedTakeRate, uint256 _gotTakeRate);
    error QueueIsEmpty();
    error QueueIndexOutOfBounds();
    error SafeERC20FailedOperation(address token);

    modifier onlyAdmin(uint256 id) {
        if (msg.sender != providerConfigurations[id].providerAdmin) revert StakingRegistry__NotProviderAdmin();
        _;
    }

    constructor(IERC20 stakingAsset, PullSplitFactory pullSplitFactory, IRegistry rollupRegistry) {
        STAKING_ASSET = stakingAsset;
        PULL_SPLIT_FACTORY = pullSplitFactory;
        ROLLUP_REGISTRY = rollupRegistry;
    }

    function registerProvider(address admin, uint16 takeRate, address rewardsRecipient) external returns (uint256 id) {
        if (admin == address(0) || rewardsRecipient == address(0)) revert StakingRegistry__ZeroAddress();
        if (takeRate > BASIS_POINTS) revert StakingRegistry__InvalidTakeRate(takeRate);
        id = nextProviderIdentifier++;
        providerConfigurations[id] = ProviderConfiguration(admin, takeRate, rewardsRecipient);
        providerQueues[id] = Queue(1, 1);
        emit ProviderRegistered(id, admin, takeRate);
    }

    function addKeysToProvider(uint256 id, KeyStore[] calldata keys) external onlyAdmin(id) {
        Queue storage queue = providerQueues[id];
        address[] memory attesters = new address[](keys.length);
        for (uint256 i = 0; i < keys.length; i++) {
            keyStores[id][queue.last++] = keys[i];
            attesters[i] = keys[i].attester;
        }
        emit AttestersAddedToProvider(id, attesters);
    }

    function dripProviderQueue(uint256 id, uint256 count) external onlyAdmin(id) {
        for (uint256 i = 0; i < count; i++) {
            emit ProviderQueueDripped(id, _dequeue(id).attester);
        }
    }

    function stake(
        uint256 id,
        uint256 rollupVersion,
        address withdrawalAddress,
        uint16 expectedTakeRate,
        address userRewardsRecipient,
        bool moveWithLatestRollup
    ) external {
        ProviderConfiguration memory provider = providerConfigurations[id];
        if (provider.providerAdmin == address(0)) revert StakingRegistry__InvalidProviderIdentifier(id);
        if (provider.providerTakeRate != expectedTakeRate) {
            revert StakingRegistry__UnexpectedTakeRate(expectedTakeRate, provider.providerTakeRate);
        }
        KeyStore memory key = _dequeue(id);
        IRollup rollup = ROLLUP_REGISTRY.getRollup(rollupVersion);
        _deposit(rollup, key, withdrawalAddress, moveWithLatestRollup);
        address split = _createSplit(provider, userRewardsRecipient);
        emit StakedWithProvider(id, address(rollup), key.attester, split, msg.sender);
    }

    function updateProviderAdmin(uint256 id, address newAdmin) external onlyAdmin(id) {
        if (newAdmin == address(0)) revert StakingRegistry__ZeroAddress();
        if (newAdmin == msg.sender) revert StakingRegistry__UpdatedProviderAdminToSameAddress();
        pendingProviderAdmins[id] = newAdmin;
        emit ProviderAdminUpdateInitiated(id, newAdmin);
    }

    function acceptProviderAdmin(uint256 id) external {
        if (msg.sender != pendingProviderAdmins[id]) revert StakingRegistry__NotPendingProviderAdmin();
        delete pendingProviderAdmins[id];
        providerConfigurations[id].providerAdmin = msg.sender;
        emit ProviderAdminUpdated(id, msg.sender);
    }

    function updateProviderRewardsRecipient(uint256 id, address newRecipient) external onlyAdmin(id) {
        if (newRecipient == address(0)) revert StakingRegistry__ZeroAddress();
        providerConfigurations[id].providerRewardsRecipient = newRecipient;
        emit ProviderRewardsRecipientUpdated(id, newRecipient);
    }

    function updateProviderTakeRate(uint256 id, uint16 newTakeRate) external onlyAdmin(id) {
        if (newTakeRate > BASIS_POINTS) revert StakingRegistry__InvalidTakeRate(newTakeRate);
        if (newTakeRate == providerConfigurations[id].providerTakeRate) {
            revert StakingRegistry__UpdatedProviderTakeRateToSameValue();
        }
        providerConfigurations[id].providerTakeRate = newTakeRate;
        emit ProviderTakeRateUpdated(id, newTakeRate);
    }

    function getProviderQueueLength(uint256 id) external view returns (uint256) {
        return providerQueues[id].last - providerQueues[id].first;
    }

    function getFirstIndexInQueue(uint256 id) external view returns (uint128) {
        return providerQueues[id].first;
    }

    function getLastIndexInQueue(uint256 id) external view returns (uint128) {
        return providerQueues[id].last;
    }

    function getValueAtIndexInQueue(uint256 id, uint128 position) external view returns (KeyStore memory) {
        Queue memory queue = providerQueues[id];
        if (position < queue.first || position >= queue.last) revert QueueIndexOutOfBounds();
        return keyStores[id][position];
    }

    function getActivationThreshold(uint256 rollupVersion) external view returns (uint256) {
        return ROLLUP_REGISTRY.getRollup(rollupVersion).getActivationThreshold();
    }

    function _dequeue(uint256 id) internal returns (KeyStore memory key) {
        Queue storage queue = providerQueues[id];
        if (queue.first == queue.last) revert QueueIsEmpty();
        key = keyStores[id][queue.first];
        delete keyStores[id][queue.first++];
    }

    function _deposit(IRollup rollup, KeyStore memory key, address withdrawer, bool moveWithLatestRollup) internal {
        uint256 amount = rollup.getActivationThreshold();
        if (!STAKING_ASSET.transferFrom(msg.sender, address(this), amount)) {
            revert SafeERC20FailedOperation(address(STAKING_ASSET));
        }
        STAKING_ASSET.approve(address(rollup), amount);
        rollup.deposit(
            key.attester,
            withdrawer,
            key.publicKeyG1,
            key.publicKeyG2,
            key.proofOfPossession,
            moveWithLatestRollup
        );
    }

    function _createSplit(ProviderConfiguration memory provider, address user) internal returns (address) {
        Split memory split = Split(new address[](2), new uint256[](2), BASIS_POINTS, 0);
        split.recipients[0] = provider.providerRewardsRecipient;
        split.recipients[1] = user;
        split.allocations[0] = provider.providerTakeRate;
        split.allocations[1] = BASIS_POINTS - provider.providerTakeRate;
        return PULL_SPLIT_FACTORY.createSplit(split, address(0), address(this));
    }
}
