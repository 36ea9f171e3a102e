//! What is scraped, ruled on and drawn is what is exposed: `deploy/prometheus` and `deploy/grafana` are held to
//! `docs/METRICS.md`, to the exposition's snapshot, and to the runbook. Nothing here needs promtool or Grafana.

mod exposition;
mod expression;
mod panels;
mod rules;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const RUNBOOK: &str = "https://github.com/aztec-steward/steward/blob/main/docs/OPERATING.md#";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder whose names end so, in the order of their names.
fn files(folder: &str, end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(end));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no file *{end}");
    paths
}

/// The anchors of the runbook, as GitHub makes them of its headings.
fn anchors() -> BTreeSet<String> {
    let page = read("docs/OPERATING.md");
    let headings = page.lines().filter_map(|line| {
        let text = line.trim_start_matches('#');
        (text.len() < line.len()).then(|| text.trim().to_lowercase().replace(' ', "-"))
    });
    headings.collect()
}

/// Why a link into the runbook leads nowhere.
fn dead_link(url: &str, anchors: &BTreeSet<String>) -> Option<String> {
    let Some(anchor) = url.strip_prefix(RUNBOOK) else {
        return Some(format!("{url} is not in the runbook"));
    };
    (!anchors.contains(anchor)).then(|| format!("docs/OPERATING.md has no heading #{anchor}"))
}

#[test]
fn rules_and_cards_lead_to_the_same_page() {
    let page = RUNBOOK.trim_end_matches('#');
    assert!(read("src/service/build.rs").contains(page));
}
