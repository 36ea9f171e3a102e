//! The staking part of a rollup (`StakingLib`): entry queue, flush, slash, exit.

use steward::{
    chain::contracts::{QueueConfig, abi},
    units::{Address, B256, U256},
};

use super::{
    action::{Emitted, Revert, emit},
    gse::{Governance, Gse},
    shards::{Queue, Shards},
    slashing::Slashing,
};

/// Which release a rollup is; only what staking watchers can see differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// v2 to v4: the queue configuration lies at offset 4 of the staking storage.
    V4,
    /// v5: at offset 5; has `getPendingSlasher` and `getLegacySlasher`.
    V5,
}

/// The parameters that a rollup is deployed with.
#[derive(Debug, Clone, Copy)]
pub struct RollupConfig {
    pub release: Release,
    pub queue: QueueConfig,
    pub local_ejection_threshold: U256,
    pub exit_delay_seconds: u64,
    pub slot_duration_seconds: u64,
    pub epoch_duration_slots: u64,
    pub committee_size: u64,
    pub slashing: super::slashing::SlashingConfig,
}

/// One rollup.
#[derive(Debug, Clone)]
pub struct Rollup {
    pub address: Address,
    pub version: u64,
    pub config: RollupConfig,
    pub genesis_time: u64,
    pub slashing: Slashing,
    pub entry_queue: Queue<abi::DepositArgs>,
    pub next_flushable_epoch: u64,
    pub stored_flushes: u64,
    pub is_bootstrapped: bool,
    pub exits: Shards<Address, abi::Exit>,
    pub committees: Shards<u64, Vec<Address>>,
}

/// What a staking transaction touches besides the rollup.
pub struct Around<'a> {
    pub gse: &'a mut Gse,
    pub governance: &'a mut Governance,
    pub logs: &'a mut Vec<Emitted>,
    pub now: u64,
}

impl Rollup {
    pub fn slot(&self, now: u64) -> u64 {
        now.saturating_sub(self.genesis_time) / self.config.slot_duration_seconds
    }

    pub fn epoch(&self, now: u64) -> u64 {
        self.slot(now) / self.config.epoch_duration_slots
    }

    /// `getEntryQueueFlushSize`.
    pub fn flush_size(&self, gse: &Gse) -> u64 {
        let config = self.config.queue;
        let active = gse.attester_count(self.address);
        if config.bootstrap_validator_set_size > 0 && !self.is_bootstrapped {
            if active == 0 && self.entry_queue.len() < config.bootstrap_validator_set_size {
                return 0;
            }
            if active < config.bootstrap_validator_set_size {
                return config.bootstrap_flush_size;
            }
        }
        (active / config.normal_flush_size_quotient)
            .max(config.normal_flush_size_min)
            .min(config.max_queue_flush_size)
    }

    /// `getAvailableValidatorFlushes`.
    pub fn available_flushes(&self, gse: &Gse, now: u64) -> u64 {
        if self.next_flushable_epoch > self.epoch(now) {
            self.stored_flushes
        } else {
            self.flush_size(gse)
        }
    }

    /// `status`: 0 none, 1 validating, 2 zombie, 3 exiting.
    pub fn status(&self, gse: &Gse, attester: Address) -> u8 {
        match self.exits.get(&attester) {
            Some(exit) if exit.isRecipient => 3,
            Some(_) => 2,
            None => u8::from(!gse.effective_balance(self.address, attester).is_zero()),
        }
    }

    /// `deposit`: into the entry queue.
    pub fn deposit(
        &mut self,
        args: abi::DepositArgs,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        if args.attester.is_zero() || args.withdrawer.is_zero() {
            return Err(Revert("Staking__InvalidDeposit"));
        }
        if self.exits.contains(&args.attester) {
            return Err(Revert("Staking__AlreadyExiting"));
        }
        let queued = abi::Rollup::ValidatorQueued {
            attester: args.attester,
            withdrawer: args.withdrawer,
        };
        self.entry_queue.push(args);
        emit(logs, self.address, &queued);
        Ok(())
    }

    /// `flushEntryQueue(toAdd)`.
    pub fn flush(&mut self, to_add: u64, around: &mut Around<'_>) {
        let epoch = self.epoch(around.now);
        if self.next_flushable_epoch <= epoch {
            self.stored_flushes = self.flush_size(around.gse);
            self.next_flushable_epoch = epoch + 1;
        }
        let count = self.stored_flushes.min(self.entry_queue.len()).min(to_add);
        for _ in 0..count {
            let args = self.entry_queue.pop().unwrap();
            let deposited = around.gse.deposit(self.address, &args, around.logs);
            let (attester, withdrawer) = (args.attester, args.withdrawer);
            if deposited.is_ok() {
                self.stored_flushes -= 1;
                let event = abi::Rollup::Deposit {
                    attester,
                    withdrawer,
                    publicKeyInG1: args.publicKeyInG1,
                    publicKeyInG2: args.publicKeyInG2,
                    proofOfPossession: args.proofOfPossession,
                    amount: around.gse.activation_threshold,
                };
                emit(around.logs, self.address, &event);
            } else {
                let event = abi::Rollup::FailedDeposit {
                    attester,
                    withdrawer,
                    publicKeyInG1: args.publicKeyInG1,
                    publicKeyInG2: args.publicKeyInG2,
                    proofOfPossession: args.proofOfPossession,
                };
                emit(around.logs, self.address, &event);
            }
        }
        let size = self.config.queue.bootstrap_validator_set_size;
        if count > 0 && around.gse.attester_count(self.address) >= size {
            self.is_bootstrapped = true;
        }
    }

