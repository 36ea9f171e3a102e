//! The loop that takes jobs and works on them.
//!
//! A commit nudges it and a timer wakes it; what it does depends on the committed jobs alone. Every attempt is two
//! commits with the request between them. The engine ends only when it is told to, or when the disk fails.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use rand::{Rng, SeedableRng, rngs::StdRng};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{
    HasJobs,
    attempt::{Attempt, Outcome},
    job::{Job, JobKind, Lane, Lease, Pause, State, Verdict},
    policy::Policies,
    queue::Gate,
    transition::Event,
};
use crate::{
    clock::Clock,
    store::StoreError,
    writer::{CommitError, Extra, Tables, Writer},
};

/// Most attempts at a time, over all kinds.
pub const RUNNING_MAX: usize = 64;
/// The engine looks at least so often, whatever it was told.
pub const POLL_MAX: Duration = Duration::from_secs(15);
/// Longest that one refusal holds up the other jobs of its lane.
pub const LANE_PAUSE_MAX: Duration = Duration::from_secs(10);
/// How often old records are forgotten.
pub const TIDY_EVERY: Duration = Duration::from_hours(1);

/// What is decided when the answer is there: pure, inside the commit that records it.
pub type Conclude<S> = Box<dyn FnOnce(&mut S, &Job, u64) -> Verdict + Send>;

/// What is to be done with a job.
pub enum Prepared<S> {
    /// Ask the world; claims the job.
    Act(BoxFuture<'static, Conclude<S>>),
    /// Nothing to ask; the job ends or waits with this, and there is no attempt.
    Settled(Verdict),
    /// The state was rearranged and the job with it (merged, moved); look again.
    Rearranged,
}

impl<S> std::fmt::Debug for Prepared<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Act(_) => "Act",
            Self::Settled(_) => "Settled",
            Self::Rearranged => "Rearranged",
        })
    }
}

/// How an attempt ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// It took longer than the policy allows.
    TimedOut,
    /// It panicked; contained, with what it said.
    Panicked(String),
}

/// What a kind of job does.
pub trait Handler<S>: Send + Sync + std::fmt::Debug {
    /// The kind.
    fn kind(&self) -> JobKind;

    /// Decides what to do, inside the commit that claims the job. Pure, but for making the future.
    /// The phase is told by the job's state: `PendingVerification` (or a dead lease on it) asks for a look only.
    fn prepare(&self, state: &mut S, job: &Job, now_ms: u64) -> Prepared<S>;

    /// Decides what an attempt without an answer means, inside the commit that records it.
    fn interrupted(&self, state: &mut S, job: &Job, why: &Interruption, now_ms: u64) -> Verdict;

    /// Forgets old records, once an hour.
    fn tidy(&self, _state: &mut S, _extra: &mut Extra, _now_ms: u64) {}
}

/// Why the engine stopped.
#[derive(Debug, Error)]
pub enum EngineError {
    /// The disk failed; the process must stop.
    #[error("the job engine cannot commit")]
    Store(#[from] StoreError),
}

impl From<CommitError<StoreError>> for EngineError {
    fn from(error: CommitError<StoreError>) -> Self {
        match error {
            CommitError::Refused(error) | CommitError::Store(error) => Self::Store(error),
        }
    }
}

struct Answer<S> {
    job: u64,
    kind: JobKind,
    lease: Lease,
    conclude: Result<Conclude<S>, Interruption>,
}

enum Claimed<S> {
    Act(BoxFuture<'static, Answer<S>>, JobKind),
    Settled,
    Nothing,
}

/// Takes jobs and works on them.
#[derive(Debug)]
pub struct Engine<S> {
    writer: Arc<Writer<S>>,
    clock: Arc<dyn Clock>,
    policies: Policies,
    handlers: BTreeMap<JobKind, Arc<dyn Handler<S>>>,
    random: StdRng,
    gate: Gate,
}

impl<S: HasJobs + Tables + Send + Sync + 'static> Engine<S> {
    /// An engine without handlers; jobs of a kind without one wait. `seed` feeds the jitter.
    #[must_use]
    pub fn new(
        writer: Arc<Writer<S>>,
        clock: Arc<dyn Clock>,
        policies: Policies,
        seed: u64,
    ) -> Self {
        Self {
            writer,
            clock,
            policies,
            handlers: BTreeMap::new(),
            random: StdRng::seed_from_u64(seed),
            gate: Gate::default(),
        }
    }

