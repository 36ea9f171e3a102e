//! How far a network was read, and what of it may be announced.
//!
//! Coverage is a stored set of intervals, so that "no gap" is a fact that can be printed. It is not derived from blocks:
//! a reorg unwinds the book, and what was read stays read.

use serde::{Deserialize, Serialize};

use super::{
    ProviderRef,
    audit::NotedFault,
    recording::Recorded,
    resume::{RESUMPTIONS_MAX, Resumption},
};
use crate::{
    chain::EndpointName,
    store::{Tree, table::Record},
    units::{BlockNumber, BlockRef, ProviderId, UnixSeconds},
};

/// Blocks whose logs were read: disjoint, ascending, both ends included.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Intervals(Vec<(BlockNumber, BlockNumber)>);

impl Intervals {
    /// Adds the blocks from `from` to `to`.
    pub fn add(&mut self, from: BlockNumber, to: BlockNumber) {
        if from > to {
            return;
        }
        let (mut from, mut to) = (from, to);
        self.0.retain(|(low, high)| {
            let touches = *low <= to.saturating_add(1) && from <= high.saturating_add(1);
            if touches {
                (from, to) = (from.min(*low), to.max(*high));
            }
            !touches
        });
        let at = self.0.partition_point(|(low, _)| *low < from);
        self.0.insert(at, (from, to));
    }

    /// The intervals.
    #[must_use]
    pub fn as_slice(&self) -> &[(BlockNumber, BlockNumber)] {
        &self.0
    }

    /// What is missing between `from` and `to`.
    #[must_use]
    pub fn gaps(&self, from: BlockNumber, to: BlockNumber) -> Vec<(BlockNumber, BlockNumber)> {
        let mut gaps = Vec::new();
        let mut next = from;
        for (low, high) in &self.0 {
            if *low > to || next > to {
                break;
            }
            if *low > next {
                gaps.push((next, low.saturating_sub(1)));
            }
            next = next.max(high.saturating_add(1));
        }
        if next <= to {
            gaps.push((next, to));
        }
        gaps
    }

    /// Whether `block` is covered.
    #[must_use]
    pub fn holds(&self, block: BlockNumber) -> bool {
        self.0
            .iter()
            .any(|(low, high)| (*low..=*high).contains(&block))
    }
}

/// How far a network was read.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Blocks whose logs were read.
    pub covered: Intervals,
    /// Blocks whose logs were read again after they were final, and were the same.
    pub confirmed: Intervals,
    /// The newest final block; `None` = no endpoint tells.
    pub finalized: Option<BlockRef>,
    /// The newest safe block; `None` = no endpoint tells.
    pub safe: Option<BlockRef>,
    /// Nothing up to this block is announced as a change.
    pub floor: BlockNumber,
    /// Whether changes after the floor may have been announced by an earlier life of the store: the channel then tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_floor_doubtful: bool,
    /// Whether the summary of the first start was owed.
    pub is_introduced: bool,
    /// Height of the newest block that any endpoint told.
    pub head: BlockNumber,
    /// Time of that block.
    pub head_at: UnixSeconds,
    /// Reorgs seen.
    pub reorgs: u64,
    /// Depth of the deepest.
    pub reorg_depth_max: u64,
    /// Whether the rollups were found at a block that may not last, so that they are to be found again at the head.
    #[serde(default)]
    pub is_doubtful: bool,
    /// The provider that is watched, and how the configuration named it when it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<(ProviderRef, ProviderId)>,
    /// What did not fit, until a later sweep agrees: at most [`super::audit::FAULTS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<NotedFault>,
    /// Time of the newest block at which everything of ours was compared with the contracts.
    #[serde(default)]
    pub swept_at: UnixSeconds,
    /// Time of a block from which on the next such comparison is due.
    #[serde(default)]
    pub audit_at: UnixSeconds,
    /// Whether finality has stalled for so long that the oldest undo records were given up.
    #[serde(default)]
    pub is_undo_full: bool,
    /// What was recorded of what was observed (`recording`).
    #[serde(default)]
    pub recorded: Recorded,
    /// What of it lies before the newest export that was checked.
    #[serde(default)]
    pub based: Recorded,
    /// The catch-up that people were told of, until the head is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catch_up: Option<CatchUp>,
    /// Catch-ups that people were told of, this one included.
    #[serde(default)]
    pub catch_ups: u64,
    /// Why the network is stopped; `None` = it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// What is known of the reorg that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impasse: Option<Impasse>,
    /// Endpoints that do not hold what is missing of history: they refuse it, or answer with nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forgetful: Vec<EndpointName>,
    /// Who had the network read again: at most [`super::resume::RESUMPTIONS_MAX`], the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumptions: Vec<Resumption>,
}