    /// `slash`, as the slasher may call it: whether anything was there to slash.
    pub fn slash(
        &mut self,
        attester: Address,
        amount: U256,
        around: &mut Around<'_>,
    ) -> Result<bool, Revert> {
        let slashed = if let Some(exit) = self.exits.get(&attester) {
            if exit.exitableAt <= U256::from(around.now) {
                return Ok(false);
            }
            self.slash_exit(attester, amount)
        } else {
            let balance = around.gse.effective_balance(self.address, attester);
            if balance.is_zero() {
                return Ok(false);
            }
            self.slash_stake(attester, amount.min(balance), balance, around)?
        };
        let event = abi::Rollup::Slashed {
            attester,
            amount: slashed,
        };
        emit(around.logs, self.address, &event);
        Ok(true)
    }

    fn slash_exit(&mut self, attester: Address, amount: U256) -> U256 {
        let exit = self.exits.get_mut(&attester).unwrap();
        let slashed = amount.min(exit.amount);
        exit.amount -= slashed;
        if exit.amount.is_zero() {
            self.exits.remove(&attester);
        }
        slashed
    }

    fn slash_stake(
        &mut self,
        attester: Address,
        slashed: U256,
        balance: U256,
        around: &mut Around<'_>,
    ) -> Result<U256, Revert> {
        let withdrawer = around.gse.withdrawer(attester);
        let to_withdraw = if balance - slashed < self.config.local_ejection_threshold {
            balance
        } else {
            slashed
        };
        let (withdrawn, is_removed, id) = around.gse.withdraw(
            self.address,
            attester,
            to_withdraw,
            around.governance,
            around.now,
        )?;
        let to_user = withdrawn - slashed;
        if is_removed && !to_user.is_zero() {
            let exit = self.exit(id, to_user, withdrawer, false, around.now);
            self.exits.insert(attester, exit);
        }
        Ok(slashed)
    }

    fn exit(&self, id: u64, amount: U256, to: Address, is_recipient: bool, now: u64) -> abi::Exit {
        abi::Exit {
            withdrawalId: U256::from(id),
            amount,
            exitableAt: U256::from(now + self.config.exit_delay_seconds),
            recipientOrWithdrawer: to,
            isRecipient: is_recipient,
            exists: true,
        }
    }

    /// `initiateWithdraw`.
    pub fn initiate_withdraw(
        &mut self,
        caller: Address,
        attester: Address,
        recipient: Address,
        around: &mut Around<'_>,
    ) -> Result<(), Revert> {
        if recipient.is_zero() {
            return Err(Revert("Staking__InvalidRecipient"));
        }
        let amount = if let Some(exit) = self.exits.get_mut(&attester) {
            if exit.isRecipient {
                return Err(Revert("Staking__NothingToExit"));
            }
            if exit.recipientOrWithdrawer != caller {
                return Err(Revert("Staking__NotWithdrawer"));
            }
            exit.recipientOrWithdrawer = recipient;
            exit.isRecipient = true;
            exit.amount
        } else {
            let balance = around.gse.effective_balance(self.address, attester);
            if balance.is_zero() {
                return Err(Revert("Staking__NothingToExit"));
            }
            if around.gse.withdrawer(attester) != caller {
                return Err(Revert("Staking__NotWithdrawer"));
            }
            let (amount, _, id) = around.gse.withdraw(
                self.address,
                attester,
                balance,
                around.governance,
                around.now,
            )?;
            let exit = self.exit(id, amount, recipient, true, around.now);
            self.exits.insert(attester, exit);
            amount
        };
        let event = abi::Rollup::WithdrawInitiated {
            attester,
            recipient,
            amount,
        };
        emit(around.logs, self.address, &event);
        Ok(())
    }

    /// `finalizeWithdraw`; anyone may call.
    pub fn finalize_withdraw(
        &mut self,
        attester: Address,
        around: &mut Around<'_>,
    ) -> Result<(), Revert> {
        let exit = self
            .exits
            .get(&attester)
            .ok_or(Revert("Staking__NotExiting"))?
            .clone();
        if !exit.isRecipient {
            return Err(Revert("Staking__InitiateWithdrawNeeded"));
        }
        if exit.exitableAt > U256::from(around.now) {
            return Err(Revert("Staking__WithdrawalNotUnlockedYet"));
        }
        let id = exit.withdrawalId.to::<u64>();
        around.governance.finalize_withdraw(id, around.now)?;
        self.exits.remove(&attester);
        let event = abi::Rollup::WithdrawFinalized {
            attester,
            recipient: exit.recipientOrWithdrawer,
            amount: exit.amount,
        };
        emit(around.logs, self.address, &event);
        Ok(())
    }

    /// The storage word of the packed queue configuration, as `eth_getStorageAt` answers.
    pub fn storage(&self, slot: B256) -> B256 {
        let offset = match self.config.release {
            Release::V4 => 4,
            Release::V5 => 5,
        };
        if slot != steward::chain::contracts::queue_config_slot(offset) {
            return B256::ZERO;
        }
        let config = self.config.queue;
        let parts = [
            config.bootstrap_validator_set_size,
            config.bootstrap_flush_size,
            config.normal_flush_size_min,
            config.normal_flush_size_quotient,
            config.max_queue_flush_size,
        ];
        let word = parts
            .iter()
            .fold(U256::ZERO, |word, part| (word << 32) | U256::from(*part));
        B256::from(word)
    }
}
