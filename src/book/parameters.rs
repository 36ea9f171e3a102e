//! Events that change no attester: providers' configuration, canonical rollup, parameters, votes.

use super::{
    fold::{Fault, Fold, Seen, evidence},
    records::Provider,
};
use crate::{
    attester::{
        RegistrationState,
        change::{Change, Evidence, ProviderChange},
    },
    chain::contracts::{Event, Instance},
    units::{ProviderId, RollupVersion},
};

impl Fold<'_> {
    pub(super) fn canonical(&mut self, version: RollupVersion, seen: &Seen) {
        if self.book.rollups.row(&version).is_none() {
            let Event::CanonicalRollupUpdated { rollup, .. } = &seen.event else {
                return;
            };
            self.fault(Fault::UnknownRollup { rollup: *rollup });
        }
        self.book.change_chapter(|chapter| {
            chapter.canonical = Some(version);
            chapter.canonical_changes = chapter.canonical_changes.saturating_add(1);
        });
        if self.awaits_views() {
            self.canonical = Some(evidence(seen));
        } else {
            self.turn_to(version, &evidence(seen));
        }
    }

    /// Another rollup is the latest: whoever stays on an earlier one no longer counts as active.
    pub(super) fn turn_to(&mut self, version: RollupVersion, evidence: &Evidence) {
        let from = self.book.summary().latest;
        if from == Some(version) {
            return;
        }
        let occurrence = self.book.change_chapter(|chapter| {
            chapter.latest = Some(version);
            chapter.canonical_changes
        });
        let (moved, left) = self.moved_and_left(from);
        self.judge_all(evidence);
        self.say(
            Change::Canonical {
                from,
                to: version,
                moved,
                left,
                occurrence,
            },
            evidence.clone(),
        );
    }

    /// How many of our validating attesters follow the latest rollup, and how many stay on `from`, which was it until
    /// now: who stayed on a still earlier one was told by the change that left it.
    fn moved_and_left(&self, from: Option<RollupVersion>) -> (u64, u64) {
        let (mut moved, mut left) = (0, 0);
        for (address, attester) in self.book.attesters.rows() {
            let Some(known) = &attester.registration else {
                continue;
            };
            if known.state != RegistrationState::Validating || !self.is_ours(*address) {
                continue;
            }
            match known.instance {
                Some(Instance::Bonus) => moved += 1,
                _ if Some(known.rollup) == from => left += 1,
                _ => {}
            }
        }
        (moved, left)
    }

    pub(super) fn parameters(&mut self, event: &Event, seen: &Seen) {
        match event {
            Event::StakingQueueConfigUpdated { rollup, config } => {
                self.change_parameters(*rollup, |parameters| {
                    parameters.queue_config = Some(*config);
                });
            }
            Event::LocalEjectionThresholdUpdated { rollup, threshold } => {
                self.change_parameters(*rollup, |parameters| {
                    parameters.local_ejection_threshold = *threshold;
                });
            }
            Event::VoteCast {
                rollup,
                proposer_contract,
                round,
                slot,
                ..
            } => {
                let (rollup, contract, round, slot) = (*rollup, *proposer_contract, *round, *slot);
                self.say(
                    Change::SlashVote {
                        rollup,
                        contract,
                        round,
                        slot,
                    },
                    evidence(seen),
                );
            }
            Event::RoundExecuted {
                rollup,
                proposer_contract,
                round,
                ..
            } => {
                let (rollup, contract, round) = (*rollup, *proposer_contract, *round);
                self.say(
                    Change::SlashRoundExecuted {
                        rollup,
                        contract,
                        round,
                    },
                    evidence(seen),
                );
            }
            _ => self.provider_event(event, seen),
        }
    }

    fn change_parameters(
        &mut self,
        rollup: RollupVersion,
        change: impl FnOnce(&mut super::records::Parameters),
    ) {
        self.book
            .rollups
            .change(&rollup, |rollup| rollup.parameters.as_mut().map(change));
    }

    fn provider_event(&mut self, event: &Event, seen: &Seen) {
        let said = match *event {
            Event::ProviderRegistered {
                provider,
                admin,
                take_rate,
            } => {
                self.change_provider(provider, |row| {
                    row.is_registered = true;
                    row.admin = Some(admin);
                    row.take_rate = Some(take_rate);
                });
                Some((provider, ProviderChange::Registered))
            }
            Event::ProviderAdminUpdateInitiated { provider, admin } => {
                self.change_provider(provider, |row| row.pending_admin = Some(admin));
                Some((provider, ProviderChange::AdminProposed { admin }))
            }
            Event::ProviderAdminUpdated { provider, admin } => {
                let from = self.change_provider(provider, |row| {
                    row.pending_admin = None;
                    row.admin.replace(admin)
                });
                Some((provider, ProviderChange::Admin { from, to: admin }))
            }
            Event::ProviderTakeRateUpdated {
                provider,
                take_rate,
            } => {
                let from = self.change_provider(provider, |row| row.take_rate.replace(take_rate));
                Some((
                    provider,
                    ProviderChange::TakeRate {
                        from,
                        to: take_rate,
                    },
                ))
            }
            Event::ProviderRewardsRecipientUpdated {
                provider,
                recipient,
            } => {
                let from =
                    self.change_provider(provider, |row| row.rewards_recipient.replace(recipient));
                Some((
                    provider,
                    ProviderChange::RewardsRecipient {
                        from,
                        to: recipient,
                    },
                ))
            }
            _ => None,
        };
        if let Some((provider, what)) = said {
            self.say_provider(provider, what, seen);
        }
    }

    fn change_provider<T>(
        &mut self,
        provider: ProviderId,
        change: impl FnOnce(&mut Provider) -> T,
    ) -> T {
        self.book
            .providers
            .change_or_make(&provider, Provider::default, change)
    }

    fn say_provider(&mut self, provider: ProviderId, what: ProviderChange, seen: &Seen) {
        let occurrence = self.change_provider(provider, |row| {
            row.changes = row.changes.saturating_add(1);
            row.changes
        });
        if self.is_our_provider(provider) {
            self.say(
                Change::Provider {
                    provider,
                    what,
                    occurrence,
                },
                evidence(seen),
            );
        }
    }
}
