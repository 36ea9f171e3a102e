// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// A rollup of a release that nobody knows yet: it tells its version and its GSE, which the Registry and staking need,
/// answers nothing else of what earlier releases answer, and emits what they do not.
contract FutureRollup {
    event Novelty(uint256 indexed what, bytes32 detail);

    uint256 public immutable getVersion;
    address public immutable getGSE;

    constructor(uint256 version, address gse) {
        getVersion = version;
        getGSE = gse;
    }

    function surprise(uint256 what) external {
        emit Novelty(what, keccak256("nobody knows"));
    }
}
