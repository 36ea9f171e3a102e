//! The `StakingRegistry`: providers, their queues of keys, and stakes.

use std::collections::BTreeMap;

use steward::{
    chain::contracts::abi,
    units::{Address, U256},
};

use super::{
    action::{Emitted, Key, Revert, digest, emit},
    shards::Queue,
};

/// One provider.
#[derive(Debug, Clone, Default)]
pub struct Provider {
    pub admin: Address,
    pub take_rate: u16,
    pub recipient: Address,
    pub pending_admin: Address,
    pub queue: Queue<Key>,
}

/// The contract.
#[derive(Debug, Clone)]
pub struct StakingRegistry {
    pub address: Address,
    /// By id, from 1.
    pub providers: BTreeMap<u64, Provider>,
    /// How many splits were made; each stake makes one.
    pub splits: u64,
}

impl StakingRegistry {
    pub fn provider(&self, id: u64) -> Result<&Provider, Revert> {
        self.providers
            .get(&id)
            .ok_or(Revert("StakingRegistry__InvalidProviderIdentifier"))
    }

    fn provider_mut(&mut self, id: u64) -> Result<&mut Provider, Revert> {
        self.providers
            .get_mut(&id)
            .ok_or(Revert("StakingRegistry__InvalidProviderIdentifier"))
    }

    pub fn next_id(&self) -> u64 {
        self.providers.len() as u64 + 1
    }

    pub fn register(
        &mut self,
        admin: Address,
        take_rate: u16,
        recipient: Address,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        if admin.is_zero() || recipient.is_zero() {
            return Err(Revert("StakingRegistry__ZeroAddress"));
        }
        if take_rate > 10_000 {
            return Err(Revert("StakingRegistry__InvalidTakeRate"));
        }
        let id = self.next_id();
        let provider = Provider {
            admin,
            take_rate,
            recipient,
            ..Provider::default()
        };
        self.providers.insert(id, provider);
        let event = abi::StakingRegistry::ProviderRegistered {
            providerIdentifier: U256::from(id),
            providerAdmin: admin,
            providerTakeRate: take_rate,
        };
        emit(logs, self.address, &event);
        Ok(())
    }

    /// `addKeysToProvider`: nothing about the keys is checked.
    pub fn add_keys(
        &mut self,
        id: u64,
        keys: &[Key],
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        let provider = self.provider_mut(id)?;
        for key in keys {
            provider.queue.push(*key);
        }
        let event = abi::StakingRegistry::AttestersAddedToProvider {
            providerIdentifier: U256::from(id),
            attesters: keys.iter().map(|key| key.attester).collect(),
        };
        emit(logs, self.address, &event);
        Ok(())
    }

    pub fn drip(&mut self, id: u64, count: u64, logs: &mut Vec<Emitted>) -> Result<(), Revert> {
        if self.provider(id)?.queue.len() < count {
            return Err(Revert("QueueIsEmpty"));
        }
        for _ in 0..count {
            let key = self.provider_mut(id)?.queue.pop();
            let event = abi::StakingRegistry::ProviderQueueDripped {
                providerIdentifier: U256::from(id),
                attester: key.ok_or(Revert("QueueIsEmpty"))?.attester,
            };
            emit(logs, self.address, &event);
        }
        Ok(())
    }

    pub fn set_take_rate(
        &mut self,
        id: u64,
        take_rate: u16,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        if take_rate > 10_000 {
            return Err(Revert("StakingRegistry__InvalidTakeRate"));
        }
        let provider = self.provider_mut(id)?;
        if provider.take_rate == take_rate {
            return Err(Revert(
                "StakingRegistry__UpdatedProviderTakeRateToSameValue",
            ));
        }
        provider.take_rate = take_rate;
        let event = abi::StakingRegistry::ProviderTakeRateUpdated {
            providerIdentifier: U256::from(id),
            newTakeRate: take_rate,
        };
        emit(logs, self.address, &event);
        Ok(())
    }

    pub fn set_recipient(
        &mut self,
        id: u64,
        recipient: Address,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        self.provider_mut(id)?.recipient = recipient;
        let event = abi::StakingRegistry::ProviderRewardsRecipientUpdated {
            providerIdentifier: U256::from(id),
            newRewardsRecipient: recipient,
        };
        emit(logs, self.address, &event);
        Ok(())
    }

    pub fn propose_admin(
        &mut self,
        id: u64,
        admin: Address,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        let provider = self.provider_mut(id)?;
        if provider.admin == admin {
            return Err(Revert("StakingRegistry__UpdatedProviderAdminToSameAddress"));
        }
        provider.pending_admin = admin;
        let event = abi::StakingRegistry::ProviderAdminUpdateInitiated {
            providerIdentifier: U256::from(id),
            newAdmin: admin,
        };
        emit(logs, self.address, &event);
        Ok(())
    }

    pub fn accept_admin(&mut self, id: u64, logs: &mut Vec<Emitted>) -> Result<(), Revert> {
        let provider = self.provider_mut(id)?;
        if provider.pending_admin.is_zero() {
            return Err(Revert("StakingRegistry__NotPendingProviderAdmin"));
        }
        provider.admin = std::mem::take(&mut provider.pending_admin);
        let event = abi::StakingRegistry::ProviderAdminUpdated {
            providerIdentifier: U256::from(id),
            newAdmin: provider.admin,
        };
        emit(logs, self.address, &event);
        Ok(())
    }

    /// Takes the head of the provider queue away, and makes the split of its stake.
    pub fn take(&mut self, id: u64) -> Result<Address, Revert> {
        let key = self.provider_mut(id)?.queue.pop();
        key.ok_or(Revert("QueueIsEmpty"))?;
        self.splits += 1;
        let seed = [U256::from(self.splits), U256::from(id)].map(|word| word.to_be_bytes::<32>());
        Ok(Address::from_word(digest(seed.concat())))
    }
}
