//! The export as a job: written, read back, retried; and what it makes superfluous.

use std::fs;

use super::*;
use crate::{
    clock::{Clock, ManualClock},
    jobs::{Engine, Policies, attempt, job::Action, policy::Policy, transition::Event},
    store::memory::MemoryStore,
    tasks::Tasks,
    writer::Writer,
};

const NETWORK: &str = "mainnet";
const DAY: &str = "2026-01-01";
const NOW: u64 = 1_767_225_600;

/// A house with one network that was read to its head, of which ten observations were recorded, the newest whole one the 8th.
struct House {
    home: tempfile::TempDir,
    store: Arc<dyn Store>,
    writer: Arc<Writer<State>>,
}

impl House {
    async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let writer = Arc::new(Writer::new(State::default(), Arc::clone(&store)));
        writer
            .commit(|state, extra| {
                state.book_or_new(NETWORK);
                state.change_progress(NETWORK, |progress| {
                    progress.is_introduced = true;
                    (progress.recorded.count, progress.recorded.whole) = (10, 8);
                });
                for number in 0..10 {
                    let key = recording::key(NETWORK, number);
                    extra.batch.put(Tree::Ledger, key, b"{}".as_slice());
                }
                Ok::<_, std::convert::Infallible>(())
            })
            .await
            .unwrap();
        let home = tempfile::tempdir().unwrap();
        Self {
            home,
            store,
            writer,
        }
    }

    fn exports(&self) -> PathBuf {
        self.home.path().join("exports")
    }

    fn start(&self) -> Tasks {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(UnixSeconds::new(NOW)));
        let policy = Policy {
            attempts_max: 2,
            backoff_base: Duration::ZERO,
            backoff_max: Duration::ZERO,
            ..Policies::default().of(JobKind::Export)
        };
        let policies = Policies::default().with(JobKind::Export, policy);
        let backup = Backup::new(Arc::clone(&self.store), self.exports(), 7);
        let engine =
            Engine::new(Arc::clone(&self.writer), clock, policies, 1).with(Arc::new(backup));
        let (tasks, _ended) = Tasks::new();
        let token = tasks.token();
        tasks.spawn("job engine", async move { engine.run(token).await });
        tasks
    }

    async fn job(&self) -> Job {
        let state = self.writer.read().await;
        state
            .jobs
            .find(HOUSE, JobKind::Export, DAY)
            .cloned()
            .unwrap()
    }

    /// Waits until the job is in a state of this name.
    async fn see(&self, name: &str) -> Job {
        let mut commits = self.writer.commits();
        let seen = async {
            loop {
                commits.borrow_and_update();
                let job = self.job().await;
                if job.state.name() == name {
                    return job;
                }
                commits.changed().await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(20), seen)
            .await
            .unwrap()
    }

    fn observations(&self) -> usize {
        let prefix = recording::prefix(NETWORK);
        self.store
            .scan(Tree::Ledger, &prefix, None, 100)
            .unwrap()
            .len()
    }
}

#[tokio::test]
async fn an_export_is_written_and_read_back_and_becomes_the_base() {
    let house = House::new().await;
    assert!(wanted(&*house.writer.read().await, DAY));
    want(&house.writer, DAY.to_owned(), NOW * 1000)
        .await
        .unwrap();
    assert!(!wanted(&*house.writer.read().await, DAY), "once a day");
    let tasks = house.start();
    let job = house.see("done").await;
    let evidence = job.evidence.clone().unwrap();
    assert!(
        evidence.starts_with("steward-2026-01-01.jsonl holds "),
        "{evidence}"
    );
    let phases = attempt::of_job(house.store.as_ref(), job.id, 10).unwrap();
    let phases: Vec<Phase> = phases.iter().map(|one| one.lease.phase).collect();
    assert_eq!(
        phases,
        [Phase::Process, Phase::Process, Phase::Verify, Phase::Verify]
    );
    tasks.token().cancel();

    // What was recorded before the base, and is not needed to read on from it, is dropped.
    let state = house.writer.read().await;
    assert_eq!(state.progress_of(NETWORK).based.count, 10);
    drop(state);
    let dropped = house.writer.commit(|state, extra| {
        drop_observations(state, extra, NETWORK);
        Ok::<_, std::convert::Infallible>(())
    });
    dropped.await.unwrap();
    assert_eq!(house.observations(), 2);
    assert_eq!(
        house
            .writer
            .read()
            .await
            .progress_of(NETWORK)
            .recorded
            .first,
        8
    );
}

#[tokio::test]
async fn an_export_that_cannot_be_written_fails_with_reasons_and_is_made_on_retry() {
    let house = House::new().await;
    fs::write(house.exports(), "in the way").unwrap();
    want(&house.writer, DAY.to_owned(), NOW * 1000)
        .await
        .unwrap();
    let tasks = house.start();
    let job = house.see("failed").await;
    assert_eq!(job.attempts, 2);
    let reason = job.reason.unwrap();
    assert!(
        reason.contains("the export cannot be read or written"),
        "{reason}"
    );
    assert_eq!(house.observations(), 10);

    fs::remove_file(house.exports()).unwrap();
    let policy = Policies::default().of(JobKind::Export);
    let retried = house.writer.commit(|state, _| {
        let event = Event::Ask {
            action: Action::Retry,
            reason: "there is room".to_owned(),
        };
        state
            .jobs
            .step_job(job.id, event, &policy, NOW * 1000)
            .unwrap()
    });
    retried.await.unwrap();
    house.see("done").await;
    tasks.token().cancel();
}

#[test]
fn a_file_that_was_cut_is_no_export() {
    let home = tempfile::tempdir().unwrap();
    let path = nightly::path_of(home.path(), DAY);
    nightly::write_day(
        &MemoryStore::new(),
        home.path(),
        7,
        DAY,
        UnixSeconds::new(NOW),
    )
    .unwrap();
    check(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let error = chain_of(&check(&path).unwrap_err());
    let mut state = State::default();
    let verdict = conclude(&mut state, Err(error));
    assert!(matches!(verdict, Verdict::Rejected { .. }), "{verdict:?}");
}

#[tokio::test]
async fn before_anything_was_read_there_is_nothing_to_export() {
    let mut state = State::default();
    assert!(!wanted(&state, DAY));
    state.book_or_new(NETWORK);
    state.change_progress(NETWORK, |progress| progress.is_introduced = true);
    assert!(wanted(&state, DAY));
    let new = NewJob {
        network: HOUSE.to_owned(),
        kind: JobKind::Export,
        key: DAY.to_owned(),
        lane: Lane::Free(JobKind::Export),
        priority: Priority::Normal,
        give_up_at_ms: None,
    };
    state.jobs.want(new, NOW * 1000);
    state.change_progress(NETWORK, |progress| {
        progress.recorded.bytes = OBSERVED_MAX + 1;
    });
    assert!(!wanted(&state, DAY), "the one that is under way will do");
}
