//! From a raw log to an [`Event`].
//!
//! Nothing is allocated on the way, but for lists that an event itself carries and for the sentence of a fault.

use alloy::sol_types::SolEvent;

use super::{BONUS_INSTANCE, ContractRole, Decoded, Event, Instance, QueueConfig, abi};
use crate::{
    chain::Log,
    units::{
        Address, AttesterAddress, B256, BasisPoints, ProviderId, RollupVersion, Round, Slot, U256,
        Wei,
    },
};

/// Events of watched contracts that are known and of no use (`topic0`), so that they never raise an incident.
const UNUSED: &[&str] = &[
    // Rollup, v2 to v5
    "9ad613a7ff46b97e0f732b31118d43f39c9ca017bed1efe739b70b0625383589", // L2BlockProposed (v2)
    "168961dee9ef2afbe81371a43cbdf228855aa3ab75fd04e868ed704c49879763", // CheckpointProposed (v3)
    "6ff492bf2b4ca1b93a175167d14b3e46085b935cab3f39ca94013000799b93a0", // CheckpointProposed (v4, v5)
    "034dd13d657aeb14f8dec7291c4a8ddb3b20d40cf2412714e72f97f19c735609", // L2ProofVerified
    "4271377505594adadc599508fc7e64ce82bfc79e5040857399a7cd1159e1353f", // CheckpointInvalidated
    "87b648c33767e23535e6c734a1481b16497c497f7774860fb34ab0e7e876153d", // BlockInvalidated (v2)
    "c78a70f3b27748d5fa327f6a3c1104b9b007d6a80d20c41f7c0dc4543fbdbdcd", // PrunedPending
    "36375d1f1abd9940cbda583ace84a7a8a60c2e1d6a12156d68d35a5cbd7793c2", // RewardConfigUpdated (v2 to v4)
    "24ea90802d5c1d10fd3da4b05f2415af510be55a0e3b385831be1851c3975869", // RewardConfigUpdated (v5)
    "fa50fc5c953ca42e5b6a7acac6e13c95c2ec283b259630f1d839e445fcec8c94", // RewardsClaimableUpdated
    "aaa1053539ab4621b2aecf54a7ccf2096610ff768f32261f667aca9ae3069482", // ManaTargetUpdated
    "0500a8b61403f38033f6f5cc57ff7a088ed20cfafd117fa1f7a505796c7d6c7f", // EscapeHatchUpdated (v4)
    "17a1cb124ae226925a506c45bbf4e49c701b0fb60a32cad8106a58846250573c", // EscapeHatchSet (v5)
    "8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0", // OwnershipTransferred
    "0a6387c9ea3628b88a633bb4f3b151770f70085117a15f9bf3787cda53f13d31", // EIP712DomainChanged
    // GSE
    "3134e8a2e6d97e929a7e54011ea5485d7d196dd5f0ba4d4ef95803e8e3fc257f", // DelegateChanged
    "dec2bacdd2f05b59de34da9b523dff8be42e5e38e818c82fdb0bae774387a724", // DelegateVotesChanged
    // Registry
    "15057bbec20fe352ac8931e529ade6a9ce138c954ffc87d6aa3423dd066c4acd", // RewardDistributorUpdated
];

/// Reads one log of a contract that plays `role`.
#[must_use]
pub fn decode(role: ContractRole, log: &Log) -> Decoded {
    let Some(topic) = log.topics.first() else {
        return Decoded::Unknown;
    };
    let decoded = match role {
        ContractRole::Registry => registry(log),
        ContractRole::Rollup(version) => rollup(version, log),
        ContractRole::Gse => gse(log),
        ContractRole::Slasher(version) => slasher(version, log),
        ContractRole::SlashingProposer(version) => slashing_proposer(version, log),
        ContractRole::StakingRegistry => staking_registry(log),
    };
    match decoded {
        Some(Ok(event)) => Decoded::Event(event),
        Some(Err(detail)) => Decoded::Malformed(detail),
        None if is_unused(topic) => Decoded::Unused,
        None => Decoded::Unknown,
    }
}

fn is_unused(topic: &B256) -> bool {
    static TOPICS: std::sync::LazyLock<std::collections::HashSet<B256>> =
        std::sync::LazyLock::new(|| UNUSED.iter().filter_map(|text| text.parse().ok()).collect());
    TOPICS.contains(topic)
}

type Reading = Option<Result<Event, String>>;

/// Decodes the log as the event `E`, whose first topic was already found to fit.
fn as_event<E: SolEvent>(log: &Log, event: impl FnOnce(E) -> Result<Event, String>) -> Reading {
    Some(
        E::decode_raw_log(log.topics.iter().copied(), &log.data)
            .map_err(|error| error.to_string())
            .and_then(event),
    )
}

