//! The REST routes of the guild, its roles and members, the bot itself, and the table of all routes.

use serde_json::{Value, json};

use crate::answer::{Answer, Faults, Outcome};
use crate::permission::MANAGE_ROLES;
use crate::request::{Request, id_of};
use crate::snowflake::Snowflake;
use crate::spec::{ChannelSpec, RoleSpec};
use crate::world::{Rule, World};

impl World {
    /// Finds the handler of a request; an unknown route is a violation.
    pub(crate) fn route(&mut self, request: &Request) -> Outcome {
        let steps: Vec<&str> = request
            .path
            .split('/')
            .filter(|step| !step.is_empty())
            .collect();
        let handled = match steps.as_slice() {
            ["channels", id, rest @ ..] => {
                number(id).and_then(|id| self.channels_route(request, id, rest))
            }
            ["guilds", id, rest @ ..] => {
                number(id).and_then(|id| self.guilds_route(request, id, rest))
            }
            ["applications", _, "commands", rest @ ..] => self.commands_route(request, None, rest),
            ["applications", _, "guilds", guild, "commands", rest @ ..] => {
                number(guild).and_then(|guild| self.commands_route(request, Some(guild), rest))
            }
            ["interactions", id, token, "callback"] if request.method == "POST" => {
                number(id).map(|id| self.callback(request, id, token))
            }
            ["webhooks", _, token, rest @ ..] => self.webhooks_route(request, token, rest),
            _ => self.own_route(request, &steps),
        };
        handled.unwrap_or_else(|| {
            self.violation(
                Rule::UnknownRoute,
                request.line(),
                "the fake does not know this route",
            );
            Err(Answer::refusal(404, 0, "404: Not Found"))
        })
    }

    fn own_route(&mut self, request: &Request, steps: &[&str]) -> Option<Outcome> {
        let gateway = format!("{}/ws", self.url.replacen("http", "ws", 1));
        Some(match (request.method.as_str(), steps) {
            ("GET", ["gateway"]) => Ok(Answer::ok(json!({ "url": gateway }))),
            ("GET", ["gateway", "bot"]) => {
                let left = self
                    .rules
                    .identify_budget
                    .saturating_sub(self.gateway.identifies);
                let limit = json!({
                    "total": self.rules.identify_budget,
                    "remaining": left,
                    "reset_after": 86_400_000,
                    "max_concurrency": 1,
                });
                Ok(Answer::ok(
                    json!({ "url": gateway, "shards": 1, "session_start_limit": limit }),
                ))
            }
            ("GET", ["users", "@me"]) => Ok(Answer::ok(self.me_json())),
            ("GET", ["users", "@me", "guilds"]) => Ok(Answer::ok(json!([self.partial_guild()]))),
            ("GET", ["oauth2", "applications", "@me"] | ["applications", "@me"]) => {
                Ok(Answer::ok(self.application_json()))
            }
            ("GET", ["users", id]) => self.show_user(number(id)?),
            ("POST", ["users", "@me", "channels"]) => self.open_dm(request),
            _ => return None,
        })
    }

    fn partial_guild(&self) -> Value {
        json!({
            "id": self.guild, "name": "fake guild", "icon": null, "banner": null, "owner": false,
            "permissions": self.guild_permissions(self.application).to_string(), "features": [],
        })
    }

    fn show_user(&self, id: Snowflake) -> Outcome {
        if !self.members.contains_key(&id) {
            return Err(Answer::refusal(404, 10013, "Unknown User"));
        }
        Ok(Answer::ok(self.user_json(id)))
    }

    fn open_dm(&mut self, request: &Request) -> Outcome {
        let user =
            id_of(&request.body()["recipient_id"]).filter(|id| self.members.contains_key(id));
        let Some(user) = user else {
            let mut faults = Faults::default();
            faults.add("recipient_id", "INVALID_RECIPIENT", "Invalid Recipient(s)");
            return Err(faults.answer());
        };
        let open = self
            .channels
            .values()
            .find(|channel| channel.recipient == Some(user))
            .cloned();
        let channel = open.unwrap_or_else(|| {
            let id = self.next_id();
            let channel = ChannelSpec {
                kind: 1,
                recipient: Some(user),
                ..ChannelSpec::text(id, "dm")
            };
            self.channels.insert(id, channel.clone());
            channel
        });
        Ok(Answer::ok(self.channel_json(&channel)))
    }

