//! Discord's Markdown. The length of a text is the sum of the lengths of its spans, which `fit` relies on.

use super::clean::{clean, disarm};
use crate::{
    alert::card::{Card, Message, Span, Text, TimeStyle},
    units::{B256, UnixSeconds, short_address},
};

/// For places that show Markdown: description, field values, content.
#[must_use]
pub fn markdown(text: &Text) -> String {
    text.0.iter().map(span).collect()
}

/// For places that show Markdown without links and times: titles, field names.
#[must_use]
pub fn heading(text: &Text) -> String {
    text.0.iter().map(heading_span).collect()
}

/// For places that show no Markdown at all: author, footer, alternative text.
#[must_use]
pub fn bare(text: &Text) -> String {
    text.0.iter().map(bare_span).collect()
}

/// The title of a card: its sign and what is true.
#[must_use]
pub fn title(card: &Card) -> String {
    format!("{} {}", card.severity.sign(), heading(&card.title))
}

/// The description of a card: its lines.
#[must_use]
pub fn description(card: &Card) -> String {
    let lines: Vec<String> = card.body.iter().map(markdown).collect();
    lines.join("\n")
}

/// The content of a message: the roles that are woken, and one line; `None` where nobody is.
#[must_use]
pub fn content(message: &Message) -> Option<String> {
    let line = message.content.as_ref().map(markdown)?;
    let mut out = String::new();
    for role in &message.mention_roles {
        out.push_str(&format!("<@&{role}> "));
    }
    out.push_str(&line);
    Some(out)
}

/// A table in a code block; `None` where there is none.
#[must_use]
pub fn table(message: &Message) -> Option<String> {
    let table = message.table.as_ref()?;
    Some(format!("```\n{}\n```", table.replace('`', "'")))
}

pub(crate) fn span(span: &Span) -> String {
    match span {
        Span::Plain(text) => own(text),
        Span::Foreign(text) => foreign(text),
        Span::Code(text) => format!("`{}`", code(text)),
        Span::Bold(text) => format!("**{}**", foreign(text)),
        Span::Struck(text) => format!("~~{}~~", foreign(text)),
        Span::Time { at, style } => {
            let style = match style {
                TimeStyle::Relative => 'R',
                TimeStyle::Full => 'f',
            };
            format!("<t:{at}:{style}>")
        }
        Span::Link { text, url } => link(&foreign(text), Some(url)),
        Span::Address { url, .. } | Span::Transaction { url, .. } | Span::Block { url, .. } => {
            link(&bare_span(span), url.as_ref())
        }
    }
}

pub(crate) fn heading_span(span: &Span) -> String {
    match span {
        Span::Bold(text) | Span::Code(text) => foreign(text),
        Span::Plain(_) | Span::Foreign(_) | Span::Struck(_) => self::span(span),
        Span::Time { .. }
        | Span::Link { .. }
        | Span::Address { .. }
        | Span::Transaction { .. }
        | Span::Block { .. } => foreign(&bare_span(span)),
    }
}

pub(crate) fn bare_span(span: &Span) -> String {
    match span {
        Span::Plain(text) => clean(text),
        Span::Foreign(text) | Span::Code(text) | Span::Bold(text) | Span::Struck(text) => {
            disarm(text)
        }
        Span::Time { at, .. } => utc(*at),
        Span::Link { text, .. } => disarm(text),
        Span::Address { address, .. } => short_address(*address),
        Span::Transaction { hash, .. } => short_hash(*hash),
        Span::Block { number, .. } => crate::alert::text::count(number.value()),
    }
}

/// `0x12345678…`.
#[must_use]
pub fn short_hash(hash: B256) -> String {
    let text = hash.to_string();
    format!("{}…", text.get(..10).unwrap_or(&text))
}

/// `2026-11-21 04:00 UTC`, where a place can show no localised time.
pub(crate) fn utc(at: UnixSeconds) -> String {
    at.written("%Y-%m-%d %H:%M UTC", jiff::tz::TimeZone::UTC)
}

