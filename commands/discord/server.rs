//! The server that the bot serves, as the gateway shows it: there, unavailable, or left; and whether the role that alerts
//! wake is still in it.
//!
//! READY names the servers of a bot, and each follows as `GUILD_CREATE` where it is available (topics/gateway-events.mdx).
//! Whatever is wrong here does not keep messages from being sent: that is what the courier finds out.

use std::time::Duration;

use serenity::all::{Event, GuildId, RoleId};
use tokio::time::Instant;

/// After READY, a server that is available follows at once; Discord itself gives it some seconds.
const AWAITED_MAX: Duration = Duration::from_secs(30);

/// How the server was last shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// Not yet, since this moment.
    Awaited(Instant),
    /// It is there.
    There,
    /// Discord says that it is unavailable.
    Unavailable,
    /// The bot is not in it.
    Left,
}

/// The server, and the role in it that alerts wake.
#[derive(Debug)]
pub(super) struct Server {
    guild: GuildId,
    alert_role: Option<RoleId>,
    is_role_gone: bool,
    sight: Sight,
}

impl Server {
    /// A server that was not shown yet.
    #[must_use]
    pub(super) const fn new(guild: GuildId, alert_role: Option<RoleId>, now: Instant) -> Self {
        Self {
            guild,
            alert_role,
            is_role_gone: false,
            sight: Sight::Awaited(now),
        }
    }

    /// Takes note of what an event says of it.
    pub(super) fn hear(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Ready(event) => {
                let mut named = event.ready.guilds.iter();
                self.sight = if named.any(|guild| guild.id == self.guild) {
                    Sight::Awaited(now)
                } else {
                    Sight::Left
                };
            }
            Event::GuildCreate(event) if event.guild.id == self.guild => {
                self.sight = if event.guild.unavailable {
                    Sight::Unavailable
                } else {
                    Sight::There
                };
                let has = |role: RoleId| event.guild.roles.contains_key(&role);
                self.is_role_gone = self.alert_role.is_some_and(|role| !has(role));
            }
            Event::GuildDelete(event) if event.guild.id == self.guild => {
                self.sight = if event.guild.unavailable {
                    Sight::Unavailable
                } else {
                    Sight::Left
                };
            }
            Event::GuildRoleDelete(event) if event.guild_id == self.guild => {
                self.is_role_gone |= self.alert_role == Some(event.role_id);
            }
            _ => {}
        }
    }

    /// What is wrong, as a sentence with what to do; `None` where nothing is known to be.
    #[must_use]
    pub(super) fn trouble(&self, now: Instant) -> Option<String> {
        let guild = self.guild;
        let is_overdue = |since| now.saturating_duration_since(since) > AWAITED_MAX;
        match self.sight {
            Sight::Left => Some(format!(
                "the bot is not in server {guild}, so nobody can ask it; invite it again, or correct DISCORD_GUILD_ID"
            )),
            Sight::Unavailable => Some(unavailable(guild)),
            Sight::Awaited(since) if is_overdue(since) => Some(unavailable(guild)),
            Sight::Awaited(_) => None,
            Sight::There => {
                let role = self.alert_role.filter(|_| self.is_role_gone)?;
                Some(format!(
                    "the role {role} does not exist in the server any more, so alerts wake nobody; set DISCORD_ALERT_ROLE_ID to \
                     one that does and restart steward"
                ))
            }
        }
    }
}

fn unavailable(guild: GuildId) -> String {
    format!(
        "Discord says that server {guild} is unavailable, an outage of its own; commands are answered when it is back, and what \
         is owed is sent as soon as Discord takes it"
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const GUILD: GuildId = GuildId::new(42);
    const ROLE: RoleId = RoleId::new(77);

    fn event(name: &str, data: &Value) -> Event {
        let event = json!({ "t": name, "d": data });
        serde_json::from_value(event).unwrap()
    }

    fn removal(is_unavailable: bool) -> Event {
        let data = json!({ "id": "42", "unavailable": is_unavailable });
        event("GUILD_DELETE", &data)
    }

    #[test]
    fn what_is_wrong_with_the_server_is_said_with_what_to_do() {
        let start = Instant::now();
        let mut server = Server::new(GUILD, Some(ROLE), start);
        assert_eq!(server.trouble(start + AWAITED_MAX), None);
        let late = start + AWAITED_MAX + Duration::from_secs(1);
        let mut said = vec![server.trouble(late)];
        server.hear(&removal(true), late);
        said.push(server.trouble(late));
        assert_eq!(said[0], said[1]);
        server.hear(&removal(false), late);
        said.push(server.trouble(late));
        server.sight = Sight::There;
        let data = json!({ "guild_id": "42", "role_id": "78" });
        server.hear(&event("GUILD_ROLE_DELETE", &data), late);
        assert_eq!(server.trouble(late), None, "another role");
        let data = json!({ "guild_id": "42", "role_id": "77" });
        server.hear(&event("GUILD_ROLE_DELETE", &data), late);
        said.push(server.trouble(late));
        let said: Vec<String> = said.into_iter().skip(1).flatten().collect();
        insta::assert_snapshot!(said.join("\n"), @"
        Discord says that server 42 is unavailable, an outage of its own; commands are answered when it is back, and what is owed is sent as soon as Discord takes it
        the bot is not in server 42, so nobody can ask it; invite it again, or correct DISCORD_GUILD_ID
        the role 77 does not exist in the server any more, so alerts wake nobody; set DISCORD_ALERT_ROLE_ID to one that does and restart steward
        ");
    }
}
