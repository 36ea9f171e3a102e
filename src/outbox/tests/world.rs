//! A world for couriers: channels, messages, Discord's rules of nonces, and everything that can go wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::machine::{Deed, Fuse, PausedClock, When};
use crate::{
    alert::card::{Message, Text},
    clock::Clock,
    outbox::courier::{ChannelId, Courier, CourierError, Found, MessageId, Parcel, Receipt},
};

/// How long a nonce is remembered.
const NONCE_WINDOW: Duration = Duration::from_mins(3);

/// What goes wrong with one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Accepted, but the answer is lost.
    LostAnswer,
    /// The server fails before it did anything; nobody can tell.
    Failed,
    /// The connection is refused: surely nothing was done.
    Refused,
    /// Told to wait.
    RateLimited(Duration),
    /// Never answers, having done nothing.
    HangsBefore,
    /// Never answers, having accepted.
    HangsAfter,
    /// Answers after a while.
    Slow(Duration),
    /// Accepted, and answered with what is not what was sent.
    Unfaithful,
    /// The code panics.
    Panics,
}

impl Fault {
    /// Each of them, where those that take time take so much.
    pub(super) const fn all(wait: Duration) -> [Self; 9] {
        [
            Self::LostAnswer,
            Self::Failed,
            Self::Refused,
            Self::RateLimited(wait),
            Self::HangsBefore,
            Self::HangsAfter,
            Self::Slow(wait),
            Self::Unfaithful,
            Self::Panics,
        ]
    }
}

/// One fault that one deed alone meets, at a rate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    pub(super) deed: Deed,
    pub(super) fault: Fault,
    pub(super) rate: f64,
    /// How often it met it.
    pub(super) struck: u64,
}

/// A message that stands in the world.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) id: MessageId,
    pub(super) channel: ChannelId,
    pub(super) nonce: String,
    pub(super) at_ms: u64,
    pub(super) message: Message,
    pub(super) files: Vec<String>,
    pub(super) reply_to: Option<MessageId>,
    pub(super) edits: u32,
    pub(super) is_deleted: bool,
}

#[derive(Debug)]
pub(super) struct Rules {
    pub(super) messages: Vec<Standing>,
    pub(super) next: u64,
    /// Faults to come, used up one a call.
    pub(super) faults: Vec<Fault>,
    /// Share of the calls that go wrong by themselves.
    pub(super) fault_rate: f64,
    /// What goes wrong with one deed alone.
    pub(super) aims: Vec<Aim>,
    pub(super) gone: BTreeSet<ChannelId>,
    /// Channels whose history is forbidden.
    pub(super) secret: BTreeSet<ChannelId>,
    pub(super) is_down: bool,
    /// Messages older than this cannot be edited: 429 with code 30046.
    pub(super) editable_for: Option<Duration>,
    pub(super) calls: BTreeMap<Deed, u64>,
    pub(super) is_token_refused: bool,
    /// Every message is refused for good.
    pub(super) is_refusing: bool,
    random: StdRng,
}

/// The world.
#[derive(Debug)]
pub(super) struct World {
    pub(super) rules: Mutex<Rules>,
    clock: Arc<PausedClock>,
    fuse: Arc<Fuse>,
}

impl World {
    pub(super) fn new(clock: Arc<PausedClock>, fuse: Arc<Fuse>, seed: u64) -> Arc<Self> {
        let rules = Rules {
            messages: Vec::new(),
            next: 1,
            faults: Vec::new(),
            fault_rate: 0.0,
            aims: Vec::new(),
            gone: BTreeSet::new(),
            secret: BTreeSet::new(),
            is_down: false,
            editable_for: None,
            calls: BTreeMap::new(),
            is_token_refused: false,
            is_refusing: false,
            random: StdRng::seed_from_u64(seed),
        };
        Arc::new(Self {
            rules: Mutex::new(rules),
            clock,
            fuse,
        })
    }

    pub(super) fn set<T>(&self, change: impl FnOnce(&mut Rules) -> T) -> T {
        change(&mut self.rules.lock().unwrap())
    }

