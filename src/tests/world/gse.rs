//! The GSE, which holds every registration, and of Governance the withdrawals behind it.

use std::collections::BTreeMap;

use alloy::{primitives::keccak256, sol_types::SolValue};
use steward::{
    chain::contracts::{BONUS_INSTANCE, abi},
    units::{Address, B256, U256},
};

use super::{
    action::{Emitted, Revert, emit},
    shards::{AddressSet, Shards},
};

alloy::sol! {
    event DelegateChanged(address indexed attester, address oldDelegatee, address newDelegatee);
}

/// Who is registered on one instance, and with how much.
#[derive(Debug, Clone, Default)]
pub struct Members {
    pub set: AddressSet,
    pub balances: Shards<Address, U256>,
}

/// `GSE`.
#[derive(Debug, Clone)]
pub struct Gse {
    pub address: Address,
    pub activation_threshold: U256,
    pub ejection_threshold: U256,
    /// The rollup that the bonus instance counts for.
    pub latest: Address,
    pub instances: BTreeMap<Address, Members>,
    /// Public key and withdrawer; never cleared.
    pub configs: Shards<Address, (abi::G1Point, Address)>,
    /// Hashes of keys; never cleared.
    pub owned_keys: Shards<B256, ()>,
}

impl Gse {
    pub fn new(address: Address, activation_threshold: U256, ejection_threshold: U256) -> Self {
        Self {
            address,
            activation_threshold,
            ejection_threshold,
            latest: Address::ZERO,
            instances: BTreeMap::from([(BONUS_INSTANCE, Members::default())]),
            configs: Shards::default(),
            owned_keys: Shards::default(),
        }
    }

    pub fn add_rollup(&mut self, rollup: Address) {
        self.instances.entry(rollup).or_default();
        self.latest = rollup;
    }

    pub fn is_registered(&self, instance: Address, attester: Address) -> bool {
        self.instances
            .get(&instance)
            .is_some_and(|members| members.set.contains(attester))
    }

    fn balance(&self, instance: Address, attester: Address) -> U256 {
        self.instances
            .get(&instance)
            .and_then(|members| members.balances.get(&attester))
            .copied()
            .unwrap_or_default()
    }

    /// `effectiveBalanceOf`.
    pub fn effective_balance(&self, rollup: Address, attester: Address) -> U256 {
        let balance = self.balance(rollup, attester);
        if balance.is_zero() && self.latest == rollup {
            return self.balance(BONUS_INSTANCE, attester);
        }
        balance
    }

    /// `getAttesterCountAtTime` at the present.
    pub fn attester_count(&self, rollup: Address) -> u64 {
        let count = |instance| self.instances.get(&instance).map_or(0, |m| m.set.len());
        let bonus = if self.latest == rollup {
            count(BONUS_INSTANCE)
        } else {
            0
        };
        count(rollup) + bonus
    }

    /// `getAttesterAtIndex`: those staked on the rollup come first, then those of the bonus instance.
    pub fn attester_at(&self, rollup: Address, index: u64) -> Option<Address> {
        let own = &self.instances.get(&rollup)?.set;
        if index < own.len() {
            return own.get(index);
        }
        let bonus = self.instances.get(&BONUS_INSTANCE)?;
        (self.latest == rollup).then(|| bonus.set.get(index - own.len()))?
    }

    pub fn withdrawer(&self, attester: Address) -> Address {
        self.configs
            .get(&attester)
            .map(|(_, withdrawer)| *withdrawer)
            .unwrap_or_default()
    }

