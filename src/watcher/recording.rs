//! What was observed, written down in the commit that it caused, so that it can be folded again.
//!
//! A record holds what the fold needs and no more: answers that told nothing new are left out, and of those that are asked
//! at every block only what changed since the record before. What a record leaves out stands in the [`Memo`] that
//! the records before it add up to; now and then a record is whole, and reading may begin there.
//! Records are numbered without a gap and chained by a digest, which the progress of the network carries.

mod form;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use form::{BlockForm, ViewsForm, What, block_form, is_steady, kept, pack, unpack};

use super::{
    Watcher,
    observation::{self, Found, Meeting, Sight, Unknown},
};
use crate::{
    book::{
        Book,
        fold::{Mode, News, Ours, Seen},
        question::{Answer, Question, Snapshot},
        snapshot::At,
    },
    chain::agreement::digest,
    state::State,
    store::{
        StoreError, Tree, Write,
        table::{Record, Table, decode_record, encode_record},
    },
    units::{B256, BlockNumber, BlockRef, UnixSeconds},
    writer::Extra,
};

/// Records after which one is whole again: 7,200 blocks × 12 s = 1 day, so that what lies before a base can be dropped.
const WHOLE_EVERY: u64 = 7_200;

/// How much was recorded of a network.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// Number of the oldest record that is kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub first: u64,
    /// Number of the next record.
    pub count: u64,
    /// Number of the newest record that is whole.
    pub whole: u64,
    /// Bytes of all records.
    pub bytes: u64,
    /// Digest over all records, each with the digest before it.
    pub digest: B256,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands it over like this"
)]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Recorded {
    /// How much there is with one more record.
    #[must_use]
    pub fn with(&self, bytes: &[u8], is_whole: bool) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.digest);
        hash.update(bytes);
        Self {
            first: self.first,
            count: self.count.saturating_add(1),
            whole: if is_whole { self.count } else { self.whole },
            bytes: self
                .bytes
                .saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            digest: B256::from_slice(&hash.finalize()),
        }
    }
}

/// What the records up to one add up to: whose attesters matter, and what the contracts said last.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Memo {
    /// Number of the record that comes next.
    next: u64,
    ours: Ours,
    said: BTreeMap<Question, Answer>,
}

/// An observation as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Whether it says everything that it needs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole: bool,
    /// Whose attesters matter from here on, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ours: Option<Ours>,
    /// What was observed.
    what: What,
}

impl Record for Observed {
    const KIND: &'static str = "observed";
    const TREE: Tree = Tree::Ledger;
    type Key = u64;
}

impl Observed {
    /// Whether reading may begin with it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.whole
    }
}

/// An observation, read back with what it left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are those of `observation`")]
pub enum Observation {
    /// The network was met.
    Met(Meeting),
    /// Its rollups were found again.
    Learned(Found),
    /// History begins later.
    Skipped {
        held: BlockNumber,
        before: BlockRef,
        at: UnixSeconds,
    },
    /// A range of logs.
    Range {
        end: BlockRef,
        at: UnixSeconds,
        seen: Vec<Seen>,
    },
    /// A block near the head.
    Block(Box<Look>),
    /// Blocks were taken back, highest first.
    Unwound(Vec<BlockNumber>),
    /// Blocks before this one were forgotten.
    Final(BlockNumber),
}

impl Observation {
    /// Folds it into `book`; `undo` gives the undo record of a block.
    ///
    /// # Errors
    /// What `undo` says.
    pub fn apply(
        &self,
        book: &mut Book,
        ours: &Ours,
        undo: impl Fn(BlockNumber) -> Result<Vec<Write>, StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Met(meeting) => observation::meet(book, meeting),
            Self::Learned(found) => observation::replace_rollups(book, found),
            Self::Skipped { held, before, at } => observation::skip(book, *held, *before, *at),
            Self::Range { end, at, seen } => {
                drop(observation::fold_range(book, ours, *end, *at, seen));
            }
            Self::Block(look) => drop(look.sight(book).fold(book, ours)),
            Self::Unwound(gone) => {
                for block in gone {
                    observation::take_back(book, &undo(*block)?)?;
                }
            }
            Self::Final(first) => drop(observation::forget_blocks(book, *first)),
        }
        Ok(())
    }

    /// The block whose undo record is kept.
    #[must_use]
    pub fn block(&self) -> Option<BlockNumber> {
        match self {
            Self::Block(look) => Some(look.at.block.number),
            _ => None,
        }
    }
}

