//! The bindings, held to what the contracts of every release declare (`releases.txt`).

use std::collections::{BTreeMap, BTreeSet};

use super::{ContractRole, Decoded, abi, decode};
use crate::{
    chain::Log,
    units::{Address, B256, BlockRef, Bytes, RollupVersion},
};
use alloy::sol_types::SolInterface;

const BINDINGS: &str = include_str!("abi.rs");
const DECLARED: &str = include_str!("releases.txt");

/// What a release does not have, or has in another form; `release contract.name`.
const ABSENT: &[&str] = &[
    // The change of a slasher is queued from v5 on.
    "v2.1.11 Rollup.getPendingSlasher",
    "v3.0.3 Rollup.getPendingSlasher",
    "v4.1.2 Rollup.getPendingSlasher",
    "v2.1.11 Rollup.getLegacySlasher",
    "v3.0.3 Rollup.getLegacySlasher",
    "v4.1.2 Rollup.getLegacySlasher",
    "v2.1.11 Rollup.PendingSlasherQueued",
    "v3.0.3 Rollup.PendingSlasherQueued",
    "v4.1.2 Rollup.PendingSlasherQueued",
    "v2.1.11 Rollup.PendingSlasherCancelled",
    "v3.0.3 Rollup.PendingSlasherCancelled",
    "v4.1.2 Rollup.PendingSlasherCancelled",
    "v2.1.11 Rollup.LegacySlasherAuthorized",
    "v3.0.3 Rollup.LegacySlasherAuthorized",
    "v4.1.2 Rollup.LegacySlasherAuthorized",
    // The local ejection threshold of v5 is for ever.
    "v5.1.0 Rollup.LocalEjectionThresholdUpdated",
    // v2 tells it within `getRound`, whose answer has another form there (`answer_round`).
    "v2.1.11 SlashingProposer.isRoundReadyToExecute",
    "v2.1.11 SlashingProposer.getRound",
];

/// A function or event: its canonical signature, and the types of what it returns.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    id: String,
    signature: String,
    returns: String,
}

/// The parts of a list, split at the commas that are in no bracket.
fn parts(list: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (place, letter) in list.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(list[start..place].trim());
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(list[start..].trim());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The text within the bracket that `text` begins with, and what follows it.
fn bracket(text: &str) -> (&str, &str) {
    let mut depth = 0;
    for (place, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return (&text[1..place], &text[place + 1..]),
            ')' => depth -= 1,
            _ => {}
        }
    }
    panic!("{text} is no bracket");
}

/// The types of a list of parameters, without names; structs as tuples.
fn types(list: &str, structs: &BTreeMap<String, String>) -> String {
    let one = |part: &&str| {
        if part.starts_with('(') {
            let (inner, rest) = bracket(part);
            let array = rest.split_whitespace().next().unwrap_or_default();
            let array = if array.starts_with('[') { array } else { "" };
            return format!("({}){array}", types(inner, structs));
        }
        let word = part.split_whitespace().next().unwrap();
        let (name, array) = word.split_at(word.find('[').unwrap_or(word.len()));
        let name = structs.get(name).map_or(name, String::as_str);
        format!("{name}{array}")
    };
    parts(list).iter().map(one).collect::<Vec<_>>().join(",")
}

/// A declaration from its name on.
fn declared(text: &str, structs: &BTreeMap<String, String>) -> Declared {
    let (name, rest) = text.split_at(text.find('(').unwrap());
    let (parameters, rest) = bracket(rest);
    let returns = rest
        .split_once("returns ")
        .map_or(String::new(), |(_, list)| {
            types(bracket(list.trim()).0, structs)
        });
    Declared {
        id: String::new(),
        signature: format!("{name}({})", types(parameters, structs)),
        returns,
    }
}

/// What our bindings declare: by `contract.name`.
fn bound() -> BTreeMap<String, Declared> {
    let (mut bound, mut structs, mut contract) = (BTreeMap::new(), BTreeMap::new(), "");
    for line in BINDINGS.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("struct ") {
            let (name, fields) = rest.split_once('{').unwrap();
            let fields = fields.trim_end_matches('}').trim().replace(';', ",");
            let fields = types(&fields, &structs);
            structs.insert(name.trim().to_owned(), format!("({fields})"));
        } else if let Some(rest) = line.strip_prefix("interface ") {
            contract = rest.trim_end_matches(['{', ' ']);
        } else if let Some(rest) = line
            .strip_prefix("function ")
            .or_else(|| line.strip_prefix("event "))
        {
            let one = declared(rest, &structs);
            let name = rest.split('(').next().unwrap();
            bound.insert(format!("{contract}.{name}"), one);
        }
    }
    bound
}

