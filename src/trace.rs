//! One trace from a block to the messages that it caused.
//!
//! A trace is named by its network and the block's hash, which the watcher and the outbox both know: nothing has to be
//! carried from one to the other, and a message that is sent after a restart still belongs to its block. Spans have a target
//! of their own, [`TARGET`]; nobody hears of them, and they cost nothing, unless a collector is configured (`commands/otlp`).

use sha2::{Digest as _, Sha256};
use tracing::{Span, field::Empty};

use crate::units::BlockRef;

/// The target of all spans.
pub const TARGET: &str = "steward::trace";

/// The name of a trace in hexadecimal: 16 bytes for the trace and 8 for its root, as OpenTelemetry counts them.
#[must_use]
pub fn name(network: &str, block: BlockRef) -> String {
    let digest = Sha256::digest(format!("{network}/{:#x}", block.hash));
    let mut text = data_encoding::HEXLOWER.encode(&digest);
    text.truncate(48);
    text
}

/// A block is read, judged and committed; `committed` and `error` are recorded when that is known.
pub(crate) fn follow(network: &str, block: BlockRef) -> Span {
    tracing::info_span!(
        target: TARGET,
        "follow",
        trace = name(network, block),
        network,
        block.number = block.number.value(),
        block.hash = %block.hash,
        committed = Empty,
        error = Empty,
    )
}

/// A part of what goes on in the span around it.
pub(crate) fn part(what: &'static str) -> Span {
    tracing::info_span!(target: TARGET, "part", otel.name = what, error = Empty)
}

/// A message that `cause` led to is carried; `error` is recorded where it could not be.
pub(crate) fn carry(
    what: &'static str,
    network: &str,
    cause: Option<BlockRef>,
    meaning: &str,
    channel: u64,
) -> Span {
    let Some(block) = cause else {
        return Span::none();
    };
    tracing::info_span!(
        target: TARGET,
        "carry",
        otel.name = what,
        trace = name(network, block),
        network,
        notice = meaning,
        channel,
        error = Empty,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::{B256, BlockNumber};

    /// Collectors remember it: it must stay what it is.
    #[test]
    fn a_trace_is_named_by_network_and_hash_alone() {
        let block = |number, hash| BlockRef {
            number: BlockNumber::new(number),
            hash: B256::repeat_byte(hash),
        };
        let one = name("mainnet", block(1, 0xaa));
        insta::assert_snapshot!(one, @"7f6bd9ba58367c9e6584845e48b1628c1b32262ac7294d50");
        assert_eq!(one, name("mainnet", block(2, 0xaa)));
        assert_ne!(one, name("testnet", block(1, 0xaa)));
        assert_ne!(one, name("mainnet", block(1, 0xab)));
    }
}
