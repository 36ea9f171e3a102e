//! What people ask of jobs: retry, cancel, verify; checked, done, and written down.

use thiserror::Error;

use super::{
    HasOutbox, Outbox,
    delivery::{DeliveryId, DeliveryState},
};
use crate::{
    jobs::{
        JobKind, Policies,
        attempt::Audit,
        job::{Action, State},
        transition::{Event, Illegal},
    },
    store::StoreError,
    writer::Extra,
};

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Of which job.
    pub job: u64,
    /// What.
    pub action: Action,
    /// Who: a Discord user's id and name, or the account of the command line.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Why it was not done.
#[derive(Debug, Error)]
pub enum AskError {
    /// There is no such job.
    #[error("there is no job {0}; it was never made, or it ended long ago and was forgotten")]
    NoJob(u64),
    /// It cannot do that now.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// What it would send is forgotten.
    #[error(
        "the message of job {0} is forgotten, so there is nothing to send again; cancel the job to close it"
    )]
    Forgotten(u64),
    /// The audit entry cannot be written.
    #[error("the audit entry cannot be written")]
    Store(#[from] StoreError),
}

/// Does what a person asks of a job, and writes it into the ledger; to be called inside a commit.
///
/// # Errors
/// [`AskError`], with a sentence for the person; nothing changed.
pub fn operate<S: HasOutbox>(
    state: &mut S,
    extra: &mut Extra,
    ask: &Ask,
    now_ms: u64,
) -> Result<(), AskError> {
    let (outbox, jobs) = state.outbox_and_jobs();
    let job = jobs.job(ask.job).ok_or(AskError::NoJob(ask.job))?;
    let (kind, key, before) = (job.kind, job.key.clone(), job.state.name());
    let has_ended = matches!(job.state, State::Failed | State::Unclear);
    if has_ended && ask.action != Action::Cancel && is_forgotten(outbox, kind, &key) {
        return Err(AskError::Forgotten(ask.job));
    }
    let event = Event::Ask {
        action: ask.action,
        reason: format!("{} by {}: {}", ask.action.name(), ask.actor, ask.reason),
    };
    let policy = Policies::default().of(kind);
    jobs.step_job(ask.job, event, &policy, now_ms)
        .ok_or(AskError::NoJob(ask.job))??;
    let after = jobs.job(ask.job).map_or("", |job| job.state.name());
    match kind {
        JobKind::Deliver => {
            let id = DeliveryId::of_key(&key);
            outbox.change(&id, now_ms, |delivery| {
                obey(&mut delivery.state, ask.action);
            });
        }
        JobKind::Edit | JobKind::Discard | JobKind::Confirm | JobKind::Export => {}
    }
    let audit = Audit {
        at_ms: now_ms,
        job: ask.job,
        actor: ask.actor.clone(),
        action: ask.action,
        reason: ask.reason.clone(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    Ok(audit.append(&mut extra.batch)?)
}

/// Whether what the job would send is no longer remembered.
fn is_forgotten(outbox: &Outbox, kind: JobKind, key: &str) -> bool {
    match kind {
        JobKind::Deliver | JobKind::Edit => outbox.delivery(&DeliveryId::of_key(key)).is_none(),
        JobKind::Discard | JobKind::Confirm | JobKind::Export => false,
    }
}

/// What the asking means for the delivery behind the job.
fn obey(state: &mut DeliveryState, action: Action) {
    let next = match (action, &*state) {
        (Action::Retry, DeliveryState::Unclear(started) | DeliveryState::Started(started)) => {
            let mut started = started.clone();
            started.may_resend = true;
            DeliveryState::Started(started)
        }
        (Action::Retry, DeliveryState::Undeliverable { .. }) => DeliveryState::Pending,
        (
            Action::Cancel,
            DeliveryState::Pending
            | DeliveryState::Started(_)
            | DeliveryState::Unclear(_)
            | DeliveryState::Undeliverable { .. },
        ) => DeliveryState::Cancelled { by_person: true },
        _ => return,
    };
    *state = next;
}
