//! `docs/COVERAGE.md` may say "works" only where the test that it names exists.

use std::{collections::BTreeSet, fs, path::Path};

/// Every function under a folder that is marked as a test, or lies in a `proptest!` block.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                functions(&path, found);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            for pair in lines.windows(4) {
                let is_test = pair[..3]
                    .iter()
                    .any(|line| line.starts_with("#[") && line.contains("test"));
                let function = pair[3].trim_start_matches("async ").strip_prefix("fn ");
                if let (true, Some(function)) = (is_test, function) {
                    found.insert(function.split(['(', '<']).next().unwrap().to_owned());
                }
            }
        }
    }
}

/// Every test of the project.
pub fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    for folder in ["src", "commands", "deploy"] {
        functions(&root.join(folder), &mut tests);
    }
    tests
}

#[test]
fn what_is_broken_on_purpose_is_broken_by_a_test() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RELIABILITY.md");
    let page = fs::read_to_string(page).unwrap();
    let tests = tests();
    let named = page.lines().filter(|line| line.starts_with("| "));
    let named = named.filter_map(|line| line.strip_suffix("` |")?.rsplit_once('`'));
    let named: Vec<&str> = named.map(|(_, name)| name).collect();
    assert!(named.len() > 5, "{named:?}");
    let missing: Vec<&&str> = named
        .iter()
        .filter(|name| !tests.contains(**name))
        .collect();
    assert!(missing.is_empty(), "no such test: {missing:?}");
}

#[test]
fn a_feature_works_only_where_its_test_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = tests();
    let text = fs::read_to_string(root.join("docs/COVERAGE.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| feature"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(
        rows.len() > 50,
        "every feature of the four systems has a row: {}",
        rows.len()
    );
    let mut missing = Vec::new();
    for row in &rows {
        assert_eq!(row.len(), 3, "three columns: {row:?}");
        match row[1] {
            "works" => {
                let name = row[2].trim_matches('`');
                if !tests.contains(name) {
                    missing.push(format!("{}: no test is called {name}", row[0]));
                }
            }
            "not yet" | "out of domain" => {
                assert!(!row[2].contains('`'), "no proof is named: {row:?}");
            }
            other => {
                panic!("a feature works, is not yet there, or is out of domain, not {other:?}")
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
