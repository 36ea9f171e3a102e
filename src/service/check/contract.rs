//! The contracts and the provider, as the chain shows them at its newest block.

use super::{Area, Finding, Look};
use crate::{
    chain::{
        CallAnswer, ChainError, Header,
        contracts::{MULTICALL3, abi, answer, call},
        endpoints::Endpoints,
    },
    config::ProviderSelector,
    tasks::chain_of,
    units::{Address, ProviderId, U256},
    watcher::discover,
};

/// Most providers that are asked for their admin; mainnet had fewer than 100 in its first year.
const PROVIDERS_MAX: u64 = 2_000;

/// What the logs must at least show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Whether any provider was ever registered.
    pub(super) has_providers: bool,
}

/// Looks at contracts and provider; `None` where they cannot be read.
pub(super) async fn look(
    look: &Look<'_>,
    endpoints: &Endpoints,
    head: &Header,
    found: &mut Vec<Finding>,
) -> Option<Known> {
    let (registry, staking) = (
        look.config.network.registry,
        look.config.network.staking_registry,
    );
    let places = [
        (
            "Multicall3",
            MULTICALL3,
            "steward reads contracts through it: deploy it there, or use an L1 that has it.",
        ),
        (
            "Registry",
            registry,
            "Correct REGISTRY_ADDRESS: it is Aztec's Registry on this chain.",
        ),
        (
            "StakingRegistry",
            staking,
            "Correct STAKING_REGISTRY_ADDRESS: it is the StakingRegistry on this chain.",
        ),
    ];
    let mut is_complete = true;
    for (name, address, next) in places {
        let fault = match endpoints.code(address).await {
            Ok(code) if code.is_empty() => format!("no contract lives at {address}"),
            Ok(_) => continue,
            Err(error) => format!("the code at {address} cannot be read: {error}"),
        };
        is_complete = false;
        found.push(Finding::bad(
            Area::Contracts,
            look.subject(name),
            fault,
            next,
        ));
    }
    if !is_complete {
        return None;
    }
    found.push(rollups(look, endpoints, head, registry).await);
    match provider(look, endpoints, head, staking).await {
        Ok((finding, known)) => {
            found.push(finding);
            Some(known)
        }
        Err(error) => {
            let next = "Check STAKING_REGISTRY_ADDRESS, and the endpoints above.";
            let subject = look.subject("StakingRegistry");
            found.push(Finding::bad(Area::Contracts, subject, error, next));
            None
        }
    }
}

async fn rollups(
    look: &Look<'_>,
    endpoints: &Endpoints,
    head: &Header,
    registry: Address,
) -> Finding {
    let subject = look.subject("rollups");
    match discover::rollups(endpoints, head, registry).await {
        Ok(rollups) if rollups.is_empty() => Finding::bad(
            Area::Contracts,
            subject,
            "the Registry names no rollup",
            "Check REGISTRY_ADDRESS: a Registry in use has at least one.",
        ),
        Ok(rollups) => {
            let versions: Vec<String> = rollups
                .iter()
                .map(|(version, _)| version.to_string())
                .collect();
            let slashers: usize = rollups
                .iter()
                .map(|(_, rollup)| rollup.slashing.len())
                .sum();
            let strangers: Vec<String> = rollups
                .iter()
                .filter(|(_, rollup)| rollup.parameters.is_none())
                .map(|(version, _)| version.to_string())
                .collect();
            let (count, versions) = (rollups.len(), versions.join(", "));
            let detail = format!("rollups: {count} (version {versions}), slashers: {slashers}");
            match strangers.as_slice() {
                [] => Finding::good(Area::Contracts, subject, detail),
                strangers => Finding::doubtful(
                    Area::Contracts,
                    subject,
                    format!(
                        "{detail}; not a release that is known here: version {}",
                        strangers.join(", ")
                    ),
                    "Look for a newer steward: until then the times and thresholds of that rollup are unknown.",
                ),
            }
        }
        Err(error) => {
            let next = "Check REGISTRY_ADDRESS, and the endpoints above.";
            Finding::bad(Area::Contracts, subject, chain_of(&error), next)
        }
    }
}

