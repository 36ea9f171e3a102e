//! Facts of every class of incident, for tests.

use crate::{
    alert::{
        class::Class,
        facts::*,
        text::fixtures::{address, attester, split},
    },
    units::{B256, BlockNumber, ProviderId, RollupVersion, Round, UnixSeconds, Wei},
};

/// When it happened.
pub(crate) const AT: UnixSeconds = UnixSeconds::new(1_795_233_600);
/// Its deadline.
pub(crate) const LATER: UnixSeconds = UnixSeconds::new(1_795_254_000);

/// Facts of every class of incident.
pub(crate) fn every() -> Vec<(Class, Facts)> {
    let mut all = fleet();
    all.extend(network());
    all.extend(house());
    all
}

/// Facts of a coinbase.
pub(crate) fn coinbase(configured: Configured) -> CoinbaseFacts {
    CoinbaseFacts {
        attester: attester(0x12),
        expected: Known::Is(split(0x9f)),
        configured,
        stake_block: Some(BlockNumber::new(25_531_002)),
        stake_transaction: Some(B256::repeat_byte(0xee)),
        is_active: false,
        queue: Some(QueueOutlook {
            position: 6,
            length: 40,
            earliest: Due::Is(LATER),
            expected: Due::Unknown("nobody flushes this queue".to_owned()),
        }),
    }
}

fn fleet() -> Vec<(Class, Facts)> {
    let wrong = CoinbaseFacts {
        is_active: true,
        queue: None,
        ..coinbase(Configured::Is(split(0x11)))
    };
    vec![
        (
            Class::CoinbaseMissing,
            Facts::Coinbase(coinbase(Configured::Missing)),
        ),
        (Class::CoinbaseMismatch, Facts::Coinbase(wrong)),
        (
            Class::CoinbaseRegression,
            Facts::Regression(RegressionFacts {
                attester: attester(0x12),
                file_before: "testnet-keys-fra-2-v3.json".to_owned(),
                before: Configured::Is(split(0x9f)),
                file_now: "testnet-keys-fra-2-v4.json".to_owned(),
                now: Configured::Missing,
                is_contradiction: false,
            }),
        ),
        (
            Class::KeysFileInvalid,
            Facts::KeysFile(KeysFileFacts {
                file: "testnet-keys-fra-2-v4.json".to_owned(),
                line: Some(1_204),
                fault: "the coinbase \"0x12\" has 2 digits instead of 40".to_owned(),
                good_since: Some(AT),
                attester_count: 500,
                is_odd: false,
            }),
        ),
        (
            Class::StrandedInEntryQueue,
            Facts::Stranded(StrandedFacts {
                attester: attester(0x12),
                rollup: RollupVersion::new(1),
                canonical: RollupVersion::new(2),
                position: Some(3),
                withdrawer: Some(address(0x44)),
            }),
        ),
        (
            Class::ProviderQueueEmpty,
            Facts::ProviderQueue(ProviderQueueFacts {
                provider: ProviderId::new(7),
                keys_left: 0,
                empty_since: Some(AT),
            }),
        ),
        (
            Class::SlashVotes,
            Facts::Slash(SlashFacts {
                attester: attester(0x12),
                rollup: RollupVersion::new(4_248_422_647),
                round: Round::new(311),
                quorum: 65,
                votes: 71,
                amount: Known::Is(Wei::tokens(8_000)),
                balance: Known::Is(Wei::tokens(196_000)),
                ejection_threshold: Known::Is(Wei::tokens(190_000)),
                executable_at: Known::Is(LATER),
                is_executed: false,
            }),
        ),
    ]
}

fn network() -> Vec<(Class, Facts)> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    vec![
        (
            Class::EndpointUnhealthy,
            Facts::Endpoint(EndpointFacts {
                endpoint: "rpc-b.test".to_owned(),
                fault: EndpointFault::Lags(14),
                detail: Some("connection reset".to_owned()),
                since: AT,
                healthy: 2,
                total: 3,
            }),
        ),
        (
            Class::EndpointsDisagree,
            Facts::Disagreement(DisagreementFacts {
                block: BlockNumber::new(25_533_410),
                what: "block hash".to_owned(),
                answers: vec![
                    ("0xaaaa…".to_owned(), names(&["rpc-a", "rpc-c"])),
                    ("0xbbbb…".to_owned(), names(&["rpc-b"])),
                ],
                out: names(&["rpc-b"]),
            }),
        ),
        (
            Class::NetworkUnseen,
            Facts::Unseen(UnseenFacts {
                total: 3,
                since: AT,
                last_block: Some(BlockNumber::new(25_533_410)),
                detail: Some("name cannot be resolved".to_owned()),
            }),
        ),
        (
            Class::HeadStale,
            Facts::Stale(StaleFacts {
                block: BlockNumber::new(25_533_410),
                at: AT,
                endpoints: 3,
            }),
        ),
        (
            Class::UnknownEvent,
            Facts::UnknownEvent(UnknownEventFacts {
                contract: address(0x55),
                role: "Rollup 4248422647".to_owned(),
                topic: B256::repeat_byte(0xdd),
                count: 1,
                first_block: BlockNumber::new(25_533_000),
                detail: None,
            }),
        ),
        (
            Class::FoldMismatch,
            Facts::Mismatch(MismatchFacts {
                what: "entry queue length of rollup 4248422647".to_owned(),
                folded: "41".to_owned(),
                viewed: "40".to_owned(),
                block: BlockNumber::new(25_533_400),
                cure: Some("the whole queue is read again".to_owned()),
            }),
        ),
    ]
}

fn house() -> Vec<(Class, Facts)> {
    vec![
        (
            Class::HistoryMissing,
            Facts::History(HistoryFacts {
                from: BlockNumber::new(23_700_000),
                to: BlockNumber::new(23_799_999),
                proof: "provider 7 was never seen registered".to_owned(),
                endpoints: vec!["rpc-a".to_owned(), "rpc-b".to_owned()],
            }),
        ),
        (
            Class::DeepReorg,
            Facts::DeepReorg(DeepReorgFacts {
                depth: 70,
                finalised: Some(BlockNumber::new(25_533_340)),
                fork: None,
                is_undo_exhausted: false,
            }),
        ),
        (
            Class::ChannelUnreachable,
            Facts::Channel(ChannelFacts {
                channel: 123_456,
                detail: "Missing Access (50001)".to_owned(),
                fallback: Some(654_321),
                waiting: 0,
            }),
        ),
        (
            Class::JobExhausted,
            Facts::Job(JobFacts {
                job: "delivery/42".to_owned(),
                kind: "delivery".to_owned(),
                attempts: 20,
                detail: "503 Service Unavailable".to_owned(),
                is_unclear: true,
            }),
        ),
        (
            Class::StoreRestored,
            Facts::Restored(RestoredFacts {
                detail: "a page has a wrong checksum".to_owned(),
                export_at: Some(AT),
                moved_to: "data/damaged-1795233600".to_owned(),
                lost: None,
            }),
        ),
    ]
}
