//! The chain: blocks with hashes, time, finality, and reorgs.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use alloy::primitives::{Bloom, BloomInput};
use steward::{
    chain::{Header, Log, contracts::QueueConfig},
    units::{Address, B256, BlockNumber, BlockRef, Bytes, U256, UnixSeconds},
};

use super::{
    action::{Action, Emitted, Key, Revert, digest},
    contracts::{BlockContext, Contracts},
    rollup::{Release, RollupConfig},
    slashing::SlashingConfig,
};

/// Blocks whose state is kept, lost branches included; older ones are history without state, as on a node that is no archive.
const STATES_KEPT: usize = 512;

/// How a world begins.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub seed: u64,
    pub chain_id: u64,
    /// Height of the first block.
    pub first_block: u64,
    pub genesis_timestamp: u64,
    pub block_seconds: u64,
    /// How far `safe` and `finalized` lie behind the head.
    pub safe_depth: u64,
    pub finalized_depth: u64,
    /// Blocks whose state is kept; see [`STATES_KEPT`].
    pub states_kept: usize,
    /// The first rollup.
    pub version: u64,
    pub rollup: RollupConfig,
}

impl Setup {
    /// A small network: epochs of 48 s, a committee of four, a bootstrap set of six.
    pub fn small(seed: u64) -> Self {
        let tokens = |count: u64| U256::from(count) * U256::from(10).pow(U256::from(18));
        Self {
            seed,
            chain_id: 31_337,
            first_block: 1_000,
            genesis_timestamp: 1_800_000_000,
            block_seconds: 12,
            safe_depth: 4,
            finalized_depth: 12,
            states_kept: STATES_KEPT,
            version: 1,
            rollup: RollupConfig {
                release: Release::V5,
                queue: QueueConfig {
                    bootstrap_validator_set_size: 6,
                    bootstrap_flush_size: 4,
                    normal_flush_size_min: 1,
                    normal_flush_size_quotient: 400,
                    max_queue_flush_size: 4,
                },
                local_ejection_threshold: tokens(190_000),
                exit_delay_seconds: 3_600,
                slot_duration_seconds: 12,
                epoch_duration_slots: 4,
                committee_size: 4,
                slashing: SlashingConfig {
                    round_size_epochs: 4,
                    quorum: 3,
                    offset_rounds: 2,
                    execution_delay_rounds: 2,
                    lifetime_rounds: 5,
                    amounts: [2_000, 5_000, 50_000].map(tokens),
                    disable_duration_seconds: 3_600,
                },
            },
        }
    }

    /// A network whose set is bootstrapped from the start and admits up to `flush` an epoch.
    pub fn open(seed: u64, flush: u64) -> Self {
        let mut setup = Self::small(seed);
        setup.rollup.queue = QueueConfig {
            bootstrap_validator_set_size: 0,
            bootstrap_flush_size: 0,
            normal_flush_size_min: flush,
            normal_flush_size_quotient: 400,
            max_queue_flush_size: flush,
        };
        setup
    }
}

/// A sealed block.
#[derive(Debug, Clone)]
pub struct Block {
    pub header: Header,
    pub logs: Vec<Log>,
    /// What was done in it, for replay after a reorg.
    pub actions: Vec<Action>,
}

/// Blooms of addresses and topics, remembered: they repeat, and keccak is slow in unoptimised builds.
#[derive(Debug, Default)]
struct Blooms(HashMap<Vec<u8>, Bloom>);

impl Blooms {
    fn of(&mut self, item: &[u8]) -> Bloom {
        if let Some(bloom) = self.0.get(item) {
            return *bloom;
        }
        let mut bloom = Bloom::ZERO;
        bloom.accrue(BloomInput::Raw(item));
        self.0.insert(item.to_vec(), bloom);
        bloom
    }
}

/// The chain and everything on it. Transactions run at once, in the block to come; [`World::mine`] seals it.
#[derive(Debug)]
pub struct World {
    pub setup: Setup,
    blocks: Vec<Arc<Block>>,
    /// Every block there ever was, those that a reorg threw out included.
    by_hash: HashMap<B256, Arc<Block>>,
    states: HashMap<B256, Contracts>,
    /// The blocks in `states`, the oldest first.
    states_order: VecDeque<B256>,
    /// The state that the block to come starts from, with what it did so far.
    pending: Contracts,
    emitted: Vec<(B256, Emitted)>,
    blooms: Blooms,
    actions: Vec<Action>,
    /// Makes the hashes of a new branch differ from those of the old one.
    branch: u64,
    finalized_stall: Option<u64>,
    safe_stall: Option<u64>,
}

