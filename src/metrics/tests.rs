//! The exposition, and the table in the documentation that must say the same.

use std::collections::BTreeMap;

use super::*;
use crate::{attester::Stage, views::sample::Sample};

fn all_on() -> Metrics {
    let per_attester = PerAttester {
        is_on: true,
        attesters_max: 2,
    };
    Metrics::new(per_attester).unwrap()
}

/// Name, type and labels, and help of every family of an exposition.
fn families(text: &str) -> BTreeMap<String, (String, String, String)> {
    let mut families: BTreeMap<String, (String, String, String)> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                families.entry(name.to_owned()).or_default().2 = help.to_owned();
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                families.entry(name.to_owned()).or_default().0 = kind.to_owned();
            }
            _ => {
                let (name, rest) = line.split_once(['{', ' ']).unwrap();
                let Some(family) = families.get_mut(name) else {
                    continue;
                };
                let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
                let names = labels
                    .split("\",")
                    .filter_map(|label| label.split_once('='));
                let names: Vec<&str> = names.map(|(name, _)| name).collect();
                family.1 = names.join(", ");
            }
        }
    }
    families
}

#[test]
fn the_exposition_keeps_its_form() {
    let sample = Sample::new();
    let metrics = all_on();
    metrics
        .live()
        .changed("mainnet", Stage::RollupEntryQueue, Stage::Active);
    let text = metrics.gather(&sample.glance()).unwrap();
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("metrics", text);
    });
}

#[test]
fn every_metric_is_documented_as_it_is_exposed() {
    let sample = Sample::new();
    let metrics = all_on();
    metrics
        .live()
        .detected("mainnet", std::time::Duration::from_secs(2));
    let exposed = families(&metrics.gather(&sample.glance()).unwrap());
    let mut table = String::new();
    for (name, (kind, labels, help)) in &exposed {
        // The labels of a histogram stand at its buckets, whose names are longer.
        let labels = if name == "steward_detection_latency_seconds" {
            "network"
        } else {
            labels
        };
        table.push_str(&format!("| `{name}` | {kind} | {labels} | {help} |\n"));
    }
    let documented = include_str!("../../docs/METRICS.md");
    assert!(
        documented.contains(&table),
        "docs/METRICS.md must hold this table:\n{table}"
    );
}

#[test]
fn a_series_ends_with_its_subject_and_counters_do_not_grow_by_looking() {
    let mut sample = Sample::new();
    let metrics = all_on();
    let before = metrics.gather(&sample.glance()).unwrap();
    assert_eq!(before, metrics.gather(&sample.glance()).unwrap());
    assert!(before.contains("endpoint=\"rpc-2\""));
    let network = sample.networks.get_mut("mainnet").unwrap();
    network.endpoints.pop();
    network.keys = None;
    let after = metrics.gather(&sample.glance()).unwrap();
    assert!(!after.contains("endpoint=\"rpc-2\""));
    assert!(!after.contains("host=\"fra-1\""));
    assert!(after.contains("steward_series_truncated{network=\"mainnet\"} 3"));
}

#[test]
fn no_attester_has_series_of_its_own_unless_asked_for() {
    let metrics = Metrics::new(PerAttester::default()).unwrap();
    let text = metrics.gather(&Sample::new().glance()).unwrap();
    assert!(!text.contains("attester=\""));
    assert!(text.contains("steward_series_truncated{network=\"mainnet\"} 0"));
}

#[test]
fn what_is_unknown_is_absent_and_never_zero() {
    let metrics = Metrics::new(PerAttester::default()).unwrap();
    let text = metrics.gather(&Sample::new().glance()).unwrap();
    for name in [
        "l1_head_block",
        "processed_block",
        "finalized_block",
        "history_complete",
    ] {
        assert!(
            !text.contains(&format!("steward_{name}{{network=\"testnet\"}}")),
            "{name}"
        );
    }
}