    /// The messages that people see in a channel.
    pub(super) fn seen(&self, channel: u64) -> Vec<Standing> {
        let rules = self.rules.lock().unwrap();
        let seen = rules
            .messages
            .iter()
            .filter(|message| message.channel.0 == channel && !message.is_deleted);
        seen.cloned().collect()
    }

    pub(super) fn calls(&self, deed: Deed) -> u64 {
        self.set(|rules| rules.calls.get(&deed).copied().unwrap_or_default())
    }

    /// Counts a call, and says what goes wrong with it.
    fn fault(&self, deed: Deed) -> Option<Fault> {
        self.set(|rules| {
            *rules.calls.entry(deed).or_default() += 1;
            if rules.is_down {
                return Some(Fault::Refused);
            }
            if !rules.faults.is_empty() {
                return Some(rules.faults.remove(0));
            }
            for aim in &mut rules.aims {
                if aim.deed == deed && rules.random.random_bool(aim.rate) {
                    aim.struck += 1;
                    return Some(aim.fault);
                }
            }
            let rate = rules.fault_rate;
            if rate == 0.0 || !rules.random.random_bool(rate) {
                return None;
            }
            let wait = Duration::from_millis(rules.random.random_range(100..4_000));
            let faults = Fault::all(wait);
            Some(faults[rules.random.random_range(0..faults.len())])
        })
    }

    /// What happens before the world does anything.
    async fn before(&self, deed: Deed, fault: Option<Fault>) -> Result<(), CourierError> {
        if self.fuse.burns(deed, When::Before) {
            return std::future::pending().await;
        }
        tokio::time::sleep(Duration::from_millis(150)).await;
        if self.set(|rules| rules.is_token_refused) {
            return Err(CourierError::Unauthorized);
        }
        match fault {
            Some(Fault::Refused) => Err(CourierError::Later {
                retry_after: None,
                detail: "connection refused".to_owned(),
                is_rate_limit: false,
            }),
            Some(Fault::RateLimited(wait)) => Err(limited(wait, "429")),
            Some(Fault::Failed) => Err(CourierError::Unclear("502".to_owned())),
            Some(Fault::HangsBefore) => std::future::pending().await,
            Some(Fault::Slow(wait)) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            // Without the hook, which would fill the output.
            Some(Fault::Panics) => std::panic::resume_unwind(Box::new("the courier stumbled")),
            Some(Fault::LostAnswer | Fault::HangsAfter | Fault::Unfaithful) | None => Ok(()),
        }
    }

    /// What happens after the world did it.
    async fn after(&self, deed: Deed, fault: Option<Fault>) -> Result<(), CourierError> {
        if self.fuse.burns(deed, When::After) {
            return std::future::pending().await;
        }
        match fault {
            Some(Fault::LostAnswer) => Err(CourierError::Unclear("connection lost".to_owned())),
            Some(Fault::HangsAfter) => std::future::pending().await,
            _ => Ok(()),
        }
    }

    fn reachable(&self, channel: ChannelId) -> Result<(), CourierError> {
        if self.set(|rules| rules.gone.contains(&channel)) {
            return Err(CourierError::ChannelUnreachable("10003".to_owned()));
        }
        Ok(())
    }

    fn accept(&self, parcel: &Parcel, fault: Option<Fault>) -> Receipt {
        let now_ms = self.clock.now_ms();
        self.set(|rules| {
            let window = u64::try_from(NONCE_WINDOW.as_millis()).unwrap();
            let known = rules.messages.iter().find(|message| {
                message.nonce == parcel.nonce && now_ms.saturating_sub(message.at_ms) < window
            });
            if let Some(known) = known {
                let mut sent = parcel.message.clone();
                sent.attachments.clear();
                return receipt(known, known.message == sent);
            }
            let mut message = parcel.message.clone();
            let files = std::mem::take(&mut message.attachments);
            if fault == Some(Fault::Unfaithful) {
                for card in &mut message.cards {
                    card.title = Text::plain("something else");
                }
            }
            let standing = Standing {
                id: MessageId(rules.next),
                channel: parcel.channel,
                nonce: parcel.nonce.clone(),
                at_ms: now_ms,
                message,
                files: files.into_iter().map(|file| file.text).collect(),
                reply_to: parcel.reply_to,
                edits: 0,
                is_deleted: false,
            };
            rules.next += 1;
            rules.messages.push(standing.clone());
            receipt(&standing, fault != Some(Fault::Unfaithful))
        })
    }
}

