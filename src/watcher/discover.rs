//! Finding a network's contracts and parameters from its Registry, at one block.
//!
//! Everything but the Registry and the `StakingRegistry` is read from the chain: all rollups that ever were, their GSE,
//! slashers with their proposers, and every parameter. Which release a rollup is, is told by what it answers.
//! A rollup of a release that is not known yet may not answer everything: what it leaves open is unknown, and the rest of
//! the network is followed all the same.

use alloy::sol_types::SolCall;
use thiserror::Error;

use crate::{
    book::records::{Parameters, Rollup, Slashing},
    chain::{
        Call, CallAnswer, ChainError, Header,
        contracts::{
            QueueConfig, ViewFault, abi, answer, call, queue_config_slot, unpack_queue_config,
        },
        endpoints::Endpoints,
    },
    units::{Address, B256, RollupVersion, U256, UnixSeconds, Wei},
};

/// Most rollups that a Registry is asked for; mainnet had three in its first year.
const ROLLUPS_MAX: u64 = 64;

/// Why a network's contracts could not be found.
#[derive(Debug, Error)]
pub enum DiscoveryError {
    /// No endpoint answered.
    #[error("the contracts could not be read")]
    Chain(#[from] ChainError),
    /// Something else than the contract lives at the address.
    #[error(
        "{contract} at {address} does not answer {view} as it should: {detail}; check the address and the network"
    )]
    NotTheContract {
        /// What should live there.
        contract: &'static str,
        /// The address.
        address: Address,
        /// The view that was asked.
        view: &'static str,
        /// What is wrong with the answer.
        detail: String,
    },
}

/// All rollups of the Registry.
///
/// # Errors
/// [`DiscoveryError`] where nobody answers, or where the Registry or a rollup is none.
pub async fn rollups(
    endpoints: &Endpoints,
    at: &Header,
    registry: Address,
) -> Result<Vec<(RollupVersion, Rollup)>, DiscoveryError> {
    let count = ask(
        endpoints,
        at,
        &[call(registry, &abi::Registry::numberOfVersionsCall {})],
    )
    .await?;
    let contract = Contract {
        name: "the Registry",
        address: registry,
    };
    let count =
        contract.number::<abi::Registry::numberOfVersionsCall>(&count, 0, "numberOfVersions")?;
    let indices = 0..count.min(ROLLUPS_MAX);
    let calls: Vec<Call> = indices
        .map(|index| {
            call(
                registry,
                &abi::Registry::getVersionCall {
                    index: U256::from(index),
                },
            )
        })
        .collect();
    let answers = ask(endpoints, at, &calls).await?;
    let mut versions = Vec::new();
    for position in 0..calls.len() {
        let version =
            contract.number::<abi::Registry::getVersionCall>(&answers, position, "getVersion")?;
        versions.push(RollupVersion::new(version));
    }
    let calls: Vec<Call> = versions
        .iter()
        .map(|version| {
            call(
                registry,
                &abi::Registry::getRollupCall {
                    version: U256::from(version.value()),
                },
            )
        })
        .collect();
    let answers = ask(endpoints, at, &calls).await?;
    let mut rollups = Vec::new();
    for (position, version) in versions.into_iter().enumerate() {
        let address =
            contract.read::<abi::Registry::getRollupCall>(&answers, position, "getRollup")?;
        rollups.push((version, rollup(endpoints, at, address).await?));
    }
    Ok(rollups)
}

