//! The views of a block: what is asked of the contracts beside its logs, at the same hash.
//!
//! Three aggregates at most: what is asked at every block, what a sweep adds to it, and what the answers leave open.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use super::{
    WatchError, Watcher,
    agree::Heard,
    follow::{Page, touched_by},
    observation::{Found, replace_rollups},
};
use crate::{
    book::{
        Book,
        fold::Ours,
        question::{Question, Snapshot},
    },
    chain::{Call, Header, LogFilter, contracts::Event},
    state::State,
    units::{AttesterAddress, ProviderId},
    writer::CommitError,
};

/// What the contracts told of a block.
#[derive(Debug)]
pub(super) enum Views {
    /// Nothing: nobody holds the state of that block any more.
    Missing,
    /// What is asked at every block.
    Globals(Snapshot),
    /// That, and everything of ours.
    Sweep(Snapshot),
}

/// Questions whose raw answers are held at a time: by reckoning some 3 MB of them, where those of 100,000 attesters would be 50.
const PIECE: usize = 5_000;

/// How often what answers leave open is asked: a round leads to its committees, and they to its tally.
const OPEN_ROUNDS_MAX: u32 = 3;

/// The decision that only looked.
#[derive(Debug)]
struct OnlyLooked;

impl Watcher {
    /// The views of a block: those of every block; at the head all of ours where they were not swept yet, and where a new
    /// latest rollup moves whole fleets.
    pub(super) async fn views(
        &self,
        header: &Header,
        page: &Page,
        is_head: bool,
        heard: &mut Heard,
    ) -> Result<Views, WatchError> {
        let is_due = self.progress().await.is_audit_due(header.timestamp);
        let is_swept = {
            let state = self.writer.read().await;
            state
                .book(self.network())
                .is_some_and(|book| book.summary().is_swept)
        };
        let is_upheaval = page
            .reading
            .seen
            .iter()
            .any(|seen| matches!(seen.event, Event::CanonicalRollupUpdated { .. }));
        let touched = touched_by(&page.reading);
        let found = page.found.as_ref();
        let plan = |book: &Book, ours: &Ours| {
            let ours = with_joining(ours, page);
            let mut questions = book.questions(&ours, &touched);
            questions.extend(book.key_questions(&ours, &page.reading.seen));
            questions.extend(book.round_questions(&page.reading.seen));
            questions
        };
        let mut snapshot = self.ask(header, found, heard, plan).await?;
        let is_sweep = (!is_swept || is_upheaval || is_due) && is_head;
        if is_sweep {
            let plan = |book: &Book, ours: &Ours| {
                let mut questions = sweep_questions(book, &with_joining(ours, page), &snapshot);
                questions.extend(book.open_round_questions(header.timestamp));
                questions
            };
            let sweep = self.ask(header, found, heard, plan).await?;
            snapshot.extend(sweep);
        }
        for _ in 0..OPEN_ROUNDS_MAX {
            let open = self
                .ask(header, found, heard, |book, _| {
                    book.open_questions(&snapshot)
                })
                .await?;
            if open.is_empty() {
                break;
            }
            snapshot.extend(open);
        }
        Ok(if is_sweep {
            Views::Sweep(snapshot)
        } else {
            Views::Globals(snapshot)
        })
    }

