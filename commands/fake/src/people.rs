//! People: they use commands, press buttons, type into options and submit modals, within what Discord's client allows.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::channel::Draft;
use crate::form::list;
use crate::handle::TimedOut;
use crate::interaction::Record;
use crate::message::Message;
use crate::option::fill;
use crate::permission::{ADMINISTRATOR, ALL};
use crate::server::Fake;
use crate::snowflake::Snowflake;
use crate::world::{World, iso};

/// Discord's client would not have let the person do this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible(pub String);

impl std::fmt::Display for Impossible {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Impossible {}

/// Something a person did, to watch the answer of.
#[derive(Clone, Debug)]
pub struct Interaction {
    fake: Arc<Fake>,
    /// Its id, for [`Fake::replies`] and [`Fake::interaction`].
    pub id: Snowflake,
}

impl Interaction {
    /// What became of it.
    #[must_use]
    pub fn record(&self) -> Option<Record> {
        self.fake.interaction(self.id)
    }

    /// The messages that answer it.
    #[must_use]
    pub fn replies(&self) -> Vec<Message> {
        self.fake.replies(self.id)
    }

    /// Waits for the first answer of any kind.
    ///
    /// # Errors
    /// When there is none within `timeout`.
    pub async fn answered(&self, timeout: Duration) -> Result<Record, TimedOut> {
        self.fake
            .wait_for(timeout, |_| self.record().filter(Record::is_answered))
            .await
    }

    /// Waits for an answer that shows something (a deferred one does not).
    ///
    /// # Errors
    /// When there is none within `timeout`.
    pub async fn reply(&self, timeout: Duration) -> Result<Message, TimedOut> {
        let shown = |fake: &Fake| {
            fake.replies(self.id)
                .into_iter()
                .next()
                .filter(|message| !message.is_loading())
        };
        self.fake.wait_for(timeout, shown).await
    }

    /// Waits for the choices of an autocomplete.
    ///
    /// # Errors
    /// When there are none within `timeout`.
    pub async fn choices(&self, timeout: Duration) -> Result<Vec<Value>, TimedOut> {
        self.fake
            .wait_for(timeout, |_| self.record()?.choices)
            .await
    }
}

impl Fake {
    /// Uses a chat command in the first channel. `command` may name a sub-command: `attester show`. `options` is an
    /// object from option name to value.
    ///
    /// # Errors
    /// When the command is not registered, the person may not use it, or an option does not fit.
    pub fn slash(
        self: &Arc<Self>,
        user: Snowflake,
        command: &str,
        options: &Value,
    ) -> Result<Interaction, Impossible> {
        let channel = self.first_channel();
        self.slash_in(channel, user, command, options)
    }

    /// Uses a chat command in this channel.
    ///
    /// # Errors
    /// As [`Fake::slash`].
    pub fn slash_in(
        self: &Arc<Self>,
        channel: Snowflake,
        user: Snowflake,
        command: &str,
        options: &Value,
    ) -> Result<Interaction, Impossible> {
        self.interact(|world| world.use_command(user, channel, command, options, None))
    }

    /// Types into an option of a command; `focused` names the option that has the cursor.
    ///
    /// # Errors
    /// As [`Fake::slash`], and when the option has no autocomplete.
    pub fn autocomplete(
        self: &Arc<Self>,
        user: Snowflake,
        command: &str,
        options: &Value,
        focused: &str,
    ) -> Result<Interaction, Impossible> {
        let channel = self.first_channel();
        self.interact(|world| world.use_command(user, channel, command, options, Some(focused)))
    }

    /// Presses a button.
    ///
    /// # Errors
    /// When the message is gone, the person does not see it, or there is no such button.
    pub fn press(
        self: &Arc<Self>,
        user: Snowflake,
        message: Snowflake,
        custom_id: &str,
    ) -> Result<Interaction, Impossible> {
        self.interact(|world| world.use_component(user, message, custom_id, None))
    }

    /// Chooses values in a select menu.
    ///
    /// # Errors
    /// As [`Fake::press`], and when the menu does not offer a value.
    pub fn select(
        self: &Arc<Self>,
        user: Snowflake,
        message: Snowflake,
        custom_id: &str,
        values: &[&str],
    ) -> Result<Interaction, Impossible> {
        self.interact(|world| world.use_component(user, message, custom_id, Some(values)))
    }

