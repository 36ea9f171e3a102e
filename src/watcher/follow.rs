//! One block near the head: its logs and its views, at the same hash, in one commit.

use std::collections::BTreeSet;

use super::{
    Happening, WatchError, Watcher,
    ask::Views,
    completeness::missing_facts,
    discover,
    logs::{Reading, digest},
    progress::Progress,
};
use crate::{
    book::{
        Book,
        fold::{Fault, Fold, Mode, Ours, Outcome},
        records::{Block, Rollup, UnknownEvent},
        snapshot::At,
    },
    chain::{Call, CallAnswer, ChainError, EndpointName, Header, Log},
    state::State,
    units::{Address, AttesterAddress, RollupVersion},
};

/// All rollups of the Registry, as found at one block.
pub(super) type Found = Vec<(RollupVersion, Rollup)>;

/// Which of the two rules where logs and views contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// The logs: nothing is committed.
    Logs,
    /// The views: they were read twice.
    Views,
}

/// What was read of one block.
#[derive(Debug)]
pub(super) struct Page {
    /// Who told them.
    pub(super) source: EndpointName,
    /// The watched contracts.
    pub(super) contracts: Vec<Address>,
    /// Its logs of watched contracts.
    pub(super) logs: Vec<Log>,
    /// What they say.
    pub(super) reading: Reading,
    /// The rollups at it, where they had to be found again.
    pub(super) found: Option<Found>,
    /// Whether they are those of the head: nobody held the state of the block any more.
    pub(super) is_found_at_head: bool,
}

impl Watcher {
    /// Reads and commits the block of `header`, whose parent is the cursor.
    ///
    /// Where nobody holds the state of a block below the head any more, its logs are folded alone, and the sweep at
    /// the head tells the rest.
    pub(super) async fn follow(&self, header: &Header, is_head: bool) -> Result<(), WatchError> {
        let page = self.read_block(header, is_head).await?;
        let mut heard = Vec::new();
        let views = self
            .views_if_held(header, &page, is_head, &mut heard)
            .await?;
        let outcome = match self.commit_block(header, &page, &views, Trust::Logs).await {
            // An endpoint that takes in the next block while it answers may mix the two.
            Err(WatchError::Contradiction) => {
                tracing::debug!(network = self.network(), block.number = %header.block.number, "asked again");
                heard.clear();
                let views = self
                    .views_if_held(header, &page, is_head, &mut heard)
                    .await?;
                self.commit_block(header, &page, &views, Trust::Views)
                    .await?
            }
            done => done?,
        };
        if self.is_worth_agreement(&outcome).await {
            self.agree(header, &page, &heard).await?;
        }
        Ok(())
    }

    async fn views_if_held(
        &self,
        header: &Header,
        page: &Page,
        is_head: bool,
        heard: &mut Vec<(Call, CallAnswer)>,
    ) -> Result<Views, WatchError> {
        match self.views(header, page, is_head, heard).await {
            Err(WatchError::Chain(
                error @ (ChainError::UnknownBlock | ChainError::Pruned(_) | ChainError::PinIgnored),
            )) if !is_head => {
                tracing::debug!(network = self.network(), block.number = %header.block.number, %error, "no views");
                Ok(Views::Missing)
            }
            told => told,
        }
    }

    /// The logs of a block, read with all contracts known: where the block itself made new ones known, they are found
    /// first and the logs are read again.
    async fn read_block(&self, header: &Header, is_head: bool) -> Result<Page, WatchError> {
        let is_doubtful = is_head && self.progress().await.is_doubtful;
        let (mut found, mut is_found_at_head) = match is_doubtful {
            true => (Some(self.discover(header).await?), false),
            false => (None, false),
        };
        loop {
            let (contracts, filter) = self
                .with_rollups(found.as_ref(), |book, _| (book.contracts(), book.filter()))
                .await?;
            let observed = self.endpoints.observe(header, &filter, &[]).await?;
            let logs = observed.logs;
            let reading = Reading::of(&contracts, &logs, |_| header.timestamp);
            if found.is_some() || !reading.is_structural(&contracts) {
                return Ok(Page {
                    source: observed.source,
                    contracts: filter.addresses,
                    logs,
                    reading,
                    found,
                    is_found_at_head,
                });
            }
            found = Some(match self.discover(header).await {
                Err(WatchError::Discovery(discover::DiscoveryError::Chain(
                    ChainError::Pruned(_) | ChainError::PinIgnored,
                ))) if !is_head => {
                    is_found_at_head = true;
                    let head = self.endpoints.head().await?;
                    self.discover(&head).await?
                }
                found => found?,
            });
        }
    }

    /// Finds the contracts at a block.
    pub(super) async fn discover(&self, header: &Header) -> Result<Found, WatchError> {
        Ok(discover::rollups(&self.endpoints, header, self.subject.registry).await?)
    }

