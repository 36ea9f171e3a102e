//! A world for couriers: channels, messages, Discord's rules of nonces, and everything that can go wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::Instant;

use crate::{
    alert::card::{Message, Text},
    clock::Clock,
    outbox::courier::{ChannelId, Courier, CourierError, Found, MessageId, Parcel, Receipt},
    store::{Batch, Pair, Store, StoreError, Tree},
    units::UnixSeconds,
};

/// How long a nonce is remembered.
const NONCE_WINDOW: Duration = Duration::from_mins(3);
/// 2026-11-21 00:00:00 UTC, the moment at which every test begins.
pub(super) const BEGIN_MS: u64 = 1_795_219_200_000;

/// Wall time that follows tokio's paused time.
#[derive(Debug)]
pub(super) struct PausedClock(Instant);

impl PausedClock {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for PausedClock {
    fn now_ms(&self) -> u64 {
        BEGIN_MS + u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now_ms() / 1000)
    }
}

/// Counts effects, and crashes the process at one of them.
#[derive(Debug, Default)]
pub(super) struct Fuse {
    left: Mutex<Option<u64>>,
    pub(super) blown: tokio::sync::Notify,
    pub(super) effects: Mutex<u64>,
}

impl Fuse {
    pub(super) fn light(&self, after: u64) {
        *self.left.lock().unwrap() = Some(after);
    }

    pub(super) fn put_out(&self) {
        *self.left.lock().unwrap() = None;
    }

    /// Whether the process is dead from here on.
    fn burns(&self) -> bool {
        *self.effects.lock().unwrap() += 1;
        let mut left = self.left.lock().unwrap();
        match &mut *left {
            None => false,
            Some(0) => {
                self.blown.notify_one();
                true
            }
            Some(left) => {
                *left -= 1;
                false
            }
        }
    }
}

type Rows = Arc<Mutex<BTreeMap<(Tree, Vec<u8>), Vec<u8>>>>;

/// One process's hold on the disk: it can crash before and after every commit, and a dead one writes no more.
#[derive(Debug, Default)]
pub(super) struct Disk {
    rows: Rows,
    fuse: Arc<Fuse>,
    is_dead: AtomicBool,
}

impl Disk {
    pub(super) fn new(fuse: Arc<Fuse>) -> Arc<Self> {
        Arc::new(Self {
            fuse,
            ..Self::default()
        })
    }

    /// The same disk, for the next process.
    pub(super) fn reopened(&self) -> Arc<Self> {
        Arc::new(Self {
            rows: Arc::clone(&self.rows),
            fuse: Arc::clone(&self.fuse),
            is_dead: AtomicBool::new(false),
        })
    }

    /// A write under way on a thread ends before this returns, and none comes after.
    pub(super) fn die(&self) {
        let rows = self.rows.lock().unwrap();
        self.is_dead.store(true, Ordering::SeqCst);
        drop(rows);
    }
}

impl Store for Disk {
    fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        let crash = || Err(StoreError::Io("the power went out".to_owned()));
        let mut rows = self.rows.lock().unwrap();
        if self.is_dead.load(Ordering::SeqCst) || self.fuse.burns() {
            return crash();
        }
        for write in batch.writes() {
            let key = (write.tree, write.key.clone());
            match &write.value {
                Some(value) => rows.insert(key, value.clone()),
                None => rows.remove(&key),
            };
        }
        drop(rows);
        if self.fuse.burns() { crash() } else { Ok(()) }
    }

    fn read(&self, tree: Tree, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.get(&(tree, key.to_vec())).cloned())
    }

    fn scan(
        &self,
        tree: Tree,
        prefix: &[u8],
        after: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let from = after.unwrap_or(prefix).to_vec();
        let pairs = rows
            .range((tree, from)..)
            .take_while(|((at, key), _)| *at == tree && key.starts_with(prefix))
            .filter(|((_, key), _)| after.is_none_or(|after| key.as_slice() > after))
            .take(limit)
            .map(|((_, key), value)| (key.clone(), value.clone()));
        Ok(pairs.collect())
    }

    fn size_bytes(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}

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
    pub(super) gone: BTreeSet<ChannelId>,
    /// Channels whose history is forbidden.
    pub(super) secret: BTreeSet<ChannelId>,
    pub(super) is_down: bool,
    /// Messages older than this cannot be edited: 429 with code 30046.
    pub(super) editable_for: Option<Duration>,
    pub(super) calls: BTreeMap<&'static str, u64>,
    pub(super) is_token_refused: bool,
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
            gone: BTreeSet::new(),
            secret: BTreeSet::new(),
            is_down: false,
            editable_for: None,
            calls: BTreeMap::new(),
            is_token_refused: false,
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

    pub(super) fn calls(&self, name: &'static str) -> u64 {
        self.set(|rules| rules.calls.get(name).copied().unwrap_or_default())
    }

    /// Counts a call, and says what goes wrong with it.
    fn fault(&self, name: &'static str) -> Option<Fault> {
        self.set(|rules| {
            *rules.calls.entry(name).or_default() += 1;
            if rules.is_down {
                return Some(Fault::Refused);
            }
            if !rules.faults.is_empty() {
                return Some(rules.faults.remove(0));
            }
            let rate = rules.fault_rate;
            if rate == 0.0 || !rules.random.random_bool(rate) {
                return None;
            }
            let wait = Duration::from_millis(rules.random.random_range(100..4_000));
            let faults = [
                Fault::LostAnswer,
                Fault::Failed,
                Fault::Refused,
                Fault::RateLimited(wait),
                Fault::HangsBefore,
                Fault::HangsAfter,
                Fault::Slow(wait),
                Fault::Unfaithful,
                Fault::Panics,
            ];
            Some(faults[rules.random.random_range(0..faults.len())])
        })
    }

    /// What happens before the world does anything.
    async fn before(&self, fault: Option<Fault>) -> Result<(), CourierError> {
        if self.fuse.burns() {
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
    async fn after(&self, fault: Option<Fault>) -> Result<(), CourierError> {
        if self.fuse.burns() {
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
            let fault = self.fault("send");
            self.before(fault).await?;
            self.reachable(parcel.channel)?;
            let receipt = self.accept(parcel, fault);
            self.after(fault).await?;
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
            let fault = self.fault("edit");
            self.before(fault).await?;
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
            self.after(fault).await
        }
        .boxed()
    }

    fn find<'a>(
        &'a self,
        parcel: &'a Parcel,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        async move {
            let fault = self.fault("find");
            self.before(fault).await?;
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
            self.after(fault).await?;
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
            let fault = self.fault("delete");
            self.before(fault).await?;
            self.set(|rules| {
                let mut messages = rules.messages.iter_mut();
                let found = messages.find(|standing| standing.id == message);
                let standing = found.ok_or(CourierError::MessageGone)?;
                standing.is_deleted = true;
                Ok(())
            })?;
            self.after(fault).await
        }
        .boxed()
    }
}
