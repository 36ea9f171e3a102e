//! Cards in a terminal: the same data, in lines that fit the width. Colour is the caller's choice, time zone too.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;

use super::markdown::{bare, bare_span};
use crate::{
    alert::{
        card::{ButtonAction, Card, Message, Severity, Span, Text, TimeStyle},
        text::duration,
    },
    units::UnixSeconds,
};

/// Narrower than this, nothing can be laid out.
const WIDTH_MIN: usize = 20;
/// Width of the names of fields, where there is room for two columns.
const NAME_WIDTH: usize = 16;

/// How a terminal shows cards.
#[derive(Debug, Clone)]
pub struct Terminal {
    /// Columns.
    pub width: usize,
    /// Whether it shows colour; the sign of the title says the same without.
    pub has_colour: bool,
    /// What "now" is, for "in 2 h 10 min".
    pub now: UnixSeconds,
    /// The zone that full times are shown in.
    pub zone: jiff::tz::TimeZone,
}

/// A whole message: line, cards, table, names of files.
#[must_use]
pub fn message(message: &Message, terminal: &Terminal) -> String {
    let mut out = String::new();
    if let Some(line) = &message.content {
        push_wrapped(&mut out, &text(line, terminal), "", terminal);
    }
    for one in &message.cards {
        out.push_str(&card(one, terminal));
    }
    if let Some(table) = &message.table {
        out.push_str(&fit_table(table, terminal));
    }
    for file in &message.attachments {
        let rows = file.text.lines().count().saturating_sub(1);
        push_wrapped(
            &mut out,
            &format!("+ {} ({rows} rows)", file.name),
            "",
            terminal,
        );
    }
    out
}

/// A card.
#[must_use]
pub fn card(card: &Card, terminal: &Terminal) -> String {
    let mut out = String::new();
    let title = format!("{} {}", card.severity.sign(), text(&card.title, terminal));
    let start = out.len();
    push_wrapped(&mut out, &title, "", terminal);
    if terminal.has_colour {
        let plain = out.split_off(start);
        let plain = plain.trim_end();
        let _infallible = writeln!(out, "{}{plain}\u{1b}[0m", colour(card.severity));
    }
    let when = full(card.at, terminal);
    let author = format!("{} · {when}", bare(&card.author));
    push_wrapped(&mut out, &author, "  ", terminal);
    for line in &card.body {
        push_wrapped(&mut out, &text(line, terminal), "  ", terminal);
    }
    for field in &card.fields {
        let value = text(&field.value, terminal);
        let line = if terminal.width >= 3 * NAME_WIDTH {
            let space = NAME_WIDTH.saturating_sub(width(&field.name) + 1);
            format!("{}:{} {value}", field.name, " ".repeat(space))
        } else {
            format!("{}: {value}", field.name)
        };
        push_wrapped(&mut out, &line, "  ", terminal);
    }
    let actions: Vec<&str> = card
        .buttons
        .iter()
        .filter(|button| !matches!(button.action, ButtonAction::Open(_)))
        .map(|button| button.label.as_str())
        .collect();
    if !actions.is_empty() {
        push_wrapped(
            &mut out,
            &format!("({})", actions.join(") (")),
            "  ",
            terminal,
        );
    }
    push_wrapped(&mut out, &card.footer, "  ", terminal);
    out
}

/// Text without markup: addresses in full where they stand in code, times in words.
#[must_use]
pub fn text(text: &Text, terminal: &Terminal) -> String {
    let one = |span: &Span| match span {
        Span::Time {
            at,
            style: TimeStyle::Relative,
        } => relative(*at, terminal.now),
        Span::Time {
            at,
            style: TimeStyle::Full,
        } => full(*at, terminal),
        Span::Struck(text) => format!("(taken back) {}", super::clean::clean(text)),
        Span::Plain(_)
        | Span::Foreign(_)
        | Span::Code(_)
        | Span::Bold(_)
        | Span::Link { .. }
        | Span::Address { .. }
        | Span::Transaction { .. }
        | Span::Block { .. } => bare_span(span).replace('\u{200b}', ""),
    };
    text.0.iter().map(one).collect()
}

/// `in 2 h 10 min`, `5 min ago`, `now`.
#[must_use]
pub fn relative(at: UnixSeconds, now: UnixSeconds) -> String {
    match (at.since(now), now.since(at)) {
        (0, 0) => "now".to_owned(),
        (0, ago) => format!("{} ago", duration(ago)),
        (ahead, _) => format!("in {}", duration(ahead)),
    }
}

fn full(at: UnixSeconds, terminal: &Terminal) -> String {
    at.written("%Y-%m-%d %H:%M %Z", terminal.zone.clone())
}

/// The colours of the eight that every terminal has.
const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "\u{1b}[1;31m",
        Severity::Warning => "\u{1b}[1;33m",
        Severity::Info => "\u{1b}[1;34m",
        Severity::Resolved => "\u{1b}[1;32m",
        Severity::Retracted => "\u{1b}[2m",
    }
}

/// `text` in lines that fit the width, each behind `indent` and with its end.
#[must_use]
pub fn wrapped(text: &str, indent: &str, terminal: &Terminal) -> String {
    let mut out = String::new();
    push_wrapped(&mut out, text, indent, terminal);
    out
}

fn width(text: &str) -> usize {
    text.graphemes(true).count()
}

