//! Messages as Discord gives them back: receipts, and the search for one of ours by its nonce.

use serde_json::Value;
use serenity::model::Timestamp;
use steward::{
    outbox::courier::{ChannelId, Found, Mark, MessageId, Receipt},
    units::UnixSeconds,
};

/// Discord's epoch in Unix milliseconds (reference.mdx, "Snowflakes").
const DISCORD_EPOCH_MS: u64 = 1_420_070_400_000;
/// Messages per page, Discord's most.
pub const PAGE: usize = 100;
/// Pages of one search; 2,000 messages since an attempt mean that something else is wrong.
pub const PAGES_MAX: usize = 20;

/// Pages that are looked through for the newest cards: a change among 500 messages is as good as the newest.
pub const MARK_PAGES_MAX: usize = 5;

/// The largest id that is surely older than this moment (Unix, milliseconds).
#[must_use]
pub fn snowflake_before(ms: u64) -> u64 {
    let since = ms.saturating_sub(DISCORD_EPOCH_MS).min(u64::MAX >> 22);
    (since << 22).saturating_sub(1)
}

/// Whether a message is by `me` and carries the nonce.
#[must_use]
pub fn is_ours(message: &Value, me: &str, nonce: &str) -> bool {
    let author = message.pointer("/author/id").and_then(Value::as_str);
    author == Some(me) && nonce_of(message).as_deref() == Some(nonce)
}

/// The marks of a message, where it is by `me`.
#[must_use]
pub fn marks(message: &Value, me: &str) -> Vec<Mark> {
    let author = message.pointer("/author/id").and_then(Value::as_str);
    let embeds = message.get("embeds").and_then(Value::as_array);
    let embeds = embeds.filter(|_| author == Some(me)).into_iter().flatten();
    embeds.filter_map(mark).collect()
}

fn mark(embed: &Value) -> Option<Mark> {
    let at = embed.get("timestamp").and_then(Value::as_str)?;
    let at = Timestamp::parse(at).ok()?.unix_timestamp();
    Some(Mark {
        footer: text(embed.pointer("/footer/text")),
        at: UnixSeconds::new(u64::try_from(at).ok()?),
    })
}

/// The oldest id on a page.
#[must_use]
pub fn oldest(page: &[Value]) -> Option<u64> {
    page.iter().filter_map(|message| id(message, "id")).min()
}

/// The newest id on a page.
#[must_use]
pub fn newest(page: &[Value]) -> Option<u64> {
    page.iter().filter_map(|message| id(message, "id")).max()
}

/// A message that a search found. What it was to show is not known here; the nonce is proof that it is ours.
#[must_use]
pub fn found(message: &Value) -> Found {
    match receipt(message, message) {
        Some(receipt) => Found::Yes(receipt),
        None => Found::Unclear("a message without an id carries the nonce".to_owned()),
    }
}

/// The receipt in an answer, compared with what was sent.
#[must_use]
pub fn receipt(answer: &Value, sent: &Value) -> Option<Receipt> {
    Some(Receipt {
        message: MessageId(id(answer, "id")?),
        channel: ChannelId(id(answer, "channel_id")?),
        nonce: nonce_of(answer),
        is_faithful: shown(answer) == shown(sent),
    })
}

/// An id in an answer.
#[must_use]
pub fn id(message: &Value, name: &str) -> Option<u64> {
    message.get(name)?.as_str()?.parse().ok()
}

/// Discord gives a nonce back as text or number.
fn nonce_of(message: &Value) -> Option<String> {
    match message.get("nonce")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What people read, with the white space that Discord trims taken away.
fn shown(message: &Value) -> Vec<String> {
    let mut shown = vec![text(message.get("content"))];
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    for embed in list(message.get("embeds")) {
        shown.push(text(embed.get("title")));
        shown.push(text(embed.get("description")));
        shown.push(text(embed.pointer("/footer/text")));
        for field in list(embed.get("fields")) {
            shown.push(text(field.get("name")));
            shown.push(text(field.get("value")));
        }
    }
    shown
}

fn text(value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_search_starts_before_the_first_message_of_its_millisecond() {
        assert_eq!(snowflake_before(DISCORD_EPOCH_MS + 1), (1 << 22) - 1);
        assert_eq!(snowflake_before(0), 0);
    }

    #[test]
    fn trimmed_text_is_faithful_and_other_text_is_not() {
        let sent = json!({ "content": " a ", "embeds": [{ "title": "t\n", "fields": [{ "name": "n", "value": "v " }] }] });
        let answer = |title: &str| {
            json!({ "id": "1", "channel_id": "2", "content": "a", "nonce": "x",
            "embeds": [{ "title": title, "type": "rich", "fields": [{ "name": "n", "value": "v", "inline": false }] }] })
        };
        let is_faithful = |title| receipt(&answer(title), &sent).unwrap().is_faithful;
        assert!(is_faithful("t"));
        assert!(!is_faithful("another"));
    }

    #[test]
    fn a_message_of_somebody_else_is_not_ours_whatever_it_carries() {
        let message = json!({ "id": "1", "author": { "id": "7" }, "nonce": "x" });
        assert!(is_ours(&message, "7", "x"));
        assert!(!is_ours(&message, "8", "x"));
        assert!(!is_ours(&message, "7", "y"));
    }
}
