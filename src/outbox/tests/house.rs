//! A house that owes: the smallest state with an outbox, a process that can be started and killed, and its notices.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    machine::{Disk, Fuse, PausedClock},
    world::World,
};
use crate::{
    alert::{
        card::{Card, Message, Severity, Text},
        class::Class,
        notice::{Notice, NoticeId},
    },
    clock::Clock,
    jobs::{Engine, EngineError, HasJobs, Jobs, Policies, job::Action},
    outbox::{
        Ask, AskError, Deliver, Edit, HasOutbox, Outbox, Owed, Routes, courier::ChannelId, operate,
    },
    store::{Store, table::Journal},
    units::UnixSeconds,
    writer::{CommitError, Tables, Writer},
};

pub(super) const NEWS: u64 = 10;
pub(super) const ALARMS: u64 = 20;

#[derive(Debug)]
pub(super) struct State {
    pub(super) jobs: Jobs,
    pub(super) outbox: Outbox,
}

impl Tables for State {
    fn tables(&mut self) -> Vec<&mut dyn Journal> {
        vec![&mut self.jobs, &mut self.outbox]
    }
}

impl HasJobs for State {
    fn jobs(&self) -> &Jobs {
        &self.jobs
    }
    fn jobs_mut(&mut self) -> &mut Jobs {
        &mut self.jobs
    }
}

impl HasOutbox for State {
    fn outbox(&self) -> &Outbox {
        &self.outbox
    }
    fn outbox_and_jobs(&mut self) -> (&mut Outbox, &mut Jobs) {
        (&mut self.outbox, &mut self.jobs)
    }
}

/// The world, the disk, and how often the process was started.
pub(super) struct House {
    pub(super) world: Arc<World>,
    pub(super) disk: Arc<Disk>,
    pub(super) clock: Arc<PausedClock>,
    pub(super) fuse: Arc<Fuse>,
    incarnation: u64,
}

/// One life of the process.
pub(super) struct Process {
    pub(super) writer: Arc<Writer<State>>,
    pub(super) stop: CancellationToken,
    pub(super) engine: tokio::task::JoinHandle<Result<(), EngineError>>,
    disk: Arc<Disk>,
    clock: Arc<PausedClock>,
}

pub(super) const MINUTE: Duration = Duration::from_mins(1);

impl House {
    pub(super) fn new(seed: u64) -> Self {
        let (clock, fuse) = (PausedClock::new(), Arc::new(Fuse::default()));
        Self {
            world: World::new(Arc::clone(&clock), Arc::clone(&fuse), seed),
            disk: Disk::new(Arc::clone(&fuse)),
            clock,
            fuse,
            incarnation: 0,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test kills this task as a process is killed, which Tasks does not do"
    )]
    pub(super) fn start(&mut self) -> Process {
        self.incarnation += 1;
        self.disk = self.disk.reopened();
        let state = State {
            jobs: Jobs::load(&*self.disk, self.incarnation).unwrap(),
            outbox: Outbox::load(&*self.disk).unwrap(),
        };
        let store: Arc<dyn Store> = Arc::clone(&self.disk) as _;
        let writer = Arc::new(Writer::new(state, store));
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let engine = Engine::new(
            Arc::clone(&writer),
            clock,
            Policies::default(),
            self.incarnation,
        )
        .with(Arc::new(Deliver::new(Arc::clone(&self.world) as _)))
        .with(Arc::new(Edit::new(Arc::clone(&self.world) as _)));
        let stop = CancellationToken::new();
        Process {
            writer,
            engine: tokio::task::spawn(engine.run(stop.clone())),
            stop,
            disk: Arc::clone(&self.disk),
            clock: Arc::clone(&self.clock),
        }
    }
}

pub(super) fn routes() -> Routes {
    Routes::new(ChannelId(NEWS), ChannelId(ALARMS))
}

