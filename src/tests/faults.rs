//! `docs/FAULTS.md` may quote only what the program says, and name only tests that exist.

use std::{fs, path::Path};

use crate::coverage::tests;

/// Faults that the page must tell of, by words of its first column.
const TOLD: [&str; 25] = [
    "wrong chain id",
    "forgot old logs",
    "lags",
    "lies",
    "without a contract",
    "provider id 0",
    "unknown provider id",
    "admin changed",
    "rollup was replaced",
    "cut off",
    "attester twice",
    "of another network",
    "full disk",
    "unwritable data directory",
    "newer version",
    "another network's store",
    "clock is behind",
    "401",
    "403",
    "404",
    "429",
    "5xx",
    "hangs",
    "channel deleted",
    "alert role is gone",
];
/// How far the parts of a sentence may lie apart in the text of the program, in bytes.
const APART_MAX: usize = 600;

/// The text of every source and snapshot, each on one line, as a reader of its strings would see it.
fn texts(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != "node_modules" && !name.starts_with('.') {
                texts(&path, found);
            }
        } else if (name.ends_with(".rs") || name.ends_with(".snap")) && name != "faults.rs" {
            let text = fs::read_to_string(&path).unwrap();
            // A backslash at the end of a line continues a string without what the next one begins with.
            let joined: Vec<String> = text
                .split("\\\n")
                .enumerate()
                .map(|(place, part)| if place == 0 { part } else { part.trim_start() }.to_owned())
                .collect();
            found.push(joined.concat());
        }
    }
}

/// Whether the parts of a sentence stand in `text` in their order, each near the one before.
fn says(text: &str, parts: &[&str]) -> bool {
    let Some((first, rest)) = parts.split_first() else {
        return true;
    };
    text.match_indices(first).any(|(at, _)| {
        let mut end = at + first.len();
        rest.iter().all(|part| {
            let mut most = text.len().min(end + APART_MAX);
            while !text.is_char_boundary(most) {
                most -= 1;
            }
            let found = text[end..most].find(part);
            end += found.unwrap_or_default() + part.len();
            found.is_some()
        })
    })
}

/// What stands between straight quotes.
fn quotes(cell: &str) -> Vec<&str> {
    cell.split('"').skip(1).step_by(2).collect()
}

#[test]
fn what_is_said_of_a_fault_is_what_the_program_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (tests, mut program) = (tests(), Vec::new());
    for folder in ["src", "commands", "deploy"] {
        texts(&root.join(folder), &mut program);
    }
    let page = fs::read_to_string(root.join("docs/FAULTS.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| what is wrong"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let mut faults = Vec::new();
    for row in &rows {
        assert_eq!(row.len(), 4, "four columns: {row:?}");
        assert_eq!(row[1].matches('"').count() % 2, 0, "open quotes: {row:?}");
        let sentences = quotes(row[1]);
        assert!(!sentences.is_empty(), "no sentence: {row:?}");
        for sentence in sentences {
            let parts: Vec<&str> = sentence.split('…').filter(|part| *part != " ").collect();
            let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
            if !program.iter().any(|text| says(text, &parts)) {
                faults.push(format!("{}: nobody says {sentence:?}", row[0]));
            }
        }
        let name = row[3].trim_matches('`');
        if !tests.contains(name) {
            faults.push(format!("{}: no test is called {name}", row[0]));
        }
    }
    for fault in TOLD {
        if !rows.iter().any(|row| row[0].contains(fault)) {
            faults.push(format!("no row tells of: {fault}"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_sentence_is_not_found_where_its_parts_are_in_another_order() {
    let text = "the file {name} ends in line {line}";
    assert!(says(text, &["the file ", " ends in line "]));
    assert!(!says(text, &[" ends in line ", "the file "]));
    assert!(!says(text, &["the file ", " begins"]));
}
