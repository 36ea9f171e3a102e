//! A job and its state machine: pure, every legal move in one function.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::policy::Policy;
use crate::{
    outbox::courier::ChannelId,
    store::{Tree, table::Record},
};

/// What a job does; closed, so that the compiler shows every place that must know of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Sends a new message; its key is the delivery's id.
    Deliver,
    /// Brings a sent message to its newest content; its key is the delivery's id.
    Edit,
    /// Writes the nightly export; its key is the day.
    Export,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Deliver, Self::Edit, Self::Export];

    /// Its name in metrics, logs and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Edit => "edit",
            Self::Export => "export",
        }
    }
}

/// What must not overtake or accompany what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// New messages of a channel: one at a time, strictly in order; the first that must wait holds up the rest.
    Send(ChannelId),
    /// Edits in a channel: one at a time, in any order, and only while no new message is ready to go.
    Edit(ChannelId),
    /// No order; as many at a time as the kind's policy says.
    Free(JobKind),
}

/// Which goes first within a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// What people wait for.
    Normal,
    /// What can wait (finality badges).
    Low,
}

/// The two phases that touch the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Does it.
    Process,
    /// Looks whether it is done.
    Verify,
}

/// Who works on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The incarnation of the process; one of an earlier incarnation is dead.
    pub incarnation: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// What it does.
    pub phase: Phase,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits to be processed.
    Created,
    /// Is being worked on, or was when its process ended.
    Processing(Lease),
    /// Was processed; the world is to be looked at.
    PendingVerification,
    /// Done, with evidence.
    Done,
    /// Given up: refused for good, or out of attempts. Kept and shown.
    Failed,
    /// No longer wanted.
    Cancelled,
    /// Nobody can tell whether it was done; only a person may have it done again.
    Unclear,
}

impl State {
    /// Its name in metrics, views and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing(_) => "processing",
            Self::PendingVerification => "pending_verification",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unclear => "unclear",
        }
    }

    /// Whether something is still to be done without a person.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Created | Self::Processing(_) | Self::PendingVerification
        )
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number; never used twice.
    pub id: u64,
    /// The network it belongs to.
    pub network: String,
    /// What it does.
    pub kind: JobKind,
    /// What it does it to; unique within network and kind.
    pub key: String,
    /// Where it stands.
    pub state: State,
    /// Its lane.
    pub lane: Lane,
    /// Its priority within the lane.
    pub priority: Priority,
    /// Its place in the lane; later is larger.
    pub order: u64,
    /// Not before (Unix, milliseconds).
    pub available_at_ms: u64,
    /// Retries end here; `None` = as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up_at_ms: Option<u64>,
    /// Attempts so far; numbers the ledger's entries and is never reset.
    pub attempts: u32,
    /// Postponements in a row; drives the backoff.
    pub streak: u32,
    /// Those of them that count against the policy.
    pub faults: u32,
    /// Looks at the world since it was last processed.
    pub polls: u32,
    /// Why it is where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What proves that it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// When it came to be (Unix, milliseconds).
    pub created_at_ms: u64,
    /// When it last changed (Unix, milliseconds).
    pub updated_at_ms: u64,
}

impl Record for Job {
    const KIND: &'static str = "job";
    const TREE: Tree = Tree::Kept;
    type Key = u64;
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The world shows it.
    Done {
        /// What proves it.
        evidence: String,
    },
    /// Processed; look at the world after a while.
    Verify {
        /// When to look.
        after: Duration,
    },
    /// The world does not show it: process it again, while attempts are left.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Not now.
    Later {
        /// What the other side asks for; never less than that.
        after: Option<Duration>,
        /// Why.
        reason: String,
        /// Whether it counts against the policy's attempts; an outage of the other side does not.
        is_counted: bool,
        /// Who else must wait for as long.
        pause: Pause,
    },
    /// There is more to do, at once.
    Again,
    /// Never.
    Failed {
        /// Why.
        reason: String,
    },
    /// Nobody can tell.
    Unclear {
        /// Why.
        reason: String,
    },
    /// No longer wanted, or given up on purpose.
    Abandoned {
        /// Why.
        reason: String,
    },
}

