//! `/job list|show|retry|verify|cancel`: what steward owes to the outside world.

use steward::{
    api::control::Order,
    views::{card::Question, job::JobFilter},
};

use super::{Context, ask, complete, give};
use crate::discord::{errors::Failure, permission::Rank};

/// States of a job, as Discord offers them.
#[derive(Debug, Clone, Copy, poise::ChoiceParameter)]
enum StateChoice {
    #[name = "created"]
    Created,
    #[name = "processing"]
    Processing,
    #[name = "pending verification"]
    PendingVerification,
    #[name = "done"]
    Done,
    #[name = "failed"]
    Failed,
    #[name = "cancelled"]
    Cancelled,
    #[name = "unclear"]
    Unclear,
}

impl StateChoice {
    /// Its name in answers.
    const fn state(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing => "processing",
            Self::PendingVerification => "pending_verification",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unclear => "unclear",
        }
    }
}

/// Jobs: list, show, retry, verify, cancel
#[poise::command(
    slash_command,
    guild_only,
    subcommands("list", "show", "retry", "verify", "cancel"),
    subcommand_required
)]
pub(super) async fn job(_ctx: Context<'_>) -> Result<(), Failure> {
    Ok(())
}

/// Lists jobs, newest first
#[poise::command(slash_command, guild_only)]
async fn list(
    ctx: Context<'_>,
    #[description = "Only in this state"] state: Option<StateChoice>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    let filter = JobFilter {
        network,
        state: state.map(|state| state.state().to_owned()),
        ..JobFilter::default()
    };
    ask(ctx, &Question::Jobs(filter)).await
}

/// Shows one job with its attempts
#[poise::command(slash_command, guild_only)]
async fn show(
    ctx: Context<'_>,
    #[description = "Its number"]
    #[min = 1]
    job: u64,
) -> Result<(), Failure> {
    ask(ctx, &Question::Job(job.to_string())).await
}

/// Has a job done again, after looking whether it was done
#[poise::command(slash_command, guild_only)]
async fn retry(
    ctx: Context<'_>,
    #[description = "Its number"]
    #[min = 1]
    job: u64,
    #[description = "Why"]
    #[max_length = 200]
    reason: String,
) -> Result<(), Failure> {
    give(ctx, Rank::Admin, Order::RetryJob { job, reason }).await
}

/// Looks whether a job was done, and does nothing else
#[poise::command(slash_command, guild_only)]
async fn verify(
    ctx: Context<'_>,
    #[description = "Its number"]
    #[min = 1]
    job: u64,
    #[description = "Why"]
    #[max_length = 200]
    reason: String,
) -> Result<(), Failure> {
    give(ctx, Rank::Admin, Order::VerifyJob { job, reason }).await
}

/// Gives a job up
#[poise::command(slash_command, guild_only)]
async fn cancel(
    ctx: Context<'_>,
    #[description = "Its number"]
    #[min = 1]
    job: u64,
    #[description = "Why"]
    #[max_length = 200]
    reason: String,
) -> Result<(), Failure> {
    give(ctx, Rank::Admin, Order::CancelJob { job, reason }).await
}