impl Process {
    pub(super) async fn owe(&self, notices: Vec<Notice>) -> Result<Owed, CommitError<()>> {
        let now_ms = self.clock.now_ms();
        let commit = self.writer.commit(|state, _| {
            let (outbox, jobs) = state.outbox_and_jobs();
            Ok(outbox.owe(jobs, now_ms, notices, &routes()))
        });
        commit.await
    }

    pub(super) async fn change<T>(
        &self,
        change: impl FnOnce(&mut Outbox, &mut Jobs, u64) -> T,
    ) -> T {
        let now_ms = self.clock.now_ms();
        let commit = self.writer.commit(|state, _| {
            let (outbox, jobs) = state.outbox_and_jobs();
            Ok::<_, ()>(change(outbox, jobs, now_ms))
        });
        commit.await.unwrap()
    }

    pub(super) async fn ask(&self, job: u64, action: Action) -> Result<(), CommitError<AskError>> {
        let ask = Ask {
            job,
            action,
            actor: "operator".to_owned(),
            reason: "looked into the channel".to_owned(),
        };
        let now_ms = self.clock.now_ms();
        let commit = self
            .writer
            .commit(|state, extra| operate(state, extra, &ask, now_ms));
        commit.await
    }

    /// Waits until no job is live; fails after two days of the world's time.
    pub(super) async fn settle(&self) {
        let mut commits = self.writer.commits();
        let settled = async {
            loop {
                commits.borrow_and_update();
                let live = self.writer.read().await;
                let is_settled = live.jobs().newest().all(|job| !job.state.is_live());
                drop(live);
                if is_settled {
                    return;
                }
                commits.changed().await.unwrap();
            }
        };
        let limit = Duration::from_hours(48);
        if tokio::time::timeout(limit, settled).await.is_err() {
            let state = self.writer.read().await;
            let live: Vec<_> = state
                .jobs()
                .newest()
                .filter(|job| job.state.is_live())
                .collect();
            panic!("not settled: {live:#?}");
        }
    }

    pub(super) async fn end(self) {
        self.stop.cancel();
        self.engine.await.unwrap().unwrap();
    }

    /// As SIGKILL does.
    pub(super) async fn kill(self) {
        self.disk.die();
        self.engine.abort();
        drop(self.engine.await);
    }
}

pub(super) fn id(class: Class, subject: u64) -> NoticeId {
    NoticeId::new("main", &format!("0x{subject:04x}"), class, 1, "")
}

/// A notice whose card and row carry its id, so that the world can be asked where it stands.
pub(super) fn notice(class: Class, subject: u64, text: &str) -> Notice {
    let id = id(class, subject);
    Notice {
        class,
        route: class.route(),
        message: Message {
            cards: vec![card(&id, class.severity(), text)],
            ..Message::default()
        },
        row: vec![
            ("attester".to_owned(), format!("0x{subject:04x}")),
            ("now".to_owned(), text.to_owned()),
        ],
        cause: None,
        reply_to: None,
        id,
    }
}

pub(super) fn card(id: &NoticeId, severity: Severity, text: &str) -> Card {
    Card {
        severity,
        author: Text::plain("main · provider 7"),
        title: Text::plain(text),
        body: Vec::new(),
        fields: Vec::new(),
        chart: None,
        footer: id.as_str().to_owned(),
        at: UnixSeconds::new(1_795_219_200),
        buttons: Vec::new(),
    }
}

/// What the card of a notice that was taken back says.
pub(super) fn gone(id: &NoticeId) -> Message {
    Message {
        cards: vec![card(id, Severity::Retracted, "taken back")],
        ..Message::default()
    }
}

pub(super) fn transition(subject: u64, text: &str) -> Notice {
    notice(Class::AttesterTransition, subject, text)
}

pub(super) fn incident(subject: u64, text: &str) -> Notice {
    notice(Class::CoinbaseMissing, subject, text)
}

/// Where the delivery that tells a notice stands.
pub(super) async fn state_of(process: &Process, class: Class, subject: u64) -> String {
    let state = process.writer.read().await;
    let telling = state.outbox.telling(&id(class, subject));
    telling
        .map_or("forgotten", |delivery| delivery.state.name())
        .to_owned()
}
