//! How amounts, blocks, moments and addresses are written in answers.
//!
//! Addresses are EIP-55 text, amounts decimal text in wei beside whole tokens, times Unix seconds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::glance::NetworkGlance;
use crate::{
    book::{Book, records::Chapter},
    units::{Address, B256, BlockRef, UnixSeconds, Wei},
};

/// An amount of the staking asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// In wei, decimal.
    #[schema(example = "200000000000000000000000")]
    pub wei: String,
    /// In whole tokens, with separators and at most four decimals, cut.
    #[schema(example = "200,000")]
    pub tokens: String,
}

impl From<Wei> for Amount {
    fn from(wei: Wei) -> Self {
        Self {
            wei: wei.value().to_string(),
            tokens: wei.to_string(),
        }
    }
}

/// An L1 block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: String,
    /// The block's own time, Unix seconds; null where it is not kept.
    pub at: Option<u64>,
    /// Link to the explorer; null where none is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl Block {
    /// A block with its link.
    #[must_use]
    pub fn new(block: BlockRef, at: Option<UnixSeconds>, network: &NetworkGlance) -> Self {
        Self {
            number: block.number.value(),
            hash: block.hash.to_string(),
            at: at.map(UnixSeconds::value),
            link: link(network, "block", &block.number.to_string()),
        }
    }
}

/// How fresh an answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Freshness {
    /// The last block that was taken in; null before the first.
    pub block: Option<Block>,
    /// Age of that block in seconds; null before the first.
    pub age_seconds: Option<u64>,
}

impl Freshness {
    /// The freshness of what a book says.
    #[must_use]
    pub fn new(book: Option<&Book>, network: &NetworkGlance, now: UnixSeconds) -> Self {
        let chapter = book.map(Book::summary).filter(is_begun);
        Self {
            age_seconds: chapter.as_ref().map(|chapter| now.since(chapter.at)),
            block: chapter.map(|chapter| Block::new(chapter.cursor, Some(chapter.at), network)),
        }
    }
}

/// Whether a block was taken in already.
pub(super) fn is_begun(chapter: &Chapter) -> bool {
    chapter.cursor.number.value() > 0
}

/// An address, checksummed.
#[must_use]
pub fn address(address: Address) -> String {
    address.to_checksum(None)
}

/// A link to the explorer.
#[must_use]
pub fn link(network: &NetworkGlance, noun: &str, id: &str) -> Option<String> {
    let base = network.explorer.as_deref()?.trim_end_matches('/');
    Some(format!("{base}/{noun}/{id}"))
}

/// A link to a transaction.
#[must_use]
pub fn transaction_link(network: &NetworkGlance, transaction: B256) -> Option<String> {
    link(network, "tx", &transaction.to_string())
}

/// A span of blocks, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
}