    /// Submits the modal that answered `shown`; `fields` is an object from custom id to text.
    ///
    /// # Errors
    /// When that interaction was not answered with a modal, or a required field is missing.
    pub fn modal(
        self: &Arc<Self>,
        user: Snowflake,
        shown: Snowflake,
        fields: &Value,
    ) -> Result<Interaction, Impossible> {
        self.interact(|world| world.submit_modal(user, shown, fields))
    }

    fn interact(
        self: &Arc<Self>,
        act: impl FnOnce(&mut World) -> Result<Snowflake, Impossible>,
    ) -> Result<Interaction, Impossible> {
        let id = self.shared.with(act)?;
        Ok(Interaction {
            fake: Arc::clone(self),
            id,
        })
    }

    fn first_channel(&self) -> Snowflake {
        self.shared
            .with(|world| world.channels.keys().next().copied().unwrap_or_default())
    }
}

pub(crate) fn impossible<T>(why: impl Into<String>) -> Result<T, Impossible> {
    Err(Impossible(why.into()))
}

impl World {
    pub(crate) fn person_says(
        &mut self,
        user: Snowflake,
        channel: Snowflake,
        content: &str,
    ) -> Snowflake {
        let draft = Draft {
            author: user,
            channel,
            reply_to: None,
            interaction: None,
            ephemeral_to: None,
            kind: 0,
        };
        let message = self.new_message(&draft, &json!({ "content": content }), &[]);
        let id = message.id;
        self.publish(message);
        id
    }

    pub(crate) fn use_command(
        &mut self,
        user: Snowflake,
        channel: Snowflake,
        line: &str,
        options: &Value,
        focused: Option<&str>,
    ) -> Result<Snowflake, Impossible> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let Some(command) = self.commands.named(self.guild, name).cloned() else {
            return impossible(format!("no command /{name} is registered"));
        };
        if let Some(needed) = command["default_member_permissions"]
            .as_str()
            .and_then(|bits| bits.parse::<u64>().ok())
        {
            let bits = self.permissions(user, channel);
            if bits & ADMINISTRATOR == 0 && (needed == 0 || bits & needed != needed) {
                return impossible(format!("{} does not see /{name}", self.name_of(user)));
            }
        }
        let words: Vec<&str> = words.collect();
        let filled = fill(&command, &words, options, focused)?;
        let mut data = json!({ "id": command["id"], "name": name, "type": 1, "options": filled });
        if self
            .commands
            .set(Some(self.guild))
            .iter()
            .any(|one| one["id"] == command["id"])
        {
            data["guild_id"] = json!(self.guild);
        }
        let resolved = self.resolved(options);
        if !resolved.is_empty() {
            data["resolved"] = Value::Object(resolved);
        }
        let kind = if focused.is_some() { 4 } else { 2 };
        Ok(self.begin(kind, user, channel, &data, None))
    }