/// Breaks at spaces; a word that is longer than a line is broken anywhere.
fn push_wrapped(out: &mut String, text: &str, indent: &str, terminal: &Terminal) {
    let room = terminal.width.max(WIDTH_MIN).saturating_sub(width(indent));
    let mut line = String::new();
    let end = |out: &mut String, line: &mut String| {
        out.push_str(indent);
        out.push_str(line.trim_end());
        out.push('\n');
        line.clear();
    };
    for word in text.split_inclusive(' ') {
        if width(&line) + width(word.trim_end()) > room && !line.is_empty() {
            end(out, &mut line);
        }
        for grapheme in word.graphemes(true) {
            if width(&line) >= room {
                if grapheme == " " {
                    continue;
                }
                end(out, &mut line);
            }
            line.push_str(grapheme);
        }
    }
    if !line.trim_end().is_empty() {
        end(out, &mut line);
    }
}

/// The table as it is where it fits; else each row as `column: value` lines.
fn fit_table(table: &str, terminal: &Terminal) -> String {
    let widest = table.lines().map(width).max().unwrap_or(0);
    let mut out = String::new();
    if widest <= terminal.width {
        for line in table.lines() {
            out.push_str(line);
            out.push('\n');
        }
        return out;
    }
    let mut lines = table.lines();
    let columns = columns(lines.next().unwrap_or_default());
    for line in lines {
        let signs: Vec<&str> = line.graphemes(true).collect();
        for (index, (start, name)) in columns.iter().enumerate() {
            let end = columns
                .get(index + 1)
                .map_or(signs.len(), |(next, _)| *next);
            let cell = signs.get(*start..end.min(signs.len())).unwrap_or_default();
            let cell = cell.concat();
            if !cell.trim().is_empty() {
                let line = format!("{name}: {}", cell.trim());
                push_wrapped(
                    &mut out,
                    &line,
                    if index == 0 { "" } else { "  " },
                    terminal,
                );
            }
        }
    }
    out
}

/// Where each column of a table's head begins; two spaces lie between them.
fn columns(head: &str) -> Vec<(usize, String)> {
    let mut columns: Vec<(usize, String)> = Vec::new();
    let signs: Vec<&str> = head.graphemes(true).collect();
    let mut spaces = 2;
    for (position, sign) in signs.iter().enumerate() {
        if *sign == " " {
            spaces += 1;
            continue;
        }
        match columns.last_mut() {
            Some((_, name)) if spaces < 2 => {
                name.push_str(&" ".repeat(spaces));
                name.push_str(sign);
            }
            _ => columns.push((position, (*sign).to_owned())),
        }
        spaces = 0;
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{
        class::Class,
        notice::NoticeId,
        text::{
            digest,
            fixtures::{context, explorer},
        },
    };

    fn terminal(width: usize) -> Terminal {
        Terminal {
            width,
            has_colour: false,
            now: UnixSeconds::new(1_795_233_600),
            zone: jiff::tz::TimeZone::UTC,
        }
    }

    fn shown() -> Message {
        let explorer = explorer();
        let row = |name: &str| {
            vec![
                ("attester".to_owned(), name.to_owned()),
                (
                    "now".to_owned(),
                    "active (follows the latest rollup)".to_owned(),
                ),
                ("block".to_owned(), "25533401".to_owned()),
            ]
        };
        let rows = [row("fra-2/1"), row("fra-2/2")];
        let facts = digest::Many {
            id: NoticeId::new("testnet", "-", Class::MissedChanges, 1, ""),
            class: Class::AttesterTransition,
            of: None,
            rows: &rows,
            at: UnixSeconds::new(1_795_233_600),
        };
        let from = UnixSeconds::new(1_795_225_800);
        digest::missed(
            &context(&explorer),
            &facts,
            from,
            UnixSeconds::new(1_795_233_600),
        )
    }

    #[test]
    fn a_message_fits_a_wide_and_a_narrow_terminal() {
        insta::assert_snapshot!(message(&shown(), &terminal(80)), @r"
    🔵 2 changes were missed while steward was away
      Testnet · Provider 7 · 2026-11-21 04:00 UTC
      They happened between 2 h 10 min ago (2026-11-21 01:50 UTC) and now
      (2026-11-21 04:00 UTC). Later ones are told singly.
      All: now active (follows the latest rollup).
      testnet/-/missed_changes/1 · steward 0.1.0
    attester  now                                 block
    fra-2/1   active (follows the latest rollup)  25533401
    fra-2/2   active (follows the latest rollup)  25533401
    + attester_transition.csv (2 rows)
    ");
        insta::assert_snapshot!(message(&shown(), &terminal(30)), @r"
    🔵 2 changes were missed while
    steward was away
      Testnet · Provider 7 ·
      2026-11-21 04:00 UTC
      They happened between 2 h 10
      min ago (2026-11-21 01:50
      UTC) and now (2026-11-21
      04:00 UTC). Later ones are
      told singly.
      All: now active (follows the
      latest rollup).
      testnet/-/missed_changes/1 ·
      steward 0.1.0
    attester: fra-2/1
      now: active (follows the
      latest rollup)
      block: 25533401
    attester: fra-2/2
      now: active (follows the
      latest rollup)
      block: 25533401
    + attester_transition.csv (2
    rows)
    ");
    }

    #[test]
    fn colour_leads_the_title_only_where_it_is_wanted() {
        let with = Terminal {
            has_colour: true,
            ..terminal(80)
        };
        assert_eq!(message(&shown(), &with).matches("\u{1b}[1;34m").count(), 1);
        assert!(!message(&shown(), &terminal(80)).contains('\u{1b}'));
    }

    #[test]
    fn times_are_said_in_words() {
        let now = UnixSeconds::new(10_000);
        let said = [10_000, 17_800, 9_700].map(|at| relative(UnixSeconds::new(at), now));
        assert_eq!(said, ["now", "in 2 h 10 min", "5 min ago"]);
    }
}
