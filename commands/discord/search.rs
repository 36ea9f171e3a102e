//! Messages as Discord gives them back: receipts, and the search for one of ours.
//!
//! Discord gives a nonce back in the answer to the send, and to `enforce_nonce` for some minutes; a message that is
//! fetched later carries none. What stays is what people read: the id in the footer of a card, or the words of a line.

use serde_json::Value;
use serenity::model::Timestamp;
use steward::{
    alert::fit::footer_id,
    outbox::courier::{ChannelId, Found, Mark, MessageId, Parcel, Receipt},
    units::UnixSeconds,
};

use super::body;

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

/// What a message that a parcel made is known by.
#[derive(Debug)]
pub struct Sought {
    me: String,
    nonce: String,
    /// The id in the footer; `None` where the parcel has no card with one.
    id: Option<String>,
    body: Value,
}

impl Sought {
    /// What `me` sends as this parcel.
    #[must_use]
    pub fn of(parcel: &Parcel, me: String) -> Self {
        let body = body::new_message(parcel, Vec::new()).json;
        let id = ids(&body).next();
        Self {
            me,
            nonce: parcel.nonce.clone(),
            id,
            body,
        }
    }

    /// A message that is it; it may have been sent with an earlier content.
    #[must_use]
    pub fn found(&self, message: &Value) -> Found {
        match receipt(message, &self.body) {
            Some(receipt) => Found::Yes(receipt),
            None => Found::Unclear("a message without an id is one of ours".to_owned()),
        }
    }

    /// Whether a message is it. A server that keeps nonces tells by them alone.
    #[must_use]
    pub fn is(&self, message: &Value) -> bool {
        if !is_by(message, &self.me) {
            return false;
        }
        match (nonce_of(message), &self.id) {
            (Some(nonce), _) => nonce == self.nonce,
            (None, Some(id)) => ids(message).any(|known| known == *id),
            (None, None) => shown(message) == shown(&self.body),
        }
    }
}

fn is_by(message: &Value, me: &str) -> bool {
    message.pointer("/author/id").and_then(Value::as_str) == Some(me)
}

fn embeds(message: &Value) -> impl Iterator<Item = &Value> {
    let list = message.get("embeds").and_then(Value::as_array);
    list.into_iter().flatten()
}

/// The ids in the footers of a message's cards.
fn ids(message: &Value) -> impl Iterator<Item = String> {
    embeds(message).filter_map(|embed| {
        let footer = text(embed.pointer("/footer/text"));
        let id = footer_id(&footer);
        (!id.is_empty()).then(|| id.to_owned())
    })
}

/// The marks of a message, where it is by `me`.
#[must_use]
pub fn marks(message: &Value, me: &str) -> Vec<Mark> {
    let embeds = embeds(message).filter(|_| is_by(message, me));
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
    for embed in embeds(message) {
        shown.push(text(embed.get("title")));
        shown.push(text(embed.get("description")));
        shown.push(text(embed.pointer("/footer/text")));
        let fields = embed.get("fields").and_then(Value::as_array);
        for field in fields.into_iter().flatten() {
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

    fn sought(footer: &str, content: &str) -> Sought {
        let mut body = json!({ "content": content, "embeds": [] });
        if !footer.is_empty() {
            body["embeds"] = json!([{ "title": "t", "footer": { "text": footer } }]);
        }
        let id = ids(&body).next();
        Sought {
            me: "7".to_owned(),
            nonce: "x".to_owned(),
            id,
            body,
        }
    }

    fn message(author: &str, footer: &str, content: &str) -> Value {
        json!({ "id": "1", "author": { "id": author }, "content": content,
            "embeds": [{ "title": "edited since", "footer": { "text": footer } }] })
    }

    #[test]
    fn a_card_is_known_by_the_id_in_its_footer_whatever_else_was_edited_or_updated() {
        let sought = sought("main/0x1/slashed/1 · steward 0.1.0", "");
        assert!(sought.is(&message("7", "main/0x1/slashed/1 · steward 0.2.0", "")));
        assert!(!sought.is(&message("8", "main/0x1/slashed/1 · steward 0.1.0", "")));
        assert!(!sought.is(&message("7", "main/0x1/slashed/12 · steward 0.1.0", "")));
    }

    #[test]
    fn a_line_without_a_card_is_known_by_its_words() {
        let sought = sought("", "<@&1> less than 6 h are left");
        let line = |words: &str| json!({ "id": "1", "author": { "id": "7" }, "content": words });
        assert!(sought.is(&line("<@&1> less than 6 h are left")));
        assert!(!sought.is(&line("<@&1> less than 48 h are left")));
        assert!(!sought.is(&message("7", "f", "<@&1> less than 6 h are left")));
    }

    #[test]
    fn where_a_server_keeps_nonces_they_alone_tell() {
        let sought = sought("f", "");
        let with = |nonce: &str| {
            let mut message = message("7", "f", "");
            message["nonce"] = json!(nonce);
            message
        };
        assert!(sought.is(&with("x")));
        assert!(!sought.is(&with("y")));
    }
}
