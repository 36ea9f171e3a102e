//! What providers and delegators do at the StakingRegistry.

use alloy::primitives::{Address, U256};
use anyhow::{Context as _, Result};

use crate::contracts::{Rollup, StakingRegistry};
use crate::key::Key;
use crate::localnet::Localnet;
use crate::rpc::Receipt;

/// A provider, by the number it was given at registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProviderId(pub u64);

/// A delegation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stake {
    /// On whose keys.
    pub provider: ProviderId,
    /// Whether the stake moves to a new canonical rollup.
    pub move_with_latest: bool,
    /// Who gives the money and sends the transaction.
    pub delegator: Address,
    /// Who may withdraw.
    pub withdrawer: Address,
    /// Who gets the delegator's share of the rewards.
    pub rewards_recipient: Address,
    /// On which version of the rollup.
    pub version: u64,
}

/// What a delegation led to.
#[derive(Debug, Clone)]
pub struct Staked {
    /// The sequencer it was staked on: the head of the provider's queue.
    pub attester: Address,
    /// The split that is to be the coinbase.
    pub split: Address,
    /// The transaction.
    pub receipt: Receipt,
}

impl Localnet {
    /// A delegation by an account of its own, on the first rollup.
    pub fn stake_on(&self, provider: ProviderId) -> Stake {
        Stake {
            provider,
            move_with_latest: true,
            delegator: Self::account("delegator"),
            withdrawer: Self::account("withdrawer"),
            rewards_recipient: Self::account("delegator rewards"),
            version: self.addresses.first.version,
        }
    }

    /// Registers a provider; `rate` in basis points.
    pub async fn register_provider(
        &self,
        admin: Address,
        rate: u16,
        recipient: Address,
    ) -> Result<ProviderId> {
        let register = StakingRegistry::registerProviderCall {
            admin,
            rate,
            recipient,
        };
        let receipt = self
            .rpc
            .send(admin, self.addresses.staking_registry, register)
            .await?;
        let registered = receipt
            .decoded_log::<StakingRegistry::ProviderRegistered>()
            .context("registerProvider emitted no ProviderRegistered")?;
        Ok(ProviderId(
            u64::try_from(registered.id).context("the provider's id is beyond 64 bits")?,
        ))
    }

    /// Adds keys to the end of a provider's queue.
    pub async fn add_keys(&self, provider: ProviderId, keys: &[Key]) -> Result<Receipt> {
        self.remember(keys);
        let keys = keys.iter().map(Key::key_store).collect();
        self.administer(provider, |id| StakingRegistry::addKeysToProviderCall {
            id,
            keys,
        })
        .await
    }

    /// Removes keys from the head of a provider's queue.
    pub async fn drip(&self, provider: ProviderId, count: u64) -> Result<Receipt> {
        let count = U256::from(count);
        self.administer(provider, |id| StakingRegistry::dripProviderQueueCall {
            id,
            count,
        })
        .await
    }

    /// Changes the take rate, in basis points, of later delegations.
    pub async fn update_take_rate(&self, provider: ProviderId, rate: u16) -> Result<Receipt> {
        self.administer(provider, |id| StakingRegistry::updateProviderTakeRateCall {
            id,
            rate,
        })
        .await
    }

    /// Changes who gets the provider's share of later delegations.
    pub async fn update_rewards_recipient(
        &self,
        provider: ProviderId,
        recipient: Address,
    ) -> Result<Receipt> {
        self.administer(provider, |id| {
            StakingRegistry::updateProviderRewardsRecipientCall { id, recipient }
        })
        .await
    }

    /// The first of two steps to another admin.
    pub async fn propose_admin(&self, provider: ProviderId, admin: Address) -> Result<Receipt> {
        self.administer(provider, |id| StakingRegistry::updateProviderAdminCall {
            id,
            admin,
        })
        .await
    }

    /// The second step: the proposed admin accepts.
    pub async fn accept_admin(&self, provider: ProviderId) -> Result<Receipt> {
        let (id, registry) = (U256::from(provider.0), self.addresses.staking_registry);
        let admin = self
            .call(registry, StakingRegistry::pendingProviderAdminsCall { id })
            .await?;
        self.rpc
            .send(
                admin,
                registry,
                StakingRegistry::acceptProviderAdminCall { id },
            )
            .await
    }

    /// Stakes on the head of a provider's queue. The delegator is given the money for it.
    pub async fn stake(&self, stake: &Stake) -> Result<Staked> {
        let (id, registry) = (
            U256::from(stake.provider.0),
            self.addresses.staking_registry,
        );
        let provider = self
            .call(registry, StakingRegistry::providerConfigurationsCall { id })
            .await?;
        let threshold = self
            .call(
                self.addresses.first.rollup,
                Rollup::getActivationThresholdCall {},
            )
            .await?;
        self.provision(stake.delegator, registry, threshold).await?;
        let call = StakingRegistry::stakeCall {
            id,
            version: U256::from(stake.version),
            withdrawal: stake.withdrawer,
            rate: provider.rate,
            user: stake.rewards_recipient,
            r#move: stake.move_with_latest,
        };
        let receipt = self.rpc.send(stake.delegator, registry, call).await?;
        let staked = receipt
            .decoded_log::<StakingRegistry::StakedWithProvider>()
            .context("stake emitted no StakedWithProvider")?;
        Ok(Staked {
            attester: staked.attester,
            split: staked.split,
            receipt,
        })
    }

    /// The absolute positions in a provider's queue: the first key's, and one past the last.
    pub async fn provider_queue(&self, provider: ProviderId) -> Result<(u128, u128)> {
        let (id, registry) = (U256::from(provider.0), self.addresses.staking_registry);
        let first = self
            .call(registry, StakingRegistry::getFirstIndexInQueueCall { id })
            .await?;
        let last = self
            .call(registry, StakingRegistry::getLastIndexInQueueCall { id })
            .await?;
        Ok((first, last))
    }

    /// Sends a call as whoever is the provider's admin now.
    async fn administer<C: alloy::sol_types::SolCall>(
        &self,
        provider: ProviderId,
        call: impl FnOnce(U256) -> C,
    ) -> Result<Receipt> {
        let (id, registry) = (U256::from(provider.0), self.addresses.staking_registry);
        let configuration = self
            .call(registry, StakingRegistry::providerConfigurationsCall { id })
            .await?;
        self.rpc.send(configuration.admin, registry, call(id)).await
    }
}
