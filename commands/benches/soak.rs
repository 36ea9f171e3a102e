//! A year of blocks, one by one: how large the store becomes, and whether memory stays where it was.
//!
//! The store lies in memory where the machine has such a file system: what is measured is its size, and no disk should wear out.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use steward::{
    clock::Clock as _,
    service::backup,
    store::{Store as _, Tree, sled::SledStore},
    units::U256,
};
use tokio::time::Instant;

use crate::{
    courier::Doorstep,
    figure::{Figure, with_unit},
    history::{Past, key},
    house::{self, House},
    machine,
    world::{action::Action, blocks::SharedWorld, endpoint::WorldEndpoint},
};

/// Days that pass; fewer for a look.
const DAYS: u64 = 365;
/// Blocks of a day, of 12 s.
const PER_DAY: u64 = 7_200;
/// Attesters that enter on a day, and that lose a little.
const ENTERING: u64 = 4;
const SLASHED: u64 = 2;
/// Days after which memory is looked at first.
const MONTH: u64 = 30;
/// Days between two lines of progress.
const LINE_EVERY: u64 = 5;

/// What is seen at the end of a day.
#[derive(Debug, Clone, Copy)]
struct Look {
    day: u64,
    store: f64,
    resident: f64,
}

fn resident() -> f64 {
    machine::mib_in(&fs::read_to_string("/proc/self/status").unwrap(), "VmRSS")
}

/// What a world without a watcher takes at the end of each of these days, in MiB: it would otherwise be counted as steward's.
fn world_after(past: Past, days: [u64; 2]) -> [f64; 2] {
    let before = resident();
    let world = past.live();
    let mut mined = 0;
    days.map(|day| {
        world.lock().mine_many((day - mined) * PER_DAY);
        mined = day;
        resident() - before
    })
}

/// What happens on a day, in one block of it.
fn events_of(world: &SharedWorld, day: u64) {
    let mut chain = world.lock();
    let (version, to_add) = (1, ENTERING);
    chain.act(Action::Flush { version, to_add }).unwrap();
    for place in 0..SLASHED {
        let attester = key(day * SLASHED + place).attester;
        let amount = U256::from(10).pow(U256::from(20));
        let slash = Action::Slash {
            version,
            attester,
            amount,
        };
        // One that left meanwhile cannot be slashed, and that is as good a day as any.
        let _refused = chain.act(slash);
    }
}

/// How many days are wanted.
#[expect(
    clippy::disallowed_methods,
    reason = "a switch of this benchmark, which the product does not know"
)]
fn days() -> u64 {
    std::env::var("STEWARD_SOAK_DAYS").map_or(DAYS, |days| days.parse().unwrap())
}

/// The year.
pub fn year() -> Vec<Figure> {
    let days = days();
    let past = Past {
        ours: 3_000,
        others: 500,
        waiting: 2_000,
        blocks: 1_000,
    };
    let begun = days.min(MONTH);
    let of_world = world_after(past, [begun, days]);
    let world = past.live();
    let endpoint = Arc::new(WorldEndpoint::new("rpc-1", &world));
    let in_memory = Path::new("/dev/shm");
    let directory = if in_memory.is_dir() {
        tempfile::tempdir_in(in_memory).unwrap()
    } else {
        tempfile::tempdir().unwrap()
    };
    let begin = Instant::now();
    let looks = {
        let store = house::store_in(directory.path());
        let house = House::over(&world, &endpoint, Arc::clone(&store));
        house::block_on(async {
            let exports = directory.path().join("exports");
            house.employ_with_exports(Arc::new(Doorstep::default()), &exports);
            house.settle().await;
            house.take_keys().await;
            let mut looks = Vec::new();
            for day in 0..days {
                events_of(&world, day);
                for _ in 0..PER_DAY {
                    world.lock().mine();
                    house.keep_time(&world);
                    house.watcher.step().await.unwrap();
                }
                backup::want_today(&house.writer, house.clock.now_ms())
                    .await
                    .unwrap();
                house.exported().await;
                house.carried().await;
                let look = Look {
                    day: day + 1,
                    store: store.size_bytes().unwrap() as f64 / f64::from(1 << 20),
                    resident: resident(),
                };
                if day % LINE_EVERY == 0 || day + 1 == days {
                    let so_far = begin.elapsed().as_secs();
                    eprintln!("{look:?} after {so_far} s");
                }
                looks.push(look);
            }
            looks
        })
    };
    figures(&looks, begun, of_world, directory.path())
}

/// Rows and bytes by kind, the largest last.
fn show_what_it_holds(store: &SledStore) {
    let mut kinds: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for tree in [
        Tree::Meta,
        Tree::Derived,
        Tree::Kept,
        Tree::Undo,
        Tree::Ledger,
    ] {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(tree, b"", after.as_deref(), 4096).unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, value) in &page {
                let kind = key
                    .split(|byte| !byte.is_ascii_alphabetic())
                    .next()
                    .unwrap_or_default();
                let kind = format!("{tree:?} {}", String::from_utf8_lossy(kind));
                let (rows, bytes) = kinds.entry(kind).or_default();
                *rows += 1;
                *bytes += key.len() + value.len();
            }
        }
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, (_, bytes))| *bytes);
    for (kind, (rows, bytes)) in kinds {
        eprintln!("  {kind}: {rows} rows, {} KiB", bytes / 1024);
    }
}

fn figures(looks: &[Look], begun: u64, of_world: [f64; 2], directory: &Path) -> Vec<Figure> {
    let days = looks.len();
    let blocks = with_unit((days as u64 * PER_DAY) as f64, "");
    let largest = looks.iter().map(|look| look.store).fold(0.0, f64::max);
    let month = *looks.get(begun as usize - 1).unwrap();
    let last = *looks.last().unwrap();
    let begin = Instant::now();
    let store = SledStore::open(directory).unwrap();
    let took = begin.elapsed().as_secs_f64();
    show_what_it_holds(&store);
    let after = store.size_bytes().unwrap() as f64 / f64::from(1 << 20);
    vec![
        Figure::at_most(
            format!("soak: {days} days, {blocks} blocks: the store at its largest"),
            largest,
            1_024.0,
            "MiB",
        ),
        Figure::plain("soak: the store at the end", with_unit(last.store, "MiB")),
        Figure::plain(
            "soak: the store after the next start",
            format!("{} (opened in {took:.2} s)", with_unit(after, "MiB")),
        ),
        Figure::plain(
            format!(
                "soak: resident memory after {} and after {} days, without the world that is watched",
                month.day, last.day
            ),
            format!(
                "{} / {}",
                with_unit(month.resident - of_world[0], "MiB"),
                with_unit(last.resident - of_world[1], "MiB")
            ),
        ),
    ]
}