impl World {
    /// A world with one rollup, no provider, and one empty block.
    pub fn new(setup: Setup) -> Self {
        let (state, logs) = Contracts::new(setup.version, setup.rollup, setup.genesis_timestamp);
        let mut world = Self {
            setup,
            blocks: Vec::new(),
            by_hash: HashMap::new(),
            states: HashMap::new(),
            states_order: VecDeque::new(),
            pending: state,
            emitted: logs
                .into_iter()
                .map(|log| (digest("deployment"), log))
                .collect(),
            blooms: Blooms::default(),
            actions: Vec::new(),
            branch: 0,
            finalized_stall: None,
            safe_stall: None,
        };
        world.begin(setup.genesis_timestamp);
        world.mine();
        world
    }

    pub fn shared(setup: Setup) -> SharedWorld {
        SharedWorld(Arc::new(Mutex::new(Self::new(setup))))
    }

    fn begin(&mut self, timestamp: u64) {
        let (number, parent_hash) = match self.blocks.last() {
            Some(head) => (head.header.block.number.value() + 1, head.header.block.hash),
            None => (
                self.setup.first_block,
                digest(self.setup.seed.to_be_bytes()),
            ),
        };
        self.pending.begin(BlockContext {
            number,
            timestamp,
            parent_hash,
        });
    }

    /// Runs one transaction in the block to come. A revert leaves nothing behind.
    pub fn act(&mut self, action: Action) -> Result<(), Revert> {
        let logs = self.pending.apply(&action)?;
        let context = self.pending.block;
        let name = format!("{} {} {action:?}", context.number, self.actions.len());
        let transaction = digest(name);
        self.emitted
            .extend(logs.into_iter().map(|log| (transaction, log)));
        self.actions.push(action);
        Ok(())
    }

    /// Lets the block to come have a later time, before anything is done in it.
    pub fn warp(&mut self, seconds: u64) {
        assert!(self.actions.is_empty(), "the block to come has begun");
        let timestamp = self.pending.block.timestamp + seconds;
        self.begin(timestamp);
    }

    /// Seals the block to come.
    pub fn mine(&mut self) -> BlockRef {
        let context = self.pending.block;
        let mut content = Vec::new();
        for (transaction, log) in &self.emitted {
            content.extend_from_slice(&transaction.0);
            content.extend_from_slice(log.address.as_slice());
            content.extend(log.topics.iter().flat_map(|topic| topic.0));
            content.extend_from_slice(&log.data);
        }
        let numbers = [
            self.setup.seed,
            context.number,
            context.timestamp,
            self.branch,
        ];
        content.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        content.extend_from_slice(&context.parent_hash.0);
        let block = BlockRef {
            number: BlockNumber::new(context.number),
            hash: digest(&content),
        };
        let mut bloom = Bloom::ZERO;
        let emitted = std::mem::take(&mut self.emitted);
        let logs = (0..)
            .zip(emitted)
            .map(|(index, (transaction, log))| {
                bloom |= self.blooms.of(log.address.as_slice());
                for topic in &log.topics {
                    bloom |= self.blooms.of(topic.as_slice());
                }
                Log {
                    block,
                    transaction,
                    index,
                    address: log.address,
                    topics: log.topics,
                    data: log.data,
                }
            })
            .collect();
        let header = Header {
            block,
            parent_hash: context.parent_hash,
            timestamp: UnixSeconds::new(context.timestamp),
            logs_bloom: Bytes::copy_from_slice(bloom.as_slice()),
        };
        let actions = std::mem::take(&mut self.actions);
        let sealed = Arc::new(Block {
            header,
            logs,
            actions,
        });
        self.by_hash.insert(block.hash, Arc::clone(&sealed));
        self.blocks.push(sealed);
        self.states.insert(block.hash, self.pending.clone());
        self.states_order.push_back(block.hash);
        if self.states_order.len() > self.setup.states_kept
            && let Some(oldest) = self.states_order.pop_front()
        {
            self.states.remove(&oldest);
        }
        self.begin(context.timestamp + self.setup.block_seconds);
        block
    }

    /// Keeps the state of the newest block for good, so that a deep reorg may begin there.
    pub fn keep_state(&mut self) -> BlockRef {
        let head = self.head().block;
        self.states_order.retain(|hash| *hash != head.hash);
        head
    }

    /// Seals the block to come and as many empty ones after it as are missing to `count`.
    pub fn mine_many(&mut self, count: u64) -> BlockRef {
        (0..count)
            .map(|_| self.mine())
            .last()
            .unwrap_or_else(|| self.head().block)
    }

    /// Seals the block to come if it has begun, and then an empty one that is at least `seconds` after the newest.
    pub fn pass(&mut self, seconds: u64) -> BlockRef {
        let until = self.head().timestamp.value() + seconds;
        if !self.actions.is_empty() {
            self.mine();
        }
        self.warp(until.saturating_sub(self.pending.block.timestamp));
        self.mine()
    }

