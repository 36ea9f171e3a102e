//! Several endpoints as one source: a leader, and others that take over while it fails.
//!
//! The first endpoint in order that is not resting leads; one that failed rests, and leads again by itself. What is asked
//! about a block lives in `observe`, what is asked about the past in `backfill`, and votes in `agreement`.
//! Requests at the head, for a block with nothing to do: one header, one `eth_getLogs`, one aggregate, all on the leader.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::{BoxFuture, join_all};
use serde::Serialize;

use super::{
    BlockTag, Chain, ChainError, EndpointName, Header,
    health::{HealthChange, HealthPolicy, HealthState, Trouble},
    member::{Member, Shared},
};
use crate::{
    clock::Clock,
    units::{Address, B256, BlockNumber, BlockRef, Bytes, UnixSeconds},
};

/// How the endpoints are used.
#[derive(Debug, Clone)]
pub struct Options {
    /// Seed of the jitter on rests.
    pub seed: u64,
    /// When an endpoint counts as failing.
    pub health: HealthPolicy,
    /// First range of a backfill, in blocks.
    pub range_start: u64,
    /// Longest range, in blocks.
    pub range_max: u64,
    /// First size of an aggregate, in calls; 300 attester views take 11 M gas of the usual 50 M.
    pub aggregate_start: u64,
    /// Largest aggregate, in calls.
    pub aggregate_max: u64,
    /// How often in a row an endpoint may not know a block before that is its fault.
    pub unknown_blocks_max: u32,
    /// Pause before a block is asked for again that an endpoint does not know yet.
    pub unknown_block_pause: Duration,
    /// Age of the newest block from which the other endpoints are asked for theirs; five L1 slots.
    pub head_age_max: Duration,
    /// Blocks that the leader may be behind another.
    pub lag_blocks_max: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 0,
            health: HealthPolicy::default(),
            range_start: 2_000,
            range_max: 50_000,
            aggregate_start: 300,
            aggregate_max: 2_000,
            unknown_blocks_max: 3,
            unknown_block_pause: Duration::from_millis(300),
            head_age_max: Duration::from_secs(60),
            lag_blocks_max: 2,
        }
    }
}

/// How one endpoint fares, for `/status` and metrics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointHealth {
    /// Which.
    pub endpoint: EndpointName,
    /// Whether it serves backfills only.
    pub is_archive: bool,
    /// How it fares.
    pub state: HealthState,
    /// Since when.
    pub since: UnixSeconds,
    /// Most failures in a row of any method.
    pub failures: u32,
    /// The last failure, as a sentence; stays after recovery.
    pub last_error: Option<String>,
    /// What is wrong with it; `None` while it is healthy.
    pub trouble: Option<Trouble>,
    /// Its newest block as last seen.
    pub head: Option<BlockNumber>,
    /// Requests since start, by JSON-RPC method.
    pub requests: BTreeMap<&'static str, u64>,
    /// Learnt range of `eth_getLogs`, in blocks.
    pub range_blocks: u64,
    /// Learnt size of an aggregate, in calls.
    pub aggregate_calls: u64,
}

/// What the beacon chain says of the L1's blocks; `None` is unknown, never "none".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Finality {
    /// The newest safe block.
    pub safe: Option<BlockRef>,
    /// The newest finalised block.
    pub finalized: Option<BlockRef>,
}

/// Several endpoints as one source.
#[derive(Debug)]
pub struct Endpoints {
    members: Vec<Member>,
    archive: Vec<Member>,
    pub(super) shared: Arc<Shared>,
}

/// One error for a question that nobody answered.
#[derive(Debug, Default)]
pub(super) struct Failures(Option<ChainError>);

impl Failures {
    /// Whether nothing failed.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// An unknown block outweighs the rest, for it means that the head must be read again; else the leader's word counts.
    pub(super) fn push(&mut self, error: ChainError) {
        if self.0.is_none() || error == ChainError::UnknownBlock {
            self.0 = Some(error);
        }
    }
}

impl Endpoints {
    /// `endpoints` in the order in which they lead; `archive` serves backfills first, and nothing else.
    #[must_use]
    pub fn new(
        endpoints: Vec<Arc<dyn Chain>>,
        archive: Vec<Arc<dyn Chain>>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Self {
        let shared = Arc::new(Shared::new(options, clock));
        let members = |chains: Vec<Arc<dyn Chain>>, is_archive| {
            let member = |chain| Member::new(chain, is_archive, shared.clone());
            chains.into_iter().map(member).collect()
        };
        Self {
            members: members(endpoints, false),
            archive: members(archive, true),
            shared,
        }
    }

    /// Those that may be asked now, leader first.
    pub(super) fn awake(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.rest().is_none())
    }

    /// Those that may be asked for history now, archive first.
    pub(super) fn awake_for_history(&self) -> impl Iterator<Item = &Member> {
        let archive = self.archive.iter().filter(|member| member.rest().is_none());
        archive.chain(self.awake())
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().chain(&self.archive)
    }

    /// How many vote: all but those that serve another chain, and those that serve history only.
    #[must_use]
    pub fn voters(&self) -> usize {
        let excluded = |member: &&Member| member.health().state != HealthState::Excluded;
        self.members.iter().filter(excluded).count()
    }

