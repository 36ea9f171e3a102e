//! Public keys files: which attesters are deployed where, and with which coinbase.
//!
//! `file` reads one file, `layout` knows where files lie, `merge` makes one picture of many, and `memory` keeps the last
//! good content of each in force while it is damaged; all four are pure. `scan` and `watch` touch the disk.
//! Private keys have no place here: a file that holds one is refused, and nothing of it is kept or repeated.

mod bls;
mod file;
#[cfg(test)]
mod fuzz;
mod layout;
mod located;
mod memory;
mod merge;
mod private;
mod scan;
mod watch;

use std::{collections::BTreeMap, fmt, sync::Arc};

pub use self::{
    file::{KeyEntry, KeysFile, parse},
    layout::{Layout, Location, locate},
    memory::{KeysMemory, KeysObservation, Observed},
    merge::{InForce, merge},
    scan::{Content, Listing, scan},
    watch::{KeysWatchError, KeysWatcher},
};
use crate::{
    provider,
    units::{AttesterAddress, Coinbase, UnixSeconds},
};

/// A keys file by its path below the keys directory, with `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeysFileName(Arc<str>);

impl KeysFileName {
    /// Wraps a path below the keys directory.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self(path.into())
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeysFileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A machine that runs attesters, as its keys file names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(Arc<str>);

impl Host {
    /// Wraps a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What all keys files of one network say together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Every attester that is in a file.
    pub attesters: BTreeMap<AttesterAddress, Configured>,
    /// What is wrong with files; their last good content is part of `attesters`.
    pub faults: Vec<KeysFileFault>,
    /// Coinbases that a newer version of a server's file changed or lost.
    pub regressions: Vec<CoinbaseRegression>,
    /// The last good content of files and directories that have a fault now; absent where there never was any.
    pub kept: BTreeMap<KeysFileName, Kept>,
    /// What is odd about files in force.
    pub doubts: Vec<KeysFileFault>,
    /// The files in force.
    pub files: Vec<KeysFileName>,
    /// Files that belong to another network, by their name.
    pub foreign: Vec<KeysFileName>,
    /// JSON files that no layout accounts for, and that are therefore not read.
    pub unrecognised: Vec<KeysFileName>,
}

/// The content of a damaged file that stays in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// When it was read; of a directory, when the oldest was.
    pub read_at: UnixSeconds,
    /// How many attesters it names.
    pub attesters: usize,
}

/// How one attester is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Configured {
    /// Its coinbase, over all files.
    pub coinbase: ConfiguredCoinbase,
    /// The machines that run it, in order.
    pub hosts: Vec<Host>,
    /// The files that name it, in order.
    pub files: Vec<KeysFileName>,
}

impl Configured {
    /// What the files say of the coinbase of an attester; `deployed` is `None` where none of them names it.
    #[must_use]
    pub fn coinbase_of(deployed: Option<&Self>) -> provider::coinbase::Configured {
        use provider::coinbase::Configured as Said;
        match deployed.map(|deployed| &deployed.coinbase) {
            None => Said::NotInAnyFile,
            Some(ConfiguredCoinbase::Missing) => Said::Missing,
            Some(ConfiguredCoinbase::Set(coinbase)) => Said::Set(*coinbase),
            Some(ConfiguredCoinbase::Conflict(sources)) => {
                Said::Conflict(sources.keys().copied().collect())
            }
        }
    }
}

/// The coinbase of an attester, over all files that name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfiguredCoinbase {
    /// No file has one.
    Missing,
    /// Every file that has one has this one.
    Set(Coinbase),
    /// Files disagree: each coinbase, with the files that have it.
    Conflict(BTreeMap<Coinbase, Vec<KeysFileName>>),
}

/// A newer version of a server's file changed or lost the coinbase of an attester that it still names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoinbaseRegression {
    /// The attester.
    pub attester: AttesterAddress,
    /// The server whose file it is.
    pub server: Host,
    /// What the version before had.
    pub was: Coinbase,
    /// What the newest version has; `None` where it vanished.
    pub now: Option<Coinbase>,
    /// The version before.
    pub old_file: KeysFileName,
    /// The newest version.
    pub new_file: KeysFileName,
}

/// What is wrong with a keys file, or with a directory of them. Never repeats a value that could be a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeysFileFault {
    /// The file or directory, below the keys directory.
    pub path: KeysFileName,
    /// Where in the file; `None` when it could not be read at all.
    pub position: Option<Position>,
    /// Continues the sentence that begins with the path.
    pub what: String,
    /// What to do about it.
    pub next_step: String,
}

/// A place in a text, as editors count: from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl fmt::Display for KeysFileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ", line {line}, column {column}:")?;
        }
        write!(f, " {}. {}", self.what, self.next_step)
    }
}
