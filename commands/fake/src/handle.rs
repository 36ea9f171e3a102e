//! What a test sees of the world and does to it: looking, waiting, faults, and acts of God.

use std::sync::Arc;
use std::time::Duration;

use crate::fault::Fault;
use crate::gateway::{Command, GatewayState};
use crate::interaction::Record;
use crate::message::Message;
use crate::rates::InvalidRequests;
use crate::request::Request;
use crate::server::Fake;
use crate::snowflake::Snowflake;
use crate::spec::Rules;
use crate::world::Violation;

/// A wait ended before what it waited for came true.
#[derive(Clone, Debug)]
pub struct TimedOut {
    /// The newest requests and violations, for the reader of the failed test.
    pub state: String,
}

impl std::fmt::Display for TimedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "timed out; {}", self.state)
    }
}

impl std::error::Error for TimedOut {}

impl Fake {
    /// Waits until the predicate holds. It is asked at once and after every change, so nothing is missed.
    ///
    /// # Errors
    /// When it does not hold within `timeout`.
    pub async fn wait(
        &self,
        timeout: Duration,
        mut predicate: impl FnMut(&Self) -> bool,
    ) -> Result<(), TimedOut> {
        self.wait_for(timeout, |fake| predicate(fake).then_some(()))
            .await
    }

    /// Waits until `look` finds something.
    ///
    /// # Errors
    /// When it finds nothing within `timeout`.
    pub async fn wait_for<T>(
        &self,
        timeout: Duration,
        mut look: impl FnMut(&Self) -> Option<T>,
    ) -> Result<T, TimedOut> {
        let mut level = self.shared.with(|world| world.watch());
        let search = async {
            loop {
                level.borrow_and_update();
                if let Some(found) = look(self) {
                    return found;
                }
                if level.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(timeout, search)
            .await
            .map_err(|_elapsed| TimedOut {
                state: self.summary(),
            })
    }

    fn summary(&self) -> String {
        let requests = self.requests();
        let newest: Vec<String> = requests
            .iter()
            .rev()
            .take(10)
            .rev()
            .map(Request::line)
            .collect();
        format!(
            "{} requests, the newest:\n  {}\nviolations: {:?}\ngateway: {:?}",
            requests.len(),
            newest.join("\n  "),
            self.violations(),
            self.gateway_state()
        )
    }

    /// Every request so far, in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.shared.with(|world| world.requests.clone())
    }

    /// Requests of this method whose path contains `part`.
    #[must_use]
    pub fn requests_of(&self, method: &str, part: &str) -> Vec<Request> {
        let all = self.requests();
        all.into_iter()
            .filter(|request| request.method == method && request.path.contains(part))
            .collect()
    }

    /// The messages everybody sees in a channel, the oldest first.
    #[must_use]
    pub fn messages(&self, channel: Snowflake) -> Vec<Message> {
        let all = self.all_messages();
        all.into_iter()
            .filter(|message| message.is_public_in(channel))
            .collect()
    }

    /// All messages ever, deleted and ephemeral ones too, the oldest first.
    #[must_use]
    pub fn all_messages(&self) -> Vec<Message> {
        self.shared
            .with(|world| world.messages.values().cloned().collect())
    }

    /// A message by id, deleted or not.
    #[must_use]
    pub fn message(&self, id: Snowflake) -> Option<Message> {
        self.shared.with(|world| world.messages.get(&id).cloned())
    }

    /// What became of an interaction.
    #[must_use]
    pub fn interaction(&self, id: Snowflake) -> Option<Record> {
        self.shared
            .with(|world| world.interactions.get(&id).cloned())
    }

    /// The messages that answer an interaction, the original first; deleted ones are left out.
    #[must_use]
    pub fn replies(&self, interaction: Snowflake) -> Vec<Message> {
        self.shared.with(|world| {
            let Some(record) = world.interactions.get(&interaction) else {
                return Vec::new();
            };
            let messages = record
                .messages
                .iter()
                .filter_map(|id| world.messages.get(id));
            messages
                .filter(|message| !message.deleted)
                .cloned()
                .collect()
        })
    }

    /// Everything done against Discord's rules, by the bot or by the fake. A test passes when it is empty.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.shared.with(|world| world.violations.clone())
    }

    /// Forgets the violations so far, for tests that provoke some.
    pub fn clear_violations(&self) {
        self.shared.with(|world| world.violations.clear());
    }

    /// The commands registered for the guild and globally, as Discord stores them.
    #[must_use]
    pub fn commands(&self) -> Vec<serde_json::Value> {
        self.shared.with(|world| {
            let guild = world.commands.set(Some(world.guild)).iter();
            guild.chain(world.commands.set(None)).cloned().collect()
        })
    }

