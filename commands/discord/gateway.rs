//! Hearing people: the gateway, and the life of serenity's client.
//!
//! The rest of the process does not need it. What serenity does not do by itself is done here: it never waits for
//! ever, it is replaced when heartbeats are not acknowledged, it does not introduce itself without end, and it is shut
//! down within a time limit. What ends it for good - a refused token, refused intents - is an error with a name.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serenity::{
    Client, all::ShardManager, gateway::GatewayError as SerenityGatewayError, http::Http,
};
use steward::{clock::Clock, units::UnixSeconds};
use thiserror::Error;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

pub use super::timing::Timing;
use super::{
    connection::Connection,
    identifies::Identifies,
    registration::{self, Memory},
    server::Server,
    session::{Signs, client, sample, shut_down},
    watchdog::{Alone, Verdict, Watchdog},
};
use crate::slash::Data;

/// What a client that never got READY counts for: serenity introduces itself once per heartbeat (41 s) and 5 s, and
/// the watchdog waits for 2 min.
const IDENTIFIES_UNSEEN: usize = 3;

/// What is said when no connection lasts. serenity does not tell why, nor how often it tried.
const NOTHING_LASTS: &str = "no connection to the gateway lasts: either it cannot be reached, or Discord ends each one at once \
     (close codes 4010 to 4012 look like this; then use the newest steward, with a bot that is in this server only)";

/// What is said when earlier processes used up the hour's introductions.
const RESTARTED_OFTEN: &str = "steward was started so often within an hour that it waits before it introduces itself to Discord again, which ends \
     every session at 1,000 a day: see in the log why the earlier ones ended";

/// Samples without a shard that are no news: serenity makes one within 5 s.
const CONNECTING_SAMPLES: u32 = 6;

/// How it stands with the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayState {
    /// Not asked yet, or connecting.
    Starting,
    /// READY, and heartbeats are acknowledged.
    Connected,
    /// Discord does not answer, or takes no connection.
    Unreachable,
    /// Waiting before the next attempt, because the last one failed or there were too many.
    BackingOff,
    /// Refused for good.
    Refused,
    /// Ended because the process ends.
    Stopped,
}

/// What is told about the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// How it stands.
    pub state: GatewayState,
    /// Since when.
    pub since: UnixSeconds,
    /// When a heartbeat was last acknowledged.
    pub last_ack: Option<UnixSeconds>,
    /// IDENTIFYs in the last 24 hours. Discord resets the token at 1,000.
    pub identifies_today: usize,
    /// What last went wrong.
    pub last_error: Option<String>,
    /// What is wrong with the server, while the connection is well.
    pub trouble: Option<String>,
}

/// Why hearing people ended for good.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// Close code 4004.
    #[error(
        "Discord refuses the token (close code 4004); set DISCORD_TOKEN to the present token of the bot"
    )]
    TokenRefused,
    /// Close code 4013.
    #[error("Discord does not know the intents that were asked for (close code 4013)")]
    IntentsUnknown,
    /// Close code 4014.
    #[error("Discord does not allow the intents that were asked for (close code 4014)")]
    IntentsRefused,
    /// The HTTP client cannot be built.
    #[error("cannot prepare the connection to Discord: {0}")]
    Unusable(String),
}

/// Hears people.
#[derive(Debug)]
pub struct Gateway {
    connection: Connection,
    data: Data,
    memory: Arc<dyn Memory>,
    clock: Arc<dyn Clock>,
    timing: Timing,
    status: watch::Sender<GatewayStatus>,
    identifies: Identifies,
    unregistered: Mutex<Option<String>>,
}

/// How one client ended.
enum End {
    Asked,
    Refused(GatewayError),
    Dead { reason: String, was_well: bool },
}

