//! The Discord server: who we are there, where we speak, and who may do what.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZeroU64,
    time::Duration,
};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    problem::Fault,
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const TOKEN: Variable = Variable {
    name: "DISCORD_TOKEN",
    scope: Scope::Process,
    is_secret: true,
    presence: Presence::Required,
    doc: "The token of your bot. Discord's developer portal shows it once: your application, Bot, Reset Token.",
    example: "paste-the-token-of-your-bot-here",
};

const GUILD_ID: Variable = Variable {
    name: "DISCORD_GUILD_ID",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Required,
    doc: "The id of your Discord server. Switch on the developer mode in Discord, then right-click the server and copy \
          its id.",
    example: "100000000000000001",
};

const CHANNEL: Variable = Variable {
    name: "DISCORD_CHANNEL",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::RequiredUnless(
        "DISCORD_CHANNEL_TRANSITIONS and DISCORD_CHANNEL_ALERTS are set",
    ),
    doc: "The id of the channel for everything that has no channel of its own. Right-click a channel to copy its id; \
          the bot needs to view it, send messages, embed links, attach files and read its history.",
    example: "100000000000000002",
};

const CHANNEL_TRANSITIONS: Variable = Variable {
    name: "DISCORD_CHANNEL_TRANSITIONS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("DISCORD_CHANNEL"),
    doc: "The channel for life-cycle changes of attesters.",
    example: "100000000000000003",
};

const CHANNEL_ALERTS: Variable = Variable {
    name: "DISCORD_CHANNEL_ALERTS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("DISCORD_CHANNEL"),
    doc: "The channel for what a person has to do something about.",
    example: "100000000000000004",
};

const CHANNEL_DIGESTS: Variable = Variable {
    name: "DISCORD_CHANNEL_DIGESTS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("the channel for life-cycle changes"),
    doc: "The channel for summaries, for what was missed while steward was down, and for the progress of reading history.",
    example: "100000000000000005",
};

const CHANNEL_FALLBACK: Variable = Variable {
    name: "DISCORD_CHANNEL_FALLBACK",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("the other one of the channels for changes and for alerts"),
    doc: "The channel to use when another one is gone or forbidden.",
    example: "100000000000000006",
};

const CHANNEL_CANARY: Variable = Variable {
    name: "DISCORD_CHANNEL_CANARY",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("there is no canary"),
    doc: "A private channel of its own for the canary: one message, edited and now and then replaced, that proves that messages arrive. Nobody needs to read it.",
    example: "100000000000000012",
};

const ALERT_ROLE_ID: Variable = Variable {
    name: "DISCORD_ALERT_ROLE_ID",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("nobody is mentioned"),
    doc: "The role that alerts mention.",
    example: "100000000000000007",
};

const VIEWER_ROLE_IDS: Variable = Variable {
    name: "DISCORD_VIEWER_ROLE_IDS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("every member of the server may look"),
    doc: "Roles that may ask questions, separated by commas.",
    example: "100000000000000008",
};

const OPERATOR_ROLE_IDS: Variable = Variable {
    name: "DISCORD_OPERATOR_ROLE_IDS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("only administrators of the server"),
    doc: "Roles that may acknowledge and snooze incidents, separated by commas.",
    example: "100000000000000009,100000000000000010",
};

const ADMIN_ROLE_IDS: Variable = Variable {
    name: "DISCORD_ADMIN_ROLE_IDS",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Optional("only administrators of the server"),
    doc: "Roles that may also retry and cancel jobs, separated by commas.",
    example: "100000000000000011",
};

const API_URL: Variable = Variable {
    name: "DISCORD_API_URL",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("https://discord.com"),
    doc: "Where Discord's API is. Change it only for a proxy or a Discord-compatible server; the gateway follows from \
          it. Plain HTTP is accepted on this machine only, because the token travels with every request.",
    example: "https://discord.com",
};

const REQUEST_TIMEOUT: Variable = Variable {
    name: "DISCORD_REQUEST_TIMEOUT",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("15s"),
    doc: "How long Discord may take to answer a request.",
    example: "15s",
};

pub(super) const SECTION: Section = Section {
    title: "Discord",
    intro: "The bot, the server it speaks in, its channels, and the roles of your people.",
    variables: &[
        &TOKEN,
        &GUILD_ID,
        &CHANNEL,
        &CHANNEL_TRANSITIONS,
        &CHANNEL_ALERTS,
        &CHANNEL_DIGESTS,
        &CHANNEL_FALLBACK,
        &CHANNEL_CANARY,
        &ALERT_ROLE_ID,
        &VIEWER_ROLE_IDS,
        &OPERATOR_ROLE_IDS,
        &ADMIN_ROLE_IDS,
        &API_URL,
        &REQUEST_TIMEOUT,
    ],
};