    async fn commit_block(
        &self,
        header: &Header,
        page: &Page,
        views: &Views,
        trust: Trust,
    ) -> Result<Outcome, WatchError> {
        let network = self.subject.network.as_str();
        let outcome = self
            .writer
            .commit(|state: &mut State, extra| {
                extra.undo = Some((network.to_owned(), header.block.number));
                self.limit_undo(state, extra, header.block.number);
                let ours = self.announcer.ours(state, network);
                let (mut outcome, mut is_compared) = (Outcome::default(), false);
                let was_doubtful = state.progress_of(network).is_doubtful;
                let mode = match views {
                    Views::Globals(_) | Views::Sweep(_)
                        if page.found.is_none() && !was_doubtful =>
                    {
                        Mode::Head
                    }
                    // The parameters may be those of a later moment.
                    Views::Missing | Views::Globals(_) | Views::Sweep(_) => Mode::CatchUp,
                };
                if let Some(book) = state.books.get_mut(network) {
                    let was_swept = book.summary().is_swept;
                    if let Some(found) = &page.found {
                        replace_rollups(book, found);
                    }
                    outcome = fold_block(book, &ours, header, page, views, mode);
                    if trust == Trust::Logs && was_swept && is_contradicted(&outcome) {
                        return Err(WatchError::Contradiction);
                    }
                    is_compared = was_swept;
                }
                state.change_progress(network, |progress| {
                    advance(progress, header);
                    if page.found.is_some() {
                        progress.is_doubtful = page.is_found_at_head;
                    }
                    // Before the first sweep nothing is expected to fit.
                    let faults = if is_compared {
                        outcome.faults.as_slice()
                    } else {
                        &[]
                    };
                    let is_sweep = matches!(views, Views::Sweep(_));
                    progress.note_faults(faults, header.block.number, header.timestamp, is_sweep);
                });
                self.announcer
                    .announce(state, network, &self.told(Happening::Folded(&outcome)));
                Ok::<_, WatchError>(outcome)
            })
            .await?;
        Ok(outcome)
    }
}

fn is_contradicted(outcome: &Outcome) -> bool {
    let faults = outcome.faults.iter();
    faults
        .into_iter()
        .any(|fault| matches!(fault, Fault::View { .. }))
}

/// Puts the rollups as found in the place of those known; what was folded of a rollup stays with it.
pub(super) fn replace_rollups(book: &mut Book, found: &Found) {
    let is_found = |version: &RollupVersion| found.iter().any(|(one, _)| one == version);
    let gone: Vec<RollupVersion> = book.rollups.rows().map(|(version, _)| *version).collect();
    for version in gone.iter().filter(|version| !is_found(version)) {
        book.rollups.remove(version);
    }
    for (version, rollup) in found {
        book.rollups
            .change_or_make(version, Default::default, |row| {
                let (queue, flush) = (row.queue.clone(), row.flush.take());
                *row = Rollup {
                    queue,
                    flush,
                    ..rollup.clone()
                };
            });
    }
}

/// The attesters that events name. Those that joined a provider are named too: an earlier life may be known of them.
pub(super) fn touched_by(reading: &Reading) -> BTreeSet<AttesterAddress> {
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
            Event::AttestersAddedToProvider { attesters, .. } => touched.extend(attesters),
            _ => {}
        }
    }
    touched
}

fn fold_block(
    book: &mut Book,
    ours: &Ours,
    header: &Header,
    page: &Page,
    views: &Views,
    mode: Mode,
) -> Outcome {
    let at = At {
        block: header.block,
        at: header.timestamp,
    };
    for (contract, topic, block, detail) in &page.reading.unknown {
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
    let mut fold = match views {
        Views::Missing => Fold::new(book, ours, mode),
        Views::Globals(_) | Views::Sweep(_) => Fold::new(book, ours, mode).with_views(),
    };
    fold.events(&page.reading.seen);
    let mut missing = None;
    if let Views::Sweep(snapshot) = views {
        missing = Some(missing_facts(fold.book(), snapshot));
    }
    if let Views::Globals(snapshot) | Views::Sweep(snapshot) = views {
        fold.snapshot(at, snapshot);
    }
    let outcome = fold.finish();
    let block = Block {
        hash: header.block.hash,
        parent: header.parent_hash,
        at: header.timestamp,
        contracts: page.contracts.clone(),
        log_count: u64::try_from(page.logs.len()).unwrap_or(u64::MAX),
        log_digest: digest(&page.logs),
    };
    book.blocks.put(header.block.number, block);
    book.change_chapter(|chapter| {
        chapter.cursor = header.block;
        chapter.at = header.timestamp;
        if let Some(missing) = missing {
            chapter.is_complete = Some(missing.is_empty());
            chapter.missing = missing;
        }
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
