//! Messages: what a channel shows, how it came to that, and whom it pinged.

use std::collections::BTreeSet;

use regex::Regex;
use serde::Serialize;
use serde_json::{Value, json};

use crate::form::list;
use crate::request::{File, id_of};
use crate::snowflake::Snowflake;

/// Flag of a message that only one person sees.
pub(crate) const EPHEMERAL: u64 = 1 << 6;
/// Flag of a deferred answer ("is thinking ...").
pub(crate) const LOADING: u64 = 1 << 7;

/// A message as it stands, with its past.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// Its id; carries the time it was made.
    pub id: Snowflake,
    /// The channel it is in.
    pub channel: Snowflake,
    /// Who wrote it.
    pub author: Snowflake,
    /// Text, trimmed as Discord does.
    pub content: String,
    /// Embeds as Discord stores them (trimmed, `type` added, attachment links resolved).
    pub embeds: Vec<Value>,
    /// Components with the ids that Discord gives them.
    pub components: Vec<Value>,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// The nonce it was sent with.
    pub nonce: Option<String>,
    /// Message flags; 64 is ephemeral, 128 is a deferred answer that is still loading.
    pub flags: u64,
    /// The message it replies to.
    pub reply_to: Option<Snowflake>,
    /// Who was pinged when it was sent. Edits never ping.
    pub pinged: Pinged,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
    /// Unix milliseconds of the last edit.
    pub edited_ms: Option<u64>,
    /// Everything it ever showed, the first version first.
    pub versions: Vec<Version>,
    /// Whether it has been deleted.
    pub deleted: bool,
    /// Whether it is pinned.
    pub pinned: bool,
    /// The only person who sees it.
    pub ephemeral_to: Option<Snowflake>,
    /// The interaction that it answers.
    pub interaction: Option<Snowflake>,
    /// The thread that hangs on it.
    pub thread: Option<Snowflake>,
    /// Discord's message type: 0 ordinary, 19 reply, 20 answer to a command.
    pub kind: u8,
}

/// What a message showed from some moment on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// Unix milliseconds from which it showed this.
    pub at_ms: u64,
    /// Text.
    pub content: String,
    /// Embeds.
    pub embeds: Vec<Value>,
    /// Components.
    pub components: Vec<Value>,
    /// Names of the attached files.
    pub attachments: Vec<String>,
}

/// A file on a message.
#[derive(Clone, Debug, Serialize)]
pub struct Attachment {
    /// Its id.
    pub id: Snowflake,
    /// Its name.
    pub name: String,
    /// Its content type, if told.
    pub content_type: Option<String>,
    /// Alternative text.
    pub description: Option<String>,
    /// Its content.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

/// Who heard a bell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pinged {
    /// `@everyone` or `@here`.
    pub everyone: bool,
    /// Users, by mention or by reply.
    pub users: BTreeSet<Snowflake>,
    /// Roles.
    pub roles: BTreeSet<Snowflake>,
}

impl Pinged {
    /// Whether nobody was pinged.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        !self.everyone && self.users.is_empty() && self.roles.is_empty()
    }
}

