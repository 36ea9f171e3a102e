//! Every limit of a card, kept by construction.
//!
//! Two kinds of limits: what a person can take in (counted in visible characters) and what Discord accepts (counted in
//! the UTF-16 units of the rendered text, links included). Cut is by visible character, with `…`. See `docs/CARDS.md`.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    card::{Button, Card, Field, Message, Span, Text},
    render::{
        clean::clean,
        markdown::{bare, bare_span, heading_span, span as markdown_span},
    },
};

/// A limit of a place: what people can take in, and what Discord takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Visible characters.
    pub visible: usize,
    /// UTF-16 units of the rendered text.
    pub rendered: usize,
}

const fn limit(visible: usize, rendered: usize) -> Limit {
    Limit { visible, rendered }
}

/// Network and provider. Discord takes 256.
pub const AUTHOR: Limit = limit(60, 240);
/// Sign and title. Discord takes 256.
pub const TITLE: Limit = limit(120, 250);
/// All lines of the body. Discord takes 4,096; 2,000 leaves room for the fields in the sum.
pub const DESCRIPTION: Limit = limit(600, 2000);
/// Name of a field. Discord takes 256.
pub const FIELD_NAME: Limit = limit(40, 80);
/// Value of a field. Discord takes 1,024; six of 420 leave room in the sum.
pub const FIELD_VALUE: Limit = limit(200, 420);
/// Fields of a card. Discord takes 25.
pub const FIELDS_MAX: usize = 6;
/// Footer, which shows no Markdown. Discord takes 2,048.
pub const FOOTER_MAX: usize = 100;
/// The one line above the cards. Discord takes 2,000, mentions included; a phone shows about 150.
pub const CONTENT: Limit = limit(200, 1200);
/// Roles that one message may mention: 32 × 24 characters stay within the content.
pub const ROLES_MAX: usize = 32;
/// Buttons of a card. Discord takes five in a row.
pub const BUTTONS_MAX: usize = 5;
/// Label of a button. Discord takes 80.
pub const BUTTON_LABEL_MAX: usize = 80;
/// Address behind a button or link. Discord takes 512.
pub const URL_MAX: usize = 512;
/// Cards of a message. Discord takes ten.
pub const CARDS_MAX: usize = 10;
/// All text of all cards and the table. Discord takes 6,000.
pub const SUM_MAX: usize = 6000;
/// Rows of a table, its head not counted.
pub const TABLE_ROWS_MAX: usize = 15;
/// Width of a table in characters: what Discord shows on a desktop without a line break.
pub const TABLE_WIDTH_MAX: usize = 72;
/// Signs that leads and closes: the severity's sign, a space.
const SIGN: usize = 3;
/// The fence of a table.
const FENCE: usize = 10;

/// Length as Discord counts it.
#[must_use]
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Keeps a card within every limit.
#[must_use]
pub fn fit(mut card: Card) -> Card {
    card.author = cut_text(card.author, AUTHOR);
    card.title = cut_text(
        card.title,
        limit(TITLE.visible - SIGN, TITLE.rendered - SIGN),
    );
    card.body = cut_lines(card.body, DESCRIPTION);
    card.fields.truncate(FIELDS_MAX);
    card.fields = card.fields.into_iter().map(fit_field).collect();
    card.footer = cut(&card.footer, FOOTER_MAX);
    card.buttons.retain(|button| match &button.action {
        super::card::ButtonAction::Open(url) => url.starts_with("http") && units(url) <= URL_MAX,
        super::card::ButtonAction::Acknowledge { .. }
        | super::card::ButtonAction::Snooze { .. }
        | super::card::ButtonAction::Why { .. }
        | super::card::ButtonAction::Ask { .. } => true,
    });
    card.buttons.truncate(BUTTONS_MAX);
    card.buttons = card
        .buttons
        .into_iter()
        .map(|button| Button {
            label: cut(&button.label, BUTTON_LABEL_MAX),
            action: button.action,
        })
        .collect();
    card
}

/// Discord refuses a field without name or value.
fn fit_field(field: Field) -> Field {
    let or = |text: Text, instead: &str| {
        if bare(&text).trim().is_empty() {
            Text::plain(instead)
        } else {
            text
        }
    };
    let name = cut_text(Text::plain(field.name), FIELD_NAME);
    Field {
        name: bare(&or(name, "·")),
        value: cut_text(or(field.value, "not told"), FIELD_VALUE),
        inline: field.inline,
    }
}

/// Keeps a message within every limit; what does not fit into the sum goes from the end.
#[must_use]
pub fn fit_message(mut message: Message) -> Message {
    message.content = message.content.map(|text| cut_text(text, CONTENT));
    message.mention_roles.truncate(ROLES_MAX);
    let cards = std::mem::take(&mut message.cards);
    let mut left = SUM_MAX;
    for card in cards.into_iter().take(CARDS_MAX).map(fit) {
        let length = card_units(&card);
        if length > left {
            break;
        }
        left -= length;
        message.cards.push(card);
    }
    message.table = message
        .table
        .map(|table| cut_table(&table, left.saturating_sub(FENCE)));
    message
}

