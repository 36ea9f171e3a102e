//! The JSON forms of Ethereum's JSON-RPC, as far as steward uses them.
//!
//! Read leniently (unknown fields, quantities with leading zeros or as plain numbers), checked strictly: an answer
//! that does not belong to the question is [`ChainError::Malformed`].

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json, value::RawValue};

use super::{BlockTag, ChainError, Header, Log, LogFilter, fault::ErrorPacket};
use crate::units::{Address, B256, BlockNumber, BlockRef, Bytes, UnixSeconds};

/// One JSON-RPC answer; `result: null` is a result.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(default)]
    pub(super) id: Value,
    #[serde(default, borrow, deserialize_with = "present")]
    pub(super) result: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) error: Option<ErrorPacket>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// A number on the wire.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantity(pub(super) u64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl de::Visitor<'_> for Form {
            type Value = Quantity;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a quantity")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Quantity, E> {
                Ok(Quantity(number))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Quantity, E> {
                let number = match text.strip_prefix("0x") {
                    Some(digits) => u64::from_str_radix(digits, 16),
                    None => text.parse(),
                };
                number.map(Quantity).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireHeader {
    number: Quantity,
    hash: B256,
    parent_hash: B256,
    timestamp: Quantity,
    #[serde(default)]
    logs_bloom: Option<Bytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLog {
    block_hash: B256,
    block_number: Quantity,
    transaction_hash: B256,
    log_index: Quantity,
    address: Address,
    topics: Vec<B256>,
    #[serde(default)]
    data: Bytes,
    #[serde(default)]
    removed: bool,
}

/// What was asked of `eth_getLogs`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    /// One block, by hash.
    Block(B256),
    /// A range, both ends included.
    Range(BlockNumber, BlockNumber),
}

/// Most topics that the EVM puts on a log.
const TOPICS_MAX: usize = 4;

/// `0x…` without leading zeros.
pub(super) fn quantity(number: u64) -> String {
    format!("{number:#x}")
}

/// Method and parameters that ask for a header.
pub(super) fn header_question(tag: BlockTag) -> (&'static str, Value) {
    let by_number = "eth_getBlockByNumber";
    match tag {
        BlockTag::Latest => (by_number, json!(["latest", false])),
        BlockTag::Safe => (by_number, json!(["safe", false])),
        BlockTag::Finalized => (by_number, json!(["finalized", false])),
        BlockTag::Number(number) => (by_number, json!([quantity(number.value()), false])),
        BlockTag::Hash(hash) => ("eth_getBlockByHash", json!([hash, false])),
    }
}

/// Parameters of `eth_getLogs`.
pub(super) fn logs_question(span: Span, filter: &LogFilter) -> Value {
    let mut question = match span {
        Span::Block(hash) => json!({"blockHash": hash}),
        Span::Range(from, to) => {
            json!({"fromBlock": quantity(from.value()), "toBlock": quantity(to.value())})
        }
    };
    if let Value::Object(fields) = &mut question {
        fields.insert("address".to_owned(), json!(filter.addresses));
        if !filter.topics.is_empty() {
            fields.insert("topics".to_owned(), json!([filter.topics]));
        }
    }
    json!([question])
}

/// EIP-1898: a block by hash, refused unless canonical.
pub(super) fn pinned(block: B256) -> Value {
    json!({"blockHash": block, "requireCanonical": true})
}

fn malformed(what: &str) -> ChainError {
    ChainError::Malformed(what.to_owned())
}

/// Reads a result as `T`.
pub(super) fn read<'a, T: Deserialize<'a>>(what: &str, raw: &'a RawValue) -> Result<T, ChainError> {
    serde_json::from_str(raw.get()).map_err(|error| {
        let (kind, column) = (error.classify(), error.column());
        ChainError::Malformed(format!("{what} cannot be read ({kind:?} at {column})"))
    })
}

/// Reads a header and checks that it is the one asked for.
pub(super) fn header(tag: BlockTag, raw: &RawValue) -> Result<Option<Header>, ChainError> {
    let Some(wire) = read::<Option<WireHeader>>("the header", raw)? else {
        return Ok(None);
    };
    let fits = match tag {
        BlockTag::Latest | BlockTag::Safe | BlockTag::Finalized => true,
        BlockTag::Number(number) => number.value() == wire.number.0,
        BlockTag::Hash(hash) => hash == wire.hash,
    };
    if !fits {
        return Err(malformed("the header of another block"));
    }
    Ok(Some(Header {
        block: BlockRef {
            number: BlockNumber::new(wire.number.0),
            hash: wire.hash,
        },
        parent_hash: wire.parent_hash,
        timestamp: UnixSeconds::new(wire.timestamp.0),
        logs_bloom: wire.logs_bloom.unwrap_or_default(),
    }))
}

/// Reads logs and checks that each belongs to the question, and that they come in canonical order.
pub(super) fn logs(span: Span, filter: &LogFilter, raw: &RawValue) -> Result<Vec<Log>, ChainError> {
    let wire: Vec<WireLog> = read("the logs", raw)?;
    let mut logs = Vec::with_capacity(wire.len());
    for entry in wire {
        if entry.removed {
            return Err(malformed("a log of a block that was removed"));
        }
        logs.push(Log {
            block: BlockRef {
                number: BlockNumber::new(entry.block_number.0),
                hash: entry.block_hash,
            },
            transaction: entry.transaction_hash,
            index: entry.log_index.0,
            address: entry.address,
            topics: entry.topics,
            data: entry.data,
        });
    }
    check_logs(span, filter, &logs)?;
    Ok(logs)
}

fn check_logs(span: Span, filter: &LogFilter, logs: &[Log]) -> Result<(), ChainError> {
    for log in logs {
        let in_span = match span {
            Span::Block(hash) => log.block.hash == hash,
            Span::Range(from, to) => from <= log.block.number && log.block.number <= to,
        };
        if !in_span {
            return Err(malformed("a log of a block that was not asked about"));
        }
        if !filter.addresses.contains(&log.address) {
            return Err(malformed("a log of a contract that was not asked about"));
        }
        let topic_fits = filter.topics.is_empty()
            || log
                .topics
                .first()
                .is_some_and(|topic| filter.topics.contains(topic));
        if !topic_fits || log.topics.len() > TOPICS_MAX {
            return Err(malformed("a log with topics that were not asked about"));
        }
    }
    let in_order = logs.windows(2).all(|pair| match pair {
        [before, after] if before.block.number == after.block.number => {
            before.block.hash == after.block.hash && before.index < after.index
        }
        [before, after] => before.block.number < after.block.number,
        _ => true,
    });
    if in_order {
        Ok(())
    } else {
        Err(malformed("logs out of order"))
    }
}
