//! The canary against Discord's rules: it is written, read back, and only then somebody is told.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::StatusCode};
use fake::{Fake, Fault, Snowflake, Spec};
use steward::{
    clock::SystemClock,
    config::{Config, Need},
    outbox::courier::Courier,
    service::{Service, build, pulse::Vigil},
    store::memory::MemoryStore,
    views::{self, status},
};
use tokio::{net::TcpListener, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::world::courier;

const CANARY: Snowflake = Snowflake(1_100_000_000_000_000_030);
/// What the address of the switch must not be seen in.
const KEY: &str = "zq-secret-ping-key";

/// A service that is fetched: counts, and answers with what is set.
#[derive(Debug, Clone)]
struct Pings(Arc<Mutex<(u16, u32)>>);

impl Pings {
    async fn listen() -> (Self, String) {
        let pings = Self(Arc::new(Mutex::new((200, 0))));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/{KEY}", listener.local_addr().unwrap());
        let answer = |State(pings): State<Self>| async move {
            let mut pings = pings.0.lock().unwrap();
            pings.1 += 1;
            StatusCode::from_u16(pings.0).unwrap()
        };
        let router = Router::new().fallback(answer).with_state(pings.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (pings, url)
    }

    fn count(&self) -> u32 {
        self.0.lock().unwrap().1
    }
}

fn service(fake: &Fake, ping: &str) -> Arc<Service> {
    let text = |id: Snowflake| id.0.to_string();
    let variables = BTreeMap::from([
        ("DISCORD_TOKEN", Spec::TOKEN.to_owned()),
        ("DISCORD_GUILD_ID", text(Spec::GUILD)),
        ("DISCORD_CHANNEL", text(Spec::CHANNEL)),
        ("DISCORD_CHANNEL_CANARY", text(CANARY)),
        ("DISCORD_API_URL", fake.url().to_owned()),
        ("DEAD_MAN_URL", ping.to_owned()),
        ("NETWORKS", "mainnet".to_owned()),
        ("L1_RPC_URLS", "https://one.example".to_owned()),
        ("PROVIDER_ID", "7".to_owned()),
    ]);
    let lookup = |name: &str| variables.get(name).cloned();
    let config = Config::read(&lookup, Need::Service).unwrap();
    let store = Arc::new(MemoryStore::new());
    Arc::new(build::on(config, Arc::new(SystemClock), store).unwrap())
}

/// Takes steps until `what` is there.
async fn until(service: &Service, vigil: &mut Vigil, what: impl AsyncFn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !what().await {
        assert!(Instant::now() < end, "it does not come");
        service.step_canary(vigil).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn canary(service: &Service) -> views::canary::CanaryView {
    let asked = views::ask(service, |glance| status::show(glance, None).unwrap().canary);
    asked.await.flatten().unwrap()
}

/// Goal: whoever is told that steward is well can rely on it. Method: Discord takes the message and loses it; only a beat
/// that is found in the channel is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_beat_is_told_when_it_stands_in_its_channel_and_not_when_discord_only_said_so() {
    let mut spec = Spec::default().channel(CANARY, "canary");
    spec.rules = spec.rules.unlimited();
    let fake = Fake::start(spec).await.unwrap();
    let (pings, url) = Pings::listen().await;
    let service = service(&fake, &url);
    let token = CancellationToken::new();
    let courier: Arc<dyn Courier> = Arc::new(courier(&fake));
    tokio::spawn(service.engine(Some(&courier)).run(token.clone()));
    let mut vigil = Vigil::default();
    // Reading the channel back fails once.
    let reading = Fault::on("GET", "/messages").unwrap().status(503).times(1);
    fake.fault(reading);
    until(&service, &mut vigil, async || {
        !fake.messages(CANARY).is_empty()
    })
    .await;
    assert_eq!((pings.count(), canary(&service).await.seen_at), (0, None));
    until(&service, &mut vigil, async || pings.count() > 0).await;
    until(&service, &mut vigil, async || {
        canary(&service).await.fed_at.is_some()
    })
    .await;
    let seen = canary(&service).await;
    assert!(seen.seen_at.is_some() && !seen.is_silent);
    let messages = fake.messages(CANARY);
    assert_eq!((messages.len(), pings.count()), (1, 1));
    assert!(messages[0].pinged.is_nobody());
    insta::assert_snapshot!(
        messages[0].text().split("\nsteward/-/").next().unwrap(),
        @r"
    steward · provider 7
    🔵 Canary: beat 1
    Written every 10 min on the way that alerts take, to see that they arrive. Nothing is to be done.
    mainnet
    read up to block 0, of <t:0:R>
    "
    );
    let answer = views::ask(&*service, |glance| {
        serde_json::to_string(&status::show(glance, None).unwrap()).unwrap()
    });
    assert!(!answer.await.unwrap().contains(KEY));
    token.cancel();
}
