//! Views of a block, laid beside the fold.
//!
//! A view fills what logs cannot tell and corrects what the fold got wrong; a correction is a [`Fault`] of ours once the
//! fold was complete. A view that is missing changes nothing.

use std::collections::BTreeSet;

use super::{
    Book,
    fold::{Fault, Fold},
    question::{Answer, Question, Snapshot, View},
    records::{Flush, QueueEntry},
    registration::{describe, is_contradiction, registration_of},
};
use crate::{
    attester::{Entry, RefusalCause, Registration, RegistrationState, change::Evidence},
    chain::contracts::Instance,
    units::{AttesterAddress, BlockRef, Epoch, RollupVersion, UnixSeconds},
};

/// A block to which views belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The block.
    pub block: BlockRef,
    /// Its time.
    pub at: UnixSeconds,
}

impl At {
    /// The evidence of a view at this block.
    #[must_use]
    pub fn evidence(&self, source: &'static str) -> Evidence {
        Evidence {
            block: self.block,
            at: self.at,
            transaction: None,
            log_index: None,
            source: source.into(),
        }
    }
}

impl Fold<'_> {
    /// Lays a snapshot beside the fold.
    pub fn snapshot(&mut self, at: At, snapshot: &Snapshot) {
        self.latest(at, snapshot);
        let versions: Vec<_> = self
            .book
            .rollups
            .rows()
            .map(|(version, _)| *version)
            .collect();
        for version in &versions {
            self.flush(*version, at, snapshot);
            self.queue(*version, at, snapshot);
        }
        self.providers(snapshot);
        self.provider_queues(at, snapshot);
        self.rounds(at, snapshot);
        for attester in self.viewed(snapshot) {
            let views: Vec<(RollupVersion, &View)> = versions
                .iter()
                .filter_map(|version| {
                    match snapshot.answer(&Question::View {
                        rollup: *version,
                        attester,
                    }) {
                        Some(Answer::View(view)) => Some((*version, view)),
                        _ => None,
                    }
                })
                .collect();
            // A registration may live on any rollup: only the views of all of them together tell.
            if views.len() == versions.len() {
                let is_read = self.views(attester, &views);
                if self.open_answers(attester, snapshot) || is_read {
                    self.news.attesters.insert(attester);
                }
            }
        }
        self.judge_pending(&at.evidence("Rollup.getAttesterView"));
    }

    /// The attesters that a snapshot tells of: first those that events of the block touched, in the order of the events, for
    /// what a view tells of them is told in that order; then the others, by address.
    fn viewed(&self, snapshot: &Snapshot) -> Vec<AttesterAddress> {
        let mut rest: BTreeSet<AttesterAddress> = snapshot
            .answers()
            .filter_map(|(question, answer)| match (question, answer) {
                (Question::View { attester, .. }, Answer::View(_)) => Some(*attester),
                _ => None,
            })
            .collect();
        let touched = self.met.iter().copied();
        let mut viewed: Vec<AttesterAddress> = touched.filter(|one| rest.remove(one)).collect();
        viewed.extend(rest);
        viewed
    }

    fn latest(&mut self, at: At, snapshot: &Snapshot) {
        let read = snapshot
            .answers()
            .find_map(|(question, answer)| match (question, answer) {
                (Question::LatestRollup { .. }, Answer::Address(address)) => {
                    self.book.rollup_at(*address)
                }
                _ => None,
            });
        let event = self.canonical.take();
        let summary = self.book.summary();
        // Without the GSE's word the Registry's counts.
        let told = event.as_ref().and(summary.canonical);
        let Some(read) = read.or(told) else { return };
        match summary.latest {
            Some(folded) if folded == read => {}
            None if event.is_none() => {
                self.book
                    .change_chapter(|chapter| chapter.latest = Some(read));
                self.judge_all(&at.evidence("GSE.getLatestRollup"));
            }
            folded => {
                if let Some(folded) = folded.filter(|_| summary.canonical != Some(read)) {
                    self.view_fault("latest rollup", folded, read);
                }
                let evidence = event.unwrap_or_else(|| at.evidence("GSE.getLatestRollup"));
                self.turn_to(read, &evidence);
            }
        }
    }

    fn flush(&mut self, rollup: RollupVersion, at: At, snapshot: &Snapshot) {
        let number = |question: Question| snapshot.number(&question);
        let read = || {
            Some(Flush {
                block: at.block,
                at: at.at,
                active_attesters: number(Question::ActiveCount { rollup })?,
                available: number(Question::Available { rollup })?,
                next_flushable_epoch: Epoch::new(number(Question::NextFlushableEpoch { rollup })?),
                is_bootstrapped: snapshot.flag(&Question::IsBootstrapped { rollup })?,
                flush_size: number(Question::FlushSize { rollup })?,
            })
        };
        let Some(flush) = read() else { return };
        let is_same = self
            .book
            .rollups
            .row(&rollup)
            .and_then(|row| row.flush.as_ref())
            .is_some_and(|known| {
                let dated = Flush {
                    block: flush.block,
                    at: flush.at,
                    ..known.clone()
                };
                dated == flush
                    && known.at.value() / FLUSH_REFRESH_SECONDS
                        == flush.at.value() / FLUSH_REFRESH_SECONDS
            });
        if !is_same {
            self.book
                .rollups
                .change(&rollup, |row| row.flush = Some(flush));
        }
    }

    fn queue(&mut self, rollup: RollupVersion, at: At, snapshot: &Snapshot) {
        let Some(length) = snapshot.number(&Question::QueueLength { rollup }) else {
            return;
        };
        let head = match snapshot.answer(&Question::QueueAt { rollup, place: 0 }) {
            Some(Answer::Entry(head)) => head.as_ref().map(|(attester, _, _)| *attester),
            _ => return,
        };
        if let Some(entries) = whole_queue(rollup, length, snapshot) {
            if self.replace_queue(rollup, at, &entries) {
                self.news.queues.insert(rollup);
            }
            return;
        }
        let Some(queue) = self.book.rollups.row(&rollup).map(|row| row.queue.clone()) else {
            return;
        };
        let folded_head = self
            .book
            .entry_queue
            .row(&(rollup, queue.first))
            .map(|entry| entry.attester);
        if queue.len() != length || (length > 0 && folded_head != head) {
            let what = format!("entry queue of rollup {rollup}");
            let show = |length: u64, head: Option<AttesterAddress>| {
                head.map_or_else(
                    || format!("{length} entries"),
                    |head| format!("{length} entries, head {head}"),
                )
            };
            self.fault(Fault::View {
                what,
                folded: show(queue.len(), folded_head),
                read: show(length, head),
            });
        }
    }

    /// Puts the queue as the contract has it in the place of the folded one; says whether anything differed.
    fn replace_queue(&mut self, rollup: RollupVersion, at: At, read: &[QueueEntry]) -> bool {
        let Some(queue) = self.book.rollups.row(&rollup).map(|row| row.queue.clone()) else {
            return false;
        };
        let folded: Vec<_> = self
            .book
            .queue_entries(rollup)
            .map(|(index, entry)| (index, entry.clone()))
            .collect();
        let is_same = folded.len() == read.len()
            && folded
                .iter()
                .zip(read)
                .all(|((_, folded), read)| folded.attester == read.attester);
        if is_same {
            let mut is_news = false;
            for ((index, folded), read) in folded.iter().zip(read) {
                if folded.moves_with_latest != read.moves_with_latest {
                    self.book.entry_queue.put((rollup, *index), read.clone());
                    is_news = true;
                }
            }
            return is_news;
        }
        if self.book.summary().is_swept {
            let what = format!("entry queue of rollup {rollup}");
            let show = |length: usize| format!("{length} entries");
            self.fault(Fault::View {
                what,
                folded: show(folded.len()),
                read: show(read.len()),
            });
        }
        for (index, entry) in folded {
            self.book.entry_queue.remove(&(rollup, index));
            self.change_attester(entry.attester, |attester| {
                attester.entries.retain(|entry| entry.rollup != rollup);
            });
        }
        let mut index = queue.first;
        for entry in read {
            self.book.entry_queue.put((rollup, index), entry.clone());
            let (withdrawer, block) = (entry.withdrawer, at.block.number);
            self.change_attester(entry.attester, |attester| {
                attester.entries.push(Entry {
                    rollup,
                    index,
                    withdrawer,
                    block,
                });
            });
            index = index.saturating_add(1);
        }
        self.book
            .rollups
            .change(&rollup, |row| row.queue.last = index);
        self.judge_pending(&at.evidence("Rollup.getEntryQueueAt"));
        true
    }

    fn providers(&mut self, snapshot: &Snapshot) {
        for (question, answer) in snapshot.answers() {
            match (question, answer) {
                (
                    Question::ProviderConfiguration { provider },
                    Answer::Provider(admin, rate, recipient),
                ) => {
                    let (admin, recipient) = (Some(*admin), Some(*recipient));
                    let rate = Some(crate::units::BasisPoints::new(*rate));
                    let known = self
                        .book
                        .providers
                        .row(provider)
                        .cloned()
                        .unwrap_or_default();
                    if (known.admin, known.take_rate, known.rewards_recipient)
                        != (admin, rate, recipient)
                    {
                        self.book
                            .providers
                            .change_or_make(provider, Default::default, |row| {
                                (row.admin, row.take_rate, row.rewards_recipient) =
                                    (admin, rate, recipient);
                            });
                    }
                }
                (Question::ProviderQueueLength { provider }, Answer::Number(read)) => {
                    let folded = self
                        .book
                        .providers
                        .row(provider)
                        .map_or(0, super::records::Provider::keys_left);
                    if folded != *read {
                        self.view_fault(&format!("queue of provider {provider}"), folded, read);
                    }
                }
                (Question::NextProvider, Answer::Number(next)) => {
                    let next = Some(crate::units::ProviderId::new(*next));
                    if self.book.summary().next_provider != next {
                        self.book
                            .change_chapter(|chapter| chapter.next_provider = next);
                    }
                }
                _ => {}
            }
        }
    }

    /// Takes what was asked after the views: when the exit unlocks, and whether the stake follows the latest rollup. Says
    /// whether that was news.
    fn open_answers(&mut self, address: AttesterAddress, snapshot: &Snapshot) -> bool {
        let Some(known) = self
            .book
            .attesters
            .row(&address)
            .and_then(|attester| attester.registration.as_ref())
        else {
            return false;
        };
        let Some(rollup) = self.book.rollups.row(&known.rollup) else {
            return false;
        };
        let (gse, address_of) = (rollup.gse, rollup.address);
        let mut told = known.clone();
        match &mut told.state {
            RegistrationState::Zombie { exit: Some(exit) }
            | RegistrationState::Exiting { exit: Some(exit) } => {
                let id = exit.withdrawal_id;
                let governance = self.book.governance(known.rollup);
                let question = governance.map(|governance| Question::Withdrawal { governance, id });
                if let Some(Answer::Withdrawal(unlocks_at, _)) =
                    question.and_then(|question| snapshot.answer(&question))
                {
                    exit.unlocks_at = Some(*unlocks_at);
                }
            }
            RegistrationState::Validating if told.instance.is_none() => {
                let attester = address;
                if let Some(follows) = snapshot.flag(&Question::FollowsLatest { gse, attester }) {
                    told.instance = Some(if follows {
                        Instance::Bonus
                    } else {
                        Instance::Rollup(address_of)
                    });
                }
            }
            _ => {}
        }
        let is_news = told != *known;
        if is_news {
            self.change_attester(address, |attester| attester.registration = Some(told));
        }
        is_news
    }

    /// Decides the registration of an attester from its views on **all** rollups; says whether it is another.
    fn views(&mut self, address: AttesterAddress, views: &[(RollupVersion, &View)]) -> bool {
        let known = self
            .book
            .attesters
            .row(&address)
            .cloned()
            .unwrap_or_default();
        let latest = self.book.latest().map(|latest| latest.version);
        let read = registration_of(&known, views, latest);
        if read == known.registration {
            return false;
        }
        if is_contradiction(&known, read.as_ref()) {
            let show = |known: Option<&Registration>| {
                known.map_or_else(|| "never registered".to_owned(), describe)
            };
            let what = format!("registration of {address}");
            let (folded, read) = (show(known.registration.as_ref()), show(read.as_ref()));
            self.fault(Fault::View { what, folded, read });
        }
        self.change_attester(address, |attester| {
            attester.registration = read;
            if let Some(refused) = attester.refused.as_mut()
                && attester.registration.is_some()
                && refused.cause != RefusalCause::RollupNotLatest
            {
                refused.cause = RefusalCause::AttesterUsedBefore;
            }
        });
        true
    }

    fn view_fault(&mut self, what: &str, folded: impl ToString, read: impl ToString) {
        self.fault(Fault::View {
            what: what.to_owned(),
            folded: folded.to_string(),
            read: read.to_string(),
        });
    }
}

