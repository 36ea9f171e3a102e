//! What steward exposes, as its own documents say.

use std::collections::{BTreeMap, BTreeSet};

use super::read;

/// Labels whose values are written in the code; those of the others come from chains, files and settings.
const CLOSED: [&str; 9] = [
    "assumption",
    "class",
    "end",
    "from",
    "le",
    "outcome",
    "state",
    "to",
    "verdict",
];

/// The series of steward and of Prometheus, with what a recording rule adds.
#[derive(Debug)]
pub(super) struct Exposition {
    labels: BTreeMap<String, BTreeSet<String>>,
    values: BTreeMap<(String, String), BTreeSet<String>>,
}

impl Exposition {
    /// The table of `docs/METRICS.md` for names and labels, the snapshot of the exposition for values.
    pub(super) fn read() -> Self {
        let mut known = Self {
            labels: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        let page = read("docs/METRICS.md");
        for row in page.lines().filter(|line| line.starts_with("| `steward_")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let labels = cells[3].split(", ").filter(|label| !label.is_empty());
            known.add_metric(cells[1].trim_matches('`'), cells[2], labels);
        }
        assert!(known.labels.len() > 40, "docs/METRICS.md has a table");
        for line in read("src/metrics/snapshots/metrics.snap").lines() {
            known.add_values(line);
        }
        // Prometheus' own: the scrape, and the alerts with the labels that most of them carry.
        known.add("up", []);
        let alerts = ["alertname", "alertstate", "severity", "network", "provider"];
        known.add("ALERTS", alerts);
        known
    }

    fn add_metric<'a>(
        &mut self,
        name: &str,
        kind: &str,
        labels: impl Iterator<Item = &'a str> + Clone,
    ) {
        if kind == "histogram" {
            self.add(&format!("{name}_bucket"), labels.clone().chain(["le"]));
            self.add(&format!("{name}_sum"), labels.clone());
            self.add(&format!("{name}_count"), labels);
        } else {
            self.add(name, labels);
        }
    }

    /// What every scraped series carries beside its own labels is added here.
    fn add<'a>(&mut self, name: &str, labels: impl IntoIterator<Item = &'a str>) {
        let labels = labels.into_iter().chain(["job", "instance"]);
        let labels = labels.map(str::to_owned).collect();
        assert!(
            self.labels.insert(name.to_owned(), labels).is_none(),
            "{name} twice"
        );
    }

    /// A recording rule, with the labels that its expression leaves.
    pub(super) fn record(&mut self, name: &str, labels: BTreeSet<String>) {
        assert!(
            self.labels.insert(name.to_owned(), labels).is_none(),
            "{name} twice"
        );
    }

    fn add_values(&mut self, line: &str) {
        let Some((name, rest)) = line.split_once('{') else {
            return;
        };
        let labels = rest.rsplit_once('}').map_or("", |(labels, _)| labels);
        for label in labels.split("\",") {
            if let Some((label, value)) = label.split_once("=\"") {
                let key = (name.to_owned(), label.to_owned());
                let value = value.trim_end_matches('"').to_owned();
                self.values.entry(key).or_default().insert(value);
            }
        }
    }

    /// The labels of a series; none where nobody exposes it.
    pub(super) fn labels(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.labels.get(name)
    }

    /// Why `label` never has this value on `name`; none where it may have it.
    pub(super) fn impossible(&self, name: &str, label: &str, value: &str) -> Option<String> {
        // A recording rule leaves the values as they are.
        let name = name.split(':').nth(1).unwrap_or(name);
        let values = self.values.get(&(name.to_owned(), label.to_owned()))?;
        let is_closed = CLOSED.contains(&label) && !values.contains(value);
        is_closed.then(|| format!("{name}: {label} is never {value:?}, but one of {values:?}"))
    }
}
