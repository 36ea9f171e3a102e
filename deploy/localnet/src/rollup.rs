//! What is done at the rollup itself: deposits, flushes, exits and slashes.

use alloy::primitives::{Address, B256, U256, keccak256};
use anyhow::Result;
use serde_json::json;

use crate::contracts::{AttesterView, Rollup};
use crate::deploy::RollupAddresses;
use crate::key::Key;
use crate::localnet::Localnet;
use crate::rpc::Receipt;

/// `NONE` of the rollup's `Status`.
pub const NONE: u8 = 0;
/// `VALIDATING` of the rollup's `Status`.
pub const VALIDATING: u8 = 1;
/// `ZOMBIE` of the rollup's `Status`.
pub const ZOMBIE: u8 = 2;
/// `EXITING` of the rollup's `Status`.
pub const EXITING: u8 = 3;

/// `count` whole tokens, in the smallest unit.
pub fn tokens(count: u64) -> U256 {
    U256::from(count) * U256::from(10).pow(U256::from(18))
}

impl Localnet {
    /// Deposits on the first rollup without any provider, as a stranger does. The depositor is the withdrawer.
    pub async fn deposit(
        &self,
        key: &Key,
        withdrawer: Address,
        move_with_latest: bool,
    ) -> Result<Receipt> {
        self.deposit_on(self.addresses.first, key, withdrawer, move_with_latest)
            .await
    }

    /// The same, on either rollup.
    pub async fn deposit_on(
        &self,
        rollup: RollupAddresses,
        key: &Key,
        withdrawer: Address,
        move_with_latest: bool,
    ) -> Result<Receipt> {
        self.remember(std::slice::from_ref(key));
        let threshold = self
            .call(rollup.rollup, Rollup::getActivationThresholdCall {})
            .await?;
        self.provision(withdrawer, rollup.rollup, threshold).await?;
        let deposit = Rollup::depositCall {
            attester: key.attester,
            withdrawer,
            g1: key.bls.public_key_g1.clone(),
            g2: key.bls.public_key_g2.clone(),
            proof: key.bls.proof_of_possession.clone(),
            r#move: move_with_latest,
        };
        self.rpc.send(withdrawer, rollup.rollup, deposit).await
    }

    /// Lets in whom the entry queue's allowance of this epoch lets in. Anyone may ask for it.
    pub async fn flush_entry_queue(&self) -> Result<Receipt> {
        self.flush_entry_queue_of(self.addresses.first).await
    }

    /// The same, on either rollup.
    pub async fn flush_entry_queue_of(&self, rollup: RollupAddresses) -> Result<Receipt> {
        self.rpc
            .send(
                Self::account("flusher"),
                rollup.rollup,
                Rollup::flushEntryQueueCall {},
            )
            .await
    }

    /// Flushes in one epoch after another until the entry queue is empty.
    pub async fn drain_entry_queue(&self) -> Result<()> {
        let rollup = self.addresses.first.rollup;
        while !self
            .call(rollup, Rollup::getEntryQueueLengthCall {})
            .await?
            .is_zero()
        {
            self.next_epoch().await?;
            self.flush_entry_queue().await?;
        }
        Ok(())
    }

    /// Slashes as the Slasher contract, without votes.
    pub async fn slash(&self, attester: Address, amount: U256) -> Result<Receipt> {
        let rollup = self.addresses.first;
        self.rpc
            .send(
                rollup.slasher,
                rollup.rollup,
                Rollup::slashCall { attester, amount },
            )
            .await
    }

    /// Begins an exit, or tells a slashed-out stake where to go, as `caller`.
    pub async fn initiate_withdraw(
        &self,
        caller: Address,
        attester: Address,
        recipient: Address,
    ) -> Result<Receipt> {
        let withdraw = Rollup::initiateWithdrawCall {
            attester,
            recipient,
        };
        self.rpc
            .send(caller, self.addresses.first.rollup, withdraw)
            .await
    }

    /// Pays out an exit. Anyone may ask for it.
    pub async fn finalize_withdraw(&self, attester: Address) -> Result<Receipt> {
        let finalize = Rollup::finalizeWithdrawCall { attester };
        self.rpc
            .send(
                Self::account("flusher"),
                self.addresses.first.rollup,
                finalize,
            )
            .await
    }

    /// What the first rollup says of a sequencer.
    pub async fn attester_view(&self, attester: Address) -> Result<AttesterView> {
        self.attester_view_on(self.addresses.first, attester).await
    }

    /// What either rollup says of a sequencer.
    pub async fn attester_view_on(
        &self,
        rollup: RollupAddresses,
        attester: Address,
    ) -> Result<AttesterView> {
        self.call(rollup.rollup, Rollup::getAttesterViewCall { attester })
            .await
    }

    /// The first rollup's `Status` of a sequencer.
    pub async fn status(&self, attester: Address) -> Result<u8> {
        self.call(
            self.addresses.first.rollup,
            Rollup::getStatusCall { attester },
        )
        .await
    }

    /// Writes the numbers of the newest pending and proven checkpoints into the first rollup's storage.
    pub async fn set_tips(&self, pending: u64, proven: u64) -> Result<()> {
        let value = (U256::from(pending) << 128_usize) | U256::from(proven);
        let slot = keccak256("aztec.stf.storage");
        self.rpc
            .tell(
                "anvil_setStorageAt",
                json!([self.addresses.first.rollup, slot, B256::from(value)]),
            )
            .await?;
        // Storage is written outside any block; a block makes the change visible at a height.
        self.mine(1).await
    }
}
