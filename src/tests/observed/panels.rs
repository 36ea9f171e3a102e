//! The dashboards of Grafana.

use std::{path::PathBuf, process::Command};

use serde_json::Value;

use super::{anchors, dead_link, exposition::Exposition, expression, files, root, rules};

fn dashboards() -> Vec<(String, Value)> {
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(path).unwrap();
        (name, serde_json::from_str(&text).unwrap())
    };
    let paths = files("deploy/grafana/dashboards", ".json");
    let dashboards: Vec<_> = paths.into_iter().map(read).collect();
    let names: Vec<&str> = dashboards.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "attester.json",
            "entry-queue.json",
            "fleet.json",
            "slashing.json",
            "watcher.json"
        ]
    );
    dashboards
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// An expression with Grafana's variables as Prometheus would get them; those in quotes may stay.
fn filled(expression: &str) -> String {
    expression
        .replace("$__rate_interval", "1m")
        .replace("$__range", "1d")
}

/// The fields between double braces.
fn fields(legend: &str) -> Vec<&str> {
    let parts = legend.split("{{").skip(1);
    parts
        .map(|part| part.split("}}").next().unwrap().trim())
        .collect()
}

#[test]
fn every_panel_names_what_is_exposed() {
    let exposition = rules::recorded();
    let mut faults = Vec::new();
    let mut queries = 0;
    for (name, dashboard) in dashboards() {
        for panel in list(&dashboard, "/panels") {
            let title = text(panel, "/title");
            let mut say = |fault: String| faults.push(format!("{name}, {title}: {fault}"));
            for query in list(panel, "/targets") {
                queries += 1;
                let (labels, found) = expression::read(&filled(text(query, "/expr")), &exposition);
                found.into_iter().for_each(&mut say);
                let legend = fields(text(query, "/legendFormat"));
                let columns = list(panel, "/transformations/0/options/include/names");
                let columns = columns.iter().filter_map(Value::as_str);
                let columns = columns.filter(|column| *column != "Value");
                for label in legend.into_iter().chain(columns) {
                    if !labels.contains(label) {
                        say(format!("no label {label} is left"));
                    }
                }
            }
        }
        variables(&dashboard, &exposition, &mut faults);
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(queries > 80, "{queries} queries");
}

/// Every variable asks for a label that its metric has.
fn variables(dashboard: &Value, exposition: &Exposition, faults: &mut Vec<String>) {
    let variables = list(dashboard, "/templating/list");
    let names: Vec<&str> = variables
        .iter()
        .map(|variable| text(variable, "/name"))
        .collect();
    assert!(
        names.starts_with(&["datasource", "network", "provider"]),
        "{names:?}"
    );
    for variable in variables
        .iter()
        .filter(|variable| text(variable, "/type") == "query")
    {
        let query = text(variable, "/query/query");
        let inner = query
            .strip_prefix("label_values(")
            .and_then(|rest| rest.strip_suffix(')'));
        let (selector, label) = inner.and_then(|inner| inner.rsplit_once(", ")).unwrap();
        let (labels, found) = expression::read(selector, exposition);
        faults.extend(found);
        if !labels.contains(label) {
            faults.push(format!("{query}: no such label"));
        }
    }
}

#[test]
fn every_panel_says_what_it_shows_and_fixes_no_data_source() {
    let anchors = anchors();
    let mut faults = Vec::new();
    for (name, dashboard) in dashboards() {
        assert!(dashboard.get("uid").is_none(), "{name} fixes a uid");
        assert!(
            text(&dashboard, "/title").starts_with("steward / "),
            "{name}"
        );
        assert!(!text(&dashboard, "/description").is_empty(), "{name}");
        let mut links: Vec<&str> = list(&dashboard, "/links")
            .iter()
            .map(|l| text(l, "/url"))
            .collect();
        links.retain(|link| !link.is_empty());
        assert_eq!(links.len(), 1, "{name} links to the runbook");
        for panel in list(&dashboard, "/panels") {
            let (kind, title) = (text(panel, "/type"), text(panel, "/title"));
            if kind == "row" {
                continue;
            }
            let mut say = |fault: &str| faults.push(format!("{name}, {title}: {fault}"));
            if title.is_empty() || text(panel, "/description").is_empty() {
                say("it says nothing");
            }
            let sources = list(panel, "/targets").iter().chain([panel]);
            let mut uids = sources.map(|source| text(source, "/datasource/uid"));
            if kind != "text" && !uids.all(|uid| uid == "${datasource}") {
                say("a data source is fixed");
            }
            if kind != "text" && text(panel, "/fieldConfig/defaults/unit").is_empty() {
                say("it has no unit");
            }
            links.extend(list(panel, "/links").iter().map(|link| text(link, "/url")));
        }
        faults.extend(links.iter().filter_map(|link| dead_link(link, &anchors)));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Panels neither overlap nor leave the 24 columns: Grafana would move them without a word.
#[test]
fn panels_lie_beside_each_other() {
    for (name, dashboard) in dashboards() {
        let mut cells = std::collections::BTreeSet::new();
        for panel in list(&dashboard, "/panels") {
            let side = |side| {
                panel
                    .pointer(&format!("/gridPos/{side}"))
                    .and_then(Value::as_u64)
                    .unwrap()
            };
            assert!(
                side("x") + side("w") <= 24,
                "{name}: {}",
                text(panel, "/title")
            );
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(cells.insert((x, y)), "{name}: {}", text(panel, "/title"));
                }
            }
        }
    }
}

#[test]
fn the_dashboards_are_what_their_sources_render() {
    let script = root().join("deploy/grafana/render.mjs");
    let rendered = Command::new("node")
        .arg(script)
        .arg("--check")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&rendered.stderr);
    assert!(rendered.status.success(), "{said}");
}
