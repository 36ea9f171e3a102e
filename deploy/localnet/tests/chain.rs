//! The chain itself: what a start from a kept state has and lacks, tags, and profiles.

use alloy::primitives::{B256, U256, b256, keccak256, uint};
use alloy::rpc::types::Header;
use anyhow::Result;
use localnet::contracts::{Registry, Rollup};
use localnet::{AnvilOptions, Key, Localnet, Profile};
use serde_json::{Value, json};

async fn tagged(net: &Localnet, tag: &str) -> Result<u64> {
    let block: Header = net
        .rpc
        .request("eth_getBlockByNumber", json!([tag, false]))
        .await?;
    Ok(block.inner.number)
}

#[tokio::test]
async fn the_logs_of_the_deployment_are_there() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    let topic = keccak256("CanonicalRollupUpdated(address,uint256)");
    let filter =
        json!([{ "fromBlock": "0x0", "address": net.addresses.registry, "topics": [topic] }]);
    let logs: Vec<Value> = net.rpc.request("eth_getLogs", filter).await?;
    assert_eq!(logs.len(), 1);
    let by_hash = json!([{ "blockHash": logs[0]["blockHash"], "address": net.addresses.registry }]);
    let again: Vec<Value> = net.rpc.request("eth_getLogs", by_hash).await?;
    assert!(again.contains(&logs[0]));
    Ok(())
}

#[tokio::test]
async fn a_call_pinned_to_a_block_that_a_reorg_took_is_refused() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    net.mine(5).await?;
    let head = net.head().await?;
    let call = json!([
        { "to": net.addresses.first.rollup, "data": "0x90a3b386" },
        { "blockHash": head.hash, "requireCanonical": true }
    ]);
    assert_eq!(
        net.rpc.request::<U256>("eth_call", call.clone()).await?,
        U256::ZERO
    );
    net.reorg(2).await?;
    assert!(net.rpc.request::<U256>("eth_call", call).await.is_err());
    let logs = json!([{ "blockHash": head.hash }]);
    assert!(net.rpc.request::<Value>("eth_getLogs", logs).await.is_err());
    Ok(())
}

#[tokio::test]
async fn finality_is_two_epochs_behind_the_head() -> Result<()> {
    let options = AnvilOptions {
        slots_in_an_epoch: 4,
        ..Default::default()
    };
    let net = Localnet::deploy_with(Profile::Small, &options).await?;
    net.mine(20).await?;
    let head = net.head().await?.number;
    assert_eq!(tagged(&net, "safe").await?, head - 4);
    assert_eq!(tagged(&net, "finalized").await?, head - 8);
    Ok(())
}

#[tokio::test]
async fn blocks_follow_each_other_by_the_second_and_warps_add_up() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    let start = net.head().await?.timestamp;
    net.mine(3).await?;
    net.warp(1_000).await?;
    net.mine(1).await?;
    assert_eq!(net.head().await?.timestamp, start + 3 + 1_000 + 1);
    let epoch = net.epoch().await?;
    net.advance_epochs(3).await?;
    assert_eq!(net.epoch().await?, epoch + 3);
    Ok(())
}

#[tokio::test]
async fn a_rollback_leaves_a_lower_head() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    net.mine(5).await?;
    let head = net.head().await?;
    net.rollback(3).await?;
    assert_eq!(net.head().await?.number, head.number - 3);
    Ok(())
}

/// The flush configuration has no getter: it is read from storage, as a watcher does.
#[tokio::test]
async fn the_mainnet_profile_has_the_parameters_of_mainnet() -> Result<()> {
    let net = Localnet::deploy(Profile::Mainnet).await?;
    let rollup = net.addresses.first.rollup;
    assert_eq!(
        net.call(rollup, Rollup::getSlotDurationCall {}).await?,
        U256::from(72)
    );
    assert_eq!(
        net.call(rollup, Rollup::getEpochDurationCall {}).await?,
        U256::from(32)
    );
    assert_eq!(
        net.call(rollup, Rollup::getExitDelayCall {}).await?,
        U256::from(345_600)
    );
    let staking_storage = U256::from_be_bytes(keccak256("aztec.core.staking.storage").0);
    let slot = B256::from(staking_storage + uint!(4_U256));
    let word: B256 = net
        .rpc
        .request("eth_getStorageAt", json!([rollup, slot, "latest"]))
        .await?;
    assert_eq!(
        word,
        b256!("000000000000000000000000000001f400000004000000010000019000000004")
    );
    Ok(())
}

/// Queue positions, allowance and bootstrap flag of the rollup's staking storage (source: `StakingLib.sol`, v4).
#[tokio::test]
async fn the_staking_storage_lies_where_a_watcher_reads_it() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    for key in Key::range(0, 7)? {
        net.deposit(&key, Localnet::account("withdrawer"), true)
            .await?;
    }
    for _ in 0..2 {
        net.next_epoch().await?;
        net.flush_entry_queue().await?;
    }
    let rollup = net.addresses.first.rollup;
    let base = U256::from_be_bytes(keccak256("aztec.core.staking.storage").0);
    let mut words = Vec::new();
    for offset in [1_u64, 2, 6, 7] {
        let slot = B256::from(base + U256::from(offset));
        words.push(
            net.rpc
                .request::<U256>("eth_getStorageAt", json!([rollup, slot, "latest"]))
                .await?,
        );
    }
    let threshold = net
        .call(rollup, Rollup::getLocalEjectionThresholdCall {})
        .await?;
    let slasher = U256::from_be_bytes(net.addresses.first.slasher.into_word().0);
    let gse = U256::from_be_bytes(net.addresses.gse.into_word().0);
    let next_epoch = U256::from(net.epoch().await? + 1);
    // Seven queued at 1 to 7; four and three came in; one of the second epoch's four is left.
    assert_eq!(
        words,
        [
            threshold << 160_usize | slasher,
            U256::from(3_600) << 160_usize | gse,
            U256::from(8) << 128_usize | U256::from(8),
            U256::ONE << 64_usize | U256::ONE << 32_usize | next_epoch,
        ]
    );
    Ok(())
}

#[tokio::test]
async fn somebody_else_finds_the_addresses_on_the_chain() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    let other = Localnet::attach(&net.url()).await?;
    assert_eq!(other.addresses, net.addresses);
    let version = U256::from(net.addresses.first.version);
    let rollup = net
        .call(net.addresses.registry, Registry::getRollupCall { version })
        .await?;
    assert_eq!(rollup, net.addresses.first.rollup);
    assert_eq!(other.canonical_rollup().await?, rollup);
    Ok(())
}
