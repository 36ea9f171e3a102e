//! Channels and their messages: the REST routes under `/channels`.

use serde_json::{Value, json};

use crate::answer::{Answer, Outcome};
use crate::form::{check_message, list};
use crate::message::{Message, Pinged, allowed, attachments, mentioned};
use crate::permission::{
    ATTACH_FILES, EMBED_LINKS, MANAGE_CHANNELS, MANAGE_MESSAGES, MENTION_EVERYONE, PIN_MESSAGES,
    READ_MESSAGE_HISTORY, SEND_MESSAGES, SEND_MESSAGES_IN_THREADS, VIEW_CHANNEL,
};
use crate::rates::{millis, seconds};
use crate::request::{Request, id_of};
use crate::snowflake::Snowflake;
use crate::spec::ChannelSpec;
use crate::world::World;

impl World {
    pub(crate) fn channels_route(
        &mut self,
        request: &Request,
        id: Snowflake,
        rest: &[&str],
    ) -> Option<Outcome> {
        let message = rest
            .get(1)
            .and_then(|id| id.parse().ok())
            .unwrap_or_default();
        Some(match (request.method.as_str(), rest) {
            ("GET", []) => self.show_channel(id),
            ("PATCH", []) => self.change_channel(request, id),
            ("DELETE", []) => self.close_channel(id),
            ("POST", ["typing"]) => self.may(id, SEND_MESSAGES).map(|()| Answer::empty()),
            ("POST", ["messages"]) => self.post_message(request, id),
            ("GET", ["messages"]) => self.list_messages(request, id),
            ("GET", ["messages", _]) => self.show_message(id, message),
            ("PATCH", ["messages", _]) => self.edit_message(request, id, message),
            ("DELETE", ["messages", _]) => self.remove_message(id, message),
            ("POST", ["threads"]) => self.open_thread(request, id, None),
            ("POST", ["messages", _, "threads"]) => self.open_thread(request, id, Some(message)),
            ("PUT" | "DELETE", ["thread-members", _]) => {
                self.may(id, VIEW_CHANNEL).map(|()| Answer::empty())
            }
            ("PUT", ["pins", _] | ["messages", "pins", _]) => self.pin(id, last(rest), true),
            ("DELETE", ["pins", _] | ["messages", "pins", _]) => self.pin(id, last(rest), false),
            _ => return None,
        })
    }

    /// Whether the bot may do that there: 10003, 50001 or 50013 if not.
    pub(crate) fn may(&self, channel: Snowflake, permissions: u64) -> Result<(), Answer> {
        if !self.channels.contains_key(&channel) {
            return Err(Answer::unknown_channel());
        }
        let bits = self.permissions(self.application, channel);
        if bits & VIEW_CHANNEL == 0 {
            return Err(Answer::missing_access());
        }
        if bits & permissions != permissions {
            return Err(Answer::missing_permissions());
        }
        Ok(())
    }

    fn show_channel(&self, id: Snowflake) -> Outcome {
        self.may(id, VIEW_CHANNEL)?;
        let channel = self.channels.get(&id).ok_or_else(Answer::unknown_channel)?;
        Ok(Answer::ok(self.channel_json(channel)))
    }

    fn change_channel(&mut self, request: &Request, id: Snowflake) -> Outcome {
        self.may(id, MANAGE_CHANNELS)?;
        let body = request.body().into_owned();
        let channel = self
            .channels
            .get_mut(&id)
            .ok_or_else(Answer::unknown_channel)?;
        if let Some(name) = body["name"].as_str() {
            name.clone_into(&mut channel.name);
        }
        if let Some(topic) = body.get("topic") {
            channel.topic = topic.as_str().map(ToOwned::to_owned);
        }
        if let Some(archived) = body["archived"].as_bool() {
            channel.archived = archived;
        }
        let channel = channel.clone();
        let value = self.channel_json(&channel);
        self.dispatch(
            if channel.is_thread() {
                "THREAD_UPDATE"
            } else {
                "CHANNEL_UPDATE"
            },
            &value,
        );
        Ok(Answer::ok(value))
    }

