//! The form of a record: what it holds, and what it may leave out.

use serde::{Deserialize, Serialize};

use crate::{
    book::{
        fold::{Mode, News, Seen},
        question::{Answer, Question},
    },
    chain::contracts::Event,
    units::{AttesterAddress, B256, BlockNumber, BlockRef, UnixSeconds},
    watcher::observation::{Found, Sight, Unknown},
};

/// What was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum What {
    Met {
        registry: crate::units::Address,
        staking_registry: crate::units::Address,
        first_block: BlockNumber,
        rollups: Found,
    },
    Learned(Found),
    Skipped {
        held: BlockNumber,
        before: BlockRef,
        at: UnixSeconds,
    },
    Range {
        end: BlockRef,
        at: UnixSeconds,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        logs: Vec<BlockLogs>,
    },
    Block(Box<BlockForm>),
    Unwound(Vec<BlockNumber>),
    Final(BlockNumber),
}

/// The logs of one block: transactions, with index and event each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BlockLogs(BlockRef, UnixSeconds, Vec<(B256, Vec<(u64, Event)>)>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BlockForm {
    pub(super) block: BlockRef,
    pub(super) at: UnixSeconds,
    /// Left out where it is the cursor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parent: Option<B256>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) found: Option<Found>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) logs: Vec<BlockLogs>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unknown: Vec<Unknown>,
    /// Count and digest of all logs; left out where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) held: Option<(u64, B256)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_late: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) views: Option<ViewsForm>,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ViewsForm {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) sweep: bool,
    /// What was said anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) said: Vec<(Question, Answer)>,
    /// What was said before and is not said now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) unsaid: Vec<Question>,
}

/// What is asked at every block, whatever happened.
pub(super) const fn is_steady(question: &Question) -> bool {
    matches!(
        question,
        Question::LatestRollup { .. }
            | Question::QueueLength { .. }
            | Question::QueueAt { place: 0, .. }
            | Question::ActiveCount { .. }
            | Question::Available { .. }
            | Question::NextFlushableEpoch { .. }
            | Question::IsBootstrapped { .. }
            | Question::FlushSize { .. }
            | Question::ProviderConfiguration { .. }
    )
}

/// What of an answer has to be kept for the same to follow.
pub(super) fn kept(
    question: &Question,
    answer: &Answer,
    news: &News,
    is_ours: &dyn Fn(AttesterAddress) -> bool,
) -> Option<(Question, Answer)> {
    let is_news = match question {
        Question::View { attester, .. }
        | Question::FollowsLatest { attester, .. }
        | Question::KeyOwned { attester, .. } => news.attesters.contains(attester),
        Question::QueueAt { rollup, .. } => news.queues.contains(rollup),
        // It only leads to the tally.
        Question::TargetCommittees { .. } => false,
        _ => true,
    };
    if !is_news {
        return None;
    }
    Some(match (question, answer) {
        (
            Question::Tally {
                contract, round, ..
            },
            Answer::Tally(tally),
        ) => {
            let tally = tally.iter().filter(|(attester, _)| is_ours(*attester));
            let question = Question::Tally {
                contract: *contract,
                round: *round,
                committees: Vec::new(),
            };
            (question, Answer::Tally(tally.copied().collect()))
        }
        _ => (question.clone(), answer.clone()),
    })
}

pub(super) fn block_form(sight: &Sight<'_>, cursor: BlockRef) -> BlockForm {
    BlockForm {
        block: sight.at.block,
        at: sight.at.at,
        parent: (sight.parent != cursor.hash).then_some(sight.parent),
        found: sight.found.cloned(),
        logs: pack(sight.seen),
        unknown: sight.unknown.to_vec(),
        held: (sight.log_count > 0).then_some((sight.log_count, sight.log_digest)),
        is_late: sight.mode == Mode::CatchUp,
        views: None,
    }
}

pub(super) fn pack(seen: &[Seen]) -> Vec<BlockLogs> {
    let blocks = seen.chunk_by(|a, b| a.block == b.block && a.at == b.at);
    let blocks = blocks.filter_map(|block| {
        let first = block.first()?;
        let transactions = block.chunk_by(|a, b| a.transaction == b.transaction);
        let transactions = transactions.filter_map(|logs| {
            let one = |seen: &Seen| (seen.log_index, seen.event.clone());
            Some((logs.first()?.transaction, logs.iter().map(one).collect()))
        });
        Some(BlockLogs(first.block, first.at, transactions.collect()))
    });
    blocks.collect()
}

pub(super) fn unpack(blocks: Vec<BlockLogs>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for BlockLogs(block, at, transactions) in blocks {
        for (transaction, logs) in transactions {
            seen.extend(logs.into_iter().map(|(log_index, event)| Seen {
                event,
                block,
                at,
                transaction,
                log_index,
            }));
        }
    }
    seen
}
