//! What we ask an L1, and how it may fail.
//!
//! [`Chain`] is one JSON-RPC endpoint: raw answers, nothing decoded beyond logs and headers, no retry, no judgement.
//! `rpc` implements it over HTTP: `wire` holds the JSON forms, `fault` reads what a refusal means. `endpoints` puts several
//! of them together: `health` and `limits` are learnt per `member`, `observe` asks about one block near the head, `backfill`
//! about the past, `agreement` takes votes, `bloom` tells which empty answers to doubt.
//! `contracts` knows the ABI of Aztec's contracts. Beyond this module no type of alloy is seen, apart from
//! addresses, hashes and 256-bit numbers inside `units`.

pub mod agreement;
pub mod backfill;
pub mod bloom;
pub mod contracts;
pub mod endpoints;
mod fault;
#[cfg(test)]
mod fuzz;
pub mod health;
pub mod limits;
mod member;
pub mod observe;
pub mod rpc;
#[cfg(test)]
mod scripted;
mod wire;

use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::{Address, B256, BlockNumber, BlockRef, Bytes, UnixSeconds};

/// Name of an endpoint, as people see it (`rpc-1`); never its URL, which may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EndpointName(String);

impl EndpointName {
    /// Wraps a name.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of an L1 block header that steward uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The block itself.
    pub block: BlockRef,
    /// Hash of the block before.
    pub parent_hash: B256,
    /// The block's own time; an idle L1 lags the wall clock.
    pub timestamp: UnixSeconds,
    /// The 2048-bit bloom over addresses and topics of the block's logs.
    pub logs_bloom: Bytes,
}

/// One log of one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The block that holds it.
    pub block: BlockRef,
    /// The transaction that emitted it.
    pub transaction: B256,
    /// Its position in the block.
    pub index: u64,
    /// The contract that emitted it.
    pub address: Address,
    /// At most four topics; the first names the event.
    pub topics: Vec<B256>,
    /// The data.
    pub data: Bytes,
}

/// Which logs are wanted: those of any of `addresses`, and, unless empty, whose first topic is one of `topics`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LogFilter {
    /// The watched contracts.
    pub addresses: Vec<Address>,
    /// The wanted events; empty means all.
    pub topics: Vec<B256>,
}

/// Which block is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockTag {
    /// The newest the endpoint has.
    Latest,
    /// The newest that the beacon chain calls safe.
    Safe,
    /// The newest that the beacon chain has finalised.
    Finalized,
    /// The canonical one at a height.
    Number(BlockNumber),
    /// Exactly this one.
    Hash(B256),
}

/// One read-only call of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Call {
    /// The contract.
    pub to: Address,
    /// Selector and arguments.
    pub data: Bytes,
}

/// What one [`Call`] inside an aggregate answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallAnswer {
    /// The returned bytes; empty where no contract lives at the address.
    Returned(Bytes),
    /// The contract reverted with these bytes.
    Reverted(Bytes),
}

/// One L1 endpoint. Every method is one JSON-RPC request, counted as such.
pub trait Chain: Send + Sync + fmt::Debug {
    /// How people call it.
    fn name(&self) -> &EndpointName;

    /// `eth_chainId`.
    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>>;

    /// `eth_getBlockByNumber` or `eth_getBlockByHash`; `None` where the endpoint has no such block.
    fn header(&self, tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>>;

    /// `eth_getLogs` of one block by hash; an unknown block is [`ChainError::UnknownBlock`], never an empty answer.
    fn logs_of_block<'a>(
        &'a self,
        block: B256,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>>;

    /// `eth_getLogs` of a range, both ends included, in canonical order.
    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>>;

    /// One `eth_call` of Multicall3 `aggregate3` over `calls`, pinned to `at` by hash (EIP-1898, `requireCanonical`).
    ///
    /// The aggregate carries Multicall3's own `getBlockNumber` and `getLastBlockHash`; where they do not fit `at` the
    /// answer is [`ChainError::PinIgnored`]. The answers are in the order of `calls`.
    fn aggregate<'a>(
        &'a self,
        at: &'a Header,
        calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>>;

    /// `eth_getCode` at the newest block; empty where no contract lives.
    fn code(&self, address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>>;

    /// `eth_getStorageAt` at `at`, by hash.
    fn storage<'a>(
        &'a self,
        at: &'a Header,
        address: Address,
        slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>>;
}

/// Why an endpoint gave no answer. JSON-RPC error packets never win over answers of other endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// The block is unknown to the endpoint, or not canonical there.
    #[error("the endpoint does not know the block, or does not hold it canonical")]
    UnknownBlock,
    /// The question was too large: range, result size, gas or time.
    #[error("the question was too large for the endpoint: {detail}")]
    TooLarge {
        /// The largest range in blocks that the endpoint says it would take.
        blocks_max: Option<u64>,
        /// What it said, cut and without URL.
        detail: String,
    },
    /// Too many requests.
    #[error("the endpoint limits our rate")]
    RateLimited {
        /// How long it asks us to wait.
        retry_after: Option<Duration>,
    },
    /// No answer: refused connection, time-out, 5xx.
    #[error("the endpoint does not answer: {0}")]
    Unavailable(String),
    /// The endpoint refuses us: 401, 403, or a method that it does not serve.
    #[error("the endpoint refuses the request: {0}")]
    Refused(String),
    /// The state or the logs of that block are no longer held.
    #[error("the endpoint no longer holds that history: {0}")]
    Pruned(String),
    /// The answer cannot be what was asked for.
    #[error("the endpoint's answer makes no sense: {0}")]
    Malformed(String),
    /// The endpoint answered for another block than the one it was pinned to.
    #[error("the endpoint ignored the block it was asked about")]
    PinIgnored,
}

impl ChainError {
    /// Whether the same question, asked again or elsewhere, may be answered.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::UnknownBlock | Self::RateLimited { .. } | Self::Unavailable(_) => true,
            Self::TooLarge { .. }
            | Self::Refused(_)
            | Self::Pruned(_)
            | Self::Malformed(_)
            | Self::PinIgnored => false,
        }
    }
}
