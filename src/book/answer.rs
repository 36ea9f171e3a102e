//! How the raw answers of the contracts are read.

use super::question::{Answer, Question, Status, View};
use crate::{
    attester::Exit,
    chain::{
        CallAnswer,
        contracts::{abi, answer, answer_round},
    },
    units::{AttesterAddress, U256, UnixSeconds, Wei},
};

impl Question {
    /// Reads the raw answer.
    ///
    /// # Errors
    /// A sentence, where the contract reverted or answered something else.
    pub fn read(&self, raw: &CallAnswer) -> Result<Answer, String> {
        use abi::{Governance, Gse, Rollup as R};
        let number = |number: U256| {
            u64::try_from(number)
                .map(Answer::Number)
                .map_err(|error| error.to_string())
        };
        let fault = |fault: crate::chain::contracts::ViewFault| fault.to_string();
        match self {
            Self::LatestRollup { .. } => answer::<Gse::getLatestRollupCall>(raw)
                .map(Answer::Address)
                .map_err(fault),
            Self::QueueLength { .. } => {
                number(answer::<R::getEntryQueueLengthCall>(raw).map_err(fault)?)
            }
            Self::ActiveCount { .. } => {
                number(answer::<R::getActiveAttesterCountCall>(raw).map_err(fault)?)
            }
            Self::Available { .. } => {
                number(answer::<R::getAvailableValidatorFlushesCall>(raw).map_err(fault)?)
            }
            Self::NextFlushableEpoch { .. } => {
                number(answer::<R::getNextFlushableEpochCall>(raw).map_err(fault)?)
            }
            Self::FlushSize { .. } => {
                number(answer::<R::getEntryQueueFlushSizeCall>(raw).map_err(fault)?)
            }
            Self::IsBootstrapped { .. } => answer::<R::getIsBootstrappedCall>(raw)
                .map(Answer::Flag)
                .map_err(fault),
            Self::FollowsLatest { .. } => answer::<Gse::isRegisteredCall>(raw)
                .map(Answer::Flag)
                .map_err(fault),
            Self::KeyOwned { .. } => answer::<Gse::ownedPKsCall>(raw)
                .map(Answer::Flag)
                .map_err(fault),
            Self::QueueAt { .. } => answer::<R::getEntryQueueAtCall>(raw)
                .map(|args| entry(&args))
                .map_err(fault),
            Self::View { .. } => {
                view(&answer::<R::getAttesterViewCall>(raw).map_err(fault)?).map(Answer::View)
            }
            Self::Round { .. } | Self::TargetCommittees { .. } | Self::Tally { .. } => {
                self.read_round(raw)
            }
            Self::Withdrawal { .. } => {
                let withdrawal = answer::<Governance::getWithdrawalCall>(raw).map_err(fault)?;
                let unlocks_at =
                    u64::try_from(withdrawal.unlocksAt).map_err(|error| error.to_string())?;
                Ok(Answer::Withdrawal(
                    UnixSeconds::new(unlocks_at),
                    withdrawal.claimed,
                ))
            }
            Self::ProviderQueueLength { .. }
            | Self::ProviderQueueFirst { .. }
            | Self::ProviderQueueAt { .. }
            | Self::ProviderConfiguration { .. }
            | Self::NextProvider => self.read_registry(raw),
        }
    }
}

impl Question {
    /// Reads an answer of the `StakingRegistry`.
    fn read_registry(&self, raw: &CallAnswer) -> Result<Answer, String> {
        use abi::StakingRegistry as S;
        let number = |number: U256| {
            u64::try_from(number)
                .map(Answer::Number)
                .map_err(|error| error.to_string())
        };
        let fault = |fault: crate::chain::contracts::ViewFault| fault.to_string();
        match self {
            Self::ProviderQueueLength { .. } => {
                number(answer::<S::getProviderQueueLengthCall>(raw).map_err(fault)?)
            }
            Self::ProviderQueueFirst { .. } => number(U256::from(
                answer::<S::getFirstIndexInQueueCall>(raw).map_err(fault)?,
            )),
            Self::ProviderQueueAt { .. } => {
                let key = answer::<S::getValueAtIndexInQueueCall>(raw).map_err(fault)?;
                Ok(Answer::Address(key.attester))
            }
            Self::ProviderConfiguration { .. } => {
                let provider = answer::<S::providerConfigurationsCall>(raw).map_err(fault)?;
                Ok(Answer::Provider(
                    provider.providerAdmin,
                    provider.providerTakeRate,
                    provider.providerRewardsRecipient,
                ))
            }
            _ => number(answer::<S::nextProviderIdentifierCall>(raw).map_err(fault)?),
        }
    }

    /// Reads an answer of a slashing proposer.
    fn read_round(&self, raw: &CallAnswer) -> Result<Answer, String> {
        use abi::SlashingProposer as P;
        let fault = |fault: crate::chain::contracts::ViewFault| fault.to_string();
        match self {
            Self::Round { .. } => {
                let (is_executed, votes) = answer_round(raw).map_err(fault)?;
                let votes = u64::try_from(votes).map_err(|error| error.to_string())?;
                Ok(Answer::Round(is_executed, votes))
            }
            Self::TargetCommittees { .. } => answer::<P::getSlashTargetCommitteesCall>(raw)
                .map(Answer::Committees)
                .map_err(fault),
            _ => {
                let tally = answer::<P::getTallyCall>(raw).map_err(fault)?.into_iter();
                let slash = |slash: abi::SlashAction| {
                    (
                        AttesterAddress::new(slash.validator),
                        Wei::new(slash.slashAmount),
                    )
                };
                Ok(Answer::Tally(tally.map(slash).collect()))
            }
        }
    }
}

/// Out of range the contract answers zeros.
fn entry(args: &abi::DepositArgs) -> Answer {
    let is_there = !args.attester.is_zero();
    Answer::Entry(is_there.then_some((
        args.attester.into(),
        args.withdrawer,
        args.moveWithLatestRollup,
    )))
}

fn view(raw: &abi::AttesterView) -> Result<View, String> {
    let status = match raw.status {
        0 => Status::None,
        1 => Status::Validating,
        2 => Status::Zombie,
        3 => Status::Exiting,
        other => return Err(format!("status {other} is none of the contract's four")),
    };
    let seconds = |number: U256| u64::try_from(number).map_err(|error| error.to_string());
    let exit = if raw.exit.exists {
        let exit = Exit {
            amount: Wei::new(raw.exit.amount),
            exitable_at: UnixSeconds::new(seconds(raw.exit.exitableAt)?),
            withdrawal_id: seconds(raw.exit.withdrawalId)?,
            unlocks_at: None,
        };
        Some((exit, raw.exit.isRecipient))
    } else {
        None
    };
    let withdrawer = (!raw.config.withdrawer.is_zero()).then_some(raw.config.withdrawer);
    Ok(View {
        status,
        balance: Wei::new(raw.effectiveBalance),
        exit,
        withdrawer,
    })
}
