//! Numbers and addresses with a meaning.
//!
//! Every number that travels between modules is one of these, so that a block is never taken for an epoch.
//! They are plain values: checked arithmetic, a stable text form, and nothing else.

pub mod address;

use std::fmt;

pub use alloy::primitives::{Address, B256, Bytes, U256};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Declares a newtype over `u64` with checked arithmetic and decimal text.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u64);

        impl $name {
            /// Wraps a number.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The number itself.
            #[must_use]
            pub const fn value(self) -> u64 {
                self.0
            }

            /// Adds, or `None` on overflow.
            #[must_use]
            pub fn checked_add(self, delta: u64) -> Option<Self> {
                self.0.checked_add(delta).map(Self)
            }

            /// Adds, staying at the largest number on overflow.
            #[must_use]
            pub const fn saturating_add(self, delta: u64) -> Self {
                Self(self.0.saturating_add(delta))
            }

            /// Subtracts, staying at zero on underflow.
            #[must_use]
            pub const fn saturating_sub(self, delta: u64) -> Self {
                Self(self.0.saturating_sub(delta))
            }

            /// How far `self` lies after `earlier`; zero when it does not.
            #[must_use]
            pub const fn since(self, earlier: Self) -> u64 {
                self.0.saturating_sub(earlier.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<u64> for $name {
            fn from(value: u64) -> Self {
                Self(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.trim().parse().map(Self)
            }
        }
    };
}

number!(
    /// Height of an L1 block.
    BlockNumber
);
number!(
    /// An Aztec epoch (`Rollup.getCurrentEpoch`).
    Epoch
);
number!(
    /// An Aztec slot (`Rollup.getCurrentSlot`).
    Slot
);
number!(
    /// A staking provider of the `StakingRegistry`; ids start at 1.
    ProviderId
);
number!(
    /// Version of a rollup in the `Registry` (`Registry.getVersion`); mainnet's first rollup has version 0.
    RollupVersion
);
number!(
    /// Absolute index in a queue of the contracts: starts at 1, only grows, is never used twice.
    QueueIndex
);
number!(
    /// A slashing round (`SlashingProposer.getCurrentRound`).
    Round
);
number!(
    /// Seconds since the Unix epoch.
    UnixSeconds
);

impl UnixSeconds {
    /// The moment in the calendar; `None` after the year 9999.
    #[must_use]
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_second(i64::try_from(self.0).ok()?).ok()
    }

    /// The moment in a zone, as `form` of `strftime` says; `second 123` where the calendar ends.
    #[must_use]
    pub fn written(self, form: &str, zone: TimeZone) -> String {
        self.timestamp().map_or_else(
            || format!("second {self}"),
            |at| at.to_zoned(zone).strftime(form).to_string(),
        )
    }
}

/// Declares an address that plays one role.
macro_rules! address {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Address);

        impl Ord for $name {
            /// As its bytes. Compared as two numbers: a map of a whole network's attesters compares thirty times per
            /// lookup, and for 20 bytes the usual comparison is a call.
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                let rank = |address: &Self| {
                    let [head @ .., a, b, c, d] = address.0.into_array();
                    (u128::from_be_bytes(head), u32::from_be_bytes([a, b, c, d]))
                };
                rank(self).cmp(&rank(other))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// Wraps an address.
            #[must_use]
            pub const fn new(address: Address) -> Self {
                Self(address)
            }

            /// The address itself.
            #[must_use]
            pub const fn address(self) -> Address {
                self.0
            }

            /// `0x1234…abcd`, as cards show it.
            #[must_use]
            pub fn short(self) -> String {
                short_address(self.0)
            }
        }

        impl fmt::Display for $name {
            /// The checksummed form (EIP-55).
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<Address> for $name {
            fn from(address: Address) -> Self {
                Self(address)
            }
        }
    };
}

address!(
    /// The address that attests: identity of a validator in every Aztec contract.
    AttesterAddress
);
address!(
    /// The address that a proposer names as receiver of its rewards; for delegated stake the split of the stake.
    Coinbase
);

