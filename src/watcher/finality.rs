//! What finality allows: badges, forgetting undo records, and reading final blocks once more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::Ordering,
};

use super::{
    Happening, WatchError, Watcher, agree::AGREEMENT_TIMEOUT, observation::forget_blocks,
    recording::Noted,
};
use crate::{
    book::{fold::Fault, records::Block},
    chain::{
        BlockTag, EndpointName, Header, Log, LogFilter,
        agreement::{Agreement, Testimony, digest},
        endpoints::Finality,
    },
    state::State,
    store::{Tree, undo},
    units::{Address, BlockNumber, BlockRef},
};

/// Finality is asked for every so many blocks; it advances once per 32 slots.
pub const FINALITY_EVERY: u64 = 32;
/// Final blocks kept for reorg detection and evidence.
const FINAL_BLOCKS_KEPT: u64 = 8;

impl Watcher {
    /// After blocks were followed: introduces the network, and asks for finality when it is due.
    pub(super) async fn after_follow(&self) -> Result<(), WatchError> {
        self.end_catch_up().await?;
        self.introduce().await?;
        let (progress, cursor) = (self.progress().await, self.cursor().await);
        let behind = progress
            .finalized
            .map_or(u64::MAX, |block| cursor.number.since(block.number));
        // A step may end at any height, so what counts is how far the last question lies back.
        let asked_at = BlockNumber::new(self.finality_asked_at.load(Ordering::Relaxed));
        let is_due = behind > FINALITY_EVERY
            && (asked_at.value() == 0 || cursor.number.since(asked_at) >= FINALITY_EVERY);
        if is_due {
            self.finality_asked_at
                .store(cursor.number.value(), Ordering::Relaxed);
            self.finalize().await?;
        }
        Ok(())
    }

