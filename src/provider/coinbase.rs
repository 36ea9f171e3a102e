//! Who should be paid for an attester's blocks, who would be, and how urgent the difference is.
//!
//! The expected coinbase is the split that the `StakedWithProvider` of the latest stake names; the configured one is what
//! the keys files say. What a node really puts into its blocks is not looked at here.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::units::{Coinbase, RollupVersion, UnixSeconds};

/// One stake of an attester with the provider (`StakedWithProvider`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stake {
    /// The rollup whose entry queue it entered.
    pub rollup: RollupVersion,
    /// The split that shares its rewards (`coinbaseSplitContractAddress`).
    pub split: Coinbase,
    /// Whether its deposit failed and the stake went back.
    pub is_refunded: bool,
}

/// The split of the latest stake on `rollup` that was not refunded; `stakes` in canonical order.
#[must_use]
pub fn expected(stakes: &[Stake], rollup: RollupVersion) -> Option<Coinbase> {
    stakes
        .iter()
        .rev()
        .find(|stake| stake.rollup == rollup && !stake.is_refunded)
        .map(|stake| stake.split)
}

/// What the keys files say about one attester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Configured {
    /// No keys file names the attester, so nothing is known.
    NotInAnyFile,
    /// Files name the attester, none with a coinbase.
    Missing,
    /// All files that set one agree.
    Set(Coinbase),
    /// Files disagree.
    Conflict(BTreeSet<Coinbase>),
}

impl Configured {
    /// Sums up every file that names the attester, with the coinbase it sets; the zero address sets none.
    #[must_use]
    pub fn from_files(files: impl IntoIterator<Item = Option<Coinbase>>) -> Self {
        let mut files = files.into_iter().peekable();
        if files.peek().is_none() {
            return Self::NotInAnyFile;
        }
        let set: BTreeSet<Coinbase> = files
            .flatten()
            .filter(|coinbase| !coinbase.address().is_zero())
            .collect();
        match set.first() {
            None => Self::Missing,
            Some(only) if set.len() == 1 => Self::Set(*only),
            Some(_) => Self::Conflict(set),
        }
    }
}

/// Coinbases that the operator declared right for every attester: those who collect rewards and pay out themselves.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct CommonCoinbases(BTreeSet<Coinbase>);

impl CommonCoinbases {
    /// Declares these; the zero address is never one.
    #[must_use]
    pub fn new(coinbases: impl IntoIterator<Item = Coinbase>) -> Self {
        let is_real = |coinbase: &Coinbase| !coinbase.address().is_zero();
        Self(coinbases.into_iter().filter(is_real).collect())
    }

    /// Whether `coinbase` is declared.
    #[must_use]
    pub fn contains(&self, coinbase: Coinbase) -> bool {
        self.0.contains(&coinbase)
    }
}

/// What to think of an attester's coinbase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum CoinbaseVerdict {
    /// It is the expected one, or a declared common one.
    Right,
    /// The keys files set none.
    Missing {
        /// The split to set.
        expected: Coinbase,
    },
    /// The keys files set another one.
    Mismatch {
        /// The split to set.
        expected: Coinbase,
        /// What is set.
        configured: Coinbase,
    },
    /// The keys files disagree with each other.
    Conflict {
        /// The split to set, where a stake tells.
        expected: Option<Coinbase>,
        /// What is set.
        configured: BTreeSet<Coinbase>,
    },
    /// Nothing can be said: the attester is in no keys file, or no stake tells what to expect.
    Unknown,
}

impl CoinbaseVerdict {
    /// Whether it is worth an incident.
    #[must_use]
    pub const fn is_wrong(&self) -> bool {
        match self {
            Self::Missing { .. } | Self::Mismatch { .. } | Self::Conflict { .. } => true,
            Self::Right | Self::Unknown => false,
        }
    }
}

