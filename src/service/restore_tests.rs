//! A database is damaged, and the service comes up again: what stays, what is doubted, what is told.

use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::{
    alert::{
        card::Message,
        class::Class,
        incident::State as Handling,
        notice::{Notice, NoticeId},
        text::Explorer,
    },
    desk::{Bureau, Desk, Letterhead, RESTORED_STANDS},
    outbox::{Routes, courier::ChannelId, delivery::DeliveryState},
    provider::coinbase::{CommonCoinbases, Rungs},
    state::{HOUSE, State},
    store::nightly::write_nightly,
    units::{B256, BlockNumber, BlockRef, ProviderId},
    watcher::ProviderRef,
    writer::Writer,
};

const NETWORK: &str = "mainnet";
const NOW: UnixSeconds = UnixSeconds::new(1_795_000_000);

fn notice(occurrence: u64, block: u64) -> Notice {
    let class = Class::AttesterTransition;
    Notice {
        id: NoticeId::new(NETWORK, "0x12", class, occurrence, ""),
        class,
        route: class.route(),
        message: Message::default(),
        row: Vec::new(),
        cause: Some(BlockRef {
            number: BlockNumber::new(block),
            hash: B256::repeat_byte(1),
        }),
        reply_to: None,
    }
}

fn routes() -> Routes {
    Routes::new(ChannelId(1), ChannelId(2))
}

/// A store that was read up to block 100 and owes one message of block 99, with an export of it.
async fn exported() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let opened = open(home.path(), NOW).unwrap();
    assert_eq!(opened.restored, None, "nothing was wrong");
    let store = std::sync::Arc::new(opened.store);
    identity::begin(store.as_ref()).unwrap();
    let state = State::load([NETWORK], store.as_ref(), 1).unwrap();
    let writer = Writer::new(state, store.clone());
    writer
        .commit(|state, _| {
            state.book_or_new(NETWORK).change_chapter(|chapter| {
                chapter.cursor.number = BlockNumber::new(100);
            });
            state.change_progress(NETWORK, |progress| {
                progress.is_introduced = true;
                progress.floor = BlockNumber::new(50);
            });
            let notices = vec![notice(1, 99)];
            state
                .outbox
                .owe(&mut state.jobs, NOW.value() * 1000, notices, &routes());
            assert_eq!(
                Floors::of(state).0[NETWORK],
                BlockNumber::new(98),
                "what waits is not announced yet"
            );
            Ok::<_, std::convert::Infallible>(())
        })
        .await
        .unwrap();
    write_nightly(store.as_ref(), &home.path().join(EXPORTS), 7, NOW).unwrap();
    drop(writer);
    close(store, &home);
    home
}

/// Drops the store and waits until the threads of sled have let go of its files.
fn close(store: std::sync::Arc<SledStore>, home: &TempDir) {
    drop(std::sync::Arc::into_inner(store).unwrap());
    let log = home.path().join("store/db/db");
    File::open(log).unwrap().lock().unwrap();
}

fn damage(home: &TempDir) {
    fs::write(home.path().join("store/db/db"), vec![0xa5; 100_000]).unwrap();
}

fn announced(home: &TempDir, block: u64) {
    let floors = [(NETWORK.to_owned(), BlockNumber::new(block))];
    Floors(floors.into()).write(home.path()).unwrap();
}

#[tokio::test]
async fn a_damaged_database_is_replaced_by_the_newest_export_and_old_news_stays_old() {
    let home = exported().await;
    announced(&home, 130);
    damage(&home);
    let opened = open(home.path(), NOW).unwrap();
    let restored = opened.restored.unwrap();
    assert_eq!(restored.facts.export_at, Some(NOW));
    assert!(restored.facts.moved_to.ends_with("store.damaged-1"));
    assert_eq!(last(&opened.store).unwrap(), Some(restored));
    let state = State::load([NETWORK], &opened.store, 2).unwrap();
    let book = state.book(NETWORK).unwrap();
    assert_eq!(book.summary().cursor.number, BlockNumber::new(100));
    let progress = state.progress.row(&NETWORK.to_owned()).unwrap();
    assert_eq!(
        progress.floor,
        BlockNumber::new(130),
        "the file is newer than the export"
    );
    let delivery = state.outbox.deliveries().next().unwrap();
    let DeliveryState::Started(started) = &delivery.state else {
        panic!("{:?}", delivery.state)
    };
    assert!(started.is_uncertain, "it is searched for before it is sent");
    assert_eq!(started.first_attempt_at_ms, delivery.owed_at_ms);
    assert!(!home.path().join(MARK).exists());
}