/// What the releases declare: by release and `contract.name`.
fn releases(text: &str) -> BTreeMap<(String, String), Declared> {
    let (mut releases, mut place) = (BTreeMap::new(), (String::new(), String::new()));
    for line in text.lines() {
        if let Some((release, contract)) = line
            .strip_prefix("# ")
            .and_then(|rest| rest.split_once(' '))
        {
            let contract = match contract {
                "GSE" => "Gse",
                "TallySlashingProposer" => "SlashingProposer",
                other => other,
            };
            place = (release.to_owned(), contract.to_owned());
            continue;
        }
        let mut words = line.split_whitespace();
        let (Some(id), Some(_kind)) = (words.next(), words.next()) else {
            continue;
        };
        let text = line.splitn(4, ' ').last().unwrap().trim();
        let mut one = declared(text, &BTreeMap::new());
        one.id = id.to_owned();
        let name = text.split('(').next().unwrap();
        releases.insert((place.0.clone(), format!("{}.{name}", place.1)), one);
    }
    releases
}

#[test]
fn what_is_asked_and_read_is_what_every_release_declares() {
    let releases = releases(DECLARED);
    let mut absent = BTreeSet::new();
    for (name, ours) in bound() {
        let of_registry = name.starts_with("StakingRegistry.");
        let in_which: &[&str] = match of_registry {
            true => &["ignition"],
            false => &["v2.1.11", "v3.0.3", "v4.1.2", "v5.1.0"],
        };
        if name.starts_with("Multicall3.") {
            continue;
        }
        for release in in_which {
            let theirs = releases.get(&((*release).to_owned(), name.clone()));
            let is_same = theirs.is_some_and(|theirs| {
                theirs.signature == ours.signature && theirs.returns == ours.returns
            });
            if !is_same {
                absent.insert(format!("{release} {name}"));
            }
            let hash = alloy::primitives::keccak256(&ours.signature).to_string();
            assert!(
                theirs.is_none_or(|theirs| hash.starts_with(&theirs.id)),
                "{release} {name}: {}",
                ours.signature
            );
        }
    }
    let known: BTreeSet<String> = ABSENT.iter().map(|&one| one.to_owned()).collect();
    assert_eq!(absent, known);
}

/// The text of the bindings says what the compiled bindings do.
#[test]
fn the_bindings_as_read_are_the_bindings_as_compiled() {
    let bound = bound();
    let of = |contract: &str| {
        let of_contract = bound
            .iter()
            .filter(|(name, _)| name.starts_with(&format!("{contract}.")));
        of_contract
            .map(|(_, one)| alloy::primitives::keccak256(&one.signature))
            .map(|hash| [hash[0], hash[1], hash[2], hash[3]])
            .collect::<BTreeSet<[u8; 4]>>()
    };
    for selector in abi::Rollup::RollupCalls::selectors() {
        assert!(of("Rollup").contains(&selector));
    }
    for selector in abi::SlashingProposer::SlashingProposerCalls::selectors() {
        assert!(of("SlashingProposer").contains(&selector));
    }
    for selector in abi::StakingRegistry::StakingRegistryCalls::selectors() {
        assert!(of("StakingRegistry").contains(&selector));
    }
}

#[test]
fn no_event_of_any_release_is_unknown() {
    let version = RollupVersion::new(1);
    for ((release, name), event) in releases(DECLARED) {
        let Ok(topic) = event.id.parse::<B256>() else {
            continue;
        };
        let role = match name.split('.').next().unwrap() {
            "Rollup" => ContractRole::Rollup(version),
            "Gse" => ContractRole::Gse,
            "Registry" => ContractRole::Registry,
            "Slasher" => ContractRole::Slasher(version),
            "SlashingProposer" => ContractRole::SlashingProposer(version),
            "StakingRegistry" => ContractRole::StakingRegistry,
            other => panic!("{other} is not watched"),
        };
        let log = Log {
            block: BlockRef::default(),
            transaction: B256::ZERO,
            index: 0,
            address: Address::repeat_byte(1),
            topics: vec![topic],
            data: Bytes::new(),
        };
        // Without its data it may be malformed; its topic is known all the same.
        assert_ne!(decode(role, &log), Decoded::Unknown, "{release} {name}");
    }
}

/// Switched on by `STEWARD_ABI_LISTS`, a folder with the full lists of the releases.
#[test]
fn the_declarations_are_those_of_the_full_lists() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test reads where the full lists are"
    )]
    let folder = std::env::var("STEWARD_ABI_LISTS");
    let Ok(folder) = folder else {
        println!("not held to the full lists: STEWARD_ABI_LISTS does not name them");
        return;
    };
    let mut contracts: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut place = "";
    for line in DECLARED.lines().skip(2).filter(|line| !line.is_empty()) {
        match line.strip_prefix("# ") {
            Some(next) => place = next,
            None => drop(contracts.entry(place).or_default().insert(line)),
        }
    }
    assert_eq!(contracts.len(), 4 * 6 + 1);
    for (place, ours) in contracts {
        let path = format!("{folder}/{}.sigs.txt", place.replace(' ', "/"));
        let list = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let lines: BTreeSet<&str> = list.lines().map(str::trim_end).collect();
        for line in &ours {
            assert!(lines.contains(line), "{path} has no {line}");
        }
        if !place.ends_with("Governance") {
            let events = lines.iter().filter(|line| line.contains("  event "));
            for event in events {
                assert!(ours.contains(event), "{place} lacks {event}");
            }
        }
    }
}
