//! Whether the bot can work in its server: token, channels, permissions, roles.
//!
//! Permissions are added up as Discord does it (topics/permissions.mdx): the roles, then the overwrites of `@everyone`, of
//! the bot's roles together, and of the bot. Nothing is sent and nothing is changed.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, de::DeserializeOwned};
use serenity::all::Permissions;
use steward::{
    config::DiscordConfig,
    service::check::{Area, Finding},
};

use super::Connection;

/// What a channel must allow, with the words of Discord's settings.
const NEEDED: [(Permissions, &str); 5] = [
    (Permissions::VIEW_CHANNEL, "View Channel"),
    (Permissions::SEND_MESSAGES, "Send Messages"),
    (Permissions::EMBED_LINKS, "Embed Links"),
    (Permissions::ATTACH_FILES, "Attach Files"),
    (Permissions::READ_MESSAGE_HISTORY, "Read Message History"),
];

/// Types of channels that take messages: text, voice, announcement, stage, and the three kinds of threads.
const WRITABLE: [u8; 7] = [0, 2, 5, 10, 11, 12, 13];
/// Of them the threads.
const THREADS: [u8; 3] = [10, 11, 12];

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    username: String,
}

#[derive(Debug, Deserialize)]
struct Guild {
    name: String,
    owner_id: String,
}

#[derive(Debug, Deserialize)]
struct Member {
    roles: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Role {
    id: String,
    name: String,
    permissions: String,
    #[serde(default)]
    mentionable: bool,
}

#[derive(Debug, Deserialize)]
struct Channel {
    #[serde(default)]
    name: Option<String>,
    #[serde(rename = "type")]
    kind: u8,
    #[serde(default)]
    guild_id: Option<String>,
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    permission_overwrites: Vec<Overwrite>,
}

#[derive(Debug, Deserialize)]
struct Overwrite {
    id: String,
    allow: String,
    deny: String,
}

/// Why Discord did not answer as hoped.
#[derive(Debug)]
enum Refusal {
    /// It answered with another status.
    Status(StatusCode, String),
    /// It did not answer.
    Silent(String),
}

impl Refusal {
    fn is(&self, wanted: StatusCode) -> bool {
        matches!(self, Self::Status(status, _) if *status == wanted)
    }

    fn text(&self) -> String {
        match self {
            // Some messages of Discord begin with the status themselves.
            Self::Status(status, text) if text.starts_with(status.as_str()) => {
                format!("Discord answered {text}")
            }
            Self::Status(status, text) => {
                format!("Discord answered {}: {text}", status.as_str())
            }
            Self::Silent(text) => text.clone(),
        }
    }
}

struct Asker {
    client: reqwest::Client,
    url: String,
    authorization: String,
}

impl Asker {
    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        let silent = |error: reqwest::Error| {
            let text = if error.is_timeout() {
                "no answer in time"
            } else {
                "it cannot be reached"
            };
            Refusal::Silent(format!("{text}: {}", root_of(&error.without_url())))
        };
        let request = self
            .client
            .get(format!("{}/api/v10{path}", self.url))
            .header("Authorization", &self.authorization);
        let answer = request.send().await.map_err(silent)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(silent)?;
        if !status.is_success() {
            #[derive(Deserialize)]
            struct Packet {
                message: String,
            }
            let packet = serde_json::from_slice::<Packet>(&body);
            let text = packet.map_or_else(
                |_no_json| "no reason given".to_owned(),
                |packet| packet.message,
            );
            return Err(Refusal::Status(status, text));
        }
        serde_json::from_slice(&body)
            .map_err(|error| Refusal::Silent(format!("its answer makes no sense: {error}")))
    }
}

fn root_of(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), root_of)
}

/// Who the bot is in its server.
struct Bot {
    id: String,
    is_owner: bool,
    roles: Vec<String>,
}

/// Looks at everything that the configuration names in Discord.
pub async fn look(config: &DiscordConfig, connection: &Connection) -> Vec<Finding> {
    let client = match connection.client() {
        Ok(client) => client,
        Err(error) => {
            let next = "Install the system's TLS library and its certificates (ca-certificates).";
            return vec![Finding::bad(
                Area::Discord,
                "client",
                format!("{error:#}"),
                next,
            )];
        }
    };
    let asker = Asker {
        client,
        url: connection.url.clone(),
        authorization: format!("Bot {}", connection.token.expose_secret()),
    };
    let user: User = match asker.ask("/users/@me").await {
        Ok(user) => user,
        Err(refusal) => return vec![bad_token(&refusal)],
    };
    let mut found = vec![Finding::good(
        Area::Discord,
        "token",
        format!("the bot is {}", user.username),
    )];
    match server(&asker, config, user).await {
        Ok((bot, roles, finding)) => {
            found.push(finding);
            found.extend(roles_named(config, &roles, &bot));
            for (id, uses) in channels(config) {
                found.push(channel(&asker, config, &bot, &roles, id, &uses).await);
            }
        }
        Err(finding) => found.push(*finding),
    }
    found
}

