//! The command lines in the documents are command lines of this binary.

use std::{fs, path::Path};

use clap::{Parser as _, error::ErrorKind};
use steward_commands::cli::entry::Cli;

/// Every Markdown file that people read, with its name.
fn documents() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for directory in ["", "docs", "docs/decisions"] {
        for entry in fs::read_dir(root.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "md") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// The command lines of steward in a document: in code spans, and in indented or fenced lines.
fn command_lines(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2).map(str::to_owned);
    let blocks = text
        .lines()
        .filter(|line| line.starts_with("    ") || line.starts_with("$ "))
        .map(|line| line.trim_start_matches(['$', ' ']).to_owned());
    spans
        .chain(blocks)
        .filter_map(|line| {
            let line = line
                .split("  #")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned();
            let run = [
                "cargo run --release -- ",
                "cargo run --release --bin steward -- ",
            ];
            let told = run.iter().find_map(|start| line.strip_prefix(start));
            let told = told.map(|rest| format!("steward {rest}"));
            told.or_else(|| line.starts_with("steward ").then_some(line))
        })
        .collect()
}

/// A command line as somebody would type it: the words in capitals stand for something, and choices for their first.
fn typed(line: &str) -> Vec<String> {
    line.split_whitespace()
        .filter(|word| *word != "...")
        .map(|word| match word {
            "JOB" | "ID" => "7".to_owned(),
            "DURATION" => "1h".to_owned(),
            "SHELL" => "bash".to_owned(),
            other => other.split('|').next().unwrap().to_owned(),
        })
        .collect()
}

fn is_help(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::DisplayVersion
    )
}

/// A sentence may call a command by its name alone, whatever the command needs.
fn is_bare_name(line: &str, kind: ErrorKind) -> bool {
    kind == ErrorKind::MissingRequiredArgument && line.split_whitespace().count() == 2
}

/// Goal: nobody copies a command from the documents that the binary does not know. Method: the parser of the binary reads
/// every one of them.
#[test]
fn every_command_line_in_the_documents_is_one() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (name, text) in documents() {
        for line in command_lines(&text) {
            count += 1;
            if let Err(error) = Cli::try_parse_from(typed(&line))
                && !is_help(error.kind())
                && !is_bare_name(&line, error.kind())
            {
                let why = error.to_string();
                wrong.push(format!("{name}: {line}: {}", why.lines().next().unwrap()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 40, "only {count} command lines were found");
}
