//! Slashing rounds: read after a vote, kept until they can no longer be executed.
//!
//! A round tells days ahead whom it will slash. `getTally` names seats of past committees, one slash for each epoch; it is
//! summed per attester, and only ours are kept.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Book,
    fold::{Fold, Seen},
    question::{Answer, Question, Snapshot},
    records::{Rollup, SlashRound, Slashing, round_key},
    snapshot::At,
};
use crate::{
    chain::contracts::Event,
    units::{Address, AttesterAddress, RollupVersion, Round, UnixSeconds, Wei},
};

/// The round of a moment; `None` where the parameters are unknown.
#[must_use]
pub fn round_at(rollup: &Rollup, slashing: &Slashing, at: UnixSeconds) -> Option<Round> {
    let parameters = rollup.parameters.as_ref()?;
    let slot = at
        .since(parameters.genesis)
        .checked_div(parameters.slot_duration_seconds)?;
    slot.checked_div(slashing.round_size).map(Round::new)
}

impl Book {
    /// What is asked about rounds in which something happened.
    #[must_use]
    pub fn round_questions(&self, seen: &[Seen]) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        for seen in seen {
            if let Event::VoteCast {
                rollup,
                proposer_contract,
                round,
                ..
            }
            | Event::RoundExecuted {
                rollup,
                proposer_contract,
                round,
                ..
            } = &seen.event
            {
                let (rollup, contract, round) = (*rollup, *proposer_contract, *round);
                questions.insert(Question::Round {
                    rollup,
                    contract,
                    round,
                });
                questions.insert(Question::TargetCommittees { contract, round });
            }
        }
        questions
    }

    /// Every round that may still be executed: votes that were cast while nobody was reading.
    #[must_use]
    pub fn open_round_questions(&self, at: UnixSeconds) -> Vec<Question> {
        let mut questions = Vec::new();
        for (version, rollup) in self.rollups.rows() {
            for slashing in &rollup.slashing {
                let Some(current) = round_at(rollup, slashing, at).map(Round::value) else {
                    continue;
                };
                let first = current.saturating_sub(slashing.lifetime_rounds);
                questions.extend((first..=current).map(|round| Question::Round {
                    rollup: *version,
                    contract: slashing.proposer,
                    round: Round::new(round),
                }));
            }
        }
        questions
    }

    /// What the answers about rounds leave open: the committees of a round with votes, then its tally.
    pub(super) fn ask_rounds_further(
        &self,
        snapshot: &Snapshot,
        questions: &mut BTreeSet<Question>,
    ) {
        for (question, answer) in snapshot.answers() {
            match (question, answer) {
                (
                    Question::Round {
                        contract, round, ..
                    },
                    Answer::Round(false, votes),
                ) if *votes > 0 => {
                    let (contract, round) = (*contract, *round);
                    questions.insert(Question::TargetCommittees { contract, round });
                }
                (
                    Question::TargetCommittees { contract, round },
                    Answer::Committees(committees),
                ) => {
                    questions.insert(Question::Tally {
                        contract: *contract,
                        round: *round,
                        committees: committees.clone(),
                    });
                }
                _ => {}
            }
        }
    }
}

