//! What answers are written on: tables that fit the width, times people can read, and no colour where none is wanted.

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use jiff::tz::TimeZone;
use steward::{units::UnixSeconds, views::forecast::When};

/// Narrowest useful column, in characters: below it a table becomes `key: value` lines.
const COLUMN_MIN: u16 = 11;

/// How much something matters; colour is never the only carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// As it should be.
    Good,
    /// Somebody should look.
    Bad,
}

/// The paper.
#[derive(Debug, Clone)]
pub(crate) struct Paper {
    /// Characters in a line; `None` = as many as it takes (a pipe).
    pub(crate) width: Option<u16>,
    /// Whether colour is wanted.
    pub(crate) is_coloured: bool,
    /// The zone of times.
    pub(crate) zone: TimeZone,
    /// Now, Unix seconds.
    pub(crate) now: u64,
}

impl Paper {
    /// The terminal, or a pipe; `no_colour` where the user wants none.
    pub(crate) fn of_stdout(no_colour: bool, now: u64) -> Self {
        let width = Table::new().width();
        Self {
            is_coloured: width.is_some() && !no_colour,
            width,
            zone: TimeZone::system(),
            now,
        }
    }

    /// A moment, as `2026-11-21 05:10 CET (in 2 h 10 min)`.
    pub(crate) fn moment(&self, at: u64) -> String {
        let stamp = UnixSeconds::new(at).written("%Y-%m-%d %H:%M %Z", self.zone.clone());
        format!("{stamp} ({})", self.distance(at))
    }

    /// A moment in milliseconds.
    pub(crate) fn moment_ms(&self, at_ms: u64) -> String {
        self.moment(at_ms / 1000)
    }

    /// How far away a moment is: `in 2 h 10 min`, `8 s ago`.
    pub(crate) fn distance(&self, at: u64) -> String {
        if at > self.now {
            format!("in {}", span(at - self.now))
        } else {
            format!("{} ago", span(self.now - at))
        }
    }

    /// A forecast moment, or why there is none.
    pub(crate) fn when(&self, when: &When) -> String {
        match (when.at, &when.held_because, &when.unknown_because) {
            (Some(at), ..) => self.moment(at),
            (None, Some(why), _) => format!("none yet: {why}"),
            (None, None, Some(why)) => format!("unknown: {why}"),
            (None, None, None) => "unknown".to_owned(),
        }
    }

    /// A table, or `key: value` lines where the width does not allow one.
    pub(crate) fn table(&self, sheet: &Sheet) -> String {
        let columns = u16::try_from(sheet.head.len()).unwrap_or(u16::MAX);
        let is_narrow = |width| width < columns.saturating_mul(COLUMN_MIN);
        if self.width.is_some_and(is_narrow) {
            return sheet.lines();
        }
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        match self.width {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_width(width);
            }
            None => {
                table.set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        if self.is_coloured {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        let head = sheet
            .head
            .iter()
            .map(|name| Cell::new(name).add_attribute(Attribute::Bold));
        table.set_header(head);
        for row in &sheet.rows {
            table.add_row(row.iter().map(|(text, tone)| match tone {
                Tone::Plain => Cell::new(text),
                Tone::Good => Cell::new(text).fg(Color::Green),
                Tone::Bad => Cell::new(text).fg(Color::Red),
            }));
        }
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n")
    }
}

/// A table before it is laid out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sheet {
    head: Vec<&'static str>,
    rows: Vec<Vec<(String, Tone)>>,
}

impl Sheet {
    /// A table with these columns.
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row without colour.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.toned(cells.into_iter().map(|text| (text, Tone::Plain)));
    }

    /// Adds a row with colour; control characters do not reach the terminal.
    pub(crate) fn toned(&mut self, cells: impl IntoIterator<Item = (String, Tone)>) {
        let clean = |(text, tone): (String, Tone)| (printable(&text), tone);
        self.rows.push(cells.into_iter().map(clean).collect());
    }

    fn lines(&self) -> String {
        let block = |row: &Vec<(String, Tone)>| {
            let pairs = self.head.iter().zip(row);
            let lines = pairs.map(|(name, (text, _))| format!("{}: {text}", name.to_lowercase()));
            lines.collect::<Vec<_>>().join("\n")
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n\n")
    }
}

/// Text without control characters: a label cannot move the cursor.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Text of several lines without other control characters.
pub(crate) fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// `key: value` lines, keys padded to one width, unset ones left out.
pub(crate) fn facts(facts: &[(&str, Option<String>)]) -> String {
    let set = || {
        facts
            .iter()
            .filter_map(|(name, value)| Some((*name, value.as_ref()?)))
    };
    let width = set().map(|(name, _)| name.len()).max().unwrap_or(0);
    let line = |(name, value): (&str, &String)| {
        format!(
            "{:width$} {}",
            format!("{name}:"),
            printable(value),
            width = width + 1
        )
    };
    set().map(line).collect::<Vec<_>>().join("\n")
}

/// Whole number with separators: `25,533,400`.
pub(crate) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A length of time in its two largest units: `2 h 10 min`, `8 s`.
pub(crate) fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (
        seconds / 86_400,
        seconds % 86_400 / 3_600,
        seconds % 3_600 / 60,
    );
    let join = |large: u64, unit: &str, small: u64, part: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {part}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => join(minutes, "min", seconds % 60, "s"),
        (0, hours, minutes) => join(hours, "h", minutes, "min"),
        (days, hours, _) => join(days, "d", hours, "h"),
    }
}

/// How fresh an answer is: `at block 25,533,400, 12 s old`.
pub(crate) fn freshness(of: &steward::views::form::Freshness) -> String {
    match (&of.block, of.age_seconds) {
        (Some(block), Some(age)) => format!("at block {}, {} old", number(block.number), span(age)),
        _ => "nothing was read yet".to_owned(),
    }
}

/// `0x1234…abcd`, or the label where there is one.
pub(crate) fn name(label: Option<&String>, address: &str) -> String {
    label.cloned().unwrap_or_else(|| short(address))
}

/// `0x1234…abcd`.
pub(crate) fn short(address: &str) -> String {
    let tail = address
        .len()
        .checked_sub(4)
        .and_then(|at| address.get(at..));
    match (address.get(..6), tail) {
        (Some(head), Some(tail)) if address.len() > 12 => format!("{head}…{tail}"),
        _ => address.to_owned(),
    }
}

/// A value or why there is none.
pub(crate) fn or_unknown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_units() {
        let texts = [8, 60, 754, 7_800, 93_600].map(span);
        assert_eq!(
            texts,
            ["8 s", "1 min", "12 min 34 s", "2 h 10 min", "1 d 2 h"]
        );
    }

    #[test]
    fn a_table_too_wide_becomes_lines() {
        let paper = Paper {
            width: Some(20),
            is_coloured: false,
            zone: TimeZone::UTC,
            now: 0,
        };
        let mut sheet = Sheet::new(&["ATTESTER", "STATE"]);
        sheet.row(["a\u{1b}[2J".to_owned(), "ACTIVE".to_owned()]);
        assert_eq!(paper.table(&sheet), "attester: a\u{fffd}[2J\nstate: ACTIVE");
    }
}