/// One rollup with its parameters.
async fn rollup(
    endpoints: &Endpoints,
    at: &Header,
    address: Address,
) -> Result<Rollup, DiscoveryError> {
    use abi::Rollup as R;
    let rollup = Contract {
        name: "the rollup",
        address,
    };
    let calls = [
        call(address, &R::getGSECall {}),
        call(address, &R::getSlasherCall {}),
        call(address, &R::getPendingSlasherCall {}),
        call(address, &R::getLegacySlasherCall {}),
    ];
    let answers = ask(endpoints, at, &calls).await?;
    let gse = rollup.known::<R::getGSECall>(&answers, 0)?;
    let slasher = rollup.known::<R::getSlasherCall>(&answers, 1)?;
    // Only releases from v5 on answer these two.
    let pending = answers
        .get(2)
        .and_then(|raw| answer::<R::getPendingSlasherCall>(raw).ok());
    let legacy = answers
        .get(3)
        .and_then(|raw| answer::<R::getLegacySlasherCall>(raw).ok());
    let is_v5 = pending.is_some();
    let mut slashers: Vec<Address> = Vec::new();
    for one in [
        slasher,
        pending.map(|pending| pending._0),
        legacy.map(|legacy| legacy._0),
    ] {
        slashers.extend(one.filter(|one| !one.is_zero() && !slashers.contains(one)));
    }
    let parameters = match gse {
        Some(gse) => parameters(endpoints, at, rollup, gse, is_v5).await?,
        None => None,
    };
    if parameters.is_none() {
        tracing::warn!(rollup.address = %address, "a rollup of an unknown release: its parameters are unknown");
    }
    let slashing = slashing(endpoints, at, slashers).await?;
    Ok(Rollup {
        address,
        gse: gse.unwrap_or_default(),
        slashing,
        parameters,
        ..Rollup::default()
    })
}

/// The parameters; `None` where the rollup does not answer all of them.
async fn parameters(
    endpoints: &Endpoints,
    at: &Header,
    rollup: Contract,
    gse: Address,
    is_v5: bool,
) -> Result<Option<Parameters>, DiscoveryError> {
    use abi::Rollup as R;
    let address = rollup.address;
    let calls = [
        call(address, &R::getSlotDurationCall {}),
        call(address, &R::getEpochDurationCall {}),
        call(address, &R::getGenesisTimeCall {}),
        call(address, &R::getActivationThresholdCall {}),
        call(address, &R::getEjectionThresholdCall {}),
        call(address, &R::getLocalEjectionThresholdCall {}),
        call(address, &R::getExitDelayCall {}),
        call(gse, &abi::Gse::getGovernanceCall {}),
    ];
    let answers = ask(endpoints, at, &calls).await?;
    let small = |number: Option<U256>| number.and_then(|number| u64::try_from(number).ok());
    let slot = small(rollup.known::<R::getSlotDurationCall>(&answers, 0)?);
    let epoch = small(rollup.known::<R::getEpochDurationCall>(&answers, 1)?);
    let genesis = small(rollup.known::<R::getGenesisTimeCall>(&answers, 2)?);
    let activation = rollup.known::<R::getActivationThresholdCall>(&answers, 3)?;
    let ejection = rollup.known::<R::getEjectionThresholdCall>(&answers, 4)?;
    let local = rollup.known::<R::getLocalEjectionThresholdCall>(&answers, 5)?;
    let exit_delay = small(rollup.known::<R::getExitDelayCall>(&answers, 6)?);
    let gse = Contract {
        name: "the GSE",
        address: gse,
    };
    let governance = gse.known::<abi::Gse::getGovernanceCall>(&answers, 7)?;
    let queue_config = queue_config(endpoints, at, address, is_v5).await;
    Ok((|| {
        Some(Parameters {
            slot_duration_seconds: slot?,
            epoch_duration_slots: epoch?,
            genesis: UnixSeconds::new(genesis?),
            activation_threshold: Wei::new(activation?),
            ejection_threshold: Wei::new(ejection?),
            local_ejection_threshold: Wei::new(local?),
            exit_delay_seconds: exit_delay?,
            queue_config,
            governance: governance?,
        })
    })())
}

/// The flush configuration has no getter; a failed read leaves it unknown.
async fn queue_config(
    endpoints: &Endpoints,
    at: &Header,
    rollup: Address,
    is_v5: bool,
) -> Option<QueueConfig> {
    let slot = queue_config_slot(if is_v5 { 5 } else { 4 });
    let word: B256 = endpoints.storage(at, rollup, slot).await.ok()?;
    unpack_queue_config(word)
}

