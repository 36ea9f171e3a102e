//! One L1 endpoint over HTTP(S) JSON-RPC.
//!
//! It sends one request per question and says precisely why there is no answer; it never retries, and never chooses
//! another endpoint. An error never carries the URL, for the URL may carry a key.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy::sol_types::{SolCall, SolValue};
use futures::{FutureExt, future::BoxFuture};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json, value::RawValue};

use super::{
    BlockTag, Call, CallAnswer, Chain, ChainError, EndpointName, Header, Log, LogFilter,
    contracts::{MULTICALL3, abi::Multicall3},
    fault::{self, Redaction},
    wire::{self, Span},
};
use crate::units::{Address, B256, BlockNumber, Bytes, U256};

/// Longest wait until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The client of endpoints, made when the first of them is asked.
///
/// It reads the system's certificates, which takes 50 ms and some memory: a question to the store needs none, and the
/// endpoints of a process share them.
#[derive(Debug, Default)]
pub struct HttpClient(OnceLock<reqwest::Client>);

impl HttpClient {
    fn get(&self) -> Result<&reqwest::Client, ChainError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        // The process's environment names no proxy for us: what is said to an endpoint is said to nobody else.
        let made = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("steward/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .build()
            .map_err(|error| {
                ChainError::Refused(format!("no HTTP client: {}", error.without_url()))
            })?;
        Ok(self.0.get_or_init(|| made))
    }
}

/// Bounds on one request.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// From sending to the last byte of the answer.
    pub timeout: Duration,
    /// Longest answer that is read, in bytes.
    pub answer_bytes_max: usize,
    /// The client that endpoints share.
    pub client: Arc<HttpClient>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            // geth gives up on an eth_call after 5 s, providers on eth_getLogs after 10 to 15 s.
            timeout: Duration::from_secs(20),
            // Alchemy cuts at 150 MB; a range of that size would cost too much memory here.
            answer_bytes_max: 32 << 20,
            client: Arc::default(),
        }
    }
}

/// An endpoint that speaks JSON-RPC over HTTP(S).
#[derive(Debug)]
pub struct HttpEndpoint {
    name: EndpointName,
    options: HttpOptions,
    url: SecretString,
    redaction: Redaction,
    next_id: AtomicU64,
}

/// What came back over HTTP.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Vec<u8>,
}

