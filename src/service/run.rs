//! The tasks of the service.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{NetworkPart, Service, counted::Counted};
use crate::{
    api::{
        Api,
        access::Access,
        control::Control,
        serve::{self, ServeError},
    },
    chain::BlockTag,
    jobs::{Engine, EngineError, Policies},
    keys::KeysWatcher,
    outbox::{Deliver, Edit, courier::Courier},
    state::State,
    store::{
        StoreError,
        identity::{IdentityFault, NetworkIdentity, check_identity},
        nightly::write_nightly,
    },
    tasks::{Tasks, chain_of},
    units::BlockNumber,
    views::Answers,
    watcher::{Announcer, Happening, Step, Told, WatchError},
};

/// How often conditions are looked at when nothing happens on chain.
const TICK: Duration = Duration::from_secs(15);
/// Longest pause after steps that failed: 30 s, two and a half L1 slots.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often it is looked whether an export is due.
const EXPORT_CHECK: Duration = Duration::from_secs(3600);
/// Observations of keys files that may wait.
const KEYS_CAPACITY: usize = 4;

/// Why a part of the service ended.
#[derive(Debug, Error)]
pub enum RunError {
    /// The watcher cannot go on.
    #[error("the watcher of {network} cannot go on")]
    Watch {
        /// The network.
        network: String,
        /// Why.
        #[source]
        source: WatchError,
    },
    /// The network is another one than the store was filled from.
    #[error("the network {network} cannot be watched")]
    Identity {
        /// The network.
        network: String,
        /// Why.
        #[source]
        source: IdentityFault,
    },
    /// An endpoint serves another chain.
    #[error(
        "every endpoint of {network} serves another chain than {expected}: {found}; correct the URLs or the chain id"
    )]
    WrongChain {
        /// The network.
        network: String,
        /// The configured chain id.
        expected: u64,
        /// What was found, per endpoint.
        found: String,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// Nothing can be served.
    #[error("nothing can be served")]
    Serve(#[from] ServeError),
}

impl Service {
    /// Spawns every task that needs no Discord gateway. `courier` carries what the outbox owes.
    pub fn spawn(self: &Arc<Self>, tasks: &Tasks, courier: Option<Arc<dyn Courier>>) {
        for name in self.networks.keys() {
            let (service, name, token) = (Arc::clone(self), name.clone(), tasks.token());
            tasks.spawn("watcher", async move { service.watch(&name, &token).await });
        }
        for (name, part) in &self.networks {
            self.spawn_keys(tasks, name, part);
        }
        if let Some(courier) = courier {
            let engine = self.engine(&courier);
            let token = tasks.token();
            tasks.spawn("outbox", async move { engine.run(token).await });
        }
        let (service, token) = (Arc::clone(self), tasks.token());
        tasks.spawn("conditions", async move { service.tick(&token).await });
        let (service, token) = (Arc::clone(self), tasks.token());
        tasks.spawn("exports", async move {
            service.export_nightly(&token).await;
            Ok::<_, RunError>(())
        });
        let (service, token) = (Arc::clone(self), tasks.token());
        tasks.spawn("floors", async move { service.keep_floors(&token).await });
    }

    /// Opens the local door, and where `is_public` the network's; spawns a task for each.
    ///
    /// # Errors
    /// [`RunError::Serve`] where an address or the socket cannot be listened on.
    pub async fn serve(self: &Arc<Self>, tasks: &Tasks, is_public: bool) -> Result<(), RunError> {
        let answers = Arc::clone(self) as Arc<dyn Answers>;
        let api = Api::new(answers, Arc::clone(&self.metrics))
            .with_control(Arc::clone(self) as Arc<dyn Control>);
        let socket = serve::open_socket(&self.config.store.data_dir)?;
        let (router, token) = (api.clone().local_router(), tasks.token());
        tasks.spawn("local door", serve::socket(socket, router, token));
        if !is_public {
            return Ok(());
        }
        let bind = self.config.http.bind;
        let listener = TcpListener::bind(bind)
            .await
            .map_err(|source| ServeError::Listen {
                at: bind.to_string(),
                source,
            })?;
        let access = Access::of(self.config.http.token.clone(), bind);
        if matches!(access, Access::MetricsOnly) {
            tracing::warn!(%bind, "metrics are open to everybody who reaches this address; set HTTP_TOKEN, or bind to 127.0.0.1");
        }
        tracing::info!(%bind, "serving metrics, health and /v1");
        tasks.spawn(
            "http",
            serve::tcp(listener, api.router(access), tasks.token()),
        );
        Ok(())
    }

    /// The engine that sends what is owed.
    #[must_use]
    pub fn engine(&self, courier: &Arc<dyn Courier>) -> Engine<State> {
        let seed = self.clock.now_ms() ^ self.incarnation;
        let courier: Arc<dyn Courier> =
            Arc::new(Counted::new(Arc::clone(courier), self.metrics.live()));
        Engine::new(
            Arc::clone(&self.writer),
            Arc::clone(&self.clock),
            Policies::default(),
            seed,
        )
        .with(Arc::new(Deliver::new(Arc::clone(&courier))))
        .with(Arc::new(Edit::new(courier)))
    }

    /// Watches one network until `token` is cancelled.
    ///
    /// # Errors
    /// [`RunError`] where only a person can help.
    async fn watch(&self, name: &str, token: &CancellationToken) -> Result<(), RunError> {
        let Some(part) = self.networks.get(name) else {
            return Ok(());
        };
        let mut failures: u32 = 0;
        let mut is_identified = false;
        loop {
            let took = if is_identified {
                part.watcher.step().await.map(Some)
            } else {
                match self.identify(name, part).await {
                    Ok(done) => {
                        is_identified = done;
                        Ok(None)
                    }
                    Err(error) => return Err(error),
                }
            };
            let pause = match took {
                Ok(Some(step)) => {
                    failures = 0;
                    self.show_progress(name, part, &step);
                    pause_after(&step, part.config.watcher.poll_interval)
                }
                Ok(None) if is_identified => Duration::ZERO,
                Ok(None) => part.config.watcher.poll_interval,
                Err(source) if source.is_fatal() => {
                    return Err(RunError::Watch {
                        network: name.to_owned(),
                        source,
                    });
                }
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(
                        network = name,
                        error = chain_of(&error),
                        failures,
                        "step failed, taken again"
                    );
                    part.config
                        .watcher
                        .poll_interval
                        .saturating_mul(failures.min(15))
                        .min(PAUSE_MAX)
                }
            };
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Publishes how far a catch-up is, for whoever shows it.
    fn show_progress(&self, network: &str, part: &NetworkPart, step: &Step) {
        if let Step::Followed { blocks, to } = step {
            tracing::debug!(network, block.number = %to, blocks, "followed");
        }
        let stretch = part.watcher.stretch();
        self.readings.send_if_modified(|readings| match stretch {
            Some(stretch) => readings.insert(network.to_owned(), stretch) != Some(stretch),
            None => readings.remove(network).is_some(),
        });
    }

    /// Checks chain id and block 0 against configuration and store; says whether it could.
    async fn identify(&self, name: &str, part: &NetworkPart) -> Result<bool, RunError> {
        let expected = part.config.network.chain_id;
        let answers = part.endpoints.identify().await;
        let mut wrong = Vec::new();
        let mut right = 0;
        for (endpoint, answer) in answers {
            match answer {
                Ok(found) if found == expected => right += 1,
                Ok(found) => {
                    wrong.push(format!("{endpoint} says {found}"));
                    part.endpoints.exclude(
                        &endpoint,
                        &format!("it serves chain {found}, not {expected}"),
                    );
                }
                Err(error) => {
                    tracing::warn!(network = name, %endpoint, %error, "endpoint does not answer");
                }
            }
        }
        if right == 0 && !wrong.is_empty() {
            return Err(RunError::WrongChain {
                network: name.to_owned(),
                expected,
                found: wrong.join(", "),
            });
        }
        let Ok(Some(genesis)) = part
            .endpoints
            .header(BlockTag::Number(BlockNumber::new(0)))
            .await
        else {
            return Ok(false);
        };
        let wanted = NetworkIdentity {
            name: name.to_owned(),
            chain_id: expected,
            block0_hash: genesis.block.hash,
            registry: part.config.network.registry,
            staking_registry: part.config.network.staking_registry,
        };
        let checked = check_identity(self.writer.store().as_ref(), &wanted);
        checked.map_err(|source| RunError::Identity {
            network: name.to_owned(),
            source,
        })?;
        Ok(true)
    }

    fn spawn_keys(self: &Arc<Self>, tasks: &Tasks, name: &str, part: &NetworkPart) {
        let Some(directory) = part.config.keys_dir.clone() else {
            return;
        };
        let (sender, mut observations) = mpsc::channel(KEYS_CAPACITY);
        let rescan = self.config.keys.rescan_interval;
        let network = part.config.network.name.clone();
        let watcher = KeysWatcher::new(directory, network, rescan, Arc::clone(&self.clock));
        let token = tasks.token();
        tasks.spawn(
            "keys files",
            async move { watcher.run(token, sender).await },
        );
        let (service, name, token) = (Arc::clone(self), name.to_owned(), tasks.token());
        tasks.spawn("keys", async move {
            loop {
                let observation = tokio::select! {
                    () = token.cancelled() => return Ok::<_, RunError>(()),
                    observation = observations.recv() => observation,
                };
                let Some(observation) = observation else {
                    return Ok(());
                };
                let is_news = observation.changed;
                service.desk.take_keys(&name, observation);
                if is_news {
                    service.judge(&name).await?;
                }
            }
        });
    }

    /// Looks at every condition of a network now.
    ///
    /// # Errors
    /// [`RunError::Store`] where the disk failed.
    pub async fn judge(&self, network: &str) -> Result<(), RunError> {
        let told = Told {
            now_ms: self.clock.now_ms(),
            happening: Happening::Tick,
        };
        let committed = self
            .writer
            .commit(|state, _| {
                self.desk.announce(state, network, &told);
                Ok::<_, std::convert::Infallible>(())
            })
            .await;
        match committed {
            Ok(()) => Ok(()),
            Err(crate::writer::CommitError::Store(error)) => Err(error.into()),
            Err(crate::writer::CommitError::Refused(never)) => match never {},
        }
    }

    async fn tick(&self, token: &CancellationToken) -> Result<(), RunError> {
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(TICK) => {}
            }
            for network in self.networks.keys() {
                self.judge(network).await?;
            }
        }
    }

    /// Writes one export a day, and keeps as many as configured.
    async fn export_nightly(&self, token: &CancellationToken) {
        loop {
            let store = Arc::clone(self.writer.store());
            let directory = self.config.store.data_dir.join("exports");
            let keep = usize::try_from(self.config.store.exports_kept).unwrap_or(usize::MAX);
            let now = self.clock.now();
            let is_due = !directory.exists() || now.value() % 86_400 < EXPORT_CHECK.as_secs();
            if is_due {
                let written = tokio::task::spawn_blocking(move || {
                    write_nightly(store.as_ref(), &directory, keep, now)
                })
                .await;
                match written {
                    Ok(Ok((path, _))) => tracing::info!(path = %path.display(), "export written"),
                    Ok(Err(error)) => {
                        tracing::warn!(error = chain_of(&error), "no export was written");
                    }
                    Err(panic) => tracing::error!(error = %panic, "the export panicked"),
                }
            }
            tokio::select! {
                () = token.cancelled() => return,
                () = tokio::time::sleep(EXPORT_CHECK) => {}
            }
        }
    }
}

fn pause_after(step: &Step, poll: Duration) -> Duration {
    match step {
        Step::Idle => poll,
        Step::Stopped(_) => PAUSE_MAX,
        Step::CaughtUp { .. } | Step::Followed { .. } | Step::Unwound { .. } => Duration::ZERO,
    }
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => Self::Store(error),
        }
    }
}
