//! Whether several endpoints say the same about one block.
//!
//! Votes are answers at the same block hash. An error, a silence or a refusal is no vote, and never wins.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    Call, CallAnswer, ChainError, EndpointName, Header, Log, LogFilter, endpoints::Endpoints,
    member::Member, observe::Observed,
};

/// What one endpoint said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimony {
    /// Who.
    pub endpoint: EndpointName,
    /// The wanted logs.
    pub logs: Vec<Log>,
    /// The answers, in the order of the calls.
    pub answers: Vec<CallAnswer>,
}

impl Testimony {
    fn says_as(&self, other: &Self) -> bool {
        self.logs == other.logs && self.answers == other.answers
    }
}

/// What several endpoints make of an observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// A majority of all endpoints says the same.
    Agreed {
        /// How many say so.
        of: usize,
        /// How many there are.
        total: usize,
        /// Those that were heard to say otherwise, before the majority stood.
        dissent: Vec<Testimony>,
    },
    /// Nobody said otherwise, and too few said the same: one endpoint only, or the others are silent.
    OneSource,
    /// Somebody says otherwise, and the majority is not with the observation.
    Contradiction {
        /// What each said, the observation first.
        said: Vec<Testimony>,
    },
}

impl Endpoints {
    /// Asks the other endpoints what `observed` says about `filter` and `calls` at `at`: at most two requests each, all at once,
    /// at most `timeout` long (6 s is what an alert waits). Ends as soon as a majority stands.
    pub async fn agree(
        &self,
        at: &Header,
        filter: &LogFilter,
        calls: &[Call],
        observed: &Observed,
        timeout: Duration,
    ) -> Agreement {
        let ours = Testimony {
            endpoint: observed.source.clone(),
            logs: observed.logs.clone(),
            answers: observed.answers.clone(),
        };
        let total = self.voters();
        let others = self
            .awake()
            .filter(|member| *member.name() != observed.source);
        let mut pending: FuturesUnordered<_> = others
            .map(|member| testify(member, at, filter, calls))
            .collect();
        let mut said = vec![ours];
        let is_majority = |votes: usize| votes > 1 && votes * 2 > total;
        let collect = async {
            while let Some(testimony) = pending.next().await {
                said.extend(testimony.ok());
                if is_majority(votes(&said)) {
                    break;
                }
            }
        };
        // A time-out leaves what was heard until then.
        drop(tokio::time::timeout(timeout, collect).await);
        let of = votes(&said);
        if is_majority(of) {
            let (ours, rest) = said.split_at(1);
            let differs = |one: &&Testimony| ours.iter().any(|ours| !ours.says_as(one));
            let dissent = rest.iter().filter(differs).cloned().collect();
            return Agreement::Agreed { of, total, dissent };
        }
        if of == said.len() {
            Agreement::OneSource
        } else {
            Agreement::Contradiction { said }
        }
    }
}

/// How many say what the first says, itself included.
fn votes(said: &[Testimony]) -> usize {
    let same = |first: &Testimony| said.iter().filter(|one| one.says_as(first)).count();
    said.first().map_or(0, same)
}

async fn testify(
    member: &Member,
    at: &Header,
    filter: &LogFilter,
    calls: &[Call],
) -> Result<Testimony, ChainError> {
    let logs = async {
        if filter.addresses.is_empty() {
            return Ok(Vec::new());
        }
        member.logs_of_block(at, filter).await
    };
    let answers = async {
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        member.aggregate(at, calls).await
    };
    let (logs, answers) = futures::try_join!(logs, answers)?;
    Ok(Testimony {
        endpoint: member.name().clone(),
        logs,
        answers,
    })
}
