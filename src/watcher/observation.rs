//! What was observed of a network, and what follows from it for the book.
//!
//! Pure. The watcher folds what it reads through here, and `steward verify` folds what was recorded through the same:
//! given the same book and the same observations, the same book follows.

use super::completeness::{MissingFact, missing_facts};
use crate::{
    book::{
        Book,
        fold::{Fold, Mode, News, Ours, Outcome, Seen},
        question::Snapshot,
        records::{Block, Chapter, Rollup, UnknownEvent},
        snapshot::At,
    },
    store::{StoreError, Write, undo},
    units::{Address, B256, BlockNumber, BlockRef, RollupVersion, UnixSeconds},
    writer::Tables as _,
};

/// A log that nobody knows: contract, first topic, block, and what is wrong (empty: the topic is unknown).
pub type Unknown = (Address, B256, BlockRef, String);

/// All rollups of the Registry, as found at one block.
pub type Found = Vec<(RollupVersion, Rollup)>;

/// What a network is, as found at its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meeting {
    /// Aztec's Registry.
    pub registry: Address,
    /// The `StakingRegistry`.
    pub staking_registry: Address,
    /// Where history begins.
    pub first_block: BlockNumber,
    /// The rollups of the Registry.
    pub rollups: Found,
}

/// One block near the head.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    /// The block and its time.
    pub at: At,
    /// Its parent.
    pub parent: B256,
    /// The rollups at it, where they had to be found again.
    pub found: Option<&'a Found>,
    /// What its logs say.
    pub seen: &'a [Seen],
    /// Its logs that nobody knows.
    pub unknown: &'a [Unknown],
    /// How many logs of watched contracts it holds.
    pub log_count: u64,
    /// Digest over them.
    pub log_digest: B256,
    /// What the contracts say at it, and whether everything of ours was asked; `None` where nobody held its state.
    pub views: Option<(&'a Snapshot, bool)>,
    /// How much may be concluded.
    pub mode: Mode,
}

/// Writes down what a network is, before its first block.
pub(super) fn meet(book: &mut Book, meeting: &Meeting) {
    for (version, rollup) in &meeting.rollups {
        book.rollups.put(*version, rollup.clone());
    }
    let before = meeting.first_block.saturating_sub(1);
    book.change_chapter(|chapter| {
        chapter.registry = meeting.registry;
        chapter.staking_registry = meeting.staking_registry;
        chapter.first_block = meeting.first_block;
        chapter.cursor = BlockRef {
            number: before,
            hash: B256::ZERO,
        };
    });
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

/// Goes on at `held`, because nobody holds what lies before.
pub(super) fn skip(book: &mut Book, held: BlockNumber, before: BlockRef, at: UnixSeconds) {
    book.change_chapter(|chapter| {
        chapter.first_block = held;
        chapter.is_skipped = true;
        chapter.cursor = before;
        chapter.at = at;
        chapter.is_swept = false;
    });
}

/// Folds a range of logs that ends with the block `end`.
pub(super) fn fold_range(
    book: &mut Book,
    ours: &Ours,
    end: BlockRef,
    at: UnixSeconds,
    seen: &[Seen],
) -> Outcome {
    let mut fold = Fold::new(book, ours, Mode::CatchUp);
    fold.events(seen);
    let outcome = fold.finish();
    book.change_chapter(|chapter| {
        note_oldest(chapter, seen);
        chapter.cursor = end;
        chapter.at = at;
        chapter.is_swept = false;
    });
    outcome
}

fn note_oldest(chapter: &mut Chapter, seen: &[Seen]) {
    let oldest = seen.first().map(|seen| seen.block.number);
    chapter.oldest_log = chapter.oldest_log.or(oldest);
}

/// What a sweep proves to be missing. Where not even the Registry's first word was told, nobody remembers what lies
/// before the first log that was found.
fn note_missing(chapter: &mut Chapter, missing: Vec<MissingFact>) {
    if missing.iter().any(MissingFact::is_silence) && !chapter.is_skipped {
        let begins = chapter.oldest_log.unwrap_or(chapter.cursor.number);
        chapter.first_block = chapter.first_block.max(begins);
    }
    chapter.is_complete = Some(missing.is_empty());
    chapter.missing = missing;
}

/// Forgets the blocks that can no longer be taken back when `next` is read; gives them.
pub(super) fn forget_oldest(book: &mut Book, next: BlockNumber) -> Vec<BlockNumber> {
    let most = u64::try_from(undo::UNDO_MAX).unwrap_or(u64::MAX);
    forget_blocks(book, next.saturating_sub(most).saturating_add(1))
}

/// Forgets the blocks before `first`; gives them.
pub(super) fn forget_blocks(book: &mut Book, first: BlockNumber) -> Vec<BlockNumber> {
    let blocks = book.blocks.range(..first);
    let gone: Vec<BlockNumber> = blocks.map(|(number, _)| *number).collect();
    for number in &gone {
        book.blocks.remove(number);
    }
    gone
}

/// Takes back what an undo record holds.
///
/// # Errors
/// [`StoreError::Record`] where it does not fit.
pub(super) fn take_back(book: &mut Book, writes: &[Write]) -> Result<(), StoreError> {
    for write in writes {
        for table in book.tables() {
            if table.undo(write)? {
                break;
            }
        }
    }
    Ok(())
}

impl Sight<'_> {
    /// Folds the block.
    pub(super) fn fold(&self, book: &mut Book, ours: &Ours) -> (Outcome, News) {
        forget_oldest(book, self.at.block.number);
        if let Some(found) = self.found {
            replace_rollups(book, found);
        }
        let contracts = book.filter().addresses;
        self.note_unknown(book);
        let mut fold = Fold::new(book, ours, self.mode);
        if let Some((snapshot, _)) = self.views {
            fold = fold.with_views(snapshot);
        }
        fold.events(self.seen);
        let mut missing = None;
        if let Some((snapshot, is_sweep)) = self.views {
            missing = is_sweep.then(|| missing_facts(fold.book(), snapshot));
            fold.snapshot(self.at, snapshot);
        }
        let folded = fold.finish_with_news();
        let block = Block {
            hash: self.at.block.hash,
            parent: self.parent,
            at: self.at.at,
            contracts,
            log_count: self.log_count,
            log_digest: self.log_digest,
        };
        book.blocks.put(self.at.block.number, block);
        book.change_chapter(|chapter| {
            chapter.cursor = self.at.block;
            chapter.at = self.at.at;
            note_oldest(chapter, self.seen);
            if let Some(missing) = missing {
                note_missing(chapter, missing);
            }
            match self.views {
                None => chapter.is_swept = false,
                Some((_, false)) => {}
                Some((_, true)) => chapter.is_swept = true,
            }
        });
        folded
    }

    fn note_unknown(&self, book: &mut Book) {
        for (contract, topic, block, detail) in self.unknown {
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
    }
}