/// Slashers with their proposers; one that has no slashing proposer (none set, or of another kind) is left out.
async fn slashing(
    endpoints: &Endpoints,
    at: &Header,
    slashers: Vec<Address>,
) -> Result<Vec<Slashing>, DiscoveryError> {
    use abi::SlashingProposer as P;
    let calls: Vec<Call> = slashers
        .iter()
        .map(|slasher| call(*slasher, &abi::Slasher::PROPOSERCall {}))
        .collect();
    let answers = ask(endpoints, at, &calls).await?;
    let mut found = Vec::new();
    for (slasher, raw) in slashers.into_iter().zip(&answers) {
        let Ok(proposer) = answer::<abi::Slasher::PROPOSERCall>(raw) else {
            continue;
        };
        if proposer.is_zero() {
            continue;
        }
        let calls = [
            call(proposer, &P::QUORUMCall {}),
            call(proposer, &P::ROUND_SIZECall {}),
            call(proposer, &P::ROUND_SIZE_IN_EPOCHSCall {}),
            call(proposer, &P::EXECUTION_DELAY_IN_ROUNDSCall {}),
            call(proposer, &P::LIFETIME_IN_ROUNDSCall {}),
        ];
        let numbers = ask(endpoints, at, &calls).await?;
        let contract = Contract {
            name: "the slashing proposer",
            address: proposer,
        };
        // All five answer a number.
        let number = |position: usize| {
            let read = contract.known::<P::QUORUMCall>(&numbers, position)?;
            Ok::<_, DiscoveryError>(read.and_then(|read| u64::try_from(read).ok()))
        };
        let (
            Some(quorum),
            Some(round_size),
            Some(round_size_epochs),
            Some(execution_delay_rounds),
            Some(lifetime_rounds),
        ) = (number(0)?, number(1)?, number(2)?, number(3)?, number(4)?)
        else {
            continue;
        };
        found.push(Slashing {
            slasher,
            proposer,
            quorum,
            round_size,
            round_size_epochs,
            execution_delay_rounds,
            lifetime_rounds,
        });
    }
    Ok(found)
}

async fn ask(
    endpoints: &Endpoints,
    at: &Header,
    calls: &[Call],
) -> Result<Vec<CallAnswer>, DiscoveryError> {
    if calls.is_empty() {
        return Ok(Vec::new());
    }
    Ok(endpoints.calls(at, calls).await?)
}

/// What is wrong with an answer that could not be read.
pub(super) fn misread(raw: &CallAnswer, fault: &ViewFault) -> String {
    match raw {
        CallAnswer::Returned(bytes) if bytes.is_empty() => "no contract lives there".to_owned(),
        CallAnswer::Returned(_) | CallAnswer::Reverted(_) => fault.to_string(),
    }
}

/// A contract that is asked, and what it should be.
#[derive(Debug, Clone, Copy)]
struct Contract {
    name: &'static str,
    address: Address,
}

impl Contract {
    fn read<C: SolCall>(
        self,
        answers: &[CallAnswer],
        position: usize,
        view: &'static str,
    ) -> Result<C::Return, DiscoveryError> {
        let raw = answers
            .get(position)
            .ok_or_else(|| self.fault(view, "no answer".to_owned()))?;
        answer::<C>(raw).map_err(|error| self.fault(view, misread(raw, &error)))
    }

    /// What a contract answers that may be of a release that is not known here; `None` where it does not answer this view.
    fn known<C: SolCall>(
        self,
        answers: &[CallAnswer],
        position: usize,
    ) -> Result<Option<C::Return>, DiscoveryError> {
        match answers.get(position) {
            None | Some(CallAnswer::Reverted(_)) => Ok(None),
            // No contract lives there, or an endpoint says so: no release answers like that.
            Some(CallAnswer::Returned(bytes)) if bytes.is_empty() => {
                self.read::<C>(answers, position, C::SIGNATURE).map(Some)
            }
            Some(raw) => Ok(answer::<C>(raw).ok()),
        }
    }

    fn number<C: SolCall<Return = U256>>(
        self,
        answers: &[CallAnswer],
        position: usize,
        view: &'static str,
    ) -> Result<u64, DiscoveryError> {
        let number = self.read::<C>(answers, position, view)?;
        u64::try_from(number).map_err(|error| self.fault(view, error.to_string()))
    }

    const fn fault(self, view: &'static str, detail: String) -> DiscoveryError {
        DiscoveryError::NotTheContract {
            contract: self.name,
            address: self.address,
            view,
            detail,
        }
    }
}
