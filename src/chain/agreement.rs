//! Whether several endpoints say the same about one block.
//!
//! Votes are answers at the same block hash. An error, a silence or a refusal is no vote, and never wins.

use std::time::Duration;

use futures::{Future, StreamExt, stream::FuturesUnordered};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    Call, CallAnswer, ChainError, EndpointName, Header, Log, LogFilter, endpoints::Endpoints,
    member::Member,
};
use crate::units::B256;

/// Pause before a witness that does not know the block yet is asked for its logs again: two more times in the 6 s that
/// an alert waits, one cheap request each.
const UNKNOWN_PAUSE: Duration = Duration::from_secs(2);

/// What one endpoint said of one block, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Testimony {
    /// Who.
    pub endpoint: EndpointName,
    /// How many wanted logs.
    pub logs: u64,
    /// Digest over those logs.
    pub logs_digest: B256,
    /// Digest over the answers, in the order of the calls.
    pub answers_digest: B256,
}

impl Testimony {
    /// What `endpoint` said.
    #[must_use]
    pub fn of(endpoint: EndpointName, logs: &[Log], answers: &[CallAnswer]) -> Self {
        let mut hash = Sha256::new();
        for answer in answers {
            let (kind, bytes) = match answer {
                CallAnswer::Returned(bytes) => (0_u8, bytes),
                CallAnswer::Reverted(bytes) => (1, bytes),
            };
            hash.update([kind]);
            hash.update(bytes.len().to_be_bytes());
            hash.update(bytes);
        }
        Self {
            endpoint,
            logs: u64::try_from(logs.len()).unwrap_or(u64::MAX),
            logs_digest: digest(logs),
            answers_digest: B256::from_slice(&hash.finalize()),
        }
    }

    /// Digest over all that it said.
    #[must_use]
    pub fn digest(&self) -> B256 {
        let mut hash = Sha256::new();
        hash.update(self.logs_digest);
        hash.update(self.answers_digest);
        B256::from_slice(&hash.finalize())
    }

    fn says_as(&self, other: &Self) -> bool {
        self.logs_digest == other.logs_digest && self.answers_digest == other.answers_digest
    }
}

/// Digest over the logs of one block: equal where the same logs stand at the same places.
#[must_use]
pub fn digest(logs: &[Log]) -> B256 {
    let mut hash = Sha256::new();
    for log in logs {
        hash.update(log.transaction);
        hash.update(log.index.to_be_bytes());
        hash.update(log.address);
        for topic in &log.topics {
            hash.update(topic);
        }
        hash.update(&log.data);
    }
    B256::from_slice(&hash.finalize())
}

/// What several endpoints make of a testimony.
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
    /// Somebody says otherwise, and there is no majority for anything.
    Contradiction {
        /// What each said, the testimony first.
        said: Vec<Testimony>,
    },
    /// A majority of all endpoints says one thing, and the testimony is another.
    Overruled {
        /// What each said, those of the majority first.
        said: Vec<Testimony>,
        /// What the majority says.
        instead: Testimony,
    },
}

impl Endpoints {
    /// Asks the other endpoints what `ours` says about `filter` and `calls` at `at`: two requests each, at most `timeout`
    /// long (6 s is what an alert waits). Ends as soon as a majority stands, for or against.
    ///
    /// Whoever does not know the block yet is asked for its logs again; whoever lets the time pass is to blame for it.
    pub async fn agree(
        &self,
        at: &Header,
        filter: &LogFilter,
        calls: &[Call],
        ours: Testimony,
        timeout: Duration,
    ) -> Agreement {
        let total = self.voters();
        let deadline = Instant::now() + timeout;
        let others = self
            .awake()
            .filter(|member| *member.name() != ours.endpoint);
        let mut pending: FuturesUnordered<_> = others
            .map(|member| testify(member, at, filter, calls, deadline))
            .collect();
        let mut said = vec![ours];
        let majority = |said: &[Testimony]| {
            let first = said
                .iter()
                .find(|one| is_majority(votes(said, one), total))?;
            Some(first.clone())
        };
        let mut carried = None;
        while carried.is_none()
            && let Some(testimony) = pending.next().await
        {
            said.extend(testimony.ok());
            carried = majority(&said);
        }
        drop(pending);
        self.count_votes(said, carried, total)
    }

    fn count_votes(
        &self,
        mut said: Vec<Testimony>,
        carried: Option<Testimony>,
        total: usize,
    ) -> Agreement {
        let Some(carried) = carried else {
            let is_unanimous = said
                .first()
                .is_some_and(|ours| votes(&said, ours) == said.len());
            return if is_unanimous {
                Agreement::OneSource
            } else {
                Agreement::Contradiction { said }
            };
        };
        for member in self.all() {
            let is_right =
                |one: &Testimony| one.endpoint == *member.name() && one.says_as(&carried);
            if said.iter().any(is_right) {
                member.is_upheld();
            }
        }
        if said.first().is_some_and(|ours| ours.says_as(&carried)) {
            let of = votes(&said, &carried);
            said.retain(|one| !one.says_as(&carried));
            let dissent = said;
            return Agreement::Agreed { of, total, dissent };
        }
        said.sort_by_key(|one| !one.says_as(&carried));
        let instead = carried;
        Agreement::Overruled { said, instead }
    }

    /// An endpoint said what a majority of all contradicts: it rests, the longer the more often that happens in a row.
    pub fn overrule(&self, endpoint: &EndpointName, at: &Header) {
        for member in self.all().filter(|member| member.name() == endpoint) {
            member.is_overruled(at.block.number);
        }
    }

    /// Whether there is another endpoint that may be asked now.
    #[must_use]
    pub fn has_witness(&self, endpoint: &EndpointName) -> bool {
        self.awake().any(|member| member.name() != endpoint)
    }
}

const fn is_majority(votes: usize, total: usize) -> bool {
    votes > 1 && votes * 2 > total
}

/// How many say what `one` says, itself included.
fn votes(said: &[Testimony], one: &Testimony) -> usize {
    said.iter().filter(|other| other.says_as(one)).count()
}

/// What one endpoint says, its logs first: one that does not know the block costs no second request.
async fn testify(
    member: &Member,
    at: &Header,
    filter: &LogFilter,
    calls: &[Call],
    deadline: Instant,
) -> Result<Testimony, ChainError> {
    let mut logs = Vec::new();
    while !filter.addresses.is_empty() {
        let asked = member.logs_of_block(at, filter);
        match in_time(member, "eth_getLogs", deadline, asked).await {
            Err(ChainError::UnknownBlock) if Instant::now() + UNKNOWN_PAUSE < deadline => {
                sleep(UNKNOWN_PAUSE).await;
            }
            told => {
                logs = told?;
                break;
            }
        }
    }
    let mut answers = Vec::new();
    if !calls.is_empty() {
        let asked = member.aggregate(at, calls);
        answers = in_time(member, "eth_call", deadline, asked).await?;
    }
    Ok(Testimony::of(member.name().clone(), &logs, &answers))
}

async fn in_time<T>(
    member: &Member,
    method: &'static str,
    deadline: Instant,
    asked: impl Future<Output = Result<T, ChainError>>,
) -> Result<T, ChainError> {
    if let Ok(told) = timeout_at(deadline, asked).await {
        return told;
    }
    let error = ChainError::Unavailable("no answer while an alert waited for it".to_owned());
    member.failed(method, &error);
    Err(error)
}
