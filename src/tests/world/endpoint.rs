//! A JSON-RPC endpoint over a world, with its manners.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use alloy::primitives::keccak256;
use futures::future::BoxFuture;
use rand::{Rng, SeedableRng, rngs::StdRng};
use steward::{
    chain::{BlockTag, Call, CallAnswer, Chain, ChainError, EndpointName, Header, Log, LogFilter},
    units::{Address, B256, BlockNumber, BlockRef, Bytes},
};

use super::{
    blocks::{Block, SharedWorld, World},
    contracts::Contracts,
    views,
};

/// How history that is no longer held is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruning {
    /// With an empty answer, as if nothing had happened.
    Silent,
    /// With an error.
    Refusing,
}

/// An untruth that is told whenever it applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lie {
    /// Logs with this first topic are left out.
    DropsLogs(B256),
    /// Every call with this selector is answered so, at every block.
    Answers([u8; 4], Bytes),
    /// The hash of the newest block is made up.
    WrongHash,
}

/// How an endpoint behaves. The default is a good one.
#[derive(Debug, Clone)]
pub struct Manners {
    /// Its newest block lies so far behind.
    pub lag_blocks: u64,
    /// It takes no block after this one, whatever branch becomes canonical elsewhere; `lag_blocks` does not count then.
    pub stays_at: Option<B256>,
    /// Logs before this height are gone.
    pub pruned: Option<(u64, Pruning)>,
    pub lies: Vec<Lie>,
    /// The longest range of `eth_getLogs`, in blocks.
    pub range_blocks_max: Option<u64>,
    /// The most logs in one answer.
    pub results_max: Option<usize>,
    /// The most gas that an `eth_call` may use.
    pub gas_cap: Option<u64>,
    /// The most requests between two blocks of the world.
    pub requests_per_block_max: Option<u64>,
    pub retry_after: Option<Duration>,
    /// Every request fails so.
    pub outage: Option<ChainError>,
    /// No request is ever answered.
    pub is_hanging: bool,
    /// Requests that fail by chance, of a thousand.
    pub flaky_permille: u32,
    /// Calls are answered at the newest block, whatever block they name.
    pub ignores_pin: bool,
    /// Whether `safe` and `finalized` are known.
    pub has_tags: bool,
    /// State is held for so many blocks.
    pub states_kept: u64,
    /// What is said of a state that is no longer held.
    pub stateless: ChainError,
    /// Whether blocks that a reorg threw out are still served by hash.
    pub remembers_orphans: bool,
    /// The chain id, where it is not that of the world.
    pub chain_id: Option<u64>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            lag_blocks: 0,
            stays_at: None,
            pruned: None,
            lies: Vec::new(),
            range_blocks_max: None,
            results_max: None,
            gas_cap: None,
            requests_per_block_max: None,
            retry_after: None,
            outage: None,
            is_hanging: false,
            flaky_permille: 0,
            ignores_pin: false,
            has_tags: true,
            states_kept: 128,
            stateless: ChainError::Pruned("missing trie node".to_owned()),
            remembers_orphans: true,
            chain_id: None,
        }
    }
}

#[derive(Debug)]
struct Desk {
    manners: Manners,
    /// Errors for the next requests, one each.
    faults: VecDeque<ChainError>,
    counts: BTreeMap<&'static str, u64>,
    /// Head of the world at the last request, and requests since it changed.
    rate: (B256, u64),
    /// The most gas that one aggregate used.
    gas_max: u64,
    rng: StdRng,
}

/// One endpoint.
#[derive(Debug)]
pub struct WorldEndpoint {
    name: EndpointName,
    world: SharedWorld,
    desk: Mutex<Desk>,
}

impl WorldEndpoint {
    /// An endpoint with good manners. Its chance faults follow from its name.
    pub fn new(name: &str, world: &SharedWorld) -> Self {
        let seed = name.bytes().fold(7, |seed: u64, byte| {
            seed.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        Self {
            name: EndpointName::new(name),
            world: world.clone(),
            desk: Mutex::new(Desk {
                manners: Manners::default(),
                faults: VecDeque::new(),
                counts: BTreeMap::new(),
                rate: (B256::ZERO, 0),
                gas_max: 0,
                rng: StdRng::seed_from_u64(seed),
            }),
        }
    }

    pub fn with(self, change: impl FnOnce(&mut Manners)) -> Self {
        self.change(change);
        self
    }

    /// Changes its manners from now on.
    pub fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.desk().manners);
    }

    /// The next request fails so; several calls make several requests fail.
    pub fn fail_next(&self, error: ChainError) {
        self.desk().faults.push_back(error);
    }

