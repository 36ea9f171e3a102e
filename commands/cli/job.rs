//! `steward job list|show|retry|cancel|verify`.

use anyhow::Result;
use clap::{Args, Subcommand};
use steward::{
    api::control::Order,
    views::job::{JobDetail, JobFilter, JobList},
};

use super::{
    Ask, Desk, InNetwork, Outcome, PageArgs, Paper, footer,
    paper::{Sheet, Tone, facts},
};

/// Jobs.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum JobCommand {
    /// List jobs, newest first
    List(List),
    /// Show one job with its attempts
    Show(Job),
    /// Have a job done again
    Retry(Changed),
    /// Give a job up
    Cancel(Changed),
    /// Look at the world again, whether a job is done
    Verify(Changed),
}

/// One job.
#[derive(Debug, Clone, Args)]
pub(crate) struct Job {
    /// Its number
    job: u64,
}

/// A change to one job.
#[derive(Debug, Clone, Args)]
pub(crate) struct Changed {
    #[command(flatten)]
    one: Job,
    /// Why; kept with the job
    #[arg(long, default_value = "asked on the command line")]
    reason: String,
}

/// A list of jobs.
#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    #[command(flatten)]
    of: InNetwork,
    /// Only in this state, for example failed
    #[arg(long)]
    state: Option<String>,
    /// Only of this kind, for example deliver
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    page: PageArgs,
}

impl JobCommand {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        match self {
            Self::List(list) => {
                let filter = JobFilter {
                    network: list.of.network.clone(),
                    state: list.state.clone(),
                    kind: list.kind.clone(),
                    after: list.page.after.clone(),
                    limit: Some(list.page.limit),
                };
                let ask = Ask::view(&["jobs"], &filter);
                desk.answer(&ask, |view, paper| Outcome::answered(listed(view, paper)))
                    .await
            }
            Self::Show(one) => {
                let ask = Ask::view(&["jobs", &one.job.to_string()], &());
                desk.answer(&ask, |view, paper| Outcome::answered(shown(view, paper)))
                    .await
            }
            Self::Retry(Changed { one, reason }) => {
                let (job, reason) = (one.job, reason.clone());
                desk.order(&Ask::order(Order::RetryJob { job, reason }))
                    .await
            }
            Self::Cancel(Changed { one, reason }) => {
                let (job, reason) = (one.job, reason.clone());
                desk.order(&Ask::order(Order::CancelJob { job, reason }))
                    .await
            }
            Self::Verify(Changed { one, reason }) => {
                let (job, reason) = (one.job, reason.clone());
                desk.order(&Ask::order(Order::VerifyJob { job, reason }))
                    .await
            }
        }
    }
}

/// The colour of a job's state.
fn tone(state: &str) -> Tone {
    match state {
        "failed" | "unclear" => Tone::Bad,
        "done" => Tone::Good,
        _ => Tone::Plain,
    }
}

pub(super) fn listed(view: &JobList, paper: &Paper) -> String {
    if view.total == 0 {
        return "no job matches".to_owned();
    }
    let mut sheet = Sheet::new(&["JOB", "KIND", "STATE", "ATTEMPTS", "CHANGED", "REASON"]);
    for job in &view.jobs {
        sheet.toned([
            (job.id.to_string(), Tone::Plain),
            (job.kind.clone(), Tone::Plain),
            (job.state.clone(), tone(&job.state)),
            (job.attempts.to_string(), Tone::Plain),
            (paper.distance(job.updated_at_ms / 1000), Tone::Plain),
            (
                job.reason.clone().unwrap_or_else(|| "none".to_owned()),
                Tone::Plain,
            ),
        ]);
    }
    let footer = footer(view.jobs.len(), view.total, "jobs", view.next.as_ref());
    format!("{}\n\n{footer}", paper.table(&sheet))
}

pub(super) fn shown(view: &JobDetail, paper: &Paper) -> String {
    let job = &view.job;
    let is_waiting = job.state == "created" || job.state == "pending_verification";
    let mut text = facts(&[
        ("Job", Some(format!("{} ({})", job.id, job.kind))),
        ("Network", Some(job.network.clone())),
        ("Of", Some(job.key.clone())),
        ("State", Some(job.state.clone())),
        ("Reason", job.reason.clone()),
        ("Evidence", job.evidence.clone()),
        (
            "Not before",
            is_waiting.then(|| paper.moment_ms(job.available_at_ms)),
        ),
        ("Created", Some(paper.moment_ms(job.created_at_ms))),
        ("Changed", Some(paper.moment_ms(job.updated_at_ms))),
    ]);
    if !view.history.is_empty() {
        let mut sheet = Sheet::new(&["ATTEMPT", "PHASE", "STARTED", "OUTCOME", "DETAIL"]);
        for attempt in &view.history {
            let outcome = attempt
                .outcome
                .clone()
                .unwrap_or_else(|| "none yet".to_owned());
            sheet.row([
                attempt.attempt.to_string(),
                attempt.phase.clone(),
                paper.moment_ms(attempt.started_at_ms),
                outcome,
                attempt.detail.clone().unwrap_or_default(),
            ]);
        }
        text.push_str(&format!("\n\n{}", paper.table(&sheet)));
    }
    text
}
