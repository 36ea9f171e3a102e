//! Which provider is watched: found once at the head, and kept by its id.
//!
//! An admin may hand its provider over later; whoever named it by its admin still means that provider.

use super::{ProviderRef, WatchError, Watcher};
use crate::{
    book::question::{Answer, Question, Snapshot},
    chain::{
        Header,
        contracts::{abi, answer, call},
    },
    state::State,
    units::{Address, ProviderId},
    watcher::discover::{DiscoveryError, misread},
};

/// Most providers that are searched for an admin; mainnet has about a hundred.
const PROVIDERS_MAX: u64 = 20_000;

impl Watcher {
    /// Finds the provider that the configuration names, where that was not done before.
    pub(super) async fn find_provider(&self, head: &Header) -> Result<(), WatchError> {
        let subject = self.subject.provider;
        let known = self.progress().await.provider;
        if known.is_some_and(|(named, _)| named == subject) {
            return Ok(());
        }
        let next = self.next_provider(head).await?;
        let provider = match subject {
            ProviderRef::Id(id) => checked(id, next)?,
            ProviderRef::Admin(admin) => self.provider_of(head, admin, next).await?,
        };
        let network = self.network();
        self.writer
            .commit(|state: &mut State, _| {
                state.change_progress(network, |progress| {
                    progress.provider = Some((subject, provider));
                });
                Ok::<_, WatchError>(())
            })
            .await?;
        tracing::info!(network, provider = %provider, "provider found");
        Ok(())
    }

    /// `StakingRegistry.nextProviderIdentifier`.
    async fn next_provider(&self, head: &Header) -> Result<u64, WatchError> {
        let address = self.subject.staking_registry;
        let view = call(
            address,
            &abi::StakingRegistry::nextProviderIdentifierCall {},
        );
        let answers = self.endpoints.calls(head, &[view]).await?;
        let read = answers.first().ok_or_else(|| "no answer".to_owned());
        let read = read.and_then(|raw| {
            let next = answer::<abi::StakingRegistry::nextProviderIdentifierCall>(raw);
            let next = next.map_err(|error| misread(raw, &error))?;
            u64::try_from(next).map_err(|error| error.to_string())
        });
        read.map_err(|detail| {
            WatchError::Discovery(DiscoveryError::NotTheContract {
                contract: "the StakingRegistry",
                address,
                view: "nextProviderIdentifier",
                detail,
            })
        })
    }

    async fn provider_of(
        &self,
        head: &Header,
        admin: Address,
        next: u64,
    ) -> Result<ProviderId, WatchError> {
        let ids = (1..next.min(PROVIDERS_MAX)).map(ProviderId::new);
        let questions: Vec<Question> = ids
            .map(|provider| Question::ProviderConfiguration { provider })
            .collect();
        let registry = self.subject.staking_registry;
        let calls: Vec<_> = questions
            .iter()
            .filter_map(|question| question.registry_call(registry))
            .collect();
        let answers = self.endpoints.calls(head, &calls).await?;
        let snapshot = Snapshot::read(&questions, &answers);
        let found: Vec<ProviderId> = snapshot
            .answers()
            .filter_map(|(question, answer)| match (question, answer) {
                (Question::ProviderConfiguration { provider }, Answer::Provider(of, _, _))
                    if *of == admin =>
                {
                    Some(*provider)
                }
                _ => None,
            })
            .collect();
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(WatchError::Provider(format!(
                "none of the {} providers of the StakingRegistry {registry} has the admin {admin}; check PROVIDER_ADMIN, or \
                 set PROVIDER_ID if the admin was changed",
                next.saturating_sub(1)
            ))),
            several => {
                let several: Vec<String> = several.iter().map(ToString::to_string).collect();
                Err(WatchError::Provider(format!(
                    "{admin} is the admin of several providers ({}); set PROVIDER_ID to one of them",
                    several.join(", ")
                )))
            }
        }
    }

    /// Makes sure that the endpoints serve the chain `expected`; those that serve another are never asked again.
    ///
    /// # Errors
    /// [`WatchError::WrongChain`] where none is left that serves it.
    pub async fn identify(&self, expected: u64) -> Result<(), WatchError> {
        let (mut served, mut is_any_right) = (None, false);
        for (endpoint, chain_id) in self.endpoints.identify().await {
            match chain_id {
                Ok(chain_id) if chain_id != expected => {
                    tracing::error!(network = self.network(), endpoint = %endpoint, chain_id, expected, "endpoint excluded: it serves another chain");
                    self.endpoints.exclude(&endpoint, chain_id, expected);
                    served = Some(chain_id);
                }
                // Whoever does not answer now may be right later.
                Ok(_) | Err(_) => is_any_right = true,
            }
        }
        match served {
            Some(found) if !is_any_right => Err(WatchError::WrongChain { expected, found }),
            _ => Ok(()),
        }
    }
}

fn checked(id: ProviderId, next: u64) -> Result<ProviderId, WatchError> {
    if id.value() == 0 {
        return Err(WatchError::Provider(
            "providers are numbered from 1; check PROVIDER_ID".to_owned(),
        ));
    }
    if id.value() < next {
        return Ok(id);
    }
    let highest = next.saturating_sub(1);
    Err(WatchError::Provider(format!(
        "there is no provider {id}: the StakingRegistry has {highest}; check PROVIDER_ID and the network"
    )))
}
