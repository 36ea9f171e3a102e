//! Logs of the past, range by range.
//!
//! An empty answer is what a pruning or lagging endpoint gives for blocks that it does not hold. Ranges therefore end at the
//! endpoint's own newest block, and [`Endpoints::holds_logs`] finds the forgetful ones by a log that is known to exist.

use futures::future::join_all;

use super::{
    ChainError, EndpointName, Log, LogFilter,
    endpoints::{Endpoints, Failures},
    member::Member,
};
use crate::units::BlockNumber;

/// The wanted logs from the asked first block up to `to_reached`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeLogs {
    /// In canonical order.
    pub logs: Vec<Log>,
    /// The last block that the answer covers; go on behind it.
    pub to_reached: BlockNumber,
    /// Who said so.
    pub source: EndpointName,
}

impl Endpoints {
    /// The wanted logs of a range beginning at `from`: as much of it as an endpoint takes in one question. Archive endpoints are
    /// asked first.
    ///
    /// # Errors
    /// [`ChainError::Pruned`] where nobody holds the history, [`ChainError::UnknownBlock`] where nobody knows `from` yet,
    /// else the first endpoint's error.
    pub async fn logs(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &LogFilter,
    ) -> Result<RangeLogs, ChainError> {
        if filter.addresses.is_empty() {
            return Err(ChainError::Refused(
                "the filter names no contract".to_owned(),
            ));
        }
        let mut failures = Failures::default();
        for member in self.awake_for_history() {
            let answer = if member.lacks_logs_of(from) {
                Err(ChainError::Pruned(format!("no logs of block {from}")))
            } else {
                logs_on(member, from, to, filter).await
            };
            match answer {
                Ok(range) => return Ok(range),
                Err(error) => failures.push(error),
            }
        }
        Err(self.unanswered(failures))
    }

    /// Whether each endpoint holds a log that is known to exist; `None` where it does not say. Those that do not hold it are no
    /// longer asked for logs of that block or of earlier ones.
    pub async fn holds_logs(&self, known: &Log) -> Vec<(EndpointName, Option<bool>)> {
        let filter = LogFilter {
            addresses: vec![known.address],
            topics: known.topics.first().copied().into_iter().collect(),
        };
        let number = known.block.number;
        let ask = |member| holds(member, number, &filter, known);
        join_all(self.all().map(ask)).await
    }
}

async fn holds(
    member: &Member,
    number: BlockNumber,
    filter: &LogFilter,
    known: &Log,
) -> (EndpointName, Option<bool>) {
    let holds = match member.logs_of_range(number, number, filter).await {
        Ok(logs) => {
            let is_known = |log: &Log| log.block == known.block && log.index == known.index;
            Some(logs.iter().any(is_known))
        }
        Err(ChainError::Pruned(_)) => Some(false),
        Err(_) => None,
    };
    if let Some(holds) = holds {
        member.holds_logs_of(number, holds);
    }
    (member.name().clone(), holds)
}

async fn logs_on(
    member: &Member,
    from: BlockNumber,
    to: BlockNumber,
    filter: &LogFilter,
) -> Result<RangeLogs, ChainError> {
    let mut head = member.head_seen();
    if head.is_none_or(|head| head < to) {
        head = Some(member.latest().await?.block.number);
    }
    let to = head.map_or(to, |head| head.min(to));
    if to < from {
        return Err(ChainError::UnknownBlock);
    }
    loop {
        let blocks = member.range_blocks().min(to.since(from).saturating_add(1));
        let end = from.saturating_add(blocks.saturating_sub(1));
        match member.logs_of_range(from, end, filter).await {
            Ok(logs) => {
                member.range_took(blocks);
                return Ok(RangeLogs {
                    logs,
                    to_reached: end,
                    source: member.name().clone(),
                });
            }
            Err(ChainError::TooLarge { blocks_max, .. })
                if member.range_refused(blocks, blocks_max) => {}
            Err(error @ ChainError::TooLarge { .. }) => {
                // Nothing is smaller than one block.
                member.failed("eth_getLogs", &error);
                return Err(error);
            }
            Err(error @ ChainError::Unavailable(_)) => {
                // It may have been the range that took too long.
                member.range_refused(blocks, None);
                return Err(error);
            }
            Err(error @ ChainError::Pruned(_)) => {
                member.holds_logs_of(from, false);
                return Err(error);
            }
            Err(error) => return Err(error),
        }
    }
}
