//! One block near the head: its logs and its views, at the same hash, in one commit.

use std::collections::BTreeSet;

use super::{
    Happening, Told, WatchError, Watcher,
    agree::{Heard, Heeded},
    ask::Views,
    completeness::{MissingFact, missing_facts},
    discover,
    logs::Reading,
    progress::Progress,
};
use crate::{
    book::{
        Book,
        fold::{Fault, Fold, Mode, Ours, Outcome},
        records::{Block, Chapter, Rollup, UnknownEvent},
        snapshot::At,
    },
    chain::{ChainError, EndpointName, Header, Log, agreement::digest},
    state::State,
    units::{Address, AttesterAddress, RollupVersion},
    writer::Extra,
};

/// All rollups of the Registry, as found at one block.
pub(super) type Found = Vec<(RollupVersion, Rollup)>;

/// Which of the two rules where logs and views contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// The logs: nothing is committed.
    Logs,
    /// The views: they were read twice.
    Views,
}

/// What a decision is taken for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// To see what it would tell; it is rolled back.
    Rehearsal,
    /// To be committed, with what others said where they were asked.
    Commit(Option<&'a Heeded>),
}

impl<'a> Part<'a> {
    const fn heeded(self) -> Option<&'a Heeded> {
        match self {
            Self::Rehearsal => None,
            Self::Commit(heeded) => heeded,
        }
    }
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
}

/// What one endpoint after the other told of a block, as it is folded.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) page: Page,
    pub(super) views: Views,
    /// The views as they came, for others to confirm.
    pub(super) heard: Heard,
}

impl Watcher {
    /// Reads and commits the block of `header`, whose parent is the cursor.
    ///
    /// Where nobody holds the state of a block below the head any more, its logs are folded alone, and the sweep at
    /// the head tells the rest. What a majority of endpoints contradicts is not committed: the next endpoint is asked.
    pub(super) async fn follow(&self, header: &Header, is_head: bool) -> Result<(), WatchError> {
        // Whoever is overruled rests, so each is overruled once at most.
        for _ in 0..self.endpoints.voters() {
            let mut account = self.account(header, is_head).await?;
            let told = match self.tell(header, &account, Trust::Logs).await {
                // An endpoint that takes in the next block while it answers may mix the two.
                Err(WatchError::Contradiction) => {
                    tracing::debug!(network = self.network(), block.number = %header.block.number, "asked again");
                    account.heard = Heard::default();
                    let (page, heard) = (&account.page, &mut account.heard);
                    account.views = self.views_if_held(header, page, is_head, heard).await?;
                    self.tell(header, &account, Trust::Views).await?
                }
                told => told?,
            };
            if told {
                return Ok(());
            }
        }
        let why = "all of them were overruled".to_owned();
        Err(ChainError::Malformed(why).into())
    }

    async fn account(&self, header: &Header, is_head: bool) -> Result<Account, WatchError> {
        let page = self.read_block(header, is_head).await?;
        let mut heard = Heard::default();
        let views = self
            .views_if_held(header, &page, is_head, &mut heard)
            .await?;
        Ok(Account { page, views, heard })
    }

    /// Commits a block, after others were asked about it where it raises an alert. `false`: they contradict it.
    async fn tell(
        &self,
        header: &Header,
        account: &Account,
        trust: Trust,
    ) -> Result<bool, WatchError> {
        let heeded = self.heed(header, account, trust).await?;
        if let Some(heeded) = &heeded
            && self.is_overruled(header, account, heeded).await?
        {
            return Ok(false);
        }
        self.writer
            .commit(|state: &mut State, extra| {
                let part = Part::Commit(heeded.as_ref());
                self.decide(state, extra, header, account, trust, part)
            })
            .await?;
        Ok(true)
    }

    async fn views_if_held(
        &self,
        header: &Header,
        page: &Page,
        is_head: bool,
        heard: &mut Heard,
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
        let mut found = match is_doubtful {
            true => Some(self.discover(header).await?),
            false => None,
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
                });
            }
            found = Some(self.discover(header).await?);
        }
    }

    /// Finds the contracts at a block.
    pub(super) async fn discover(&self, header: &Header) -> Result<Found, WatchError> {
        Ok(discover::rollups(&self.endpoints, header, self.subject.registry).await?)
    }

    /// What follows from a block: folds it, notes what others said of it, and tells the announcer.
    pub(super) fn decide(
        &self,
        state: &mut State,
        extra: &mut Extra,
        header: &Header,
        account: &Account,
        trust: Trust,
        part: Part<'_>,
    ) -> Result<Outcome, WatchError> {
        let network = self.subject.network.as_str();
        let Account { page, views, .. } = account;
        extra.undo = Some((network.to_owned(), header.block.number));
        self.limit_undo(state, extra, header.block.number);
        let ours = self.announcer.ours(state, network);
        let (mut outcome, mut is_compared) = (Outcome::default(), false);
        let was_doubtful = state.progress_of(network).is_doubtful;
        let mode = match views {
            Views::Globals(_) | Views::Sweep(_) if page.found.is_none() && !was_doubtful => {
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
            let chapter = book.summary();
            if chapter.missing.iter().any(is_silence) && chapter.forgetful.is_empty() {
                // Nobody told it, so all of them were asked in vain.
                let forgetful = self.endpoints.names();
                book.change_chapter(|chapter| chapter.forgetful = forgetful);
            }
            if trust == Trust::Logs && was_swept && is_contradicted(&outcome) {
                return Err(WatchError::Contradiction);
            }
            is_compared = was_swept;
        }
        state.change_progress(network, |progress| {
            advance(progress, header);
            if page.found.is_some() {
                progress.is_doubtful = false;
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
        let agreement = part.heeded().map(|heeded| {
            self.note_agreement(state, header, heeded);
            &heeded.agreement
        });
        let folded = Happening::Folded {
            outcome: &outcome,
            agreement,
        };
        let told = Told {
            is_rehearsal: matches!(part, Part::Rehearsal),
            ..self.told(folded)
        };
        self.announcer.announce(state, network, &told);
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
        let oldest_log = page.reading.seen.first().map(|seen| seen.block.number);
        chapter.oldest_log = chapter.oldest_log.or(oldest_log);
        if let Some(missing) = missing {
            note_missing(chapter, missing);
        }
        match views {
            Views::Missing => chapter.is_swept = false,
            Views::Globals(_) => {}
            Views::Sweep(_) => chapter.is_swept = true,
        }
    });
    outcome
}

const fn is_silence(fact: &MissingFact) -> bool {
    matches!(fact, MissingFact::Canonical { .. })
}

/// What the sweep proves to be missing. Where not even the Registry's first word was told, nobody remembers what lies
/// before the first log that was found.
fn note_missing(chapter: &mut Chapter, missing: Vec<MissingFact>) {
    if missing.iter().any(is_silence) && chapter.forgetful.is_empty() {
        let begins = chapter.oldest_log.unwrap_or(chapter.cursor.number);
        chapter.first_block = chapter.first_block.max(begins);
    }
    if missing.is_empty() {
        chapter.forgetful.clear();
    }
    chapter.is_complete = Some(missing.is_empty());
    chapter.missing = missing;
}

fn advance(progress: &mut Progress, header: &Header) {
    progress
        .covered
        .add(header.block.number, header.block.number);
    if header.block.number >= progress.head {
        (progress.head, progress.head_at) = (header.block.number, header.timestamp);
    }
}