/// Seconds after which unchanged flush facts are written again, so that their date stays fresh: 3600 s = 1 h.
const FLUSH_REFRESH_SECONDS: u64 = 3600;

/// The whole queue, where the snapshot holds all of it.
fn whole_queue(rollup: RollupVersion, length: u64, snapshot: &Snapshot) -> Option<Vec<QueueEntry>> {
    if length > 0 {
        snapshot.answer(&Question::QueueAt {
            rollup,
            place: length - 1,
        })?;
    }
    (0..length)
        .map(
            |place| match snapshot.answer(&Question::QueueAt { rollup, place })? {
                Answer::Entry(Some((attester, withdrawer, moves))) => Some(QueueEntry {
                    attester: *attester,
                    withdrawer: *withdrawer,
                    moves_with_latest: Some(*moves),
                }),
                _ => None,
            },
        )
        .collect()
}

impl Book {
    /// The entries of a rollup's queue, head first.
    pub fn queue_entries(
        &self,
        rollup: RollupVersion,
    ) -> impl Iterator<Item = (crate::units::QueueIndex, &QueueEntry)> {
        use crate::units::QueueIndex;
        self.entry_queue
            .range((rollup, QueueIndex::new(0))..=(rollup, QueueIndex::new(u64::MAX)))
            .map(|((_, index), entry)| (*index, entry))
    }
}
