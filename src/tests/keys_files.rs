//! What is told of keys files that cannot be used: from the directory to the card.

use std::path::Path;

use steward::{
    alert::{
        card::{Card, Text},
        render::terminal::{Terminal, text as plain},
    },
    desk::{Desk, Letterhead},
    keys::{KeysMemory, KeysObservation, Observed, scan},
    network::NetworkName,
    state::State,
    units::{Address, UnixSeconds},
};

use crate::{agreement::bureau, watched::NETWORK};

const NOW: UnixSeconds = UnixSeconds::new(1_795_000_000);
const FILE: &str = "sim-keys-beast-1-v1.json";

fn entry(number: u8) -> String {
    let attester = Address::repeat_byte(number);
    format!("{{\"attester\": {{\"eth\": \"{attester}\"}}}}")
}

fn file(entries: &[String]) -> String {
    format!("{{\"validators\": [\n{}\n]}}", entries.join(",\n"))
}

/// Steward's eyes and mouth.
struct Reader {
    memory: KeysMemory,
    desk: Desk,
    state: State,
    now: UnixSeconds,
}

impl Reader {
    fn new() -> Self {
        Self {
            memory: KeysMemory::new(NetworkName::parse(NETWORK).unwrap()),
            desk: Desk::new(Letterhead::default(), vec![bureau(None)]),
            state: State::default(),
            now: NOW,
        }
    }

    /// Reads the directory, a second time where a file looks half written.
    fn read(&mut self, directory: &Path) -> KeysObservation {
        self.now = self.now.saturating_add(60);
        let network = NetworkName::parse(NETWORK).unwrap();
        for _ in 0..3 {
            let seen = self.memory.observe(scan(directory, &network), self.now);
            if let Observed::Settled(observation) = seen {
                self.desk.take_keys(NETWORK, observation.clone());
                return observation;
            }
        }
        panic!("it never settles");
    }

    /// The newest card about a keys file, once its fault has stood for a while.
    fn told(&mut self) -> String {
        for _ in 0..2 {
            self.now = self.now.saturating_add(30);
            let now_ms = self.now.value() * 1000;
            self.desk.judge(&mut self.state, NETWORK, now_ms);
        }
        let deliveries = self.state.outbox.deliveries();
        let cards = deliveries.flat_map(|delivery| delivery.wanted.cards.clone());
        let newest = cards.filter(|card| words(&card.title).contains("Keys file"));
        newest.last().map(|card| said(&card)).unwrap_or_default()
    }
}

fn words(text: &Text) -> String {
    let terminal = Terminal {
        width: 1_000,
        has_colour: false,
        now: NOW.saturating_add(3_600),
        zone: jiff::tz::TimeZone::UTC,
    };
    plain(text, &terminal)
}

/// The title and the lines that are this incident's own.
fn said(card: &Card) -> String {
    let lines = std::iter::once(&card.title).chain(card.body.iter().take(3));
    lines.map(words).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_keys_file_that_is_cut_off_is_told_and_what_it_held_stays_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    let whole = file(&[entry(1), entry(2)]);
    std::fs::write(&path, &whole).unwrap();
    let mut reader = Reader::new();
    reader.read(directory.path());
    assert_eq!(reader.told(), "");
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let observation = reader.read(directory.path());
    assert_eq!(observation.keys.attesters.len(), 2);
    insta::assert_snapshot!(reader.told(), @"
    Keys file sim-keys-beast-1-v1.json cannot be used
    Line 2: the file ends in the middle. Write it again, as a whole: first under another name, then rename it.
    Its last good content, 2 attesters, stays in force, read 59 min ago (2026-11-18 11:07 UTC).
    It is read again as soon as it changes: write it whole, under another name, and rename it into place.
    ");
}

#[test]
fn a_keys_file_that_names_an_attester_twice_is_told_with_both_lines() {
    let directory = tempfile::tempdir().unwrap();
    let twice = file(&[entry(1), entry(2), entry(1)]);
    std::fs::write(directory.path().join(FILE), twice).unwrap();
    let mut reader = Reader::new();
    let observation = reader.read(directory.path());
    assert!(observation.keys.attesters.is_empty());
    insta::assert_snapshot!(reader.told(), @"
    Keys file sim-keys-beast-1-v1.json cannot be used
    Line 4: the attester 0x0101010101010101010101010101010101010101 stands in line 2 and again in line 4. Remove one of the two.
    It has no good content before this, so what it holds is unknown: attesters that no other file names count as being in no keys file.
    It is read again as soon as it changes: write it whole, under another name, and rename it into place.
    ");
}

/// Keys that are no points of the curve: the file is in force, and somebody is to look at it.
#[test]
fn a_keys_file_that_looks_odd_is_not_told_as_one_that_cannot_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let (attester, bls) = (
        Address::repeat_byte(1),
        "0x11".repeat(24).replace("0x11", "11"),
    );
    let odd = format!("{{\"attester\": {{\"eth\": \"{attester}\", \"bls\": \"0x{bls}\"}}}}");
    std::fs::write(directory.path().join(FILE), file(&[odd])).unwrap();
    let mut reader = Reader::new();
    let observation = reader.read(directory.path());
    assert_eq!(observation.keys.attesters.len(), 1);
    insta::assert_snapshot!(reader.told(), @"
    Keys file sim-keys-beast-1-v1.json looks odd
    Line 2: 1 of 1 BLS keys are no public keys, the first is here. If they are private keys, move the file out of this directory at once; steward keeps none of them, and needs none.
    Its attesters and coinbases are in force all the same.
    It is read again as soon as it changes: write it whole, under another name, and rename it into place.
    ");
}

#[test]
fn a_keys_file_of_another_network_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("testnet-keys-beast-1-v1.json");
    std::fs::write(other, file(&[entry(1)])).unwrap();
    let mut reader = Reader::new();
    let observation = reader.read(directory.path());
    assert!(observation.keys.attesters.is_empty());
    assert_eq!(observation.keys.foreign.len(), 1);
    assert_eq!(reader.told(), "");
}