/// Declares an id that Discord gives out (a snowflake).
macro_rules! snowflake {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// Wraps an id; `None` for 0, which Discord never gives out.
            #[must_use]
            pub const fn new(id: u64) -> Option<Self> {
                match NonZeroU64::new(id) {
                    Some(id) => Some(Self(id)),
                    None => None,
                }
            }

            /// The id.
            #[must_use]
            pub const fn value(self) -> u64 {
                self.0.get()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

snowflake!(
    /// A Discord server.
    GuildId
);
snowflake!(
    /// A channel.
    ChannelId
);
snowflake!(
    /// A role.
    RoleId
);

/// The Discord server.
#[derive(Debug, Clone)]
pub struct DiscordConfig {
    /// The bot's token.
    pub token: SecretString,
    /// The server.
    pub guild: GuildId,
    /// Where we speak.
    pub channels: Channels,
    /// The role that alerts mention.
    pub alert_role: Option<RoleId>,
    /// Who may do what.
    pub roles: Roles,
    /// Base of the API, without a slash at the end: `https://discord.com`.
    pub api_url: String,
    /// How long one request may take.
    pub request_timeout: Duration,
}

/// Where we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels {
    /// Life-cycle changes.
    pub transitions: ChannelId,
    /// What a person has to do something about.
    pub alerts: ChannelId,
    /// Summaries, what was missed, and how far history is read.
    pub digests: ChannelId,
    /// Where to speak when one of the others is gone or forbidden.
    pub fallback: Option<ChannelId>,
    /// The canary's own; `None` where there is none.
    pub canary: Option<ChannelId>,
}

impl Channels {
    /// Each channel with what is said there: `transitions, digests`.
    #[must_use]
    pub fn names(&self) -> BTreeMap<ChannelId, String> {
        let mut names: BTreeMap<ChannelId, String> = BTreeMap::new();
        let uses = [
            (Some(self.transitions), "transitions"),
            (Some(self.alerts), "alerts"),
            (Some(self.digests), "digests"),
            (self.fallback, "fallback"),
            (self.canary, "canary"),
        ];
        for (channel, name) in uses {
            let Some(channel) = channel else { continue };
            let known = names.entry(channel).or_default();
            if !known.is_empty() {
                known.push_str(", ");
            }
            known.push_str(name);
        }
        names
    }
}

/// Who may do what; a higher role includes the lower ones.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Roles {
    /// May ask; empty means every member.
    pub viewers: BTreeSet<RoleId>,
    /// May also acknowledge and snooze; empty means administrators of the server only.
    pub operators: BTreeSet<RoleId>,
    /// May also retry and cancel jobs; empty means administrators of the server only.
    pub admins: BTreeSet<RoleId>,
}

