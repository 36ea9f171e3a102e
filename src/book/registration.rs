//! What the views of all rollups together say of one attester's registration.

use super::question::{Status, View};
use crate::{
    attester::{Attester, Registration, RegistrationState},
    chain::contracts::Instance,
    units::{RollupVersion, Wei},
};

/// The registration as the views tell it, with what only the fold knows carried over.
pub(super) fn registration_of(
    known: &Attester,
    views: &[(RollupVersion, &View)],
    latest: Option<RollupVersion>,
) -> Option<Registration> {
    let folded = known.registration.as_ref();
    let validating = views
        .iter()
        .find(|(_, view)| view.status == Status::Validating);
    let leaving = views
        .iter()
        .find_map(|(version, view)| view.exit.as_ref().map(|exit| (*version, exit)));
    if let Some((version, view)) = validating {
        let instance = folded.and_then(|known| known.instance);
        // Validating on the latest rollup while the deposit was made on another: only a stake that moves does that.
        let instance = match folded {
            Some(known)
                if instance.is_none() && known.rollup != *version && latest == Some(*version) =>
            {
                Some(Instance::Bonus)
            }
            _ => instance,
        };
        let rollup = folded
            .filter(|_| instance == Some(Instance::Bonus))
            .map_or(*version, |known| known.rollup);
        let state = RegistrationState::Validating;
        return Some(Registration {
            instance,
            rollup,
            balance: view.balance,
            state,
        });
    }
    let instance = folded.and_then(|known| known.instance);
    if let Some((rollup, (exit, has_recipient))) = leaving {
        let unlocks_at = match folded.map(|known| &known.state) {
            Some(
                RegistrationState::Zombie { exit: Some(before) }
                | RegistrationState::Exiting { exit: Some(before) },
            ) if before.withdrawal_id == exit.withdrawal_id => before.unlocks_at,
            _ => None,
        };
        let exit = Some(crate::attester::Exit {
            unlocks_at,
            ..exit.clone()
        });
        let balance = exit.as_ref().map_or(Wei::ZERO, |exit| exit.amount);
        let state = if *has_recipient {
            RegistrationState::Exiting { exit }
        } else {
            RegistrationState::Zombie { exit }
        };
        return Some(Registration {
            instance,
            rollup,
            balance,
            state,
        });
    }
    gone(known, views)
}

/// No view knows a stake or an exit: never registered, or out for good.
fn gone(known: &Attester, views: &[(RollupVersion, &View)]) -> Option<Registration> {
    let was_registered = views.iter().any(|(_, view)| view.withdrawer.is_some());
    let folded = known.registration.as_ref();
    if !was_registered {
        return None;
    }
    let rollup = folded
        .map(|known| known.rollup)
        .or_else(|| views.last().map(|(version, _)| *version))?;
    let instance = folded.and_then(|known| known.instance);
    let state = match folded.map(|known| &known.state) {
        Some(RegistrationState::SlashedToNothing) => RegistrationState::SlashedToNothing,
        // A stake that validated is gone without an exit: only a slash for everything does that.
        Some(RegistrationState::Validating | RegistrationState::SlashedEjectionUnknown) => {
            RegistrationState::SlashedToNothing
        }
        _ => RegistrationState::Exited,
    };
    Some(Registration {
        instance,
        rollup,
        balance: Wei::ZERO,
        state,
    })
}

/// Whether the views contradict the fold, beyond what logs cannot tell.
pub(super) fn is_contradiction(known: &Attester, read: Option<&Registration>) -> bool {
    let (Some(folded), Some(read)) = (known.registration.as_ref(), read) else {
        return known.registration.is_some() != read.is_some();
    };
    let is_same_state =
        std::mem::discriminant(&folded.state) == std::mem::discriminant(&read.state);
    let was_unknown = matches!(folded.state, RegistrationState::SlashedEjectionUnknown);
    !was_unknown && (!is_same_state || folded.balance != read.balance)
}

pub(super) fn describe(known: &Registration) -> String {
    let state = match &known.state {
        RegistrationState::Validating => "validating",
        RegistrationState::SlashedEjectionUnknown => "slashed",
        RegistrationState::Zombie { .. } => "zombie",
        RegistrationState::Exiting { .. } => "exiting",
        RegistrationState::Exited => "exited",
        RegistrationState::SlashedToNothing => "slashed to nothing",
    };
    format!(
        "{state} on rollup {} with {} AZTEC",
        known.rollup, known.balance
    )
}
