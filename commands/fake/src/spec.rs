//! What the world looks like when it starts, and how fast its rules run.

use std::time::Duration;

use crate::permission;
use crate::snowflake::Snowflake;

/// A server with one bot in it. [`Spec::default`] is enough for most tests.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The bot's token, as the operator would put it into the environment.
    pub token: String,
    /// Id of the application, which is also the id of the bot user.
    pub application: Snowflake,
    /// The one guild. Its id is also the id of the `@everyone` role.
    pub guild: Snowflake,
    /// Owner of the guild and of the application.
    pub owner: Snowflake,
    /// Permissions of `@everyone`; see [`permission::ORDINARY`].
    pub everyone: u64,
    /// Channels of the guild.
    pub channels: Vec<ChannelSpec>,
    /// Roles besides `@everyone`.
    pub roles: Vec<RoleSpec>,
    /// Members; bot and owner are added when they are missing.
    pub members: Vec<MemberSpec>,
    /// TCP port on 127.0.0.1; 0 lets the system choose.
    pub port: u16,
    /// Limits and deadlines.
    pub rules: Rules,
}

impl Spec {
    /// Token of the default world.
    pub const TOKEN: &'static str = "MTEwMDAwMDAwMDAwMDAwMDAwMQ.fake.discord";
    /// Application and bot user of the default world.
    pub const APPLICATION: Snowflake = Snowflake(1_100_000_000_000_000_001);
    /// Guild of the default world.
    pub const GUILD: Snowflake = Snowflake(1_100_000_000_000_000_002);
    /// Owner of the default guild.
    pub const OWNER: Snowflake = Snowflake(1_100_000_000_000_000_003);
    /// Channel `#alerts` of the default world.
    pub const CHANNEL: Snowflake = Snowflake(1_100_000_000_000_000_010);
    /// Channel `#fallback` of the default world.
    pub const FALLBACK: Snowflake = Snowflake(1_100_000_000_000_000_011);
    /// Role `on-call` of the default world.
    pub const ROLE: Snowflake = Snowflake(1_100_000_000_000_000_020);
    /// Ordinary member `alice` of the default world, who carries `on-call`.
    pub const ALICE: Snowflake = Snowflake(1_100_000_000_000_000_030);
    /// Ordinary member `bob` of the default world, without roles.
    pub const BOB: Snowflake = Snowflake(1_100_000_000_000_000_031);

    /// Adds a text channel.
    #[must_use]
    pub fn channel(mut self, id: impl Into<Snowflake>, name: &str) -> Self {
        self.channels.push(ChannelSpec::text(id.into(), name));
        self
    }

    /// Adds a role.
    #[must_use]
    pub fn role(mut self, id: impl Into<Snowflake>, name: &str, permissions: u64) -> Self {
        self.roles.push(RoleSpec {
            id: id.into(),
            name: name.to_owned(),
            permissions,
            mentionable: true,
        });
        self
    }

    /// Adds a member who carries these roles.
    #[must_use]
    pub fn member(mut self, id: impl Into<Snowflake>, name: &str, roles: &[Snowflake]) -> Self {
        self.members.push(MemberSpec {
            id: id.into(),
            name: name.to_owned(),
            roles: roles.to_vec(),
            bot: false,
        });
        self
    }

    /// Takes permissions away from the bot in one channel.
    #[must_use]
    pub fn deny(mut self, channel: Snowflake, permissions: u64) -> Self {
        let bot = self.application;
        for spec in self.channels.iter_mut().filter(|spec| spec.id == channel) {
            spec.overwrites.push(Overwrite {
                id: bot,
                allow: 0,
                deny: permissions,
            });
        }
        self
    }
}

impl Default for Spec {
    fn default() -> Self {
        let spec = Self {
            token: Self::TOKEN.to_owned(),
            application: Self::APPLICATION,
            guild: Self::GUILD,
            owner: Self::OWNER,
            everyone: permission::ORDINARY,
            channels: Vec::new(),
            roles: Vec::new(),
            members: Vec::new(),
            port: 0,
            rules: Rules::default(),
        };
        spec.channel(Self::CHANNEL, "alerts")
            .channel(Self::FALLBACK, "fallback")
            .role(Self::ROLE, "on-call", 0)
            .member(Self::ALICE, "alice", &[Self::ROLE])
            .member(Self::BOB, "bob", &[])
    }
}

/// A channel of the guild.
#[derive(Clone, Debug)]
pub struct ChannelSpec {
    /// Its id.
    pub id: Snowflake,
    /// Its name without `#`.
    pub name: String,
    /// Discord's channel type: 0 text, 1 direct message, 5 announcement, 11 public thread, 12 private thread, 15 forum.
    pub kind: u8,
    /// Parent channel of a thread.
    pub parent: Option<Snowflake>,
    /// Topic line.
    pub topic: Option<String>,
    /// Permissions given and taken here.
    pub overwrites: Vec<Overwrite>,
    /// Whether a thread is archived.
    pub archived: bool,
    /// The other side of a direct message.
    pub recipient: Option<Snowflake>,
}

