//! The tasks of the service.

use std::{sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{NetworkPart, Service, counted::Counted, pulse::Vigil, recall::Recall};
use crate::{
    api::{
        Api,
        access::Access,
        control::Control,
        serve::{self, ServeError},
    },
    canary::confirm::Confirm,
    chain::BlockTag,
    jobs::{Engine, EngineError, Policies},
    keys::KeysWatcher,
    outbox::{Deliver, Discard, Edit, courier::Courier},
    preview::Board,
    state::State,
    store::{
        StoreError,
        identity::{IdentityFault, NetworkIdentity, check_identity},
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
    Store(#[source] StoreError),
    /// The disk refuses.
    #[error(
        "the data directory cannot be written; free space on its disk and check its owner, then start steward again: \
         nothing that was recorded is lost, and what happens meanwhile is told then"
    )]
    Disk(#[source] StoreError),
    /// Nothing can be served.
    #[error("nothing can be served")]
    Serve(#[from] ServeError),
}

impl Service {
    /// Spawns every task that needs no Discord gateway. `courier` carries what the outbox owes.
    pub fn spawn(self: &Arc<Self>, tasks: &Tasks, courier: Option<Arc<dyn Courier>>) {
        for name in self.networks.keys() {
            let (service, name, token) = (Arc::clone(self), name.clone(), tasks.token());
            let courier = courier.clone();
            tasks.spawn("watcher", async move {
                service.watch(&name, courier.as_deref(), &token).await
            });
        }
        for (name, part) in &self.networks {
            self.spawn_keys(tasks, name, part);
        }
        let (engine, token) = (self.engine(courier.as_ref()), tasks.token());
        tasks.spawn("jobs", async move {
            engine.run(token).await.map_err(RunError::from)
        });
        let (service, token) = (Arc::clone(self), tasks.token());
        tasks.spawn("conditions", async move { service.tick(&token).await });
        let (service, token) = (Arc::clone(self), tasks.token());
        tasks.spawn("floors", async move { service.keep_floors(&token).await });
    }

    /// Opens the local door, and where `is_public` the network's; spawns a task for each. The network's door shows `board`
    /// as a page.
    ///
    /// # Errors
    /// [`RunError::Serve`] where an address or the socket cannot be listened on.
    pub async fn serve(
        self: &Arc<Self>,
        tasks: &Tasks,
        is_public: bool,
        board: Option<Arc<Board>>,
    ) -> Result<(), RunError> {
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
        // The port that the system chose, where none was asked for.
        let bind = listener.local_addr().unwrap_or(bind);
        let access = Access::of(self.config.http.token.clone(), bind);
        tracing::info!(%bind, "serving metrics, health and /v1");
        if board.is_some() {
            tracing::info!("what is said is shown on a page: http://{bind}/preview");
        }
        tasks.spawn(
            "http",
            serve::tcp(
                listener,
                api.with_board(board).router(access),
                tasks.token(),
            ),
        );
        Ok(())
    }

    /// The engine that does what is owed. Without a courier messages wait, and everything else is done.
    #[must_use]
    pub fn engine(&self, courier: Option<&Arc<dyn Courier>>) -> Engine<State> {
        let seed = self.clock.now_ms() ^ self.incarnation;
        let engine = Engine::new(
            Arc::clone(&self.writer),
            Arc::clone(&self.clock),
            Policies::default().delivering_every(self.config.outbox.retry_max),
            seed,
        )
        .with(Arc::new(self.backup()));
        let Some(courier) = courier else {
            return engine;
        };
        let live = self.metrics.live();
        let courier: Arc<dyn Courier> = Arc::new(Counted::new(Arc::clone(courier), live.clone()));
        let deliver = Deliver::new(Arc::clone(&courier)).timed_by(Arc::new(live));
        engine
            .with(Arc::new(deliver))
            .with(Arc::new(Edit::new(Arc::clone(&courier))))
            .with(Arc::new(Discard::new(Arc::clone(&courier))))
            .with(Arc::new(Confirm::new(courier, self.switch.clone())))
    }

    /// Watches one network until `token` is cancelled.
    ///
    /// # Errors
    /// [`RunError`] where only a person can help.
    async fn watch(
        &self,
        name: &str,
        courier: Option<&dyn Courier>,
        token: &CancellationToken,
    ) -> Result<(), RunError> {
        let Some(part) = self.networks.get(name) else {
            return Ok(());
        };
        let mut failures: u32 = 0;
        let (mut is_identified, mut recall) = (false, Recall::default());
        loop {
            let took = if !is_identified {
                is_identified = self.identify(name, part).await?;
                Ok(None)
            } else if recall.is_over() {
                part.watcher.step().await.map(Some)
            } else {
                let recalled = self.recall(name, part, courier, &mut recall).await;
                recalled.map(|()| None)
            };
            let pause = match took {
                Ok(Some(step)) => {
                    failures = 0;
                    self.show_progress(name, part, &step);
                    pause_after(&step, part.config.watcher.poll_interval)
                }
                Ok(None) if is_identified && recall.is_over() => Duration::ZERO,
                Ok(None) => part.config.watcher.poll_interval,
                Err(WatchError::Store(error)) => return Err(error.into()),
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
            part.pulse.turned(pause);
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
                    part.endpoints.exclude(&endpoint, found, expected);
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
            is_rehearsal: false,
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
        let mut vigil = Vigil::default();
        loop {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = tokio::time::sleep(TICK) => {}
            }
            for network in self.networks.keys() {
                self.judge(network).await?;
            }
            self.want_export().await?;
            self.step_canary(&mut vigil).await?;
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

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Io(_) => Self::Disk(error),
            error => Self::Store(error),
        }
    }
}

impl From<EngineError> for RunError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
        }
    }
}
