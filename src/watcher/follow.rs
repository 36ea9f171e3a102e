//! One block near the head: its logs and its views, at the same hash, in one commit.

use std::collections::BTreeSet;

use super::{
    Happening, WatchError, Watcher, discover,
    logs::{Reading, digest},
    progress::Progress,
};
use crate::{
    book::{
        Book,
        fold::{Fold, Mode, Ours, Outcome},
        question::{Question, Snapshot},
        records::{Block, UnknownEvent},
        snapshot::At,
    },
    chain::{Call, ChainError, Header, Log},
    state::State,
    units::AttesterAddress,
};

/// What the contracts told of a block.
#[derive(Debug)]
enum Views {
    /// Nothing: nobody holds the state of that block any more.
    Missing,
    /// What is asked at every block.
    Globals(Snapshot),
    /// That, and everything of ours.
    Sweep(Snapshot),
}

impl Watcher {
    /// Reads and commits the block of `header`, whose parent is the cursor.
    ///
    /// Where nobody holds the state of a block below the head any more, its logs are folded alone, and the sweep at
    /// the head tells the rest.
    pub(super) async fn follow(&self, header: &Header, is_head: bool) -> Result<(), WatchError> {
        let (logs, reading) = self.read_block(header).await?;
        let touched = touched_by(&reading);
        let views = match self.views(header, &touched, is_head).await {
            Ok(views) => views,
            Err(WatchError::Chain(
                error @ (ChainError::UnknownBlock | ChainError::Pruned(_) | ChainError::PinIgnored),
            )) if !is_head => {
                tracing::debug!(network = self.network(), block.number = %header.block.number, %error, "no views");
                Views::Missing
            }
            Err(error) => return Err(error),
        };
        self.commit_block(header, &logs, &reading, &views).await?;
        if matches!(views, Views::Missing) {
            Ok(())
        } else {
            self.complete_withdrawals(header, &touched).await
        }
    }

    /// The views of a block: those of every block, and at the head all of ours where they were not swept yet.
    async fn views(
        &self,
        header: &Header,
        touched: &BTreeSet<AttesterAddress>,
        is_head: bool,
    ) -> Result<Views, WatchError> {
        let is_swept = {
            let state = self.writer.read().await;
            state
                .book(self.network())
                .is_some_and(|book| book.summary().is_swept)
        };
        let mut snapshot = self
            .ask(header, |book, ours| book.questions(ours, touched))
            .await?;
        if is_swept || !is_head {
            return Ok(Views::Globals(snapshot));
        }
        snapshot.extend(self.sweep(header, &snapshot).await?);
        Ok(Views::Sweep(snapshot))
    }

    /// The logs of a block, read with all contracts known: where the block itself made new ones known, they are found
    /// first and the logs are read again.
    async fn read_block(&self, header: &Header) -> Result<(Vec<Log>, Reading), WatchError> {
        for _ in 0..2 {
            let (contracts, filter) = {
                let state = self.writer.read().await;
                let Some(book) = state.book(&self.subject.network) else {
                    return Ok(Default::default());
                };
                (book.contracts(), book.filter())
            };
            let logs = self.endpoints.observe(header, &filter, &[]).await?.logs;
            let reading = Reading::of(&contracts, &logs, |_| header.timestamp);
            if !reading.is_structural(&contracts) {
                return Ok((logs, reading));
            }
            self.discover(header).await?;
        }
        let (contracts, filter) = {
            let state = self.writer.read().await;
            let Some(book) = state.book(&self.subject.network) else {
                return Ok(Default::default());
            };
            (book.contracts(), book.filter())
        };
        let logs = self.endpoints.observe(header, &filter, &[]).await?.logs;
        let reading = Reading::of(&contracts, &logs, |_| header.timestamp);
        Ok((logs, reading))
    }

