//! Resident memory, of a process of its own per size.

use std::{process::Command, sync::Arc};

use steward::chain::{
    BlockTag, Chain, EndpointName,
    rpc::{HttpEndpoint, HttpOptions},
};

use crate::{
    catch_up::RESULTS_MAX,
    courier::Doorstep,
    figure::Figure,
    history::Past,
    house::{self, House, Site},
    machine, rpc,
    world::endpoint::WorldEndpoint,
};

/// The argument that makes this program the process that is measured.
pub const CHILD: &str = "--resident";

/// Sizes, and what they may take in MiB.
const SIZES: [(u64, f64); 2] = [(10_000, 64.0), (100_000, 256.0)];
/// Blocks that are followed at the head.
const BLOCKS: u64 = 1_000;

/// Resident memory of catch-up and of 1,000 blocks after it.
pub fn resident() -> Vec<Figure> {
    let mut figures = Vec::new();
    for (ours, most) in SIZES {
        let world = Past::of(ours).live();
        let endpoint = Arc::new(
            WorldEndpoint::new("rpc-1", &world)
                .with(|manners| manners.results_max = Some(RESULTS_MAX)),
        );
        let site = Site::of(&world);
        let said = house::block_on(async {
            let url = rpc::serve(&world, endpoint).await;
            let directory = tempfile::tempdir().unwrap();
            let mut child = Command::new(std::env::current_exe().unwrap());
            child.arg(CHILD).arg(url).arg(directory.path());
            child.arg(site.registry.to_string());
            child.arg(site.staking_registry.to_string());
            child.arg(site.first_block.to_string());
            let run = tokio::task::spawn_blocking(move || child.output());
            let run = run.await.unwrap().unwrap();
            assert!(
                run.status.success(),
                "{}",
                String::from_utf8_lossy(&run.stderr)
            );
            String::from_utf8(run.stdout).unwrap()
        });
        let said: Vec<f64> = said
            .split_whitespace()
            .map(|word| word.parse().unwrap())
            .collect();
        let size = crate::figure::with_unit(ours as f64, "");
        figures.push(Figure::at_most(
            format!("resident memory with {size} attesters after catch-up and 1,000 blocks"),
            said[2],
            most,
            "MiB",
        ));
        figures.push(Figure::at_most(
            format!("peak of resident memory in catch-up, {size} attesters"),
            said[0],
            2.0 * most,
            "MiB",
        ));
        figures.push(Figure::plain(
            format!("resident memory when the head was reached, {size} attesters"),
            crate::figure::with_unit(said[1], "MiB"),
        ));
    }
    figures
}

/// The process that is measured: tells peak of the catch-up, memory after it, memory after 1,000 blocks.
pub fn child(arguments: &[String]) {
    let [url, directory, registry, staking_registry, first_block] = arguments else {
        panic!("five arguments are wanted");
    };
    let site = Site {
        registry: registry.parse().unwrap(),
        staking_registry: staking_registry.parse().unwrap(),
        first_block: first_block.parse().unwrap(),
    };
    let secret = url.clone().into();
    let options = HttpOptions::default();
    let endpoint = HttpEndpoint::new(EndpointName::new("rpc-1"), &secret, &options).unwrap();
    let endpoint = Arc::new(endpoint);
    let store = house::store_in(directory.as_ref());
    house::block_on(async {
        let head = endpoint.header(BlockTag::Latest).await.unwrap().unwrap();
        let now = head.timestamp.saturating_add(2);
        let house = House::new(site, endpoint.clone(), store, now);
        house.employ(Arc::new(Doorstep::default()));
        house.settle().await;
        let peak = machine::status_mib("VmHWM");
        let reached = machine::status_mib("VmRSS");
        house.take_keys().await;
        let client = reqwest::Client::new();
        for _ in 0..BLOCKS {
            let mine = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": rpc::MINE});
            client.post(url).json(&mine).send().await.unwrap();
            let head = endpoint.header(BlockTag::Latest).await.unwrap().unwrap();
            house.clock.set(head.timestamp.saturating_add(2));
            house.settle().await;
        }
        println!("{peak} {reached} {}", machine::status_mib("VmRSS"));
    });
}
