//! The five states and their reasons, as answers write them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    attester::{Reason, RefusalCause, Stage, Standing},
    units::RollupVersion,
};

/// The five states of an attester.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AttesterState {
    /// In no queue of any contract.
    New,
    /// In the queue of its staking provider.
    InStakingProviderQueue,
    /// In the entry queue of a rollup.
    RollupEntryQueue,
    /// Validating on the latest rollup.
    Active,
    /// Withdrawn, slashed, refunded, or left behind.
    NoLongerActive,
}

impl From<Stage> for AttesterState {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::New => Self::New,
            Stage::InStakingProviderQueue => Self::InStakingProviderQueue,
            Stage::RollupEntryQueue => Self::RollupEntryQueue,
            Stage::Active => Self::Active,
            Stage::NoLongerActive => Self::NoLongerActive,
        }
    }
}

impl From<AttesterState> for Stage {
    fn from(state: AttesterState) -> Self {
        match state {
            AttesterState::New => Self::New,
            AttesterState::InStakingProviderQueue => Self::InStakingProviderQueue,
            AttesterState::RollupEntryQueue => Self::RollupEntryQueue,
            AttesterState::Active => Self::Active,
            AttesterState::NoLongerActive => Self::NoLongerActive,
        }
    }
}

impl AttesterState {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Stage::from(self).name()
    }
}

/// A state with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StandingView {
    /// The state.
    pub state: AttesterState,
    /// The reason, one of a closed list.
    #[schema(example = "in_entry_queue")]
    pub reason: String,
    /// The reason in words.
    pub reason_text: String,
    /// The rollup that the reason speaks of; absent where it speaks of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollup: Option<u64>,
}

impl From<Standing> for StandingView {
    fn from(standing: Standing) -> Self {
        let (reason, rollup) = code(standing.reason);
        Self {
            state: standing.stage.into(),
            reason: reason.to_owned(),
            reason_text: words(standing.reason),
            rollup: rollup.map(RollupVersion::value),
        }
    }
}

/// The reason's name, and the rollup it speaks of.
const fn code(reason: Reason) -> (&'static str, Option<RollupVersion>) {
    match reason {
        Reason::NeverSeen => ("never_seen", None),
        Reason::Dripped => ("dripped", None),
        Reason::InProviderQueue => ("in_provider_queue", None),
        Reason::InProviderQueueUsedUp => ("in_provider_queue_used_up", None),
        Reason::InEntryQueue { rollup } => ("in_entry_queue", Some(rollup)),
        Reason::InEntryQueueUsedUp { rollup } => ("in_entry_queue_used_up", Some(rollup)),
        Reason::FollowsLatest => ("follows_latest", None),
        Reason::OnRollup { rollup } => ("on_rollup", Some(rollup)),
        Reason::EjectionUnknown => ("ejection_unknown", None),
        Reason::LeftOnRollup { rollup } => ("left_on_rollup", Some(rollup)),
        Reason::Zombie => ("zombie", None),
        Reason::Exiting => ("exiting", None),
        Reason::Exited => ("exited", None),
        Reason::SlashedToNothing => ("slashed_to_nothing", None),
        Reason::DepositRefused { cause } => (
            match cause {
                RefusalCause::AttesterUsedBefore => "deposit_refused_attester_used_before",
                RefusalCause::RollupNotLatest => "deposit_refused_rollup_not_latest",
                RefusalCause::KeyUsedBefore => "deposit_refused_key_used_before",
                RefusalCause::ProofRefused => "deposit_refused_proof",
                RefusalCause::KeyOrProof => "deposit_refused_key_or_proof",
            },
            None,
        ),
    }
}

/// The reason in words, without a full stop.
fn words(reason: Reason) -> String {
    match reason {
        Reason::NeverSeen => "no contract knows it".to_owned(),
        Reason::Dripped => "its provider's admin took it out of the provider queue".to_owned(),
        Reason::InProviderQueue => "waits in the provider queue for a stake".to_owned(),
        Reason::InProviderQueueUsedUp => {
            "waits in the provider queue in vain: it was registered before, so its deposit will be refused"
                .to_owned()
        }
        Reason::InEntryQueue { rollup } => format!("waits in the entry queue of rollup {rollup}"),
        Reason::InEntryQueueUsedUp { rollup } => format!(
            "waits in the entry queue of rollup {rollup} in vain: it was registered before, so its deposit will be refused"
        ),
        Reason::FollowsLatest => "validates, and follows the latest rollup".to_owned(),
        Reason::OnRollup { rollup } => format!("validates on rollup {rollup}, and stays on it"),
        Reason::EjectionUnknown => {
            "validates, slashed; whether that ejected it is not known yet".to_owned()
        }
        Reason::LeftOnRollup { rollup } => {
            format!("validates on rollup {rollup}, which is no longer the latest")
        }
        Reason::Zombie => {
            "a slash ejected it; its withdrawer has to initiate the withdrawal".to_owned()
        }
        Reason::Exiting => "on its way out".to_owned(),
        Reason::Exited => "out and paid".to_owned(),
        Reason::SlashedToNothing => "slashed for everything it had".to_owned(),
        Reason::DepositRefused { cause } => format!("deposit refused and refunded: {}", cause_words(cause)),
    }
}

const fn cause_words(cause: RefusalCause) -> &'static str {
    match cause {
        RefusalCause::AttesterUsedBefore => "its address was registered before",
        RefusalCause::RollupNotLatest => "the rollup was no longer the latest",
        RefusalCause::KeyUsedBefore => "its BLS key was registered before",
        RefusalCause::ProofRefused => "its proof of possession is bad",
        RefusalCause::KeyOrProof => {
            "its BLS key was registered before, or the proof of possession is bad"
        }
    }
}
