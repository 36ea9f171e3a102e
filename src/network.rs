//! What an Aztec network is, as plain data: a name, an L1 chain, and the two contracts everything else is read from.
//!
//! Rollups, their parameters and all further addresses are read from the chain, never kept here.
//! To add a network for everybody, add an entry to [`BUILT_IN`]; an operator adds one by configuration.

use std::{fmt, str::FromStr};

use alloy::primitives::address;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::units::{Address, B256, BlockNumber};

/// Name of a network: 1 to 32 characters of `a-z`, `0-9` and `-`. It is part of file names, metrics and store keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkName(String);

/// A label of a metric, a key of the store and a file name have to hold it; mainnet has 7.
const NAME_LENGTH_MAX: usize = 32;

/// The text is no name of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "a network's name has 1 to 32 characters of a-z, 0-9 and -, and does not begin or end with -"
)]
pub struct InvalidNetworkName;

impl NetworkName {
    /// Checks and wraps a name.
    ///
    /// # Errors
    /// When the name is empty, too long, or holds other characters than `a-z`, `0-9` and `-`.
    pub fn parse(text: &str) -> Result<Self, InvalidNetworkName> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_name = !text.is_empty()
            && text.len() <= NAME_LENGTH_MAX
            && text.bytes().all(is_allowed)
            && !text.starts_with('-')
            && !text.ends_with('-');
        is_name
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidNetworkName)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as the front of a variable's name, without the joining `_`: `my-net` is `MY_NET`.
    #[must_use]
    pub fn variable_prefix(&self) -> String {
        self.0.to_ascii_uppercase().replace('-', "_")
    }
}

impl fmt::Display for NetworkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for NetworkName {
    type Err = InvalidNetworkName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for NetworkName {
    type Error = InvalidNetworkName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<NetworkName> for String {
    fn from(name: NetworkName) -> Self {
        name.0
    }
}

/// An Aztec network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: NetworkName,
    /// Chain id of its L1 (`eth_chainId`).
    pub chain_id: u64,
    /// Aztec's `Registry`, which names the rollups.
    pub registry: Address,
    /// The `StakingRegistry`, which holds the providers.
    pub staking_registry: Address,
    /// No event of interest lies before this L1 block.
    pub first_block: BlockNumber,
    /// Where people look at a transaction; none for a local chain.
    pub explorer: Option<Explorer>,
}

/// A block explorer of the L1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Explorer(String);

impl Explorer {
    /// Wraps the address of an explorer, such as `https://etherscan.io`.
    #[must_use]
    pub fn new(base_url: &str) -> Self {
        Self(base_url.trim_end_matches('/').to_owned())
    }

    /// The address of the explorer, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.0
    }

    /// Link to a transaction.
    #[must_use]
    pub fn transaction(&self, hash: B256) -> String {
        format!("{}/tx/{hash}", self.0)
    }

    /// Link to an address.
    #[must_use]
    pub fn address(&self, address: Address) -> String {
        format!("{}/address/{address}", self.0)
    }

    /// Link to a block.
    #[must_use]
    pub fn block(&self, number: BlockNumber) -> String {
        format!("{}/block/{number}", self.0)
    }
}

/// What steward knows of a network without being told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Chain id of its L1.
    pub chain_id: u64,
    /// Aztec's `Registry`.
    pub registry: Address,
    /// The `StakingRegistry`.
    pub staking_registry: Address,
    /// First block of interest; `None` where nobody has established it, so that the configuration must.
    pub first_block: Option<BlockNumber>,
    /// The usual explorer.
    pub explorer_url: &'static str,
}

/// The networks that need no addresses in the configuration.
///
/// Registries: Aztec's networks page. The contracts are replaced now and then on testnet; the configuration overrides.
pub const BUILT_IN: [BuiltIn; 2] = [
    BuiltIn {
        name: "mainnet",
        chain_id: 1,
        registry: address!("0x35b22e09Ee0390539439E24f06Da43D83f90e298"),
        staking_registry: address!("0x042dF8f42790d6943F41C25C2132400fd727f452"),
        // Cautious: the first rollup became canonical in 23,786,837, some 12 days of blocks later.
        first_block: Some(BlockNumber::new(23_700_000)),
        explorer_url: "https://etherscan.io",
    },
    BuiltIn {
        name: "testnet",
        chain_id: 11_155_111,
        registry: address!("0xA0BFb1B494FB49041e5c6e8c2C1BE09cD171c6Ba"),
        staking_registry: address!("0xC6EcC1832c8BF6a41c927BEb4E9ec610FBeDd1C2"),
        // The block in which these contracts were deployed on Sepolia is not established.
        first_block: None,
        explorer_url: "https://sepolia.etherscan.io",
    },
];

/// The built-in network of that name.
#[must_use]
pub fn built_in(name: &NetworkName) -> Option<&'static BuiltIn> {
    BUILT_IN
        .iter()
        .find(|network| network.name == name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_networks_are_as_aztec_publishes_them() {
        let table: Vec<String> = BUILT_IN
            .iter()
            .map(|network| {
                format!(
                    "{} {} {} {} {:?} {}",
                    network.name,
                    network.chain_id,
                    network.registry,
                    network.staking_registry,
                    network.first_block.map(BlockNumber::value),
                    network.explorer_url,
                )
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @r#"
mainnet 1 0x35b22e09Ee0390539439E24f06Da43D83f90e298 0x042dF8f42790d6943F41C25C2132400fd727f452 Some(23700000) https://etherscan.io
testnet 11155111 0xA0BFb1B494FB49041e5c6e8c2C1BE09cD171c6Ba 0xC6EcC1832c8BF6a41c927BEb4E9ec610FBeDd1C2 None https://sepolia.etherscan.io
"#);
        for network in BUILT_IN {
            assert!(NetworkName::parse(network.name).is_ok());
            assert_ne!(network.registry, network.staking_registry);
        }
    }

    #[test]
    fn a_name_is_lower_case_and_short() {
        for name in ["mainnet", "v5-devnet-1", "a", &"a".repeat(32)] {
            assert!(NetworkName::parse(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "Mainnet",
            "my_net",
            "a b",
            "-a",
            "a-",
            "../x",
            "ä",
            &"a".repeat(33),
        ] {
            assert!(NetworkName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_explorer_links_what_people_look_at() {
        let explorer = Explorer::new("https://etherscan.io/");
        insta::assert_snapshot!(
            [
                explorer.transaction(B256::repeat_byte(1)),
                explorer.address(BUILT_IN[0].registry),
                explorer.block(BlockNumber::new(7)),
            ].join("\n"),
            @r#"
https://etherscan.io/tx/0x0101010101010101010101010101010101010101010101010101010101010101
https://etherscan.io/address/0x35b22e09Ee0390539439E24f06Da43D83f90e298
https://etherscan.io/block/7
"#
        );
    }
}