    fn guilds_route(
        &mut self,
        request: &Request,
        guild: Snowflake,
        rest: &[&str],
    ) -> Option<Outcome> {
        if guild != self.guild {
            return Some(Err(Answer::refusal(404, 10004, "Unknown Guild")));
        }
        Some(match (request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::ok(self.guild_json())),
            ("GET", ["channels"]) => {
                let open = self
                    .channels
                    .values()
                    .filter(|channel| channel.kind != 1 && !channel.is_thread());
                Ok(Answer::ok(
                    open.map(|channel| self.channel_json(channel)).collect(),
                ))
            }
            ("GET", ["roles"]) => Ok(Answer::ok(self.roles_json())),
            ("POST", ["roles"]) => self.create_role(request),
            ("GET", ["roles", role]) => self.show_role(number(role)?),
            ("PATCH", ["roles", role]) => self.change_role(request, number(role)?),
            ("DELETE", ["roles", role]) => self.remove_role(number(role)?),
            ("GET", ["members"]) => Ok(Answer::ok(
                self.members
                    .keys()
                    .map(|id| self.member_json(*id))
                    .collect(),
            )),
            ("GET", ["members", user]) => self.show_member(number(user)?),
            ("PUT", ["members", user, "roles", role]) => {
                self.give_role(number(user)?, number(role)?, true)
            }
            ("DELETE", ["members", user, "roles", role]) => {
                self.give_role(number(user)?, number(role)?, false)
            }
            _ => return None,
        })
    }

    fn show_member(&self, user: Snowflake) -> Outcome {
        if !self.members.contains_key(&user) {
            return Err(Answer::refusal(404, 10007, "Unknown Member"));
        }
        Ok(Answer::ok(self.member_json(user)))
    }

    /// The form of a role as REST and the gateway give it.
    fn role_by_id(&self, role: Snowflake) -> Result<Value, Answer> {
        let roles = self.roles_json();
        let found = crate::form::list(&roles)
            .iter()
            .find(|one| id_of(&one["id"]) == Some(role));
        found
            .cloned()
            .ok_or_else(|| Answer::refusal(404, 10011, "Unknown Role"))
    }

    fn show_role(&self, role: Snowflake) -> Outcome {
        self.role_by_id(role).map(Answer::ok)
    }

    /// Whether the bot may manage this role: the permission, and a role of its own above it.
    fn may_manage(&self, role: Option<Snowflake>) -> Result<(), Answer> {
        let bits = self.guild_permissions(self.application);
        if bits & MANAGE_ROLES == 0 {
            return Err(Answer::missing_permissions());
        }
        // Position is the order of ids; the highest role of the bot decides.
        let mine = self
            .members
            .get(&self.application)
            .and_then(|bot| bot.roles.iter().max().copied());
        match role {
            Some(role) if mine.is_none_or(|mine| role >= mine) => {
                Err(Answer::missing_permissions())
            }
            _ => Ok(()),
        }
    }

    fn create_role(&mut self, request: &Request) -> Outcome {
        self.may_manage(None)?;
        let body = request.body();
        let permissions = body["permissions"]
            .as_str()
            .and_then(|bits| bits.parse().ok())
            .unwrap_or(self.everyone);
        let role = RoleSpec {
            id: self.next_id(),
            name: body["name"].as_str().unwrap_or("new role").to_owned(),
            permissions,
            mentionable: body["mentionable"].as_bool().unwrap_or(false),
        };
        let id = role.id;
        self.roles.insert(id, role);
        self.role_event("GUILD_ROLE_CREATE", id)
    }

    fn change_role(&mut self, request: &Request, id: Snowflake) -> Outcome {
        self.role_by_id(id)?;
        self.may_manage(Some(id))?;
        let body = request.body();
        if let Some(role) = self.roles.get_mut(&id) {
            if let Some(name) = body["name"].as_str() {
                name.clone_into(&mut role.name);
            }
            role.mentionable = body["mentionable"].as_bool().unwrap_or(role.mentionable);
            role.permissions = body["permissions"]
                .as_str()
                .and_then(|bits| bits.parse().ok())
                .unwrap_or(role.permissions);
        }
        self.role_event("GUILD_ROLE_UPDATE", id)
    }

    fn role_event(&mut self, name: &str, id: Snowflake) -> Outcome {
        let role = self.role_by_id(id)?;
        self.dispatch(name, &json!({ "guild_id": self.guild, "role": role }));
        Ok(Answer::ok(role))
    }

    fn remove_role(&mut self, id: Snowflake) -> Outcome {
        self.role_by_id(id)?;
        self.may_manage(Some(id))?;
        self.delete_role(id);
        Ok(Answer::empty())
    }

    /// Deletes a role everywhere and tells the sessions; false when there was none.
    pub(crate) fn delete_role(&mut self, id: Snowflake) -> bool {
        if self.roles.remove(&id).is_none() {
            return false;
        }
        for member in self.members.values_mut() {
            member.roles.retain(|role| *role != id);
        }
        self.dispatch(
            "GUILD_ROLE_DELETE",
            &json!({ "guild_id": self.guild, "role_id": id }),
        );
        true
    }

    fn give_role(&mut self, user: Snowflake, role: Snowflake, given: bool) -> Outcome {
        self.role_by_id(role)?;
        self.may_manage(Some(role))?;
        self.show_member(user)?;
        if let Some(member) = self.members.get_mut(&user) {
            member.roles.retain(|one| *one != role);
            if given {
                member.roles.push(role);
            }
        }
        let mut event = self.member_json(user);
        event["guild_id"] = json!(self.guild);
        self.dispatch("GUILD_MEMBER_UPDATE", &event);
        Ok(Answer::empty())
    }

    /// Takes the guild away from the bot for a while, or gives it back.
    pub(crate) fn set_guild_available(&mut self, available: bool) {
        self.guild_available = available;
        if available {
            let guild = self.guild_create_json();
            self.dispatch("GUILD_CREATE", &guild);
        } else {
            self.dispatch(
                "GUILD_DELETE",
                &json!({ "id": self.guild, "unavailable": true }),
            );
        }
    }
}

fn number(text: &str) -> Option<Snowflake> {
    text.parse().ok()
}