    fn close_channel(&mut self, id: Snowflake) -> Outcome {
        self.may(id, MANAGE_CHANNELS)?;
        self.delete_channel(id)
            .map(Answer::ok)
            .ok_or_else(Answer::unknown_channel)
    }

    /// Deletes a channel with its messages and tells the sessions.
    pub(crate) fn delete_channel(&mut self, id: Snowflake) -> Option<Value> {
        let channel = self.channels.remove(&id)?;
        let value = self.channel_json(&channel);
        for message in self
            .messages
            .values_mut()
            .filter(|message| message.channel == id)
        {
            message.deleted = true;
        }
        self.dispatch(
            if channel.is_thread() {
                "THREAD_DELETE"
            } else {
                "CHANNEL_DELETE"
            },
            &value,
        );
        Some(value)
    }

    fn post_message(&mut self, request: &Request, channel: Snowflake) -> Outcome {
        let body = request.body();
        let is_thread = self
            .channels
            .get(&channel)
            .is_some_and(ChannelSpec::is_thread);
        let mut needed = if is_thread {
            SEND_MESSAGES_IN_THREADS
        } else {
            SEND_MESSAGES
        };
        if !list(&body["embeds"]).is_empty() {
            needed |= EMBED_LINKS;
        }
        if !request.files.is_empty() {
            needed |= ATTACH_FILES;
        }
        self.may(channel, needed)?;
        self.form(request, check_message(&body, &request.files))?;
        if let Some(twin) = self.twin(&body, channel) {
            return Ok(Answer::ok(self.sent_message_json(&twin)));
        }
        let reply_to = self.reference(&body, channel)?;
        let draft = Draft {
            author: self.application,
            channel,
            reply_to,
            interaction: None,
            ephemeral_to: None,
            kind: if reply_to.is_some() { 19 } else { 0 },
        };
        let message = self.new_message(&draft, &body, &request.files);
        if message.is_empty() {
            return Err(Answer::empty_message());
        }
        let value = self.publish(message);
        Ok(Answer::ok(value))
    }

    /// The earlier message that `enforce_nonce` gives back instead of making a second.
    fn twin(&self, body: &Value, channel: Snowflake) -> Option<Message> {
        let nonce = nonce_of(body)?;
        let since_ms = self
            .now_ms()
            .saturating_sub(millis(self.rules.nonce_window));
        let enforced = body["enforce_nonce"] == true;
        let same = |message: &&Message| {
            message.nonce.as_ref() == Some(&nonce)
                && message.channel == channel
                && message.author == self.application
                && message.created_ms >= since_ms
        };
        self.messages
            .values()
            .filter(|_| enforced)
            .find(same)
            .cloned()
    }

    fn reference(&self, body: &Value, channel: Snowflake) -> Result<Option<Snowflake>, Answer> {
        let reference = &body["message_reference"];
        let Some(id) = id_of(&reference["message_id"]) else {
            return Ok(None);
        };
        let known = self
            .messages
            .get(&id)
            .is_some_and(|message| message.channel == channel && !message.deleted);
        if known {
            if self.permissions(self.application, channel) & READ_MESSAGE_HISTORY == 0 {
                return Err(Answer::refusal(
                    403,
                    160_002,
                    "Cannot reply without permission to read message history",
                ));
            }
            return Ok(Some(id));
        }
        if reference["fail_if_not_exists"] == false {
            return Ok(None);
        }
        let mut faults = crate::answer::Faults::default();
        faults.add(
            "message_reference",
            "MESSAGE_REFERENCE_UNKNOWN_MESSAGE",
            "Unknown message",
        );
        Err(faults.answer())
    }

