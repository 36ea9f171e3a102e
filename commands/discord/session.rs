//! One client of serenity: made, looked at, and surely ended.
//!
//! serenity's tasks outlive its client. What is left behind here can never answer people beside its successor.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use serenity::{
    Client,
    all::{Context, Event, GatewayIntents, RawEventHandler, ShardId, ShardManager},
    gateway::ShardMessenger,
    http::Http,
};
use tokio::time::Instant;

use super::{identifies::Identifies, server::Server, watchdog::Sample};
use crate::slash::{self, Data};

/// The one shard of a bot of one guild.
const SHARD: ShardId = ShardId(0);

/// Ends the shard. serenity's own way alone is not enough: after a restart of its own it takes an old message for the
/// answer, forgets the shard, and leaves it connected.
pub(super) async fn shut_down(manager: &ShardManager) {
    let runner = manager
        .runners
        .lock()
        .await
        .get(&SHARD)
        .map(|runner| runner.runner_tx.clone());
    if let Some(runner) = runner {
        runner.shutdown_clean();
    }
    manager.shutdown_all().await;
}

pub(super) async fn sample(manager: &ShardManager) -> Sample {
    let runners = manager.runners.lock().await;
    runners
        .get(&SHARD)
        .map_or(Sample::NoShard, |runner| Sample::Shard(runner.latency))
}

/// What one client's events say beside their content.
#[derive(Debug)]
pub(super) struct Signs {
    is_retired: AtomicBool,
    /// How often it was READY.
    readies: AtomicUsize,
    identifies: Identifies,
    /// The shard that was READY last.
    shard: Mutex<Option<ShardMessenger>>,
    server: Mutex<Server>,
    /// Kinds of events that we live by and that serenity cannot read.
    unread: Mutex<BTreeSet<String>>,
}

/// Events that we live by. One of these that serenity cannot read comes as an unknown one, and nobody would answer.
const HEEDED: [&str; 6] = [
    "INTERACTION_CREATE",
    "GUILD_CREATE",
    "GUILD_DELETE",
    "GUILD_ROLE_CREATE",
    "GUILD_ROLE_UPDATE",
    "GUILD_ROLE_DELETE",
];

impl Signs {
    /// Of a client that has heard nothing yet.
    pub(super) fn new(identifies: Identifies, server: Server) -> Self {
        Self {
            is_retired: AtomicBool::new(false),
            readies: AtomicUsize::new(0),
            identifies,
            shard: Mutex::default(),
            server: Mutex::new(server),
            unread: Mutex::default(),
        }
    }

    /// What is wrong with the server that the bot serves, or with what Discord says of it.
    pub(super) fn trouble(&self) -> Option<String> {
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kind) = unread.first() {
            return Some(format!(
                "Discord sends {kind} in a form that this version cannot read, so commands may stay without an answer: use the newest steward"
            ));
        }
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.trouble(Instant::now())
    }

    /// Whether it was ever READY.
    pub(super) fn is_ready(&self) -> bool {
        self.readies() > 0
    }

    /// How often it was READY.
    pub(super) fn readies(&self) -> usize {
        self.readies.load(Ordering::SeqCst)
    }

    /// Ends the shard that was READY last; one that comes later is ended by its first event.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::SeqCst);
        let shard = self.shard.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shard) = shard.as_ref() {
            shard.shutdown_clean();
        }
    }

    fn heard(&self, context: &Context, event: &Event) {
        self.server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .hear(event, Instant::now());
        if let Event::Unknown(unread) = event
            && HEEDED.contains(&unread.kind.as_str())
        {
            let mut kinds = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
            kinds.insert(unread.kind.clone());
        }
        if matches!(event, Event::Ready(_)) {
            *self.shard.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(context.shard.clone());
            self.readies.fetch_add(1, Ordering::SeqCst);
            self.identifies.note(1);
        }
        if self.is_retired.load(Ordering::SeqCst) {
            context.shard.shutdown_clean();
        }
    }
}

/// A client with our commands, that has asked nothing but the address of the gateway.
pub(super) async fn client(http: Http, data: Data, signs: Arc<Signs>) -> serenity::Result<Client> {
    let framework = poise::Framework::builder()
        .options(slash::options())
        .initialize_owners(false)
        .setup(|_, _, _| Box::pin(async move { Ok(data) }))
        .build();
    serenity::client::ClientBuilder::new_with_http(http, GatewayIntents::GUILDS)
        .framework(framework)
        .raw_event_handler(Ears(signs))
        .await
}

/// serenity takes its handlers by value.
#[derive(Debug)]
struct Ears(Arc<Signs>);

#[serenity::async_trait]
impl RawEventHandler for Ears {
    async fn raw_event(&self, context: Context, event: Event) {
        self.0.heard(&context, &event);
    }
}