    /// Number of bulk registrations so far.
    #[must_use]
    pub fn command_puts(&self) -> u32 {
        self.shared.with(|world| world.commands.puts)
    }

    /// Answers that count towards Cloudflare's ban.
    #[must_use]
    pub fn invalid_requests(&self) -> InvalidRequests {
        self.shared.with(|world| world.rates.invalid)
    }

    /// Figures about the gateway.
    #[must_use]
    pub fn gateway_state(&self) -> GatewayState {
        self.shared.with(|world| world.gateway.state())
    }

    /// Puts a fault in place; earlier ones go first.
    pub fn fault(&self, fault: Fault) {
        self.shared.with(|world| world.faults.push(fault));
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.shared.with(|world| world.faults.clear());
    }

    /// Makes the gateway do something.
    pub fn gateway(&self, command: Command) {
        self.shared.with(|world| {
            world.gateway.command(command);
            world.touch();
        });
    }

    /// Switches REST (and new gateway connections) off with 503, or on again.
    pub fn outage(&self, on: bool) {
        self.shared.with(|world| {
            world.outage = on;
            world.touch();
        });
    }

    /// Takes the guild away for a while (`GUILD_DELETE`, unavailable), or gives it back.
    pub fn guild_unavailable(&self, unavailable: bool) {
        self.shared
            .with(|world| world.set_guild_available(!unavailable));
    }

    /// Deletes a channel with its messages; false when there is none.
    pub fn delete_channel(&self, channel: Snowflake) -> bool {
        self.shared
            .with(|world| world.delete_channel(channel).is_some())
    }

    /// Deletes a message, as a moderator would; false when there is none.
    pub fn delete_message(&self, message: Snowflake) -> bool {
        self.shared.with(|world| world.delete_message(message))
    }

    /// Deletes a role; false when there is none.
    pub fn delete_role(&self, role: Snowflake) -> bool {
        self.shared.with(|world| world.delete_role(role))
    }

    /// Takes permissions away from the bot in a channel, while the world runs; false when there is no such channel.
    pub fn deny(&self, channel: Snowflake, permissions: u64) -> bool {
        self.overwrite(channel, 0, permissions)
    }

    /// Gives the bot permissions in a channel, while the world runs; false when there is no such channel.
    pub fn allow(&self, channel: Snowflake, permissions: u64) -> bool {
        self.overwrite(channel, permissions, 0)
    }

    fn overwrite(&self, channel: Snowflake, allow: u64, deny: u64) -> bool {
        self.shared.with(|world| {
            let id = world.application;
            let Some(place) = world.channels.get_mut(&channel) else {
                return false;
            };
            place.overwrites.retain(|overwrite| overwrite.id != id);
            place
                .overwrites
                .push(crate::spec::Overwrite { id, allow, deny });
            let event = world
                .channels
                .get(&channel)
                .map(|place| world.channel_json(place))
                .unwrap_or_default();
            world.dispatch("CHANNEL_UPDATE", &event);
            true
        })
    }

    /// Gives a member roles, and only these; false when there is no such member.
    pub fn set_roles(&self, user: Snowflake, roles: &[Snowflake]) -> bool {
        self.shared.with(|world| {
            let Some(member) = world.members.get_mut(&user) else {
                return false;
            };
            member.roles = roles.to_vec();
            world.touch();
            true
        })
    }

    /// Changes limits and deadlines while the world runs.
    pub fn change_rules(&self, change: impl FnOnce(&mut Rules)) {
        self.shared.with(|world| change(&mut world.rules));
    }

    /// Pushes the clock of the world forward: messages grow old, tokens and nonces expire, windows end.
    pub fn advance(&self, time: Duration) {
        self.shared.with(|world| world.advance(time));
    }

    /// The world's time in Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.shared.with(|world| world.now_ms())
    }

    /// Writes a message as a person; no permissions are asked.
    pub fn say(self: &Arc<Self>, user: Snowflake, channel: Snowflake, content: &str) -> Snowflake {
        self.shared
            .with(|world| world.person_says(user, channel, content))
    }

    pub(crate) fn drain_log(&self) -> Vec<String> {
        self.shared.with(|world| world.log.drain(..).collect())
    }

    /// Waits until something changed since the last call with this receiver, and gives the new lines of the log.
    pub async fn next_log(&self, level: &mut tokio::sync::watch::Receiver<u64>) -> Vec<String> {
        if level.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.drain_log()
    }

    /// A receiver that changes with the world.
    #[must_use]
    pub fn level(&self) -> tokio::sync::watch::Receiver<u64> {
        self.shared.with(|world| world.watch())
    }
}
