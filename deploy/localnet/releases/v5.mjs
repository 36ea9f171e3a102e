// Release v5 of the rollup, as nearly as npm allows: the sources of v4, with those differences of v5 that a watcher meets.
//
// No registry carries v5. Written from its ABI and its storage layout, not from its sources:
// - `setSlasher` gives way to a queued change; the slasher that goes may still slash for a while;
// - the two words of that stand in the staking storage, the first before the queue configuration (+4 becomes +5);
// - rewards can always be claimed, `setLocalEjectionThreshold` is gone, a queue configuration is checked;
// - `RewardConfigUpdated` and the events of the escape hatch have other topics.
// Untouched, and so still v4: blocks, proofs, fees, and the slashing proposer (v5 renames it and changes nothing else).
//
// Each edit must fit exactly once, so that another version of the sources is refused and not half changed.

const STAKING = "src/core/libraries/rollup/StakingLib.sol";
const OPERATIONS = "src/core/libraries/rollup/ValidatorOperationsExtLib.sol";
const REWARDS = "src/core/libraries/rollup/RewardLib.sol";
const ISTAKING = "src/core/interfaces/IStaking.sol";
const IROLLUP = "src/core/interfaces/IRollup.sol";
const CORE = "src/core/RollupCore.sol";
const ROLLUP = "src/core/Rollup.sol";

