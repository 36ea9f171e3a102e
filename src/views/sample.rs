//! A small hand-made state that the tests of views, routes and metrics share: every kind of attester once.

mod work;

use std::{collections::BTreeMap, sync::Arc};

use futures::future::BoxFuture;

use super::{Answers, Build, Gateway, Glance, Look, NetworkGlance};
use crate::{
    attester::{
        Attester, Entry, Exit, Membership, Registration, RegistrationState, Stake, StakeFate,
        change::{Change, Entry as HistoryEntry, Evidence},
        stage,
    },
    book::{
        Book,
        records::{
            Chapter, EntryQueue, Flush, Parameters, Provider, ProviderQueueEntry, QueueEntry,
            Rollup,
        },
    },
    chain::{
        EndpointName,
        contracts::{Instance, QueueConfig},
        endpoints::EndpointHealth,
        health::{HealthState, Trouble},
    },
    chart::Count,
    keys::{Configured, ConfiguredCoinbase, Host, Keys, KeysFileName},
    state::State,
    store::{Batch, Store, memory::MemoryStore},
    units::{
        Address, AttesterAddress, B256, BasisPoints, BlockNumber, BlockRef, Coinbase, Epoch,
        ProviderId, QueueIndex, RollupVersion, UnixSeconds, Wei,
    },
    watcher::progress::Intervals,
    writer::Tables,
};

/// Now: 12 s after the last block.
pub(crate) const NOW: u64 = 1_763_700_012;
const BLOCK: u64 = 25_533_400;
const LATEST: RollupVersion = RollupVersion::new(1);

/// Everything that a glance borrows.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) state: State,
    pub(crate) store: MemoryStore,
    pub(crate) networks: BTreeMap<String, NetworkGlance>,
    pub(crate) gateway: Gateway,
    build: Build,
}

impl Sample {
    pub(crate) fn new() -> Self {
        let mut state = State::default();
        state.books.insert("mainnet".to_owned(), book());
        state.change_progress("mainnet", |progress| {
            let (first, last) = (BlockNumber::new(23_700_000), BlockNumber::new(BLOCK));
            progress.covered = Intervals::default();
            progress.covered.add(first, BlockNumber::new(24_000_000));
            progress.covered.add(BlockNumber::new(24_000_101), last);
            progress.finalized = Some(block(BLOCK - 70));
            progress.head = BlockNumber::new(BLOCK + 1);
            progress.head_at = UnixSeconds::new(NOW);
            progress.reorgs = 2;
            progress.reorg_depth_max = 1;
        });
        for (hours, of) in [
            (30, [1, 3, 0, 1, 0]),
            (20, [1, 2, 1, 1, 0]),
            (2, [1, 1, 1, 2, 0]),
        ] {
            let at = UnixSeconds::new(NOW - hours * 3_600);
            state.census_or_new("mainnet").note(Count { at, of });
        }
        work::tell(&mut state, work::incident());
        state.canary.put((), work::canary());
        let store = MemoryStore::default();
        let mut batch = Batch::default();
        for table in state.tables() {
            table.drain(&mut batch, None).unwrap();
        }
        work::attempts(&mut batch);
        store.commit(&batch).unwrap();
        let networks = [
            ("mainnet".to_owned(), mainnet()),
            ("testnet".to_owned(), NetworkGlance::new(11_155_111)),
        ];
        Self {
            state,
            store,
            networks: networks.into(),
            gateway: Gateway::Connected {
                since: UnixSeconds::new(NOW - 3_600),
            },
            build: Build {
                version: "0.1.0".to_owned(),
                revision: "abcdef0".to_owned(),
                started_at: UnixSeconds::new(NOW - 3_605),
            },
        }
    }

    pub(crate) fn glance(&self) -> Glance<'_> {
        Glance {
            state: &self.state,
            store: &self.store,
            now_ms: NOW * 1_000,
            networks: &self.networks,
            gateway: &self.gateway,
            build: &self.build,
        }
    }
}

impl Answers for Sample {
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move { look(&self.glance()) })
    }
}

pub(crate) fn attester(number: u8) -> AttesterAddress {
    AttesterAddress::new(Address::repeat_byte(number))
}

fn coinbase(number: u8) -> Coinbase {
    Coinbase::new(Address::repeat_byte(number))
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(number),
        hash: B256::from(crate::units::U256::from(number)),
    }
}