impl HttpEndpoint {
    /// An endpoint at `url`, which may carry a key or a user and password.
    ///
    /// # Errors
    /// [`ChainError::Refused`] where the URL is none.
    pub fn new(
        name: EndpointName,
        url: &SecretString,
        options: &HttpOptions,
    ) -> Result<Self, ChainError> {
        let refused = |what: &str| ChainError::Refused(what.to_owned());
        let parsed = url.expose_secret().trim().parse::<reqwest::Url>();
        let parsed = parsed.map_err(|error| refused(&format!("its URL is none: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(refused("its URL is neither http nor https"));
        }
        Ok(Self {
            name,
            options: options.clone(),
            redaction: Redaction::of(&parsed),
            url: SecretString::from(String::from(parsed)),
            next_id: AtomicU64::new(1),
        })
    }

    /// One request; the raw `result`.
    async fn ask(&self, method: &'static str, params: Value) -> Result<Box<RawValue>, ChainError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let question = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        judged(&self.post(&question).await?, id, &self.redaction)
    }

    async fn post(&self, question: &Value) -> Result<Reply, ChainError> {
        let client = self.options.client.get()?;
        let sent = client
            .post(self.url.expose_secret())
            .timeout(self.options.timeout)
            .json(question);
        let mut response = sent.send().await.map_err(|error| self.lost(error))?;
        let (status, retry_after) = (response.status().as_u16(), retry_after(response.headers()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(error))? {
            if body.len() + chunk.len() > self.options.answer_bytes_max {
                return Err(ChainError::TooLarge {
                    blocks_max: None,
                    detail: format!("an answer over {} bytes", self.options.answer_bytes_max),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply {
            status,
            retry_after,
            body,
        })
    }

    /// Why nothing, or only a part, came back.
    fn lost(&self, error: reqwest::Error) -> ChainError {
        let error = error.without_url();
        let why = if error.is_timeout() && !error.is_connect() {
            "no answer in time".to_owned()
        } else {
            let cause = crate::tasks::chain_of(&error);
            self.redaction.clean(&cause)
        };
        ChainError::Unavailable(why)
    }

    async fn header_of(&self, tag: BlockTag) -> Result<Option<Header>, ChainError> {
        let (method, params) = wire::header_question(tag);
        match self.ask(method, params).await {
            Ok(raw) => wire::header(tag, &raw),
            Err(ChainError::UnknownBlock) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn logs(&self, span: Span, filter: &LogFilter) -> Result<Vec<Log>, ChainError> {
        if filter.addresses.is_empty() {
            // An empty list means "every contract" to a client, and "none" to us.
            return Err(ChainError::Refused(
                "the filter names no contract".to_owned(),
            ));
        }
        let raw = self
            .ask("eth_getLogs", wire::logs_question(span, filter))
            .await;
        match raw {
            Ok(raw) => wire::logs(span, filter, &raw),
            Err(error) => Err(error),
        }
    }

    async fn aggregate_of(
        &self,
        at: &Header,
        calls: &[Call],
    ) -> Result<Vec<CallAnswer>, ChainError> {
        let call = json!({"to": MULTICALL3, "data": aggregate_data(calls)});
        let params = json!([call, wire::pinned(at.block.hash)]);
        let raw = self.ask("eth_call", params).await?;
        let bytes: Bytes = wire::read("the aggregate", &raw)?;
        read_aggregate(at, calls.len(), &bytes)
    }
}

impl Chain for HttpEndpoint {
    fn name(&self) -> &EndpointName {
        &self.name
    }

    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        async {
            let raw = self.ask("eth_chainId", json!([])).await?;
            wire::read::<wire::Quantity>("the chain id", &raw).map(|id| id.0)
        }
        .boxed()
    }

    fn header(&self, tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>> {
        self.header_of(tag).boxed()
    }

    fn logs_of_block<'a>(
        &'a self,
        block: B256,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.logs(Span::Block(block), filter).boxed()
    }

    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        self.logs(Span::Range(from, to), filter).boxed()
    }

    fn aggregate<'a>(
        &'a self,
        at: &'a Header,
        calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>> {
        self.aggregate_of(at, calls).boxed()
    }

    fn code(&self, address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>> {
        async move {
            let raw = self.ask("eth_getCode", json!([address, "latest"])).await?;
            wire::read("the code", &raw)
        }
        .boxed()
    }

    fn storage<'a>(
        &'a self,
        at: &'a Header,
        address: Address,
        slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>> {
        async move {
            let params = json!([address, slot, wire::pinned(at.block.hash)]);
            let raw = self.ask("eth_getStorageAt", params).await?;
            let word: U256 = wire::read("the storage word", &raw)?;
            Ok(B256::from(word))
        }
        .boxed()
    }
}

/// The raw `result` of the answer to request `id`.
pub(super) fn judged(
    reply: &Reply,
    id: u64,
    redaction: &Redaction,
) -> Result<Box<RawValue>, ChainError> {
    let is_success = (200..300).contains(&reply.status);
    let Ok(answer) = serde_json::from_slice::<wire::Answer<'_>>(&reply.body) else {
        return Err(match (is_success, is_markup(&reply.body)) {
            (true, true) => ChainError::Malformed("a web page, not JSON-RPC".to_owned()),
            (true, false) => ChainError::Malformed("no JSON-RPC answer".to_owned()),
            (false, _) => fault::of_status(reply.status, reply.retry_after),
        });
    };
    if let Some(packet) = &answer.error {
        return Err(match reply.status {
            429 => ChainError::RateLimited {
                retry_after: reply.retry_after,
            },
            _ => fault::of_packet(packet, reply.retry_after, redaction),
        });
    }
    match answer.result {
        _ if !is_success => Err(fault::of_status(reply.status, reply.retry_after)),
        None => Err(ChainError::Malformed(
            "neither a result nor an error".to_owned(),
        )),
        Some(_) if !answers(&answer.id, id) => Err(ChainError::Malformed(
            "the answer to another request".to_owned(),
        )),
        Some(result) => Ok(result.to_owned()),
    }
}

/// Calldata of `aggregate3` over `calls`, with Multicall3's own two questions around them: the last one cannot be
/// answered where the gas ran out on the way.
fn aggregate_data(calls: &[Call]) -> Bytes {
    let call3 = |target: Address, data: Bytes| Multicall3::Call3 {
        target,
        allowFailure: true,
        callData: data,
    };
    let number = Multicall3::getBlockNumberCall {}.abi_encode();
    let parent = Multicall3::getLastBlockHashCall {}.abi_encode();
    let mut all = Vec::with_capacity(calls.len() + 2);
    all.push(call3(MULTICALL3, number.into()));
    all.extend(calls.iter().map(|call| call3(call.to, call.data.clone())));
    all.push(call3(MULTICALL3, parent.into()));
    Multicall3::aggregate3Call { calls: all }
        .abi_encode()
        .into()
}

pub(super) fn read_aggregate(
    at: &Header,
    count: usize,
    bytes: &Bytes,
) -> Result<Vec<CallAnswer>, ChainError> {
    let malformed = |what: &str| ChainError::Malformed(what.to_owned());
    if bytes.is_empty() {
        let what = format!("no contract answers at Multicall3's address {MULTICALL3}");
        return Err(ChainError::Refused(what));
    }
    let mut results = Multicall3::aggregate3Call::abi_decode_returns(bytes)
        .map_err(|_error| malformed("the aggregate cannot be read"))?;
    if results.len() != count + 2 {
        return Err(malformed("the aggregate has another length"));
    }
    let parent = results.pop();
    let mut results = results.into_iter();
    let (Some(number), Some(parent)) = (results.next(), parent) else {
        return Err(malformed("the aggregate has another length"));
    };
    if number.success && !parent.success {
        return Err(ChainError::TooLarge {
            blocks_max: None,
            detail: "the gas ran out inside the aggregate".to_owned(),
        });
    }
    let word = |result: &Multicall3::Result| {
        let bytes = result.success.then_some(&result.returnData)?;
        B256::abi_decode(bytes).ok()
    };
    let (Some(number), Some(parent)) = (word(&number), word(&parent)) else {
        return Err(malformed(
            "Multicall3 does not say which block it stands on",
        ));
    };
    if U256::from_be_bytes(number.0) != U256::from(at.block.number.value())
        || parent != at.parent_hash
    {
        return Err(ChainError::PinIgnored);
    }
    Ok(results
        .map(|result| {
            if result.success {
                CallAnswer::Returned(result.returnData)
            } else {
                CallAnswer::Reverted(result.returnData)
            }
        })
        .collect())
}

/// Whether the answer's id is that of the request; some proxies turn it into text.
fn answers(id: &Value, asked: u64) -> bool {
    match id {
        Value::Number(number) => number.as_u64() == Some(asked),
        Value::String(text) => text.parse() == Ok(asked),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_markup(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}

/// `Retry-After` in seconds, or as a date against the answer's own `Date`.
fn retry_after(headers: &reqwest::header::HeaderMap) -> Option<Duration> {
    use reqwest::header::{DATE, RETRY_AFTER};
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok();
    let (until, now) = (date(text)?, date(headers.get(DATE)?.to_str().ok()?)?);
    let wait = until.timestamp().as_second() - now.timestamp().as_second();
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

#[cfg(test)]
#[path = "rpc_tests.rs"]
mod tests;
