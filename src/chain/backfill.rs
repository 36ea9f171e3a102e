//! Logs of the past, range by range.
//!
//! An empty answer is what a pruning or lagging endpoint gives for blocks that it does not hold. Ranges therefore end at the
//! endpoint's own newest block, and [`Endpoints::holds_logs`] finds the forgetful ones by a log that is known to exist.

use futures::future::join_all;

use super::{
    ChainError, EndpointName, Log, LogFilter,
    endpoints::{Endpoints, Failures},
    health::HealthState,
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

    /// As [`Endpoints::logs`], from endpoints only that are seen to remember: an empty answer of one that forgot its history
    /// looks like a quiet chain.
    ///
    /// `known` are logs that exist, none after `from`: an endpoint that holds one of them holds what follows. Where there
    /// are none yet, all endpoints are asked, and who leaves out the first log that any of them tells is not believed.
    ///
    /// # Errors
    /// As [`Endpoints::logs`]; [`ChainError::Pruned`] only where all of them answered, and nobody remembers.
    pub async fn history(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &LogFilter,
        known: &[Log],
    ) -> Result<RangeLogs, ChainError> {
        let mut failures = Failures::default();
        let mut forgot = None;
        let mut answers = Vec::new();
        for member in self.awake_for_history() {
            let answer = if member.lacks_logs_of(from) {
                Err(ChainError::Pruned(format!("no logs of block {from}")))
            } else if known.is_empty() {
                logs_on(member, from, to, filter).await
            } else {
                logs_if_remembered(member, from, to, filter, known).await
            };
            match answer {
                Ok(range) if !known.is_empty() => return Ok(range),
                Ok(range) => answers.push((member, range)),
                Err(error @ ChainError::Pruned(_)) => forgot = Some(error),
                Err(error) => failures.push(error),
            }
        }
        let first = answers.iter().filter_map(|(_, range)| range.logs.first());
        let first = first
            .min_by_key(|log| (log.block.number, log.index))
            .cloned();
        // Whoever rests for a moment may remember; whoever is down is not waited for.
        let is_awaited = self.all().any(|member| {
            let is_resting = member.rest().is_some() && !member.lacks_logs_of(from);
            is_resting && member.health().state == HealthState::Healthy
        });
        if first.is_none() && is_awaited {
            return Err(self.unanswered(failures));
        }
        for (member, range) in answers {
            let Some(first) = &first else {
                return Ok(range);
            };
            let number = first.block.number;
            let is_covered = range.to_reached >= number;
            let holds = range.logs.first().is_some_and(|log| log == first);
            if is_covered {
                member.holds_logs_of(number, holds);
            }
            if holds || !is_covered {
                return Ok(range);
            }
        }
        match forgot {
            Some(error) if failures.is_empty() => Err(error),
            _ => Err(self.unanswered(failures)),
        }
    }

    /// Endpoints that are known to hold no logs of `block`.
    #[must_use]
    pub fn forgetful(&self, block: BlockNumber) -> Vec<EndpointName> {
        let lacking = self.all().filter(|member| member.lacks_logs_of(block));
        lacking.map(|member| member.name().clone()).collect()
    }

    /// All endpoints that serve history.
    #[must_use]
    pub fn names(&self) -> Vec<EndpointName> {
        self.all().map(|member| member.name().clone()).collect()
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

/// Reads a range from an endpoint that holds one of the `known` logs: asked about each once.
async fn logs_if_remembered(
    member: &Member,
    from: BlockNumber,
    to: BlockNumber,
    filter: &LogFilter,
    known: &[Log],
) -> Result<RangeLogs, ChainError> {
    for log in known {
        let number = log.block.number;
        let mut holds = member.is_known_to_hold(number);
        if !holds && !member.lacks_logs_of(number) {
            let filter = LogFilter {
                addresses: vec![log.address],
                topics: log.topics.first().copied().into_iter().collect(),
            };
            let asked = member.logs_of_range(number, number, &filter).await;
            holds = match asked {
                Ok(logs) => logs.iter().any(|one| one == log),
                Err(ChainError::Pruned(_)) => false,
                Err(error) => return Err(error),
            };
            member.holds_logs_of(number, holds);
        }
        if holds {
            return logs_on(member, from, to, filter).await;
        }
    }
    Err(ChainError::Pruned(format!(
        "it answers with nothing where logs are known to be, before block {from}"
    )))
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