fn registry(log: &Log) -> Reading {
    use abi::Registry as C;
    match *log.topics.first()? {
        C::CanonicalRollupUpdated::SIGNATURE_HASH => {
            as_event::<C::CanonicalRollupUpdated>(log, |event| {
                Ok(Event::CanonicalRollupUpdated {
                    rollup: event.instance,
                    version: version(event.version)?,
                })
            })
        }
        _ => None,
    }
}

fn gse(log: &Log) -> Reading {
    use abi::Gse as C;
    match *log.topics.first()? {
        C::Deposit::SIGNATURE_HASH => as_event::<C::Deposit>(log, |event| {
            let instance = if event.instance == BONUS_INSTANCE {
                Instance::Bonus
            } else {
                Instance::Rollup(event.instance)
            };
            Ok(Event::Registered {
                instance,
                attester: event.attester.into(),
                withdrawer: event.withdrawer,
            })
        }),
        _ => None,
    }
}

fn rollup(rollup: RollupVersion, log: &Log) -> Reading {
    use abi::Rollup as C;
    match *log.topics.first()? {
        C::ValidatorQueued::SIGNATURE_HASH => as_event::<C::ValidatorQueued>(log, |event| {
            Ok(Event::ValidatorQueued {
                rollup,
                attester: event.attester.into(),
                withdrawer: event.withdrawer,
            })
        }),
        C::Deposit::SIGNATURE_HASH => deposit(rollup, log),
        C::FailedDeposit::SIGNATURE_HASH => failed_deposit(rollup, log),
        C::WithdrawInitiated::SIGNATURE_HASH => as_event::<C::WithdrawInitiated>(log, |event| {
            let (attester, amount) = (event.attester.into(), Wei::new(event.amount));
            Ok(Event::WithdrawInitiated {
                rollup,
                attester,
                recipient: event.recipient,
                amount,
            })
        }),
        C::WithdrawFinalized::SIGNATURE_HASH => as_event::<C::WithdrawFinalized>(log, |event| {
            let (attester, amount) = (event.attester.into(), Wei::new(event.amount));
            Ok(Event::WithdrawFinalized {
                rollup,
                attester,
                recipient: event.recipient,
                amount,
            })
        }),
        C::Slashed::SIGNATURE_HASH => as_event::<C::Slashed>(log, |event| {
            Ok(Event::Slashed {
                rollup,
                attester: event.attester.into(),
                amount: Wei::new(event.amount),
            })
        }),
        C::StakingQueueConfigUpdated::SIGNATURE_HASH => {
            as_event::<C::StakingQueueConfigUpdated>(log, |event| {
                Ok(Event::StakingQueueConfigUpdated {
                    rollup,
                    config: queue_config(&event.config)?,
                })
            })
        }
        C::LocalEjectionThresholdUpdated::SIGNATURE_HASH => {
            as_event::<C::LocalEjectionThresholdUpdated>(log, |event| {
                let threshold = Wei::new(event.newLocalEjectionThreshold);
                Ok(Event::LocalEjectionThresholdUpdated { rollup, threshold })
            })
        }
        C::SlasherUpdated::SIGNATURE_HASH
        | C::PendingSlasherQueued::SIGNATURE_HASH
        | C::PendingSlasherCancelled::SIGNATURE_HASH
        | C::LegacySlasherAuthorized::SIGNATURE_HASH => Some(Ok(Event::SlasherChanged { rollup })),
        _ => None,
    }
}

/// A `Deposit` carries ten words of BLS points that nobody here needs: only the amount, its last word, is read.
fn deposit(rollup: RollupVersion, log: &Log) -> Reading {
    const WORDS: usize = 9;
    let (Some(attester), Some(withdrawer)) = (topic_address(log, 1), topic_address(log, 2)) else {
        return Some(Err("a Deposit without its indexed addresses".to_owned()));
    };
    let Some(amount) = log.data.get((WORDS - 1) * 32..WORDS * 32) else {
        return Some(Err("a Deposit shorter than nine words".to_owned()));
    };
    let amount = Wei::new(U256::from_be_slice(amount));
    Some(Ok(Event::Deposit {
        rollup,
        attester: attester.into(),
        withdrawer,
        amount,
    }))
}

fn failed_deposit(rollup: RollupVersion, log: &Log) -> Reading {
    let (Some(attester), Some(withdrawer)) = (topic_address(log, 1), topic_address(log, 2)) else {
        return Some(Err(
            "a FailedDeposit without its indexed addresses".to_owned()
        ));
    };
    let Some(key) = log.data.get(..64) else {
        return Some(Err("a FailedDeposit without its public key".to_owned()));
    };
    let public_key = alloy::primitives::keccak256(key);
    Some(Ok(Event::FailedDeposit {
        rollup,
        attester: attester.into(),
        withdrawer,
        public_key,
    }))
}