fn bad_token(refusal: &Refusal) -> Finding {
    let next = if refusal.is(StatusCode::UNAUTHORIZED) {
        "Copy the token again from the Discord developer portal (Bot, Reset Token) into DISCORD_TOKEN."
    } else {
        "Check that this machine reaches Discord (DISCORD_API_URL, firewall, proxy); try again later."
    };
    Finding::bad(Area::Discord, "token", refusal.text(), next)
}

/// The server, the bot in it, and the server's roles.
async fn server(
    asker: &Asker,
    config: &DiscordConfig,
    user: User,
) -> Result<(Bot, Vec<Role>, Finding), Box<Finding>> {
    let guild_id = config.guild;
    let bad = |refusal: &Refusal| {
        let next = "Correct DISCORD_GUILD_ID, or invite the bot to the server (developer portal, OAuth2, scopes bot and applications.commands).";
        Box::new(Finding::bad(
            Area::Discord,
            format!("server {guild_id}"),
            refusal.text(),
            next,
        ))
    };
    let guild: Guild = asker
        .ask(&format!("/guilds/{guild_id}"))
        .await
        .map_err(|error| bad(&error))?;
    let path = format!("/guilds/{guild_id}/members/{}", user.id);
    let member: Member = asker.ask(&path).await.map_err(|error| bad(&error))?;
    let roles: Vec<Role> = asker
        .ask(&format!("/guilds/{guild_id}/roles"))
        .await
        .map_err(|error| bad(&error))?;
    let bot = Bot {
        is_owner: guild.owner_id == user.id,
        id: user.id,
        roles: member.roles,
    };
    let finding = Finding::good(
        Area::Discord,
        "server",
        format!("the bot is in {}", guild.name),
    );
    Ok((bot, roles, finding))
}

/// The configured channels, each with what it is for.
fn channels(config: &DiscordConfig) -> BTreeMap<u64, Vec<&'static str>> {
    let mut channels: BTreeMap<u64, Vec<&'static str>> = BTreeMap::new();
    let named = [
        ("transitions", Some(config.channels.transitions)),
        ("alerts", Some(config.channels.alerts)),
        ("digests", Some(config.channels.digests)),
        ("fallback", config.channels.fallback),
        ("canary", config.channels.canary),
    ];
    for (name, channel) in named {
        if let Some(channel) = channel {
            channels.entry(channel.value()).or_default().push(name);
        }
    }
    channels
}

async fn channel(
    asker: &Asker,
    config: &DiscordConfig,
    bot: &Bot,
    roles: &[Role],
    id: u64,
    uses: &[&str],
) -> Finding {
    let uses = uses.join(", ");
    let channel: Channel = match asker.ask(&format!("/channels/{id}")).await {
        Ok(channel) => channel,
        Err(refusal) => return no_channel(&refusal, id, &uses),
    };
    let name = channel.name.as_deref().unwrap_or("?");
    let subject = format!("#{name}");
    let guild = config.guild.to_string();
    if channel.guild_id.as_deref() != Some(guild.as_str()) {
        let detail = format!("channel {id} ({uses}) is not in server {guild}");
        return Finding::bad(
            Area::Discord,
            subject,
            detail,
            "Name a channel of DISCORD_GUILD_ID.",
        );
    }
    if !WRITABLE.contains(&channel.kind) {
        let detail =
            format!("channel {id} ({uses}) takes no messages: it is a category or a forum");
        return Finding::bad(Area::Discord, subject, detail, "Name a text channel.");
    }
    let is_thread = THREADS.contains(&channel.kind);
    let overwrites = match (is_thread, &channel.parent_id) {
        // A thread has the permissions of the channel that it hangs on.
        (true, Some(parent)) => match asker.ask::<Channel>(&format!("/channels/{parent}")).await {
            Ok(parent) => parent.permission_overwrites,
            Err(refusal) => return no_channel(&refusal, id, &uses),
        },
        _ => channel.permission_overwrites,
    };
    let granted = permissions(&guild, bot, roles, &overwrites);
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .map(|(permission, name)| match (is_thread, permission) {
            (true, Permissions::SEND_MESSAGES) => (
                Permissions::SEND_MESSAGES_IN_THREADS,
                "Send Messages in Threads",
            ),
            _ => (permission, name),
        })
        .filter(|(permission, _)| !granted.contains(*permission))
        .map(|(_, name)| name)
        .collect();
    if missing.is_empty() {
        let detail = format!("{uses}: may view, send, embed, attach and read the history");
        return Finding::good(Area::Discord, subject, detail);
    }
    let missing = missing.join(", ");
    Finding::bad(
        Area::Discord,
        subject,
        format!("{uses}: the bot may not: {missing}"),
        format!("Allow the bot or its role in the channel's settings, Permissions: {missing}."),
    )
}