impl Fold<'_> {
    /// Writes down what the views tell of rounds, and forgets those that can no longer be executed.
    pub(super) fn rounds(&mut self, at: At, snapshot: &Snapshot) {
        let tallies: BTreeMap<(Address, Round), &[(AttesterAddress, Wei)]> = snapshot
            .answers()
            .filter_map(|(question, answer)| match (question, answer) {
                (
                    Question::Tally {
                        contract, round, ..
                    },
                    Answer::Tally(tally),
                ) => Some(((*contract, *round), tally.as_slice())),
                _ => None,
            })
            .collect();
        for (question, answer) in snapshot.answers() {
            let (
                Question::Round {
                    rollup,
                    contract,
                    round,
                },
                Answer::Round(is_executed, votes),
            ) = (question, answer)
            else {
                continue;
            };
            let key = round_key(*rollup, *round);
            let known = self.book.rounds.row(&key).cloned().unwrap_or_default();
            let rows = self.book.rollups.row(rollup);
            let proposers: Vec<Address> = rows
                .map(|rollup| rollup.slashing.iter().map(|one| one.proposer).collect())
                .unwrap_or_default();
            if !is_of_note(&known, *contract, *votes, &proposers) {
                continue;
            }
            if *votes == 0 {
                self.book.rounds.remove(&key);
                continue;
            }
            let tally = tallies
                .get(&(*contract, *round))
                .map(|tally| self.sum_of_ours(tally));
            let known = Some(known)
                .filter(|known| known.contract == *contract)
                .unwrap_or_default();
            let read = SlashRound {
                contract: *contract,
                votes: *votes,
                is_executed: *is_executed,
                tally: tally.or(known.tally.clone()),
                block: known.block,
            };
            if read != known {
                let block = at.block.number;
                self.book.rounds.put(key, SlashRound { block, ..read });
            }
        }
        self.forget_rounds(at.at);
    }

    fn sum_of_ours(&self, tally: &[(AttesterAddress, Wei)]) -> Vec<(AttesterAddress, Wei)> {
        let mut sums: BTreeMap<AttesterAddress, Wei> = BTreeMap::new();
        for (attester, amount) in tally {
            if self.is_ours(*attester) {
                let sum = sums.entry(*attester).or_default();
                *sum = sum.saturating_add(*amount);
            }
        }
        sums.into_iter().collect()
    }

    fn forget_rounds(&mut self, at: UnixSeconds) {
        let expired: Vec<_> = self
            .book
            .rounds
            .rows()
            .filter(|((version, round), row)| {
                self.book.rollups.row(version).is_none_or(|rollup| {
                    let slashing = rollup
                        .slashing
                        .iter()
                        .find(|one| one.proposer == row.contract);
                    slashing.is_none_or(|slashing| is_expired(rollup, slashing, round.value(), at))
                })
            })
            .map(|(key, _)| *key)
            .collect();
        for key in expired {
            self.book.rounds.remove(&key);
        }
    }
}

/// Whether what `contract` says of a round takes the place of what is known.
///
/// While one slasher gives way to another (v5), two proposers count the votes of the same round. A slot has one vote and a
/// quorum is more than half of the slots, so that only the one with more votes can reach it. What is known from one that
/// is no longer among the `proposers` of the rollup, the present one first, counts for nothing.
fn is_of_note(known: &SlashRound, contract: Address, votes: u64, proposers: &[Address]) -> bool {
    let is_present = proposers.first() == Some(&contract);
    known.contract == contract
        || !proposers.contains(&known.contract)
        || votes > known.votes
        || (votes == known.votes && is_present)
}

fn is_expired(rollup: &Rollup, slashing: &Slashing, round: u64, at: UnixSeconds) -> bool {
    round_at(rollup, slashing, at)
        .is_some_and(|current| round.saturating_add(slashing.lifetime_rounds) < current.value())
}

/// The rounds of a rollup that were voted on, oldest first.
pub fn rounds_of(book: &Book, rollup: RollupVersion) -> impl Iterator<Item = (Round, &SlashRound)> {
    book.rounds
        .rows()
        .filter(move |((version, _), _)| *version == rollup)
        .map(|((_, round), row)| (Round::new(round.value()), row))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_proposers_that_count_one_round_the_one_nearer_its_quorum_is_known() {
        let (old, new) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let known = SlashRound {
            contract: old,
            votes: 9,
            ..SlashRound::default()
        };
        let both = [new, old];
        // The new one has no votes yet, or fewer: that says nothing of the old one's.
        assert!(!is_of_note(&known, new, 0, &both));
        assert!(!is_of_note(&known, new, 8, &both));
        assert!(is_of_note(&known, new, 9, &both));
        assert!(is_of_note(&known, new, 10, &both));
        // A reorg may take votes back.
        assert!(is_of_note(&known, old, 0, &both));
        assert!(is_of_note(&SlashRound::default(), new, 1, &both));
        // The old one can no longer slash anybody.
        assert!(is_of_note(&known, new, 1, &[new]));
    }
}
