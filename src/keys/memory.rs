//! What is remembered of keys files between two looks at them.
//!
//! The last good content of a file stays in force while the file is damaged or cannot be read. A file that is found
//! damaged or gone for the first time is not believed: it may be half written, or be replaced right now. So the first
//! look asks for a second one, and only what is still so then becomes a fault or a deletion.

use std::{collections::BTreeMap, sync::Arc};

use sha2::{Digest, Sha256};

use super::{
    Content, Kept, Keys, KeysFile, KeysFileFault, KeysFileName, Layout, Listing, Location, file,
    locate,
    merge::{InForce, merge},
};
use crate::{network::NetworkName, units::UnixSeconds};

/// How often in a row a second look may be asked for, so that a file that is written without end holds up no other.
const LOOKS_MAX: u32 = 5;

/// What all keys files of a network say, and when they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysObservation {
    /// What they say.
    pub keys: Arc<Keys>,
    /// When they were read.
    pub read_at: UnixSeconds,
    /// Whether anything differs from the observation before; true for the first.
    pub changed: bool,
}

/// The outcome of one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed {
    /// A picture that can be believed.
    Settled(KeysObservation),
    /// Something looks half written: look again some 100 ms later.
    LookAgain,
}

/// Remembers the files of one network. Pure: what lies on the disk is handed in.
#[derive(Debug)]
pub struct KeysMemory {
    network: NetworkName,
    files: BTreeMap<KeysFileName, Remembered>,
    latest: Option<Arc<Keys>>,
    looks: u32,
}

/// One file.
#[derive(Debug)]
struct Remembered {
    location: Location,
    good: Option<Good>,
    state: State,
}

/// The last content without fault.
#[derive(Debug)]
struct Good {
    digest: [u8; 32],
    file: KeysFile,
    read_at: UnixSeconds,
}

/// How the file looked last.
#[derive(Debug)]
enum State {
    /// As its good content.
    Good,
    /// Damaged, for the first time.
    Doubtful,
    /// Damaged, twice or more.
    Faulty(KeysFileFault),
    /// Not there, for the first time.
    Gone,
}

impl KeysMemory {
    /// Remembers nothing yet.
    #[must_use]
    pub const fn new(network: NetworkName) -> Self {
        Self {
            network,
            files: BTreeMap::new(),
            latest: None,
            looks: 0,
        }
    }

    /// Takes one look into account.
    pub fn observe(&mut self, listing: Listing, read_at: UnixSeconds) -> Observed {
        let Listing {
            files,
            unreadable,
            foreign,
            unrecognised,
        } = listing;
        let mut is_doubtful = self.look_for_absent(&files, &unreadable);
        for (name, content) in files {
            is_doubtful |= self.look_at(name, content, read_at);
        }
        if is_doubtful && self.looks < LOOKS_MAX {
            self.looks += 1;
            return Observed::LookAgain;
        }
        self.looks = 0;
        let mut keys = self.merged();
        for directory in unreadable.keys() {
            let path = if directory.is_empty() { "." } else { directory };
            let kept = self.kept(|name| lies_in(name, directory));
            keys.kept
                .extend(kept.map(|kept| (KeysFileName::new(path), kept)));
        }
        keys.faults.extend(unreadable.into_iter().map(|(path, reason)| KeysFileFault {
            path: KeysFileName::new(if path.is_empty() { "." } else { &path }),
            position: None,
            what: format!("the directory cannot be read: {reason}"),
            next_step: "Check that it exists and that the user steward runs as may read it; until then the last \
                        content stays in force"
                .to_owned(),
        }));
        keys.faults.sort();
        keys.foreign = foreign.into_iter().collect();
        keys.unrecognised = unrecognised.into_iter().collect();
        let changed = self.latest.as_deref() != Some(&keys);
        let keys = match &self.latest {
            Some(latest) if !changed => Arc::clone(latest),
            Some(_) | None => Arc::new(keys),
        };
        self.latest = Some(Arc::clone(&keys));
        Observed::Settled(KeysObservation {
            keys,
            read_at,
            changed,
        })
    }

