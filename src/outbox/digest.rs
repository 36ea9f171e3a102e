//! Many notices as one message: which belong together, the table, and the file with all rows.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use unicode_segmentation::UnicodeSegmentation;

use super::{DIGESTS_MAX, delivery::Entry};
use crate::{
    alert::{
        card::{Attachment, Card, Message, Severity, Span, Text},
        class::Class,
        notice::NoticeId,
    },
    units::UnixSeconds,
};

/// Rows that a card's table shows; the rest is in the file.
const TABLE_ROWS_MAX: usize = 15;
/// Widest cell of the table, in graphemes.
const CELL_MAX: usize = 24;
/// Widest line of the table, in graphemes: 15 lines stay below half of Discord's 4096 characters, and fit a desktop.
const LINE_MAX: usize = 78;
/// Largest file: 8 MiB, below Discord's 10 MiB a file.
const FILE_MAX: usize = 8 * 1024 * 1024;
/// Most roles that Discord lets a message mention.
const ROLES_MAX: usize = 100;

/// Which of a list of notices make one message: lists of indexes, in the order of their first. `None` marks a notice
/// that stands alone. One class makes one table, but there are never more than [`DIGESTS_MAX`] tables.
pub(super) fn plan(classes: &[Option<Class>]) -> Vec<Vec<usize>> {
    let mut by_class: BTreeMap<Class, Vec<usize>> = BTreeMap::new();
    let mut plans: Vec<Vec<usize>> = Vec::new();
    for (index, class) in classes.iter().enumerate() {
        match class {
            Some(class) => by_class.entry(*class).or_default().push(index),
            None => plans.push(vec![index]),
        }
    }
    let mut groups: Vec<Vec<usize>> = by_class.into_values().collect();
    if groups.len() > DIGESTS_MAX {
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let mut rest: Vec<usize> = groups.split_off(DIGESTS_MAX - 1).concat();
        rest.sort_unstable();
        groups.push(rest);
    }
    plans.extend(groups);
    plans.sort_by_key(|plan| plan.first().copied());
    plans
}

/// Names a group by its members.
pub(super) fn meaning_of(entries: &[Entry]) -> String {
    let mut digest = Sha256::new();
    for entry in entries {
        digest.update(entry.notice.as_str().as_bytes());
        digest.update(b"\n");
    }
    let mut hex = data_encoding::HEXLOWER.encode(&digest.finalize());
    hex.truncate(20);
    format!("group/{hex}")
}

/// The rows of a group: a reply is none of its own where its card is a row, or a later reply to the same card.
fn rows(entries: &[Entry]) -> Vec<&Entry> {
    let mut rows: Vec<&Entry> = Vec::new();
    let mut places: BTreeMap<&NoticeId, usize> = BTreeMap::new();
    for entry in entries {
        let card = entry.reply_to.as_ref().unwrap_or(&entry.notice);
        let place = *places.entry(card).or_insert(rows.len());
        match rows.get_mut(place) {
            None => rows.push(entry),
            Some(row) if row.reply_to.is_some() => *row = entry,
            Some(_) => {}
        }
    }
    rows
}

/// The message of a group, without the file.
pub(super) fn message(entries: &[Entry], author: Text, meaning: &str) -> Message {
    let rows = rows(entries);
    let standing = || entries.iter().filter(|entry| !entry.is_retracted);
    let severities = rows.iter().filter(|entry| !entry.is_retracted);
    let severity = severities.map(|entry| entry.severity).max();
    let calls: Vec<&Text> = standing()
        .filter_map(|entry| entry.content.as_ref())
        .collect();
    let mut mention_roles: Vec<u64> = standing()
        .flat_map(|entry| entry.mention_roles.iter().copied())
        .collect();
    mention_roles.sort_unstable();
    mention_roles.dedup();
    mention_roles.truncate(ROLES_MAX);
    let content = match calls.as_slice() {
        [] => None,
        [one] => Some((*one).clone()),
        [first, ..] => {
            let mut text = Text::plain(format!(
                "{} of these need attention; the first: ",
                calls.len()
            ));
            text.0.extend(first.0.iter().cloned());
            Some(text)
        }
    };
    let card = Card {
        severity: severity.unwrap_or(Severity::Retracted),
        author,
        title: Text::plain(title(&rows)),
        body: body(entries, &rows),
        fields: Vec::new(),
        chart: None,
        footer: meaning.to_owned(),
        at: entries
            .iter()
            .map(|entry| entry.at)
            .max()
            .unwrap_or_else(UnixSeconds::default),
        buttons: Vec::new(),
    };
    Message {
        content,
        mention_roles,
        cards: vec![card],
        table: Some(table(&rows)),
        attachments: Vec::new(),
    }
}