fn rollup(byte: u8, first: u64, last: u64) -> Rollup {
    Rollup {
        address: Address::repeat_byte(byte),
        gse: Address::repeat_byte(0xe0),
        slashing: Vec::new(),
        parameters: Some(Parameters {
            slot_duration_seconds: 72,
            epoch_duration_slots: 32,
            genesis: UnixSeconds::new(1_762_000_000),
            activation_threshold: Wei::tokens(200_000),
            ejection_threshold: Wei::tokens(100_000),
            local_ejection_threshold: Wei::tokens(198_000),
            exit_delay_seconds: 345_600,
            queue_config: Some(QueueConfig {
                bootstrap_validator_set_size: 500,
                bootstrap_flush_size: 500,
                normal_flush_size_min: 1,
                normal_flush_size_quotient: 2_048,
                max_queue_flush_size: 8,
            }),
            governance: Address::repeat_byte(0xe1),
        }),
        queue: EntryQueue {
            first: QueueIndex::new(first),
            last: QueueIndex::new(last),
        },
        flush: Some(Flush {
            block: block(BLOCK - 100),
            at: UnixSeconds::new(NOW - 1_212),
            active_attesters: 3_200,
            available: 0,
            next_flushable_epoch: Epoch::new(739),
            is_bootstrapped: true,
            flush_size: 1,
        }),
    }
}

fn registered(state: RegistrationState, balance: u64) -> Attester {
    Attester {
        membership: membership(None),
        registration: Some(Registration {
            instance: Some(Instance::Bonus),
            rollup: LATEST,
            balance: Wei::tokens(balance),
            state,
        }),
        since: UnixSeconds::new(NOW - 86_412),
        transitions: 3,
        ..Attester::default()
    }
}

fn membership(index: Option<u64>) -> Option<Membership> {
    Some(Membership {
        provider: ProviderId::new(7),
        queue_index: index.map(QueueIndex::new),
        is_dripped: false,
    })
}

fn stake(split: u8, entry: u64, fate: StakeFate) -> Stake {
    Stake {
        rollup: LATEST,
        split: coinbase(split),
        entry: QueueIndex::new(entry),
        block: BlockNumber::new(BLOCK - 200),
        at: UnixSeconds::new(NOW - 2_412),
        transaction: B256::repeat_byte(0x51),
        fate,
    }
}

fn queued(index: u64) -> Attester {
    Attester {
        membership: membership(None),
        entries: vec![Entry {
            rollup: LATEST,
            index: QueueIndex::new(index),
            withdrawer: Address::repeat_byte(0xdd),
            block: BlockNumber::new(BLOCK - 200),
        }]
        .into(),
        stakes: vec![stake(0xc1, index, StakeFate::Queued)].into(),
        since: UnixSeconds::new(NOW - 2_412),
        transitions: 2,
        ..Attester::default()
    }
}

/// One of each kind; 0x11 waits in the provider queue, 0x12 and 0x13 in the entry queue, 0x14 validates, 0x15 leaves.
fn attesters() -> Vec<(AttesterAddress, Attester)> {
    let waiting = Attester {
        membership: membership(Some(41)),
        since: UnixSeconds::new(NOW - 90_012),
        transitions: 1,
        ..Attester::default()
    };
    let mut active = registered(RegistrationState::Validating, 198_000);
    active.stakes = vec![stake(0xc4, 3, StakeFate::Deposited)].into();
    active.slash_count = 1;
    active.slashed = Wei::tokens(2_000);
    let exit = Exit {
        amount: Wei::tokens(200_000),
        exitable_at: UnixSeconds::new(NOW + 250_000),
        withdrawal_id: 9,
        unlocks_at: None,
    };
    let leaving = registered(RegistrationState::Exiting { exit: Some(exit) }, 200_000);
    let mut foreign = queued(5);
    foreign.membership = None;
    vec![
        (attester(0x11), waiting),
        (attester(0x12), queued(6)),
        (attester(0x13), queued(8)),
        (attester(0x14), active),
        (attester(0x15), leaving),
        (attester(0x99), foreign),
    ]
}

