//! Whose coinbase is wrong, in which order, and what is no news.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    alert::text::fixtures,
    attester::{Stake, StakeFate, Standing},
    units::{Address, B256, BlockNumber, QueueIndex},
};

fn address(number: u16) -> AttesterAddress {
    let mut bytes = [0; 20];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    AttesterAddress::new(Address::from(bytes))
}

/// One that waits and is to have the coinbase `0xc1…`.
fn queued() -> Attester {
    let stake = Stake {
        rollup: RollupVersion::new(1),
        split: fixtures::split(0xc1),
        entry: QueueIndex::new(1),
        block: BlockNumber::new(1),
        at: UnixSeconds::new(1),
        transaction: B256::ZERO,
        fate: StakeFate::Queued,
    };
    Attester {
        stakes: vec![stake].into(),
        standing: Standing {
            stage: Stage::RollupEntryQueue,
            ..Standing::default()
        },
        ..Attester::default()
    }
}

/// What is found of a book and keys files, with no coinbase declared common.
fn findings(book: &Book, keys: keys::Keys) -> Vec<Finding> {
    let keys = KeysObservation {
        keys: Arc::new(keys),
        read_at: UnixSeconds::new(1),
        changed: true,
    };
    let explorer = fixtures::explorer();
    let look = Coinbases {
        book,
        keys: &keys,
        common: &CommonCoinbases::default(),
        rungs: &Rungs::default(),
        context: &fixtures::context(&explorer),
        now: UnixSeconds::new(2),
    };
    look.findings()
}

proptest! {
    /// Whoever the book and the keys files hold, what is found is what a search for each attester finds.
    #[test]
    fn every_attester_of_both_is_found(
        staked in prop::collection::btree_set(0_u16..64, 0..40),
        deployed in prop::collection::btree_map(0_u16..64, prop::option::of(0xc0_u8..0xc3), 0..40),
    ) {
        let mut book = Book::new("testnet");
        for number in &staked {
            book.attesters.put(address(*number), queued());
        }
        let configured = |coinbase: &Option<u8>| keys::Configured {
            coinbase: coinbase.map_or(ConfiguredCoinbase::Missing, |byte| {
                ConfiguredCoinbase::Set(fixtures::split(byte))
            }),
            hosts: Vec::new(),
            files: Vec::new(),
        };
        let rows = deployed.iter().map(|(number, coinbase)| (address(*number), configured(coinbase)));
        let keys = keys::Keys { attesters: rows.collect(), ..keys::Keys::default() };
        let found: Vec<(Class, String)> = findings(&book, keys)
            .into_iter()
            .map(|finding| (finding.class, finding.subject))
            .collect();
        let wanted: Vec<(Class, String)> = deployed
            .iter()
            .filter(|(number, coinbase)| staked.contains(number) && **coinbase != Some(0xc1))
            .map(|(number, coinbase)| {
                let class = match coinbase {
                    None => Class::CoinbaseMissing,
                    Some(_) => Class::CoinbaseMismatch,
                };
                (class, subject(&format!("{:#x}", address(*number).address())))
            })
            .collect();
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn a_coinbase_that_a_new_version_puts_right_is_no_regression() {
    let mut book = Book::new("testnet");
    book.attesters.put(address(1), queued());
    let regression = |now: Option<u8>| keys::CoinbaseRegression {
        attester: address(1),
        server: keys::Host::new("a"),
        was: fixtures::split(0xc0),
        now: now.map(fixtures::split),
        old_file: keys::KeysFileName::new("testnet-keys-a-v1.json"),
        new_file: keys::KeysFileName::new("testnet-keys-a-v2.json"),
    };
    for (now, count) in [(Some(0xc1), 0), (Some(0xc2), 1), (None, 1)] {
        let keys = keys::Keys {
            regressions: vec![regression(now)],
            ..keys::Keys::default()
        };
        assert_eq!(findings(&book, keys).len(), count, "{now:?}");
    }
}

/// Three stakes of one block, by other places than by address.
#[test]
fn missing_coinbases_are_found_in_the_order_of_the_stakes() {
    let mut book = Book::new("testnet");
    let mut keys = keys::Keys::default();
    for (byte, place) in [(1, 9), (2, 7), (3, 8)] {
        let stake = Stake {
            rollup: RollupVersion::new(1),
            split: fixtures::split(byte),
            entry: QueueIndex::new(place),
            block: BlockNumber::new(100),
            at: UnixSeconds::new(1),
            transaction: B256::repeat_byte(byte),
            fate: StakeFate::Queued,
        };
        let standing = Standing {
            stage: Stage::RollupEntryQueue,
            ..Standing::default()
        };
        let row = Attester {
            stakes: vec![stake].into(),
            standing,
            ..Attester::default()
        };
        book.attesters.put(fixtures::attester(byte), row);
        let row = keys::Configured {
            coinbase: ConfiguredCoinbase::Missing,
            hosts: Vec::new(),
            files: Vec::new(),
        };
        keys.attesters.insert(fixtures::attester(byte), row);
    }
    let subjects: Vec<String> = findings(&book, keys)
        .into_iter()
        .map(|one| one.subject)
        .collect();
    let expected =
        [2, 3, 1].map(|byte| subject(&format!("{:#x}", fixtures::attester(byte).address())));
    assert_eq!(subjects, expected);
}
