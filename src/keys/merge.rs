//! One picture of many keys files.
//!
//! Within one server the newest version rules, and what it changed or lost against the version before is reported.
//! Between servers, and between layouts, a file without a coinbase never erases another file's; two different ones are
//! a conflict, which is a value and not an error. The order of the files does not matter.

use std::collections::BTreeMap;

use super::{
    CoinbaseRegression, Configured, ConfiguredCoinbase, Host, KeysFile, KeysFileName, Layout,
    Location,
};
use crate::units::{AttesterAddress, Coinbase};

/// A file whose content is in force.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'a> {
    /// The file.
    pub name: &'a KeysFileName,
    /// What its place says.
    pub location: &'a Location,
    /// Its content.
    pub file: &'a KeysFile,
}

/// What the files say together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Every attester of the ruling files.
    pub attesters: BTreeMap<AttesterAddress, Configured>,
    /// What newest versions changed or lost.
    pub regressions: Vec<CoinbaseRegression>,
    /// The ruling files, in order.
    pub files: Vec<KeysFileName>,
}

/// Merges the files of one network.
#[must_use]
pub fn merge(files: &[InForce<'_>]) -> Merged {
    let mut versions: BTreeMap<&Host, BTreeMap<(u64, &KeysFileName), &InForce<'_>>> =
        BTreeMap::new();
    let mut ruling: BTreeMap<&KeysFileName, &InForce<'_>> = BTreeMap::new();
    for file in files {
        match file.location.layout {
            Layout::PerHost => {
                ruling.insert(file.name, file);
            }
            Layout::Versioned { version } => {
                let of_server = versions.entry(&file.location.server).or_default();
                of_server.insert((version, file.name), file);
            }
        }
    }
    let mut regressions = Vec::new();
    for of_server in versions.values() {
        let mut newest_first = of_server.values().rev();
        if let Some(newest) = newest_first.next() {
            ruling.insert(newest.name, newest);
            if let Some(before) = newest_first.next() {
                regressions.extend(regressions_between(before, newest));
            }
        }
    }
    regressions.sort();
    Merged {
        attesters: attesters_of(&ruling),
        regressions,
        files: ruling.into_keys().cloned().collect(),
    }
}

/// What `newest` changed or lost of attesters that it still names.
fn regressions_between<'a>(
    before: &'a InForce<'_>,
    newest: &'a InForce<'_>,
) -> impl Iterator<Item = CoinbaseRegression> + 'a {
    let had: BTreeMap<AttesterAddress, Coinbase> = before
        .file
        .attesters
        .iter()
        .filter_map(|entry| Some((entry.attester, entry.coinbase?)))
        .collect();
    newest.file.attesters.iter().filter_map(move |entry| {
        let was = *had.get(&entry.attester)?;
        (entry.coinbase != Some(was)).then(|| CoinbaseRegression {
            attester: entry.attester,
            server: newest.location.server.clone(),
            was,
            now: entry.coinbase,
            old_file: before.name.clone(),
            new_file: newest.name.clone(),
        })
    })
}

