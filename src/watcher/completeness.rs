//! Proof that no log is missing, from views that count what the logs should add up to.
//!
//! Pure. It is taken at every sweep, before the sweep repairs anything: an empty answer of an endpoint that forgot its
//! history looks like a quiet chain, and only such sums tell the two apart.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    book::{
        Book,
        question::{Question, Snapshot},
    },
    units::{ProviderId, RollupVersion},
};

/// Providers named in one missing fact; the rest is counted.
const NAMED_MAX: usize = 16;

/// Something that logs must have told, and did not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "missing")]
pub enum MissingFact {
    /// No rollup was ever seen to become canonical, and yet the Registry has one.
    Canonical {
        /// Rollups of the Registry.
        rollups: u64,
        /// `CanonicalRollupUpdated` events seen.
        seen: u64,
    },
    /// Providers below `nextProviderIdentifier` that were never seen to register.
    Providers {
        /// The first of them.
        first: Vec<ProviderId>,
        /// How many there are.
        count: u64,
    },
    /// Keys added − dripped − staked is not what `getProviderQueueLength` says.
    ProviderQueue {
        /// The provider.
        provider: ProviderId,
        /// As folded.
        folded: u64,
        /// As read.
        read: u64,
    },
    /// `ValidatorQueued` − departures is not what `getEntryQueueLength` says.
    EntryQueue {
        /// The rollup.
        rollup: RollupVersion,
        /// As folded.
        folded: u64,
        /// As read.
        read: u64,
    },
}

impl MissingFact {
    /// Whether not even the Registry's first word was told.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        matches!(self, Self::Canonical { .. })
    }
}

impl fmt::Display for MissingFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Canonical { rollups, seen } => write!(
                f,
                "the Registry has {rollups} rollups, and {seen} were seen to become canonical"
            ),
            Self::Providers { first, count } => {
                let first: Vec<String> = first.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "{count} providers were never seen to register: {}",
                    first.join(", ")
                )
            }
            Self::ProviderQueue {
                provider,
                folded,
                read,
            } => write!(
                f,
                "the logs leave {folded} keys in the queue of provider {provider}, the contract has {read}"
            ),
            Self::EntryQueue {
                rollup,
                folded,
                read,
            } => write!(
                f,
                "the logs leave {folded} entries in the queue of rollup {rollup}, the contract has {read}"
            ),
        }
    }
}

/// What the logs did not tell, by the views of a sweep at the same block. Empty = nothing is missing.
#[must_use]
pub fn missing_facts(book: &Book, sweep: &Snapshot) -> Vec<MissingFact> {
    let mut missing = Vec::new();
    let rollups = u64::try_from(book.rollups.len()).unwrap_or(u64::MAX);
    let seen = book.summary().canonical_changes;
    if seen < rollups {
        missing.push(MissingFact::Canonical { rollups, seen });
    }
    if let Some(next) = sweep.number(&Question::NextProvider) {
        let unseen = |id: &ProviderId| {
            let row = book.providers.row(id);
            !row.is_some_and(|provider| provider.is_registered)
        };
        let unseen: Vec<ProviderId> = (1..next).map(ProviderId::new).filter(unseen).collect();
        if !unseen.is_empty() {
            let count = u64::try_from(unseen.len()).unwrap_or(u64::MAX);
            let first = unseen.into_iter().take(NAMED_MAX).collect();
            missing.push(MissingFact::Providers { first, count });
        }
    }
    for (question, answer) in sweep.answers() {
        let Some(read) = answer.number() else {
            continue;
        };
        match question {
            Question::ProviderQueueLength { provider } => {
                let row = book.providers.row(provider);
                let folded = row.map_or(0, |row| {
                    let left = row.added.checked_sub(row.dripped);
                    left.and_then(|left| left.checked_sub(row.staked))
                        .unwrap_or(0)
                });
                if folded != read {
                    let provider = *provider;
                    missing.push(MissingFact::ProviderQueue {
                        provider,
                        folded,
                        read,
                    });
                }
            }
            Question::QueueLength { rollup } => {
                let folded = book.rollups.row(rollup).map_or(0, |row| row.queue.len());
                if folded != read {
                    let rollup = *rollup;
                    missing.push(MissingFact::EntryQueue {
                        rollup,
                        folded,
                        read,
                    });
                }
            }
            _ => {}
        }
    }
    missing
}
