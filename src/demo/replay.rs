//! Endpoints that answer from a recording.
//!
//! A [`Stage`] is the L1 that all of them look at: it stands at one scene, whose head decides which blocks are
//! canonical. A [`ReplayChain`] is one endpoint; it may be made to fall silent. A question that the
//! recording holds no answer to is never guessed: it is refused, and [`Stage::missing`] tells it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, future::BoxFuture};

use super::recording::{HOW_TO_RECORD, RecordedBlock, Recording, Scene};
use crate::{
    chain::{BlockTag, Call, CallAnswer, Chain, ChainError, EndpointName, Header, Log, LogFilter},
    units::{Address, B256, BlockNumber, Bytes},
};

/// Most unanswered questions that are remembered; one is already too many.
const MISSING_MAX: usize = 20;

/// The L1 as the recording knows it, at one scene.
#[derive(Debug)]
pub struct Stage {
    recording: Recording,
    now: Mutex<Now>,
    missing: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct Now {
    canonical: BTreeMap<BlockNumber, B256>,
    finalized: Option<B256>,
}

impl Stage {
    /// A stage on which nothing happened yet: every endpoint is without a block.
    #[must_use]
    pub fn new(recording: Recording) -> Self {
        Self {
            recording,
            now: Mutex::default(),
            missing: Mutex::default(),
        }
    }

    /// What is played.
    #[must_use]
    pub const fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Makes the chain what it is in `scene`; gives the newest block.
    pub fn enter(&self, scene: &Scene) -> Option<Header> {
        let mut canonical = BTreeMap::new();
        let mut next = self.recording.blocks.get(&scene.head);
        while let Some(RecordedBlock { header, .. }) = next {
            canonical.insert(header.block.number, header.block.hash);
            next = self.recording.blocks.get(&header.parent_hash);
        }
        let mut now = locked(&self.now);
        now.canonical = canonical;
        now.finalized = scene.finalized;
        drop(now);
        self.block(&scene.head).map(|block| block.header.clone())
    }

    /// Questions that the recording holds no answer to, with how to record it again.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        locked(&self.missing).clone()
    }

    fn block(&self, hash: &B256) -> Option<&RecordedBlock> {
        self.recording.blocks.get(hash)
    }

    fn canonical(&self, block: &RecordedBlock) -> bool {
        let now = locked(&self.now);
        now.canonical.get(&block.header.block.number) == Some(&block.header.block.hash)
    }

    fn header(&self, tag: BlockTag) -> Option<Header> {
        let hash = {
            let now = locked(&self.now);
            match tag {
                BlockTag::Latest => now.canonical.values().next_back().copied(),
                BlockTag::Safe | BlockTag::Finalized => now.finalized,
                BlockTag::Number(number) => now.canonical.get(&number).copied(),
                BlockTag::Hash(hash) => Some(hash),
            }
        };
        self.block(&hash?).map(|block| block.header.clone())
    }

    fn logs_of_block(&self, hash: &B256, filter: &LogFilter) -> Result<Vec<Log>, ChainError> {
        let block = self.block(hash).filter(|block| self.canonical(block));
        let block = block.ok_or(ChainError::UnknownBlock)?;
        Ok(wanted(block, filter).cloned().collect())
    }

    fn logs_of_range(&self, from: BlockNumber, to: BlockNumber, filter: &LogFilter) -> Vec<Log> {
        let now = locked(&self.now);
        let hashes = now.canonical.range(from..=to).map(|(_, hash)| hash);
        let blocks = hashes.filter_map(|hash| self.block(hash));
        blocks
            .flat_map(|block| wanted(block, filter).cloned())
            .collect()
    }

    /// What the block's own answers are keyed by, where the block may be asked about.
    fn asked_at(&self, at: &Header) -> Result<B256, ChainError> {
        let block = self.block(&at.block.hash);
        let block = block.filter(|block| self.canonical(block));
        block
            .map(|block| block.header.block.hash)
            .ok_or(ChainError::UnknownBlock)
    }

    fn answers(&self, at: &Header, calls: &[Call]) -> Result<Vec<CallAnswer>, ChainError> {
        let block = self.asked_at(at)?;
        let answer = |call: &Call| {
            let known = self.recording.answers.get(&(block, call.clone())).cloned();
            known.ok_or_else(|| {
                let question = format!("eth_call {} {} at {}", call.to, call.data, at.block);
                self.unanswered(question)
            })
        };
        calls.iter().map(answer).collect()
    }

    fn storage(&self, at: &Header, address: Address, slot: B256) -> Result<B256, ChainError> {
        let block = self.asked_at(at)?;
        let known = self.recording.slots.get(&(block, address, slot)).copied();
        known.ok_or_else(|| {
            self.unanswered(format!("eth_getStorageAt {address} {slot} at {}", at.block))
        })
    }

    fn unanswered(&self, question: String) -> ChainError {
        let mut missing = locked(&self.missing);
        if missing.len() < MISSING_MAX && !missing.contains(&question) {
            missing.push(question.clone());
        }
        ChainError::Refused(format!(
            "the recording holds no answer to {question}; {HOW_TO_RECORD}"
        ))
    }
}

fn wanted<'a>(
    block: &'a RecordedBlock,
    filter: &'a LogFilter,
) -> impl Iterator<Item = &'a Log> + 'a {
    block.logs.iter().filter(|log| {
        let is_ours = filter.addresses.contains(&log.address);
        let topic = || log.topics.first();
        let is_wanted = || topic().is_some_and(|topic| filter.topics.contains(topic));
        is_ours && (filter.topics.is_empty() || is_wanted())
    })
}

/// Nothing here is left half-changed by a panic, so a poisoned lock is as good as any.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One endpoint of the recorded L1.
#[derive(Debug)]
pub struct ReplayChain {
    name: EndpointName,
    stage: Arc<Stage>,
    is_silent: AtomicBool,
}

impl ReplayChain {
    /// An endpoint that looks at `stage`.
    #[must_use]
    pub fn new(name: &str, stage: Arc<Stage>) -> Self {
        Self {
            name: EndpointName::new(name),
            stage,
            is_silent: AtomicBool::new(false),
        }
    }

    /// Refuses every request from now on, or answers again.
    pub fn silence(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::SeqCst);
    }

    fn answer<'a, T: Send + 'a>(
        &self,
        answer: impl FnOnce() -> Result<T, ChainError>,
    ) -> BoxFuture<'a, Result<T, ChainError>> {
        let answer = if self.is_silent.load(Ordering::SeqCst) {
            Err(ChainError::Unavailable("connection refused".to_owned()))
        } else {
            answer()
        };
        std::future::ready(answer).boxed()
    }
}

impl Chain for ReplayChain {
    fn name(&self) -> &EndpointName {
        &self.name
    }

    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.answer(|| Ok(self.stage.recording.title.chain_id))
    }

    fn header(&self, tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>> {
        self.answer(|| Ok(self.stage.header(tag)))
    }

    fn logs_of_block<'a>(
        &'a self,
        block: B256,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.answer(|| self.stage.logs_of_block(&block, filter))
    }

    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.answer(|| Ok(self.stage.logs_of_range(from, to, filter)))
    }

    fn aggregate<'a>(
        &'a self,
        at: &'a Header,
        calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>> {
        self.answer(|| self.stage.answers(at, calls))
    }

    fn code(&self, address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>> {
        self.answer(|| Err(self.stage.unanswered(format!("eth_getCode {address}"))))
    }

    fn storage<'a>(
        &'a self,
        at: &'a Header,
        address: Address,
        slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>> {
        self.answer(|| self.stage.storage(at, address, slot))
    }
}