fn attesters_of(
    ruling: &BTreeMap<&KeysFileName, &InForce<'_>>,
) -> BTreeMap<AttesterAddress, Configured> {
    let mut attesters: BTreeMap<AttesterAddress, Configured> = BTreeMap::new();
    // The files that have a coinbase, wherever an attester is named more than once.
    let mut sources: BTreeMap<AttesterAddress, BTreeMap<Coinbase, Vec<KeysFileName>>> =
        BTreeMap::new();
    for file in ruling.values() {
        for entry in &file.file.attesters {
            let configured = attesters
                .entry(entry.attester)
                .or_insert_with(|| Configured {
                    coinbase: ConfiguredCoinbase::Missing,
                    hosts: Vec::with_capacity(1),
                    files: Vec::with_capacity(1),
                });
            configured.files.push(file.name.clone());
            if let Err(place) = configured.hosts.binary_search(&file.location.host) {
                configured.hosts.insert(place, file.location.host.clone());
            }
            if let Some(coinbase) = entry.coinbase {
                let sources = sources.entry(entry.attester).or_default();
                sources.entry(coinbase).or_default().push(file.name.clone());
            }
        }
    }
    for (attester, sources) in sources {
        if let Some(configured) = attesters.get_mut(&attester) {
            configured.coinbase = match sources.first_key_value() {
                Some((coinbase, _)) if sources.len() == 1 => ConfiguredCoinbase::Set(*coinbase),
                Some(_) => ConfiguredCoinbase::Conflict(sources),
                None => ConfiguredCoinbase::Missing,
            };
        }
    }
    attesters
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::layout::locate, *};
    use crate::{keys::KeyEntry, network::NetworkName, units::Address};

    /// A file of mainnet: attesters by number, each with the number of its coinbase or 0 for none.
    type Sketch = (String, Vec<(u8, u8)>);

    fn attester(number: u8) -> AttesterAddress {
        AttesterAddress::new(Address::repeat_byte(number))
    }

    fn coinbase(number: u8) -> Option<Coinbase> {
        (number != 0).then(|| Coinbase::new(Address::repeat_byte(number)))
    }

    fn merged(sketches: &[Sketch]) -> Merged {
        let mainnet = NetworkName::parse("mainnet").unwrap();
        let files: Vec<(KeysFileName, Location, KeysFile)> = sketches
            .iter()
            .map(|(path, entries)| {
                let attesters = entries
                    .iter()
                    .map(|(number, of)| KeyEntry {
                        attester: attester(*number),
                        bls: None,
                        coinbase: coinbase(*of),
                        publishers: Vec::new(),
                        fee_recipient: None,
                    })
                    .collect();
                let file = KeysFile {
                    attesters,
                    doubt: None,
                };
                (
                    KeysFileName::new(path),
                    locate(&mainnet, path).unwrap(),
                    file,
                )
            })
            .collect();
        let in_force: Vec<InForce<'_>> = files
            .iter()
            .map(|(name, location, file)| InForce {
                name,
                location,
                file,
            })
            .collect();
        merge(&in_force)
    }

    fn sketch(path: &str, entries: &[(u8, u8)]) -> Sketch {
        (path.to_owned(), entries.to_vec())
    }

    #[test]
    fn a_file_without_coinbase_erases_none() {
        let merged = merged(&[
            sketch("mainnet-keys-a-v3.json", &[(1, 9)]),
            sketch("mainnet/a/native-registered-keys.json", &[(1, 0)]),
            sketch("mainnet/b/native-registered-keys.json", &[(1, 0), (2, 0)]),
        ]);
        let one = &merged.attesters[&attester(1)];
        assert_eq!(one.coinbase, ConfiguredCoinbase::Set(coinbase(9).unwrap()));
        assert_eq!(one.hosts, [Host::new("a"), Host::new("b")]);
        assert_eq!(one.files.len(), 3);
        assert_eq!(
            merged.attesters[&attester(2)].coinbase,
            ConfiguredCoinbase::Missing
        );
    }

    #[test]
    fn two_coinbases_are_a_conflict_with_their_files() {
        let merged = merged(&[
            sketch("mainnet-keys-a-v1.json", &[(1, 8)]),
            sketch("mainnet-keys-b-v1.json", &[(1, 9)]),
        ]);
        let ConfiguredCoinbase::Conflict(sources) = &merged.attesters[&attester(1)].coinbase else {
            panic!("a conflict");
        };
        let name = KeysFileName::new("mainnet-keys-b-v1.json");
        assert_eq!(sources[&coinbase(9).unwrap()], [name]);
        assert_eq!(sources.len(), 2);
    }

    #[test]
    fn the_newest_version_of_a_server_rules_and_its_losses_are_told() {
        let merged = merged(&[
            sketch("mainnet-keys-a-v10.json", &[(1, 0), (2, 8), (3, 9), (4, 9)]),
            sketch("mainnet-keys-a-v9.json", &[(1, 9), (2, 9), (3, 9), (5, 9)]),
            sketch("mainnet-keys-a-v1.json", &[(4, 7), (6, 9)]),
        ]);
        let known: Vec<AttesterAddress> = merged.attesters.keys().copied().collect();
        assert_eq!(known, [1, 2, 3, 4].map(attester));
        let told: Vec<_> = merged
            .regressions
            .iter()
            .map(|r| (r.attester, r.was, r.now))
            .collect();
        let nine = coinbase(9).unwrap();
        assert_eq!(
            told,
            [(attester(1), nine, None), (attester(2), nine, coinbase(8))]
        );
        assert_eq!(
            merged.regressions[0].old_file.as_str(),
            "mainnet-keys-a-v9.json"
        );
        assert_eq!(merged.files, [KeysFileName::new("mainnet-keys-a-v10.json")]);
    }

    fn sketches() -> impl Strategy<Value = Vec<Sketch>> {
        let path = prop_oneof![
            ("[ab]", 0..4_u8)
                .prop_map(|(server, version)| format!("mainnet-keys-{server}-v{version}.json")),
            ("[ab]", "(native|olla)")
                .prop_map(|(host, source)| format!("mainnet/{host}/{source}-registered-keys.json")),
        ];
        let entries = proptest::collection::btree_map(1..5_u8, 0..3_u8, 0..4);
        proptest::collection::btree_map(path, entries, 0..8).prop_map(|files| {
            let file = |(path, entries): (String, std::collections::BTreeMap<u8, u8>)| {
                (path, entries.into_iter().collect())
            };
            files.into_iter().map(file).collect()
        })
    }

    proptest! {
        #[test]
        fn the_order_of_files_does_not_matter(
            (sorted, shuffled) in sketches().prop_flat_map(|files| (Just(files.clone()), Just(files).prop_shuffle()))
        ) {
            prop_assert_eq!(merged(&sorted), merged(&shuffled));
        }

        /// Compared with what the rules say, attester by attester, without any of the code above.
        #[test]
        fn every_coinbase_of_a_ruling_file_is_seen(files in sketches()) {
            let result = merged(&files);
            let ruling: Vec<&Sketch> = files
                .iter()
                .filter(|(path, _)| {
                    let Some((server, version)) = path.rsplit_once("-v") else { return true };
                    !files.iter().any(|(other, _)| {
                        other.rsplit_once("-v").is_some_and(|(s, v)| s == server && v > version)
                    })
                })
                .collect();
            prop_assert_eq!(result.files.len(), ruling.len());
            for number in 1..5_u8 {
                let entries: Vec<u8> = ruling
                    .iter()
                    .flat_map(|(_, entries)| entries.iter().filter(|(n, _)| *n == number).map(|(_, c)| *c))
                    .collect();
                let distinct: std::collections::BTreeSet<u8> =
                    entries.iter().copied().filter(|c| *c != 0).collect();
                let found = result.attesters.get(&attester(number));
                prop_assert_eq!(found.is_some(), !entries.is_empty());
                if let Some(found) = found {
                    prop_assert_eq!(found.files.len(), entries.len());
                    match &found.coinbase {
                        ConfiguredCoinbase::Missing => prop_assert_eq!(distinct.len(), 0),
                        ConfiguredCoinbase::Set(set) => {
                            prop_assert_eq!(distinct.len(), 1);
                            prop_assert_eq!(Some(*set), coinbase(*distinct.first().unwrap()));
                        }
                        ConfiguredCoinbase::Conflict(sources) => {
                            prop_assert!(distinct.len() > 1);
                            prop_assert_eq!(sources.len(), distinct.len());
                        }
                    }
                }
            }
        }
    }
}