    /// Requests so far by JSON-RPC method.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.desk().counts.clone()
    }

    /// Requests since the last time, by JSON-RPC method.
    pub fn take_requests(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.desk().counts)
    }

    /// The most gas that one aggregate used so far.
    pub fn gas_max(&self) -> u64 {
        self.desk().gas_max
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    /// Counts a request and answers how it is treated; `None` means never.
    fn enter(&self, method: &'static str) -> Option<Result<Manners, ChainError>> {
        let head = self.world.lock().head().block.hash;
        let mut desk = self.desk();
        *desk.counts.entry(method).or_default() += 1;
        if desk.rate.0 != head {
            desk.rate = (head, 0);
        }
        desk.rate.1 += 1;
        let manners = desk.manners.clone();
        if manners.is_hanging {
            return None;
        }
        if let Some(error) = desk.faults.pop_front().or(manners.outage.clone()) {
            return Some(Err(error));
        }
        if manners
            .requests_per_block_max
            .is_some_and(|max| desk.rate.1 > max)
        {
            let retry_after = manners.retry_after;
            return Some(Err(ChainError::RateLimited { retry_after }));
        }
        let flaky = manners.flaky_permille;
        if flaky > 0 && desk.rng.random_range(0..1_000) < flaky {
            return Some(Err(ChainError::Unavailable("502 Bad Gateway".to_owned())));
        }
        Some(Ok(manners))
    }

    /// One request: counted, treated, and answered from the world.
    fn ask<'a, T: Send + 'a>(
        &'a self,
        method: &'static str,
        answer: impl FnOnce(&World, &Manners) -> Result<T, ChainError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, ChainError>> {
        Box::pin(async move {
            let Some(manners) = self.enter(method) else {
                return std::future::pending().await;
            };
            let manners = manners?;
            answer(&self.world.lock(), &manners)
        })
    }
}

/// The newest block of the endpoint's own chain.
fn head(world: &World, manners: &Manners) -> BlockRef {
    if let Some(tip) = manners.stays_at {
        return world.block_by_hash(tip).unwrap().0.header.block;
    }
    let number = world.head().block.number.value();
    let behind = number.saturating_sub(manners.lag_blocks);
    let number = behind.max(world.setup.first_block);
    world.block(number).unwrap().header.block
}

/// The block at a height of the endpoint's own chain.
fn block<'a>(world: &'a World, manners: &Manners, number: u64) -> Option<&'a Arc<Block>> {
    world.ancestor(head(world, manners).hash, number)
}

fn header(world: &World, manners: &Manners, tag: BlockTag) -> Option<Header> {
    let head = head(world, manners);
    let newest = head.number.value();
    let number = match tag {
        BlockTag::Latest => newest,
        BlockTag::Safe => world.safe().min(newest),
        BlockTag::Finalized => world.finalized().min(newest),
        BlockTag::Number(number) => number.value(),
        BlockTag::Hash(hash) => {
            return known(world, manners, hash).map(|block| block.header.clone());
        }
    };
    let mut header = block(world, manners, number)?.header.clone();
    if header.block == head && manners.lies.contains(&Lie::WrongHash) {
        header.block.hash = keccak256(header.block.hash);
    }
    Some(header)
}

/// A block that the endpoint can serve by hash.
fn known<'a>(world: &'a World, manners: &Manners, hash: B256) -> Option<&'a Arc<Block>> {
    let (found, _) = world.block_by_hash(hash)?;
    let at = found.header.block;
    let own = block(world, manners, at.number.value());
    let is_own = own.is_some_and(|own| own.header.block == at);
    // An endpoint that stays behind never saw the other branch.
    let is_orphan = manners.remembers_orphans && manners.stays_at.is_none();
    let is_reached = at.number <= head(world, manners).number;
    (is_own || (is_orphan && is_reached)).then_some(found)
}

/// The state at the block of `at`, which must be on the endpoint's own chain.
fn state<'a>(
    world: &'a World,
    manners: &Manners,
    at: &Header,
) -> Result<&'a Contracts, ChainError> {
    let number = at.block.number;
    let own = block(world, manners, number.value());
    if own.is_none_or(|own| own.header.block != at.block) {
        return Err(ChainError::UnknownBlock);
    }
    let is_held = head(world, manners).number.since(number) < manners.states_kept;
    let pruned = || manners.stateless.clone();
    world
        .state_of(at.block.hash)
        .filter(|_| is_held)
        .ok_or_else(pruned)
}

fn matching(logs: &[Log], filter: &LogFilter, manners: &Manners) -> Vec<Log> {
    let is_dropped = |topic: &B256| manners.lies.contains(&Lie::DropsLogs(*topic));
    let is_wanted = |log: &&Log| {
        let topic = log.topics.first();
        let is_topic = filter.topics.is_empty() || topic.is_some_and(|t| filter.topics.contains(t));
        let is_address = filter.addresses.is_empty() || filter.addresses.contains(&log.address);
        is_topic && is_address && !topic.is_some_and(is_dropped)
    };
    logs.iter().filter(is_wanted).cloned().collect()
}

