//! Rewards on their way: from the rollup to a split, from the split to the warehouse.
//!
//! No proofs are made on this chain, so what a coinbase earned is written into the rollup's storage.

use alloy::primitives::{Address, B256, U256, keccak256};
use alloy::sol_types::SolValue as _;
use anyhow::{Context as _, Result};
use serde_json::json;

use crate::contracts::{PullSplit, PullSplitFactory, Rollup, SplitsWarehouse, StakingAsset};
use crate::localnet::Localnet;
use crate::provider::Staked;
use crate::rpc::Receipt;

impl Localnet {
    /// Writes rewards of a coinbase into the first rollup's storage, and gives the rollup the money for them.
    pub async fn set_rewards(&self, coinbase: Address, amount: U256) -> Result<()> {
        let rollup = self.addresses.first.rollup;
        // `sequencerRewards` is the first member of the reward storage (source: `RewardLib.sol`).
        let slot = keccak256((coinbase, keccak256("aztec.reward.storage")).abi_encode());
        self.rpc
            .tell(
                "anvil_setStorageAt",
                json!([rollup, slot, B256::from(amount)]),
            )
            .await?;
        let fee_asset = self.addresses.fee_asset;
        // The coin issuer owns the fee asset and may mint it.
        let owner = self.call(fee_asset, StakingAsset::ownerCall {}).await?;
        self.rpc
            .send(
                owner,
                fee_asset,
                StakingAsset::mintCall { to: rollup, amount },
            )
            .await?;
        Ok(())
    }

    /// Pays out the rewards of a coinbase to it. Until the rollup's owner lets rewards be claimed nobody can: here
    /// the owner does so first.
    pub async fn claim_rewards(&self, coinbase: Address) -> Result<Receipt> {
        let rollup = self.addresses.first.rollup;
        let owner = self.call(rollup, Rollup::ownerCall {}).await?;
        self.rpc
            .send(
                owner,
                rollup,
                Rollup::setRewardsClaimableCall { claimable: true },
            )
            .await?;
        let claim = Rollup::claimSequencerRewardsCall { coinbase };
        self.rpc.send(Self::account("claimer"), rollup, claim).await
    }

    /// Shares what the split of a stake holds of the fee asset. Anyone may ask for it.
    pub async fn distribute(&self, staked: &Staked) -> Result<Receipt> {
        let created = staked
            .receipt
            .logs()
            .iter()
            .find_map(|log| log.log_decode::<PullSplitFactory::SplitCreated>().ok());
        let split = created
            .context("the stake made no split")?
            .inner
            .data
            .splitParams;
        let distributor = Self::account("claimer");
        let distribute = PullSplit::distributeCall {
            split,
            token: self.addresses.fee_asset,
            distributor,
        };
        self.rpc.send(distributor, staked.split, distribute).await
    }

    /// What the warehouse behind a split keeps of the fee asset for an account.
    pub async fn warehouse_balance(&self, split: Address, owner: Address) -> Result<U256> {
        let warehouse = self.call(split, PullSplit::SPLITS_WAREHOUSECall {}).await?;
        let id = U256::from_be_bytes(self.addresses.fee_asset.into_word().0);
        self.call(warehouse, SplitsWarehouse::balanceOfCall { owner, id })
            .await
    }
}
