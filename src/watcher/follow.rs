//! One block near the head: its logs and its views, at the same hash, in one commit.

use std::collections::BTreeSet;

use super::{
    Happening, WatchError, Watcher,
    ask::Views,
    discover,
    logs::{Reading, digest},
    observation::{Found, Sight},
    progress::Progress,
    recording::Noted,
};
use crate::{
    book::{
        fold::{Fault, Mode, News, Outcome},
        snapshot::At,
    },
    chain::{Call, CallAnswer, ChainError, EndpointName, Header, Log},
    state::State,
    units::{Address, AttesterAddress, BlockRef},
};

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