/// Compares what is expected with what is configured.
#[must_use]
pub fn judge(
    expected: Option<Coinbase>,
    configured: &Configured,
    common: &CommonCoinbases,
) -> CoinbaseVerdict {
    match (configured, expected) {
        (Configured::NotInAnyFile, _) => CoinbaseVerdict::Unknown,
        (Configured::Conflict(set), expected) => CoinbaseVerdict::Conflict {
            expected,
            configured: set.clone(),
        },
        (Configured::Set(set), _) if common.contains(*set) => CoinbaseVerdict::Right,
        (Configured::Set(set), Some(expected)) if *set == expected => CoinbaseVerdict::Right,
        (Configured::Set(set), Some(expected)) => CoinbaseVerdict::Mismatch {
            expected,
            configured: *set,
        },
        (Configured::Missing, Some(expected)) => CoinbaseVerdict::Missing { expected },
        (Configured::Set(_) | Configured::Missing, None) => CoinbaseVerdict::Unknown,
    }
}

/// A step of urgency, the least urgent first: the longest time before the deadline, at last "active and wrong".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// No more than so many seconds are left before the deadline.
    Before {
        /// Seconds before the deadline.
        seconds: u64,
    },
    /// The attester is a validator and its coinbase is wrong: rewards go astray now.
    ActiveAndWrong,
}

impl Rung {
    /// So long before the deadline, in whole seconds.
    #[must_use]
    pub const fn before(time_left: Duration) -> Self {
        Self::Before {
            seconds: time_left.as_secs(),
        }
    }

    /// Its name in keys and messages: `7d`, `48h`, `90m`, `active`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::ActiveAndWrong => "active".to_owned(),
            Self::Before { seconds } if seconds >= 3 * 86_400 && seconds % 86_400 == 0 => {
                format!("{}d", seconds / 86_400)
            }
            Self::Before { seconds } if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
            Self::Before { seconds } if seconds % 60 == 0 => format!("{}m", seconds / 60),
            Self::Before { seconds } => format!("{seconds}s"),
        }
    }

    /// Grows with urgency.
    const fn urgency(self) -> (bool, std::cmp::Reverse<u64>) {
        match self {
            Self::Before { seconds } => (false, std::cmp::Reverse(seconds)),
            Self::ActiveAndWrong => (true, std::cmp::Reverse(0)),
        }
    }
}

impl PartialOrd for Rung {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Rung {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.urgency().cmp(&other.urgency())
    }
}

/// The rungs of the ladder, the least urgent first; "active and wrong" is always the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rungs(BTreeSet<Rung>);

impl Rungs {
    /// Rungs at these times before the deadline, in any order.
    #[must_use]
    pub fn new(times_left: impl IntoIterator<Item = Duration>) -> Self {
        let mut rungs: BTreeSet<Rung> = times_left.into_iter().map(Rung::before).collect();
        rungs.insert(Rung::ActiveAndWrong);
        Self(rungs)
    }

    /// All rungs, the least urgent first.
    pub fn iter(&self) -> impl Iterator<Item = Rung> + '_ {
        self.0.iter().copied()
    }
}

impl Default for Rungs {
    /// 7 days, 48 hours, 6 hours.
    fn default() -> Self {
        const HOUR: u64 = 3_600;
        Self::new([7 * 24, 48, 6].map(|hours| Duration::from_secs(hours * HOUR)))
    }
}

/// The rungs that one look has crossed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crossing {
    /// The most urgent one: the only one to tell.
    pub rung: Rung,
    /// The ones below it that were never told, for instance because the service was down.
    pub collapsed: Vec<Rung>,
}

/// Which rungs are newly crossed at `now`, given the most urgent one that was crossed before.
///
/// A rung that was crossed stays crossed when the deadline moves away. Without a deadline (the queue is gated or closed, or
/// nothing is known) only "active and wrong" can be crossed.
#[must_use]
pub fn ladder(
    rungs: &Rungs,
    deadline: Option<UnixSeconds>,
    is_active: bool,
    now: UnixSeconds,
    crossed_so_far: Option<Rung>,
) -> Option<Crossing> {
    let is_crossed = |rung: &Rung| match *rung {
        Rung::Before { seconds } => {
            is_active || deadline.is_some_and(|deadline| deadline.since(now) <= seconds)
        }
        Rung::ActiveAndWrong => is_active,
    };
    let mut crossed: Vec<Rung> = rungs
        .iter()
        .filter(is_crossed)
        .filter(|rung| crossed_so_far.is_none_or(|before| *rung > before))
        .collect();
    let rung = crossed.pop()?;
    Some(Crossing {
        rung,
        collapsed: crossed,
    })
}

#[cfg(test)]
#[path = "coinbase_tests.rs"]
mod tests;
