//! Undo records: what the derived tables held before a block.
//!
//! One per unfinalised block, under `network\0` + height (big-endian); deleted at finality.

use serde::{Deserialize, Serialize};

use super::{StoreError, Tree, Write};
use crate::units::BlockNumber;

/// Most undo records that a network keeps while finality stalls: 8,192 blocks × 12 s = 27 h.
pub const UNDO_MAX: usize = 8192;

#[derive(Serialize, Deserialize)]
struct Undo<'a> {
    v: u32,
    #[serde(borrow)]
    writes: Vec<(std::borrow::Cow<'a, str>, Option<std::borrow::Cow<'a, str>>)>,
}

/// Key of the undo record of a block.
#[must_use]
pub fn key(network: &str, block: BlockNumber) -> Vec<u8> {
    let mut key = prefix(network);
    key.extend_from_slice(&block.value().to_be_bytes());
    key
}

/// Prefix of all undo records of a network.
#[must_use]
pub fn prefix(network: &str) -> Vec<u8> {
    let mut key = network.as_bytes().to_vec();
    key.push(0);
    key
}

/// The block that an undo key belongs to.
#[must_use]
pub fn block_of(network: &str, key: &[u8]) -> Option<BlockNumber> {
    let number = key.strip_prefix(prefix(network).as_slice())?;
    number
        .try_into()
        .ok()
        .map(u64::from_be_bytes)
        .map(BlockNumber::new)
}

/// The form on disk: JSON with keys in hex and values as the text they are.
///
/// # Errors
/// [`StoreError::Record`] where a value is no text, which no record of ours is.
pub fn encode(writes: &[Write]) -> Result<Vec<u8>, StoreError> {
    let fault = |detail: String| StoreError::Record {
        kind: "undo",
        key: String::new(),
        detail,
    };
    let mut out = Vec::with_capacity(writes.len());
    for write in writes {
        let key = data_encoding::HEXLOWER.encode(&write.key).into();
        let value = match &write.value {
            Some(bytes) => Some(
                std::str::from_utf8(bytes)
                    .map_err(|error| fault(error.to_string()))?
                    .into(),
            ),
            None => None,
        };
        out.push((key, value));
    }
    serde_json::to_vec(&Undo { v: 1, writes: out }).map_err(|error| fault(error.to_string()))
}

/// Reads it back.
///
/// # Errors
/// [`StoreError::Record`] where the bytes are no undo record.
pub fn decode(bytes: &[u8]) -> Result<Vec<Write>, StoreError> {
    let fault = |detail: String| StoreError::Record {
        kind: "undo",
        key: String::new(),
        detail,
    };
    let undo: Undo<'_> = serde_json::from_slice(bytes).map_err(|error| fault(error.to_string()))?;
    if undo.v != 1 {
        return Err(StoreError::Newer {
            found: undo.v,
            known: 1,
        });
    }
    let write = |(key, value): (std::borrow::Cow<'_, str>, Option<std::borrow::Cow<'_, str>>)| {
        let key = data_encoding::HEXLOWER
            .decode(key.as_bytes())
            .map_err(|error| fault(error.to_string()))?;
        Ok(Write {
            tree: Tree::Derived,
            key,
            value: value.map(|text| text.into_owned().into_bytes()),
        })
    };
    undo.writes.into_iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undo_record_comes_back_as_it_was() {
        let writes = vec![
            Write {
                tree: Tree::Derived,
                key: vec![0, 255, 7],
                value: Some(b"{\"v\":1}".to_vec()),
            },
            Write {
                tree: Tree::Derived,
                key: b"x".to_vec(),
                value: None,
            },
        ];
        assert_eq!(decode(&encode(&writes).unwrap()).unwrap(), writes);
        assert_eq!(
            block_of("main", &key("main", BlockNumber::new(77))),
            Some(BlockNumber::new(77))
        );
        assert_eq!(
            block_of("mainnet", &key("main", BlockNumber::new(77))),
            None
        );
    }
}
