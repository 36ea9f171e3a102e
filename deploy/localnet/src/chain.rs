//! Time and the chain itself: blocks, warps, reorganisations, snapshots, and the change of the canonical rollup.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::{Address, B256, U256};
use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::contracts::{Governance, Registry, Rollup};
use crate::deploy::{self, Addresses, RollupAddresses};
use crate::localnet::Localnet;
use crate::rpc::Receipt;

/// Seconds between a block and its parent, on the chain's own time.
///
/// Far less than the 12 s of a real chain, so that many actions fit into one epoch of the small profile (48 s).
pub const BLOCK_SECONDS: u64 = 1;

/// The head of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Head {
    /// Its height.
    #[serde(with = "alloy::serde::quantity")]
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its time, in seconds since 1970.
    #[serde(with = "alloy::serde::quantity")]
    pub timestamp: u64,
}

/// A place to come back to.
#[derive(Debug, Clone)]
pub struct Snapshot(Value);

impl Localnet {
    /// The newest block.
    pub async fn head(&self) -> Result<Head> {
        self.rpc
            .request("eth_getBlockByNumber", json!(["latest", false]))
            .await
    }

    /// Makes `blocks` empty blocks.
    pub async fn mine(&self, blocks: u64) -> Result<()> {
        // No interval is given: it would be added to the chain's own.
        self.rpc
            .tell("anvil_mine", json!([format!("0x{blocks:x}")]))
            .await
    }

    /// Makes one empty block `seconds` after the newest one.
    pub async fn warp(&self, seconds: u64) -> Result<()> {
        let timestamp = self.head().await?.timestamp.saturating_add(seconds);
        self.warp_to(timestamp).await
    }

    /// Makes one empty block at this time, which must be later than the newest block's.
    pub async fn warp_to(&self, timestamp: u64) -> Result<()> {
        self.set_next_timestamp(timestamp).await?;
        self.rpc.tell("evm_mine", json!([])).await
    }

    pub(crate) async fn set_next_timestamp(&self, timestamp: u64) -> Result<()> {
        self.rpc
            .tell("evm_setNextBlockTimestamp", json!([timestamp]))
            .await
    }

    /// The epoch of the newest block, on the canonical rollup.
    pub async fn epoch(&self) -> Result<u64> {
        let rollup = self.canonical_rollup().await?;
        let epoch = self.call(rollup, Rollup::getCurrentEpochCall {}).await?;
        u64::try_from(epoch).context("the epoch is beyond 64 bits")
    }

    /// Makes one empty block at the beginning of the epoch that is `epochs` after the present one.
    pub async fn advance_epochs(&self, epochs: u64) -> Result<()> {
        let rollup = self.canonical_rollup().await?;
        let genesis = self.call(rollup, Rollup::getGenesisTimeCall {}).await?;
        let slot_seconds = self.call(rollup, Rollup::getSlotDurationCall {}).await?;
        let epoch_slots = self.call(rollup, Rollup::getEpochDurationCall {}).await?;
        let epoch = self.call(rollup, Rollup::getCurrentEpochCall {}).await? + U256::from(epochs);
        let start = genesis + epoch * epoch_slots * slot_seconds;
        self.warp_to(u64::try_from(start).context("the time is beyond 64 bits")?)
            .await
    }

    /// Makes a block in the next epoch.
    pub async fn next_epoch(&self) -> Result<()> {
        self.advance_epochs(1).await
    }

    /// Makes a block at the time when the attester's exit delay is over. Governance may still hold the money.
    pub async fn pass_exit_delay(&self, rollup: RollupAddresses, attester: Address) -> Result<()> {
        let exit = self
            .call(rollup.rollup, Rollup::getExitCall { attester })
            .await?;
        ensure!(exit.exists, "{attester} has no exit");
        self.pass(exit.exitableAt).await
    }

    /// Makes a block at the time when governance lets the attester's money go.
    pub async fn pass_governance_unlock(
        &self,
        rollup: RollupAddresses,
        attester: Address,
    ) -> Result<()> {
        let exit = self
            .call(rollup.rollup, Rollup::getExitCall { attester })
            .await?;
        ensure!(exit.exists, "{attester} has no exit");
        let governance = self.addresses.governance;
        let withdrawal = self
            .call(
                governance,
                Governance::getWithdrawalCall {
                    id: exit.withdrawalId,
                },
            )
            .await?;
        self.pass(withdrawal.unlocksAt).await
    }

    async fn pass(&self, timestamp: U256) -> Result<()> {
        let timestamp = u64::try_from(timestamp).context("the time is beyond 64 bits")?;
        if self.head().await?.timestamp >= timestamp {
            return Ok(());
        }
        self.warp_to(timestamp).await
    }

    /// Replaces the newest `depth` blocks by as many empty ones with other hashes: their transactions are gone.
    pub async fn reorg(&self, depth: u64) -> Result<()> {
        self.rpc.tell("anvil_reorg", json!([depth, []])).await
    }

    /// Removes the newest `depth` blocks and puts nothing in their place.
    pub async fn rollback(&self, depth: u64) -> Result<()> {
        self.rpc.tell("anvil_rollback", json!([depth])).await
    }

    /// Marks the present state.
    pub async fn snapshot(&self) -> Result<Snapshot> {
        Ok(Snapshot(self.rpc.request("evm_snapshot", json!([])).await?))
    }

    /// Goes back to a marked state, which can be done once.
    pub async fn revert(&self, snapshot: Snapshot) -> Result<()> {
        let is_reverted: bool = self.rpc.request("evm_revert", json!([snapshot.0])).await?;
        ensure!(is_reverted, "the snapshot is gone");
        Ok(())
    }

    /// Lets the chain's time follow its parent block and not the wall clock (the state at the start).
    ///
    /// Without it the first block after loading a state takes the wall clock, possibly *before* the blocks of the
    /// state; history lookups at that time then find no attesters.
    pub async fn keep_own_time(&self) -> Result<()> {
        // The interval is counted from the time set here.
        self.rpc
            .tell("evm_setTime", json!([self.head().await?.timestamp]))
            .await?;
        self.rpc
            .tell("anvil_setBlockTimestampInterval", json!([BLOCK_SECONDS]))
            .await
    }

    /// Makes a block every `seconds`, at the time of the wall clock: a chain that people watch.
    pub async fn follow_wall_clock(&self, seconds: u64) -> Result<()> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where this chain meets the wall clock"
        )]
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock is before 1970")?
            .as_secs();
        self.rpc
            .tell("anvil_removeBlockTimestampInterval", json!([]))
            .await?;
        let next = self.head().await?.timestamp.saturating_add(BLOCK_SECONDS);
        self.rpc.tell("evm_setTime", json!([now.max(next)])).await?;
        self.rpc
            .tell("evm_setIntervalMining", json!([seconds]))
            .await
    }

    /// The rollup that the Registry calls canonical.
    pub async fn canonical_rollup(&self) -> Result<Address> {
        self.call(self.addresses.registry, Registry::getCanonicalRollupCall {})
            .await
    }

    /// Makes the second rollup canonical in the Registry and the latest in the GSE, as a governance proposal does.
    ///
    /// Returns the receipt of the Registry's change.
    pub async fn make_successor_canonical(&self) -> Result<Receipt> {
        self.make_canonical(self.addresses.successor).await
    }

    /// The same, with any rollup of this chain.
    pub async fn make_canonical(&self, rollup: RollupAddresses) -> Result<Receipt> {
        let Addresses {
            registry,
            gse,
            governance,
            ..
        } = self.addresses;
        deploy::register(&self.rpc, governance, registry, gse, rollup.rollup).await
    }
}