/// A reorg that cannot be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impasse {
    /// Blocks that are known to be replaced; there may be more.
    pub depth_min: u64,
    /// Whether it is the records of the way back that are missing, and not a final block that was replaced.
    pub is_undo_exhausted: bool,
}

/// A catch-up that takes long enough to be told of. It outlives a restart, and so does its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// The block before its first one.
    pub from: BlockNumber,
    /// When it was first told of.
    pub began_at: UnixSeconds,
    /// When its message was last given new content (Unix, milliseconds).
    pub told_at_ms: u64,
    /// The share that it told, in percent.
    pub told_percent: u64,
}

/// Seconds after which a head counts as stale: 5 min, 25 slots of the L1.
pub const HEAD_STALE_SECONDS: u64 = 300;

impl Progress {
    /// Forgets how far the network was read, and remembers what may not be announced again, and who ordered it.
    pub(super) fn begin_again(&mut self, resumption: &Resumption) {
        let mut resumptions = std::mem::take(&mut self.resumptions);
        resumptions.push(resumption.clone());
        let over = resumptions.len().saturating_sub(RESUMPTIONS_MAX);
        resumptions.drain(..over);
        *self = Self {
            floor: resumption.floor,
            is_introduced: self.is_introduced,
            head: self.head,
            head_at: self.head_at,
            reorgs: self.reorgs,
            reorg_depth_max: self.reorg_depth_max,
            provider: self.provider,
            // Each has a message of its own.
            catch_ups: self.catch_ups,
            resumptions,
            ..Self::default()
        };
    }

    /// Age of the newest block that was read; `None` before the first.
    #[must_use]
    pub fn head_age_seconds(&self, now: UnixSeconds) -> Option<u64> {
        (self.head_at.value() > 0).then(|| now.since(self.head_at))
    }

    /// Whether the chain stands still, or nobody shows its head.
    #[must_use]
    pub fn is_head_stale(&self, now: UnixSeconds) -> bool {
        self.head_age_seconds(now)
            .is_some_and(|age| age > HEAD_STALE_SECONDS)
    }
}

impl Record for Progress {
    const KIND: &'static str = "progress";
    const TREE: Tree = Tree::Kept;
    type Key = String;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn coverage_and_gaps_share_every_block_between_them(
            ranges in proptest::collection::vec((0_u64..60, 0_u64..12), 0..12),
        ) {
            let mut intervals = Intervals::default();
            let mut model = std::collections::BTreeSet::new();
            for (from, length) in ranges {
                intervals.add(BlockNumber::new(from), BlockNumber::new(from + length));
                model.extend(from..=from + length);
            }
            for block in 0..80 {
                prop_assert_eq!(intervals.holds(BlockNumber::new(block)), model.contains(&block));
            }
            let gaps = intervals.gaps(BlockNumber::new(5), BlockNumber::new(70));
            for block in 5..=70 {
                let in_gap = gaps.iter().any(|(low, high)| (low.value()..=high.value()).contains(&block));
                prop_assert_eq!(in_gap, !model.contains(&block));
            }
            let apart = intervals.as_slice().windows(2).all(|pair| pair[0].1.value() + 1 < pair[1].0.value());
            prop_assert!(apart, "neighbours are merged");
        }
    }
}
