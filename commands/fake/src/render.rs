//! The JSON forms of users, members, roles, channels, guild and messages, as Discord v10 sends them.

use serde_json::{Value, json};

use crate::message::{EPHEMERAL, Message};
use crate::snowflake::Snowflake;
use crate::spec::{ChannelSpec, RoleSpec};
use crate::world::{World, iso};

impl World {
    pub(crate) fn user_json(&self, id: Snowflake) -> Value {
        json!({
            "id": id,
            "username": self.name_of(id),
            "discriminator": "0",
            "global_name": self.name_of(id),
            "avatar": null,
            "avatar_decoration_data": null,
            "banner": null,
            "accent_color": null,
            "bot": self.members.get(&id).is_some_and(|member| member.bot),
            "public_flags": 0,
            "flags": 0,
            "primary_guild": null,
        })
    }

    pub(crate) fn me_json(&self) -> Value {
        let mut me = self.user_json(self.application);
        for (name, value) in [
            ("mfa_enabled", json!(true)),
            ("locale", json!("en-US")),
            ("verified", json!(true)),
            ("email", Value::Null),
        ] {
            me[name] = value;
        }
        me
    }

    pub(crate) fn application_json(&self) -> Value {
        json!({
            "id": self.application,
            "name": self.name_of(self.application),
            "icon": null,
            "description": "",
            "type": null,
            "bot": self.user_json(self.application),
            "bot_public": false,
            "bot_require_code_grant": false,
            "verify_key": "00".repeat(32),
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "rpc_origins": [],
            "interactions_endpoint_url": null,
            "role_connections_verification_url": null,
            "owner": self.user_json(self.owner),
            "approximate_guild_count": 1,
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": null,
            "eligible_oauth2_scopes": [],
        })
    }

    pub(crate) fn member_json(&self, id: Snowflake) -> Value {
        let roles = self
            .members
            .get(&id)
            .map(|member| member.roles.clone())
            .unwrap_or_default();
        json!({
            "user": self.user_json(id),
            "nick": null,
            "avatar": null,
            "banner": null,
            "avatar_decoration_data": null,
            "roles": roles,
            "joined_at": iso(self.guild.unix_ms()),
            "premium_since": null,
            "deaf": false,
            "mute": false,
            "flags": 0,
            "pending": false,
            "communication_disabled_until": null,
        })
    }

    pub(crate) fn role_json(&self, role: &RoleSpec, position: usize) -> Value {
        json!({
            "id": role.id,
            "name": role.name,
            "description": null,
            "permissions": role.permissions.to_string(),
            "position": position,
            "color": 0,
            "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
            "hoist": false,
            "managed": false,
            "mentionable": role.mentionable,
            "icon": null,
            "unicode_emoji": null,
            "flags": 0,
        })
    }

    pub(crate) fn roles_json(&self) -> Value {
        let everyone = RoleSpec {
            id: self.guild,
            name: "@everyone".to_owned(),
            permissions: self.everyone,
            mentionable: false,
        };
        let all = std::iter::once(&everyone).chain(self.roles.values());
        all.enumerate()
            .map(|(position, role)| self.role_json(role, position))
            .collect()
    }

    pub(crate) fn channel_json(&self, channel: &ChannelSpec) -> Value {
        let last = self
            .messages
            .values()
            .rev()
            .find(|message| message.channel == channel.id)
            .map(|message| message.id);
        if channel.kind == 1 {
            let other = channel.recipient.unwrap_or(self.owner);
            return json!({ "id": channel.id, "type": 1, "flags": 0, "last_message_id": last, "recipients": [self.user_json(other)] });
        }
        let mut value = json!({
            "id": channel.id,
            "type": channel.kind,
            "flags": 0,
            "guild_id": self.guild,
            "name": channel.name,
            "parent_id": channel.parent,
            "last_message_id": last,
            "rate_limit_per_user": 0,
        });
        if channel.is_thread() {
            let count = self
                .messages
                .values()
                .filter(|message| message.channel == channel.id)
                .count();
            value["owner_id"] = json!(self.application);
            value["message_count"] = json!(count);
            value["total_message_sent"] = json!(count);
            value["member_count"] = json!(1);
            value["thread_metadata"] = json!({
                "archived": channel.archived,
                "archive_timestamp": iso(channel.id.unix_ms()),
                "auto_archive_duration": 1440,
                "locked": false,
                "create_timestamp": iso(channel.id.unix_ms()),
            });
            return value;
        }
        let overwrites = channel.overwrites.iter().map(|overwrite| {
            let is_role = overwrite.id == self.guild || self.roles.contains_key(&overwrite.id);
            json!({
                "id": overwrite.id,
                "type": if is_role { 0 } else { 1 },
                "allow": overwrite.allow.to_string(),
                "deny": overwrite.deny.to_string(),
            })
        });
        value["permission_overwrites"] = overwrites.collect();
        value["position"] = json!(0);
        value["topic"] = json!(channel.topic);
        value["nsfw"] = json!(false);
        value
    }

    /// The guild as REST gives it.
    pub(crate) fn guild_json(&self) -> Value {
        let mut guild = json!({
            "id": self.guild, "name": "fake guild", "owner_id": self.owner, "application_id": null,
            "icon": null, "description": null, "home_header": null, "splash": null, "discovery_splash": null,
            "banner": null, "features": [], "region": "rotterdam", "vanity_url_code": null,
            "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null, "system_channel_flags": 0,
            "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
            "default_message_notifications": 0, "mfa_level": 0, "explicit_content_filter": 0,
            "max_presences": null, "max_members": 250_000, "max_stage_video_channel_users": 50,
            "max_video_channel_users": 25,
        });
        let more = json!({
            "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US",
            "rules_channel_id": null, "safety_alerts_channel_id": null, "public_updates_channel_id": null,
            "premium_progress_bar_enabled": false, "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [],
            "incidents_data": null, "roles": self.roles_json(), "hub_type": null, "latest_onboarding_question_id": null,
        });
        if let (Some(guild), Value::Object(more)) = (guild.as_object_mut(), more) {
            guild.extend(more);
        }
        guild
    }

