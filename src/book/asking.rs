//! What is asked at a block: the globals of every rollup, the views of those that its events name, and what these leave open.
//!
//! The plan for a block is a pure function of the book and of the attesters that its events touched; the number of
//! questions does not depend on the size of the fleet.

use std::collections::BTreeSet;

use super::{
    Book,
    fold::{Ours, Seen},
    question::{Answer, Question, Snapshot, Status},
};
use crate::{
    attester::{Registration, RegistrationState},
    chain::contracts::Event,
    units::{Address, AttesterAddress, RollupVersion, UnixSeconds},
};

impl Book {
    /// What is asked at every block: the globals of every rollup, and the views of the attesters of ours that were touched.
    #[must_use]
    pub fn questions(&self, ours: &Ours, touched: &BTreeSet<AttesterAddress>) -> Vec<Question> {
        let mut questions = Vec::new();
        let gses: BTreeSet<Address> = self.rollups.rows().map(|(_, rollup)| rollup.gse).collect();
        questions.extend(
            gses.into_iter()
                .filter(|gse| !gse.is_zero())
                .map(|gse| Question::LatestRollup { gse }),
        );
        for (version, _) in self.rollups.rows() {
            let rollup = *version;
            questions.extend([
                Question::QueueLength { rollup },
                Question::QueueAt { rollup, place: 0 },
                Question::ActiveCount { rollup },
                Question::Available { rollup },
                Question::NextFlushableEpoch { rollup },
                Question::IsBootstrapped { rollup },
                Question::FlushSize { rollup },
            ]);
        }
        for provider in &ours.providers {
            questions.push(Question::ProviderQueueLength {
                provider: *provider,
            });
            questions.push(Question::ProviderConfiguration {
                provider: *provider,
            });
        }
        for attester in touched {
            if ours.has(*attester, self.attesters.row(attester)) {
                self.ask_about(*attester, &mut questions);
            }
        }
        questions
    }

    /// Whether the keys of refused deposits of ours were registered before. Asked of the block itself: a key that was
    /// registered earlier in the same block refuses the second deposit too.
    pub fn key_questions<'a>(
        &'a self,
        ours: &'a Ours,
        seen: &'a [Seen],
    ) -> impl Iterator<Item = Question> + 'a {
        seen.iter().filter_map(move |seen| {
            let Event::FailedDeposit {
                rollup,
                attester,
                public_key,
                ..
            } = &seen.event
            else {
                return None;
            };
            let gse = self.rollups.row(rollup)?.gse;
            let is_ours = ours.has(*attester, self.attesters.row(attester));
            (is_ours && !gse.is_zero()).then_some(Question::KeyOwned {
                gse,
                attester: *attester,
                key: *public_key,
            })
        })
    }

    /// The views of one attester: on every rollup.
    pub fn ask_about(&self, attester: AttesterAddress, questions: &mut Vec<Question>) {
        for (version, _) in self.rollups.rows() {
            questions.push(Question::View {
                rollup: *version,
                attester,
            });
        }
    }

    /// What the views of a block leave open, asked at the same block: when a withdrawal unlocks, and whether a stake whose
    /// deposit was never seen follows the latest rollup.
    #[must_use]
    pub fn open_questions(&self, snapshot: &Snapshot) -> Vec<Question> {
        let mut questions = BTreeSet::new();
        self.ask_rounds_further(snapshot, &mut questions);
        self.ask_provider_queues(snapshot, &mut questions);
        for (question, answer) in snapshot.answers() {
            let (Question::View { rollup, attester }, Answer::View(view)) = (question, answer)
            else {
                continue;
            };
            let Some(row) = self.rollups.row(rollup) else {
                continue;
            };
            let known = self
                .attesters
                .row(attester)
                .and_then(|attester| attester.registration.as_ref());
            if let Some((exit, _)) = &view.exit
                && unlock_of(known, exit.withdrawal_id).is_none()
                && let Some(parameters) = &row.parameters
            {
                questions.insert(Question::Withdrawal {
                    governance: parameters.governance,
                    id: exit.withdrawal_id,
                });
            }
            if view.status == Status::Validating
                && known.is_none_or(|known| known.instance.is_none())
            {
                questions.insert(Question::FollowsLatest {
                    gse: row.gse,
                    attester: *attester,
                });
            }
        }
        questions.retain(|question| !snapshot.was_asked(question));
        questions.into_iter().collect()
    }

    pub(super) fn governance(&self, rollup: RollupVersion) -> Option<Address> {
        self.rollups
            .row(&rollup)?
            .parameters
            .as_ref()
            .map(|parameters| parameters.governance)
    }
}

/// When the withdrawal `id` unlocks, where that was read before.
fn unlock_of(known: Option<&Registration>, id: u64) -> Option<UnixSeconds> {
    match &known?.state {
        RegistrationState::Zombie { exit: Some(exit) }
        | RegistrationState::Exiting { exit: Some(exit) } => {
            exit.unlocks_at.filter(|_| exit.withdrawal_id == id)
        }
        _ => None,
    }
}
