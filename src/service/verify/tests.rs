//! A store that fits, and stores that do not.

use crate::{
    attester::{Attester, Membership},
    book::records::{Provider, ProviderQueueEntry},
    service::check::Verdict,
    state::State,
    store::{
        Batch, Store as _, Tree,
        identity::{self, NetworkIdentity, check_identity},
        memory::MemoryStore,
    },
    units::{Address, AttesterAddress, B256, BlockNumber, ProviderId, QueueIndex},
    writer::Tables as _,
};

const NETWORK: &str = "mainnet";
const OURS: ProviderId = ProviderId::new(3);

fn attester(byte: u8) -> AttesterAddress {
    AttesterAddress::new(Address::repeat_byte(byte))
}

/// A store with two keys in the provider's queue, read from block 10 to 20, and then `spoilt`.
fn findings(spoil: impl FnOnce(&mut State)) -> Vec<String> {
    let store = MemoryStore::new();
    identity::begin(&store).unwrap();
    let network = NetworkIdentity {
        name: NETWORK.to_owned(),
        chain_id: 1,
        block0_hash: B256::ZERO,
        registry: Address::ZERO,
        staking_registry: Address::ZERO,
    };
    check_identity(&store, &network).unwrap();
    let mut state = State::default();
    let book = state.book_or_new(NETWORK);
    book.change_chapter(|chapter| {
        chapter.first_block = BlockNumber::new(10);
        chapter.cursor.number = BlockNumber::new(20);
    });
    let provider = Provider {
        last: QueueIndex::new(3),
        added: 2,
        ..Provider::default()
    };
    book.providers.put(OURS, provider);
    for place in 1..=2_u8 {
        let index = QueueIndex::new(u64::from(place));
        let entry = ProviderQueueEntry {
            attester: attester(place),
        };
        book.provider_queue.put((OURS, index), entry);
        let mut row = Attester {
            membership: Some(Membership {
                provider: OURS,
                queue_index: Some(index),
                is_dripped: false,
            }),
            ..Attester::default()
        };
        row.standing = crate::attester::stage::standing(&row, None);
        book.attesters.put(attester(place), row);
    }
    state.change_progress(NETWORK, |progress| {
        progress
            .covered
            .add(BlockNumber::new(10), BlockNumber::new(20));
    });
    spoil(&mut state);
    let mut batch = Batch::default();
    for table in state.tables() {
        table.drain(&mut batch, None).unwrap();
    }
    store.commit(&batch).unwrap();
    let (found, _) = super::store(&store);
    found
        .into_iter()
        .filter(|finding| finding.verdict != Verdict::Good)
        .map(|finding| finding.detail)
        .collect()
}

#[test]
fn what_fits_gives_no_difference() {
    assert_eq!(findings(|_| ()), Vec::<String>::new());
}

#[test]
fn what_does_not_fit_is_named() {
    let gap = findings(|state| {
        state.change_progress(NETWORK, |progress| {
            progress.covered = Default::default();
            progress
                .covered
                .add(BlockNumber::new(10), BlockNumber::new(14));
            progress
                .covered
                .add(BlockNumber::new(16), BlockNumber::new(20));
        });
    });
    assert_eq!(
        gap,
        ["1 difference:\nthe logs of blocks 15 to 15 were not read"]
    );
    let place = findings(|state| {
        let book = state.book_or_new(NETWORK);
        book.provider_queue.remove(&(OURS, QueueIndex::new(1)));
    });
    assert_eq!(
        place,
        ["1 difference:\nthe queue of provider 3 has no place 1"]
    );
    let count = findings(|state| {
        let book = state.book_or_new(NETWORK);
        book.providers.change(&OURS, |provider| provider.added = 5);
    });
    assert_eq!(
        count,
        ["1 difference:\nprovider 3: 5 keys added - 0 dripped - 0 staked = 5, but 2 wait"]
    );
    let standing = findings(|state| {
        let book = state.book_or_new(NETWORK);
        book.attesters
            .change(&attester(1), |row| row.standing = Default::default());
    });
    assert!(
        standing[0].contains("is recorded as NEW, and IN_STAKING_PROVIDER_QUEUE follows"),
        "{standing:?}"
    );
}

#[test]
fn a_record_that_cannot_be_read_is_named_and_ends_it() {
    let store = MemoryStore::new();
    identity::begin(&store).unwrap();
    let mut batch = Batch::default();
    batch.put(Tree::Kept, "progress/\0mainnet", b"{}".as_slice());
    store.commit(&batch).unwrap();
    let (found, state) = super::store(&store);
    assert!(state.is_none());
    assert!(
        found[0].detail.contains("the record progress at"),
        "{found:?}"
    );
}
