//! The bot in this process, over a service that counts its orders.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use fake::{Fake, Spec};
use futures::future::BoxFuture;
use serenity::all::{GuildId, RoleId};
use steward::{
    api::control::{Command, Control, Done},
    clock::SystemClock,
    service::Service,
    units::UnixSeconds,
    views::{Answers, Look, Refusal, RefusalKind},
};
use steward_commands::{
    discord::{
        Connection, Gateway,
        gateway::{GatewayError, GatewayState, GatewayStatus, Timing},
        permission::Roles,
        registration::Memory,
    },
    slash::Data,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{house, world::connection};

/// Longer than serenity's 5 s between two connections, twice.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A service that counts the orders it is given.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) service: Arc<Service>,
    pub(crate) orders: Mutex<Vec<Command>>,
    /// What it does with questions and orders: `fault` and `panic` do that.
    pub(crate) mood: Mutex<String>,
}

impl Desk {
    fn show_mood(&self) -> Result<(), Refusal> {
        let mood = self.mood.lock().unwrap().clone();
        assert_ne!(mood, "panic", "a service that panics");
        if mood == "fault" {
            let why = "disk /var/lib is full";
            return Err(Refusal::new(RefusalKind::Unavailable, "no answer", why));
        }
        Ok(())
    }
}

impl Answers for Desk {
    fn look<'a>(&'a self, look: Look<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // A state that cannot be looked at is a fault of ours.
            if self.show_mood().is_ok() {
                self.service.look(look).await;
            }
        })
    }
}

impl Control for Desk {
    fn carry_out(&self, command: Command) -> BoxFuture<'_, Result<Done, Refusal>> {
        Box::pin(async move {
            self.orders.lock().unwrap().push(command.clone());
            self.show_mood()?;
            self.service.carry_out(command).await
        })
    }
}

/// Remembers a hash, and IDENTIFYs.
#[derive(Debug, Default)]
pub(crate) struct TestMemory(Mutex<Option<String>>, Mutex<Vec<UnixSeconds>>);

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

    fn recall_identifies(&self) -> BoxFuture<'_, anyhow::Result<Vec<UnixSeconds>>> {
        Box::pin(async { Ok(self.1.lock().unwrap().clone()) })
    }

    fn keep_identifies(&self, at: Vec<UnixSeconds>) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            *self.1.lock().unwrap() = at;
            Ok(())
        })
    }
}

/// A bot that runs.
pub(crate) struct Bot {
    pub(crate) fake: Arc<Fake>,
    pub(crate) desk: Arc<Desk>,
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
    start_on(fake, house::service(fake), connection, memory, timing)
}

pub(crate) fn start_on(
    fake: &Arc<Fake>,
    service: Arc<Service>,
    connection: Connection,
    memory: Arc<TestMemory>,
    timing: Timing,
) -> Bot {
    let desk = Arc::new(Desk {
        service,
        orders: Mutex::default(),
        mood: Mutex::default(),
    });
    let data = Data {
        answers: Arc::clone(&desk) as Arc<dyn Answers>,
        control: Arc::clone(&desk) as Arc<dyn Control>,
        roles: Roles {
            operators: vec![Spec::ROLE.0],
            ..Roles::default()
        },
        guild: GuildId::new(Spec::GUILD.0),
        alert_role: Some(RoleId::new(Spec::ROLE.0)),
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
