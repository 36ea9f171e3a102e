//! The bot in this process, with a desk that remembers what it was asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fake::{Fake, Spec};
use futures::future::BoxFuture;
use serenity::all::GuildId;
use steward::{
    alert::card::{Message, Text},
    clock::SystemClock,
};
use steward_commands::{
    discord::{
        Connection, Gateway,
        errors::Failure,
        gateway::{GatewayError, GatewayState, GatewayStatus, Timing},
        permission::Roles,
        registration::Memory,
    },
    slash::{Data, Desk, Person},
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::world::{card, connection};

/// Longer than serenity's 5 s between two connections, twice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Says back what it was asked.
#[derive(Debug, Default)]
pub(crate) struct TestDesk {
    pub(crate) asked: Mutex<Vec<String>>,
    /// What a test alert does: `fault` and `panic` do that.
    pub(crate) mood: Mutex<String>,
}

impl TestDesk {
    fn say(&self, person: &Person, asked: &str) -> Result<Message, Failure> {
        let line = format!("{} ({}): {asked}", person.name, person.rank.name());
        self.asked.lock().unwrap().push(line);
        assert!(!asked.contains("panic"), "a desk that panics");
        if asked.contains("fault") {
            return Err(anyhow::anyhow!("disk /var/lib is full")
                .context("reading")
                .into());
        }
        let mut card = card();
        card.title = Text::plain(asked);
        card.buttons.clear();
        Ok(Message {
            cards: vec![card],
            ..Message::default()
        })
    }
}

impl Desk for TestDesk {
    fn acknowledge<'a>(
        &'a self,
        person: &'a Person,
        incident: String,
    ) -> BoxFuture<'a, Result<Message, Failure>> {
        Box::pin(async move { self.say(person, &format!("ack {}", incident)) })
    }

    fn snooze<'a>(
        &'a self,
        person: &'a Person,
        incident: String,
        seconds: Option<u64>,
    ) -> BoxFuture<'a, Result<Message, Failure>> {
        Box::pin(async move { self.say(person, &format!("snooze {} {seconds:?}", incident)) })
    }

    fn why<'a>(
        &'a self,
        person: &'a Person,
        subject: String,
    ) -> BoxFuture<'a, Result<Message, Failure>> {
        Box::pin(async move { self.say(person, &format!("why {}", subject)) })
    }

    fn test_alert<'a>(&'a self, person: &'a Person) -> BoxFuture<'a, Result<Message, Failure>> {
        Box::pin(async move {
            let asked = format!("test{}", self.mood.lock().unwrap());
            self.say(person, &asked)
        })
    }
}

/// Remembers a hash.
#[derive(Debug, Default)]
pub(crate) struct TestMemory(Mutex<Option<String>>);

impl Memory for TestMemory {
    fn recall(&self) -> BoxFuture<'_, anyhow::Result<Option<String>>> {
        Box::pin(async { Ok(self.0.lock().unwrap().clone()) })
    }

    fn keep(&self, hash: String) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            *self.0.lock().unwrap() = Some(hash);
            Ok(())
        })
    }
}

/// A bot that runs.
pub(crate) struct Bot {
    pub(crate) fake: Arc<Fake>,
    pub(crate) desk: Arc<TestDesk>,
    pub(crate) status: watch::Receiver<GatewayStatus>,
    pub(crate) token: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), GatewayError>>,
}

/// Quick beats, and no rate limits.
pub(crate) async fn quick() -> Arc<Fake> {
    let mut spec = Spec::default();
    spec.rules = spec.rules.unlimited();
    spec.rules.heartbeat = Duration::from_millis(200);
    spec.rules.gateway_sends = fake::Rate::per_seconds(u32::MAX, 1);
    Fake::start(spec).await.unwrap()
}

pub(crate) fn timing() -> Timing {
    Timing {
        silence_max: Duration::from_secs(3),
        sample: Duration::from_millis(50),
        backoff_min: Duration::from_millis(100),
        backoff_max: Duration::from_secs(1),
        ..Timing::default()
    }
}

pub(crate) fn start(fake: &Arc<Fake>) -> Bot {
    start_as(fake, connection(fake), Arc::default(), timing())
}

pub(crate) fn start_as(
    fake: &Arc<Fake>,
    connection: Connection,
    memory: Arc<TestMemory>,
    timing: Timing,
) -> Bot {
    let desk = Arc::new(TestDesk::default());
    let data = Data {
        desk: Arc::clone(&desk) as Arc<dyn Desk>,
        roles: Roles {
            operators: vec![Spec::ROLE.0],
            ..Roles::default()
        },
        guild: GuildId::new(Spec::GUILD.0),
    };
    let (gateway, status) = Gateway::new(connection, data, memory, Arc::new(SystemClock), timing);
    let token = CancellationToken::new();
    let task = tokio::spawn(gateway.run(token.clone()));
    Bot {
        fake: Arc::clone(fake),
        desk,
        status,
        token,
        task,
    }
}

/// A bot that is connected.
pub(crate) async fn connected() -> Bot {
    let fake = quick().await;
    let mut bot = start(&fake);
    bot.until(GatewayState::Connected).await;
    bot
}

impl Bot {
    pub(crate) async fn until(&mut self, state: GatewayState) {
        let wait = self.status.wait_for(|status| status.state == state);
        let is_late = tokio::time::timeout(PATIENCE, wait).await.is_err();
        if is_late {
            let status = self.status.borrow().clone();
            panic!(
                "waiting for {state:?}, it is {status:?}, {:?}",
                self.fake.gateway_state()
            );
        }
    }

    /// Whether it answers: `/help` is the simplest thing to ask.
    pub(crate) async fn assert_answers(&self) {
        let asked = self
            .fake
            .slash(Spec::BOB, "help", &serde_json::json!({}))
            .unwrap();
        let reply = asked.reply(PATIENCE).await.unwrap();
        assert_eq!(reply.ephemeral_to, Some(Spec::BOB));
    }

    /// Ends it, and gives how it ended.
    pub(crate) async fn end(self) -> Result<(), GatewayError> {
        self.token.cancel();
        self.ended().await
    }

    pub(crate) async fn ended(self) -> Result<(), GatewayError> {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .unwrap()
            .unwrap()
    }
}
