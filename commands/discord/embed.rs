//! Cards as Discord shows them: embeds and rows of buttons.
//!
//! Text and limits are the core's (`alert::render`, `alert::fit`); here is only where each part goes. What Discord would
//! refuse whatever the text - an empty footer, a second button with the same id - is left out.

use std::collections::BTreeSet;

use serenity::{
    builder::{CreateActionRow, CreateButton, CreateEmbed, CreateEmbedAuthor, CreateEmbedFooter},
    model::{Timestamp, application::ButtonStyle},
};
use steward::{
    alert::{
        button::custom_id,
        card::{Button, ButtonAction, Card, Message},
        fit::{URL_MAX, fit_message},
        render::markdown::{self, bare, description, markdown},
    },
    units::UnixSeconds,
};

use super::picture::Picture;

/// Rows of buttons, Discord's most.
const ROWS_MAX: usize = 5;
/// 9999-12-31 23:59:59 UTC.
const LAST_SECOND: i64 = 253_402_300_799;
/// Shown on a button that has no words.
const NO_LABEL: &str = "·";

/// A message, laid out.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The line above the cards.
    pub content: Option<String>,
    /// The cards.
    pub embeds: Vec<CreateEmbed>,
    /// A row of buttons per card that has any.
    pub rows: Vec<CreateActionRow>,
}

/// Lays a message out, within every limit.
#[must_use]
pub fn shown(message: &Message, pictures: &[Picture]) -> Shown {
    let message = fit_message(message.clone());
    let table = markdown::table(&message);
    let last = message.cards.len().saturating_sub(1);
    let mut embeds: Vec<CreateEmbed> = message
        .cards
        .iter()
        .enumerate()
        .map(|(place, card)| {
            let embed = embed(card, table.as_deref().filter(|_| place == last));
            match pictures.iter().find(|picture| picture.card == place) {
                Some(picture) => embed.attachment(&picture.name),
                None => embed,
            }
        })
        .collect();
    if let (true, Some(table)) = (embeds.is_empty(), table) {
        embeds.push(CreateEmbed::new().description(table));
    }
    let mut seen = BTreeSet::new();
    let rows = message.cards.iter().map(|card| buttons(card, &mut seen));
    let rows = rows.filter(|row| !row.is_empty()).take(ROWS_MAX);
    Shown {
        content: markdown::content(&message),
        embeds,
        rows: rows.map(CreateActionRow::Buttons).collect(),
    }
}

/// One card; a table stands below its text.
fn embed(card: &Card, table: Option<&str>) -> CreateEmbed {
    let mut embed = CreateEmbed::new()
        .colour(card.severity.colour())
        .title(markdown::title(card));
    let author = bare(&card.author);
    if !author.trim().is_empty() {
        embed = embed.author(CreateEmbedAuthor::new(author));
    }
    let text: Vec<String> = [Some(description(card)), table.map(ToOwned::to_owned)]
        .into_iter()
        .flatten()
        .filter(|text| !text.trim().is_empty())
        .collect();
    if !text.is_empty() {
        embed = embed.description(text.join("\n"));
    }
    for field in &card.fields {
        embed = embed.field(&field.name, markdown(&field.value), field.inline);
    }
    if !card.footer.trim().is_empty() {
        embed = embed.footer(CreateEmbedFooter::new(&card.footer));
    }
    match timestamp(card.at) {
        Some(at) => embed.timestamp(at),
        None => embed,
    }
}

/// A moment that a calendar can hold; serenity's conversion stops at others.
fn timestamp(at: UnixSeconds) -> Option<Timestamp> {
    let at = i64::try_from(at.value()).ok()?;
    let is_in_calendar = at <= LAST_SECOND;
    is_in_calendar
        .then(|| Timestamp::from_unix_timestamp(at).ok())
        .flatten()
}

/// The buttons of a card, without those that another card of the message has.
fn buttons(card: &Card, seen: &mut BTreeSet<String>) -> Vec<CreateButton> {
    let mut row = Vec::new();
    for button in &card.buttons {
        let made = match (&button.action, custom_id(&button.action)) {
            (ButtonAction::Open(url), _) => page(url).map(CreateButton::new_link),
            (action, Some(id)) => seen
                .insert(id.clone())
                .then(|| CreateButton::new(id).style(style(action))),
            (_, None) => None,
        };
        row.extend(made.map(|made| made.label(label(button))));
    }
    row
}

fn style(action: &ButtonAction) -> ButtonStyle {
    match action {
        ButtonAction::Acknowledge { .. } => ButtonStyle::Primary,
        ButtonAction::Snooze { .. }
        | ButtonAction::Why { .. }
        | ButtonAction::Ask { .. }
        | ButtonAction::Open(_) => ButtonStyle::Secondary,
    }
}

fn label(button: &Button) -> &str {
    if button.label.trim().is_empty() {
        NO_LABEL
    } else {
        &button.label
    }
}

/// The address behind a button as Discord wants it: of the web, escaped, and not too long. It refuses the whole message
/// for any other.
fn page(url: &str) -> Option<String> {
    let url = reqwest::Url::parse(url).ok()?;
    let is_page = matches!(url.scheme(), "http" | "https") && url.has_host();
    let url = escaped(url.as_str());
    (is_page && url.len() <= URL_MAX).then_some(url)
}

/// The signs that browsers bear and RFC 3986 does not, in path, query and fragment; the host was checked when parsed.
fn escaped(url: &str) -> String {
    let host = url.find("://").map_or(0, |place| place + 3);
    let path = url
        .get(host..)
        .and_then(|rest| rest.find(['/', '?', '#']))
        .map_or(url.len(), |place| host + place);
    let (mut out, mut has_fragment) = (String::with_capacity(url.len()), false);
    for (place, sign) in url.char_indices() {
        let is_second_fragment = sign == '#' && has_fragment;
        has_fragment |= sign == '#';
        let is_foreign = matches!(
            sign,
            '[' | ']' | '{' | '}' | '|' | '\\' | '^' | '`' | '"' | '<' | '>'
        );
        let is_bare_percent = sign == '%' && !is_escape(url.get(place..).unwrap_or_default());
        if place >= path && (is_foreign || is_second_fragment || is_bare_percent) {
            out.push_str(&format!("%{:02X}", u32::from(sign)));
        } else {
            out.push(sign);
        }
    }
    out
}

/// Whether the text begins with a percent sign and two hex digits.
fn is_escape(text: &str) -> bool {
    let digits = text.as_bytes().get(1..3);
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_that_escapes_nothing_does_not_cost_the_whole_message() {
        let open = |url| page(url);
        assert_eq!(open("https://a.b/%").as_deref(), Some("https://a.b/%25"));
        assert_eq!(
            open("https://a.b/%4g?%5B%").as_deref(),
            Some("https://a.b/%254g?%5B%25")
        );
    }

    #[test]
    fn a_button_opens_pages_of_the_web_only_and_in_the_form_that_discord_takes() {
        let open = |url| page(url);
        assert_eq!(
            open("https://a.b/x?y=[1]#z#{").as_deref(),
            Some("https://a.b/x?y=%5B1%5D#z%23%7B")
        );
        assert_eq!(
            open("http://[::1]:80/|").as_deref(),
            Some("http://[::1]/%7C")
        );
        assert_eq!(open("javascript:alert(1)"), None);
        assert_eq!(open("https://"), None);
        assert_eq!(open(&format!("https://a.b/{}", "x".repeat(600))), None);
    }
}