    /// Adds the handler of a kind.
    #[must_use]
    pub fn with(mut self, handler: Arc<dyn Handler<S>>) -> Self {
        let kind = handler.kind();
        self.gate
            .free
            .insert(kind, self.policies.of(kind).concurrency);
        self.handlers.insert(kind, handler);
        self
    }

    /// Works until `token` is cancelled, then waits for what is under way: give it a deadline from outside.
    ///
    /// # Errors
    /// [`EngineError::Store`] where the disk fails.
    pub async fn run(mut self, token: CancellationToken) -> Result<(), EngineError> {
        let mut commits = self.writer.commits();
        let mut running = FuturesUnordered::new();
        let mut tidy_at_ms = 0;
        loop {
            commits.borrow_and_update();
            let is_stopping = token.is_cancelled();
            while !is_stopping && running.len() < RUNNING_MAX {
                match self.claim().await? {
                    Claimed::Act(future, kind) => {
                        self.count(kind, false);
                        running.push(future);
                    }
                    Claimed::Settled => {}
                    Claimed::Nothing => break,
                }
            }
            if is_stopping && running.is_empty() {
                return Ok(());
            }
            let now_ms = self.clock.now_ms();
            if now_ms >= tidy_at_ms && !is_stopping {
                self.tidy().await?;
                tidy_at_ms = now_ms.saturating_add(millis(TIDY_EVERY));
            }
            let wait = self.wait().await;
            tokio::select! {
                biased;
                Some(answer) = running.next(), if !running.is_empty() => self.conclude(answer).await?,
                () = token.cancelled(), if !is_stopping => {}
                changed = commits.changed(), if !is_stopping => drop(changed),
                () = tokio::time::sleep(wait), if !is_stopping => {}
            }
        }
    }

    async fn wait(&self) -> Duration {
        let now_ms = self.clock.now_ms();
        let wakes = self.writer.read().await.jobs().wakes_at(now_ms, &self.gate);
        let wait = wakes.map_or(POLL_MAX, |at| {
            Duration::from_millis(at.saturating_sub(now_ms))
        });
        wait.min(POLL_MAX)
    }

    fn count(&mut self, kind: JobKind, is_free: bool) {
        if let Some(free) = self.gate.free.get_mut(&kind) {
            *free = if is_free {
                free.saturating_add(1)
            } else {
                free.saturating_sub(1)
            };
        }
    }

    async fn claim(&mut self) -> Result<Claimed<S>, EngineError> {
        let now_ms = self.clock.now_ms();
        self.gate.paused.retain(|_, until| *until > now_ms);
        let candidate = |state: &S, gate: &Gate| state.jobs().claimable(now_ms, gate);
        if candidate(&*self.writer.read().await, &self.gate).is_none() {
            return Ok(Claimed::Nothing);
        }
        let jitter = self.random.random::<f64>();
        let (handlers, policies, gate) = (&self.handlers, &self.policies, &self.gate);
        let claimed = self.writer.commit(|state, extra| {
            let job = candidate(state, gate).and_then(|id| state.jobs().job(id).cloned());
            let Some(job) = job else {
                return Ok(Claimed::Nothing);
            };
            let Some(handler) = handlers.get(&job.kind) else {
                return Ok(Claimed::Nothing);
            };
            let prepared = handler.prepare(state, &job, now_ms);
            take(state, extra, &job, prepared, policies, now_ms, jitter)
        });
        Ok(claimed.await?)
    }