    /// Asks the questions that `plan` makes of the book, at `header`.
    async fn ask(
        &self,
        header: &Header,
        found: Option<&Found>,
        heard: &mut Heard,
        plan: impl FnOnce(&Book, &Ours) -> Vec<Question> + Send,
    ) -> Result<Snapshot, WatchError> {
        let (questions, calls): (Vec<Question>, Vec<Call>) = self
            .with_rollups(found, |book, ours| {
                let questions = plan(book, ours).into_iter();
                questions
                    .filter_map(|question| question.call(book).map(|call| (question, call)))
                    .unzip()
            })
            .await?;
        if calls.is_empty() {
            return Ok(Snapshot::default());
        }
        let (no_logs, mut snapshot) = (LogFilter::default(), Snapshot::default());
        for (questions, calls) in questions.chunks(PIECE).zip(calls.chunks(PIECE)) {
            let observed = self.endpoints.observe(header, &no_logs, calls).await?;
            snapshot.extend(Snapshot::read(questions, &observed.answers));
            let asked = questions.iter().cloned().zip(calls.iter().cloned());
            let asked = asked.zip(observed.answers);
            let asked = asked.map(|((question, call), answer)| (question, call, answer));
            heard.take(observed.source, asked);
        }
        Ok(snapshot)
    }

    /// Looks at the book as if the rollups were those `found`. What a block makes known is written down with the block and
    /// not before: else it would outlive a reorg of that block.
    pub(super) async fn with_rollups<T: Send>(
        &self,
        found: Option<&Found>,
        look: impl FnOnce(&Book, &Ours) -> T + Send,
    ) -> Result<T, WatchError> {
        let network = self.network();
        let nobody = || {
            WatchError::Store(crate::store::StoreError::Damaged(format!(
                "there is no book of {network}"
            )))
        };
        let Some(found) = found else {
            let state = self.writer.read().await;
            let ours = self.announcer.ours(&state, network);
            return state
                .book(network)
                .map(|book| look(book, &ours))
                .ok_or_else(nobody);
        };
        let seen = Mutex::new(None);
        let looked = self
            .writer
            .commit(|state: &mut State, _| {
                let ours = self.announcer.ours(state, network);
                if let Some(book) = state.books.get_mut(network) {
                    replace_rollups(book, found);
                    let saw = look(book, &ours);
                    if let Ok(mut seen) = seen.lock() {
                        *seen = Some(saw);
                    }
                }
                Err::<(), _>(OnlyLooked)
            })
            .await;
        match looked {
            Err(CommitError::Store(error)) => Err(WatchError::Store(error)),
            Ok(()) | Err(CommitError::Refused(OnlyLooked)) => {
                seen.into_inner().ok().flatten().ok_or_else(nobody)
            }
        }
    }
}

/// Ours, with those that join one of our providers in this very block.
fn with_joining(ours: &Ours, page: &Page) -> Ours {
    let mut ours = ours.clone();
    for seen in &page.reading.seen {
        if let Event::AttestersAddedToProvider {
            provider,
            attesters,
        } = &seen.event
            && ours.providers.contains(provider)
        {
            Arc::make_mut(&mut ours.listed).extend(attesters);
        }
    }
    ours
}

/// Everything of ours and every entry queue, as the contracts tell them at one block; `globals` tells the lengths of the
/// queues. Done once the head is reached: at start, after a catch-up, and at audits.
fn sweep_questions(book: &Book, ours: &Ours, globals: &Snapshot) -> Vec<Question> {
    let mut questions = vec![Question::NextProvider];
    for (version, _) in book.rollups.rows() {
        let rollup = *version;
        let length = globals
            .number(&Question::QueueLength { rollup })
            .unwrap_or_default();
        questions.extend((1..length).map(|place| Question::QueueAt { rollup, place }));
    }
    let ours_first = |provider: &ProviderId| Question::ProviderQueueFirst {
        provider: *provider,
    };
    questions.extend(ours.providers.iter().map(ours_first));
    let providers = book.providers.rows().map(|(provider, _)| *provider);
    questions.extend(providers.map(|provider| Question::ProviderQueueLength { provider }));
    let attesters: BTreeSet<AttesterAddress> = book
        .attesters
        .rows()
        .filter(|(address, attester)| ours.has(**address, Some(attester)))
        .map(|(address, _)| *address)
        .chain(ours.listed.iter().copied())
        .collect();
    for attester in attesters {
        book.ask_about(attester, &mut questions);
    }
    questions
}