    /// `deposit`; a revert leaves no trace.
    pub fn deposit(
        &mut self,
        rollup: Address,
        args: &abi::DepositArgs,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        let is_latest = self.latest == rollup;
        let attester = args.attester;
        if args.moveWithLatestRollup && !is_latest {
            return Err(Revert("GSE__NotLatestRollup"));
        }
        if self.is_registered(rollup, attester)
            || (is_latest && self.is_registered(BONUS_INSTANCE, attester))
        {
            return Err(Revert("GSE__AlreadyRegistered"));
        }
        if self.configs.contains(&attester) {
            return Err(Revert("GSE__CannotChangePublicKeys"));
        }
        let key = keccak256((args.publicKeyInG1.x, args.publicKeyInG1.y).abi_encode_packed());
        if self.owned_keys.contains(&key) {
            return Err(Revert("GSE__ProofOfPossessionAlreadySeen"));
        }
        if args.proofOfPossession.x != args.publicKeyInG1.x {
            return Err(Revert("GSE__InvalidProofOfPossession"));
        }
        let instance = if args.moveWithLatestRollup {
            BONUS_INSTANCE
        } else {
            rollup
        };
        self.owned_keys.insert(key, ());
        let config = (args.publicKeyInG1.clone(), args.withdrawer);
        self.configs.insert(attester, config);
        let members = self.instances.entry(instance).or_default();
        members.set.insert(attester);
        members.balances.insert(attester, self.activation_threshold);
        let delegated = DelegateChanged {
            attester,
            oldDelegatee: Address::ZERO,
            newDelegatee: instance,
        };
        emit(logs, self.address, &delegated);
        let registered = abi::Gse::Deposit {
            instance,
            attester,
            withdrawer: args.withdrawer,
        };
        emit(logs, self.address, &registered);
        Ok(())
    }

    /// `withdraw`: what was withdrawn, whether the attester was removed, and the id of the withdrawal in Governance.
    pub fn withdraw(
        &mut self,
        rollup: Address,
        attester: Address,
        amount: U256,
        governance: &mut Governance,
        now: u64,
    ) -> Result<(U256, bool, u64), Revert> {
        let instance = if self.is_registered(rollup, attester) {
            rollup
        } else if self.latest == rollup && self.is_registered(BONUS_INSTANCE, attester) {
            BONUS_INSTANCE
        } else {
            return Err(Revert("GSE__NothingToExit"));
        };
        let balance = self.balance(instance, attester);
        let left = balance
            .checked_sub(amount)
            .ok_or(Revert("GSE__InsufficientBalance"))?;
        let is_removed = left < self.ejection_threshold;
        let members = self.instances.get_mut(&instance).unwrap();
        let withdrawn = if is_removed {
            members.set.remove(attester);
            members.balances.remove(&attester);
            balance
        } else {
            members.balances.insert(attester, left);
            amount
        };
        let id = governance.initiate_withdraw(rollup, withdrawn, now);
        Ok((withdrawn, is_removed, id))
    }
}

/// The part of `Governance` that a withdrawal goes through.
#[derive(Debug, Clone)]
pub struct Governance {
    pub address: Address,
    /// `votingDelay / 5 + votingDuration + executionDelay`.
    pub withdrawal_delay_seconds: u64,
    pub withdrawals: Shards<u64, abi::Withdrawal>,
}

impl Governance {
    fn initiate_withdraw(&mut self, recipient: Address, amount: U256, now: u64) -> u64 {
        let id = self.withdrawals.len() as u64;
        let withdrawal = abi::Withdrawal {
            amount,
            unlocksAt: U256::from(now + self.withdrawal_delay_seconds),
            recipient,
            claimed: false,
        };
        self.withdrawals.insert(id, withdrawal);
        id
    }

    /// `GSE.finalizeWithdraw`, which does nothing where somebody claimed already.
    pub fn finalize_withdraw(&mut self, id: u64, now: u64) -> Result<(), Revert> {
        let withdrawal = self
            .withdrawals
            .get_mut(&id)
            .ok_or(Revert("Governance__WithdrawalNotInitiated"))?;
        if withdrawal.claimed {
            return Ok(());
        }
        if U256::from(now) < withdrawal.unlocksAt {
            return Err(Revert("Governance__WithdrawalNotUnlockedYet"));
        }
        withdrawal.claimed = true;
        Ok(())
    }
}