    async fn conclude(&mut self, answer: Answer<S>) -> Result<(), EngineError> {
        self.count(answer.kind, true);
        let now_ms = self.clock.now_ms();
        let jitter = self.random.random::<f64>();
        let (handlers, policy) = (&self.handlers, self.policies.of(answer.kind));
        let (id, lease) = (answer.job, answer.lease);
        let commit = self.writer.commit(|state, extra| {
            let Some(job) = state.jobs().job(id).cloned() else {
                return Ok(None);
            };
            let verdict = match answer.conclude {
                Ok(conclude) => conclude(state, &job, now_ms),
                Err(why) => match handlers.get(&job.kind) {
                    Some(handler) => handler.interrupted(state, &job, &why, now_ms),
                    None => return Ok(None),
                },
            };
            let outcome = Outcome::of(&verdict);
            let end = Attempt {
                job: id,
                lease,
                at_ms: now_ms,
                outcome: Some(outcome.clone()),
            };
            end.append(&mut extra.batch)?;
            let pause = pause_of(&verdict, job.lane);
            let report = Event::Report {
                lease,
                verdict,
                jitter,
            };
            // A refusal means that the job was withdrawn meanwhile; the attempt is in the ledger all the same.
            drop(state.jobs_mut().step_job(id, report, &policy, now_ms));
            let until = state.jobs().job(id).map(|job| job.available_at_ms);
            Ok::<_, StoreError>(Some((pause.zip(until), job.key, outcome)))
        });
        let Some((pause, key, outcome)) = commit.await? else {
            return Ok(());
        };
        say(id, answer.kind, &key, &outcome);
        if let Some((pause, until_ms)) = pause {
            match pause {
                (Pause::Lane, lane) => {
                    let longest = now_ms.saturating_add(millis(LANE_PAUSE_MAX));
                    self.gate.paused.insert(lane, until_ms.min(longest));
                }
                (Pause::Everybody, _) => self.gate.all_paused_until_ms = until_ms,
                (Pause::Nobody, _) => {}
            }
        }
        Ok(())
    }

    async fn tidy(&self) -> Result<(), EngineError> {
        let now_ms = self.clock.now_ms();
        let commit = self.writer.commit(|state, extra| {
            for handler in self.handlers.values() {
                handler.tidy(state, extra, now_ms);
            }
            state.jobs_mut().prune(&mut extra.batch, now_ms);
            Ok::<_, StoreError>(())
        });
        Ok(commit.await?)
    }
}

/// Says what did not go well. Backoff and lanes bound how often: a job that waits says nothing.
fn say(job: u64, kind: JobKind, key: &str, outcome: &Outcome) {
    let kinds = ["later", "failed", "unclear", "rejected"];
    if kinds.contains(&outcome.kind.as_str()) {
        let (kind, outcome, reason) = (kind.name(), &outcome.kind, &outcome.detail);
        tracing::warn!(job, kind, key, outcome, reason, "a job did not get through");
    }
}

const fn pause_of(verdict: &Verdict, lane: Lane) -> Option<(Pause, Lane)> {
    match verdict {
        Verdict::Later { pause, .. } => Some((*pause, lane)),
        _ => None,
    }
}

fn take<S: HasJobs + Send + 'static>(
    state: &mut S,
    extra: &mut Extra,
    job: &Job,
    prepared: Prepared<S>,
    policies: &Policies,
    now_ms: u64,
    jitter: f64,
) -> Result<Claimed<S>, StoreError> {
    let act = match prepared {
        Prepared::Rearranged => return Ok(Claimed::Settled),
        Prepared::Act(act) => Ok(act),
        Prepared::Settled(verdict) => Err(verdict),
    };
    let policy = policies.of(job.kind);
    let incarnation = state.jobs().incarnation();
    let jobs = state.jobs_mut();
    drop(jobs.step_job(job.id, Event::Claim { incarnation }, &policy, now_ms));
    let Some(State::Processing(lease)) = jobs.job(job.id).map(|job| job.state) else {
        return Ok(Claimed::Settled);
    };
    let act = match act {
        Ok(act) => act,
        Err(verdict) => {
            let report = Event::Report {
                lease,
                verdict,
                jitter,
            };
            drop(jobs.step_job(job.id, report, &policy, now_ms));
            return Ok(Claimed::Settled);
        }
    };
    let begin = Attempt {
        job: job.id,
        lease,
        at_ms: now_ms,
        outcome: None,
    };
    begin.append(&mut extra.batch)?;
    let (id, kind) = (job.id, job.kind);
    let future = async move {
        let guarded = tokio::time::timeout(policy.timeout, AssertUnwindSafe(act).catch_unwind());
        let conclude = match guarded.await {
            Ok(Ok(conclude)) => Ok(conclude),
            Ok(Err(panic)) => Err(Interruption::Panicked(words_of(panic.as_ref()))),
            Err(_elapsed) => Err(Interruption::TimedOut),
        };
        Answer {
            job: id,
            kind,
            lease,
            conclude,
        }
    };
    Ok(Claimed::Act(future.boxed(), kind))
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