    /// Finds the contracts at a block and takes what is new into the book.
    pub(super) async fn discover(&self, header: &Header) -> Result<(), WatchError> {
        let found = discover::rollups(&self.endpoints, header, self.subject.registry).await?;
        let network = self.subject.network.clone();
        self.writer
            .commit(|state: &mut State, _| {
                let Some(book) = state.books.get_mut(&network) else {
                    return Ok::<_, WatchError>(());
                };
                for (version, rollup) in found {
                    book.rollups
                        .change_or_make(&version, Default::default, |row| {
                            let (queue, flush) = (row.queue.clone(), row.flush.take());
                            *row = crate::book::records::Rollup {
                                queue,
                                flush,
                                ..rollup
                            };
                        });
                }
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// Asks the questions that `plan` makes of the book, at `header`.
    pub(super) async fn ask(
        &self,
        header: &Header,
        plan: impl FnOnce(&Book, &Ours) -> Vec<Question>,
    ) -> Result<Snapshot, WatchError> {
        let (questions, calls): (Vec<Question>, Vec<Call>) = {
            let state = self.writer.read().await;
            let ours = self.announcer.ours(&state, &self.subject.network);
            let Some(book) = state.book(&self.subject.network) else {
                return Ok(Snapshot::default());
            };
            let questions = plan(book, &ours);
            questions
                .into_iter()
                .filter_map(|question| question.call(book).map(|call| (question, call)))
                .unzip()
        };
        if calls.is_empty() {
            return Ok(Snapshot::default());
        }
        let answers = self.endpoints.calls(header, &calls).await?;
        Ok(Snapshot::read(&questions, &answers))
    }

    async fn commit_block(
        &self,
        header: &Header,
        logs: &[Log],
        reading: &Reading,
        views: &Views,
    ) -> Result<(), WatchError> {
        let network = self.subject.network.as_str();
        self.writer
            .commit(|state: &mut State, extra| {
                extra.undo = Some((network.to_owned(), header.block.number));
                let ours = self.announcer.ours(state, network);
                let mut outcome = Outcome::default();
                if let Some(book) = state.books.get_mut(network) {
                    outcome = fold_block(book, &ours, header, logs, reading, views);
                }
                state.change_progress(network, |progress| advance(progress, header));
                self.announcer
                    .announce(state, network, &self.told(Happening::Folded(&outcome)));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }

    /// Reads when withdrawals unlock that this block made known; their ids come with the views.
    async fn complete_withdrawals(
        &self,
        header: &Header,
        touched: &BTreeSet<AttesterAddress>,
    ) -> Result<(), WatchError> {
        let snapshot = self
            .ask(header, |book, _| book.open_withdrawals(touched))
            .await?;
        if snapshot.answers().next().is_none() {
            return Ok(());
        }
        let network = self.subject.network.as_str();
        let at = At {
            block: header.block,
            at: header.timestamp,
        };
        self.writer
            .commit(|state: &mut State, _| {
                let ours = self.announcer.ours(state, network);
                let Some(book) = state.books.get_mut(network) else {
                    return Ok(());
                };
                let mut fold = Fold::new(book, &ours, Mode::Head);
                fold.snapshot(at, &snapshot);
                let outcome = fold.finish();
                self.announcer
                    .announce(state, network, &self.told(Happening::Folded(&outcome)));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }
}

/// The attesters that events name.
fn touched_by(reading: &Reading) -> BTreeSet<AttesterAddress> {
    use crate::chain::contracts::Event;
    let mut touched = BTreeSet::new();
    for seen in &reading.seen {
        match &seen.event {
            Event::ValidatorQueued { attester, .. }
            | Event::Deposit { attester, .. }
            | Event::FailedDeposit { attester, .. }
            | Event::WithdrawInitiated { attester, .. }
            | Event::WithdrawFinalized { attester, .. }
            | Event::Slashed { attester, .. }
            | Event::ProviderQueueDripped { attester, .. }
            | Event::StakedWithProvider { attester, .. } => {
                touched.insert(*attester);
            }
            _ => {}
        }
    }
    touched
}

fn fold_block(
    book: &mut Book,
    ours: &Ours,
    header: &Header,
    logs: &[Log],
    reading: &Reading,
    views: &Views,
) -> Outcome {
    let at = At {
        block: header.block,
        at: header.timestamp,
    };
    for (contract, topic, block, detail) in &reading.unknown {
        let make = || UnknownEvent {
            count: 0,
            first_block: *block,
            detail: detail.clone(),
        };
        book.unknown_events
            .change_or_make(&(*contract, *topic), make, |row| {
                row.count = row.count.saturating_add(1);
            });
    }
    let mode = if matches!(views, Views::Missing) {
        Mode::CatchUp
    } else {
        Mode::Head
    };
    let mut fold = Fold::new(book, ours, mode);
    fold.events(&reading.seen);
    if let Views::Globals(snapshot) | Views::Sweep(snapshot) = views {
        fold.snapshot(at, snapshot);
    }
    let outcome = fold.finish();
    let block = Block {
        hash: header.block.hash,
        parent: header.parent_hash,
        at: header.timestamp,
        log_count: u64::try_from(logs.len()).unwrap_or(u64::MAX),
        log_digest: digest(logs),
    };
    book.blocks.put(header.block.number, block);
    book.change_chapter(|chapter| {
        chapter.cursor = header.block;
        chapter.at = header.timestamp;
        match views {
            Views::Missing => chapter.is_swept = false,
            Views::Globals(_) => {}
            Views::Sweep(_) => chapter.is_swept = true,
        }
    });
    outcome
}

fn advance(progress: &mut Progress, header: &Header) {
    progress
        .covered
        .add(header.block.number, header.block.number);
    if header.block.number >= progress.head {
        (progress.head, progress.head_at) = (header.block.number, header.timestamp);
    }
}
