//! One endpoint among several: its requests counted, its limits learnt, its health kept.
//!
//! It asks one request at a time and judges nothing beyond that request; choosing between endpoints is `endpoints`.

use std::{
    collections::{BTreeMap, HashSet},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use super::{
    BlockTag, Call, CallAnswer, Chain, ChainError, EndpointName, Header, Log, LogFilter,
    endpoints::{EndpointHealth, Options},
    health::{Health, HealthChange, HealthState, Moment, Trouble},
    limits::Learnt,
};
use crate::{
    clock::Clock,
    units::{Address, B256, BlockNumber, Bytes},
};

/// Health changes that wait to be drained; the oldest give way.
const CHANGES_MAX: usize = 256;
/// Views remembered as reverting without a word; a watcher has a few dozen.
const SILENT_MAX: usize = 1024;

/// Pause before an endpoint that did not tell a safe or final block is asked for one again: 50 L1 blocks.
const TAG_PAUSE: Duration = Duration::from_secs(600);

/// Which question a failure or an answer belongs to when no single request does.
const LAG: &str = "lag";
/// What it says of a block, where others are asked too.
const TESTIMONY: &str = "testimony";

/// What all members share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) clock: Arc<dyn Clock>,
    chance: Mutex<StdRng>,
    changes: Mutex<Vec<HealthChange>>,
}

impl Shared {
    pub(super) fn new(options: Options, clock: Arc<dyn Clock>) -> Self {
        let chance = Mutex::new(StdRng::seed_from_u64(options.seed));
        Self {
            options,
            clock,
            chance,
            changes: Mutex::default(),
        }
    }

    pub(super) fn drain_changes(&self) -> Vec<HealthChange> {
        std::mem::take(&mut *locked(&self.changes))
    }

    fn now(&self) -> Moment {
        Moment {
            wall: self.clock.now(),
            instant: Instant::now(),
        }
    }
}

/// One endpoint among several.
#[derive(Debug)]
pub(super) struct Member {
    chain: Arc<dyn Chain>,
    is_archive: bool,
    shared: Arc<Shared>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    health: Health,
    requests: BTreeMap<&'static str, u64>,
    head: Option<BlockNumber>,
    range: Learnt,
    aggregate: Learnt,
    unknown_blocks: u32,
    lacks_logs_through: Option<BlockNumber>,
    /// A block whose log it was seen to hold: history is forgotten from its beginning on, so it holds what follows too.
    holds_logs_from: Option<BlockNumber>,
    lacks_state_through: Option<BlockNumber>,
    /// Until when it is not asked for its safe and its final block.
    tags_unknown_until: [Option<Instant>; 2],
    silent: HashSet<(Address, Bytes)>,
}

