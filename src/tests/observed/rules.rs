//! The rules of Prometheus.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, de::DeserializeOwned};
use steward::alert::{card::Severity, class::Class};

use super::{RUNBOOK, anchors, dead_link, exposition::Exposition, expression, files};

#[derive(Debug, Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    record: Option<String>,
    alert: Option<String>,
    expr: String,
    r#for: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
struct Tests {
    evaluation_interval: String,
    tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
struct Test {
    interval: String,
    input_series: Vec<Series>,
    #[serde(default)]
    alert_rule_test: Vec<AlertTest>,
    #[serde(default)]
    promql_expr_test: Vec<ExpressionTest>,
}

#[derive(Debug, Deserialize)]
struct Series {
    series: String,
    values: String,
}

#[derive(Debug, Deserialize)]
struct AlertTest {
    eval_time: String,
    alertname: String,
    exp_alerts: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct ExpressionTest {
    expr: String,
    exp_samples: Vec<serde_json::Value>,
}

fn parse<T: DeserializeOwned>(folder: &str) -> Vec<T> {
    let parse = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files(folder, ".yml").iter().map(parse).collect()
}

/// Every rule, recording rules first, as they are evaluated first.
fn rules() -> Vec<Rule> {
    let files: Vec<File> = parse("deploy/prometheus/rules");
    let mut rules = Vec::new();
    for group in files.into_iter().flat_map(|file| file.groups) {
        assert!(group.name.starts_with("steward."), "{}", group.name);
        rules.extend(group.rules);
    }
    rules.sort_by_key(|rule| rule.alert.is_some());
    assert!(rules.len() > 50, "{} rules", rules.len());
    rules
}

/// What is exposed, and what the recording rules add to it.
pub(super) fn recorded() -> Exposition {
    let mut exposition = Exposition::read();
    for rule in rules() {
        if let Some(name) = &rule.record {
            let (labels, _) = expression::read(&rule.expr, &exposition);
            exposition.record(name, labels);
        }
    }
    exposition
}

/// Seconds of a duration such as `1h30m`.
fn seconds(text: &str) -> u64 {
    let (mut whole, mut number) = (0, 0);
    for letter in text.chars() {
        match letter.to_digit(10) {
            Some(digit) => number = number * 10 + u64::from(digit),
            None => {
                let unit = ['s', 'm', 'h', 'd'].iter().position(|unit| *unit == letter);
                whole += number * [1, 60, 3_600, 86_400][unit.unwrap()];
                number = 0;
            }
        }
    }
    assert_eq!(number, 0, "{text} lacks a unit");
    whole
}

#[test]
fn every_rule_names_what_is_exposed() {
    let mut exposition = Exposition::read();
    let mut faults = Vec::new();
    for rule in rules() {
        let (labels, found) = expression::read(&rule.expr, &exposition);
        faults.extend(found);
        if let Some(name) = &rule.record {
            assert_eq!(
                name.split(':').count(),
                3,
                "{name} is level:metric:operation"
            );
            exposition.record(name, labels);
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The labels that a template of an annotation asks for.
fn asked(template: &str) -> Vec<&str> {
    let parts = template.split("$labels.").skip(1);
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    parts
        .map(|part| part.split(|letter| !is_name(letter)).next().unwrap())
        .collect()
}

#[test]
fn every_alert_says_what_it_is_and_where_to_read_on() {
    let (exposition, anchors) = (recorded(), anchors());
    let mut names = BTreeSet::new();
    let mut faults = Vec::new();
    for rule in rules() {
        let Some(name) = &rule.alert else {
            continue;
        };
        assert!(names.insert(name.clone()), "{name} twice");
        let is_camel = name.starts_with("Steward") && name.chars().all(char::is_alphanumeric);
        assert!(is_camel, "{name}");
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(
            matches!(severity, Some("critical" | "warning" | "info")),
            "{name}"
        );
        let holds = rule.r#for.as_deref().map(seconds);
        assert!(holds.is_some_and(|holds| holds >= 60), "{name} lacks a for");
        let keys: Vec<&str> = rule.annotations.keys().map(String::as_str).collect();
        assert_eq!(keys, ["description", "runbook_url", "summary"], "{name}");
        let (labels, _) = expression::read(&rule.expr, &exposition);
        for text in rule.annotations.values() {
            assert!(
                !text.trim().is_empty() && !text.contains('\n'),
                "{name}: {text:?}"
            );
            let missing = asked(text)
                .into_iter()
                .filter(|label| !labels.contains(*label));
            faults.extend(missing.map(|label| format!("{name}: no label {label} for {text:?}")));
        }
        let url = &rule.annotations["runbook_url"];
        let links: Vec<String> = if url.ends_with("#{{ $labels.class }}") {
            let classes = Class::ALL.into_iter().filter(|class| class.is_incident());
            classes
                .map(|class| format!("{RUNBOOK}{}", class.name()))
                .collect()
        } else {
            vec![url.clone()]
        };
        let dead = links.iter().filter_map(|link| dead_link(link, &anchors));
        faults.extend(dead.map(|dead| format!("{name}: {dead}")));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_critical_incidents_are_those_of_the_code() {
    let classes = Class::ALL.into_iter().filter(|class| class.is_incident());
    let critical = classes.filter(|class| class.severity() == Severity::Critical);
    let critical: BTreeSet<&str> = critical.map(Class::name).collect();
    for (alert, before) in [
        ("StewardIncidentCritical", "class=~\""),
        ("StewardIncidentOpen", "class!~\""),
    ] {
        let rules = rules();
        let rule = rules
            .iter()
            .find(|rule| rule.alert.as_deref() == Some(alert));
        let (_, rest) = rule.unwrap().expr.split_once(before).unwrap();
        let (named, _) = rest.split_once('"').unwrap();
        assert_eq!(
            named.split('|').collect::<BTreeSet<_>>(),
            critical,
            "{alert}"
        );
    }
}

/// Goal: no rule goes untested. An alert's test looks at it four times: one evaluation before its `for` is over (silent),
/// then (firing), after its cause is gone (silent), and after the source itself vanished (silent, unless absence is what
/// it is about). A recording rule has a value in one place and none in another.
#[test]
fn every_rule_has_a_test_of_promtool() {
    let files: Vec<Tests> = parse("deploy/prometheus/tests");
    for file in &files {
        assert_eq!(file.evaluation_interval, "1m");
    }
    let tests: Vec<Test> = files.into_iter().flat_map(|file| file.tests).collect();
    let mut missing = Vec::new();
    for rule in rules() {
        let is_tested = match (&rule.alert, &rule.record) {
            (Some(alert), _) => tests.iter().any(|test| is_whole(test, alert, &rule)),
            (None, Some(record)) => {
                let expressions = tests.iter().flat_map(|test| &test.promql_expr_test);
                let of = expressions.filter(|test| test.expr.contains(record.as_str()));
                let (known, unknown): (Vec<_>, Vec<_>) =
                    of.partition(|test| !test.exp_samples.is_empty());
                !known.is_empty() && !unknown.is_empty()
            }
            (None, None) => panic!("{rule:?} is neither"),
        };
        if !is_tested {
            missing.push(rule.alert.or(rule.record));
        }
    }
    assert!(missing.is_empty(), "without a whole test: {missing:#?}");
}

fn is_whole(test: &Test, alert: &str, rule: &Rule) -> bool {
    let looks = test
        .alert_rule_test
        .iter()
        .filter(|look| look.alertname == alert);
    let mut looks: Vec<(u64, bool)> = looks
        .map(|look| (seconds(&look.eval_time), !look.exp_alerts.is_empty()))
        .collect();
    looks.sort_unstable();
    let [(holds, false), (fires, true), (_, false), (last, is_firing)] = looks[..] else {
        return false;
    };
    let vanish = test.input_series.iter().all(|series| {
        assert!(!series.series.is_empty());
        series.values.ends_with(" stale")
    });
    let is_about_absence = rule.expr.starts_with("absent(");
    test.interval == "1m"
        && fires - holds == 60
        && last > fires
        && vanish
        && is_firing == is_about_absence
}