impl Message {
    /// Text of content and embeds together, for searching in tests.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = self.content.clone();
        for embed in &self.embeds {
            let fields = list(&embed["fields"])
                .iter()
                .flat_map(|field| [&field["name"], &field["value"]]);
            let parts = [
                &embed["author"]["name"],
                &embed["title"],
                &embed["description"],
            ];
            for part in parts
                .into_iter()
                .chain(fields)
                .chain([&embed["footer"]["text"]])
            {
                if let Some(part) = part.as_str() {
                    text.push('\n');
                    text.push_str(part);
                }
            }
        }
        text.trim().to_owned()
    }

    /// Every component in it that has a custom id.
    #[must_use]
    pub fn custom_ids(&self) -> Vec<String> {
        let mut found = Vec::new();
        gather_custom_ids(&self.components, &mut found);
        found
    }

    /// The component with this custom id.
    #[must_use]
    pub fn component(&self, custom_id: &str) -> Option<&Value> {
        find_component(&self.components, custom_id)
    }

    /// Whether it is a deferred answer that still shows "is thinking ...".
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.flags & LOADING != 0
    }

    /// Whether only one person sees it.
    #[must_use]
    pub fn is_ephemeral(&self) -> bool {
        self.flags & EPHEMERAL != 0
    }

    /// Whether everybody who may read that channel sees it there.
    pub(crate) fn is_public_in(&self, channel: Snowflake) -> bool {
        self.channel == channel && !self.deleted && self.ephemeral_to.is_none()
    }

    pub(crate) fn remember(&mut self, at_ms: u64) {
        self.versions.push(Version {
            at_ms,
            content: self.content.clone(),
            embeds: self.embeds.clone(),
            components: self.components.clone(),
            attachments: self
                .attachments
                .iter()
                .map(|file| file.name.clone())
                .collect(),
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.content.is_empty()
            && self.embeds.is_empty()
            && self.components.is_empty()
            && self.attachments.is_empty()
    }

    /// Puts the fields that are present in `body` in place; the others stay.
    pub(crate) fn apply(&mut self, body: &Value) {
        if let Some(content) = body.get("content") {
            content
                .as_str()
                .unwrap_or_default()
                .trim()
                .clone_into(&mut self.content);
        }
        if let Some(embeds) = body.get("embeds") {
            self.embeds = list(embeds).iter().map(stored_embed).collect();
        }
        if let Some(components) = body.get("components") {
            let mut next = 1;
            self.components = list(components)
                .iter()
                .map(|part| stored_component(part, &mut next))
                .collect();
        }
        if let Some(flags) = body["flags"].as_u64() {
            let kept = EPHEMERAL | LOADING;
            self.flags = (self.flags & kept) | (flags & !kept);
        }
    }
}

fn gather_custom_ids(parts: &[Value], found: &mut Vec<String>) {
    for part in parts {
        if let Some(id) = part["custom_id"].as_str() {
            found.push(id.to_owned());
        }
        gather_custom_ids(list(&part["components"]), found);
    }
}

fn find_component<'a>(parts: &'a [Value], custom_id: &str) -> Option<&'a Value> {
    parts.iter().find_map(|part| {
        if part["custom_id"] == custom_id {
            Some(part)
        } else {
            find_component(list(&part["components"]), custom_id)
        }
    })
}

/// An embed as Discord stores it: `type` added, nulls gone, texts trimmed, times in Discord's form.
fn stored_embed(embed: &Value) -> Value {
    let mut stored = tidy(embed);
    stored["type"] = json!("rich");
    if let Some(time) = stored["timestamp"]
        .as_str()
        .and_then(|time| time.strip_suffix('Z'))
    {
        stored["timestamp"] = json!(format!("{time}+00:00"));
    }
    for field in stored["fields"].as_array_mut().into_iter().flatten() {
        if field["inline"].is_null() {
            field["inline"] = json!(false);
        }
    }
    for name in ["fields", "timestamp"] {
        if stored[name].is_null()
            && let Some(object) = stored.as_object_mut()
        {
            object.remove(name);
        }
    }
    stored
}

fn tidy(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.trim()),
        Value::Array(items) => Value::Array(items.iter().map(tidy).collect()),
        Value::Object(object) => {
            let kept = object.iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(name, value)| (name.clone(), tidy(value)))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// A component with the numeric `id` that Discord adds.
fn stored_component(part: &Value, next: &mut u64) -> Value {
    let mut stored = part.clone();
    if stored["id"].as_u64().unwrap_or(0) == 0 {
        stored["id"] = json!(*next);
    }
    *next += 1;
    if let Some(parts) = part["components"].as_array() {
        stored["components"] = parts
            .iter()
            .map(|part| stored_component(part, next))
            .collect();
    }
    stored
}

/// What stands in the text: `@everyone`, users, roles.
pub(crate) fn mentioned(content: &str) -> Pinged {
    let ids = |pattern: &str| -> BTreeSet<Snowflake> {
        let Ok(pattern) = Regex::new(pattern) else {
            return BTreeSet::new();
        };
        let found = pattern
            .captures_iter(content)
            .filter_map(|found| found.get(1)?.as_str().parse().ok());
        found.collect()
    };
    Pinged {
        everyone: content.contains("@everyone") || content.contains("@here"),
        users: ids(r"<@!?(\d+)>"),
        roles: ids(r"<@&(\d+)>"),
    }
}

