//! The state machine of a job: pure, every legal move in one function, every other refused with a sentence.

use std::time::Duration;

use thiserror::Error;

use super::{
    job::{Action, Job, Lease, Phase, State, Verdict},
    policy::Policy,
};

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
    /// It ended, and only a person brings it back.
    #[error("job {0} is {1}; retry it, or look into it")]
    Ended(u64, &'static str),
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
            return Err(Illegal::Ended(job.id, job.state.name()));
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