    /// Builds a message without showing it to anybody.
    pub(crate) fn new_message(
        &mut self,
        draft: &Draft,
        body: &Value,
        files: &[crate::request::File],
    ) -> Message {
        let id = self.next_id();
        let now_ms = self.now_ms();
        let mut message = Message {
            id,
            channel: draft.channel,
            author: draft.author,
            content: String::new(),
            embeds: Vec::new(),
            components: Vec::new(),
            attachments: Vec::new(),
            nonce: nonce_of(body),
            flags: 0,
            reply_to: draft.reply_to,
            pinged: Pinged::default(),
            created_ms: now_ms,
            edited_ms: None,
            versions: Vec::new(),
            deleted: false,
            pinned: false,
            ephemeral_to: draft.ephemeral_to,
            interaction: draft.interaction,
            thread: None,
            kind: draft.kind,
        };
        message.apply(body);
        if draft.ephemeral_to.is_some() {
            message.flags |= crate::message::EPHEMERAL;
        }
        message.attachments = attachments(message.attachments, body, files, || self.next_id());
        message.pinged = self.pinged(draft, &message, body);
        message.remember(now_ms);
        message
    }

    fn pinged(&self, draft: &Draft, message: &Message, body: &Value) -> Pinged {
        let rule = &body["allowed_mentions"];
        let mut pinged = allowed(
            mentioned(&message.content),
            rule,
            draft.interaction.is_some(),
        );
        let loud = self.permissions(draft.author, draft.channel) & MENTION_EVERYONE != 0;
        pinged.everyone &= loud;
        pinged.roles.retain(|role| {
            self.roles
                .get(role)
                .is_some_and(|role| role.mentionable || loud)
        });
        pinged.users.retain(|user| self.members.contains_key(user));
        let replied_user = rule["replied_user"].as_bool().unwrap_or(rule.is_null());
        if let Some(replied) = draft
            .reply_to
            .filter(|_| replied_user)
            .and_then(|id| self.messages.get(&id))
            && replied.author != draft.author
        {
            pinged.users.insert(replied.author);
        }
        pinged
    }

    /// Shows a new message in its channel and tells the sessions; gives its JSON form.
    pub(crate) fn publish(&mut self, message: Message) -> Value {
        let value = self.sent_message_json(&message);
        self.say(format!(
            "posted     #{} {} {}",
            self.channel_name(message.channel),
            message.id,
            one_line(&message)
        ));
        let open = message.ephemeral_to.is_none();
        self.messages.insert(message.id, message);
        if open {
            let mut event = value.clone();
            event["guild_id"] = json!(self.guild);
            self.dispatch("MESSAGE_CREATE", &event);
        }
        self.touch();
        value
    }

    /// A message that exists in this channel for everybody to see.
    pub(crate) fn public_message(
        &self,
        channel: Snowflake,
        id: Snowflake,
    ) -> Result<&Message, Answer> {
        let message = self
            .messages
            .get(&id)
            .filter(|message| !message.deleted && message.channel == channel);
        message
            .filter(|message| message.ephemeral_to.is_none())
            .ok_or_else(Answer::unknown_message)
    }

    fn show_message(&self, channel: Snowflake, id: Snowflake) -> Outcome {
        self.may(channel, READ_MESSAGE_HISTORY)?;
        Ok(Answer::ok(
            self.message_json(self.public_message(channel, id)?),
        ))
    }

    fn edit_message(&mut self, request: &Request, channel: Snowflake, id: Snowflake) -> Outcome {
        self.may(channel, VIEW_CHANNEL)?;
        let message = self.public_message(channel, id)?.clone();
        if message.author != self.application {
            return Err(Answer::refusal(
                403,
                50005,
                "Cannot edit a message authored by another user",
            ));
        }
        self.form(request, check_message(&request.body(), &request.files))?;
        self.old_edit_allowed(&message)?;
        self.change_message(message, &request.body(), &request.files)
    }

