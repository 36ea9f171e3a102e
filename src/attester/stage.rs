//! The state machine of an attester: five states, a reason under each, decided from what is known of it.
//!
//! The rule reads facts and never the previous state, so that any order of learning the same facts ends the same.
//! `status == NONE` of the contracts is never read by itself: it means seven different things.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Attester, RefusalCause, RegistrationState};
use crate::{
    chain::contracts::Instance,
    units::{Address, RollupVersion},
};

/// The five states.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Stage {
    /// In no queue of any contract.
    #[default]
    New,
    /// In the queue of its staking provider.
    InStakingProviderQueue,
    /// In the entry queue of a rollup.
    RollupEntryQueue,
    /// Validating on the GSE's latest rollup.
    Active,
    /// Withdrawn, slashed, refunded, or left behind.
    NoLongerActive,
}

impl Stage {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::New,
        Self::InStakingProviderQueue,
        Self::RollupEntryQueue,
        Self::Active,
        Self::NoLongerActive,
    ];

    /// Its name, as the incumbent's metrics and the contracts' people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::InStakingProviderQueue => "IN_STAKING_PROVIDER_QUEUE",
            Self::RollupEntryQueue => "ROLLUP_ENTRY_QUEUE",
            Self::Active => "ACTIVE",
            Self::NoLongerActive => "NO_LONGER_ACTIVE",
        }
    }

    /// Its name in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InStakingProviderQueue => "provider queue",
            Self::RollupEntryQueue => "entry queue",
            Self::Active => "active",
            Self::NoLongerActive => "no longer active",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why an attester is in its state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Reason {
    /// No contract knows it.
    #[default]
    NeverSeen,
    /// Its provider's admin took it out of the queue; it may be added again.
    Dripped,
    /// It waits to be staked.
    InProviderQueue,
    /// It waits for its provider to stake it, in vain: its address or key was registered before, so the deposit will be refused.
    InProviderQueueUsedUp,
    /// It waits to be deposited on a rollup.
    InEntryQueue {
        /// The rollup.
        rollup: RollupVersion,
    },
    /// As before, in vain: it was registered before, so the deposit will be refused.
    InEntryQueueUsedUp {
        /// The rollup.
        rollup: RollupVersion,
    },
    /// It validates and follows the latest rollup.
    FollowsLatest,
    /// It validates on the latest rollup and will stay on it.
    OnRollup {
        /// The rollup.
        rollup: RollupVersion,
    },
    /// It validates, slashed, and it is not known yet whether the slash ejected it.
    EjectionUnknown,
    /// It validates on a rollup that is no longer the latest.
    LeftOnRollup {
        /// The rollup.
        rollup: RollupVersion,
    },
    /// A slash ejected it; its withdrawer has to initiate the withdrawal.
    Zombie,
    /// It is on its way out.
    Exiting,
    /// It is out and paid.
    Exited,
    /// It was slashed for everything it had.
    SlashedToNothing,
    /// Its deposit was refused, and refunded.
    DepositRefused {
        /// Why.
        cause: RefusalCause,
    },
}

/// A state with its reason.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The state.
    pub stage: Stage,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

impl Standing {
    const fn new(stage: Stage, reason: Reason) -> Self {
        Self { stage, reason }
    }
}

/// The rollup that the GSE calls the latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// Its address.
    pub rollup: Address,
    /// Its version.
    pub version: RollupVersion,
}

/// The state that follows from what is known. `latest` is `None` while it is unknown; nothing is then called left behind.
#[must_use]
pub fn standing(attester: &Attester, latest: Option<Latest>) -> Standing {
    match &attester.registration {
        Some(registration) => match registration.state {
            RegistrationState::Validating => match registration.instance {
                Some(Instance::Bonus) => Standing::new(Stage::Active, Reason::FollowsLatest),
                _ => on_one_rollup(registration.rollup, latest),
            },
            RegistrationState::SlashedEjectionUnknown => {
                Standing::new(Stage::Active, Reason::EjectionUnknown)
            }
            RegistrationState::Zombie { .. } => {
                Standing::new(Stage::NoLongerActive, Reason::Zombie)
            }
            RegistrationState::Exiting { .. } => {
                Standing::new(Stage::NoLongerActive, Reason::Exiting)
            }
            RegistrationState::Exited => {
                queued(attester).unwrap_or(Standing::new(Stage::NoLongerActive, Reason::Exited))
            }
            RegistrationState::SlashedToNothing => queued(attester).unwrap_or(Standing::new(
                Stage::NoLongerActive,
                Reason::SlashedToNothing,
            )),
        },
        None => queued(attester).unwrap_or_else(|| unregistered(attester)),
    }
}

fn on_one_rollup(rollup: RollupVersion, latest: Option<Latest>) -> Standing {
    match latest {
        Some(latest) if latest.version != rollup => {
            Standing::new(Stage::NoLongerActive, Reason::LeftOnRollup { rollup })
        }
        _ => Standing::new(Stage::Active, Reason::OnRollup { rollup }),
    }
}

fn queued(attester: &Attester) -> Option<Standing> {
    let is_used_up = attester.is_used_up();
    if let Some(entry) = attester.entries.first() {
        let rollup = entry.rollup;
        let reason = if is_used_up {
            Reason::InEntryQueueUsedUp { rollup }
        } else {
            Reason::InEntryQueue { rollup }
        };
        return Some(Standing::new(Stage::RollupEntryQueue, reason));
    }
    attester
        .memberships()
        .find_map(|membership| membership.queue_index)
        .map(|_| {
            let reason = if is_used_up {
                Reason::InProviderQueueUsedUp
            } else {
                Reason::InProviderQueue
            };
            Standing::new(Stage::InStakingProviderQueue, reason)
        })
}

fn unregistered(attester: &Attester) -> Standing {
    if attester
        .membership
        .as_ref()
        .is_some_and(|home| home.is_dripped)
    {
        return Standing::new(Stage::New, Reason::Dripped);
    }
    match &attester.refused {
        Some(refusal) => Standing::new(
            Stage::NoLongerActive,
            Reason::DepositRefused {
                cause: refusal.cause,
            },
        ),
        None => Standing::new(Stage::New, Reason::NeverSeen),
    }
}
