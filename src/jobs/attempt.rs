//! What the ledger keeps of jobs: attempts, and what people asked for.
//!
//! An attempt has two entries: one flushed before the request leaves, one after. The first without the second means that
//! the process ended in between.

use serde::{Deserialize, Serialize};

use super::job::{Action, Job, Lease, Verdict};
use crate::store::{
    Batch, Store, StoreError, Tree,
    table::{Record, Table, TableKey, decode_record, encode_record},
};

/// One entry about an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The job.
    pub job: u64,
    /// Who, which attempt, which phase.
    pub lease: Lease,
    /// When (Unix, milliseconds).
    pub at_ms: u64,
    /// What it came to; `None` in the entry that is written before.
    pub outcome: Option<Outcome>,
}

/// What an attempt came to, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `done`, `later`, `failed`, ...
    pub kind: String,
    /// The reason or the evidence.
    pub detail: String,
}

impl Outcome {
    /// The outcome of a verdict.
    #[must_use]
    pub fn of(verdict: &Verdict) -> Self {
        let (kind, detail) = match verdict {
            Verdict::Done { evidence } => ("done", evidence.clone()),
            Verdict::Verify { after } => ("verify", format!("in {} s", after.as_secs())),
            Verdict::Rejected { reason } => ("rejected", reason.clone()),
            Verdict::Later { reason, .. } => ("later", reason.clone()),
            Verdict::Again => ("again", String::new()),
            Verdict::Failed { reason } => ("failed", reason.clone()),
            Verdict::Unclear { reason } => ("unclear", reason.clone()),
            Verdict::Abandoned { reason } => ("abandoned", reason.clone()),
        };
        Self {
            kind: kind.to_owned(),
            detail,
        }
    }
}

/// Key of an [`Attempt`]: job, attempt, 0 before or 1 after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptKey {
    /// The job.
    pub job: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// Whether it is the entry that is written after.
    pub is_end: bool,
}

impl TableKey for AttemptKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.job.to_be_bytes());
        out.extend_from_slice(&self.attempt.to_be_bytes());
        out.push(u8::from(self.is_end));
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (job, tail) = bytes.split_at_checked(8)?;
        let (attempt, is_end) = tail.split_at_checked(4)?;
        Some(Self {
            job: u64::from_be_bytes(job.try_into().ok()?),
            attempt: u32::from_be_bytes(attempt.try_into().ok()?),
            is_end: is_end == [1],
        })
    }
}

impl Record for Attempt {
    const KIND: &'static str = "attempt";
    const TREE: Tree = Tree::Ledger;
    type Key = AttemptKey;
}

impl Attempt {
    /// Appends the entry to a batch.
    ///
    /// # Errors
    /// [`StoreError::Record`] where it cannot be written as JSON.
    pub fn append(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let key = AttemptKey {
            job: self.job,
            attempt: self.lease.attempt,
            is_end: self.outcome.is_some(),
        };
        batch.put(Tree::Ledger, disk_key(&key), encode_record(self)?);
        Ok(())
    }
}

fn disk_key(key: &AttemptKey) -> Vec<u8> {
    Table::<Attempt>::new("").disk_key(key)
}

/// Removes the entries of a job that is forgotten.
pub(super) fn forget(job: &Job, batch: &mut Batch) {
    for attempt in 1..=job.attempts {
        for is_end in [false, true] {
            let key = AttemptKey {
                job: job.id,
                attempt,
                is_end,
            };
            batch.delete(Tree::Ledger, disk_key(&key));
        }
    }
}

/// The first entries about a job, at most `limit`, oldest first.
///
/// # Errors
/// [`StoreError`] where the ledger cannot be read.
pub fn of_job(store: &dyn Store, job: u64, limit: usize) -> Result<Vec<Attempt>, StoreError> {
    let first = AttemptKey {
        job,
        attempt: 0,
        is_end: false,
    };
    // The last five bytes of the key are attempt and side.
    let mut prefix = disk_key(&first);
    prefix.truncate(prefix.len().saturating_sub(5));
    store
        .scan(Tree::Ledger, &prefix, None, limit)?
        .iter()
        .map(|(key, value)| decode_record(key, value))
        .collect()
}

/// What a person asked of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// When (Unix, milliseconds).
    pub at_ms: u64,
    /// The job.
    pub job: u64,
    /// Who: a Discord user's id and name, or the account of the command line.
    pub actor: String,
    /// What.
    pub action: Action,
    /// Why.
    pub reason: String,
    /// State before.
    pub before: String,
    /// State after.
    pub after: String,
}

impl Record for Audit {
    const KIND: &'static str = "job_audit";
    const TREE: Tree = Tree::Ledger;
    type Key = AuditKey;
}

/// Key of an [`Audit`]: time, then job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditKey(pub u64, pub u64);

impl TableKey for AuditKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_be_bytes());
        out.extend_from_slice(&self.1.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (at, job) = bytes.split_at_checked(8)?;
        Some(Self(
            u64::from_be_bytes(at.try_into().ok()?),
            u64::from_be_bytes(job.try_into().ok()?),
        ))
    }
}

impl Audit {
    /// Appends the entry to a batch.
    ///
    /// # Errors
    /// [`StoreError::Record`] where it cannot be written as JSON.
    pub fn append(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let key = Table::<Self>::new("").disk_key(&AuditKey(self.at_ms, self.job));
        batch.put(Tree::Ledger, key, encode_record(self)?);
        Ok(())
    }
}
