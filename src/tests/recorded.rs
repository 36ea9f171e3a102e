//! What was observed is recorded, and folded again it gives the same.

use std::path::Path;

use steward::{
    service::{
        check::{Finding, Verdict},
        verify::replay,
    },
    store::{
        Batch, Store, Tree,
        identity::{self, NetworkIdentity, check_identity},
        memory::MemoryStore,
        nightly::write_nightly,
    },
    units::{B256, UnixSeconds},
};

use crate::{
    watched::{NETWORK, Watched},
    world::{
        action::Action,
        blocks::{Setup, World},
        script::{OURS, Script},
    },
};

const DAY: u64 = 86_400;

/// A copy of the disk that says whose it is, as the service's own does.
fn copy(watched: &Watched) -> MemoryStore {
    let store = MemoryStore::on(watched.store.disk());
    identity::begin(&store).unwrap();
    let network = NetworkIdentity {
        name: NETWORK.to_owned(),
        chain_id: 31_337,
        block0_hash: B256::ZERO,
        registry: watched.subject.registry,
        staking_registry: watched.subject.staking_registry,
    };
    check_identity(&store, &network).unwrap();
    store
}

/// Exports the disk, under the date of so many days.
pub fn export(watched: &Watched, exports: &Path, days: u64) {
    write_nightly(
        &copy(watched),
        exports,
        7,
        UnixSeconds::new((20_000 + days) * DAY),
    )
    .unwrap();
}

/// Replays what the disk holds; gives what is said of it.
pub fn replayed(watched: &Watched, exports: &Path) -> Finding {
    only(&copy(watched), exports)
}

fn only(store: &dyn Store, exports: &Path) -> Finding {
    let mut found = replay(store, exports);
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// The records of observations: key and size.
fn records(store: &dyn Store) -> Vec<(Vec<u8>, usize)> {
    let rows = store
        .scan(Tree::Ledger, b"observed/", None, 100_000)
        .unwrap();
    rows.into_iter()
        .map(|(key, value)| (key, value.len()))
        .collect()
}

fn change(store: &MemoryStore, tree: Tree, key: &[u8], value: Option<Vec<u8>>) {
    let mut batch = Batch::default();
    match value {
        Some(value) => batch.put(tree, key, value),
        None => batch.delete(tree, key),
    }
    store.commit(&batch).unwrap();
}

/// Caught up from the first block, then followed, taken back, restarted and audited.
async fn lived() -> Watched {
    let mut setup = Setup::small(5);
    (setup.finalized_depth, setup.safe_depth) = (40, 20);
    let world = World::shared(setup);
    let mut script = Script::new(5);
    script.begin(&mut world.lock());
    for _ in 0..200 {
        script.step(&mut world.lock());
    }
    let mut watched = Watched::new(&world, 1);
    watched.is_right().await;
    for round in 0..6 {
        for _ in 0..4 {
            watched.play(|world| script.step(world));
            watched.settle(30).await;
        }
        watched.play(|world| script.shake(world, 3));
        watched.is_right().await;
        if round == 3 {
            watched.restart();
            watched.watcher.audit_next().await.unwrap();
        }
    }
    watched
}

#[tokio::test(start_paused = true)]
async fn an_honest_store_is_what_its_observations_give() {
    let exports = tempfile::tempdir().unwrap();
    let mut watched = lived().await;
    let found = replayed(&watched, exports.path());
    assert!(
        found
            .detail
            .contains("observations since the beginning (block 0): equal"),
        "{found:?}"
    );

    export(&watched, exports.path(), 0);
    watched.play(World::mine);
    watched.is_right().await;
    let found = replayed(&watched, exports.path());
    assert!(
        found
            .detail
            .starts_with("replayed 1 observations since steward-2024-10-04.jsonl"),
        "{found:?}"
    );
    assert_eq!(found.verdict, Verdict::Good);

    // A damaged export is passed over, and one that the records do not continue too.
    std::fs::write(exports.path().join("steward-2024-10-05.jsonl"), "{}").unwrap();
    let other = lived().await;
    export(&other, exports.path(), 2);
    let found = replayed(&watched, exports.path());
    assert!(found.detail.contains("equal"), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flipped_record_is_found_and_named() {
    let exports = tempfile::tempdir().unwrap();
    let watched = lived().await;
    let store = copy(&watched);
    let rows = store.scan(Tree::Derived, b"attester/", None, 1).unwrap();
    let (key, value) = rows.first().unwrap();
    let flipped = String::from_utf8(value.clone())
        .unwrap()
        .replace("\"transitions\":", "\"transitions\":7");
    change(&store, Tree::Derived, key, Some(flipped.into_bytes()));
    let found = only(&store, exports.path());
    assert_eq!(found.verdict, Verdict::Bad);
    let named = format!(
        "they differ first in attester/{NETWORK} at 0x{}: replayed {{\"v\":1,",
        data_encoding::HEXLOWER.encode(&key[key.len() - 20..])
    );
    assert!(found.detail.contains(&named), "{}", found.detail);

    // One that is gone is named too, and so is one that nobody observed.
    change(&store, Tree::Derived, key, None);
    let found = only(&store, exports.path());
    assert!(found.detail.contains("stored nothing"), "{}", found.detail);
}

#[tokio::test(start_paused = true)]
async fn a_changed_or_missing_observation_is_no_proof() {
    let exports = tempfile::tempdir().unwrap();
    let watched = lived().await;
    let store = copy(&watched);
    let all = records(&store);
    let (key, _) = &all[all.len() / 2];
    let value = store.read(Tree::Ledger, key).unwrap().unwrap();
    let changed = String::from_utf8(value).unwrap() + " ";
    change(&store, Tree::Ledger, key, Some(changed.into_bytes()));
    let found = only(&store, exports.path());
    assert_eq!(found.verdict, Verdict::Doubtful);
    assert!(
        found.detail.contains("not those that were recorded"),
        "{found:?}"
    );
    change(&store, Tree::Ledger, key, None);
    let found = only(&store, exports.path());
    assert!(found.detail.contains("is missing"), "{found:?}");
}

/// A block in which nothing happens, and an audit that finds nothing, cost next to nothing, whatever the fleet.
#[tokio::test(start_paused = true)]
async fn what_tells_nothing_new_is_not_recorded() {
    let world = World::shared(Setup::open(1, 2_000));
    Script::new(1).begin(&mut world.lock());
    world.lock().populate(OURS, 1_000_000, 1_000);
    let mut watched = Watched::new(&world, 1);
    watched.is_right().await;
    let newest = |watched: &Watched| records(&watched.store).last().unwrap().1;
    watched.play(World::mine);
    watched.is_right().await;
    watched.play(World::mine);
    watched.is_right().await;
    let idle = newest(&watched);
    watched.watcher.audit_next().await.unwrap();
    watched.play(World::mine);
    watched.is_right().await;
    let audit = newest(&watched);
    watched.play(|world| {
        let slash = Action::Slash {
            version: 1,
            attester: crate::world::action::Key::new(1_000_000).attester,
            amount: steward::units::U256::from(10).pow(steward::units::U256::from(18)),
        };
        world.act(slash).unwrap();
        world.mine();
    });
    watched.is_right().await;
    let slash = newest(&watched);
    println!("bytes recorded: idle block {idle}, audit of 1,000 attesters {audit}, slash {slash}");
    assert!(
        idle < 400 && audit < 800 && slash < 2_000,
        "{idle}, {audit}, {slash}"
    );
}
