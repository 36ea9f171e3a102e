//! A service over a small hand-made state, in memory: one network, five attesters, two wrong coinbases.

use std::{collections::BTreeMap, sync::Arc};

use fake::{Fake, Spec};
use steward::{
    attester::{Attester, Entry, Membership, Stake, StakeFate, stage},
    book::{
        Book,
        records::{Chapter, EntryQueue, Provider, QueueEntry, Rollup},
    },
    chart::Count,
    clock::SystemClock,
    config::{Config, Need},
    keys::{Configured, ConfiguredCoinbase, Host, Keys, KeysFileName, KeysObservation},
    outbox::courier::Courier,
    service::{Service, build},
    store::{Store, memory::MemoryStore},
    units::{
        Address, AttesterAddress, B256, BlockNumber, BlockRef, Coinbase, ProviderId, QueueIndex,
        RollupVersion, UnixSeconds,
    },
};
use tokio_util::sync::CancellationToken;

use crate::world::courier;

const BLOCK: u64 = 25_533_400;
const LATEST: RollupVersion = RollupVersion::new(1);
/// Attesters in the entry queue; more than a page of a list.
pub(crate) const QUEUED: u8 = 40;

/// An attester by number.
pub(crate) fn attester(number: u8) -> AttesterAddress {
    AttesterAddress::new(Address::repeat_byte(number))
}

/// The incident that the first attester's missing coinbase is.
pub(crate) fn incident() -> String {
    let subject = attester(1).to_string().to_lowercase();
    format!("mainnet/{subject}/coinbase_missing/1")
}

/// A service whose state was made by hand, with no task of its own.
pub(crate) fn service(fake: &Fake) -> Arc<Service> {
    on(fake, Arc::new(MemoryStore::new()))
}

/// The same over a store.
pub(crate) fn on(fake: &Fake, store: Arc<dyn Store>) -> Arc<Service> {
    let channel = Spec::CHANNEL.0.to_string();
    let (guild, url) = (Spec::GUILD.0.to_string(), fake.url().to_owned());
    let role = Spec::ROLE.0.to_string();
    let variables: BTreeMap<&str, &str> = BTreeMap::from([
        ("DISCORD_TOKEN", Spec::TOKEN),
        ("DISCORD_GUILD_ID", &guild),
        ("DISCORD_CHANNEL", &channel),
        ("DISCORD_API_URL", &url),
        ("DISCORD_ALERT_ROLE_ID", &role),
        ("NETWORKS", "mainnet"),
        ("L1_RPC_URLS", "https://one.example"),
        ("PROVIDER_ID", "7"),
    ]);
    let lookup = |name: &str| variables.get(name).map(|text| (*text).to_owned());
    let config = Config::read(&lookup, Need::Service).unwrap();
    let service = build::on(config, Arc::new(SystemClock), store).unwrap();
    service.desk.take_keys("mainnet", keys(service.clock.now()));
    Arc::new(service)
}

/// Fills the state, and looks at its conditions: two incidents, and their cards are owed.
pub(crate) async fn fill(service: &Service) {
    let now = service.clock.now();
    let filled = service.writer.commit(|state, _| {
        state.books.insert("mainnet".to_owned(), book(now));
        for (hours, of) in [(3, [1, 0, 0, 0, 0]), (1, [0, 1, 0, 0, 0])] {
            let at = UnixSeconds::new(now.value() - hours * 3_600);
            state.census_or_new("mainnet").note(Count { at, of });
        }
        state.change_progress("mainnet", |progress| {
            progress.head = BlockNumber::new(BLOCK);
            progress.head_at = now;
        });
        Ok::<_, std::convert::Infallible>(())
    });
    filled.await.unwrap();
    service.judge("mainnet").await.unwrap();
}

/// Sends what is owed, for as long as the token lives.
pub(crate) fn deliver(service: &Service, fake: &Fake, token: &CancellationToken) {
    let courier: Arc<dyn Courier> = Arc::new(courier(fake));
    let engine = service.engine(Some(&courier));
    tokio::spawn(engine.run(token.clone()));
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number: BlockNumber::new(number),
        hash: B256::repeat_byte(0xbb),
    }
}

fn queued(index: u64, now: UnixSeconds) -> Attester {
    let index = QueueIndex::new(index);
    let at = UnixSeconds::new(now.value() - 3_600);
    Attester {
        membership: Some(Membership {
            provider: ProviderId::new(7),
            queue_index: None,
            is_dripped: false,
        }),
        entries: vec![Entry {
            rollup: LATEST,
            index,
            withdrawer: Address::repeat_byte(0xdd),
            block: BlockNumber::new(BLOCK - 300),
        }]
        .into(),
        stakes: vec![Stake {
            rollup: LATEST,
            split: Coinbase::new(Address::repeat_byte(0xc1)),
            entry: index,
            block: BlockNumber::new(BLOCK - 300),
            at,
            transaction: B256::repeat_byte(0x51),
            fate: StakeFate::Queued,
        }]
        .into(),
        since: at,
        transitions: 2,
        ..Attester::default()
    }
}

fn book(now: UnixSeconds) -> Book {
    let mut book = Book::new("mainnet");
    let chapter = Chapter {
        cursor: block(BLOCK),
        at: now,
        first_block: BlockNumber::new(23_700_000),
        latest: Some(LATEST),
        is_complete: Some(true),
        is_swept: true,
        ..Chapter::default()
    };
    book.chapter.put((), chapter);
    let rollup = Rollup {
        address: Address::repeat_byte(0xa1),
        queue: EntryQueue {
            first: QueueIndex::new(1),
            last: QueueIndex::new(u64::from(QUEUED) + 1),
        },
        ..Rollup::default()
    };
    book.rollups.put(LATEST, rollup);
    let provider = Provider {
        added: u64::from(QUEUED),
        staked: u64::from(QUEUED),
        ..Provider::default()
    };
    book.providers.put(ProviderId::new(7), provider);
    let latest = book.latest();
    for number in 1..=QUEUED {
        let mut one = queued(u64::from(number), now);
        one.standing = stage::standing(&one, latest);
        let entry = QueueEntry {
            attester: attester(number),
            withdrawer: Address::repeat_byte(0xdd),
            moves_with_latest: Some(true),
        };
        book.entry_queue
            .put((LATEST, QueueIndex::new(u64::from(number))), entry);
        book.attesters.put(attester(number), one);
    }
    book
}

/// The first attester has no coinbase; the others have the expected one.
fn keys(now: UnixSeconds) -> KeysObservation {
    let coinbase = |number| {
        if number == 1 {
            ConfiguredCoinbase::Missing
        } else {
            ConfiguredCoinbase::Set(Coinbase::new(Address::repeat_byte(0xc1)))
        }
    };
    let deployed = |number| Configured {
        coinbase: coinbase(number),
        hosts: vec![Host::new(if number % 2 == 0 { "fra-2" } else { "fra-1" })],
        files: vec![KeysFileName::new("mainnet-keys-fra-v3.json")],
    };
    let attesters = (1..=QUEUED).map(|number| (attester(number), deployed(number)));
    KeysObservation {
        keys: Arc::new(Keys {
            attesters: attesters.collect(),
            ..Keys::default()
        }),
        read_at: now,
        changed: true,
    }
}