fn topic_address(log: &Log, position: usize) -> Option<Address> {
    log.topics
        .get(position)
        .map(|topic| Address::from_word(*topic))
}

fn slasher(rollup: RollupVersion, log: &Log) -> Reading {
    use abi::Slasher as C;
    match *log.topics.first()? {
        C::VetoedPayload::SIGNATURE_HASH => as_event::<C::VetoedPayload>(log, |event| {
            Ok(Event::VetoedPayload {
                rollup,
                payload: event.payload,
            })
        }),
        C::SlashingDisabled::SIGNATURE_HASH => as_event::<C::SlashingDisabled>(log, |event| {
            Ok(Event::SlashingDisabled {
                rollup,
                until: small(event.disabledUntil)?,
            })
        }),
        _ => None,
    }
}

fn slashing_proposer(rollup: RollupVersion, log: &Log) -> Reading {
    use abi::SlashingProposer as C;
    let proposer_contract = log.address;
    match *log.topics.first()? {
        C::VoteCast::SIGNATURE_HASH => as_event::<C::VoteCast>(log, |event| {
            let (round, slot) = (
                Round::new(small(event.round)?),
                Slot::new(small(event.slot)?),
            );
            Ok(Event::VoteCast {
                rollup,
                proposer_contract,
                round,
                slot,
                proposer: event.proposer,
            })
        }),
        C::RoundExecuted::SIGNATURE_HASH => as_event::<C::RoundExecuted>(log, |event| {
            let (round, slash_count) = (Round::new(small(event.round)?), small(event.slashCount)?);
            Ok(Event::RoundExecuted {
                rollup,
                proposer_contract,
                round,
                slash_count,
            })
        }),
        _ => None,
    }
}

fn staking_registry(log: &Log) -> Reading {
    use abi::StakingRegistry as C;
    match *log.topics.first()? {
        C::AttestersAddedToProvider::SIGNATURE_HASH => {
            as_event::<C::AttestersAddedToProvider>(log, |event| {
                let attesters = event
                    .attesters
                    .into_iter()
                    .map(AttesterAddress::from)
                    .collect();
                Ok(Event::AttestersAddedToProvider {
                    provider: provider(event.providerIdentifier)?,
                    attesters,
                })
            })
        }
        C::ProviderQueueDripped::SIGNATURE_HASH => {
            as_event::<C::ProviderQueueDripped>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderQueueDripped {
                    provider,
                    attester: event.attester.into(),
                })
            })
        }
        C::StakedWithProvider::SIGNATURE_HASH => as_event::<C::StakedWithProvider>(log, |event| {
            Ok(Event::StakedWithProvider {
                provider: provider(event.providerIdentifier)?,
                rollup: event.rollupAddress,
                attester: event.attester.into(),
                split: event.coinbaseSplitContractAddress.into(),
                staker: event.stakerImplementation,
            })
        }),
        _ => staking_registry_provider(log),
    }
}

fn staking_registry_provider(log: &Log) -> Reading {
    use abi::StakingRegistry as C;
    match *log.topics.first()? {
        C::ProviderRegistered::SIGNATURE_HASH => as_event::<C::ProviderRegistered>(log, |event| {
            Ok(Event::ProviderRegistered {
                provider: provider(event.providerIdentifier)?,
                admin: event.providerAdmin,
                take_rate: BasisPoints::new(event.providerTakeRate),
            })
        }),
        C::ProviderAdminUpdateInitiated::SIGNATURE_HASH => {
            as_event::<C::ProviderAdminUpdateInitiated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderAdminUpdateInitiated {
                    provider,
                    admin: event.newAdmin,
                })
            })
        }
        C::ProviderAdminUpdated::SIGNATURE_HASH => {
            as_event::<C::ProviderAdminUpdated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderAdminUpdated {
                    provider,
                    admin: event.newAdmin,
                })
            })
        }
        C::ProviderTakeRateUpdated::SIGNATURE_HASH => {
            as_event::<C::ProviderTakeRateUpdated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderTakeRateUpdated {
                    provider,
                    take_rate: BasisPoints::new(event.newTakeRate),
                })
            })
        }
        C::ProviderRewardsRecipientUpdated::SIGNATURE_HASH => {
            as_event::<C::ProviderRewardsRecipientUpdated>(log, |event| {
                let provider = provider(event.providerIdentifier)?;
                Ok(Event::ProviderRewardsRecipientUpdated {
                    provider,
                    recipient: event.newRewardsRecipient,
                })
            })
        }
        _ => None,
    }
}

