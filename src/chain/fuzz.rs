//! What nodes answer and contracts emit, broken: an answer that does not belong to its question is refused, and nothing
//! ends the process.

use alloy::sol_types::SolValue as _;
use bolero::TypeGenerator;

use super::{
    BlockTag, CallAnswer, Header, Log, LogFilter,
    contracts::{ContractRole, abi, decode},
    fault::Redaction,
    rpc::{Reply, judged, read_aggregate},
    wire::{self, Span},
};
use crate::{
    fuzz::{Broken, fuzz, pick},
    units::{Address, B256, BlockNumber, BlockRef, Bytes, RollupVersion, UnixSeconds},
};

const CONTRACT: Address = Address::repeat_byte(0x11);
const HASH: B256 = B256::repeat_byte(0xaa);
const ANSWERS: [&str; 5] = [
    r#"{"jsonrpc":"2.0","id":7,"result":{"number":"0x10","hash":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","parentHash":"0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","timestamp":"0x65","logsBloom":"0x00"}}"#,
    r#"{"jsonrpc":"2.0","id":7,"result":[{"blockHash":"0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","blockNumber":"0x10","transactionHash":"0xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","logIndex":"0x1","address":"0x1111111111111111111111111111111111111111","topics":["0xdddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"],"data":"0x01","removed":false}]}"#,
    r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32005,"message":"query returned more than 10000 results. Try with this block range [0x1, 0x2].","data":{"from":"0x1","to":"0x2"}}}"#,
    r#"{"jsonrpc":"2.0","id":7,"result":null}"#,
    r#"{"jsonrpc":"2.0","id":7,"result":"0x01"}"#,
];
const WORDS: [&str; 12] = [
    "null",
    "\"0x\"",
    "\"0xffffffffffffffffff\"",
    "-1",
    "1e999",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"removed\":true",
    "<html>",
];

#[test]
fn node_answers() {
    let filter = LogFilter {
        addresses: vec![CONTRACT],
        topics: Vec::new(),
    };
    let redaction = Redaction::of(&"https://a.b/key".parse().unwrap());
    fuzz!(|asked: (Broken, u8)| {
        let (broken, status) = asked;
        let body = broken.text(&ANSWERS, &WORDS).into_bytes();
        let status = *pick(&[200, 200, 200, 429, 404, 503], (*status).into()).unwrap();
        let reply = Reply {
            status,
            retry_after: None,
            body,
        };
        let Ok(raw) = judged(&reply, 7, &redaction) else {
            return;
        };
        assert_eq!(status, 200, "nothing but success carries a result");
        if let Ok(Some(header)) = wire::header(BlockTag::Hash(HASH), &raw) {
            assert_eq!(header.block.hash, HASH);
        }
        if let Ok(logs) = wire::logs(Span::Block(HASH), &filter, &raw) {
            let fits = |log: &Log| log.block.hash == HASH && log.address == CONTRACT;
            assert!(logs.iter().all(fits), "{logs:?}");
            assert!(logs.is_sorted_by(|before, after| before.index < after.index));
        }
        // What is no number, no code and no word is a refusal too.
        drop(wire::read::<wire::Quantity>("a number", &raw));
        drop(wire::read::<Bytes>("bytes", &raw));
    });
}

/// 32 bytes as contracts write them, and as they should not.
#[derive(Debug, Clone, TypeGenerator)]
enum Word {
    Small(u8),
    /// An offset or a length that leads somewhere.
    Words(u8),
    Huge(u64),
    Address([u8; 20]),
    Any([u8; 32]),
}

impl Word {
    fn bytes(&self) -> [u8; 32] {
        let number = |number: u64| B256::left_padding_from(&number.to_be_bytes()).0;
        match self {
            Self::Small(small) => number((*small).into()),
            Self::Words(words) => number(u64::from(*words % 16) * 32),
            Self::Huge(huge) => number(*huge),
            Self::Address(address) => B256::left_padding_from(address).0,
            Self::Any(bytes) => *bytes,
        }
    }
}

#[derive(Debug, Clone, TypeGenerator)]
struct Emitted {
    role: u8,
    event: u8,
    topics: Vec<Word>,
    data: Vec<Word>,
    /// Bytes that are missing from the last word.
    missing: u8,
}

/// What a contract with this role emits.
fn emits(role: ContractRole) -> &'static [[u8; 32]] {
    match role {
        ContractRole::Registry => abi::Registry::RegistryEvents::SELECTORS,
        ContractRole::Rollup(_) => abi::Rollup::RollupEvents::SELECTORS,
        ContractRole::Gse => abi::Gse::GseEvents::SELECTORS,
        ContractRole::Slasher(_) => abi::Slasher::SlasherEvents::SELECTORS,
        ContractRole::SlashingProposer(_) => {
            abi::SlashingProposer::SlashingProposerEvents::SELECTORS
        }
        ContractRole::StakingRegistry => abi::StakingRegistry::StakingRegistryEvents::SELECTORS,
    }
}

#[test]
fn contract_events() {
    let version = RollupVersion::new(1);
    let roles = [
        ContractRole::Registry,
        ContractRole::Rollup(version),
        ContractRole::Gse,
        ContractRole::Slasher(version),
        ContractRole::SlashingProposer(version),
        ContractRole::StakingRegistry,
    ];
    fuzz!(|emitted: Emitted| {
        let role = *pick(&roles, emitted.role.into()).unwrap();
        let event = pick(emits(role), emitted.event.into()).map(|topic| B256::from(*topic));
        let more = emitted
            .topics
            .iter()
            .take(3)
            .map(|word| B256::from(word.bytes()));
        let mut data: Vec<u8> = emitted.data.iter().take(64).flat_map(Word::bytes).collect();
        data.truncate(data.len().saturating_sub(usize::from(emitted.missing % 40)));
        let log = Log {
            block: BlockRef::default(),
            transaction: B256::ZERO,
            index: 0,
            address: CONTRACT,
            topics: event.into_iter().chain(more).collect(),
            data: data.into(),
        };
        let decoded = decode(role, &log);
        assert_eq!(decode(role, &log), decoded);
    });
}

#[test]
fn aggregates() {
    let at = Header {
        block: BlockRef {
            number: BlockNumber::new(16),
            hash: HASH,
        },
        parent_hash: B256::repeat_byte(0xbb),
        timestamp: UnixSeconds::new(101),
        logs_bloom: Bytes::new(),
    };
    let right = |data: &[Bytes]| {
        let answers: Vec<(bool, Bytes)> = data.iter().map(|data| (true, data.clone())).collect();
        answers.abi_encode()
    };
    let number: Bytes = B256::with_last_byte(16).abi_encode().into();
    let parent: Bytes = at.parent_hash.abi_encode().into();
    let whole = right(&[
        number.clone(),
        Bytes::from_static(b"answer"),
        parent.clone(),
    ]);
    let other = right(&[parent, Bytes::new(), number]);
    assert_eq!(
        read_aggregate(&at, 1, &whole.clone().into()).unwrap(),
        [CallAnswer::Returned(Bytes::from_static(b"answer"))]
    );
    fuzz!(|broken: Broken| {
        let bytes = broken.on(&[&whole, &other], &["\u{0}", "\u{1}", " "]);
        if let Ok(answers) = read_aggregate(&at, 1, &bytes.into()) {
            assert_eq!(answers.len(), 1);
        }
    });
}