    /// The rule behind code 30046: few edits of messages that are older than an hour.
    fn old_edit_allowed(&self, message: &Message) -> Result<(), Answer> {
        let now_ms = self.now_ms();
        let rules = &self.rules;
        if now_ms.saturating_sub(message.created_ms) < millis(rules.old_message_age) {
            return Ok(());
        }
        let since_ms = now_ms.saturating_sub(millis(rules.old_edits.per));
        let mut recent = message
            .versions
            .iter()
            .skip(1)
            .filter(|version| version.at_ms > since_ms);
        let first_ms = recent
            .clone()
            .next()
            .map_or(now_ms, |version| version.at_ms);
        let limit = usize::try_from(rules.old_edits.limit).unwrap_or(usize::MAX);
        if limit > 0 && recent.nth(limit - 1).is_none() {
            return Ok(());
        }
        let wait_ms = (first_ms + millis(rules.old_edits.per)).saturating_sub(now_ms);
        Err(Answer::rate_limited(seconds(wait_ms), "user", Some(30046)))
    }

    /// Edits a message in place, remembers the version, and tells the sessions.
    pub(crate) fn change_message(
        &mut self,
        mut message: Message,
        body: &Value,
        files: &[crate::request::File],
    ) -> Outcome {
        let now_ms = self.now_ms();
        message.apply(body);
        message.attachments = attachments(
            std::mem::take(&mut message.attachments),
            body,
            files,
            || self.next_id(),
        );
        message.flags &= !crate::message::LOADING;
        if message.is_empty() {
            return Err(Answer::empty_message());
        }
        message.edited_ms = Some(now_ms);
        message.remember(now_ms);
        self.say(format!(
            "edited     #{} {} {}",
            self.channel_name(message.channel),
            message.id,
            one_line(&message)
        ));
        let value = self.message_json(&message);
        let open = message.ephemeral_to.is_none();
        self.messages.insert(message.id, message);
        if open {
            let mut event = value.clone();
            event["guild_id"] = json!(self.guild);
            self.dispatch("MESSAGE_UPDATE", &event);
        }
        self.touch();
        Ok(Answer::ok(value))
    }

    fn remove_message(&mut self, channel: Snowflake, id: Snowflake) -> Outcome {
        self.may(channel, VIEW_CHANNEL)?;
        if self.public_message(channel, id)?.author != self.application {
            self.may(channel, MANAGE_MESSAGES)?;
        }
        self.delete_message(id);
        Ok(Answer::empty())
    }

    /// Deletes a message and tells the sessions; false when there was none.
    pub(crate) fn delete_message(&mut self, id: Snowflake) -> bool {
        let Some(message) = self
            .messages
            .get_mut(&id)
            .filter(|message| !message.deleted)
        else {
            return false;
        };
        message.deleted = true;
        let channel = message.channel;
        self.say(format!("deleted    #{} {id}", self.channel_name(channel)));
        self.dispatch(
            "MESSAGE_DELETE",
            &json!({ "id": id, "channel_id": channel, "guild_id": self.guild }),
        );
        true
    }

    fn pin(&mut self, channel: Snowflake, id: Snowflake, pinned: bool) -> Outcome {
        self.may(channel, PIN_MESSAGES)?;
        self.public_message(channel, id)?;
        if let Some(message) = self.messages.get_mut(&id) {
            message.pinned = pinned;
        }
        self.touch();
        Ok(Answer::empty())
    }
}

/// Where a new message comes from.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) author: Snowflake,
    pub(crate) channel: Snowflake,
    pub(crate) reply_to: Option<Snowflake>,
    pub(crate) interaction: Option<Snowflake>,
    pub(crate) ephemeral_to: Option<Snowflake>,
    pub(crate) kind: u8,
}

fn nonce_of(body: &Value) -> Option<String> {
    match &body["nonce"] {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn last(rest: &[&str]) -> Snowflake {
    rest.last()
        .and_then(|id| id.parse().ok())
        .unwrap_or_default()
}

/// The message in one line, for the log of the binary.
pub(crate) fn one_line(message: &Message) -> String {
    let text = message.text().replace('\n', " | ");
    let mut line: String = text.chars().take(300).collect();
    if !message.attachments.is_empty() {
        let names: Vec<&str> = message
            .attachments
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        line = format!("{line} [{}]", names.join(", "));
    }
    line
}