/// Who else must wait when one must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Nobody.
    Nobody,
    /// Its lane, for at most [`super::engine::LANE_PAUSE_MAX`].
    Lane,
    /// Everything that the engine does.
    Everybody,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Do it again.
    Retry,
    /// Do not do it.
    Cancel,
    /// Look again whether it is done.
    Verify,
}

impl Action {
    /// Its name in commands and refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Verify => "verify",
        }
    }
}

/// What happens to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The engine of this incarnation takes it.
    Claim {
        /// The incarnation of the process.
        incarnation: u64,
    },
    /// The attempt under this lease ended.
    Report {
        /// The lease.
        lease: Lease,
        /// What it came to.
        verdict: Verdict,
        /// A random number in `0.0..1.0`, for the jitter.
        jitter: f64,
    },
    /// A person asks.
    Ask {
        /// For what.
        action: Action,
        /// Why.
        reason: String,
    },
}

/// Why a job cannot do that.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Illegal {
    /// It is being worked on.
    #[error("job {0} is being processed right now; ask again when this attempt has ended")]
    Busy(u64),
    /// It is done.
    #[error("job {0} is done: {1}")]
    Done(u64, String),
    /// It waits already.
    #[error("job {0} is waiting for its turn already ({1})")]
    Waiting(u64, &'static str),
    /// It was cancelled.
    #[error("job {0} was cancelled; it comes back only when what caused it does")]
    Cancelled(u64),
    /// The report belongs to another attempt.
    #[error("job {0} is {1}, and this attempt no longer holds its lease")]
    NoLease(u64, &'static str),
}

/// Moves `job` by `event`, or says why not and changes nothing.
///
/// # Errors
/// [`Illegal`], as a sentence for people.
pub fn transition(
    job: &mut Job,
    event: Event,
    policy: &Policy,
    now_ms: u64,
) -> Result<(), Illegal> {
    match event {
        Event::Claim { incarnation } => claim(job, incarnation)?,
        Event::Report {
            lease,
            verdict,
            jitter,
        } => {
            if job.state != State::Processing(lease) {
                return Err(Illegal::NoLease(job.id, job.state.name()));
            }
            report(job, lease.phase, verdict, policy, now_ms, jitter);
        }
        Event::Ask { action, reason } => {
            ask(job, action)?;
            job.reason = Some(reason);
            job.available_at_ms = now_ms;
        }
    }
    job.updated_at_ms = now_ms;
    Ok(())
}

/// Takes back a job that is no longer wanted; one that is done, or ended otherwise, stays as it is.
pub(super) fn withdraw(job: &mut Job, reason: &str, now_ms: u64) {
    if job.state.is_live() || job.state == State::Unclear {
        end(job, State::Cancelled, reason.to_owned());
        job.updated_at_ms = now_ms;
    }
}

/// Wants a job again that had ended, at a new place of its lane.
pub(super) fn revive(job: &mut Job, order: u64, now_ms: u64) {
    start_over(job);
    job.order = order;
    (job.available_at_ms, job.updated_at_ms) = (now_ms, now_ms);
    (job.reason, job.evidence) = (None, None);
}

fn done(job: &Job) -> Illegal {
    Illegal::Done(job.id, job.evidence.clone().unwrap_or_default())
}

const fn start_over(job: &mut Job) {
    job.state = State::Created;
    (job.streak, job.faults, job.polls) = (0, 0, 0);
}

fn claim(job: &mut Job, incarnation: u64) -> Result<(), Illegal> {
    let phase = match job.state {
        State::Created => Phase::Process,
        State::PendingVerification => Phase::Verify,
        State::Processing(lease) if lease.incarnation < incarnation => lease.phase,
        State::Processing(_) => return Err(Illegal::Busy(job.id)),
        State::Done => return Err(done(job)),
        State::Cancelled => return Err(Illegal::Cancelled(job.id)),
        State::Failed | State::Unclear => {
            return Err(Illegal::NoLease(job.id, job.state.name()));
        }
    };
    job.attempts = job.attempts.saturating_add(1);
    job.state = State::Processing(Lease {
        incarnation,
        attempt: job.attempts,
        phase,
    });
    Ok(())
}

fn ask(job: &mut Job, action: Action) -> Result<(), Illegal> {
    match (action, job.state) {
        (_, State::Processing(_)) => Err(Illegal::Busy(job.id)),
        (_, State::Done) => Err(done(job)),
        (_, State::Cancelled) => Err(Illegal::Cancelled(job.id)),
        (Action::Retry, State::Failed | State::Unclear) => {
            start_over(job);
            Ok(())
        }
        (Action::Verify, State::Failed | State::Unclear) => {
            start_over(job);
            job.state = State::PendingVerification;
            Ok(())
        }
        (Action::Retry | Action::Verify, State::Created | State::PendingVerification) => {
            Err(Illegal::Waiting(job.id, job.state.name()))
        }
        (
            Action::Cancel,
            State::Created | State::PendingVerification | State::Failed | State::Unclear,
        ) => {
            job.state = State::Cancelled;
            Ok(())
        }
    }
}

fn report(
    job: &mut Job,
    phase: Phase,
    verdict: Verdict,
    policy: &Policy,
    now_ms: u64,
    jitter: f64,
) {
    let waiting = match phase {
        Phase::Process => State::Created,
        Phase::Verify => State::PendingVerification,
    };
    match verdict {
        Verdict::Done { evidence } => {
            job.state = State::Done;
            (job.streak, job.reason, job.evidence) = (0, None, Some(evidence));
        }
        Verdict::Verify { after } => {
            job.polls = job.polls.saturating_add(u32::from(phase == Phase::Verify));
            if job.polls >= policy.polls_max {
                job.state = State::Unclear;
                job.reason = Some(format!("the world did not show it in {} looks", job.polls));
            } else {
                job.state = State::PendingVerification;
                job.available_at_ms = now_ms.saturating_add(millis(after));
            }
        }
        Verdict::Rejected { reason } => {
            job.polls = 0;
            job.state = State::Created;
            postpone(job, None, reason, true, policy, now_ms, jitter);
        }
        Verdict::Later {
            after,
            reason,
            is_counted,
            pause: _,
        } => {
            job.state = waiting;
            postpone(job, after, reason, is_counted, policy, now_ms, jitter);
        }
        Verdict::Again => {
            start_over(job);
            job.available_at_ms = now_ms;
        }
        Verdict::Failed { reason } => end(job, State::Failed, reason),
        Verdict::Unclear { reason } => end(job, State::Unclear, reason),
        Verdict::Abandoned { reason } => end(job, State::Cancelled, reason),
    }
}

fn end(job: &mut Job, state: State, reason: String) {
    job.state = state;
    job.reason = Some(reason);
}

fn postpone(
    job: &mut Job,
    after: Option<Duration>,
    reason: String,
    is_counted: bool,
    policy: &Policy,
    now_ms: u64,
    jitter: f64,
) {
    job.streak = job.streak.saturating_add(1);
    job.faults = job.faults.saturating_add(u32::from(is_counted));
    if job.faults >= policy.attempts_max {
        let count = job.faults;
        return end(
            job,
            State::Failed,
            format!("given up after {count} attempts; the last said: {reason}"),
        );
    }
    let wait = policy
        .backoff(job.streak, jitter)
        .max(after.unwrap_or_default());
    let at = now_ms.saturating_add(millis(wait));
    if job.give_up_at_ms.is_some_and(|limit| at > limit) {
        return end(job, State::Cancelled, format!("given up in time: {reason}"));
    }
    job.available_at_ms = at;
    job.reason = Some(reason);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