fn counts(rows: &[&Entry]) -> BTreeMap<Class, usize> {
    let mut counts = BTreeMap::new();
    for entry in rows {
        let count: &mut usize = counts.entry(entry.class).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

fn label(class: Class, count: usize) -> String {
    let name = class.name().replace('_', " ");
    format!("{count} × {name}")
}

fn title(rows: &[&Entry]) -> String {
    let counts = counts(rows);
    match counts.iter().next() {
        Some((class, count)) if counts.len() == 1 => label(*class, *count),
        _ => format!("{} notices of {} kinds", rows.len(), counts.len()),
    }
}

fn body(entries: &[Entry], rows: &[&Entry]) -> Vec<Text> {
    let mut lines = Vec::new();
    let counts = counts(rows);
    if counts.len() > 1 {
        let parts: Vec<String> = counts
            .iter()
            .map(|(class, count)| label(*class, *count))
            .collect();
        lines.push(Text::plain(parts.join(", ")));
    }
    for (column, value) in shared(rows) {
        lines.push(
            Text::plain("All with ")
                .with(Span::Foreign(column))
                .and(" ")
                .with(Span::Foreign(value)),
        );
    }
    let retracted = rows.iter().filter(|entry| entry.is_retracted).count();
    if retracted > 0 {
        lines.push(Text::plain(format!("Taken back since: {retracted}")));
    }
    let is_over = |entry: &&&Entry| entry.severity == Severity::Resolved;
    let resolved = rows.iter().filter(is_over).count();
    if resolved > 0 {
        lines.push(Text::plain(format!("Resolved: {resolved}")));
    }
    let told = if rows.len() > TABLE_ROWS_MAX {
        format!(
            "The table shows {TABLE_ROWS_MAX} of {} rows; the file has all.",
            rows.len()
        )
    } else {
        "The file has the same rows in full.".to_owned()
    };
    let replies = entries.len().saturating_sub(rows.len());
    let told = if replies > 0 {
        format!("{told} It lists each reminder and reply too: {replies}.")
    } else {
        told
    };
    lines.push(Text::plain(told));
    lines
}

/// Columns that hold the same value in every row, at most three.
fn shared(rows: &[&Entry]) -> Vec<(String, String)> {
    const SHARED_MAX: usize = 3;
    let Some((first, rest)) = rows.split_first() else {
        return Vec::new();
    };
    let everywhere = |cell: &&(String, String)| rest.iter().all(|entry| entry.row.contains(cell));
    let cells = first.row.iter().filter(everywhere).take(SHARED_MAX);
    cells.cloned().collect()
}

fn columns<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<&'a str> {
    let mut columns: Vec<&str> = Vec::new();
    for entry in entries {
        for (column, _) in &entry.row {
            if !columns.contains(&column.as_str()) {
                columns.push(column);
            }
        }
    }
    columns
}

fn cell<'a>(entry: &'a Entry, column: &str) -> &'a str {
    let mut cells = entry.row.iter();
    let found = cells.find(|(name, _)| name == column);
    found.map_or("", |(_, value)| value.as_str())
}

/// The table: rows that changed since it was posted come first.
fn table(rows: &[&Entry]) -> String {
    let changed = rows.iter().filter(|entry| entry.is_revised);
    let same = rows.iter().filter(|entry| !entry.is_revised);
    let rows: Vec<&Entry> = changed.chain(same).take(TABLE_ROWS_MAX).copied().collect();
    let mut lines = vec![String::new(); rows.len().saturating_add(1)];
    let mark = |entry: &Entry| {
        if entry.is_retracted {
            "taken back"
        } else if entry.is_revised {
            "changed"
        } else {
            ""
        }
    };
    if rows.iter().any(|entry| !mark(entry).is_empty()) {
        let cells = rows.iter().map(|entry| mark(entry).to_owned());
        append(&mut lines, "", &cells.collect::<Vec<_>>());
    }
    for column in columns(rows.iter().copied()) {
        let cells: Vec<String> = rows.iter().map(|entry| cut(cell(entry, column))).collect();
        append(&mut lines, column, &cells);
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    lines.join("\n")
}

/// Adds a column to the lines, where it fits.
fn append(lines: &mut [String], head: &str, cells: &[String]) {
    let column = std::iter::once(cut(head)).chain(cells.iter().cloned());
    let column: Vec<String> = column.collect();
    let width = column.iter().map(|cell| length(cell)).max().unwrap_or(0);
    let used = lines.first().map_or(0, |line| length(line));
    if used.saturating_add(width) > LINE_MAX {
        return;
    }
    for (line, cell) in lines.iter_mut().zip(&column) {
        line.push_str(cell);
        let fill = width.saturating_sub(length(cell)).saturating_add(2);
        line.push_str(&" ".repeat(fill));
    }
}

fn length(text: &str) -> usize {
    text.graphemes(true).count()
}

/// One line, no fence of a code block, not too long.
fn cut(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .map(|c| if c == '`' { '\'' } else { c })
        .collect();
    if length(&plain) <= CELL_MAX {
        return plain;
    }
    let mut short: String = plain.graphemes(true).take(CELL_MAX - 1).collect();
    short.push('…');
    short
}

/// The file with all rows, as CSV; rows that would make it too large are left out, and a last line says how many.
pub(super) fn file(entries: &[Entry]) -> Attachment {
    let columns = columns(entries.iter());
    let head = ["notice", "class", "standing"].into_iter();
    let mut text = line(head.chain(columns.iter().copied()));
    for (index, entry) in entries.iter().enumerate() {
        let standing = if entry.is_retracted { "taken back" } else { "" };
        let head = [entry.notice.as_str(), entry.class.name(), standing].into_iter();
        let row = line(head.chain(columns.iter().map(|column| cell(entry, column))));
        if text.len().saturating_add(row.len()) > FILE_MAX {
            let missing = entries.len().saturating_sub(index).to_string();
            text.push_str(&line(["rows left out", missing.as_str()].into_iter()));
            break;
        }
        text.push_str(&row);
    }
    Attachment {
        name: "notices.csv".to_owned(),
        text,
    }
}

/// One line of CSV. A cell that a spreadsheet would run as a formula is quoted as text.
fn line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(512)
        .from_writer(Vec::new());
    let cells = cells.map(|cell| {
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
            format!("'{cell}")
        } else {
            cell.to_owned()
        }
    });
    // Writing to memory cannot fail; an empty line would be seen at once in the file.
    drop(writer.write_record(cells));
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}