    /// Forgets files that were absent twice; says whether one is absent for the first time.
    fn look_for_absent(
        &mut self,
        present: &BTreeMap<KeysFileName, Content>,
        unreadable: &BTreeMap<String, String>,
    ) -> bool {
        let is_hidden = |name: &KeysFileName| unreadable.keys().any(|dir| lies_in(name, dir));
        let mut is_doubtful = false;
        self.files.retain(|name, remembered| {
            if present.contains_key(name) || is_hidden(name) {
                return true;
            }
            let is_first = remembered.good.is_some() && !matches!(remembered.state, State::Gone);
            remembered.state = State::Gone;
            is_doubtful |= is_first;
            is_first
        });
        is_doubtful
    }

    /// Looks at one file; says whether it is damaged for the first time.
    fn look_at(&mut self, name: KeysFileName, content: Content, read_at: UnixSeconds) -> bool {
        let Some(location) = locate(&self.network, name.as_str()) else {
            return false;
        };
        let remembered = self.files.entry(name.clone()).or_insert(Remembered {
            location,
            good: None,
            state: State::Gone,
        });
        let read = match content {
            Ok(content) => {
                let digest: [u8; 32] = Sha256::digest(&content).into();
                let is_known = remembered
                    .good
                    .as_ref()
                    .is_some_and(|good| good.digest == digest);
                if is_known {
                    remembered.state = State::Good;
                    return false;
                }
                file::parse(&name, &content).map(|file| Good {
                    digest,
                    file,
                    read_at,
                })
            }
            Err(reason) => Err(KeysFileFault {
                path: name,
                position: None,
                what: format!("the file cannot be read: {reason}"),
                next_step: "Check that the user steward runs as may read it".to_owned(),
            }),
        };
        match read {
            Ok(good) => {
                remembered.good = Some(good);
                remembered.state = State::Good;
                false
            }
            Err(fault) => {
                let is_first = matches!(remembered.state, State::Good | State::Gone);
                remembered.state = if is_first {
                    State::Doubtful
                } else {
                    State::Faulty(fault)
                };
                is_first
            }
        }
    }

    /// The good content of the files that are named so, taken together.
    fn kept(&self, is_meant: impl Fn(&KeysFileName) -> bool) -> Option<Kept> {
        let meant = self.files.iter().filter(|(name, _)| is_meant(name));
        let good = meant.filter_map(|(_, remembered)| remembered.good.as_ref());
        good.fold(None, |kept: Option<Kept>, good| {
            let before = kept.unwrap_or(Kept {
                read_at: good.read_at,
                attesters: 0,
            });
            Some(Kept {
                read_at: before.read_at.min(good.read_at),
                attesters: before.attesters.saturating_add(good.file.attesters.len()),
            })
        })
    }

    /// Everything in force, with the faults that matter.
    fn merged(&self) -> Keys {
        let in_force: Vec<InForce<'_>> = self
            .files
            .iter()
            .filter_map(|(name, remembered)| {
                Some(InForce {
                    name,
                    location: &remembered.location,
                    file: &remembered.good.as_ref()?.file,
                })
            })
            .collect();
        let merged = merge(&in_force);
        let doubts = in_force
            .iter()
            .filter(|file| merged.files.contains(file.name))
            .filter_map(|file| file.file.doubt.clone())
            .collect();
        let faults: Vec<KeysFileFault> = self
            .files
            .values()
            .filter(|remembered| !self.is_superseded(remembered))
            .filter_map(|remembered| match &remembered.state {
                State::Faulty(fault) => Some(fault.clone()),
                State::Good | State::Doubtful | State::Gone => None,
            })
            .collect();
        let kept = faults.iter().filter_map(|fault| {
            let kept = self.kept(|name| *name == fault.path)?;
            Some((fault.path.clone(), kept))
        });
        Keys {
            attesters: merged.attesters,
            kept: kept.collect(),
            faults,
            regressions: merged.regressions,
            doubts,
            files: merged.files,
            foreign: Vec::new(),
            unrecognised: Vec::new(),
        }
    }

