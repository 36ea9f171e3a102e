//! The state of the fake: one guild, its channels and messages, the bot's interactions and gateway sessions.
//!
//! Everything here is plain data behind one lock. Every change goes with [`World::touch`], which wakes those who wait.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::command::Commands;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::interaction::Record;
use crate::message::Message;
use crate::permission;
use crate::rates::{Rates, millis};
use crate::request::Request;
use crate::snowflake::Snowflake;
use crate::spec::{ChannelSpec, MemberSpec, RoleSpec, Rules, Spec};

/// Something the bot, or the fake itself, did against Discord's rules.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Which check found it.
    pub rule: Rule,
    /// The request or gateway frame.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// The checks behind [`Violation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The request differs from Discord's OpenAPI document.
    OpenApiRequest,
    /// The fake's own answer differs from it: a fault of the fake.
    OpenApiAnswer,
    /// A limit that the document does not tell.
    HandWritten,
    /// A route or method that the fake does not know.
    UnknownRoute,
    /// A gateway frame that closes the connection.
    Gateway,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) application: Snowflake,
    pub(crate) guild: Snowflake,
    pub(crate) owner: Snowflake,
    pub(crate) everyone: u64,
    pub(crate) rules: Rules,
    pub(crate) channels: BTreeMap<Snowflake, ChannelSpec>,
    pub(crate) roles: BTreeMap<Snowflake, RoleSpec>,
    pub(crate) members: BTreeMap<Snowflake, MemberSpec>,
    pub(crate) messages: BTreeMap<Snowflake, Message>,
    pub(crate) commands: Commands,
    pub(crate) interactions: BTreeMap<Snowflake, Record>,
    pub(crate) gateway: Gateway,
    pub(crate) rates: Rates,
    pub(crate) faults: Vec<Fault>,
    pub(crate) requests: Vec<Request>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) outage: bool,
    pub(crate) guild_available: bool,
    /// Lines for the log of the binary.
    pub(crate) log: VecDeque<String>,
    clock: WorldClock,
    last_id: u64,
    level: watch::Sender<u64>,
}

#[derive(Debug)]
struct WorldClock {
    unix_ms: u64,
    started: Instant,
    skew: Duration,
}

impl World {
    pub(crate) fn new(spec: Spec, url: String) -> Self {
        let unix = std::time::SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let mut members: BTreeMap<_, _> = spec
            .members
            .into_iter()
            .map(|member| (member.id, member))
            .collect();
        for (id, name, bot) in [
            (spec.application, "steward", true),
            (spec.owner, "owner", false),
        ] {
            members.entry(id).or_insert(MemberSpec {
                id,
                name: name.to_owned(),
                roles: Vec::new(),
                bot,
            });
        }
        Self {
            url,
            token: spec.token,
            application: spec.application,
            guild: spec.guild,
            owner: spec.owner,
            everyone: spec.everyone,
            rules: spec.rules,
            channels: spec
                .channels
                .into_iter()
                .map(|channel| (channel.id, channel))
                .collect(),
            roles: spec.roles.into_iter().map(|role| (role.id, role)).collect(),
            members,
            messages: BTreeMap::new(),
            commands: Commands::default(),
            interactions: BTreeMap::new(),
            gateway: Gateway::default(),
            rates: Rates::default(),
            faults: Vec::new(),
            requests: Vec::new(),
            violations: Vec::new(),
            outage: false,
            guild_available: true,
            log: VecDeque::new(),
            clock: WorldClock {
                unix_ms: millis(unix),
                started: Instant::now(),
                skew: Duration::ZERO,
            },
            last_id: 0,
            level: watch::channel(0).0,
        }
    }

    /// Wakes everyone who waits for a change.
    pub(crate) fn touch(&self) {
        self.level.send_modify(|level| *level += 1);
    }

    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.level.subscribe()
    }

    /// Unix milliseconds of the world, which tests may push forward.
    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.unix_ms + millis(self.clock.started.elapsed() + self.clock.skew)
    }

    pub(crate) fn advance(&mut self, time: Duration) {
        self.clock.skew += time;
        self.touch();
    }

    /// A new id of this moment, larger than all before.
    pub(crate) fn next_id(&mut self) -> Snowflake {
        let now = Snowflake::at_ms(self.now_ms()).0;
        self.last_id = now.max(self.last_id + 1);
        Snowflake(self.last_id)
    }

    pub(crate) fn violation(
        &mut self,
        rule: Rule,
        place: impl Into<String>,
        what: impl Into<String>,
    ) {
        let violation = Violation {
            rule,
            place: place.into(),
            what: what.into(),
        };
        self.say(format!("violation  {violation:?}"));
        self.violations.push(violation);
        self.touch();
    }

    pub(crate) fn say(&mut self, line: String) {
        // The log is for people who look at it now; ten thousand lines are more than anybody scrolls.
        if self.log.len() == 10_000 {
            self.log.pop_front();
        }
        self.log.push_back(line);
    }

    /// Permissions of a member in a channel; none when either is unknown.
    pub(crate) fn permissions(&self, user: Snowflake, channel: Snowflake) -> u64 {
        let Some(channel) = self.channels.get(&channel) else {
            return 0;
        };
        if channel.kind == 1 {
            return permission::ORDINARY;
        }
        let place = channel
            .parent
            .filter(|_| channel.is_thread())
            .and_then(|id| self.channels.get(&id))
            .unwrap_or(channel);
        let Some(member) = self.members.get(&user) else {
            return 0;
        };
        permission::in_channel(
            self.guild_permissions(user),
            place,
            self.guild,
            user,
            &member.roles,
        )
    }

    /// Permissions of a member in the guild, before overwrites.
    pub(crate) fn guild_permissions(&self, user: Snowflake) -> u64 {
        if user == self.owner {
            return permission::ALL;
        }
        let roles = self
            .members
            .get(&user)
            .map(|member| member.roles.clone())
            .unwrap_or_default();
        let bits = roles
            .iter()
            .filter_map(|role| self.roles.get(role))
            .map(|role| role.permissions);
        let bits = bits.fold(self.everyone, |sum, bits| sum | bits);
        if bits & permission::ADMINISTRATOR != 0 {
            permission::ALL
        } else {
            bits
        }
    }

    /// Sends an event to every session whose intents want it.
    pub(crate) fn dispatch(&mut self, name: &str, data: &Value) {
        self.gateway.dispatch(name, data);
        self.touch();
    }

    pub(crate) fn name_of(&self, user: Snowflake) -> String {
        self.members
            .get(&user)
            .map_or_else(|| user.to_string(), |member| member.name.clone())
    }

    pub(crate) fn channel_name(&self, channel: Snowflake) -> String {
        self.channels
            .get(&channel)
            .map_or_else(|| channel.to_string(), |channel| channel.name.clone())
    }
}

/// A time in Discord's form: `2026-11-20T12:00:00.000000+00:00`.
pub(crate) fn iso(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok())
        .unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}
