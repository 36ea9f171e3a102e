//! Endpoints for tests: one world of blocks, and rules by which each endpoint bends it.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
};

use alloy::primitives::{Bloom, keccak256};
use futures::{FutureExt, future::BoxFuture};

use super::{BlockTag, Call, CallAnswer, Chain, ChainError, EndpointName, Header, Log, LogFilter};
use crate::units::{Address, B256, BlockNumber, BlockRef, Bytes, UnixSeconds};

/// The contract whose logs the tests watch.
pub(super) const WATCHED: Address = Address::repeat_byte(0xaa);
/// Time of block 0; blocks come every 12 s.
pub(super) const GENESIS: u64 = 1_000_000;

/// A chain without forks.
#[derive(Debug)]
pub(super) struct World {
    blocks: Vec<(Header, Vec<Log>)>,
}

impl World {
    /// Blocks 0 to `head`, with one log in each block that `has_log` names.
    pub(super) fn new(head: u64, salt: u8, has_log: impl Fn(u64) -> bool) -> Arc<Self> {
        let hash = |number: u64| keccak256([&number.to_be_bytes()[..], &[salt]].concat());
        let block = |number: u64| {
            let block = BlockRef {
                number: BlockNumber::new(number),
                hash: hash(number),
            };
            let log = Log {
                block,
                transaction: B256::ZERO,
                index: 0,
                address: WATCHED,
                topics: vec![B256::repeat_byte(1)],
                data: Bytes::new(),
            };
            let logs: Vec<Log> = has_log(number).then_some(log).into_iter().collect();
            let mut bloom = Bloom::ZERO;
            for log in &logs {
                bloom.accrue_raw_log(log.address, &log.topics);
            }
            let header = Header {
                block,
                parent_hash: hash(number.wrapping_sub(1)),
                timestamp: UnixSeconds::new(GENESIS + 12 * number),
                logs_bloom: Bytes::copy_from_slice(bloom.as_slice()),
            };
            (header, logs)
        };
        let blocks = (0..=head).map(block).collect();
        Arc::new(Self { blocks })
    }

    pub(super) fn header(&self, number: u64) -> Header {
        self.blocks[usize::try_from(number).unwrap()].0.clone()
    }

    pub(super) fn log(&self, number: u64) -> Log {
        self.blocks[usize::try_from(number).unwrap()].1[0].clone()
    }

    /// All logs, in order.
    pub(super) fn logs(&self) -> Vec<Log> {
        self.blocks
            .iter()
            .flat_map(|(_, logs)| logs.clone())
            .collect()
    }
}

/// How an endpoint bends the world.
#[derive(Debug, Default, Clone)]
pub(super) struct Rules {
    /// Blocks that it is behind.
    pub(super) behind: u64,
    /// Every question fails so.
    pub(super) failing: Option<ChainError>,
    /// Every `eth_call` fails so.
    pub(super) failing_calls: Option<ChainError>,
    /// It answers nothing, for ever.
    pub(super) hangs: bool,
    /// It leaves out all logs.
    pub(super) hides_logs: bool,
    /// It answers `[]` for blocks below.
    pub(super) pruned_below: u64,
    /// Longest range, and whether it says so.
    pub(super) range_max: Option<(u64, bool)>,
    /// Most calls in an aggregate.
    pub(super) aggregate_max: Option<usize>,
    /// Calls after which the gas is gone; the rest revert without a word.
    pub(super) gas_calls: Option<usize>,
    /// Its views answer something else.
    pub(super) lies: bool,
    /// It does not know `safe` and `finalized`.
    pub(super) no_finality: bool,
    /// How often it does not know a block yet.
    pub(super) unknown_times: u32,
}

/// One endpoint onto a world.
#[derive(Debug)]
pub(super) struct Scripted {
    name: EndpointName,
    world: Mutex<Arc<World>>,
    rules: Mutex<Rules>,
    unknown: AtomicU32,
}

impl Scripted {
    pub(super) fn new(name: &str, world: &Arc<World>, rules: Rules) -> Arc<Self> {
        Arc::new(Self {
            name: EndpointName::new(name),
            world: Mutex::new(world.clone()),
            unknown: AtomicU32::new(0),
            rules: Mutex::new(rules),
        })
    }

    pub(super) fn set(&self, rules: Rules) {
        *self.rules.lock().unwrap() = rules;
    }

    fn rules(&self) -> Rules {
        self.rules.lock().unwrap().clone()
    }