fn no_channel(refusal: &Refusal, id: u64, uses: &str) -> Finding {
    let next = if refusal.is(StatusCode::NOT_FOUND) {
        "The channel does not exist, or was deleted: name another one in .env."
    } else if refusal.is(StatusCode::FORBIDDEN) {
        "Let the bot see the channel: channel settings, Permissions, add the bot, allow View Channel."
    } else {
        "Try again; if it stays, check Discord's status page."
    };
    let detail = format!("{uses}: {}", refusal.text());
    Finding::bad(Area::Discord, format!("channel {id}"), detail, next)
}

/// What the bot may do in a channel with these overwrites.
fn permissions(guild: &str, bot: &Bot, roles: &[Role], overwrites: &[Overwrite]) -> Permissions {
    let own = |id: &String| bot.roles.contains(id);
    // The role of everybody has the server's id.
    let base = roles
        .iter()
        .filter(|role| role.id == guild || own(&role.id))
        .fold(Permissions::empty(), |sum, role| {
            sum | bits(&role.permissions)
        });
    if bot.is_owner || base.contains(Permissions::ADMINISTRATOR) {
        return Permissions::all();
    }
    let apply = |granted: Permissions, chosen: &dyn Fn(&Overwrite) -> bool| {
        let chosen = overwrites.iter().filter(|one| chosen(one));
        let (allow, deny) = chosen.fold(
            (Permissions::empty(), Permissions::empty()),
            |(allow, deny), one| (allow | bits(&one.allow), deny | bits(&one.deny)),
        );
        (granted - deny) | allow
    };
    let granted = apply(base, &|one| one.id == guild);
    let granted = apply(granted, &|one| one.id != guild && own(&one.id));
    apply(granted, &|one| one.id == bot.id)
}

fn bits(text: &str) -> Permissions {
    Permissions::from_bits_truncate(text.parse().unwrap_or_default())
}

/// Whether the roles that the configuration names exist, and whether the alert role can be mentioned.
fn roles_named(config: &DiscordConfig, roles: &[Role], bot: &Bot) -> Vec<Finding> {
    let find = |id: u64| roles.iter().find(|role| role.id == id.to_string());
    let mut found = Vec::new();
    let people = [
        ("DISCORD_VIEWER_ROLE_IDS", &config.roles.viewers),
        ("DISCORD_OPERATOR_ROLE_IDS", &config.roles.operators),
        ("DISCORD_ADMIN_ROLE_IDS", &config.roles.admins),
    ];
    for (variable, ids) in people {
        for id in ids.iter().filter(|id| find(id.value()).is_none()) {
            let next = format!("Correct {variable}: nobody has a role that does not exist.");
            let detail = format!("does not exist in the server ({variable})");
            found.push(Finding::doubtful(
                Area::Discord,
                format!("role {id}"),
                detail,
                next,
            ));
        }
    }
    let Some(alert) = config.alert_role else {
        return found;
    };
    let everyone = config.guild.to_string();
    let may_mention_all = roles
        .iter()
        .filter(|role| role.id == everyone || bot.roles.contains(&role.id))
        .fold(Permissions::empty(), |sum, role| {
            sum | bits(&role.permissions)
        })
        .intersects(Permissions::MENTION_EVERYONE | Permissions::ADMINISTRATOR);
    found.push(match find(alert.value()) {
        None => Finding::bad(
            Area::Discord,
            format!("role {alert}"),
            "does not exist in the server: alerts would wake nobody",
            "Correct DISCORD_ALERT_ROLE_ID.",
        ),
        Some(role) if role.mentionable || may_mention_all || bot.is_owner => {
            Finding::good(Area::Discord, format!("@{}", role.name), "alerts can wake this role")
        }
        Some(role) => Finding::bad(
            Area::Discord,
            format!("@{}", role.name),
            "cannot be mentioned by the bot: alerts would wake nobody",
            "Server settings, Roles: allow anyone to mention this role, or give the bot Mention Everyone.",
        ),
    });
    found
}
