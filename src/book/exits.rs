//! Events that lead out of the set: exits and slashes.

use super::fold::{Fault, Fold, Mode, Seen, evidence};
use crate::{
    attester::{Registration, RegistrationState, change::Change},
    units::{AttesterAddress, RollupVersion, Wei},
};

impl Fold<'_> {
    pub(super) fn exiting(
        &mut self,
        rollup: RollupVersion,
        attester: AttesterAddress,
        amount: Wei,
    ) {
        self.change_attester(attester, |attester| {
            let known = attester.registration.take();
            let exit = match known.as_ref().map(|known| &known.state) {
                Some(RegistrationState::Zombie { exit }) => exit.clone(),
                _ => None,
            };
            let instance = known.and_then(|known| known.instance);
            let state = RegistrationState::Exiting { exit };
            attester.registration = Some(Registration {
                instance,
                rollup,
                balance: amount,
                state,
            });
        });
    }

    pub(super) fn exited(&mut self, rollup: RollupVersion, attester: AttesterAddress) {
        self.change_attester(attester, |attester| {
            let instance = attester
                .registration
                .take()
                .and_then(|known| known.instance);
            let state = RegistrationState::Exited;
            attester.registration = Some(Registration {
                instance,
                rollup,
                balance: Wei::ZERO,
                state,
            });
        });
    }

    pub(super) fn slashed(
        &mut self,
        rollup: RollupVersion,
        address: AttesterAddress,
        amount: Wei,
        seen: &Seen,
    ) {
        let threshold = match self.mode {
            Mode::CatchUp => None,
            Mode::Head => self
                .book
                .rollups
                .row(&rollup)
                .and_then(|rollup| rollup.parameters.as_ref())
                .map(|parameters| {
                    parameters
                        .local_ejection_threshold
                        .max(parameters.ejection_threshold)
                }),
        };
        let (left, occurrence) = self.change_attester(address, |attester| {
            attester.slash_count = attester.slash_count.saturating_add(1);
            attester.slashed = attester.slashed.saturating_add(amount);
            let left = attester
                .registration
                .as_mut()
                .map(|known| slash(known, rollup, amount, threshold));
            (left, attester.slash_count)
        });
        if left.is_none() {
            self.fault(Fault::NoRegistration { attester: address });
        }
        self.say(
            Change::Slashed {
                attester: address,
                rollup,
                amount,
                left,
                occurrence,
            },
            evidence(seen),
        );
    }
}

/// The contracts' slash rule (`StakingLib.slash`, `GSE.withdraw`): what remains below the higher of the two ejection
/// thresholds leaves the set; what remains of an exit stays in it. Gives what is left.
fn slash(
    known: &mut Registration,
    rollup: RollupVersion,
    amount: Wei,
    threshold: Option<Wei>,
) -> Wei {
    let left = known.balance.saturating_sub(amount);
    known.balance = left;
    let is_validating = matches!(
        known.state,
        RegistrationState::Validating | RegistrationState::SlashedEjectionUnknown
    );
    if left.is_zero() {
        known.state = RegistrationState::SlashedToNothing;
    } else if is_validating {
        match threshold {
            Some(threshold) if left < threshold => {
                known.state = RegistrationState::Zombie { exit: None };
                known.rollup = rollup;
            }
            Some(_) => {}
            None => {
                known.state = RegistrationState::SlashedEjectionUnknown;
                known.rollup = rollup;
            }
        }
    } else if let RegistrationState::Zombie { exit: Some(exit) }
    | RegistrationState::Exiting { exit: Some(exit) } = &mut known.state
    {
        exit.amount = left;
    }
    left
}