/// What [`Sight`] borrows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    at: At,
    parent: Option<B256>,
    found: Option<Found>,
    seen: Vec<Seen>,
    unknown: Vec<Unknown>,
    held: (u64, B256),
    views: Option<(Snapshot, bool)>,
    mode: Mode,
}

impl Look {
    /// The block, to be folded into `book`.
    #[must_use]
    pub fn sight(&self, book: &Book) -> Sight<'_> {
        Sight {
            at: self.at,
            parent: self.parent.unwrap_or_else(|| book.summary().cursor.hash),
            found: self.found.as_ref(),
            seen: &self.seen,
            unknown: &self.unknown,
            log_count: self.held.0,
            log_digest: self.held.1,
            views: self.views.as_ref().map(|(said, sweep)| (said, *sweep)),
            mode: self.mode,
        }
    }
}

/// What is to be recorded.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noted<'a> {
    Met(&'a Meeting),
    Learned(&'a Found),
    Skipped(BlockNumber, BlockRef, UnixSeconds),
    Range(BlockRef, UnixSeconds, &'a [Seen]),
    /// A block, the cursor before it, and which views were news.
    Block(&'a Sight<'a>, BlockRef, &'a News),
    Unwound(&'a [BlockRef]),
    Final(BlockNumber),
}

impl Watcher {
    /// Records what was observed, in the commit that it caused.
    pub(super) fn record(
        &self,
        state: &mut State,
        extra: &mut Extra,
        ours: Option<&Ours>,
        noted: Noted<'_>,
    ) -> Result<(), StoreError> {
        let network = self.network();
        let recorded = state.progress_of(network).recorded;
        let mut memo = self
            .memo
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_stale = memo.next != recorded.count
            || recorded.count.saturating_sub(recorded.whole) >= WHOLE_EVERY;
        // A record without attesters needs nothing from those before it.
        let is_whole = ours.is_some() && (is_stale || recorded.count == 0 || memo.next == 0);
        if is_whole {
            *memo = Memo::default();
        }
        let book = state.book(network);
        let observed = memo.note(ours, is_whole, &noted, book);
        let bytes = encode_record(&observed)?;
        let key = key(network, recorded.count);
        extra.batch.put(Observed::TREE, key, bytes.clone());
        if is_whole || memo.next == recorded.count {
            memo.next = recorded.count.saturating_add(1);
        }
        drop(memo);
        state.change_progress(network, |progress| {
            progress.recorded = recorded.with(&bytes, is_whole);
        });
        Ok(())
    }
}

impl Memo {
    fn note(
        &mut self,
        ours: Option<&Ours>,
        whole: bool,
        noted: &Noted<'_>,
        book: Option<&Book>,
    ) -> Observed {
        let what = match noted {
            Noted::Met(meeting) => What::Met {
                registry: meeting.registry,
                staking_registry: meeting.staking_registry,
                first_block: meeting.first_block,
                rollups: meeting.rollups.clone(),
            },
            Noted::Learned(found) => What::Learned((*found).clone()),
            Noted::Skipped(held, before, at) => What::Skipped {
                held: *held,
                before: *before,
                at: *at,
            },
            Noted::Range(end, at, seen) => What::Range {
                end: *end,
                at: *at,
                logs: pack(seen),
            },
            Noted::Block(sight, cursor, news) => {
                let is_ours = |address| {
                    let row = book.and_then(|book| book.attesters.row(&address));
                    ours.is_some_and(|ours| ours.has(address, row))
                };
                What::Block(Box::new(BlockForm {
                    views: sight.views.map(|(said, sweep)| ViewsForm {
                        sweep,
                        ..self.note_views(said, news, &is_ours)
                    }),
                    ..block_form(sight, *cursor)
                }))
            }
            Noted::Unwound(gone) => What::Unwound(gone.iter().map(|one| one.number).collect()),
            Noted::Final(first) => What::Final(*first),
        };
        let ours = ours.filter(|ours| whole || self.ours != **ours).cloned();
        if let Some(ours) = &ours {
            self.ours = ours.clone();
        }
        Observed { whole, ours, what }
    }

    fn note_views(
        &mut self,
        snapshot: &Snapshot,
        news: &News,
        is_ours: &dyn Fn(crate::units::AttesterAddress) -> bool,
    ) -> ViewsForm {
        let mut form = ViewsForm::default();
        let mut steady = BTreeSet::new();
        for (question, answer) in snapshot.answers() {
            if is_steady(question) {
                steady.insert(question.clone());
                if self.said.get(question) != Some(answer) {
                    self.said.insert(question.clone(), answer.clone());
                    form.said.push((question.clone(), answer.clone()));
                }
            } else if let Some(kept) = kept(question, answer, news, is_ours) {
                form.said.push(kept);
            }
        }
        let known = self.said.keys();
        form.unsaid = known
            .filter(|one| !steady.contains(*one))
            .cloned()
            .collect();
        for question in &form.unsaid {
            self.said.remove(question);
        }
        form
    }

    /// Whose attesters matter at the record that was read last.
    #[must_use]
    pub const fn ours(&self) -> &Ours {
        &self.ours
    }

    /// Reads a record; the records must be read in their order, from one that is whole.
    #[must_use]
    pub fn read(&mut self, observed: Observed) -> Observation {
        if observed.whole {
            *self = Self::default();
        }
        if let Some(ours) = observed.ours {
            self.ours = ours;
        }
        match observed.what {
            What::Met {
                registry,
                staking_registry,
                first_block,
                rollups,
            } => Observation::Met(Meeting {
                registry,
                staking_registry,
                first_block,
                rollups,
            }),
            What::Learned(found) => Observation::Learned(found),
            What::Skipped { held, before, at } => Observation::Skipped { held, before, at },
            What::Range { end, at, logs } => Observation::Range {
                end,
                at,
                seen: unpack(logs),
            },
            What::Block(form) => Observation::Block(Box::new(self.look(*form))),
            What::Unwound(gone) => Observation::Unwound(gone),
            What::Final(first) => Observation::Final(first),
        }
    }

    fn look(&mut self, form: BlockForm) -> Look {
        let views = form.views.map(|views| {
            for question in &views.unsaid {
                self.said.remove(question);
            }
            let (steady, other): (Vec<_>, Vec<_>) =
                views.said.into_iter().partition(|(one, _)| is_steady(one));
            self.said.extend(steady);
            let mut snapshot = Snapshot::default();
            for (question, answer) in self.said.clone().into_iter().chain(other) {
                snapshot.insert(question, Ok(answer));
            }
            (snapshot, views.sweep)
        });
        Look {
            at: At {
                block: form.block,
                at: form.at,
            },
            parent: form.parent,
            found: form.found,
            seen: unpack(form.logs),
            unknown: form.unknown,
            held: form.held.unwrap_or_else(|| (0, digest(&[]))),
            views,
            mode: if form.is_late {
                Mode::CatchUp
            } else {
                Mode::Head
            },
        }
    }
}

/// Prefix of all records of a network.
#[must_use]
pub fn prefix(network: &str) -> Vec<u8> {
    let mut key = Table::<Observed>::new(network).disk_key(&0);
    key.truncate(key.len().saturating_sub(8));
    key
}

/// The key of a record.
#[must_use]
pub fn key(network: &str, number: u64) -> Vec<u8> {
    Table::<Observed>::new(network).disk_key(&number)
}

/// Whether a key is that of a record.
#[must_use]
pub fn is_record(tree: Tree, key: &[u8]) -> bool {
    tree == Observed::TREE
        && key
            .strip_prefix(Observed::KIND.as_bytes())
            .is_some_and(|rest| rest.first() == Some(&b'/'))
}

/// The number and the content of a record.
///
/// # Errors
/// [`StoreError::Record`] where it is none.
pub fn read(network: &str, key: &[u8], bytes: &[u8]) -> Result<(u64, Observed), StoreError> {
    let observed = decode_record::<Observed>(key, bytes)?;
    let number = key.strip_prefix(prefix(network).as_slice());
    let number = number.and_then(|number| number.try_into().ok());
    let number = number.map(u64::from_be_bytes).ok_or_else(|| {
        StoreError::Damaged("the number of a recorded observation cannot be read".to_owned())
    })?;
    Ok((number, observed))
}

#[cfg(test)]
mod tests;
