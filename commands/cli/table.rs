//! Findings as a table for people, and as JSON for programs.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use steward::service::check::{Finding, Verdict};

/// Width of a table that is not written to a terminal, in characters.
const WIDTH: u16 = 100;

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    findings: &'a [Finding],
}

/// Whether nothing is bad.
pub(super) fn is_ok(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.verdict != Verdict::Bad)
}

/// The findings as JSON.
pub(super) fn json(findings: &[Finding]) -> serde_json::Result<String> {
    let report = Report {
        ok: is_ok(findings),
        findings,
    };
    serde_json::to_string_pretty(&report)
}

/// The findings as a table; a sign stands beside every colour.
pub(super) fn table(findings: &[Finding], has_colour: bool, is_terminal: bool) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["", "what", "which", "found"]);
    let width = table.width().filter(|_| is_terminal).unwrap_or(WIDTH);
    table.set_width(width);
    if has_colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for finding in findings {
        let (sign, colour) = match finding.verdict {
            Verdict::Good => ("✓ ok", Color::Green),
            Verdict::Doubtful => ("! look", Color::Yellow),
            Verdict::Bad => ("✗ bad", Color::Red),
        };
        let mut sign = Cell::new(sign);
        if has_colour {
            sign = sign.fg(colour).add_attribute(Attribute::Bold);
        }
        let found = match &finding.next {
            Some(next) => format!("{}\n→ {next}", finding.detail),
            None => finding.detail.clone(),
        };
        table.add_row([
            sign,
            Cell::new(finding.area),
            Cell::new(&finding.subject),
            Cell::new(found),
        ]);
    }
    format!("{table}\n{}\n", verdict(findings))
}

/// The last line: what it comes to.
fn verdict(findings: &[Finding]) -> String {
    let count = |verdict: Verdict| {
        findings
            .iter()
            .filter(|finding| finding.verdict == verdict)
            .count()
    };
    let counted = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    };
    match (count(Verdict::Bad), count(Verdict::Doubtful)) {
        (0, 0) => "✓ Everything is as it should be.".to_owned(),
        (0, doubts) => format!("! It will run; {} to look at.", counted(doubts, "thing")),
        (bad, 0) => format!("✗ {} to correct.", counted(bad, "thing")),
        (bad, doubts) => format!(
            "✗ {} to correct, {doubts} to look at.",
            counted(bad, "thing")
        ),
    }
}

/// Writes findings to stdout.
///
/// # Errors
/// When stdout is closed.
pub(super) fn print(findings: &[Finding], as_json: bool) -> anyhow::Result<()> {
    let stdout = std::io::stdout();
    let is_terminal = stdout.is_terminal();
    let text = if as_json {
        format!("{}\n", json(findings)?)
    } else {
        table(findings, is_terminal && !console_colours_off(), is_terminal)
    };
    stdout.lock().write_all(text.as_bytes())?;
    Ok(())
}

/// Whether `NO_COLOR` is set to anything (<https://no-color.org>).
fn console_colours_off() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "a convention of terminals, and no setting of steward"
    )]
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// A spinner on stderr, where that is a terminal.
pub(super) fn spinner() -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() {
        ProgressBar::new_spinner()
    } else {
        ProgressBar::hidden()
    };
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}