    /// Throws the newest `depth` blocks and the block to come away: their blocks become orphans. The chain is shorter until
    /// blocks are mined. Answers the actions that were lost, in order.
    pub fn unwind(&mut self, depth: u64) -> Vec<Action> {
        let depth = (depth as usize).min(self.blocks.len() - 1);
        let lost = self.blocks.split_off(self.blocks.len() - depth);
        let head = self.head().clone();
        let state = self.states.get(&head.block.hash);
        self.pending = state.expect("state older than is kept").clone();
        let begun = std::mem::take(&mut self.actions);
        self.emitted.clear();
        self.branch += 1;
        self.begin(head.timestamp.value() + self.setup.block_seconds);
        let lost = lost.iter().flat_map(|block| block.actions.clone());
        lost.chain(begun).collect()
    }

    /// A reorg of `depth` blocks that `keep`s some of the lost actions, all in the first block of the new branch, which
    /// becomes one block longer than the old one. Actions that no longer work are lost.
    pub fn reorg(&mut self, depth: u64, mut keep: impl FnMut(&Action) -> bool) -> BlockRef {
        for action in self.unwind(depth) {
            if keep(&action) {
                let _reverted = self.act(action).is_err();
            }
        }
        self.mine_many(depth + 1)
    }

    /// Makes `count` validators of fresh keys, numbered from `first_key`, in three blocks: keys added and staked behind those
    /// that wait already, then flushed as far as the allowance goes.
    pub fn populate(&mut self, provider: u64, first_key: u64, count: u64) -> BlockRef {
        let keys = (first_key..first_key + count).map(Key::new).collect();
        self.act(Action::AddKeys { provider, keys }).unwrap();
        self.mine();
        let version = self.contracts().canonical();
        let queue = &self.contracts().staking_registry.provider(provider);
        for _ in 0..queue.as_ref().unwrap().queue.len() {
            let stake = Action::Stake {
                provider,
                version,
                withdrawer: Address::repeat_byte(0xd1),
                moves: true,
            };
            self.act(stake).unwrap();
        }
        self.mine();
        let to_add = u64::MAX;
        self.act(Action::Flush { version, to_add }).unwrap();
        self.mine()
    }

    /// Stops `safe` and `finalized` where they are; `false` lets them go on.
    pub fn stall_finality(&mut self, is_stalled: bool) {
        self.finalized_stall = is_stalled.then(|| self.finalized());
        self.safe_stall = is_stalled.then(|| self.safe());
    }

    fn behind(&self, depth: u64) -> u64 {
        let head = self.head().block.number.value();
        head.saturating_sub(depth).max(self.setup.first_block)
    }

    /// Height of the finalised block.
    pub fn finalized(&self) -> u64 {
        self.finalized_stall
            .unwrap_or_else(|| self.behind(self.setup.finalized_depth))
    }

    /// Height of the safe block.
    pub fn safe(&self) -> u64 {
        self.safe_stall
            .unwrap_or_else(|| self.behind(self.setup.safe_depth))
    }

    pub fn head(&self) -> &Header {
        &self.blocks.last().unwrap().header
    }

    /// The canonical block at a height.
    pub fn block(&self, number: u64) -> Option<&Arc<Block>> {
        let index = number.checked_sub(self.setup.first_block)?;
        self.blocks.get(usize::try_from(index).ok()?)
    }

    /// A block by hash, and whether it is canonical.
    pub fn block_by_hash(&self, hash: B256) -> Option<(&Arc<Block>, bool)> {
        let block = self.by_hash.get(&hash)?;
        Some((block, self.is_canonical(block.header.block)))
    }

    /// The contracts at a canonical block, where the state is kept.
    pub fn state(&self, number: u64) -> Option<&Contracts> {
        self.state_of(self.block(number)?.header.block.hash)
    }

    /// The contracts at any block, where the state is kept.
    pub fn state_of(&self, hash: B256) -> Option<&Contracts> {
        self.states.get(&hash)
    }

    /// The block at a height on the branch that ends with `tip`.
    pub fn ancestor(&self, tip: B256, number: u64) -> Option<&Arc<Block>> {
        let mut block = self.by_hash.get(&tip)?;
        loop {
            let at = block.header.block;
            if at.number.value() == number {
                return Some(block);
            }
            if at.number.value() < number {
                return None;
            }
            if self.is_canonical(at) {
                return self.block(number);
            }
            block = self.by_hash.get(&block.header.parent_hash)?;
        }
    }

    fn is_canonical(&self, block: BlockRef) -> bool {
        let canonical = self.block(block.number.value());
        canonical.is_some_and(|canonical| canonical.header.block == block)
    }

    /// The contracts in the block to come.
    pub fn contracts(&self) -> &Contracts {
        &self.pending
    }

    /// All logs of the canonical chain, in order.
    pub fn logs(&self) -> impl Iterator<Item = &Log> {
        self.blocks.iter().flat_map(|block| block.logs.iter())
    }
}

/// A world that several endpoints serve.
#[derive(Debug, Clone)]
pub struct SharedWorld(Arc<Mutex<World>>);

impl SharedWorld {
    /// Never keep the guard over an await.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }
}