    /// The error of a question that nobody answered; while everyone rests, that of the endpoint that is back first.
    pub(super) fn unanswered(&self, failures: Failures) -> ChainError {
        let resting = || {
            let members = self.members.iter().filter(|member| member.rest().is_some());
            let first_back = members.min_by_key(|member| member.rest());
            first_back.map(Member::resting_error)
        };
        let nobody = || ChainError::Unavailable("there is no endpoint".to_owned());
        failures.0.or_else(resting).unwrap_or_else(nobody)
    }

    /// Asks one after the other until one answers.
    pub(super) async fn first<'a, T>(
        &'a self,
        ask: impl Fn(&'a Member) -> BoxFuture<'a, Result<T, ChainError>>,
    ) -> Result<(T, &'a Member), ChainError> {
        let mut failures = Failures::default();
        for member in self.awake() {
            match ask(member).await {
                Ok(answer) => return Ok((answer, member)),
                Err(error) => failures.push(error),
            }
        }
        Err(self.unanswered(failures))
    }

    /// The newest block of the leader: one request, unless that block is old or the leader fails.
    ///
    /// # Errors
    /// The leader's error, where nobody answers.
    pub async fn head(&self) -> Result<Header, ChainError> {
        let (header, leader) = self.first(|member| Box::pin(member.latest())).await?;
        let age = self.shared.clock.now().since(header.timestamp);
        if age <= self.shared.options.head_age_max.as_secs() {
            leader.keeps_up();
            return Ok(header);
        }
        let mut newest = (header, leader);
        let others = self.awake().filter(|member| !std::ptr::eq(*member, leader));
        let others = join_all(others.map(|member| async move { (member.latest().await, member) }));
        for (latest, member) in others.await {
            if let Ok(latest) = latest
                && latest.block.number > newest.0.block.number
            {
                newest = (latest, member);
            }
        }
        let lag = |number: BlockNumber| newest.0.block.number.since(number);
        let leader_head = leader.head_seen().unwrap_or_default();
        if lag(leader_head) > self.shared.options.lag_blocks_max {
            leader.lags(lag(leader_head), newest.1.name());
        } else {
            leader.keeps_up();
        }
        Ok(newest.0)
    }

    /// The header of a block; `None` where nobody who answers has it.
    ///
    /// # Errors
    /// The leader's error, where nobody answers.
    pub async fn header(&self, tag: BlockTag) -> Result<Option<Header>, ChainError> {
        let mut failures = Failures::default();
        let mut is_absent = false;
        for member in self.awake() {
            match member.header(tag).await {
                Ok(Some(header)) => return Ok(Some(header)),
                Ok(None) => is_absent = true,
                Err(error) => failures.push(error),
            }
        }
        if is_absent {
            Ok(None)
        } else {
            Err(self.unanswered(failures))
        }
    }

    /// The newest safe and finalised blocks: two requests. An endpoint that does not know these words leaves them unknown.
    ///
    /// # Errors
    /// The leader's error, where nobody answers.
    pub async fn finality(&self) -> Result<Finality, ChainError> {
        let block = |header: Option<Header>| header.map(|header| header.block);
        Ok(Finality {
            safe: block(self.header(BlockTag::Safe).await?),
            finalized: block(self.header(BlockTag::Finalized).await?),
        })
    }

    /// The code at `address` at the newest block; empty where no contract lives.
    ///
    /// # Errors
    /// The leader's error, where nobody answers.
    pub async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        let code = self.first(|member| Box::pin(member.code(address))).await?;
        Ok(code.0)
    }

    /// The storage word at `slot` of `address` at `at`.
    ///
    /// # Errors
    /// The leader's error, where nobody answers.
    pub async fn storage(
        &self,
        at: &Header,
        address: Address,
        slot: B256,
    ) -> Result<B256, ChainError> {
        let mut failures = Failures::default();
        for member in self.awake() {
            if member.lacks_state_of(at.block.number) {
                failures.push(ChainError::Pruned("the state of that block".to_owned()));
                continue;
            }
            let request = || member.storage(at, address, slot);
            match self.pinned(member, at, "eth_getStorageAt", request).await {
                Ok(word) => return Ok(word),
                Err(error) => failures.push(error),
            }
        }
        Err(self.unanswered(failures))
    }

    /// The chain id of each endpoint; [`Endpoints::exclude`] those that serve another chain.
    pub async fn identify(&self) -> Vec<(EndpointName, Result<u64, ChainError>)> {
        let ask = |member| async move { (Member::name(member).clone(), member.chain_id().await) };
        join_all(self.all().map(ask)).await
    }

    /// Never asks this endpoint again: it serves the chain `found` and not `expected`.
    pub fn exclude(&self, endpoint: &EndpointName, found: u64, expected: u64) {
        for member in self.all().filter(|member| member.name() == endpoint) {
            member.exclude(found, expected);
        }
    }

    /// The endpoint that the next question goes to; `None` while all rest.
    #[must_use]
    pub fn leader(&self) -> Option<EndpointName> {
        self.awake().next().map(|member| member.name().clone())
    }

    /// How each endpoint fares.
    #[must_use]
    pub fn health(&self) -> Vec<EndpointHealth> {
        self.all().map(Member::health).collect()
    }

    /// Requests since start, by endpoint and JSON-RPC method.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<EndpointName, BTreeMap<&'static str, u64>> {
        let health = self.health().into_iter();
        health
            .map(|health| (health.endpoint, health.requests))
            .collect()
    }

    /// What changed since the last call.
    #[must_use]
    pub fn drain_health_changes(&self) -> Vec<HealthChange> {
        self.shared.drain_changes()
    }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