fn book() -> Book {
    let mut book = Book::new("mainnet");
    book.chapter.put(
        (),
        Chapter {
            cursor: block(BLOCK),
            at: UnixSeconds::new(NOW - 12),
            first_block: BlockNumber::new(23_700_000),
            latest: Some(LATEST),
            is_complete: Some(true),
            is_swept: true,
            ..Chapter::default()
        },
    );
    book.rollups.put(RollupVersion::new(0), rollup(0xa0, 4, 4));
    book.rollups.put(LATEST, rollup(0xa1, 5, 9));
    let latest = book.latest();
    for (address, mut attester) in attesters() {
        attester.standing = stage::standing(&attester, latest);
        for entry in &attester.entries {
            let queued = QueueEntry {
                attester: address,
                withdrawer: entry.withdrawer,
                moves_with_latest: Some(true),
            };
            book.entry_queue.put((entry.rollup, entry.index), queued);
        }
        book.attesters.put(address, attester);
    }
    let provider = Provider {
        admin: Some(Address::repeat_byte(0xad)),
        take_rate: Some(BasisPoints::new(500)),
        first: QueueIndex::new(41),
        last: QueueIndex::new(42),
        added: 41,
        staked: 40,
        ..Provider::default()
    };
    book.providers.put(ProviderId::new(7), provider);
    let key = ProviderQueueEntry {
        attester: attester(0x11),
    };
    book.provider_queue
        .put((ProviderId::new(7), QueueIndex::new(41)), key);
    history(&mut book);
    book
}

fn history(book: &mut Book) {
    let to = book.attesters.row(&attester(0x12)).unwrap().standing;
    let evidence = |back: u64, source: &'static str| Evidence {
        block: block(BLOCK - back),
        at: UnixSeconds::new(NOW - 12 - back * 12),
        transaction: Some(B256::repeat_byte(0x51)),
        log_index: Some(3),
        source: source.into(),
    };
    let queued = stage::Standing {
        stage: stage::Stage::InStakingProviderQueue,
        reason: stage::Reason::InProviderQueue,
    };
    let change = |from, to, occurrence| Change::Standing {
        attester: attester(0x12),
        from,
        to,
        occurrence,
    };
    for (change, evidence) in [
        (
            change(stage::Standing::default(), queued, 1),
            evidence(7_200, "StakingRegistry.AttestersAddedToProvider"),
        ),
        (
            change(queued, to, 2),
            evidence(200, "Rollup.ValidatorQueued"),
        ),
    ] {
        book.history
            .append(attester(0x12), HistoryEntry { change, evidence });
    }
}

fn mainnet() -> NetworkGlance {
    let deployed = |coinbase: ConfiguredCoinbase, host: &str| Configured {
        coinbase,
        hosts: vec![Host::new(host)],
        files: vec![KeysFileName::new(&format!("mainnet-keys-{host}-v3.json"))],
    };
    let endpoint = |name: &str, state, error: Option<&str>| EndpointHealth {
        endpoint: EndpointName::new(name),
        is_archive: false,
        state,
        since: UnixSeconds::new(NOW - 3_600),
        failures: u32::from(error.is_some()) * 4,
        last_error: error.map(str::to_owned),
        trouble: error.map(|_| Trouble::Silent),
        head: Some(BlockNumber::new(BLOCK)),
        requests: [("eth_call", 310), ("eth_getLogs", 300)].into(),
        range_blocks: 2_000,
        aggregate_calls: 300,
    };
    let disputed = [coinbase(0xc5), coinbase(0xc6)].map(|coinbase| (coinbase, Vec::new()));
    let set = |number| ConfiguredCoinbase::Set(coinbase(number));
    let attesters = BTreeMap::from([
        (
            attester(0x12),
            deployed(ConfiguredCoinbase::Missing, "fra-1"),
        ),
        (attester(0x13), deployed(set(0xc9), "fra-2")),
        (attester(0x14), deployed(set(0xc4), "fra-2")),
        (
            attester(0x15),
            deployed(ConfiguredCoinbase::Conflict(disputed.into()), "fra-2"),
        ),
        (
            attester(0x16),
            deployed(ConfiguredCoinbase::Missing, "fra-3"),
        ),
    ]);
    NetworkGlance {
        provider: Some(ProviderId::new(7)),
        provider_label: Some("Example Staking".to_owned()),
        explorer: Some("https://etherscan.io/".to_owned()),
        endpoints: vec![
            endpoint("rpc-1", HealthState::Healthy, None),
            endpoint(
                "rpc-2",
                HealthState::Down,
                Some("it did not answer within 10 s"),
            ),
        ],
        leader: Some(EndpointName::new("rpc-1")),
        keys: Some(Arc::new(Keys {
            attesters,
            ..Keys::default()
        })),
        labels: BTreeMap::from([(attester(0x12), "fra-1/17".to_owned())]),
        ..NetworkGlance::new(1)
    }
}
