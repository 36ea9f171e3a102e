// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IERC20 {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
    function approve(address spender, uint256 amount) external returns (bool);
}

/// Who receives what share of the money that a split holds.
struct Split {
    address[] recipients;
    uint256[] allocations;
    uint256 totalAllocation;
    uint16 distributionIncentive;
}

/// Keeps what splits have paid out until its owner withdraws it. The token id is the token's address.
/// A double: no operators, allowances or signatures.
contract SplitsWarehouse {
    mapping(address owner => mapping(uint256 id => uint256 amount)) public balanceOf;

    event Transfer(
        address caller, address indexed sender, address indexed receiver, uint256 indexed id, uint256 amount
    );
    event Withdraw(
        address indexed owner, address indexed token, address indexed withdrawer, uint256 amount, uint256 reward
    );

    error LengthMismatch();

    function batchDeposit(address[] calldata receivers, address token, uint256[] calldata amounts) external payable {
        if (receivers.length != amounts.length) revert LengthMismatch();
        uint256 sum;
        uint256 id = uint256(uint160(token));
        for (uint256 i = 0; i < receivers.length; i++) {
            sum += amounts[i];
            balanceOf[receivers[i]][id] += amounts[i];
            emit Transfer(msg.sender, address(0), receivers[i], id, amounts[i]);
        }
        require(IERC20(token).transferFrom(msg.sender, address(this), sum));
    }

    /// Leaves one unit behind, so that the storage slot stays warm.
    function withdraw(address owner, address token) external {
        uint256 id = uint256(uint160(token));
        uint256 amount = balanceOf[owner][id] - 1;
        balanceOf[owner][id] = 1;
        emit Transfer(msg.sender, owner, address(0), id, amount);
        emit Withdraw(owner, token, msg.sender, amount, 0);
        require(IERC20(token).transfer(owner, amount));
    }
}

/// One split, as a stake makes it: without an owner, hence for ever the same.
contract PullSplit {
    address public immutable FACTORY;
    SplitsWarehouse public immutable SPLITS_WAREHOUSE;
    address public immutable owner;
    bytes32 public splitHash;

    event SplitDistributed(address indexed token, address indexed distributor, uint256 amount);
    event SplitUpdated(Split _split);

    error InvalidSplit();

    constructor(Split memory split, address splitOwner, SplitsWarehouse warehouse) {
        FACTORY = msg.sender;
        SPLITS_WAREHOUSE = warehouse;
        owner = splitOwner;
        splitHash = keccak256(abi.encode(split));
        emit SplitUpdated(split);
    }

    function getSplitBalance(address token) public view returns (uint256 splitBalance, uint256 warehouseBalance) {
        splitBalance = IERC20(token).balanceOf(address(this));
        warehouseBalance = SPLITS_WAREHOUSE.balanceOf(address(this), uint256(uint160(token)));
    }

    /// Anyone may call. One unit stays behind.
    function distribute(Split calldata split, address token, address distributor) external {
        if (keccak256(abi.encode(split)) != splitHash) revert InvalidSplit();
        (uint256 amount,) = getSplitBalance(token);
        amount -= 1;
        uint256[] memory amounts = new uint256[](split.recipients.length);
        for (uint256 i = 0; i < amounts.length; i++) {
            amounts[i] = amount * split.allocations[i] / split.totalAllocation;
        }
        IERC20(token).approve(address(SPLITS_WAREHOUSE), amount);
        SPLITS_WAREHOUSE.batchDeposit(split.recipients, token, amounts);
        emit SplitDistributed(token, distributor, amount);
    }
}

/// Makes splits. The deployed factory makes small clones; this one deploys each in full.
contract PullSplitFactory {
    SplitsWarehouse public immutable SPLITS_WAREHOUSE = new SplitsWarehouse();
    mapping(bytes32 splitAndOwner => uint256 nonce) public nonces;

    event SplitCreated(address indexed split, Split splitParams, address owner, address creator, uint256 nonce);

    error InvalidSplit_TotalAllocationMismatch();
    error InvalidSplit_LengthMismatch();

    function createSplit(Split calldata splitParams, address owner, address creator) external returns (address split) {
        if (splitParams.recipients.length != splitParams.allocations.length) revert InvalidSplit_LengthMismatch();
        uint256 sum;
        for (uint256 i = 0; i < splitParams.allocations.length; i++) {
            sum += splitParams.allocations[i];
        }
        if (sum != splitParams.totalAllocation) revert InvalidSplit_TotalAllocationMismatch();
        uint256 nonce = nonces[keccak256(abi.encode(splitParams, owner))]++;
        split = address(new PullSplit(splitParams, owner, SPLITS_WAREHOUSE));
        emit SplitCreated(split, splitParams, owner, creator, nonce);
    }
}