/// Nothing here is left half-changed by a panic, so a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Member {
    pub(super) fn new(chain: Arc<dyn Chain>, is_archive: bool, shared: Arc<Shared>) -> Self {
        let options = &shared.options;
        let state = State {
            health: Health::new(shared.clock.now()),
            requests: BTreeMap::new(),
            head: None,
            range: Learnt::new(options.range_start, options.range_max, 100),
            aggregate: Learnt::new(options.aggregate_start, options.aggregate_max, 12),
            unknown_blocks: 0,
            lacks_logs_through: None,
            holds_logs_from: None,
            lacks_state_through: None,
            tags_unknown_until: [None; 2],
            silent: HashSet::new(),
        };
        Self {
            chain,
            is_archive,
            state: Mutex::new(state),
            shared,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    pub(super) fn name(&self) -> &EndpointName {
        self.chain.name()
    }

    /// How long it is still to be left alone.
    pub(super) fn rest(&self) -> Option<Duration> {
        self.state().health.rest(Instant::now())
    }

    /// Why it rests.
    pub(super) fn resting_error(&self) -> ChainError {
        let rest = self.rest();
        match self.state().health.last_error() {
            Some(ChainError::RateLimited { .. }) => ChainError::RateLimited { retry_after: rest },
            Some(error) => error.clone(),
            None => ChainError::Unavailable("it rests".to_owned()),
        }
    }

    pub(super) fn health(&self) -> EndpointHealth {
        let state = self.state();
        EndpointHealth {
            endpoint: self.name().clone(),
            is_archive: self.is_archive,
            state: state.health.state(),
            since: state.health.since(),
            failures: state.health.failures(),
            last_error: state.health.last_words().map(str::to_owned),
            trouble: state.health.trouble(),
            head: state.head,
            requests: state.requests.clone(),
            range_blocks: state.range.size(),
            aggregate_calls: state.aggregate.size(),
        }
    }

    fn changed(&self, from: Option<HealthState>, to: HealthState, error: Option<String>) {
        let Some(from) = from else { return };
        let mut changes = locked(&self.shared.changes);
        if changes.len() >= CHANGES_MAX {
            changes.remove(0);
        }
        changes.push(HealthChange {
            endpoint: self.name().clone(),
            from,
            to,
            at: self.shared.clock.now(),
            error,
        });
    }

    /// Writes down a failure of `method` that is the endpoint's own.
    pub(super) fn failed(&self, method: &'static str, error: &ChainError) {
        self.failed_by(method, error, Trouble::of(error));
    }

    fn failed_by(&self, method: &'static str, error: &ChainError, trouble: Trouble) {
        let (now, policy) = (self.shared.now(), &self.shared.options.health);
        let mut state = self.state();
        let mut chance = locked(&self.shared.chance);
        let failure = (error, trouble);
        let from = state
            .health
            .failed(method, failure, now, policy, &mut chance);
        let to = state.health.state();
        let words = state.health.last_words().map(str::to_owned);
        drop((state, chance));
        self.changed(from, to, words);
    }

    fn answered(&self, method: &'static str) {
        let (now, policy) = (self.shared.now(), &self.shared.options.health);
        let mut state = self.state();
        let from = state.health.answered(method, now, policy);
        let to = state.health.state();
        drop(state);
        self.changed(from, to, None);
    }

    /// Never asks it again: it serves the chain `found` and not `expected`.
    pub(super) fn exclude(&self, found: u64, expected: u64) {
        let now = self.shared.now();
        let mut state = self.state();
        let from = state.health.exclude(found, expected, now);
        let words = state.health.last_words().map(str::to_owned);
        drop(state);
        self.changed(from, HealthState::Excluded, words);
    }

    /// Its newest block is `blocks` behind that of another.
    pub(super) fn lags(&self, blocks: u64, other: &EndpointName) {
        let why = format!("its newest block is {blocks} blocks behind that of {other}");
        self.failed_by(LAG, &ChainError::Unavailable(why), Trouble::Lags(blocks));
    }

    /// Its newest block is as new as can be.
    pub(super) fn keeps_up(&self) {
        self.answered(LAG);
    }

    /// A majority of all endpoints contradicts what it said of a block.
    pub(super) fn is_overruled(&self, block: BlockNumber) {
        let what = format!("a majority of endpoints contradicts what it says of block {block}");
        let error = ChainError::Malformed(what);
        self.failed_by(TESTIMONY, &error, Trouble::Contradicted);
    }

    /// A majority of all endpoints says what it says.
    pub(super) fn is_upheld(&self) {
        self.answered(TESTIMONY);
    }

    /// Counts one request, sends it, and writes down whether the endpoint is to blame for its failure.
    async fn count<T>(
        &self,
        method: &'static str,
        request: impl Future<Output = Result<T, ChainError>>,
    ) -> Result<T, ChainError> {
        *self.state().requests.entry(method).or_insert(0) += 1;
        let answer = request.await;
        match &answer {
            Ok(_) => self.answered(method),
            // The caller knows whether the question was fair.
            Err(
                ChainError::UnknownBlock
                | ChainError::TooLarge { .. }
                | ChainError::Pruned(_)
                | ChainError::PinIgnored,
            ) => {}
            Err(
                error @ (ChainError::RateLimited { .. }
                | ChainError::Unavailable(_)
                | ChainError::Refused(_)
                | ChainError::Malformed(_)),
            ) => self.failed(method, error),
        }
        answer
    }

    pub(super) async fn chain_id(&self) -> Result<u64, ChainError> {
        self.count("eth_chainId", self.chain.chain_id()).await
    }

    pub(super) async fn header(&self, tag: BlockTag) -> Result<Option<Header>, ChainError> {
        let method = match tag {
            BlockTag::Safe => return self.tagged(tag, 0).await,
            BlockTag::Finalized => return self.tagged(tag, 1).await,
            BlockTag::Hash(_) => "eth_getBlockByHash",
            BlockTag::Latest | BlockTag::Number(_) => "eth_getBlockByNumber",
        };
        let header = self.count(method, self.chain.header(tag)).await?;
        if let (BlockTag::Latest, Some(header)) = (tag, &header) {
            self.state().head = Some(header.block.number);
        }
        Ok(header)
    }

    /// Its safe or its final block. Clients and proxies without a beacon chain refuse these words in as many ways as there
    /// are clients: nobody is to blame for that, the block is unknown, and it is asked for seldom.
    async fn tagged(&self, tag: BlockTag, which: usize) -> Result<Option<Header>, ChainError> {
        let method = "eth_getBlockByNumber";
        let now = Instant::now();
        {
            let mut state = self.state();
            let until = state.tags_unknown_until.get(which).copied().flatten();
            if until.is_some_and(|until| until > now) {
                return Ok(None);
            }
            *state.requests.entry(method).or_insert(0) += 1;
        }
        let told = match self.chain.header(tag).await {
            Err(error @ ChainError::RateLimited { .. }) => {
                self.failed(method, &error);
                return Err(error);
            }
            Err(error @ ChainError::Unavailable(_)) => return Err(error),
            told => told.unwrap_or_default(),
        };
        let until = told.is_none().then(|| now + TAG_PAUSE);
        if let Some(unknown) = self.state().tags_unknown_until.get_mut(which) {
            *unknown = until;
        }
        Ok(told)
    }

    /// Its newest block; an endpoint without one gives no answer that makes sense.
    pub(super) async fn latest(&self) -> Result<Header, ChainError> {
        if let Some(header) = self.header(BlockTag::Latest).await? {
            return Ok(header);
        }
        let error = ChainError::Malformed("it has no newest block".to_owned());
        self.failed("eth_getBlockByNumber", &error);
        Err(error)
    }

    /// Whether it holds a block as canonical.
    pub(super) async fn holds(&self, at: &Header) -> Result<bool, ChainError> {
        let held = self.header(BlockTag::Number(at.block.number)).await?;
        Ok(held.is_some_and(|held| held.block == at.block))
    }

    /// Its newest block as last seen.
    pub(super) fn head_seen(&self) -> Option<BlockNumber> {
        self.state().head
    }

    pub(super) async fn logs_of_block(
        &self,
        at: &Header,
        filter: &LogFilter,
    ) -> Result<Vec<Log>, ChainError> {
        let asked = self.chain.logs_of_block(at.block.hash, filter);
        let logs = self.count("eth_getLogs", asked).await?;
        if logs.iter().any(|log| log.block != at.block) {
            let error =
                ChainError::Malformed("a log with another height than its block".to_owned());
            self.failed("eth_getLogs", &error);
            return Err(error);
        }
        Ok(logs)
    }

    pub(super) async fn logs_of_range(
        &self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &LogFilter,
    ) -> Result<Vec<Log>, ChainError> {
        let asked = self.chain.logs_of_range(from, to, filter);
        self.count("eth_getLogs", asked).await
    }

    pub(super) async fn aggregate(
        &self,
        at: &Header,
        calls: &[Call],
    ) -> Result<Vec<CallAnswer>, ChainError> {
        let answers = self
            .count("eth_call", self.chain.aggregate(at, calls))
            .await?;
        if answers.len() == calls.len() {
            return Ok(answers);
        }
        let error = ChainError::Malformed("the aggregate has another length".to_owned());
        self.failed("eth_call", &error);
        Err(error)
    }

    pub(super) async fn code(&self, address: Address) -> Result<Bytes, ChainError> {
        self.count("eth_getCode", self.chain.code(address)).await
    }

    pub(super) async fn storage(
        &self,
        at: &Header,
        address: Address,
        slot: B256,
    ) -> Result<B256, ChainError> {
        let asked = self.chain.storage(at, address, slot);
        self.count("eth_getStorageAt", asked).await
    }

    /// It did not know a block that another has; the third time in a row is its fault. Says whether it was the third.
    pub(super) fn block_unknown(&self, method: &'static str) -> bool {
        let mut state = self.state();
        state.unknown_blocks += 1;
        if state.unknown_blocks < self.shared.options.unknown_blocks_max {
            return false;
        }
        state.unknown_blocks = 0;
        drop(state);
        self.failed(method, &ChainError::UnknownBlock);
        true
    }

    pub(super) fn block_known(&self) {
        self.state().unknown_blocks = 0;
    }

    pub(super) fn range_blocks(&self) -> u64 {
        self.state().range.size()
    }

    pub(super) fn range_took(&self, blocks: u64) {
        self.state().range.took(blocks);
    }

    pub(super) fn range_refused(&self, blocks: u64, suggested: Option<u64>) -> bool {
        self.state().range.refused(blocks, suggested)
    }

    pub(super) fn aggregate_calls(&self) -> usize {
        usize::try_from(self.state().aggregate.size()).unwrap_or(usize::MAX)
    }

    pub(super) fn aggregate_took(&self, calls: usize) {
        self.state().aggregate.took(calls as u64);
    }

    pub(super) fn aggregate_refused(&self, calls: usize) -> bool {
        self.state().aggregate.refused(calls as u64, None)
    }

    /// Whether it is known to hold no logs of `block`.
    pub(super) fn lacks_logs_of(&self, block: BlockNumber) -> bool {
        self.state()
            .lacks_logs_through
            .is_some_and(|through| block <= through)
    }

    /// Whether it was seen to hold a log of `block` or of an earlier one.
    pub(super) fn is_known_to_hold(&self, block: BlockNumber) -> bool {
        let from = self.state().holds_logs_from;
        from.is_some_and(|from| from <= block)
    }

    /// Remembers whether it holds the logs of `block`.
    pub(super) fn holds_logs_of(&self, block: BlockNumber, holds: bool) {
        let mut state = self.state();
        let through = state.lacks_logs_through;
        if holds {
            let from = state.holds_logs_from.unwrap_or(block);
            state.holds_logs_from = Some(from.min(block));
        }
        state.lacks_logs_through = if holds {
            through.filter(|through| *through < block)
        } else {
            through.max(Some(block))
        };
    }

    /// Whether it is known to hold no state of `block`.
    pub(super) fn lacks_state_of(&self, block: BlockNumber) -> bool {
        let through = self.state().lacks_state_through;
        through.is_some_and(|through| block <= through)
    }

    /// Remembers that it holds no state of `block` and of earlier ones.
    pub(super) fn remember_stateless(&self, block: BlockNumber) {
        let mut state = self.state();
        state.lacks_state_through = state.lacks_state_through.max(Some(block));
    }

    /// Whether this view is known to revert without a word for its own reasons, not for want of gas.
    pub(super) fn reverts_silently(&self, call: &Call) -> bool {
        self.state().silent.contains(&view_of(call))
    }

    pub(super) fn remember_silent(&self, call: &Call) {
        let mut state = self.state();
        if state.silent.len() >= SILENT_MAX {
            state.silent.clear();
        }
        state.silent.insert(view_of(call));
    }
}

/// Contract and selector.
fn view_of(call: &Call) -> (Address, Bytes) {
    let selector = call.data.get(..4).unwrap_or(&call.data);
    (call.to, Bytes::copy_from_slice(selector))
}