/// What a card counts for in the sum over all cards.
#[must_use]
pub fn card_units(card: &Card) -> usize {
    let text = |text: &Text| rendered(text);
    let fields: usize = card
        .fields
        .iter()
        .map(|field| 2 * units(&field.name) + text(&field.value))
        .sum();
    let lines: usize = card.body.iter().map(|line| text(line) + 1).sum();
    text(&card.author) + SIGN + text(&card.title) + lines + fields + units(&card.footer)
}

fn cut_table(table: &str, room: usize) -> String {
    let mut out = String::new();
    // One row is the head.
    for line in table.lines().take(TABLE_ROWS_MAX + 1) {
        let line = cut_line(line, TABLE_WIDTH_MAX);
        if units(&out) + units(&line) + 1 > room {
            break;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&line);
    }
    out
}

/// The longest of the forms that a text is shown in.
fn rendered(text: &Text) -> usize {
    let one = |span: &Span| {
        let forms = [markdown_span(span), heading_span(span), bare_span(span)];
        forms.iter().map(|form| units(form)).max().unwrap_or(0)
    };
    text.0.iter().map(one).sum()
}

fn visible(text: &Text) -> usize {
    bare(text).graphemes(true).count()
}

/// The first `max` UTF-16 units of a text, cut between visible characters, with `…` where something is missing.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    cut_line(&clean(text), max)
}

/// The first characters of a line, its spaces kept.
fn cut_line(line: &str, max: usize) -> String {
    if units(line) <= max {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut used = 1;
    for grapheme in line.graphemes(true) {
        used += units(grapheme);
        if used > max {
            break;
        }
        out.push_str(grapheme);
    }
    out.push('…');
    out
}

/// Lines that share one limit.
fn cut_lines(lines: Vec<Text>, max: Limit) -> Vec<Text> {
    let mut left = max;
    let mut out = Vec::with_capacity(lines.len());
    for line in lines {
        // A line break counts as one.
        let room = limit(
            left.visible.saturating_sub(1),
            left.rendered.saturating_sub(1),
        );
        if room.visible < 2 || room.rendered < 2 {
            break;
        }
        let line = cut_text(line, room);
        left = limit(
            room.visible.saturating_sub(visible(&line)),
            room.rendered.saturating_sub(rendered(&line)),
        );
        out.push(line);
    }
    out
}

/// As many spans as fit, the last one cut, with `…` where something is missing.
#[must_use]
pub fn cut_text(text: Text, max: Limit) -> Text {
    if visible(&text) <= max.visible && rendered(&text) <= max.rendered {
        return text;
    }
    let mut left = limit(
        max.visible.saturating_sub(1),
        max.rendered.saturating_sub(1),
    );
    let mut out = Text::default();
    for span in text.0 {
        let piece = Text::from(span.clone());
        let (seen, taken) = (visible(&piece), rendered(&piece));
        if seen <= left.visible && taken <= left.rendered {
            left = limit(left.visible - seen, left.rendered - taken);
            out.0.push(span);
            continue;
        }
        out.0.extend(cut_span(&span, left));
        break;
    }
    out.and("…")
}

/// The beginning of a span of words; a link falls back to its words, a time cannot be cut.
fn cut_span(span: &Span, max: Limit) -> Option<Span> {
    let (words, make): (String, fn(String) -> Span) = match span {
        Span::Plain(text) => (clean(text), Span::Plain),
        Span::Foreign(text) => (clean(text), Span::Foreign),
        Span::Code(text) => (clean(text), Span::Code),
        Span::Bold(text) => (clean(text), Span::Bold),
        Span::Struck(text) => (clean(text), Span::Struck),
        Span::Time { .. } => return None,
        Span::Link { .. }
        | Span::Address { .. }
        | Span::Transaction { .. }
        | Span::Block { .. } => (bare_span(span), Span::Foreign),
    };
    // Every visible character takes at least one unit, so more than that is never needed.
    let ends: Vec<usize> = words
        .grapheme_indices(true)
        .map(|(start, grapheme)| start + grapheme.len())
        .take(max.visible)
        .collect();
    let fits = |end: &usize| {
        let piece = Text::from(make(words.get(..*end).unwrap_or_default().to_owned()));
        rendered(&piece) <= max.rendered && visible(&piece) <= max.visible
    };
    let count = ends.partition_point(fits);
    let end = *ends.get(count.checked_sub(1)?)?;
    let piece = words.get(..end)?.to_owned();
    let is_within = fits(&end);
    is_within.then(|| make(piece))
}

/// `mainnet/0x…/attester_transition/3 · steward 0.1.0`; the id is never cut before the build is.
#[must_use]
pub fn footer(id: &str, build: &str) -> String {
    let both = format!("{id} · steward {build}");
    if units(&both) <= FOOTER_MAX {
        both
    } else {
        cut(id, FOOTER_MAX)
    }
}

/// The id in a footer: what comes before the build.
#[must_use]
pub fn footer_id(footer: &str) -> &str {
    footer
        .split_once(" · steward ")
        .map_or(footer, |(id, _)| id)
        .trim()
}

#[cfg(test)]
mod tests;