/// A number of a contract that must fit 64 bits.
fn small(number: U256) -> Result<u64, String> {
    u64::try_from(number).map_err(|error| format!("{number} does not fit 64 bits: {error}"))
}

fn version(number: U256) -> Result<RollupVersion, String> {
    small(number).map(RollupVersion::new)
}

fn provider(number: U256) -> Result<ProviderId, String> {
    small(number).map(ProviderId::new)
}

fn queue_config(config: &abi::StakingQueueConfig) -> Result<QueueConfig, String> {
    Ok(QueueConfig {
        bootstrap_validator_set_size: small(config.bootstrapValidatorSetSize)?,
        bootstrap_flush_size: small(config.bootstrapFlushSize)?,
        normal_flush_size_min: small(config.normalFlushSizeMin)?,
        normal_flush_size_quotient: small(config.normalFlushSizeQuotient)?,
        max_queue_flush_size: small(config.maxQueueFlushSize)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    fn log(topics: &[&str], data: &[u8]) -> Log {
        Log {
            block: crate::units::BlockRef::default(),
            transaction: B256::ZERO,
            index: 0,
            address: Address::repeat_byte(1),
            topics: topics.iter().map(|topic| topic.parse().unwrap()).collect(),
            data: Bytes::copy_from_slice(data),
        }
    }

    #[test]
    fn topics_are_those_that_the_contracts_emit() {
        let expect = |hash: B256, text: &str| assert_eq!(hash, text.parse::<B256>().unwrap());
        expect(
            abi::Rollup::ValidatorQueued::SIGNATURE_HASH,
            "0x676247b4195b3fe545499177befc02b4b4bebd3805a2283b30defcae63d54661",
        );
        expect(
            abi::Rollup::Deposit::SIGNATURE_HASH,
            "0x21d790cf15da7e78046dbc1cf401d93aff7e1df9c8ab8905c9db0c7a3ed569e3",
        );
        expect(
            abi::Rollup::FailedDeposit::SIGNATURE_HASH,
            "0xae63502829232952025378f85719b4e2278e77cbf06b29f68618470cd4ae5887",
        );
        expect(
            abi::Rollup::Slashed::SIGNATURE_HASH,
            "0x4ed05e9673c26d2ed44f7ef6a7f2942df0ee3b5e1e17db4b99f9dcd261a339cd",
        );
        expect(
            abi::Rollup::StakingQueueConfigUpdated::SIGNATURE_HASH,
            "0x7b26e3a042027ef0e1dae742558aa6568eee81e5ab3452dd6540496f9a03eb59",
        );
        expect(
            abi::Gse::Deposit::SIGNATURE_HASH,
            "0x7986a8ff398d9a6be88df9dfc6e3c9a83e4da5544241aad420d1cf7c214e4345",
        );
        expect(
            abi::SlashingProposer::VoteCast::SIGNATURE_HASH,
            "0x7fe1d4e6b34e228b5dc059fcdc037c71b216fb2417f47c171e505144a5e4f5fc",
        );
        expect(
            abi::StakingRegistry::StakedWithProvider::SIGNATURE_HASH,
            "0xc91c8b4e934fb8f46c6d08a34d60ceb8dbe4ab6844a7040ca4c580e5a837d5c7",
        );
        expect(
            abi::StakingRegistry::AttestersAddedToProvider::SIGNATURE_HASH,
            "0x8dc338d3490cc6b09bdcf6e2a20a42d02c2da00c19901dea14363bc2897e87ab",
        );
        expect(
            abi::Registry::CanonicalRollupUpdated::SIGNATURE_HASH,
            "0x951289a79f98b55e6ccfa01a51f56b8a69c666094f84f69ba036b53af644d848",
        );
    }

    #[test]
    fn a_topic_that_nobody_knows_is_unknown_and_a_known_useless_one_is_not() {
        let role = ContractRole::Rollup(RollupVersion::new(1));
        let proposed = log(
            &["0x6ff492bf2b4ca1b93a175167d14b3e46085b935cab3f39ca94013000799b93a0"],
            &[],
        );
        assert_eq!(decode(role, &proposed), Decoded::Unused);
        let nobody = log(
            &["0x1111111111111111111111111111111111111111111111111111111111111111"],
            &[],
        );
        assert_eq!(decode(role, &nobody), Decoded::Unknown);
    }

    #[test]
    fn a_known_topic_with_data_that_does_not_fit_is_malformed() {
        let role = ContractRole::Rollup(RollupVersion::new(1));
        let slashed = log(
            &["0x4ed05e9673c26d2ed44f7ef6a7f2942df0ee3b5e1e17db4b99f9dcd261a339cd"],
            &[1, 2],
        );
        assert!(matches!(decode(role, &slashed), Decoded::Malformed(_)));
    }
}