/// Whether anything of Discord is configured.
pub(super) fn is_set(reader: &Reader<'_>) -> bool {
    reader.is_set(&TOKEN, TOKEN.name)
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<DiscordConfig> {
    let token = reader.secret(&TOKEN, check_token);
    let guild = reader.value(&GUILD_ID, |text| id(text, GuildId::new));
    let channels = read_channels(reader);
    read_rest(reader, token, guild, channels)
}

/// Reads what a dry run needs: no token, and where no server or channels are named, made-up ones.
pub(super) fn read_without_token(reader: &mut Reader<'_>) -> Option<DiscordConfig> {
    let token = Some(SecretString::default());
    let guild = if reader.is_set(&GUILD_ID, GUILD_ID.name) {
        reader.value(&GUILD_ID, |text| id(text, GuildId::new))
    } else {
        GuildId::new(1)
    };
    let has_channels = [&CHANNEL, &CHANNEL_TRANSITIONS, &CHANNEL_ALERTS]
        .iter()
        .any(|channel| reader.is_set(channel, channel.name));
    let channels = if has_channels {
        // Nothing is carried, so nothing can be proven to arrive.
        read_channels(reader).map(|channels| Channels {
            canary: None,
            ..channels
        })
    } else {
        made_up_channels()
    };
    read_rest(reader, token, guild, channels)
}

fn made_up_channels() -> Option<Channels> {
    Some(Channels {
        transitions: ChannelId::new(1)?,
        alerts: ChannelId::new(2)?,
        digests: ChannelId::new(1)?,
        fallback: None,
        canary: None,
    })
}

fn read_rest(
    reader: &mut Reader<'_>,
    token: Option<SecretString>,
    guild: Option<GuildId>,
    channels: Option<Channels>,
) -> Option<DiscordConfig> {
    let alert_role = reader.value(&ALERT_ROLE_ID, |text| id(text, RoleId::new));
    let mut roles = |variable| {
        reader
            .value(variable, |text| {
                value::list(text, |member| id(member, RoleId::new))
            })
            .unwrap_or_default()
    };
    let roles = Roles {
        viewers: roles(&VIEWER_ROLE_IDS),
        operators: roles(&OPERATOR_ROLE_IDS),
        admins: roles(&ADMIN_ROLE_IDS),
    };
    let api_url = reader.value(&API_URL, parse_api_url);
    let request_timeout = reader.value(&REQUEST_TIMEOUT, |text| {
        value::duration(text, Duration::from_secs(1)..=Duration::from_secs(120))
    });
    Some(DiscordConfig {
        token: token?,
        guild: guild?,
        channels: channels?,
        alert_role,
        roles,
        api_url: api_url?,
        request_timeout: request_timeout?,
    })
}

fn read_channels(reader: &mut Reader<'_>) -> Option<Channels> {
    let problems = reader.problems.len();
    let mut channel = |variable| reader.value(variable, |text| id(text, ChannelId::new));
    let common = channel(&CHANNEL);
    let transitions = channel(&CHANNEL_TRANSITIONS).or(common);
    let alerts = channel(&CHANNEL_ALERTS).or(common);
    let digests = channel(&CHANNEL_DIGESTS).or(transitions);
    let fallback = channel(&CHANNEL_FALLBACK);
    let canary = channel(&CHANNEL_CANARY);
    if reader.problems.len() == problems && (transitions.is_none() || alerts.is_none()) {
        let fault = Fault::new(
            "is not set, and not both of DISCORD_CHANNEL_TRANSITIONS and DISCORD_CHANNEL_ALERTS are",
            format!("Set it, for example: {}={}", CHANNEL.name, CHANNEL.example),
        );
        reader.problem(CHANNEL.name.to_owned(), &CHANNEL, fault);
    }
    Some(Channels {
        transitions: transitions?,
        alerts: alerts?,
        digests: digests?,
        fallback,
        canary: alone(reader, canary, &[transitions, alerts, digests, fallback]),
    })
}

/// The canary's channel, where nothing else is said there.
fn alone(
    reader: &mut Reader<'_>,
    canary: Option<ChannelId>,
    others: &[Option<ChannelId>],
) -> Option<ChannelId> {
    if canary.is_some() && others.contains(&canary) {
        let fault = Fault::new(
            "is also the channel for something else, which the canary would fill",
            "Make a private channel for the canary alone, and write its id.",
        );
        reader.problem(CHANNEL_CANARY.name.to_owned(), &CHANNEL_CANARY, fault);
        return None;
    }
    canary
}

/// An id of Discord.
fn id<T>(text: &str, wrap: impl Fn(u64) -> Option<T>) -> Result<T, Fault> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    let id = is_decimal
        .then(|| text.parse().ok())
        .flatten()
        .and_then(wrap);
    id.ok_or_else(|| {
        Fault::new(
            format!("is {}, which is no id of Discord", value::quoted(text)),
            "Write the digits only: switch on the developer mode in Discord, right-click, Copy ID.",
        )
    })
}

/// What a token never looks like; whether it is valid only Discord knows.
fn check_token(text: &str) -> Result<(), Fault> {
    if text.to_ascii_lowercase().starts_with("bot ") {
        return Err(Fault::new(
            "begins with the word Bot",
            "Write the token alone.",
        ));
    }
    if text == TOKEN.example {
        return Err(Fault::new(
            "still holds the text of the template",
            "Replace it with the token of your bot.",
        ));
    }
    if text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(Fault::new(
            "holds spaces or characters that no token has (the value is not shown)",
            "Copy the token again.",
        ))
    }
}

fn parse_api_url(text: &str) -> Result<String, Fault> {
    let url = value::bare_url(text, "https://discord.com", "")?;
    if value::is_unencrypted(&url) {
        return Err(Fault::new(
            format!(
                "is {}, which would send the token unencrypted over the network",
                value::quoted(text)
            ),
            "Use https://, or a host on this machine (127.0.0.1, localhost).",
        ));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