/// The configured provider, as the StakingRegistry knows it.
async fn provider(
    look: &Look<'_>,
    endpoints: &Endpoints,
    head: &Header,
    staking: Address,
) -> Result<(Finding, Known), String> {
    use abi::StakingRegistry as S;
    let answers = ask(
        endpoints,
        head,
        &[call(staking, &S::nextProviderIdentifierCall {})],
    )
    .await?;
    let next = number::<S::nextProviderIdentifierCall>(&answers, 0)?;
    let last = next.saturating_sub(1);
    let known = Known {
        has_providers: last > 0,
    };
    let listed = match last {
        0 => "the StakingRegistry has no providers yet".to_owned(),
        1 => "the StakingRegistry has provider 1 only".to_owned(),
        last => format!("the StakingRegistry has providers 1 to {last}"),
    };
    let id = match chosen(look, endpoints, head, last, &listed).await? {
        Ok(id) => id,
        Err(fault) => return Ok((fault, known)),
    };
    let identifier = U256::from(id.value());
    let calls = [
        call(
            staking,
            &S::providerConfigurationsCall {
                providerIdentifier: identifier,
            },
        ),
        call(
            staking,
            &S::getProviderQueueLengthCall {
                providerIdentifier: identifier,
            },
        ),
    ];
    let answers = ask(endpoints, head, &calls).await?;
    let first = answers.first().ok_or("no answer")?;
    let settings =
        answer::<S::providerConfigurationsCall>(first).map_err(|error| error.to_string())?;
    let keys = number::<S::getProviderQueueLengthCall>(&answers, 1)?;
    let detail = format!("admin {}, {keys} keys in its queue", settings.providerAdmin);
    let subject = look.subject(format_args!("provider {id}"));
    let finding = match keys {
        0 => Finding::doubtful(
            Area::Provider,
            subject,
            detail,
            "Add keys to the provider's queue: while it is empty, delegations are refused.",
        ),
        _ => Finding::good(Area::Provider, subject, detail),
    };
    Ok((finding, known))
}

/// The id of the configured provider, or what is wrong with the configuration.
async fn chosen(
    look: &Look<'_>,
    endpoints: &Endpoints,
    head: &Header,
    last: u64,
    listed: &str,
) -> Result<Result<ProviderId, Finding>, String> {
    let staking = look.config.network.staking_registry;
    Ok(match look.config.provider {
        ProviderSelector::Id(id) if id.value() > 0 && id.value() <= last => Ok(id),
        ProviderSelector::Id(id) => {
            let detail = format!("provider {id} does not exist: {listed}");
            let next = "Correct PROVIDER_ID, or set PROVIDER_ADMIN to the admin's address instead.";
            Err(Finding::bad(
                Area::Provider,
                look.subject(format_args!("provider {id}")),
                detail,
                next,
            ))
        }
        ProviderSelector::Admin(admin) => {
            match of_admin(endpoints, head, staking, admin, last).await? {
                Some(id) => Ok(id),
                None => {
                    let detail = format!("no provider has the admin {admin}: {listed}");
                    let next = "Correct PROVIDER_ADMIN, or set PROVIDER_ID: a new admin has to accept first.";
                    let subject = look.subject("admin");
                    Err(Finding::bad(Area::Provider, subject, detail, next))
                }
            }
        }
    })
}

/// The provider whose admin this is; the newest of several.
async fn of_admin(
    endpoints: &Endpoints,
    head: &Header,
    staking: Address,
    admin: Address,
    last: u64,
) -> Result<Option<ProviderId>, String> {
    use abi::StakingRegistry as S;
    let ids: Vec<u64> = (1..=last.min(PROVIDERS_MAX)).collect();
    let calls: Vec<_> = ids
        .iter()
        .map(|id| {
            let provider = U256::from(*id);
            call(
                staking,
                &S::providerConfigurationsCall {
                    providerIdentifier: provider,
                },
            )
        })
        .collect();
    if calls.is_empty() {
        return Ok(None);
    }
    let answers = ask(endpoints, head, &calls).await?;
    let is_theirs = |raw: &CallAnswer| {
        answer::<S::providerConfigurationsCall>(raw)
            .is_ok_and(|settings| settings.providerAdmin == admin)
    };
    let mut theirs = ids.iter().zip(&answers).filter(|(_, raw)| is_theirs(raw));
    Ok(theirs.next_back().map(|(id, _)| ProviderId::new(*id)))
}

async fn ask(
    endpoints: &Endpoints,
    head: &Header,
    calls: &[crate::chain::Call],
) -> Result<Vec<CallAnswer>, String> {
    let answers = endpoints.calls(head, calls).await;
    answers.map_err(|error: ChainError| format!("the StakingRegistry cannot be read: {error}"))
}

fn number<C: alloy::sol_types::SolCall<Return = U256>>(
    answers: &[CallAnswer],
    position: usize,
) -> Result<u64, String> {
    let raw = answers.get(position).ok_or("no answer")?;
    let number = answer::<C>(raw).map_err(|error| format!("the StakingRegistry: {error}"))?;
    u64::try_from(number).map_err(|error| error.to_string())
}
