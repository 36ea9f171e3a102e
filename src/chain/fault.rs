//! What an endpoint's refusal means.
//!
//! Clients and providers agree on neither codes nor words: geth, reth, nethermind, erigon, anvil, Alchemy, Infura,
//! `QuickNode`, Ankr and dRPC each say "too much" and "no such block" in their own way. Here their words become a
//! [`ChainError`]. Nothing is sent or read here.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::ChainError;

/// Longest text of an endpoint that is kept, in characters; enough for the sentence, too short for a page.
const DETAIL_CHARS_MAX: usize = 200;

/// A JSON-RPC error object.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct ErrorPacket {
    /// Its code; providers invent their own.
    #[serde(default)]
    pub(super) code: Value,
    /// Its sentence.
    #[serde(default)]
    pub(super) message: Value,
    /// Whatever else it says.
    #[serde(default)]
    pub(super) data: Value,
}

impl ErrorPacket {
    fn code(&self) -> Option<i64> {
        match &self.code {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Message and, where it is text, data, on one line.
    fn text(&self) -> String {
        let mut text = match &self.message {
            Value::String(message) => message.clone(),
            Value::Null => String::new(),
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                other.to_string()
            }
        };
        if let Value::String(data) = &self.data
            && !data.starts_with("0x")
        {
            text.push_str(": ");
            text.push_str(data);
        }
        text
    }
}

/// What must not leave: the parts of an endpoint's URL that may be its key.
#[derive(Clone, Default)]
pub(super) struct Redaction {
    secrets: Vec<String>,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redaction").finish_non_exhaustive()
    }
}

/// Shortest part of a URL that is taken for a secret, in characters; below that words of a sentence would be blotted out.
const SECRET_CHARS_MIN: usize = 6;

impl Redaction {
    /// Host, user, password, path segments and query values of `url`.
    pub(super) fn of(url: &reqwest::Url) -> Self {
        let mut secrets: Vec<String> = Vec::new();
        secrets.extend(url.host_str().map(str::to_owned));
        secrets.push(url.username().to_owned());
        secrets.extend(url.password().map(str::to_owned));
        secrets.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
        secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        secrets.retain(|secret| secret.chars().count() >= SECRET_CHARS_MIN);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self { secrets }
    }

    /// `text` without secrets, URLs and control characters, cut.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), "***");
        }
        let words = text.split(|c: char| c.is_whitespace() || c.is_control());
        let words = words
            .filter(|word| !word.is_empty())
            .map(|word| if word.contains("://") { "(URL)" } else { word });
        let line = words.collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(DETAIL_CHARS_MAX) {
            Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
            None => line,
        }
    }
}

/// What an error packet means; `retry_after` is what the HTTP headers said.
pub(super) fn of_packet(
    packet: &ErrorPacket,
    retry_after: Option<Duration>,
    redaction: &Redaction,
) -> ChainError {
    let text = packet.text();
    let words = text.to_lowercase();
    let detail = match packet.code() {
        Some(code) => redaction.clean(&format!("{text} ({code})")),
        None => redaction.clean(&text),
    };
    match kind(packet.code(), &words) {
        Kind::UnknownBlock => ChainError::UnknownBlock,
        Kind::TooLarge => ChainError::TooLarge {
            blocks_max: blocks_max(&packet.data, &words),
            detail,
        },
        Kind::RateLimited => ChainError::RateLimited {
            retry_after: retry_after.or_else(|| backoff_of(&packet.data)),
        },
        Kind::Unavailable => ChainError::Unavailable(detail),
        Kind::Refused => ChainError::Refused(detail),
        Kind::Pruned => ChainError::Pruned(detail),
    }
}