    /// Users, roles and channels whose ids stand in option values.
    fn resolved(&self, options: &Value) -> Map<String, Value> {
        let mut resolved = Map::new();
        for id in options
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, value)| crate::request::id_of(value))
        {
            let key = id.to_string();
            let mut put = |kind: &str, value: Value| {
                resolved.entry(kind).or_insert_with(|| json!({}))[key.as_str()] = value;
            };
            if self.members.contains_key(&id) {
                put("users", self.user_json(id));
                let mut member = self.member_json(id);
                if let Some(member) = member.as_object_mut() {
                    member.remove("user");
                }
                member["permissions"] = json!(self.guild_permissions(id).to_string());
                put("members", member);
            } else if let Some(role) = self.roles.get(&id) {
                put("roles", self.role_json(role, 1));
            } else if let Some(channel) = self.channels.get(&id) {
                let mut channel = self.channel_json(channel);
                channel["permissions"] = json!(ALL.to_string());
                put("channels", channel);
            }
        }
        resolved
    }

    pub(crate) fn use_component(
        &mut self,
        user: Snowflake,
        message: Snowflake,
        custom_id: &str,
        values: Option<&[&str]>,
    ) -> Result<Snowflake, Impossible> {
        let Some(message) = self
            .messages
            .get(&message)
            .filter(|message| !message.deleted)
        else {
            return impossible("the message is gone");
        };
        if message.ephemeral_to.is_some_and(|only| only != user) {
            return impossible(format!("{} does not see this message", self.name_of(user)));
        }
        let Some(component) = message.component(custom_id) else {
            return impossible(format!(
                "no component {custom_id:?}; there are {:?}",
                message.custom_ids()
            ));
        };
        if component["disabled"] == true {
            return impossible(format!("{custom_id:?} is disabled"));
        }
        let mut data = json!({ "custom_id": custom_id, "component_type": component["type"], "id": component["id"] });
        match (component["type"].as_u64(), values) {
            (Some(2), None) => {}
            (Some(3), Some(values)) => {
                let offered: Vec<&str> = list(&component["options"])
                    .iter()
                    .filter_map(|one| one["value"].as_str())
                    .collect();
                if let Some(value) = values.iter().find(|value| !offered.contains(value)) {
                    return impossible(format!("{value:?} is not among {offered:?}"));
                }
                data["values"] = json!(values);
            }
            (Some(5..=8), Some(values)) => data["values"] = json!(values),
            _ => return impossible("buttons are pressed, select menus take values"),
        }
        let (channel, id) = (message.channel, message.id);
        Ok(self.begin(3, user, channel, &data, Some(id)))
    }

    pub(crate) fn submit_modal(
        &mut self,
        user: Snowflake,
        shown: Snowflake,
        fields: &Value,
    ) -> Result<Snowflake, Impossible> {
        let Some(record) = self.interactions.get(&shown).cloned() else {
            return impossible("unknown interaction");
        };
        let Some(modal) = record.modal.filter(|_| record.user == user) else {
            return impossible("this interaction showed no modal to this person");
        };
        let mut rows = Vec::new();
        for (place, input) in list(&modal["components"])
            .iter()
            .flat_map(|row| list(&row["components"]))
            .enumerate()
        {
            let custom_id = input["custom_id"].as_str().unwrap_or_default();
            let text = fields[custom_id]
                .as_str()
                .or_else(|| input["value"].as_str())
                .unwrap_or_default();
            if text.is_empty() && input["required"] != false {
                return impossible(format!("{custom_id:?} is required"));
            }
            let input =
                json!({ "type": 4, "id": 2 * place + 2, "custom_id": custom_id, "value": text });
            rows.push(json!({ "type": 1, "id": 2 * place + 1, "components": [input] }));
        }
        let data = json!({ "custom_id": modal["custom_id"], "components": rows });
        Ok(self.begin(5, user, record.channel, &data, record.source))
    }

    /// Makes the interaction and sends it over the gateway.
    fn begin(
        &mut self,
        kind: u64,
        user: Snowflake,
        channel: Snowflake,
        data: &Value,
        source: Option<Snowflake>,
    ) -> Snowflake {
        let id = self.next_id();
        let token = format!(
            "fake-interaction-token-{id}-{:016x}",
            id.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
        );
        let mut member = self.member_json(user);
        member["permissions"] = json!(self.permissions(user, channel).to_string());
        let mut place = self
            .channels
            .get(&channel)
            .map(|channel| self.channel_json(channel))
            .unwrap_or_default();
        place["permissions"] = json!(self.permissions(user, channel).to_string());
        let mut event = json!({
            "id": id, "application_id": self.application, "type": kind, "token": token, "version": 1,
            "guild_id": self.guild, "channel_id": channel, "channel": place, "member": member, "data": data,
            "guild": { "id": self.guild, "locale": "en-US", "features": [] },
            "app_permissions": self.permissions(self.application, channel).to_string(),
            "locale": "en-US", "guild_locale": "en-US", "entitlements": [], "entitlement_sku_ids": [],
            "authorizing_integration_owners": { "0": self.guild }, "context": 0,
            "attachment_size_limit": 10_485_760,
        });
        if let Some(message) = source.and_then(|source| self.messages.get(&source)) {
            event["message"] = self.message_json(message);
        }
        let record = Record {
            id,
            token,
            kind,
            user,
            channel,
            created_ms: self.now_ms(),
            answered_ms: None,
            callback: None,
            ephemeral: false,
            messages: Vec::new(),
            source,
            choices: None,
            modal: None,
            followup_fills: false,
        };
        self.say(format!(
            "interact   {} type {kind} {} at {}",
            self.name_of(user),
            data["name"]
                .as_str()
                .or_else(|| data["custom_id"].as_str())
                .unwrap_or_default(),
            iso(record.created_ms)
        ));
        self.interactions.insert(id, record);
        self.dispatch("INTERACTION_CREATE", &event);
        id
    }
}
