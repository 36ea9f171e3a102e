//! One block near the head: its logs and its views, at the same hash, in one commit.

use std::collections::BTreeSet;

use tracing::Instrument as _;

use super::{
    Happening, Told, WatchError, Watcher,
    agree::{Heard, Heeded},
    ask::Views,
    completeness::MissingFact,
    discover,
    logs::Reading,
    observation::{Found, Sight},
    progress::Progress,
    recording::Noted,
};
use crate::{
    book::{
        Book,
        fold::{Fault, Mode, News, Outcome},
        snapshot::At,
    },
    chain::{ChainError, EndpointName, Header, Log, agreement::digest},
    state::State,
    trace,
    units::{Address, AttesterAddress, BlockRef},
    writer::Extra,
};

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
    /// Whether they are those of the head: nobody held the state of the block any more.
    pub(super) is_found_at_head: bool,
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
        let span = trace::follow(self.network(), header.block);
        let followed = self.try_all(header, is_head).instrument(span.clone()).await;
        match &followed {
            Ok(()) => span.record("committed", true),
            Err(error) => span.record("error", tracing::field::display(error)),
        };
        followed
    }

    async fn try_all(&self, header: &Header, is_head: bool) -> Result<(), WatchError> {
        // Whoever is overruled rests, so each is overruled once at most.
        for _ in 0..self.endpoints.voters() {
            let read = self
                .account(header, is_head)
                .instrument(trace::part("read"));
            let mut account = read.await?;
            let told = match self.tell(header, &account, Trust::Logs).await {
                // An endpoint that takes in the next block while it answers may mix the two.
                Err(WatchError::Contradiction) => {
                    tracing::debug!(network = self.network(), block.number = %header.block.number, "asked again");
                    account.heard = self.heard().await;
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
        let mut heard = self.heard().await;
        let views = self
            .views_if_held(header, &page, is_head, &mut heard)
            .await?;
        Ok(Account { page, views, heard })
    }

    async fn heard(&self) -> Heard {
        Heard::new(self.may_ask_others(&self.progress().await))
    }

    /// Commits a block, after others were asked about it where it raises an alert. `false`: they contradict it.
    async fn tell(
        &self,
        header: &Header,
        account: &Account,
        trust: Trust,
    ) -> Result<bool, WatchError> {
        let heeded = self.heed(header, account, trust).await?;
        if let Some(heeded) = &heeded {
            let overruled = self.is_overruled(header, account, heeded);
            if overruled.instrument(trace::part("ask others")).await? {
                return Ok(false);
            }
        }
        let committed = self.writer.commit(|state: &mut State, extra| {
            let part = Part::Commit(heeded.as_ref());
            self.decide(state, extra, header, account, trust, part)
        });
        committed.instrument(trace::part("commit")).await?;
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

    /// Names those who were asked in vain for what a sweep just proved to be missing.
    fn note_forgetful(&self, state: &mut State) {
        let network = self.network();
        let Some(chapter) = state.book(network).map(Book::summary) else {
            return;
        };
        let is_silent = chapter.missing.iter().any(MissingFact::is_silence);
        let is_named = !state.progress_of(network).forgetful.is_empty();
        if is_silent && !is_named {
            // Nobody told it, so all of them were asked in vain.
            let names = self.endpoints.names();
            state.change_progress(network, |progress| progress.forgetful = names);
        }
        if chapter.is_complete == Some(true) && is_named {
            state.change_progress(network, |progress| progress.forgetful.clear());
        }
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
        let sight = sight(header, page, views, mode);
        let (mut cursor, mut news) = (BlockRef::default(), News::default());
        if let Some(book) = state.books.get_mut(network) {
            let before = book.summary();
            cursor = before.cursor;
            (outcome, news) = sight.fold(book, &ours);
            if trust == Trust::Logs && before.is_swept && is_contradicted(&outcome) {
                return Err(WatchError::Contradiction);
            }
            is_compared = before.is_swept;
        }
        let noted = Noted::Block(&sight, cursor, &news);
        self.record(state, extra, Some(&ours), noted)?;
        if matches!(views, Views::Sweep(_)) {
            self.note_forgetful(state);
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
        let agreement = part.heeded().map(|heeded| {
            self.note_agreement(state, header, heeded);
            &heeded.agreement
        });
        let folded = Happening::Folded {
            outcome: &outcome,
            agreement,
            is_behind: false,
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

fn sight<'a>(header: &Header, page: &'a Page, views: &'a Views, mode: Mode) -> Sight<'a> {
    Sight {
        at: At {
            block: header.block,
            at: header.timestamp,
        },
        parent: header.parent_hash,
        found: page.found.as_ref(),
        seen: &page.reading.seen,
        unknown: &page.reading.unknown,
        log_count: u64::try_from(page.logs.len()).unwrap_or(u64::MAX),
        log_digest: digest(&page.logs),
        views: match views {
            Views::Missing => None,
            Views::Globals(snapshot) => Some((snapshot, false)),
            Views::Sweep(snapshot) => Some((snapshot, true)),
        },
        mode,
    }
}

fn advance(progress: &mut Progress, header: &Header) {
    progress
        .covered
        .add(header.block.number, header.block.number);
    if header.block.number >= progress.head {
        (progress.head, progress.head_at) = (header.block.number, header.timestamp);
    }
}