/// What an HTTP status means when the body is no JSON-RPC answer.
pub(super) fn of_status(status: u16, retry_after: Option<Duration>) -> ChainError {
    match status {
        429 => ChainError::RateLimited { retry_after },
        503 if retry_after.is_some() => ChainError::RateLimited { retry_after },
        413 => ChainError::TooLarge {
            blocks_max: None,
            detail: "HTTP 413".to_owned(),
        },
        401 => ChainError::Refused("HTTP 401: it does not accept our key".to_owned()),
        403 => ChainError::Refused("HTTP 403: it forbids us the access".to_owned()),
        404 => ChainError::Refused("HTTP 404: no JSON-RPC is served at its address".to_owned()),
        300..=399 => ChainError::Refused(format!("HTTP {status}: it sends us elsewhere")),
        408 | 425 | 500..=599 => ChainError::Unavailable(format!("HTTP {status}")),
        400..=499 => ChainError::Refused(format!("HTTP {status}")),
        _ => ChainError::Malformed(format!("HTTP {status} without a JSON-RPC answer")),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    UnknownBlock,
    TooLarge,
    RateLimited,
    Unavailable,
    Refused,
    Pruned,
}

/// Words first, for codes are shared by unlike things; the order of the lists decides where a sentence fits several.
fn kind(code: Option<i64>, words: &str) -> Kind {
    let says = |list: &[&str]| list.iter().any(|phrase| words.contains(phrase));
    if code == Some(-32601) {
        return Kind::Refused;
    }
    if says(PRUNED) || code == Some(4444) {
        return Kind::Pruned;
    }
    if says(UNKNOWN_BLOCK) || code == Some(-39001) {
        return Kind::UnknownBlock;
    }
    if says(RATE_LIMITED) {
        return Kind::RateLimited;
    }
    if says(TOO_LARGE) {
        return Kind::TooLarge;
    }
    if says(REFUSED) {
        return Kind::Refused;
    }
    match code {
        Some(429 | -32005 | -32007 | -32029 | -32090) => Kind::RateLimited,
        Some(3 | -32614 | -32008 | -32003 | -32015) => Kind::TooLarge,
        Some(401 | 403 | -32700 | -32600 | -32602 | -32004 | -32006) => Kind::Refused,
        Some(-32001) => Kind::UnknownBlock,
        _ => Kind::Unavailable,
    }
}

const PRUNED: &[&str] = &[
    "missing trie node",
    "pruned",
    "pruning",
    "historical state",
    "state is not available",
    "state not available",
    "no state available",
    "state histories",
    "state unavailable",
    "history unavailable",
    "historical data",
    "archive",
    "maximum proof window",
    "history is not available",
];

const UNKNOWN_BLOCK: &[&str] = &[
    "header not found",
    "unknown block",
    "unknown header",
    "block not found",
    "blocknotfound",
    "header for hash",
    "not currently canonical",
    "not canonical",
    "non-canonical",
    "isn't canonical",
    "beyond current head",
    "blockoutofrange",
    "cannot find block",
    "could not find block",
    "could not be found",
    "resource not found",
    "in the future",
    "after last accepted block",
    "safe block",
    "finalized block",
    "block is not available",
    "no block with hash",
    "nonexistent block",
    // A client without a beacon chain, or an older one, does not know `safe` and `finalized`.
    "block tag",
    "tag not supported",
    "hex string without 0x",
];

const RATE_LIMITED: &[&str] = &[
    "rate limit",
    "rate-limit",
    "ratelimit",
    "rate exceeded",
    "too many requests",
    "compute units per second",
    "request limit reached",
    "daily request",
    "request count exceeded",
    "throughput",
    "capacity limit",
    "quota",
    "credits",
];

const TOO_LARGE: &[&str] = &[
    "query returned more than",
    "more than 10000",
    "block range",
    "blocks range",
    "range limit",
    "max range",
    "range is too",
    "range too",
    "ranges over",
    "limited to a",
    "exceeds max",
    "exceed max",
    "exceeds limit",
    "exceeds the limit",
    "too many logs",
    "too many results",
    "too many blocks",
    "response size",
    "response too large",
    "response is too big",
    "result too large",
    "too large",
    "too big",
    "timeout",
    "timed out",
    "took too long",
    "deadline exceeded",
    "out of gas",
    "outofgas",
    "gas required exceeds",
    "gas limit",
    "gas cap",
    "gas exhausted",
    "execution reverted",
    "vm execution error",
    "evm error",
];

const REFUSED: &[&str] = &[
    "unauthorized",
    "unauthenticated",
    "not authorized",
    "must be authenticated",
    "authenticate",
    "api key",
    "apikey",
    "api-key",
    "forbidden",
    "access denied",
    "project id",
    "does not exist",
    "method not found",
    "not supported",
    "unsupported",
    "not available",
    "not whitelisted",
    "not allowed",
];

/// Infura says how long to wait inside the packet (`data.rate.backoff_seconds`).
fn backoff_of(data: &Value) -> Option<Duration> {
    let seconds = data.get("rate")?.get("backoff_seconds")?.as_f64()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The largest range in blocks that the packet says would be taken: a suggested pair, or a number beside "block" or "range".
fn blocks_max(data: &Value, words: &str) -> Option<u64> {
    let pair = data_range(data)
        .or_else(|| bracket_range(words))
        .or_else(|| dash_range(words));
    if let Some((from, to)) = pair {
        return to.checked_sub(from)?.checked_add(1);
    }
    let tokens: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || matches!(c, ':' | ';' | '(' | ')' | '\'' | '"'))
        .filter(|token| !token.is_empty())
        .collect();
    let beside = |token: &str| token.starts_with("block") || token.starts_with("range");
    let before = tokens.windows(2).find_map(|pair| match pair {
        [number, noun] if beside(noun) => count(number),
        _ => None,
    });
    let after = || {
        tokens.windows(2).find_map(|pair| match pair {
            [noun, number] if beside(noun) => count(number),
            _ => None,
        })
    };
    before.or_else(after).filter(|blocks| *blocks > 0)
}

/// Infura's `data: {from, to, limit}`.
fn data_range(data: &Value) -> Option<(u64, u64)> {
    let end = |name: &str| data.get(name)?.as_str().and_then(hex_or_decimal);
    Some((end("from")?, end("to")?))
}

/// `this block range should work: [0x1, 0x5]`.
fn bracket_range(words: &str) -> Option<(u64, u64)> {
    let (_, rest) = words.split_once('[')?;
    let (inside, _) = rest.split_once(']')?;
    let (from, to) = inside.split_once(',')?;
    Some((hex_or_decimal(from)?, hex_or_decimal(to)?))
}

/// reth's `retry with the range 123-456`.
fn dash_range(words: &str) -> Option<(u64, u64)> {
    let (_, rest) = words.split_once("range ")?;
    let token = rest.split_whitespace().next()?;
    let (from, to) = token.trim_end_matches(['.', ',']).split_once('-')?;
    Some((hex_or_decimal(from)?, hex_or_decimal(to)?))
}

fn hex_or_decimal(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `10000`, `10,000`, `2k`, `10k`.
fn count(token: &str) -> Option<u64> {
    let token: String = token
        .trim_end_matches('.')
        .chars()
        .filter(|c| !matches!(c, ',' | '_'))
        .collect();
    match token.strip_suffix('k') {
        Some(digits) => digits.parse::<u64>().ok()?.checked_mul(1000),
        None => token.parse().ok(),
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