impl Gateway {
    /// A gateway that is not started. The receiver tells how it stands.
    #[must_use]
    pub fn new(
        connection: Connection,
        data: Data,
        memory: Arc<dyn Memory>,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> (Self, watch::Receiver<GatewayStatus>) {
        let (status, receiver) = watch::channel(GatewayStatus {
            state: GatewayState::Starting,
            since: clock.now(),
            last_ack: None,
            identifies_today: 0,
            last_error: None,
            trouble: None,
        });
        let identifies = Identifies::new(Arc::clone(&memory), Arc::clone(&clock));
        let gateway = Self {
            connection,
            data,
            memory,
            clock,
            timing,
            status,
            identifies,
            unregistered: Mutex::default(),
        };
        (gateway, receiver)
    }

    /// Hears people until `token` is cancelled.
    ///
    /// # Errors
    /// When Discord refuses us for good; nothing else ends it.
    pub async fn run(self, token: CancellationToken) -> Result<(), GatewayError> {
        let mut failures = 0;
        let mut is_registered = false;
        self.identifies.recall().await;
        if self.is_spent()
            && !self
                .wait(&token, failures, RESTARTED_OFTEN.to_owned())
                .await
        {
            self.tell(GatewayState::Stopped, None);
            return Ok(());
        }
        loop {
            match self.attempt(&token, &mut is_registered).await {
                End::Asked => {
                    self.tell(GatewayState::Stopped, None);
                    return Ok(());
                }
                End::Refused(error) => {
                    self.tell(GatewayState::Refused, Some(error.to_string()));
                    return Err(error);
                }
                End::Dead { reason, was_well } => {
                    failures = if was_well { 0 } else { failures + 1 };
                    tracing::warn!(%reason, failures, "the gateway was lost");
                    if !self.wait(&token, failures, reason).await {
                        self.tell(GatewayState::Stopped, None);
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Waits before the next attempt; says whether there is to be one.
    async fn wait(&self, token: &CancellationToken, failures: u32, reason: String) -> bool {
        let timing = &self.timing;
        let (wait, state) = if self.is_spent() {
            (timing.long_backoff, GatewayState::BackingOff)
        } else {
            let unreachable = self.status.borrow().state == GatewayState::Unreachable;
            let state = if unreachable {
                GatewayState::Unreachable
            } else {
                GatewayState::BackingOff
            };
            (timing.backoff(failures), state)
        };
        self.tell(state, Some(reason));
        tokio::select! {
            () = token.cancelled() => false,
            () = tokio::time::sleep(wait) => true,
        }
    }

    /// Whether we introduced ourselves as often as is good within an hour.
    fn is_spent(&self) -> bool {
        self.identifies.in_hour() >= self.timing.identifies_per_hour
    }

    /// One client, from its making to its end.
    async fn attempt(&self, token: &CancellationToken, is_registered: &mut bool) -> End {
        let prepared = tokio::select! {
            () = token.cancelled() => return End::Asked,
            prepared = self.prepare(is_registered) => prepared,
        };
        match prepared {
            Ok((client, signs)) => {
                self.identifies.keep(1).await;
                let end = self.live(client, signs, token, is_registered).await;
                self.identifies.keep(0).await;
                end
            }
            Err(end) => end,
        }
    }

    async fn prepare(&self, is_registered: &mut bool) -> Result<(Client, Arc<Signs>), End> {
        let unreachable = |reason: String| {
            self.tell(GatewayState::Unreachable, Some(reason.clone()));
            End::Dead {
                reason,
                was_well: false,
            }
        };
        let unusable =
            |error: anyhow::Error| End::Refused(GatewayError::Unusable(format!("{error:#}")));
        let http = self.connection.http().map_err(unusable)?;
        // serenity would go to Discord itself where this fails, even when it was told another address.
        let url = http
            .get_gateway()
            .await
            .map_err(|error| unreachable(format!("no address of the gateway: {error}")))?
            .url;
        if !*is_registered {
            *is_registered = self.register(&http).await;
        }
        let server = Server::new(self.data.guild, self.data.alert_role, Instant::now());
        let signs = Arc::new(Signs::new(self.identifies.clone(), server));
        let client = client(http, self.data.clone(), Arc::clone(&signs)).await;
        let client =
            client.map_err(|error| unreachable(format!("cannot make a client: {error}")))?;
        *client.ws_url.lock().await = url;
        Ok((client, signs))
    }

    async fn register(&self, http: &Http) -> bool {
        let registered = registration::register(http, self.data.guild, self.memory.as_ref()).await;
        let fault = match registered {
            Ok(outcome) => {
                tracing::info!(?outcome, "commands are registered");
                None
            }
            Err(error) => Some(format!(
                "the commands cannot be registered, which is tried again: {error:#}"
            )),
        };
        let is_done = fault.is_none();
        *self.unregistered() = fault;
        is_done
    }

    /// Why the commands are not registered, where that failed.
    fn unregistered(&self) -> MutexGuard<'_, Option<String>> {
        self.unregistered
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers the commands as soon as Discord takes them, beside a client that lives. Never ends.
    async fn register_again(&self, http: &Http, is_registered: &mut bool) -> End {
        let mut failures = 1;
        while !*is_registered {
            tokio::time::sleep(self.timing.backoff(failures)).await;
            *is_registered = self.register(http).await;
            failures += 1;
        }
        std::future::pending().await
    }

    async fn live(
        &self,
        mut client: Client,
        signs: Arc<Signs>,
        token: &CancellationToken,
        is_registered: &mut bool,
    ) -> End {
        let manager = Arc::clone(&client.shard_manager);
        let http = Arc::clone(&client.http);
        let end = tokio::select! {
            ended = client.start() => ended_by(ended),
            end = self.watch(&manager, &signs) => end,
            end = self.register_again(&http, is_registered) => end,
            () = token.cancelled() => End::Asked,
        };
        signs.retire();
        if tokio::time::timeout(self.timing.shutdown, shut_down(&manager))
            .await
            .is_err()
        {
            tracing::warn!("the gateway did not end in time and is left");
        }
        end
    }

    /// Looks at the shard until it is dead.
    async fn watch(&self, manager: &ShardManager, signs: &Signs) -> End {
        let mut watchdog = Watchdog::new(self.timing.silence_max, Instant::now());
        let mut ticks = tokio::time::interval(self.timing.sample);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut was_well, mut connecting) = (false, 0);
        let mut alone = Alone::default();
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let is_ready = signs.is_ready();
            let verdict = watchdog.observe(sample(manager).await, now);
            if alone.observe(verdict, signs.readies(), now) > self.timing.alone_max {
                self.tell(GatewayState::Unreachable, None);
                let reason = NOTHING_LASTS.to_owned();
                return End::Dead { reason, was_well };
            }
            match verdict {
                Verdict::Connecting => {
                    connecting += 1;
                    if connecting > CONNECTING_SAMPLES {
                        self.tell(GatewayState::Unreachable, None);
                    }
                    continue;
                }
                Verdict::Acknowledged => {
                    was_well = is_ready;
                    self.acknowledged();
                }
                Verdict::Quiet => {}
                Verdict::Dead(silence) => {
                    if !is_ready {
                        self.identifies.note(IDENTIFIES_UNSEEN);
                    }
                    return End::Dead {
                        reason: dead(silence, is_ready),
                        was_well,
                    };
                }
            }
            connecting = 0;
            self.tell(standing(is_ready), None);
            let unregistered = self.unregistered().clone();
            self.tell_trouble(unregistered.or_else(|| signs.trouble()));
            let used = self.identifies.in_hour();
            if used > self.timing.identifies_per_hour {
                return End::Dead {
                    reason: format!("{used} IDENTIFYs within an hour"),
                    was_well: false,
                };
            }
        }
    }

    fn acknowledged(&self) {
        let now = self.clock.now();
        self.status
            .send_modify(|status| status.last_ack = Some(now));
    }

    /// Notes a state; its beginning moves only when it changes. An error stays until the next one.
    fn tell(&self, state: GatewayState, error: Option<String>) {
        let now = self.clock.now();
        let today = self.identifies.in_day();
        self.status.send_if_modified(|status| {
            let before = status.clone();
            if status.state != state {
                status.state = state;
                status.since = now;
            }
            if error.is_some() {
                status.last_error = error;
            }
            status.identifies_today = today;
            *status != before
        });
    }

    /// Notes what is wrong with the server, or with what it is told. Said in the log when it changes.
    fn tell_trouble(&self, trouble: Option<String>) {
        self.status.send_if_modified(|status| {
            if status.trouble == trouble {
                return false;
            }
            match &trouble {
                Some(trouble) => tracing::warn!("{trouble}"),
                None => tracing::info!("nothing is wrong with the server any more"),
            }
            status.trouble = trouble;
            true
        });
    }
}

const fn standing(is_ready: bool) -> GatewayState {
    if is_ready {
        GatewayState::Connected
    } else {
        GatewayState::Starting
    }
}

fn dead(silence: Duration, is_ready: bool) -> String {
    let seconds = silence.as_secs();
    if is_ready {
        format!("no heartbeat was acknowledged for {seconds} s")
    } else {
        format!(
            "connected, but never READY in {seconds} s (close codes 4010 to 4012 look like this)"
        )
    }
}

fn ended_by(ended: serenity::Result<()>) -> End {
    let reason = match ended {
        Err(serenity::Error::Gateway(SerenityGatewayError::InvalidAuthentication)) => {
            return End::Refused(GatewayError::TokenRefused);
        }
        Err(serenity::Error::Gateway(SerenityGatewayError::InvalidGatewayIntents)) => {
            return End::Refused(GatewayError::IntentsUnknown);
        }
        Err(serenity::Error::Gateway(SerenityGatewayError::DisallowedGatewayIntents)) => {
            return End::Refused(GatewayError::IntentsRefused);
        }
        Err(error) => error.to_string(),
        Ok(()) => "the client ended by itself".to_owned(),
    };
    End::Dead {
        reason,
        was_well: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serenity waits so long between two connections.
    const SERENITY_WAITS: Duration = Duration::from_secs(5);
    const DAY: Duration = Duration::from_hours(24);

    /// Discord resets the token at 1,000 IDENTIFYs a day; serenity alone would come to 17,280.
    #[test]
    fn a_day_on_which_every_introduction_is_refused_costs_less_than_half_of_the_budget() {
        let timing = Timing::default();
        let per_client = timing.alone_max.div_duration_f64(SERENITY_WAITS).floor() + 1.0;
        let (mut passed, mut failures, mut identifies) = (Duration::ZERO, 0, 0.0);
        while passed < DAY {
            failures += 1;
            identifies += per_client;
            passed += timing.alone_max + timing.backoff(failures);
        }
        assert!((100.0..500.0).contains(&identifies), "{identifies}");
    }
}