fn limited(logs: Vec<Log>, manners: &Manners) -> Result<Vec<Log>, ChainError> {
    match manners.results_max {
        Some(max) if logs.len() > max => Err(ChainError::TooLarge {
            blocks_max: None,
            detail: format!("query returned more than {max} results"),
        }),
        _ => Ok(logs),
    }
}

fn call_one(contracts: &Contracts, manners: &Manners, call: &Call) -> CallAnswer {
    let lie = manners.lies.iter().find_map(|lie| match lie {
        Lie::Answers(selector, bytes) if call.data.starts_with(selector) => Some(bytes.clone()),
        Lie::Answers(..) | Lie::DropsLogs(_) | Lie::WrongHash => None,
    });
    lie.map_or_else(|| contracts.call(call.to, &call.data), CallAnswer::Returned)
}

impl Chain for WorldEndpoint {
    fn name(&self) -> &EndpointName {
        &self.name
    }

    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.ask("eth_chainId", |world, manners| {
            Ok(manners.chain_id.unwrap_or(world.setup.chain_id))
        })
    }

    fn header(&self, tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>> {
        let method = match tag {
            BlockTag::Hash(_) => "eth_getBlockByHash",
            BlockTag::Latest | BlockTag::Safe | BlockTag::Finalized | BlockTag::Number(_) => {
                "eth_getBlockByNumber"
            }
        };
        self.ask(method, move |world, manners| {
            if matches!(tag, BlockTag::Safe | BlockTag::Finalized) && !manners.has_tags {
                return Err(ChainError::Refused("invalid block tag".to_owned()));
            }
            Ok(header(world, manners, tag))
        })
    }

    fn logs_of_block<'a>(
        &'a self,
        block: B256,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.ask("eth_getLogs", move |world, manners| {
            let block = known(world, manners, block).ok_or(ChainError::UnknownBlock)?;
            let number = block.header.block.number.value();
            match manners.pruned {
                Some((before, Pruning::Silent)) if number < before => Ok(Vec::new()),
                Some((before, Pruning::Refusing)) if number < before => {
                    Err(ChainError::Pruned("history is pruned".to_owned()))
                }
                _ => limited(matching(&block.logs, filter, manners), manners),
            }
        })
    }

    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.ask("eth_getLogs", move |world, manners| {
            if let Some(max) = manners.range_blocks_max
                && to.since(from) + 1 > max
            {
                return Err(ChainError::TooLarge {
                    blocks_max: Some(max),
                    detail: format!("block range is limited to {max} blocks"),
                });
            }
            let mut first = from.value();
            match manners.pruned {
                Some((before, Pruning::Refusing)) if first < before => {
                    return Err(ChainError::Pruned("history is pruned".to_owned()));
                }
                Some((before, Pruning::Silent)) => first = first.max(before),
                _ => {}
            }
            // A range that lies after the head is answered, with nothing.
            let last = to.value().min(head(world, manners).number.value());
            let logs = (first..=last)
                .filter_map(|number| block(world, manners, number))
                .flat_map(|block| matching(&block.logs, filter, manners))
                .collect();
            limited(logs, manners)
        })
    }

    fn aggregate<'a>(
        &'a self,
        at: &'a Header,
        calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>> {
        let gas = calls.iter().map(views::gas).sum();
        self.ask("eth_call", move |world, manners| {
            if manners.gas_cap.is_some_and(|cap| gas > cap) {
                return Err(ChainError::TooLarge {
                    blocks_max: None,
                    detail: "out of gas".to_owned(),
                });
            }
            let mut desk = self.desk();
            desk.gas_max = desk.gas_max.max(gas);
            drop(desk);
            if manners.ignores_pin && at.block != head(world, manners) {
                return Err(ChainError::PinIgnored);
            }
            let contracts = state(world, manners, at)?;
            Ok(calls
                .iter()
                .map(|call| call_one(contracts, manners, call))
                .collect())
        })
    }

    fn code(&self, address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>> {
        self.ask("eth_getCode", move |world, manners| {
            let newest = world.state_of(head(world, manners).hash);
            let has_code = newest.is_some_and(|contracts| contracts.has_code(address));
            Ok(Bytes::from_static(if has_code {
                &[0x60, 0x80]
            } else {
                &[]
            }))
        })
    }

    fn storage<'a>(
        &'a self,
        at: &'a Header,
        address: Address,
        slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>> {
        self.ask("eth_getStorageAt", move |world, manners| {
            Ok(state(world, manners, at)?.storage(address, slot))
        })
    }
}