/** [file, what stands there, what stands there in v5] */
const EDITS = [
  [ISTAKING, /  event LocalEjectionThresholdUpdated\([^;]*;\n/, `
  event PendingSlasherQueued(address indexed slasher, uint256 readyAt);
  event PendingSlasherCancelled(address indexed slasher);
  event LegacySlasherAuthorized(address indexed legacySlasher, uint256 authorizedUntil);
`],
  [ISTAKING, /  function setSlasher\(.*\n  function setLocalEjectionThreshold\(.*\n/, `
  function queueSetSlasher(address _slasher) external;
  function cancelSetSlasher() external;
  function finalizeSetSlasher() external;
`],
  [ISTAKING, /(?=  function getLocalEjectionThreshold)/, `
  function getPendingSlasher() external view returns (address slasher, Timestamp readyAt);
  function getLegacySlasher() external view returns (address slasher, Timestamp authorizedUntil);
`],
  [STAKING, /(?<=  uint96 localEjectionThreshold;\n)/, `  address pendingSlasher;
  CompressedTimestamp pendingSlasherReadyAt;
`],
  [STAKING, /(?<=  bool isBootstrapped;\n)(?=})/, `  address legacySlasher;
  CompressedTimestamp legacySlasherAuthorizedUntil;
`],
  [STAKING, /  function setSlasher\([^]*?(?=  \/\*\*\n   \* @notice Vote)/, `
  function setPendingSlasher(address _slasher) internal {
    if (_slasher == address(0)) {
      emit IStakingCore.PendingSlasherCancelled(getStorage().pendingSlasher);
      getStorage().pendingSlasherReadyAt = CompressedTimestamp.wrap(0);
    } else {
      Timestamp readyAt = Timestamp.wrap(block.timestamp + 60 days);
      getStorage().pendingSlasherReadyAt = readyAt.compress();
      emit IStakingCore.PendingSlasherQueued(_slasher, Timestamp.unwrap(readyAt));
    }
    getStorage().pendingSlasher = _slasher;
  }

  function takePendingSlasher() internal {
    StakingStorage storage store = getStorage();
    require(store.pendingSlasher != address(0), Errors.Staking__NoPendingSlasher());
    Timestamp readyAt = store.pendingSlasherReadyAt.decompress();
    require(Timestamp.wrap(block.timestamp) >= readyAt, Errors.Staking__SlasherNotReady(readyAt));
    Timestamp until = Timestamp.wrap(block.timestamp + 30 days);
    (store.legacySlasher, store.legacySlasherAuthorizedUntil) = (store.slasher, until.compress());
    (store.slasher, store.pendingSlasher) = (store.pendingSlasher, address(0));
    store.pendingSlasherReadyAt = CompressedTimestamp.wrap(0);
    emit IStakingCore.SlasherUpdated(store.legacySlasher, store.slasher);
    emit IStakingCore.LegacySlasherAuthorized(store.legacySlasher, Timestamp.unwrap(until));
  }

  function maySlash(address _caller) private view returns (bool) {
    StakingStorage storage store = getStorage();
    bool isLegacy = _caller != address(0) && _caller == store.legacySlasher;
    return _caller == store.slasher
      || (isLegacy && Timestamp.wrap(block.timestamp) <= store.legacySlasherAuthorizedUntil.decompress());
  }

`],
  [STAKING, /require\(msg\.sender == store\.slasher,/, "require(maySlash(msg.sender),"],
  [STAKING, /(?<=  function updateStakingQueueConfig\(.*\{\n)/, `    require(
      _config.normalFlushSizeMin > 0 && _config.maxQueueFlushSize > 0
        && _config.bootstrapFlushSize <= _config.maxQueueFlushSize,
      Errors.Staking__InvalidStakingQueueConfig()
    );
    require(_config.normalFlushSizeQuotient > 0, Errors.Staking__InvalidNormalFlushSizeQuotient());
`],
  ["src/core/libraries/Errors.sol", /(?=  error Staking__NotSlasher)/, `  error Staking__NoPendingSlasher();
  error Staking__SlasherNotReady(Timestamp readyAt);
`],
  [OPERATIONS, /  function setSlasher\([^]*?  function setLocalEjectionThreshold\([^]*?\n  }\n/, `
  function setPendingSlasher(address _slasher) external {
    StakingLib.setPendingSlasher(_slasher);
  }

  function takePendingSlasher() external {
    StakingLib.takePendingSlasher();
  }
`],
  [CORE, /  function setSlasher\([^]*?\n  }\n/, `
  function queueSetSlasher(address _slasher) external override(IStakingCore) onlyOwner {
    ValidatorOperationsExtLib.setPendingSlasher(_slasher);
  }

  function cancelSetSlasher() external override(IStakingCore) onlyOwner {
    ValidatorOperationsExtLib.setPendingSlasher(address(0));
  }

  function finalizeSetSlasher() external override(IStakingCore) {
    ValidatorOperationsExtLib.takePendingSlasher();
  }
`],
  [CORE, /  \/\*\*\n   \* @notice Updates the local ejection threshold[^]*?\n  }\n/, ""],
  [CORE, /  \/\*\*\n   \* @notice Enables or disables reward claiming[^]*?\n  }\n/, ""],
  [CORE, /  function setRewardConfig\([^]*?\n  }\n/, `
  function setRewardConfig(RewardTerms memory _terms) external override(IRollupCore) onlyOwner {
    RewardConfig memory config = RewardExtLib.getRewardConfig();
    (config.sequencerBps, config.checkpointReward) = (_terms.sequencerBps, _terms.checkpointReward);
    RewardExtLib.setConfig(config);
    emit RewardConfigUpdated(_terms);
  }
`],
  [CORE, /@param _config The new reward configuration including/, "@param _terms Of the new reward configuration, without"],
  [CORE, /import \{RewardExtLib, RewardConfig}/, "import {RewardExtLib, RewardConfig, RewardTerms}"],
  ["src/core/libraries/rollup/RewardExtLib.sol", /import \{RewardLib, RewardConfig}/, "import {RewardLib, RewardConfig, RewardTerms}"],
  [REWARDS, /(?=struct RewardStorage)/, `struct RewardTerms {
  Bps sequencerBps;
  uint96 checkpointReward;
}

`],
  [REWARDS, /(?<=function claimSequencerRewards[^}]*?)    require\(rewardStorage\.isRewardsClaimable.*\n/, ""],
  [REWARDS, /(?<=function claimProverRewards[^}]*?)    require\(rewardStorage\.isRewardsClaimable.*\n/, ""],
  [IROLLUP, /import \{RewardConfig}/, "import {RewardConfig, RewardTerms}"],
  [IROLLUP, /  event RewardConfigUpdated\(.*\n/, "  event RewardConfigUpdated(RewardTerms rewardConfig);\n"],
  [IROLLUP, /  function setRewardConfig\(.*\n/, "  function setRewardConfig(RewardTerms memory _terms) external;\n"],
  [IROLLUP, /  event RewardsClaimableUpdated\(.*\n\n  function setRewardsClaimable\(.*\n/, "\n"],
  [IROLLUP, /  function getEarliestRewardsClaimableTimestamp\(.*\n  function isRewardsClaimable\(.*\n/, ""],
  [ROLLUP, /  function isRewardsClaimable\([^]*?  function getEarliestRewardsClaimableTimestamp\([^]*?\n  }\n/, ""],
  [ROLLUP, /(?=  function getLocalEjectionThreshold)/, `
  function getPendingSlasher() external view override(IStaking) returns (address, Timestamp) {
    return (StakingLib.getStorage().pendingSlasher, StakingLib.getStorage().pendingSlasherReadyAt.decompress());
  }

  function getLegacySlasher() external view override(IStaking) returns (address, Timestamp) {
    return (StakingLib.getStorage().legacySlasher, StakingLib.getStorage().legacySlasherAuthorizedUntil.decompress());
  }

`],
];

/** Names that v5 gives to what v4 calls otherwise; they occur in several files. */
const NAMES = [
  [/\bEscapeHatchUpdated\b/g, "EscapeHatchSet"],
  [/\bupdateEscapeHatch\b/g, "setEscapeHatch"],
];

/** The sources of v5 from those of v4, both {path: text}. */
export function edited(sources) {
  const edited = { ...sources };
  for (const [file, from, to] of EDITS) {
    const text = edited[file];
    const fits = text?.match(new RegExp(from.source, "g"))?.length ?? 0;
    if (fits !== 1) throw new Error(`${file}: ${from} fits ${fits} times, not once`);
    edited[file] = text.replace(from, () => to);
  }
  for (const file of Object.keys(edited)) {
    for (const [from, to] of NAMES) edited[file] = edited[file].replace(from, to);
  }
  return edited;
}