    fn world(&self) -> Arc<World> {
        self.world.lock().unwrap().clone()
    }

    fn head(&self) -> u64 {
        let last = self.world().blocks.len() as u64 - 1;
        last - self.rules().behind
    }

    fn block(&self, hash: B256) -> Result<(Header, Vec<Log>), ChainError> {
        let unknown = self.unknown.fetch_add(1, Ordering::SeqCst);
        let world = self.world();
        let known = world
            .blocks
            .iter()
            .find(|(header, _)| header.block.hash == hash);
        let known = known.filter(|(header, _)| header.block.number.value() <= self.head());
        let known = known.filter(|_| unknown >= self.rules().unknown_times);
        known.cloned().ok_or(ChainError::UnknownBlock)
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        answer: impl FnOnce(Rules) -> Result<T, ChainError> + Send + 'a,
    ) -> BoxFuture<'a, Result<T, ChainError>> {
        async move {
            let rules = self.rules();
            if rules.hangs {
                std::future::pending::<()>().await;
            }
            match &rules.failing {
                Some(error) => Err(error.clone()),
                None => answer(rules),
            }
        }
        .boxed()
    }
}

/// What an honest view answers.
pub(super) fn view(at: &Header, call: &Call) -> CallAnswer {
    let seed = [at.block.hash.as_slice(), call.to.as_slice(), &call.data].concat();
    CallAnswer::Returned(Bytes::copy_from_slice(keccak256(seed).as_slice()))
}

impl Chain for Scripted {
    fn name(&self) -> &EndpointName {
        &self.name
    }

    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.answer(|_| Ok(1))
    }

    fn header(&self, tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>> {
        self.answer(move |rules| {
            let number = match tag {
                BlockTag::Latest => self.head(),
                BlockTag::Safe | BlockTag::Finalized if rules.no_finality => {
                    return Err(ChainError::Refused("invalid argument (-32602)".to_owned()));
                }
                BlockTag::Safe => self.head().saturating_sub(32),
                BlockTag::Finalized => self.head().saturating_sub(64),
                BlockTag::Number(number) => number.value(),
                BlockTag::Hash(hash) => return Ok(self.block(hash).ok().map(|(header, _)| header)),
            };
            Ok((number <= self.head()).then(|| self.world().header(number)))
        })
    }

    fn logs_of_block<'a>(
        &'a self,
        block: B256,
        _filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.answer(move |rules| {
            let logs = self.block(block)?.1;
            Ok(if rules.hides_logs { vec![] } else { logs })
        })
    }

    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        _filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.answer(move |rules| {
            let blocks = to.since(from) + 1;
            if let Some((max, says)) = rules.range_max.filter(|(max, _)| blocks > *max) {
                return Err(ChainError::TooLarge {
                    blocks_max: says.then_some(max),
                    detail: "block range".to_owned(),
                });
            }
            let mut logs = self.world().logs();
            let held = rules.pruned_below..=self.head();
            logs.retain(|log| (from..=to).contains(&log.block.number));
            logs.retain(|log| !rules.hides_logs && held.contains(&log.block.number.value()));
            Ok(logs)
        })
    }

    fn aggregate<'a>(
        &'a self,
        at: &'a Header,
        calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>> {
        self.answer(move |rules| {
            if let Some(error) = rules.failing_calls {
                return Err(error);
            }
            self.block(at.block.hash)?;
            if rules.aggregate_max.is_some_and(|max| calls.len() > max) {
                return Err(ChainError::TooLarge {
                    blocks_max: None,
                    detail: "out of gas".to_owned(),
                });
            }
            let answer = |(position, call): (usize, &Call)| {
                let is_starved = rules.gas_calls.is_some_and(|calls| position >= calls);
                let has_no_such_view = call.data.first() == Some(&0xff);
                if is_starved || has_no_such_view {
                    return CallAnswer::Reverted(Bytes::new());
                }
                if rules.lies {
                    return CallAnswer::Returned(Bytes::from_static(&[1]));
                }
                view(at, call)
            };
            Ok(calls.iter().enumerate().map(answer).collect())
        })
    }

    fn code(&self, _address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>> {
        self.answer(|_| Ok(Bytes::from_static(&[0x60])))
    }

    fn storage<'a>(
        &'a self,
        at: &'a Header,
        _address: Address,
        slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>> {
        self.answer(move |_| self.block(at.block.hash).map(|_| slot))
    }
}