impl ChannelSpec {
    /// A plain text channel.
    #[must_use]
    pub fn text(id: Snowflake, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            kind: 0,
            parent: None,
            topic: None,
            overwrites: Vec::new(),
            archived: false,
            recipient: None,
        }
    }

    pub(crate) fn is_thread(&self) -> bool {
        matches!(self.kind, 10..=12)
    }
}

/// Permissions of a role or member in one channel.
#[derive(Clone, Debug)]
pub struct Overwrite {
    /// Role (or guild, for `@everyone`) or member.
    pub id: Snowflake,
    /// Bits given.
    pub allow: u64,
    /// Bits taken.
    pub deny: u64,
}

/// A role of the guild.
#[derive(Clone, Debug)]
pub struct RoleSpec {
    /// Its id.
    pub id: Snowflake,
    /// Its name.
    pub name: String,
    /// Its permission bits.
    pub permissions: u64,
    /// Whether everybody may ping it.
    pub mentionable: bool,
}

/// A member of the guild.
#[derive(Clone, Debug)]
pub struct MemberSpec {
    /// The user's id.
    pub id: Snowflake,
    /// The user's name.
    pub name: String,
    /// Roles besides `@everyone`.
    pub roles: Vec<Snowflake>,
    /// Whether it is a bot.
    pub bot: bool,
}

/// So many calls in so much time.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Calls that fit into the window.
    pub limit: u32,
    /// Length of the window, which starts with its first call.
    pub per: Duration,
}

impl Rate {
    /// `limit` calls per `seconds`.
    #[must_use]
    pub const fn per_seconds(limit: u32, seconds: u64) -> Self {
        Self {
            limit,
            per: Duration::from_secs(seconds),
        }
    }
}

/// Limits and deadlines. The defaults are Discord's; tests shorten what they would otherwise wait for.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Interval told in HELLO. Discord: 41.25 s.
    pub heartbeat: Duration,
    /// Time for the first answer to an interaction. Discord: 3 s.
    pub interaction_deadline: Duration,
    /// Life of an interaction's token. Discord: 15 min.
    pub interaction_token: Duration,
    /// How long `enforce_nonce` remembers. Discord: "the past few minutes"; here 5 min.
    pub nonce_window: Duration,
    /// Age from which a message may be edited only `old_edits` times. Discord: 1 h.
    pub old_message_age: Duration,
    /// Edits of one old message before 429 with code 30046. Discord does not publish the figure.
    pub old_edits: Rate,
    /// Rate per route template, for example `("POST", "/channels/{id}/messages", ..)`; first match rules.
    pub rates: Vec<(&'static str, &'static str, Rate)>,
    /// Rate of every other route.
    pub rate: Rate,
    /// Rate over all routes but interaction callbacks. Discord: 50 per s.
    pub global: Rate,
    /// Gateway sends per connection. Discord: 120 per 60 s.
    pub gateway_sends: Rate,
    /// IDENTIFYs in the life of the fake before 4004, as Discord resets the token. Discord: 1000 per day.
    pub identify_budget: u32,
    /// Least time between two IDENTIFYs; sooner is answered with op 9. Discord: 5 s; zero here, so that restarts are quick.
    pub identify_spacing: Duration,
    /// Privileged intents that the application may use; others close with 4014.
    pub privileged_intents: u64,
    /// New guild commands per day. Discord: 200.
    pub command_creates: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(41_250),
            interaction_deadline: Duration::from_secs(3),
            interaction_token: Duration::from_mins(15),
            nonce_window: Duration::from_mins(5),
            old_message_age: Duration::from_hours(1),
            old_edits: Rate::per_seconds(3, 60),
            rates: vec![
                ("POST", "/channels/{id}/messages", Rate::per_seconds(5, 5)),
                (
                    "PATCH",
                    "/channels/{id}/messages/{id}",
                    Rate::per_seconds(5, 5),
                ),
                (
                    "DELETE",
                    "/channels/{id}/messages/{id}",
                    Rate::per_seconds(5, 1),
                ),
                ("POST", "/webhooks/{id}/{token}", Rate::per_seconds(5, 2)),
                (
                    "POST",
                    "/interactions/{id}/{token}/callback",
                    Rate::per_seconds(100, 1),
                ),
            ],
            rate: Rate::per_seconds(10, 1),
            global: Rate::per_seconds(50, 1),
            gateway_sends: Rate::per_seconds(120, 60),
            identify_budget: 1000,
            identify_spacing: Duration::ZERO,
            privileged_intents: 0,
            command_creates: 200,
        }
    }
}

impl Rules {
    /// Sets the rate of one route template.
    #[must_use]
    pub fn with_rate(mut self, method: &'static str, template: &'static str, rate: Rate) -> Self {
        self.rates.insert(0, (method, template, rate));
        self
    }

    /// No rate limits at all, for tests about something else.
    #[must_use]
    pub fn unlimited(mut self) -> Self {
        self.rates.clear();
        self.rate = Rate::per_seconds(u32::MAX, 1);
        self.global = self.rate;
        self
    }
}