/// Our own words: only what would format is escaped.
fn own(text: &str) -> String {
    escape(&clean(text), |sign| {
        matches!(sign, '\\' | '*' | '_' | '~' | '`' | '|')
    })
}

/// Words of others: everything that could ping, format or link is escaped.
fn foreign(text: &str) -> String {
    let text = disarm(text);
    let escaped = escape(&text, |sign| {
        matches!(
            sign,
            '\\' | '*' | '_' | '~' | '`' | '|' | '@' | '#' | '<' | '>' | '[' | ']' | '(' | ')'
        )
    });
    match escaped.chars().next() {
        Some('-' | '+') => format!("\\{escaped}"),
        Some('0'..='9') => numbered(escaped),
        _ => escaped,
    }
}

/// `1. x` at the start of a line would be a list.
fn numbered(text: String) -> String {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    match text.split_at_checked(digits) {
        Some((head, tail)) if tail.starts_with(". ") => format!("{head}\\{tail}"),
        _ => text,
    }
}

fn escape(text: &str, is_active: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for sign in text.chars() {
        if is_active(sign) {
            out.push('\\');
        }
        out.push(sign);
    }
    out
}

fn code(text: &str) -> String {
    let text = clean(text).replace('`', "'");
    if text.trim().is_empty() {
        "(empty)".to_owned()
    } else {
        text
    }
}

fn link(text: &str, url: Option<&String>) -> String {
    let url = url.filter(|url| url.starts_with("https://") || url.starts_with("http://"));
    let Some(url) = url else {
        return text.to_owned();
    };
    let mut safe = String::with_capacity(url.len());
    for sign in url.chars() {
        match sign {
            '(' => safe.push_str("%28"),
            ')' => safe.push_str("%29"),
            '<' => safe.push_str("%3C"),
            '>' => safe.push_str("%3E"),
            sign if sign.is_whitespace() || sign.is_control() => safe.push_str("%20"),
            sign => safe.push(sign),
        }
    }
    format!("[{text}]({safe})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_format_ping_or_link() {
        let text = Text::from(Span::Foreign(
            "@everyone <@&1> **x** [a](https://e.vil) `c` ||s|| ~~t~~ # h\n> q".to_owned(),
        ));
        insta::assert_snapshot!(markdown(&text).replace('\u{200b}', "␣"), @r"\@␣everyone \<\@␣&1\> \*\*x\*\* \[a\]\(https:␣//e.vil\) \`c\` \|\|s\|\| \~\~t\~\~ \#␣ h \> q");
    }

    #[test]
    fn a_label_at_the_start_of_a_line_makes_no_list() {
        assert_eq!(
            markdown(&Text::from(Span::Foreign("- a".to_owned()))),
            "\\- a"
        );
        assert_eq!(
            markdown(&Text::from(Span::Foreign("12. a".to_owned()))),
            "12\\. a"
        );
        assert_eq!(
            markdown(&Text::from(Span::Foreign("12.5".to_owned()))),
            "12.5"
        );
    }

    #[test]
    fn a_link_that_is_no_page_is_text() {
        let link = |url: &str| {
            markdown(&Text::from(Span::Link {
                text: "a]b".to_owned(),
                url: url.to_owned(),
            }))
        };
        assert_eq!(link("javascript:x"), "a\\]b");
        assert_eq!(link("https://a/(b) c"), "[a\\]b](https://a/%28b%29%20c)");
    }

    #[test]
    fn a_code_span_cannot_be_left() {
        assert_eq!(
            markdown(&Text::from(Span::Code("a`b``".to_owned()))),
            "`a'b''`"
        );
    }

    #[test]
    fn roles_are_named_in_the_content_only() {
        let message = Message {
            content: Some(Text::plain("look")),
            mention_roles: vec![7, 8],
            ..Message::default()
        };
        assert_eq!(content(&message).as_deref(), Some("<@&7> <@&8> look"));
        assert_eq!(content(&Message::default()), None);
    }
}