    /// The guild as `GUILD_CREATE` brings it.
    pub(crate) fn guild_create_json(&self) -> Value {
        let mut guild = self.guild_json();
        let (threads, channels): (Vec<_>, Vec<_>) = self
            .channels
            .values()
            .filter(|channel| channel.kind != 1)
            .partition(|channel| channel.is_thread());
        let render = |list: Vec<&ChannelSpec>| {
            list.into_iter()
                .map(|channel| self.channel_json(channel))
                .collect::<Value>()
        };
        let more = json!({
            "joined_at": iso(self.guild.unix_ms()), "large": false, "unavailable": false,
            "member_count": self.members.len(), "members": [self.member_json(self.application)],
            "channels": render(channels), "threads": render(threads), "voice_states": [], "presences": [],
            "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [], "embedded_activities": [],
        });
        if let (Some(guild), Value::Object(more)) = (guild.as_object_mut(), more) {
            guild.extend(more);
        }
        guild
    }

    /// A message as REST gives it.
    pub(crate) fn message_json(&self, message: &Message) -> Value {
        let mut value = self.basic_message_json(message);
        if let Some(reply_to) = message.reply_to {
            let referenced = self
                .messages
                .get(&reply_to)
                .filter(|message| !message.deleted);
            value["referenced_message"] =
                referenced.map_or(Value::Null, |message| self.basic_message_json(message));
        }
        if let Some(thread) = message.thread.and_then(|thread| self.channels.get(&thread)) {
            value["thread"] = self.channel_json(thread);
        }
        value
    }

    /// A message as the answer to its sending and the event about it show it. Whoever fetches it later gets no nonce.
    pub(crate) fn sent_message_json(&self, message: &Message) -> Value {
        let mut value = self.message_json(message);
        if let Some(nonce) = &message.nonce {
            value["nonce"] = json!(nonce);
        }
        value
    }

    fn basic_message_json(&self, message: &Message) -> Value {
        let attachments: Vec<Value> = message.attachments.iter().map(|file| {
            let url = format!("{}/attachments/{}/{}/{}", self.url, message.id, file.id, file.name);
            let mut value = json!({ "id": file.id, "filename": file.name, "size": file.bytes.len(), "url": url, "proxy_url": url });
            for (name, text) in [("content_type", &file.content_type), ("description", &file.description)] {
                if let Some(text) = text {
                    value[name] = json!(text);
                }
            }
            if message.flags & EPHEMERAL != 0 {
                value["ephemeral"] = json!(true);
            }
            value
        }).collect();
        let users: Vec<Value> = message
            .pinged
            .users
            .iter()
            .map(|user| self.user_json(*user))
            .collect();
        let mut value = json!({
            "id": message.id,
            "channel_id": message.channel,
            "type": message.kind,
            "author": self.user_json(message.author),
            "content": message.content,
            "embeds": self.linked_embeds(message),
            "components": message.components,
            "attachments": attachments,
            "mentions": users,
            "mention_roles": message.pinged.roles,
            "mention_everyone": message.pinged.everyone,
            "timestamp": iso(message.created_ms),
            "edited_timestamp": message.edited_ms.map(iso),
            "flags": message.flags,
            "pinned": message.pinned,
            "tts": false,
        });
        if let Some(reply_to) = message.reply_to {
            value["message_reference"] = json!({ "type": 0, "channel_id": message.channel, "message_id": reply_to, "guild_id": self.guild });
        }
        self.add_interaction(message, &mut value);
        value
    }

    fn add_interaction(&self, message: &Message, value: &mut Value) {
        if message.author == self.application {
            value["application_id"] = json!(self.application);
        }
        let Some(record) = message
            .interaction
            .and_then(|id| self.interactions.get(&id))
        else {
            return;
        };
        value["webhook_id"] = json!(self.application);
        if record.kind == 2 {
            value["interaction_metadata"] = json!({
                "id": record.id,
                "type": record.kind,
                "user": self.user_json(record.user),
                "authorizing_integration_owners": { "0": self.guild },
            });
        }
    }

    /// Embeds with `attachment://` links turned into real ones.
    fn linked_embeds(&self, message: &Message) -> Value {
        let mut embeds = message.embeds.clone();
        for embed in &mut embeds {
            for place in ["image", "thumbnail"] {
                let Some(name) = embed[place]["url"]
                    .as_str()
                    .and_then(|url| url.strip_prefix("attachment://"))
                else {
                    continue;
                };
                if let Some(file) = message.attachments.iter().find(|file| file.name == name) {
                    let url = format!(
                        "{}/attachments/{}/{}/{}",
                        self.url, message.id, file.id, file.name
                    );
                    embed[place] = json!({ "url": url, "proxy_url": url, "width": 1, "height": 1 });
                }
            }
            strip_nulls(embed);
        }
        json!(embeds)
    }
}

/// Reading a missing key of a JSON object for writing leaves nulls behind; Discord sends none in embeds.
fn strip_nulls(embed: &mut Value) {
    if let Some(object) = embed.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
}
