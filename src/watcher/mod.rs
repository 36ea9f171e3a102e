//! From the head of an L1 to a committed block, one bounded step at a time.
//!
//! A step asks for the head, and then does one of four things: reads the next blocks far behind the head as a range of
//! logs (`catch_up`), reads the next block near the head with its views (`follow`), takes blocks back that are no longer
//! canonical (`reorg`), or does what finality allows (`finality`). Nothing is remembered between steps that is not in the
//! store: a step that is cut off anywhere is simply taken again.

pub mod agree;
mod ask;
pub mod audit;
pub mod catch_up;
pub mod completeness;
pub mod discover;
pub mod finality;
pub mod follow;
pub mod logs;
pub mod observation;
pub mod progress;
mod provider;
pub mod recording;
pub mod reorg;
pub mod resume;
pub mod stretch;

use std::{
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    book::fold::Ours,
    chain::{BlockTag, ChainError, Header, Log, endpoints::Endpoints},
    clock::Clock,
    state::State,
    store::StoreError,
    units::{Address, BlockNumber, ProviderId, UnixSeconds},
    writer::{CommitError, Writer},
};
use discover::DiscoveryError;
use progress::Progress;
use stretch::{Pace, Stretch};

/// Within so many blocks of the head, blocks are read one by one with their views: full nodes hold the state of 128.
pub const NEAR_BLOCKS: u64 = 64;

/// Most blocks that one step follows before it looks at the head again.
const FOLLOWED_PER_STEP: u64 = 16;

/// How the provider is named in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderRef {
    /// By its id.
    Id(ProviderId),
    /// By its admin.
    Admin(Address),
}

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The network's name.
    pub network: String,
    /// Aztec's Registry.
    pub registry: Address,
    /// The `StakingRegistry`.
    pub staking_registry: Address,
    /// Where history begins.
    pub first_block: BlockNumber,
    /// The provider.
    pub provider: ProviderRef,
    /// Blocks below the head that count as final where no endpoint tells finality; `None` = finality stays unknown.
    pub finality_depth: Option<u64>,
}

/// Watches one network.
#[derive(Debug)]
pub struct Watcher {
    pub(crate) subject: Subject,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) writer: Arc<Writer<State>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) announcer: Arc<dyn Announcer>,
    /// Height at which finality was asked for last; forgetting it costs one question.
    pub(crate) finality_asked_at: AtomicU64,
    /// The first and the newest log that a catch-up found; forgetting them costs one question to each endpoint.
    pub(crate) known_logs: Mutex<Vec<Log>>,
    /// Held while a step is taken: what a step decided from is not forgotten under it.
    pub(crate) stepping: tokio::sync::Mutex<()>,
    /// What the record of the next observation may leave out; forgetting it costs a longer record.
    pub(crate) memo: Mutex<recording::Memo>,
    /// Measures the catch-up that is under way.
    pace: Mutex<Option<Pace>>,
}

/// What becomes of changes: the announcer turns them into notices, inside the commit that caused them.
pub trait Announcer: Send + Sync + std::fmt::Debug {
    /// Says what changed in a block or range. Called inside the commit.
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>);
    /// Whose attesters matter on `network`.
    fn ours(&self, state: &State, network: &str) -> Ours;
}

/// What a commit tells the announcer.
#[derive(Debug)]
pub struct Told<'a> {
    /// The clock's time.
    pub now_ms: u64,
    /// Whether this is only to see what would be owed; it is rolled back, and told again or never.
    pub is_rehearsal: bool,
    /// What happened.
    pub happening: Happening<'a>,
}

/// What happened to a book.
#[derive(Debug)]
pub enum Happening<'a> {
    /// Events and views were folded.
    Folded {
        /// What follows from them.
        outcome: &'a crate::book::fold::Outcome,
        /// What other endpoints said of the block; `None` where they were not asked.
        agreement: Option<&'a crate::chain::agreement::Agreement>,
        /// Whether they are a range far behind the head, and more follow.
        is_behind: bool,
    },
    /// Blocks were taken back: those above `kept`.
    Unwound {
        /// The blocks that are gone, highest first.
        gone: &'a [crate::units::BlockRef],
        /// The highest block that stayed.
        kept: crate::units::BlockRef,
        /// Why.
        why: Unwinding,
    },
    /// Other endpoints were asked again about a block that one had told.
    Agreed {
        /// The block.
        block: crate::units::BlockRef,
        /// What they said.
        agreement: &'a crate::chain::agreement::Agreement,
    },
    /// Blocks up to this one are final.
    Final(crate::units::BlockRef),
    /// A range far behind the head was read.
    Reading(Stretch),
    /// A catch-up that was told of has reached the head.
    ReadToHead,
    /// The network was read to the head for the first time.
    Introduced,
    /// Nothing happened on chain; conditions may have changed.
    Tick,
}

/// Why blocks were taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwinding {
    /// They are no longer canonical.
    Reorg,
    /// One endpoint told them, and a majority contradicts it.
    Overruled,
}

/// What a step did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Idle,
    /// Read a range far behind the head.
    CaughtUp {
        /// Up to here.
        to: BlockNumber,
        /// The head at that time.
        head: BlockNumber,
    },
    /// Followed blocks near the head.
    Followed {
        /// How many.
        blocks: u64,
        /// Up to here.
        to: BlockNumber,
    },
    /// Took blocks back.
    Unwound {
        /// How many.
        depth: u64,
    },
    /// The network is stopped until a person acts.
    Stopped(String),
}

