//! Far behind the head: ranges of logs, no views, no undo.
//!
//! A range ends below what may still be reorganised: at the final block where an endpoint tells it, and never within
//! [`NEAR_BLOCKS`] of the head. What a range cannot tell (ejected or not, times of an exit) is unknown until the sweep
//! that follows at the head.

use std::sync::{MutexGuard, PoisonError};

use super::{
    Happening, NEAR_BLOCKS, Step, WatchError, Watcher,
    logs::{Reading, catch_up_filter},
    observation::{self, Meeting, replace_rollups},
    recording::Noted,
    stretch::{Pace, Stretch},
};

use crate::{
    book::fold::Seen,
    chain::{BlockTag, ChainError, Header, Log, contracts::Event},
    state::State,
    units::{BlockNumber, BlockRef, UnixSeconds},
};

impl Watcher {
    /// Makes the acquaintance of a network: finds its contracts and sets the cursor before the first block.
    pub(super) async fn meet(&self, head: &Header) -> Result<(), WatchError> {
        let network = self.subject.network.as_str();
        {
            let state = self.writer.read().await;
            if state
                .book(network)
                .is_some_and(|book| !book.rollups.is_empty())
            {
                return Ok(());
            }
        }
        let meeting = Meeting {
            registry: self.subject.registry,
            staking_registry: self.subject.staking_registry,
            first_block: self.subject.first_block,
            rollups: self.discover(head).await?,
        };
        self.writer
            .commit(|state: &mut State, extra| {
                observation::meet(state.book_or_new(network), &meeting);
                self.record(state, extra, None, Noted::Met(&meeting))?;
                state.change_progress(network, |progress| {
                    // A network that was introduced before is read again after its database was lost: the floor is then
                    // the last block that was announced.
                    if !progress.is_introduced {
                        progress.floor = head.block.number;
                    }
                    (progress.head, progress.head_at) = (head.block.number, head.timestamp);
                    progress.is_doubtful = true;
                });
                Ok::<_, WatchError>(())
            })
            .await?;
        tracing::info!(network, head = %head.block.number, "contracts found");
        Ok(())
    }

