//! How what steward costs grows with the fleet.

use std::time::Duration;

use fake::Spec;
use serde_json::json;
use tokio::time::Instant;

use crate::{
    figure::{self, Figure, with_unit},
    house, machine,
    process::Stage,
    store,
};

/// Sizes of fleets.
const FLEETS: [u64; 5] = [10, 100, 1_000, 10_000, 100_000];
/// Blocks that are followed at each size.
const BLOCKS: u64 = 400;
/// Slash commands at each size.
const ASKED: usize = 20;
/// Longer than any reply takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// What one fleet costs.
struct Cost {
    ours: u64,
    requests: f64,
    cpu: f64,
    resident: f64,
    store: f64,
    start: f64,
    scrape: f64,
    reply: f64,
}

/// What is told of a fleet, its unit, and where it stands.
type Column = (&'static str, &'static str, fn(&Cost) -> f64);

const COLUMNS: [Column; 7] = [
    ("requests per block", "", |cost| cost.requests),
    ("processor time per block", "ms", |cost| cost.cpu),
    ("resident memory", "MiB", |cost| cost.resident),
    ("store after a year of changes", "MiB", |cost| cost.store),
    ("start after it", "s", |cost| cost.start),
    ("`/metrics`, p95", "ms", |cost| cost.scrape),
    ("`/status` in Discord, p95", "ms", |cost| cost.reply),
];

/// All fleets; writes the table of `docs/PERFORMANCE.md`.
pub fn with_the_fleet() -> Vec<Figure> {
    let measure = |ours: &u64| {
        eprintln!("  {ours} attesters ...");
        house::block_on(cost_of(*ours))
    };
    let costs: Vec<Cost> = FLEETS.iter().map(measure).collect();
    figure::write_between("growth", &table(&costs));
    let told = costs.iter().flat_map(|cost| {
        COLUMNS.iter().map(|(what, unit, value)| {
            let size = with_unit(cost.ours as f64, "");
            let what = format!("growth, {size} attesters: {what}");
            Figure::plain(what, with_unit(value(cost), unit))
        })
    });
    told.collect()
}

async fn cost_of(ours: u64) -> Cost {
    let year = tokio::task::spawn_blocking(move || store::year_of(ours))
        .await
        .unwrap();
    let stage = Stage::set(ours).await;
    let process = stage.start();
    stage
        .until("at the head", async || stage.is_at_the_head().await)
        .await;
    stage.follow(40).await;
    let (spent, asked) = (process.cpu_ns(), stage.requests());
    let scrapes = stage.follow(BLOCKS).await;
    let per_block = |total: u64| total as f64 / BLOCKS as f64;
    let (cpu, requests) = (process.cpu_ns() - spent, stage.requests() - asked);
    let resident = process.mib("VmRSS");
    let mut replies = Vec::new();
    for _ in 0..ASKED {
        let begin = Instant::now();
        let asked = stage.discord.slash(Spec::ALICE, "status", &json!({}));
        asked.unwrap().reply(PATIENCE).await.unwrap();
        replies.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    replies.sort_by(f64::total_cmp);
    process.end();
    Cost {
        ours,
        requests: per_block(requests),
        cpu: per_block(cpu) / 1e6,
        resident,
        store: year.calm,
        start: year.read,
        scrape: machine::percentile(&scrapes, 95),
        reply: machine::percentile(&replies, 95),
    }
}

fn table(costs: &[Cost]) -> String {
    let sizes = costs.iter().map(|cost| with_unit(cost.ours as f64, ""));
    let mut lines = vec![
        format!("{}.", machine::description()),
        String::new(),
        format!("| attesters | {} |", sizes.collect::<Vec<_>>().join(" | ")),
        format!("|---|{}", "---:|".repeat(costs.len())),
    ];
    lines.extend(COLUMNS.iter().map(|(what, unit, value)| {
        let values = costs.iter().map(|cost| with_unit(value(cost), unit));
        format!("| {what} | {} |", values.collect::<Vec<_>>().join(" | "))
    }));
    lines.join("\n")
}