    /// Whether a newer good version of the same server makes this file's faults uninteresting.
    fn is_superseded(&self, remembered: &Remembered) -> bool {
        let Layout::Versioned { version } = remembered.location.layout else {
            return false;
        };
        self.files.values().any(|other| {
            let is_newer = match other.location.layout {
                Layout::Versioned { version: newer } => newer > version,
                Layout::PerHost => false,
            };
            is_newer && other.good.is_some() && other.location.server == remembered.location.server
        })
    }
}

/// Whether a file lies in this directory below that of the keys; an empty name is that directory itself.
fn lies_in(name: &KeysFileName, directory: &str) -> bool {
    let rest = name.as_str().strip_prefix(directory);
    directory.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        keys::ConfiguredCoinbase,
        units::{Address, AttesterAddress},
    };

    const FILE: &str = "mainnet-keys-a-v1.json";

    fn memory() -> KeysMemory {
        KeysMemory::new(NetworkName::parse("mainnet").unwrap())
    }

    /// A file with one attester, by number, and a coinbase.
    fn text(number: u8, coinbase: u8) -> String {
        let (attester, coinbase) = (Address::repeat_byte(number), Address::repeat_byte(coinbase));
        format!(
            r#"{{"validators": [{{"attester": {{"eth": "{attester}"}}, "coinbase": "{coinbase}"}}]}}"#
        )
    }

    fn listing(files: &[(&str, &str)]) -> Listing {
        let files = files
            .iter()
            .map(|(name, text)| (KeysFileName::new(name), Ok(text.as_bytes().to_vec())))
            .collect();
        Listing {
            files,
            ..Listing::default()
        }
    }

    fn settled(observed: Observed) -> KeysObservation {
        match observed {
            Observed::Settled(observation) => observation,
            Observed::LookAgain => panic!("not settled"),
        }
    }

    fn numbers(observation: &KeysObservation) -> Vec<u8> {
        observation
            .keys
            .attesters
            .keys()
            .map(|attester| attester.address()[0])
            .collect()
    }

    const NOW: UnixSeconds = UnixSeconds::new(1_700_000_000);

    #[test]
    fn only_what_differs_is_a_change() {
        let mut memory = memory();
        let first = settled(memory.observe(listing(&[(FILE, &text(1, 9))]), NOW));
        assert!(first.changed);
        let later = NOW.saturating_add(60);
        let second = settled(memory.observe(listing(&[(FILE, &text(1, 9))]), later));
        assert!(!second.changed);
        assert_eq!(second.read_at, later);
        let third = settled(memory.observe(listing(&[(FILE, &text(1, 8))]), later));
        assert!(third.changed);
    }

    #[test]
    fn a_half_written_file_is_no_fault() {
        let mut memory = memory();
        settled(memory.observe(listing(&[(FILE, &text(1, 9))]), NOW));
        assert_eq!(
            memory.observe(listing(&[(FILE, "{\"vali")]), NOW),
            Observed::LookAgain
        );
        let observation = settled(memory.observe(listing(&[(FILE, &text(2, 9))]), NOW));
        assert_eq!(numbers(&observation), [2]);
        assert!(observation.keys.faults.is_empty());
    }

    #[test]
    fn the_last_good_content_stays_in_force_while_a_file_is_damaged() {
        let mut memory = memory();
        settled(memory.observe(listing(&[(FILE, &text(1, 9))]), NOW));
        for (content, expected) in [
            ("{\"vali", "ends in the middle"),
            ("{\"a\": 1,}", "not JSON"),
        ] {
            let mut observed = memory.observe(listing(&[(FILE, content)]), NOW);
            if observed == Observed::LookAgain {
                observed = memory.observe(listing(&[(FILE, content)]), NOW);
            }
            let observation = settled(observed);
            assert_eq!(numbers(&observation), [1]);
            assert!(observation.keys.faults[0].what.contains(expected));
            let kept = observation.keys.kept[&KeysFileName::new(FILE)];
            assert_eq!((kept.read_at, kept.attesters), (NOW, 1));
        }
        let again = settled(memory.observe(listing(&[(FILE, "{\"a\": 1,}")]), NOW));
        assert!(!again.changed, "the same fault is no news");
        let repaired = settled(memory.observe(listing(&[(FILE, &text(1, 9))]), NOW));
        assert!(repaired.changed && repaired.keys.faults.is_empty());
    }

    #[test]
    fn a_deleted_file_is_gone_after_a_second_look() {
        let mut memory = memory();
        settled(memory.observe(listing(&[(FILE, &text(1, 9))]), NOW));
        assert_eq!(memory.observe(listing(&[]), NOW), Observed::LookAgain);
        let replaced = settled(memory.observe(listing(&[(FILE, &text(1, 9))]), NOW));
        assert!(
            !replaced.changed,
            "an atomic replacement by the same content is no news"
        );
        assert_eq!(memory.observe(listing(&[]), NOW), Observed::LookAgain);
        let observation = settled(memory.observe(listing(&[]), NOW));
        assert!(observation.changed && observation.keys.attesters.is_empty());
    }

    #[test]
    fn an_unreadable_directory_takes_nothing_away() {
        let host = "mainnet/a/native-registered-keys.json";
        let mut memory = memory();
        settled(memory.observe(listing(&[(FILE, &text(1, 9)), (host, &text(2, 9))]), NOW));
        let below = Listing {
            unreadable: BTreeMap::from([("mainnet/a".to_owned(), "permission denied".to_owned())]),
            ..listing(&[(FILE, &text(1, 9))])
        };
        let observation = settled(memory.observe(below, NOW));
        assert_eq!(numbers(&observation), [1, 2]);
        let kept = |observation: &KeysObservation, name: &str| {
            observation
                .keys
                .kept
                .get(&KeysFileName::new(name))
                .map(|kept| kept.attesters)
        };
        assert_eq!(kept(&observation, "mainnet/a"), Some(1));
        let nothing = Listing {
            unreadable: BTreeMap::from([(String::new(), "no such directory".to_owned())]),
            ..Listing::default()
        };
        let observation = settled(memory.observe(nothing, NOW));
        assert_eq!(numbers(&observation), [1, 2]);
        assert_eq!(kept(&observation, "."), Some(2));
        insta::assert_snapshot!(observation.keys.faults[0], @". the directory cannot be read: no such directory. Check that it exists and that the user steward runs as may read it; until then the last content stays in force");
    }

    #[test]
    fn a_newest_version_that_was_never_good_leaves_the_older_one_in_force() {
        let newest = "mainnet-keys-a-v2.json";
        let mut memory = memory();
        let damaged = listing(&[(FILE, &text(1, 9)), (newest, "{")]);
        assert_eq!(memory.observe(damaged.clone(), NOW), Observed::LookAgain);
        let observation = settled(memory.observe(damaged, NOW));
        assert_eq!(numbers(&observation), [1]);
        assert_eq!(observation.keys.faults[0].path.as_str(), newest);
        assert!(observation.keys.kept.is_empty(), "it was never good");

        let good = settled(
            memory
                .observe(listing(&[(FILE, "{"), (newest, &text(1, 8))]), NOW)
                .or_look_again(&mut memory, &listing(&[(FILE, "{"), (newest, &text(1, 8))])),
        );
        assert!(
            good.keys.faults.is_empty(),
            "a fault of a superseded version matters to nobody"
        );
        let attester = AttesterAddress::new(Address::repeat_byte(1));
        assert!(matches!(
            good.keys.attesters[&attester].coinbase,
            ConfiguredCoinbase::Set(_)
        ));
        assert_eq!(good.keys.regressions.len(), 1);
    }

    impl Observed {
        fn or_look_again(self, memory: &mut KeysMemory, listing: &Listing) -> Self {
            match self {
                Self::LookAgain => memory.observe(listing.clone(), NOW),
                Self::Settled(_) => self,
            }
        }
    }

    #[test]
    fn a_file_that_never_settles_holds_up_nothing() {
        let mut memory = memory();
        let other = "mainnet-keys-b-v1.json";
        for round in 0..100_u32 {
            // A new damaged file in every look.
            let name = format!("mainnet-keys-x{round}-v1.json");
            if let Observed::Settled(observation) =
                memory.observe(listing(&[(other, &text(1, 9)), (&name, "{")]), NOW)
            {
                assert_eq!(numbers(&observation), [1]);
                return;
            }
        }
        panic!("it never settled");
    }
}