/// Whom `allowed_mentions` lets through. Without it everything pings; from webhooks and interactions only users.
pub(crate) fn allowed(
    mentioned: Pinged,
    allowed_mentions: &Value,
    from_interaction: bool,
) -> Pinged {
    let parse: Vec<&str> = match allowed_mentions {
        Value::Object(object) => list(object.get("parse").unwrap_or(&Value::Null))
            .iter()
            .filter_map(Value::as_str)
            .collect(),
        _ if from_interaction => vec!["users"],
        _ => vec!["users", "roles", "everyone"],
    };
    let through = |kind: &str, ids: BTreeSet<Snowflake>| -> BTreeSet<Snowflake> {
        let named: BTreeSet<Snowflake> = list(&allowed_mentions[kind])
            .iter()
            .filter_map(id_of)
            .collect();
        ids.into_iter()
            .filter(|id| parse.contains(&kind) || named.contains(id))
            .collect()
    };
    Pinged {
        everyone: mentioned.everyone && parse.contains(&"everyone"),
        users: through("users", mentioned.users),
        roles: through("roles", mentioned.roles),
    }
}

/// The attachments of a message after a request: those that are kept, and the new files.
pub(crate) fn attachments(
    kept: Vec<Attachment>,
    body: &Value,
    files: &[File],
    mut id: impl FnMut() -> Snowflake,
) -> Vec<Attachment> {
    let listed = body["attachments"].as_array();
    let mut result: Vec<Attachment> = match listed {
        Some(listed) => {
            let ids: BTreeSet<Snowflake> =
                listed.iter().filter_map(|one| id_of(&one["id"])).collect();
            kept.into_iter()
                .filter(|file| ids.contains(&file.id))
                .collect()
        }
        None => kept,
    };
    for file in files {
        let told = listed
            .into_iter()
            .flatten()
            .find(|one| id_of(&one["id"]) == Some(Snowflake(file.index)));
        let name = told
            .and_then(|one| one["filename"].as_str())
            .unwrap_or(&file.name);
        result.push(Attachment {
            id: id(),
            name: name.replace(' ', "_"),
            content_type: file.content_type.clone(),
            description: told
                .and_then(|one| one["description"].as_str())
                .map(ToOwned::to_owned),
            bytes: file.bytes.clone(),
        });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_allowed_mentions_everything_in_the_text_pings() {
        let pinged = allowed(mentioned("@everyone <@5> <@&7>"), &Value::Null, false);
        assert!(pinged.everyone);
        assert_eq!(pinged.users, BTreeSet::from([Snowflake(5)]));
        assert_eq!(pinged.roles, BTreeSet::from([Snowflake(7)]));
    }

    #[test]
    fn from_an_interaction_only_users_ping_by_default() {
        let pinged = allowed(mentioned("@here <@5> <@&7>"), &Value::Null, true);
        assert_eq!(
            pinged,
            Pinged {
                everyone: false,
                users: BTreeSet::from([Snowflake(5)]),
                roles: BTreeSet::new()
            }
        );
    }

    #[test]
    fn an_empty_allowed_mentions_pings_nobody() {
        assert!(
            allowed(
                mentioned("@everyone <@5> <@&7>"),
                &json!({ "parse": [] }),
                false
            )
            .is_nobody()
        );
    }

    #[test]
    fn only_the_listed_roles_ping() {
        let rule = json!({ "parse": [], "roles": ["7"] });
        let pinged = allowed(mentioned("<@&7> <@&8>"), &rule, false);
        assert_eq!(pinged.roles, BTreeSet::from([Snowflake(7)]));
    }

    #[test]
    fn embeds_are_trimmed_and_get_a_type() {
        let stored = stored_embed(
            &json!({ "title": "  a ", "footer": null, "timestamp": "2026-11-20T00:00:00Z" }),
        );
        assert_eq!(
            stored,
            json!({ "title": "a", "type": "rich", "timestamp": "2026-11-20T00:00:00+00:00" })
        );
    }
}
