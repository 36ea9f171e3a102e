//! What is asked of the contracts at a block, and how the answers are read.
//!
//! A [`Question`] is one view of one contract; which of them a block needs is decided in `asking`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Book;
use crate::{
    attester::Exit,
    chain::{
        Call, CallAnswer,
        contracts::{BONUS_INSTANCE, abi, call},
    },
    units::{
        Address, AttesterAddress, B256, ProviderId, RollupVersion, Round, U256, UnixSeconds, Wei,
    },
};

/// One view of one contract.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are the view's arguments")]
pub enum Question {
    /// `GSE.getLatestRollup`.
    LatestRollup { gse: Address },
    /// `Rollup.getEntryQueueLength`.
    QueueLength { rollup: RollupVersion },
    /// `Rollup.getEntryQueueAt`; `place` 0 is the head.
    QueueAt { rollup: RollupVersion, place: u64 },
    /// `Rollup.getActiveAttesterCount`.
    ActiveCount { rollup: RollupVersion },
    /// `Rollup.getAvailableValidatorFlushes`.
    Available { rollup: RollupVersion },
    /// `Rollup.getNextFlushableEpoch`.
    NextFlushableEpoch { rollup: RollupVersion },
    /// `Rollup.getIsBootstrapped`.
    IsBootstrapped { rollup: RollupVersion },
    /// `Rollup.getEntryQueueFlushSize`.
    FlushSize { rollup: RollupVersion },
    /// `Rollup.getAttesterView`.
    View {
        rollup: RollupVersion,
        attester: AttesterAddress,
    },
    /// `Governance.getWithdrawal`.
    Withdrawal { governance: Address, id: u64 },
    /// `GSE.isRegistered` on the bonus instance: whether a stake follows the latest rollup.
    FollowsLatest {
        gse: Address,
        attester: AttesterAddress,
    },
    /// `GSE.ownedPKs`: whether a BLS key was ever registered; asked where the deposit of an attester with it was refused.
    KeyOwned {
        gse: Address,
        attester: AttesterAddress,
        /// Hash of the key, as the GSE makes it.
        key: B256,
    },
    /// `SlashingProposer.getRound`.
    Round {
        rollup: RollupVersion,
        contract: Address,
        round: Round,
    },
    /// `SlashingProposer.getSlashTargetCommittees`.
    TargetCommittees { contract: Address, round: Round },
    /// `SlashingProposer.getTally` over the committees of that round.
    Tally {
        contract: Address,
        round: Round,
        committees: Vec<Vec<Address>>,
    },
    /// `StakingRegistry.getProviderQueueLength`.
    ProviderQueueLength { provider: ProviderId },
    /// `StakingRegistry.getFirstIndexInQueue`.
    ProviderQueueFirst { provider: ProviderId },
    /// `StakingRegistry.getValueAtIndexInQueue`.
    ProviderQueueAt { provider: ProviderId, index: u64 },
    /// `StakingRegistry.providerConfigurations`.
    ProviderConfiguration { provider: ProviderId },
    /// `StakingRegistry.nextProviderIdentifier`.
    NextProvider,
}

/// What a rollup says of an attester (`AttesterView`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The status.
    pub status: Status,
    /// The effective balance on this rollup.
    pub balance: Wei,
    /// The exit, where one exists, and whether it has a recipient.
    pub exit: Option<(Exit, bool)>,
    /// The withdrawer of its registration; `None` where it never was registered in the GSE.
    pub withdrawer: Option<Address>,
}

/// `Status` of the staking contracts. `None` by itself has seven meanings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// Neither in the set nor leaving it, on this rollup.
    None,
    /// In the set.
    Validating,
    /// Ejected by a slash.
    Zombie,
    /// Leaving.
    Exiting,
}

/// An answer that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// An address.
    Address(Address),
    /// An entry of an entry queue: attester, withdrawer, moves with the latest rollup. `None` beyond the end.
    Entry(Option<(AttesterAddress, Address, bool)>),
    /// An attester's view.
    View(View),
    /// When a withdrawal unlocks, and whether it was claimed.
    Withdrawal(UnixSeconds, bool),
    /// Admin, take rate, rewards recipient.
    Provider(Address, u16, Address),
    /// Whether a slashing round was executed, and its votes.
    Round(bool, u64),
    /// The committees that a round judges, one for each epoch.
    Committees(Vec<Vec<Address>>),
    /// Whom a round would slash, by how much, one for each epoch.
    Tally(Vec<(AttesterAddress, Wei)>),
}

/// Answers at one block. A question whose answer is missing is simply not in it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Snapshot {
    answers: BTreeMap<Question, Answer>,
    missing: Vec<(Question, String)>,
}

impl Snapshot {
    /// Reads the raw answers to `questions`, in the same order.
    #[must_use]
    pub fn read(questions: &[Question], raw: &[CallAnswer]) -> Self {
        let mut snapshot = Self::default();
        for (question, raw) in questions.iter().zip(raw) {
            snapshot.insert(question.clone(), question.read(raw));
        }
        snapshot
    }

    /// Takes one answer.
    pub fn insert(&mut self, question: Question, answer: Result<Answer, String>) {
        match answer {
            Ok(answer) => drop(self.answers.insert(question, answer)),
            Err(why) => self.missing.push((question, why)),
        }
    }

    /// Takes what another snapshot of the same block knows.
    pub fn extend(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.missing.extend(other.missing);
    }