    async fn introduce(&self) -> Result<(), WatchError> {
        let network = self.network();
        let is_due = {
            let state = self.writer.read().await;
            let is_swept = state
                .book(network)
                .is_some_and(|book| book.summary().is_swept);
            is_swept
                && !state
                    .progress
                    .row(&network.to_owned())
                    .is_some_and(|progress| progress.is_introduced)
        };
        if !is_due {
            return Ok(());
        }
        self.writer
            .commit(|state: &mut State, _| {
                state.change_progress(network, |progress| progress.is_introduced = true);
                self.announcer
                    .announce(state, network, &self.told(Happening::Introduced));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }

    /// Asks for finality and does what it allows.
    ///
    /// # Errors
    /// [`WatchError`] where the chain or the store cannot be read.
    pub async fn finalize(&self) -> Result<(), WatchError> {
        let finality = self.finality().await?;
        let progress = self.progress().await;
        let Some(finalized) = finality.finalized else {
            return Ok(());
        };
        let cursor = self.cursor().await;
        let finalized = if finalized.number > cursor.number {
            cursor
        } else {
            finalized
        };
        if progress
            .finalized
            .is_some_and(|known| known.number >= finalized.number)
        {
            return Ok(());
        }
        // Whoever is overruled rests, so each is overruled once at most.
        for _ in 0..self.endpoints.voters() {
            if let Some(faults) = self.confirm(finalized).await? {
                return self.commit_finality(&finality, finalized, faults).await;
            }
        }
        Ok(())
    }

    async fn finality(&self) -> Result<Finality, WatchError> {
        let finality = self.endpoints.finality().await?;
        let Some(depth) = self
            .subject
            .finality_depth
            .filter(|_| finality.finalized.is_none())
        else {
            return Ok(finality);
        };
        let number = self.cursor().await.number.saturating_sub(depth);
        let header = self.endpoints.header(BlockTag::Number(number)).await?;
        Ok(Finality {
            finalized: header.map(|header| header.block),
            ..finality
        })
    }

    /// Reads the logs of blocks that became final once more and compares them with what was folded. `None`: whoever read
    /// them says what a majority contradicts, and rests.
    async fn confirm(&self, finalized: BlockRef) -> Result<Option<Vec<Fault>>, WatchError> {
        let network = self.network();
        let blocks = {
            let state = self.writer.read().await;
            let Some(book) = state.book(network) else {
                return Ok(Some(Vec::new()));
            };
            let confirmed = state
                .progress
                .row(&network.to_owned())
                .map(|progress| progress.confirmed.clone());
            book.blocks
                .range(..=finalized.number)
                .filter(|(number, _)| {
                    !confirmed
                        .as_ref()
                        .is_some_and(|confirmed| confirmed.holds(**number))
                })
                .map(|(number, block)| (*number, block.clone()))
                .collect::<BTreeMap<BlockNumber, Block>>()
        };
        // Contracts come and go; each block is compared by those that were watched when it was read.
        let contracts: BTreeSet<Address> = blocks
            .values()
            .flat_map(|block| block.contracts.iter().copied())
            .collect();
        let filter = LogFilter {
            addresses: contracts.into_iter().collect(),
            topics: Vec::new(),
        };
        let (Some(first), Some(last)) = (
            blocks.keys().next().copied(),
            blocks.keys().next_back().copied(),
        ) else {
            return Ok(Some(Vec::new()));
        };
        let mut logs: BTreeMap<BlockNumber, Vec<Log>> = BTreeMap::new();
        let mut sources = BTreeMap::new();
        let mut from = first;
        while from <= last {
            let range = self.endpoints.logs(from, last, &filter).await?;
            sources.insert(from, range.source);
            for log in range.logs {
                let block = blocks.get(&log.block.number);
                if !block.is_some_and(|block| block.contracts.contains(&log.address)) {
                    continue;
                }
                logs.entry(log.block.number).or_default().push(log);
            }
            from = range.to_reached.saturating_add(1);
        }
        let mut faults = Vec::new();
        for (number, block) in &blocks {
            let again = logs.get(number).map_or(&[][..], Vec::as_slice);
            if digest(again) != block.log_digest {
                let source = sources.range(..=*number).next_back();
                if let Some((_, source)) = source
                    && self.is_misread(*number, block, source, again).await
                {
                    return Ok(None);
                }
                faults.push(Fault::View {
                    what: format!("logs of final block {number}"),
                    folded: format!("{} logs", block.log_count),
                    read: format!("{} logs", again.len()),
                });
            }
        }
        Ok(Some(faults))
    }

    /// Whether a majority says of a final block what was folded, and not what `source` says now; `source` rests then.
    async fn is_misread(
        &self,
        number: BlockNumber,
        block: &Block,
        source: &EndpointName,
        again: &[Log],
    ) -> bool {
        let hash = block.hash;
        let at = Header {
            block: BlockRef { number, hash },
            parent_hash: block.parent,
            timestamp: block.at,
            logs_bloom: Default::default(),
        };
        let filter = LogFilter {
            addresses: block.contracts.clone(),
            topics: Vec::new(),
        };
        let theirs = Testimony::of(source.clone(), again, &[]);
        let asked = self
            .endpoints
            .agree(&at, &filter, &[], theirs, AGREEMENT_TIMEOUT);
        let is_misread = matches!(
            asked.await,
            Agreement::Overruled { instead, .. } if instead.logs_digest == block.log_digest
        );
        if is_misread {
            self.endpoints.overrule(source, &at);
        }
        is_misread
    }

    async fn commit_finality(
        &self,
        finality: &Finality,
        finalized: BlockRef,
        faults: Vec<Fault>,
    ) -> Result<(), WatchError> {
        let network = self.network();
        let old =
            self.writer
                .store()
                .scan(Tree::Undo, &undo::prefix(network), None, undo::UNDO_MAX)?;
        let outcome = crate::book::fold::Outcome {
            faults,
            ..Default::default()
        };
        self.writer
            .commit(|state: &mut State, extra| {
                for (key, _) in &old {
                    if undo::block_of(network, key).is_some_and(|block| block <= finalized.number) {
                        extra.batch.delete(Tree::Undo, key.clone());
                    }
                }
                let Some(book) = state.books.get_mut(network) else {
                    return Ok::<_, WatchError>(());
                };
                let keep = finalized.number.saturating_sub(FINAL_BLOCKS_KEPT);
                let first = book.blocks.rows().next().map(|(number, _)| *number);
                forget_blocks(book, keep);
                self.record(state, extra, None, Noted::Final(keep))?;
                state.change_progress(network, |progress| {
                    if let Some(first) = first {
                        progress.confirmed.add(first, finalized.number);
                    }
                    (progress.finalized, progress.safe) = (Some(finalized), finality.safe);
                });
                if !outcome.faults.is_empty() {
                    let folded = Happening::Folded {
                        outcome: &outcome,
                        agreement: None,
                        is_behind: false,
                    };
                    self.announcer.announce(state, network, &self.told(folded));
                }
                self.announcer
                    .announce(state, network, &self.told(Happening::Final(finalized)));
                Ok(())
            })
            .await?;
        Ok(())
    }
}
