//! An endpoint that writes down what it is asked and what the endpoint behind it answers.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use alloy::rpc::types::Log as WireLog;
use futures::{FutureExt, future::BoxFuture};
use localnet::Rpc;
use steward::{
    chain::{BlockTag, Call, CallAnswer, Chain, ChainError, EndpointName, Header, Log, LogFilter},
    demo::recording::RecordedBlock,
    units::{Address, B256, BlockNumber, BlockRef, Bytes},
};

use crate::Failure;

/// What was written down.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) blocks: HashMap<B256, RecordedBlock>,
    pub(crate) answers: HashMap<(B256, Call), CallAnswer>,
    pub(crate) slots: HashMap<(B256, Address, B256), B256>,
}

/// Every log of a block, of whatever contract: more than the [`Chain`] would ask for.
async fn logs_of(rpc: &Rpc, block: BlockRef) -> Result<Vec<Log>, Failure> {
    let question = serde_json::json!([{ "blockHash": block.hash }]);
    let logs: Vec<WireLog> = rpc.request("eth_getLogs", question).await?;
    let log = |log: WireLog| {
        Some(Log {
            block,
            transaction: log.transaction_hash?,
            index: log.log_index?,
            address: log.inner.address,
            topics: log.inner.data.topics().to_vec(),
            data: log.inner.data.data,
        })
    };
    let logs: Option<Vec<Log>> = logs.into_iter().map(log).collect();
    logs.ok_or_else(|| "a log without its transaction".into())
}

/// An endpoint that writes down views and storage; blocks are written down by [`RecordingChain::take_blocks`].
#[derive(Debug)]
pub(crate) struct RecordingChain<C> {
    inner: C,
    written: Mutex<Written>,
}

impl<C: Chain> RecordingChain<C> {
    pub(crate) fn new(inner: C) -> Self {
        Self {
            inner,
            written: Mutex::default(),
        }
    }

    pub(crate) fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap()
    }

    /// Writes down the blocks from `first` to the head with every log; gives the head.
    pub(crate) async fn take_blocks(
        &self,
        rpc: &Rpc,
        first: BlockNumber,
    ) -> Result<Header, Failure> {
        let unknown = || ChainError::UnknownBlock;
        let head = self.inner.header(BlockTag::Latest).await?;
        let head = head.ok_or_else(unknown)?;
        let mut next = head.block.hash;
        loop {
            let header = self.inner.header(BlockTag::Hash(next)).await?;
            let header = header.ok_or_else(unknown)?;
            if header.block.number < first || self.written().blocks.contains_key(&next) {
                return Ok(head);
            }
            let logs = logs_of(rpc, header.block).await?;
            next = header.parent_hash;
            let block = RecordedBlock { header, logs };
            let hash = block.header.block.hash;
            self.written().blocks.insert(hash, block);
        }
    }
}

impl<C: Chain> Chain for RecordingChain<C> {
    fn name(&self) -> &EndpointName {
        self.inner.name()
    }

    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.inner.chain_id()
    }

    fn header(&self, tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>> {
        self.inner.header(tag)
    }

    fn logs_of_block<'a>(
        &'a self,
        block: B256,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.inner.logs_of_block(block, filter)
    }

    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.inner.logs_of_range(from, to, filter)
    }

    fn aggregate<'a>(
        &'a self,
        at: &'a Header,
        calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>> {
        async move {
            let answers = self.inner.aggregate(at, calls).await?;
            for (call, answer) in calls.iter().zip(&answers) {
                let key = (at.block.hash, call.clone());
                self.written().answers.insert(key, answer.clone());
            }
            Ok(answers)
        }
        .boxed()
    }

    fn code(&self, address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>> {
        self.inner.code(address)
    }

    fn storage<'a>(
        &'a self,
        at: &'a Header,
        address: Address,
        slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>> {
        async move {
            let value = self.inner.storage(at, address, slot).await?;
            let key = (at.block.hash, address, slot);
            self.written().slots.insert(key, value);
            Ok(value)
        }
        .boxed()
    }
}