/// `0x1234…abcd`.
#[must_use]
pub fn short_address(address: Address) -> String {
    let text = address.to_checksum(None);
    match (text.get(..6), text.get(text.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) => format!("{head}…{tail}"),
        _ => text,
    }
}

/// An L1 block by height **and** hash; the height alone never identifies a block.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BlockRef {
    /// Height.
    pub number: BlockNumber,
    /// Hash.
    pub hash: B256,
}

impl fmt::Display for BlockRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.hash.to_string();
        write!(f, "{} ({}…)", self.number, hash.get(..10).unwrap_or(&hash))
    }
}

/// An amount of a token with 18 decimals, in its smallest unit (wei).
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Wei(U256);

impl Wei {
    /// No amount at all; a fact, never a stand-in for "unknown".
    pub const ZERO: Self = Self(U256::ZERO);

    /// Wraps an amount in wei.
    #[must_use]
    pub const fn new(amount: U256) -> Self {
        Self(amount)
    }

    /// Whole tokens (10^18 wei each).
    #[must_use]
    pub fn tokens(count: u64) -> Self {
        Self(U256::from(count).saturating_mul(U256::from(10).pow(U256::from(18))))
    }

    /// The amount in wei.
    #[must_use]
    pub const fn value(self) -> U256 {
        self.0
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Adds, staying at the largest amount on overflow.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Subtracts, staying at zero on underflow.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Wei {
    /// Whole tokens with thousands separators and at most four decimals, cut and not rounded up: `198,000.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = U256::from(10).pow(U256::from(18));
        let whole = (self.0 / unit).to_string();
        let mut text = String::with_capacity(whole.len() + whole.len() / 3 + 5);
        for (position, digit) in whole.chars().enumerate() {
            if position > 0 && (whole.len() - position).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        let decimals = (self.0 % unit) / U256::from(10).pow(U256::from(14));
        let decimals = format!("{decimals:0>4}");
        let decimals = decimals.trim_end_matches('0');
        if !decimals.is_empty() {
            text.push('.');
            text.push_str(decimals);
        }
        f.write_str(&text)
    }
}

/// A share in hundredths of a percent; 10,000 is the whole (`ProviderConfiguration.providerTakeRate`).
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BasisPoints(u16);

impl BasisPoints {
    /// Wraps a share in basis points.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The share in basis points.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }
}

impl fmt::Display for BasisPoints {
    /// `5 %`, `12.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole} %"),
            _ if part % 10 == 0 => write!(f, "{whole}.{} %", part / 10),
            _ => write!(f, "{whole}.{part:02} %"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_shown_in_whole_tokens_with_separators() {
        assert_eq!(Wei::tokens(200_000).to_string(), "200,000");
        assert_eq!(Wei::ZERO.to_string(), "0");
        let half = Wei::new(U256::from(5).pow(U256::from(1)) * U256::from(10).pow(U256::from(17)));
        assert_eq!(
            Wei::tokens(1_234_567).saturating_add(half).to_string(),
            "1,234,567.5"
        );
        assert_eq!(Wei::new(U256::from(1)).to_string(), "0");
        assert_eq!(Wei::tokens(100).to_string(), "100");
    }

    #[test]
    fn shares_are_shown_in_percent() {
        assert_eq!(BasisPoints::new(500).to_string(), "5 %");
        assert_eq!(BasisPoints::new(1250).to_string(), "12.5 %");
        assert_eq!(BasisPoints::new(1).to_string(), "0.01 %");
    }

    #[test]
    fn an_address_is_cut_in_the_middle() {
        let attester = AttesterAddress::new(Address::repeat_byte(0xab));
        assert_eq!(attester.short().chars().count(), 11);
    }

    proptest::proptest! {
        #[test]
        fn addresses_sort_as_their_bytes(one: [u8; 20], place in 0_usize..20, other: u8) {
            let mut two = one;
            two[place] = other;
            let by_number = AttesterAddress::new(one.into()).cmp(&AttesterAddress::new(two.into()));
            proptest::prop_assert_eq!(by_number, one.cmp(&two));
        }
    }
}