/// What a message is known by when it is read back: nonces are not.
fn known_by(message: &Message) -> (Option<&str>, Option<&Text>) {
    let card = message.cards.first();
    let content = message.content.as_ref().filter(|_| card.is_none());
    (card.map(|card| card.footer.as_str()), content)
}

fn receipt(message: &Standing, is_faithful: bool) -> Receipt {
    Receipt {
        message: message.id,
        channel: message.channel,
        nonce: Some(message.nonce.clone()),
        is_faithful,
    }
}

fn limited(wait: Duration, detail: &str) -> CourierError {
    CourierError::Later {
        retry_after: Some(wait),
        detail: detail.to_owned(),
        is_rate_limit: true,
    }
}

impl Courier for World {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        async move {
            let fault = self.fault(Deed::Send);
            self.before(Deed::Send, fault).await?;
            self.reachable(parcel.channel)?;
            if self.set(|rules| rules.is_refusing) {
                return Err(CourierError::Refused("50035".to_owned()));
            }
            let receipt = self.accept(parcel, fault);
            self.after(Deed::Send, fault).await?;
            Ok(receipt)
        }
        .boxed()
    }

    fn edit<'a>(
        &'a self,
        channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        async move {
            let fault = self.fault(Deed::Edit);
            self.before(Deed::Edit, fault).await?;
            self.reachable(channel)?;
            let now_ms = self.clock.now_ms();
            self.set(|rules| {
                let editable = rules.editable_for.map(|time| time.as_millis());
                let standing = rules
                    .messages
                    .iter_mut()
                    .find(|standing| standing.id == message && !standing.is_deleted)
                    .ok_or(CourierError::MessageGone)?;
                if editable.is_some_and(|time| u128::from(now_ms - standing.at_ms) > time) {
                    return Err(limited(Duration::from_secs(2), "30046"));
                }
                standing.message = content.clone();
                standing.edits += 1;
                Ok(())
            })?;
            self.after(Deed::Edit, fault).await
        }
        .boxed()
    }

    fn find<'a>(
        &'a self,
        parcel: &'a Parcel,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        async move {
            let fault = self.fault(Deed::Find);
            self.before(Deed::Find, fault).await?;
            self.reachable(parcel.channel)?;
            let found = self.set(|rules| {
                if rules.secret.contains(&parcel.channel) {
                    return Found::Unclear("history is forbidden".to_owned());
                }
                let found = rules.messages.iter().find(|message| {
                    message.channel == parcel.channel
                        && known_by(&message.message) == known_by(&parcel.message)
                        && message.at_ms >= since_ms
                        && !message.is_deleted
                });
                found.map_or(Found::No, |message| {
                    let mut wanted = parcel.message.clone();
                    wanted.attachments.clear();
                    Found::Yes(Receipt {
                        nonce: None,
                        ..receipt(message, message.message == wanted)
                    })
                })
            });
            self.after(Deed::Find, fault).await?;
            Ok(found)
        }
        .boxed()
    }

    fn delete(
        &self,
        _channel: ChannelId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        async move {
            let fault = self.fault(Deed::Delete);
            self.before(Deed::Delete, fault).await?;
            self.set(|rules| {
                let mut messages = rules.messages.iter_mut();
                let found = messages.find(|standing| standing.id == message);
                let standing = found.ok_or(CourierError::MessageGone)?;
                standing.is_deleted = true;
                Ok(())
            })?;
            self.after(Deed::Delete, fault).await
        }
        .boxed()
    }
}