    /// Whether nothing was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.answers.is_empty() && self.missing.is_empty()
    }

    /// What could not be read, and why.
    #[must_use]
    pub fn missing(&self) -> &[(Question, String)] {
        &self.missing
    }

    /// Whether `question` was asked, answered or not.
    #[must_use]
    pub fn was_asked(&self, question: &Question) -> bool {
        self.answers.contains_key(question) || self.missing.iter().any(|(one, _)| one == question)
    }

    /// All answers.
    pub fn answers(&self) -> impl Iterator<Item = (&Question, &Answer)> {
        self.answers.iter()
    }

    /// Of attesters whose deposits were refused, whether their BLS keys had ever been registered.
    pub(super) fn owned_keys(&self) -> impl Iterator<Item = (AttesterAddress, bool)> {
        self.answers.iter().filter_map(|told| match told {
            (Question::KeyOwned { attester, .. }, Answer::Flag(is_owned)) => {
                Some((*attester, *is_owned))
            }
            _ => None,
        })
    }

    /// The number that answers `question`.
    #[must_use]
    pub fn number(&self, question: &Question) -> Option<u64> {
        match self.answers.get(question)? {
            Answer::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The flag that answers `question`.
    #[must_use]
    pub fn flag(&self, question: &Question) -> Option<bool> {
        match self.answers.get(question)? {
            Answer::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The answer to `question`.
    #[must_use]
    pub fn answer(&self, question: &Question) -> Option<&Answer> {
        self.answers.get(question)
    }
}

impl Answer {
    /// The number, where it is one.
    #[must_use]
    pub const fn number(&self) -> Option<u64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

impl Question {
    /// The call that asks it; `None` where the book does not know the contract.
    #[must_use]
    pub fn call(&self, book: &Book) -> Option<Call> {
        use abi::{Governance, Gse, SlashingProposer as P};
        let of = |round: &Round| U256::from(round.value());
        Some(match self {
            Self::LatestRollup { gse } => call(*gse, &Gse::getLatestRollupCall {}),
            Self::QueueLength { rollup }
            | Self::QueueAt { rollup, .. }
            | Self::ActiveCount { rollup }
            | Self::Available { rollup }
            | Self::NextFlushableEpoch { rollup }
            | Self::IsBootstrapped { rollup }
            | Self::FlushSize { rollup }
            | Self::View { rollup, .. } => self.rollup_call(book.rollups.row(rollup)?.address)?,
            Self::Withdrawal { governance, id } => call(
                *governance,
                &Governance::getWithdrawalCall {
                    withdrawalId: U256::from(*id),
                },
            ),
            Self::FollowsLatest { gse, attester } => call(
                *gse,
                &Gse::isRegisteredCall {
                    instance: BONUS_INSTANCE,
                    attester: attester.address(),
                },
            ),
            Self::KeyOwned { gse, key, .. } => call(*gse, &Gse::ownedPKsCall { hashedKey: *key }),
            Self::Round {
                contract, round, ..
            } => call(*contract, &P::getRoundCall { round: of(round) }),
            Self::TargetCommittees { contract, round } => call(
                *contract,
                &P::getSlashTargetCommitteesCall { round: of(round) },
            ),
            Self::Tally {
                contract,
                round,
                committees,
            } => call(
                *contract,
                &P::getTallyCall {
                    round: of(round),
                    committees: committees.clone(),
                },
            ),
            Self::ProviderQueueLength { .. }
            | Self::ProviderQueueFirst { .. }
            | Self::ProviderQueueAt { .. }
            | Self::ProviderConfiguration { .. }
            | Self::NextProvider => self.registry_call(book.summary().staking_registry)?,
        })
    }

    /// The call of a view of the `StakingRegistry`; `None` where it is none.
    #[must_use]
    pub fn registry_call(&self, registry: Address) -> Option<Call> {
        use abi::StakingRegistry as S;
        let id = |provider: &ProviderId| U256::from(provider.value());
        Some(match self {
            Self::ProviderQueueLength { provider } => call(
                registry,
                &S::getProviderQueueLengthCall {
                    providerIdentifier: id(provider),
                },
            ),
            Self::ProviderQueueFirst { provider } => call(
                registry,
                &S::getFirstIndexInQueueCall {
                    providerIdentifier: id(provider),
                },
            ),
            Self::ProviderQueueAt { provider, index } => {
                let index = u128::from(*index);
                call(
                    registry,
                    &S::getValueAtIndexInQueueCall {
                        providerIdentifier: id(provider),
                        index,
                    },
                )
            }
            Self::ProviderConfiguration { provider } => call(
                registry,
                &S::providerConfigurationsCall {
                    providerIdentifier: id(provider),
                },
            ),
            Self::NextProvider => call(registry, &S::nextProviderIdentifierCall {}),
            _ => return None,
        })
    }

    /// The call of a rollup's view.
    fn rollup_call(&self, rollup: Address) -> Option<Call> {
        use abi::Rollup as R;
        Some(match self {
            Self::QueueLength { .. } => call(rollup, &R::getEntryQueueLengthCall {}),
            Self::QueueAt { place, .. } => call(
                rollup,
                &R::getEntryQueueAtCall {
                    index: U256::from(*place),
                },
            ),
            Self::ActiveCount { .. } => call(rollup, &R::getActiveAttesterCountCall {}),
            Self::Available { .. } => call(rollup, &R::getAvailableValidatorFlushesCall {}),
            Self::NextFlushableEpoch { .. } => call(rollup, &R::getNextFlushableEpochCall {}),
            Self::IsBootstrapped { .. } => call(rollup, &R::getIsBootstrappedCall {}),
            Self::FlushSize { .. } => call(rollup, &R::getEntryQueueFlushSizeCall {}),
            Self::View { attester, .. } => call(
                rollup,
                &R::getAttesterViewCall {
                    attester: attester.address(),
                },
            ),
            _ => return None,
        })
    }
}