/// Why a step could not be taken.
#[derive(Debug, Error)]
pub enum WatchError {
    /// The endpoints do not answer; the step is taken again.
    #[error("the chain could not be read")]
    Chain(#[from] ChainError),
    /// The contracts are not what the configuration says.
    #[error("the contracts could not be found")]
    Discovery(#[from] DiscoveryError),
    /// The disk failed; the process must stop.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The answers of a contract contradict the logs; they are asked once more.
    #[error("the contracts' answers contradict their logs")]
    Contradiction,
    /// The provider that the configuration names does not exist.
    #[error("{0}")]
    Provider(String),
    /// The endpoints serve another chain.
    #[error(
        "the endpoints serve chain {found}, and the network lives on chain {expected}; check the RPC URLs"
    )]
    WrongChain {
        /// The network's.
        expected: u64,
        /// Theirs.
        found: u64,
    },
}

impl<E: std::fmt::Debug> From<CommitError<E>> for WatchError
where
    E: Into<Self>,
{
    fn from(error: CommitError<E>) -> Self {
        match error {
            CommitError::Refused(refusal) => refusal.into(),
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

impl WatchError {
    /// Whether the process must stop.
    #[must_use]
    pub const fn is_fatal(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl Watcher {
    /// A watcher of `subject`.
    #[must_use]
    pub fn new(
        subject: Subject,
        endpoints: Arc<Endpoints>,
        writer: Arc<Writer<State>>,
        clock: Arc<dyn Clock>,
        announcer: Arc<dyn Announcer>,
    ) -> Self {
        Self {
            subject,
            endpoints,
            writer,
            clock,
            announcer,
            finality_asked_at: AtomicU64::new(0),
            known_logs: Mutex::default(),
            stepping: tokio::sync::Mutex::default(),
            memo: Mutex::default(),
            pace: Mutex::default(),
        }
    }

    /// The network's name.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.subject.network
    }

    /// Takes one step.
    ///
    /// # Errors
    /// [`WatchError`]; unless it [is fatal](WatchError::is_fatal) the step is simply taken again.
    pub async fn step(&self) -> Result<Step, WatchError> {
        let _step = self.stepping.lock().await;
        if let Some(reason) = self.progress().await.stopped {
            return Ok(Step::Stopped(reason));
        }
        let head = self.endpoints.head().await?;
        self.meet(&head).await?;
        self.find_provider(&head).await?;
        let cursor = self.cursor().await;
        if head.block.number < cursor.number {
            return self.shorter(&head).await;
        }
        if head.block.number == cursor.number {
            if head.block.hash != cursor.hash {
                return self.unwind(&head).await;
            }
            self.ask_again().await?;
            return Ok(Step::Idle);
        }
        if head.block.number.since(cursor.number) > NEAR_BLOCKS {
            return self.catch_up(&head).await;
        }
        self.follow_to(&head).await
    }

    /// Follows the chain from the cursor to `head`, block by block.
    async fn follow_to(&self, head: &Header) -> Result<Step, WatchError> {
        let mut followed = 0;
        loop {
            let cursor = self.cursor().await;
            let next = cursor.number.saturating_add(1);
            if next > head.block.number || followed >= FOLLOWED_PER_STEP {
                break;
            }
            let header = if next == head.block.number {
                Some(head.clone())
            } else {
                self.endpoints.header(BlockTag::Number(next)).await?
            };
            let Some(header) = header else { break };
            if !cursor.hash.is_zero() && header.parent_hash != cursor.hash {
                return self.unwind(head).await;
            }
            self.follow(&header, header.block == head.block).await?;
            followed += 1;
        }
        let to = self.cursor().await.number;
        self.after_follow().await?;
        self.ask_again().await?;
        Ok(if followed == 0 {
            Step::Idle
        } else {
            Step::Followed {
                blocks: followed,
                to,
            }
        })
    }

    /// The head is below the cursor: an endpoint that lags, or a chain that became shorter.
    async fn shorter(&self, head: &Header) -> Result<Step, WatchError> {
        let known = {
            let state = self.writer.read().await;
            state
                .book(&self.subject.network)
                .and_then(|book| book.blocks.row(&head.block.number))
                .map(|row| row.hash)
        };
        match known {
            Some(hash) if hash != head.block.hash => self.unwind(head).await,
            _ => Ok(Step::Idle),
        }
    }

    /// The newest block that is not younger than `at`, by the times of headers.
    ///
    /// # Errors
    /// [`WatchError::Chain`] where a header cannot be read.
    pub async fn block_at(&self, at: UnixSeconds) -> Result<BlockNumber, WatchError> {
        let head = self.endpoints.head().await?;
        if head.timestamp <= at {
            return Ok(head.block.number);
        }
        // `old` is not younger than that moment, or lies before everything; `young` is younger.
        let (mut old, mut young) = (0, head.block.number.value());
        while young.saturating_sub(old) > 1 {
            let middle = u64::midpoint(old, young);
            let tag = BlockTag::Number(BlockNumber::new(middle));
            let header = self.endpoints.header(tag).await?;
            let header = header.ok_or(ChainError::UnknownBlock)?;
            if header.timestamp <= at {
                old = middle;
            } else {
                young = middle;
            }
        }
        Ok(BlockNumber::new(old))
    }

    pub(crate) async fn cursor(&self) -> crate::units::BlockRef {
        let state = self.writer.read().await;
        state
            .book(&self.subject.network)
            .map(|book| book.summary().cursor)
            .unwrap_or_default()
    }

    pub(crate) async fn progress(&self) -> Progress {
        let state = self.writer.read().await;
        state
            .progress
            .row(&self.subject.network)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn told<'a>(&self, happening: Happening<'a>) -> Told<'a> {
        Told {
            now_ms: self.clock.now_ms(),
            is_rehearsal: false,
            happening,
        }
    }
}

/// Waits between two polls for the head; half an L1 slot is 6 s, so a block is seen within 2 s of being served.
pub const POLL_INTERVAL: Duration = Duration::from_secs(2);
