//! From the first block to the head: decode, fold, and the whole way into the store.

use std::{sync::Arc, time::Duration};

use steward::{
    book::{
        Book,
        fold::{Fold, Mode, Ours},
    },
    chain::{Header, Log, endpoints::Options},
    clock::ManualClock,
    store::Batch,
    units::ProviderId,
    watcher::{
        discover,
        logs::{Reading, catch_up_filter},
    },
    writer::Tables,
};
use tokio::time::Instant;

use crate::{
    figure::{Figure, with_unit},
    history::{OURS, Past},
    house::{self, House, Site},
    machine,
    world::{blocks::SharedWorld, endpoint::WorldEndpoint},
};

/// Attesters whose life makes a million logs that the fold acts on.
const ATTESTERS_OF_A_MILLION: u64 = 244_000;
/// What one range brings at most, as at Infura.
pub const RESULTS_MAX: usize = 10_000;

fn a_million_logs() -> SharedWorld {
    let ours = 10_000;
    Past {
        ours,
        others: ATTESTERS_OF_A_MILLION - ours,
        waiting: 200,
        blocks: 400_000,
    }
    .live()
}

/// A book with the contracts of a world and nothing else.
fn empty_book(world: &SharedWorld) -> Book {
    let endpoint = Arc::new(WorldEndpoint::new("rpc-1", world));
    let head: Header = world.lock().head().clone();
    let site = Site::of(world);
    let endpoints = steward::chain::endpoints::Endpoints::new(
        vec![endpoint],
        Vec::new(),
        Arc::new(ManualClock::new(head.timestamp)),
        Options::default(),
    );
    let found = house::block_on(discover::rollups(&endpoints, &head, site.registry)).unwrap();
    let mut book = Book::new(house::NETWORK);
    for (version, rollup) in found {
        book.rollups.put(version, rollup);
    }
    book.change_chapter(|chapter| {
        chapter.registry = site.registry;
        chapter.staking_registry = site.staking_registry;
    });
    book
}

/// Logs a second through decoder and fold, on one core.
pub fn decode_and_fold() -> Vec<Figure> {
    let world = a_million_logs();
    let mut book = empty_book(&world);
    let contracts = book.contracts();
    let filter = catch_up_filter(&contracts);
    let logs: Vec<Log> = world
        .lock()
        .logs()
        .filter(|log| filter.addresses.contains(&log.address))
        .filter(|log| filter.topics.contains(&log.topics[0]))
        .cloned()
        .collect();
    drop(world);
    let ours = Ours {
        providers: [ProviderId::new(OURS)].into(),
        ..Ours::default()
    };
    let (mut decoding, mut folding, mut encoding) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    for range in logs.chunks(RESULTS_MAX) {
        let begin = Instant::now();
        let reading = Reading::of(&contracts, range, |block| {
            steward::units::UnixSeconds::new(block.value() * 12)
        });
        decoding += begin.elapsed();
        let begin = Instant::now();
        let mut fold = Fold::new(&mut book, &ours, Mode::CatchUp);
        fold.events(&reading.seen);
        let outcome = fold.finish();
        folding += begin.elapsed();
        assert_eq!(outcome.faults, []);
        let begin = Instant::now();
        let mut batch = Batch::default();
        for table in book.tables() {
            table.drain(&mut batch, None).unwrap();
        }
        encoding += begin.elapsed();
    }
    let count = logs.len() as f64;
    let rate = |time: Duration| count / time.as_secs_f64();
    let both = rate(decoding + folding);
    vec![
        Figure::at_least(
            format!("decode and fold, {} logs, one core", with_unit(count, "")),
            both,
            300_000.0,
            "logs/s",
        ),
        Figure::plain("of that, decode alone", with_unit(rate(decoding), "logs/s")),
        Figure::plain("of that, fold alone", with_unit(rate(folding), "logs/s")),
        Figure::plain(
            "the records of these logs put into their form on disk",
            with_unit(rate(encoding), "logs/s"),
        ),
    ]
}

/// A million logs from the first block to the head, into a store on the disk.
pub fn end_to_end() -> Vec<Figure> {
    let world = a_million_logs();
    let endpoint = Arc::new(
        WorldEndpoint::new("rpc-1", &world).with(|manners| manners.results_max = Some(RESULTS_MAX)),
    );
    let directory = tempfile::tempdir().unwrap();
    let store = house::store_in(directory.path());
    let house = House::over(&world, &endpoint, Arc::clone(&store));
    let cpu = machine::cpu_ns();
    let begin = Instant::now();
    house::block_on(house.settle());
    let took = begin.elapsed().as_secs_f64();
    let cpu = (machine::cpu_ns() - cpu) as f64 / 1e9;
    let (attesters, faults) = house::block_on(async {
        let state = house.writer.read().await;
        let book = state.book(house::NETWORK).unwrap();
        (book.attesters.len(), book.unknown_events.len())
    });
    assert_eq!(faults, 0);
    let requests = endpoint.requests();
    let ranges = requests.get("eth_getLogs").copied().unwrap_or_default();
    vec![
        Figure::plain(
            format!(
                "catch-up of 1 M logs over 400,000 blocks, to the swept head, into the store ({attesters} attesters, {ranges} eth_getLogs of at most {RESULTS_MAX} logs)"
            ),
            with_unit(took, "s"),
        ),
        Figure::plain("processor time of that", with_unit(cpu, "s")),
        Figure::plain(
            "the store after it",
            with_unit(
                store.size_bytes().unwrap() as f64 / f64::from(1 << 20),
                "MiB",
            ),
        ),
    ]
}