#[tokio::test]
async fn without_a_sound_export_only_the_floor_survives() {
    let home = exported().await;
    announced(&home, 130);
    fs::remove_dir_all(home.path().join(EXPORTS)).unwrap();
    damage(&home);
    let opened = open(home.path(), NOW).unwrap();
    assert_eq!(opened.restored.unwrap().facts.export_at, None);
    let state = State::load([NETWORK], &opened.store, 1).unwrap();
    let progress = state.progress.row(&NETWORK.to_owned()).unwrap();
    assert_eq!(progress.floor, BlockNumber::new(130));
    assert!(
        progress.is_introduced,
        "the floor is not the head of the next start"
    );
}

#[tokio::test]
async fn a_restoration_that_was_killed_half_way_is_begun_again() {
    let home = exported().await;
    damage(&home);
    let moved = SledStore::open_or_move_aside(home.path()).unwrap();
    note_mark(&home.path().join(MARK), &moved.moved_aside.unwrap()).unwrap();
    let mut table = Table::<identity::NetworkIdentity>::new("");
    table.put(
        "half".to_owned(),
        identity::NetworkIdentity {
            name: "half".to_owned(),
            chain_id: 1,
            block0_hash: B256::ZERO,
            registry: Default::default(),
            staking_registry: Default::default(),
        },
    );
    commit(&moved.store, &mut table).unwrap();
    close(std::sync::Arc::new(moved.store), &home);
    let opened = open(home.path(), NOW).unwrap();
    let restored = opened.restored.unwrap();
    assert_eq!(restored.facts.export_at, Some(NOW));
    assert!(restored.facts.moved_to.ends_with("store.damaged-1"));
    assert!(identity::networks(&opened.store).unwrap().is_empty());
}

fn desk() -> Desk {
    let bureau = Bureau {
        network: NETWORK.to_owned(),
        provider_label: "provider 3".to_owned(),
        provider: ProviderRef::Id(ProviderId::new(3)),
        explorer: Explorer(None),
        routes: routes(),
        rungs: Rungs::new([]),
        common: CommonCoinbases::new([]),
        single_max_age: Duration::from_secs(86_400),
        head_age_max: None,
        has_keys_dir: false,
        endpoints: None,
    };
    Desk::new(Letterhead::default(), vec![bureau])
}

/// The incidents about restored databases: how each stands.
fn told(state: &State) -> Vec<Handling> {
    let incidents = state.incidents.get(HOUSE).unwrap();
    let rows = incidents.rows.rows().map(|(_, incident)| incident);
    rows.filter(|incident| incident.class == Class::StoreRestored)
        .map(|incident| incident.state)
        .collect()
}

fn restored() -> Restored {
    Restored {
        at: NOW,
        facts: RestoredFacts {
            detail: "the log is no log".to_owned(),
            export_at: None,
            moved_to: "data/store.damaged-1".to_owned(),
            lost: None,
        },
    }
}

#[test]
fn the_channel_is_told_once_and_until_somebody_acknowledges() {
    let desk = desk();
    let mut state = State::default();
    let at = |seconds: u64| (NOW.value() + seconds) * 1000;
    desk.judge(&mut state, NETWORK, at(0));
    assert_eq!(told(&state), []);
    desk.report_restored(restored());
    desk.judge(&mut state, NETWORK, at(1));
    desk.judge(&mut state, NETWORK, at(86_400));
    assert_eq!(told(&state), [Handling::Open]);
    let incidents = state.incidents.get_mut(HOUSE).unwrap();
    let id = incidents.rows.rows().next().unwrap().0.clone();
    incidents
        .rows
        .change(&id, |incident| incident.state = Handling::Acknowledged);
    desk.judge(&mut state, NETWORK, at(86_500));
    assert_eq!(told(&state), [Handling::Resolved]);
    desk.judge(&mut state, NETWORK, at(86_600));
    assert_eq!(told(&state), [Handling::Resolved], "it is not raised again");
}

#[test]
fn after_its_time_it_is_over_by_itself() {
    let desk = desk();
    let mut state = State::default();
    desk.report_restored(restored());
    desk.judge(&mut state, NETWORK, NOW.value() * 1000);
    assert_eq!(told(&state), [Handling::Open]);
    let after = NOW.value() + RESTORED_STANDS.as_secs() + 1;
    desk.judge(&mut state, NETWORK, after * 1000);
    assert_eq!(told(&state), [Handling::Resolved]);
}