    /// Finds the contracts at the head, for the logs that a range holds of them.
    async fn learn_rollups(&self, head: &Header) -> Result<(), WatchError> {
        let found = self.discover(head).await?;
        let network = self.network();
        self.writer
            .commit(|state: &mut State, extra| {
                if let Some(book) = state.books.get_mut(network) {
                    replace_rollups(book, &found);
                }
                self.record(state, extra, None, Noted::Learned(&found))?;
                state.change_progress(network, |progress| progress.is_doubtful = true);
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }

    /// Whether the cursor lies on the chain that is read now. What is final stays so; a block that was followed before a
    /// long absence may have been replaced meanwhile.
    async fn is_on_chain(&self, cursor: BlockRef) -> Result<bool, WatchError> {
        let finalized = self.progress().await.finalized;
        let is_final = finalized.is_some_and(|finalized| cursor.number <= finalized.number);
        if is_final || cursor.hash.is_zero() {
            return Ok(true);
        }
        let header = self
            .endpoints
            .header(BlockTag::Number(cursor.number))
            .await?;
        Ok(header.ok_or(ChainError::UnknownBlock)?.block == cursor)
    }

    /// Reads the next range.
    pub(super) async fn catch_up(&self, head: &Header) -> Result<Step, WatchError> {
        let cursor = self.cursor().await;
        if !self.is_on_chain(cursor).await? {
            return self.unwind(head).await;
        }
        let from = cursor.number.saturating_add(1);
        let near = head.block.number.saturating_sub(NEAR_BLOCKS);
        let finalized = self
            .endpoints
            .finality()
            .await
            .ok()
            .and_then(|finality| finality.finalized);
        // Where no endpoint tells finality, the configured depth does.
        let depth = self.subject.finality_depth;
        let to = finalized
            .map(|finalized| finalized.number)
            .or_else(|| depth.map(|depth| head.block.number.saturating_sub(depth)))
            .map_or(near, |finalized| finalized.min(near));
        if to < from {
            return self.follow_to(head).await;
        }
        self.begin_catch_up(cursor.number).await;
        let (contracts, known_at) = {
            let state = self.writer.read().await;
            let Some(book) = state.book(self.network()) else {
                return Ok(Step::Idle);
            };
            (book.contracts(), book.summary().at)
        };
        let filter = catch_up_filter(&contracts);
        let known = self.known_logs(from);
        let range = match self.endpoints.history(from, to, &filter, &known).await {
            Err(ChainError::Pruned(_)) => return self.skip_history(from, to, head).await,
            range => range?,
        };
        self.learn_logs(&range.logs);
        let reached = range.to_reached;
        let Some(end) = self.endpoints.header(BlockTag::Number(reached)).await? else {
            return Ok(Step::Idle);
        };
        let dates = Dates {
            from,
            known_at,
            to: reached,
            at: end.timestamp,
        };
        let reading = Reading::of(&contracts, &range.logs, |block| dates.of(block));
        if reading.is_structural(&contracts) && self.is_news(&reading).await {
            self.learn_rollups(head).await?;
            return Ok(Step::CaughtUp {
                to: cursor.number,
                head: head.block.number,
            });
        }
        let is_slasher = |seen: &Seen| matches!(seen.event, Event::SlasherChanged { .. });
        if reading.seen.iter().any(is_slasher) {
            // The blocks near the head are to be read with the contracts of the head.
            self.learn_rollups(head).await?;
        }
        self.commit_range(from, &end, &reading, head).await?;
        Ok(Step::CaughtUp {
            to: reached,
            head: head.block.number,
        })
    }

    /// Logs before `from` that are known to exist, the oldest first.
    fn known_logs(&self, from: BlockNumber) -> Vec<Log> {
        let known = self.known_logs.lock();
        let known = known.unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_before = |log: &&Log| log.block.number < from;
        known.iter().filter(is_before).cloned().collect()
    }

    fn learn_logs(&self, logs: &[Log]) {
        let known = self.known_logs.lock();
        let mut known = known.unwrap_or_else(std::sync::PoisonError::into_inner);
        let (Some(first), Some(newest)) = (logs.first(), logs.last()) else {
            return;
        };
        let mut oldest = first.clone();
        if let Some(known) = known
            .first()
            .filter(|known| known.block.number < first.block.number)
        {
            oldest = known.clone();
        }
        *known = vec![oldest, newest.clone()];
        known.dedup();
    }

    /// Nobody holds the logs from `from` on: goes on where somebody does, and says that what lies before is unknown.
    async fn skip_history(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        head: &Header,
    ) -> Result<Step, WatchError> {
        let filter = {
            let state = self.writer.read().await;
            let Some(book) = state.book(self.network()) else {
                return Ok(Step::Idle);
            };
            catch_up_filter(&book.contracts())
        };
        // The last block that nobody holds, and the first after it; history is forgotten from its beginning on.
        let (mut lost, mut held) = (from, to.saturating_add(1));
        while held.since(lost) > 1 {
            let middle = BlockNumber::new(lost.value().midpoint(held.value()));
            match self.endpoints.logs(middle, middle, &filter).await {
                Ok(_) => held = middle,
                Err(ChainError::Pruned(_)) => lost = middle,
                Err(error) => return Err(error.into()),
            }
        }
        let Some(before) = self.endpoints.header(BlockTag::Number(lost)).await? else {
            return Ok(Step::Idle);
        };
        let network = self.network();
        let forgetful = self.endpoints.forgetful(lost);
        tracing::warn!(network, block.number = %held, "nobody holds the logs before this block");
        self.writer
            .commit(|state: &mut State, extra| {
                let (before, at) = (before.block, before.timestamp);
                if let Some(book) = state.books.get_mut(network) {
                    observation::skip(book, held, before, at);
                }
                self.record(state, extra, None, Noted::Skipped(held, before, at))?;
                state.change_progress(network, |progress| progress.forgetful = forgetful);
                Ok::<_, WatchError>(())
            })
            .await?;
        let (to, head) = (lost, head.block.number);
        Ok(Step::CaughtUp { to, head })
    }

    /// Whether discovery would find contracts that the book does not know.
    async fn is_news(&self, reading: &Reading) -> bool {
        let state = self.writer.read().await;
        let Some(book) = state.book(self.network()) else {
            return false;
        };
        reading.seen.iter().any(|seen| match &seen.event {
            Event::CanonicalRollupUpdated { rollup, .. } => book.rollup_at(*rollup).is_none(),
            _ => false,
        })
    }

    async fn commit_range(
        &self,
        from: BlockNumber,
        end: &Header,
        reading: &Reading,
        head: &Header,
    ) -> Result<(), WatchError> {
        let network = self.network();
        let now_ms = self.clock.now_ms();
        let stretch = self
            .pace()
            .get_or_insert_with(|| Pace::new(from, from, now_ms))
            .note(end.block.number, head.block.number, now_ms);
        self.writer
            .commit(|state: &mut State, extra| {
                let ours = self.announcer.ours(state, network);
                let Some(book) = state.books.get_mut(network) else {
                    return Ok(());
                };
                let (last, at) = (end.block, end.timestamp);
                let outcome = observation::fold_range(book, &ours, last, at, &reading.seen);
                let noted = Noted::Range(last, at, &reading.seen);
                self.record(state, extra, Some(&ours), noted)?;
                state.change_progress(network, |progress| {
                    progress.covered.add(from, end.block.number);
                    // Parameters of then were written over those of now.
                    progress.is_doubtful = true;
                    (progress.head, progress.head_at) = (head.block.number, head.timestamp);
                });
                let folded = Happening::Folded {
                    outcome: &outcome,
                    agreement: None,
                    is_behind: true,
                };
                self.announcer.announce(state, network, &self.told(folded));
                self.announcer
                    .announce(state, network, &self.told(Happening::Reading(stretch)));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }

    fn pace(&self) -> MutexGuard<'_, Option<Pace>> {
        // Whoever panicked left a whole value: it is only ever replaced.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to measure a catch-up that goes on after `at`. One that was told of goes on where its message began.
    async fn begin_catch_up(&self, at: BlockNumber) {
        let told = self.progress().await.catch_up;
        let from = told.map_or(at, |told| told.from);
        let now_ms = self.clock.now_ms();
        self.pace()
            .get_or_insert_with(|| Pace::new(from, at, now_ms));
    }

    /// How far the catch-up is; `None` where none is under way.
    #[must_use]
    pub fn stretch(&self) -> Option<Stretch> {
        self.pace().as_ref().and_then(Pace::last)
    }

    /// Ends a catch-up: the head is reached, and what it showed was compared with the contracts.
    pub(super) async fn end_catch_up(&self) -> Result<(), WatchError> {
        *self.pace() = None;
        let network = self.network();
        let is_over = {
            let state = self.writer.read().await;
            let is_swept = state
                .book(network)
                .is_some_and(|book| book.summary().is_swept);
            is_swept && state.progress_of(network).catch_up.is_some()
        };
        if !is_over {
            return Ok(());
        }
        self.writer
            .commit(|state: &mut State, _| {
                self.announcer
                    .announce(state, network, &self.told(Happening::ReadToHead));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }
}

/// Dates of blocks inside a range whose ends are known: straight between them, off by seconds at most on a chain with slots.
#[derive(Debug, Clone, Copy)]
struct Dates {
    from: BlockNumber,
    known_at: UnixSeconds,
    to: BlockNumber,
    at: UnixSeconds,
}

/// Seconds of an L1 slot, for dates before the first block whose time is known.
const L1_SLOT_SECONDS: u64 = 12;

impl Dates {
    fn of(&self, block: BlockNumber) -> UnixSeconds {
        let back = self.to.since(block);
        let span = self.to.since(self.from).saturating_add(1);
        let seconds = if self.known_at.value() == 0 || self.known_at > self.at {
            back.saturating_mul(L1_SLOT_SECONDS)
        } else {
            u64::try_from(
                u128::from(self.at.since(self.known_at)) * u128::from(back) / u128::from(span),
            )
            .unwrap_or(0)
        };
        self.at.saturating_sub(seconds)
    }
}
