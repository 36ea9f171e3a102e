//! Jobs: what is owed to the outside world, and every attempt at it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{find::page_of, glance::Glance, refusal::Refusal};
use crate::jobs::{
    attempt::{self, Attempt},
    job::{Job, Phase},
};

/// Entries of the ledger that are read for one job: 500 attempts, two entries each.
const ENTRIES_MAX: usize = 1_000;

/// States of a job, in the order of its life.
pub const JOB_STATES: [&str; 7] = [
    "created",
    "processing",
    "pending_verification",
    "done",
    "failed",
    "cancelled",
    "unclear",
];

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    /// Its number.
    pub id: u64,
    /// The network it belongs to.
    pub network: String,
    /// What it does: `deliver`, `edit`, `export`.
    pub kind: String,
    /// What it does it to.
    pub key: String,
    /// `created`, `processing`, `pending_verification`, `done`, `failed`, `cancelled` or `unclear`.
    pub state: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Why it is where it is; null where there is nothing to say.
    pub reason: Option<String>,
    /// What proves that it is done; null until it is.
    pub evidence: Option<String>,
    /// Not before this time, Unix milliseconds.
    pub available_at_ms: u64,
    /// When it came to be, Unix milliseconds.
    pub created_at_ms: u64,
    /// When it last changed, Unix milliseconds.
    pub updated_at_ms: u64,
}

/// One attempt, from the append-only ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptRow {
    /// Its number, from 1.
    pub attempt: u32,
    /// `process` or `verify`.
    pub phase: String,
    /// The incarnation of the process that made it.
    pub incarnation: u64,
    /// When it began, Unix milliseconds.
    pub started_at_ms: u64,
    /// When it ended, Unix milliseconds; null = it has not, or its process died.
    pub ended_at_ms: Option<u64>,
    /// `done`, `later`, `failed`, ...; null while there is none.
    pub outcome: Option<String>,
    /// Reason or evidence.
    pub detail: Option<String>,
}

/// A job with its attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobDetail {
    /// The job.
    #[serde(flatten)]
    pub job: JobView,
    /// Its attempts, oldest first.
    pub history: Vec<AttemptRow>,
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// How many match.
    pub total: u64,
    /// The page.
    pub jobs: Vec<JobView>,
    /// Pass as `after` to see more; null on the last page.
    pub next: Option<String>,
}

/// Which jobs are asked for.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobFilter {
    /// Only of this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Only of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Cursor: the `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Rows a page, at most 1000; 100 where not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// Lists jobs, newest first.
///
/// # Errors
/// A [`Refusal`] where the network or the state is not known.
pub fn list(glance: &Glance<'_>, filter: &JobFilter) -> Result<JobList, Refusal> {
    super::find::networks(glance, filter.network.as_deref())?;
    if let Some(state) = &filter.state
        && !JOB_STATES.contains(&state.as_str())
    {
        return Err(
            Refusal::not_found("job state", state, "no job is ever in it")
                .with_next(format!("States of a job: {}.", JOB_STATES.join(", "))),
        );
    }
    let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|w| w == is);
    let matching = glance.state.jobs.newest().filter(|job| {
        same(&filter.network, &job.network)
            && same(&filter.state, job.state.name())
            && same(&filter.kind, job.kind.name())
    });
    let page = page_of(matching, filter.after.as_deref(), filter.limit, |job| {
        job.id.to_string()
    });
    Ok(JobList {
        total: page.total,
        jobs: page.rows.into_iter().map(JobView::from).collect(),
        next: page.next,
    })
}

/// Shows one job with its attempts.
///
/// # Errors
/// A [`Refusal`] where there is no such job, or the ledger cannot be read.
pub fn show(glance: &Glance<'_>, id: &str) -> Result<JobDetail, Refusal> {
    let number = id.trim().trim_start_matches('#').parse::<u64>();
    let job = number.ok().and_then(|number| glance.state.jobs.job(number));
    let job = job.ok_or_else(|| {
        let why = "jobs are named by a number, and ended ones are forgotten after a while";
        Refusal::not_found("job", id, why).with_next("See `job list`.")
    })?;
    let ledger = attempt::of_job(glance.store, job.id, ENTRIES_MAX);
    let ledger = ledger.map_err(|error| Refusal::of_store(&error))?;
    Ok(JobDetail {
        job: job.into(),
        history: attempts(&ledger),
    })
}

/// Puts the entry before and the entry after of each attempt together.
fn attempts(ledger: &[Attempt]) -> Vec<AttemptRow> {
    let mut rows: Vec<AttemptRow> = Vec::new();
    for entry in ledger {
        let Some(outcome) = &entry.outcome else {
            rows.push(AttemptRow {
                attempt: entry.lease.attempt,
                phase: phase_name(entry.lease.phase).to_owned(),
                incarnation: entry.lease.incarnation,
                started_at_ms: entry.at_ms,
                ended_at_ms: None,
                outcome: None,
                detail: None,
            });
            continue;
        };
        let begun = rows.iter_mut().rev();
        if let Some(row) = begun
            .into_iter()
            .find(|row| row.attempt == entry.lease.attempt)
        {
            row.ended_at_ms = Some(entry.at_ms);
            row.outcome = Some(outcome.kind.clone());
            row.detail = Some(outcome.detail.clone());
        }
    }
    rows
}

const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Process => "process",
        Phase::Verify => "verify",
    }
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id,
            network: job.network.clone(),
            kind: job.kind.name().to_owned(),
            key: job.key.clone(),
            state: job.state.name().to_owned(),
            attempts: job.attempts,
            reason: job.reason.clone(),
            evidence: job.evidence.clone(),
            available_at_ms: job.available_at_ms,
            created_at_ms: job.created_at_ms,
            updated_at_ms: job.updated_at_ms,
        }
    }
}
