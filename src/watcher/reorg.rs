//! Blocks that are no longer canonical are taken back, newest first, by their undo records.

use super::{
    Happening, Step, Unwinding, WatchError, Watcher, observation, progress::Impasse,
    recording::Noted,
};
use crate::{
    chain::{BlockTag, ChainError, Header},
    state::State,
    store::{Tree, undo},
    units::{BlockNumber, BlockRef},
    writer::Extra,
};

impl Watcher {
    /// Takes back every block that `head`'s chain does not hold.
    pub(super) async fn unwind(&self, head: &Header) -> Result<Step, WatchError> {
        let network = self.network();
        let (cursor, known) = {
            let state = self.writer.read().await;
            let Some(book) = state.book(network) else {
                return Ok(Step::Idle);
            };
            let known: Vec<BlockRef> = book
                .blocks
                .rows()
                .rev()
                .map(|(number, block)| BlockRef {
                    number: *number,
                    hash: block.hash,
                })
                .filter(|block| block.number <= book.summary().cursor.number)
                .collect();
            (book.summary().cursor, known)
        };
        let finalized = self
            .progress()
            .await
            .finalized
            .map_or(BlockNumber::new(0), |block| block.number);
        let mut gone = Vec::new();
        for block in known {
            let canonical = if block.number > head.block.number {
                None
            } else if block.number == head.block.number {
                Some(head.block.hash)
            } else {
                self.endpoints
                    .header(BlockTag::Number(block.number))
                    .await?
                    // Whoever does not know the block says nothing about it.
                    .map(|header| Some(header.block.hash))
                    .ok_or(ChainError::UnknownBlock)?
            };
            if canonical == Some(block.hash) {
                return self.take_back(&gone, block, Unwinding::Reorg).await;
            }
            if block.number <= finalized {
                let reason = format!("block {block} is final and yet no longer canonical");
                let impasse = Impasse {
                    depth_min: depth_of(&gone).saturating_add(1),
                    is_undo_exhausted: false,
                };
                return self.stop(reason, impasse).await;
            }
            gone.push(block);
        }
        let reason = format!(
            "a reorg at block {cursor} reaches below the oldest block that can be taken back"
        );
        self.stop(reason, exhausted(&gone)).await
    }

    /// Gives up what would take back the oldest block, where finality has stalled for [`undo::UNDO_MAX`] blocks.
    pub(super) fn limit_undo(&self, state: &mut State, extra: &mut Extra, next: BlockNumber) {
        let network = self.network();
        let Some(book) = state.books.get_mut(network) else {
            return;
        };
        let gone = observation::forget_oldest(book, next);
        let finalized = state.progress_of(network).finalized;
        let is_full = gone
            .iter()
            .any(|number| finalized.is_none_or(|finalized| *number > finalized.number));
        for number in gone {
            extra.batch.delete(Tree::Undo, undo::key(network, number));
        }
        if state.progress_of(network).is_undo_full != is_full {
            if is_full {
                tracing::warn!(
                    network,
                    blocks = undo::UNDO_MAX,
                    "finality stalls: a reorg deeper than this can no longer be taken back"
                );
            }
            state.change_progress(network, |progress| progress.is_undo_full = is_full);
        }
    }

    /// Takes back the block of `at` and what was folded since, where that can still be done: it is read again from another
    /// endpoint.
    pub(super) async fn take_back_from(&self, at: &Header) -> Result<(), WatchError> {
        let gone: Vec<BlockRef> = {
            let state = self.writer.read().await;
            let Some(book) = state.book(self.network()) else {
                return Ok(());
            };
            let blocks = book.blocks.range(at.block.number..).rev();
            blocks
                .map(|(number, block)| BlockRef {
                    number: *number,
                    hash: block.hash,
                })
                .collect()
        };
        for block in &gone {
            let key = undo::key(self.network(), block.number);
            if self.writer.store().read(Tree::Undo, &key)?.is_none() {
                return Ok(());
            }
        }
        let kept = BlockRef {
            number: at.block.number.saturating_sub(1),
            hash: at.parent_hash,
        };
        self.take_back(&gone, kept, Unwinding::Overruled).await?;
        Ok(())
    }

    async fn take_back(
        &self,
        gone: &[BlockRef],
        kept: BlockRef,
        why: Unwinding,
    ) -> Result<Step, WatchError> {
        if gone.is_empty() {
            return Ok(Step::Idle);
        }
        let network = self.network();
        let store = self.writer.store();
        let mut writes = Vec::new();
        for block in gone {
            let key = undo::key(network, block.number);
            let Some(bytes) = store.read(Tree::Undo, &key)? else {
                let reason = format!("the undo record of block {block} is missing");
                return self.stop(reason, exhausted(gone)).await;
            };
            writes.extend(undo::decode(&bytes)?);
        }
        let depth = depth_of(gone);
        self.writer
            .commit(|state: &mut State, extra| {
                let Some(book) = state.books.get_mut(network) else {
                    return Ok::<_, WatchError>(());
                };
                observation::take_back(book, &writes)?;
                self.record(state, extra, None, Noted::Unwound(gone))?;
                for block in gone {
                    extra
                        .batch
                        .delete(Tree::Undo, undo::key(network, block.number));
                }
                state.change_progress(network, |progress| {
                    if why == Unwinding::Reorg {
                        progress.reorgs = progress.reorgs.saturating_add(1);
                        progress.reorg_depth_max = progress.reorg_depth_max.max(depth);
                    }
                    progress.is_doubtful = true;
                });
                self.announcer.announce(
                    state,
                    network,
                    &self.told(Happening::Unwound { gone, kept, why }),
                );
                Ok(())
            })
            .await?;
        tracing::warn!(network, depth, kept = %kept, "blocks taken back");
        Ok(Step::Unwound { depth })
    }

    /// Stops the network: nothing more is read until a person acts.
    async fn stop(&self, reason: String, impasse: Impasse) -> Result<Step, WatchError> {
        let network = self.network();
        tracing::error!(network, reason, "network stopped");
        let why = reason.clone();
        self.writer
            .commit(|state: &mut State, _| {
                state.change_progress(network, |progress| {
                    (progress.stopped, progress.impasse) = (Some(why), Some(impasse));
                });
                self.announcer
                    .announce(state, network, &self.told(Happening::Tick));
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(Step::Stopped(reason))
    }
}

fn depth_of(gone: &[BlockRef]) -> u64 {
    u64::try_from(gone.len()).unwrap_or(u64::MAX)
}

/// No record of the way back is left.
fn exhausted(gone: &[BlockRef]) -> Impasse {
    Impasse {
        depth_min: depth_of(gone),
        is_undo_exhausted: true,
    }
}
