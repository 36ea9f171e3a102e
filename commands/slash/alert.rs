//! `/alert test`: a test card through the whole path.

use super::{Context, answer, begin};
use crate::discord::{errors::Failure, permission::Rank};

/// Tries the path of alerts
#[poise::command(slash_command, guild_only, subcommands("test"), subcommand_required)]
pub(super) async fn alert(_ctx: Context<'_>) -> Result<(), Failure> {
    Ok(())
}

/// Sends a test card to the alerts channel, the way an alert goes
#[poise::command(slash_command, guild_only)]
async fn test(ctx: Context<'_>) -> Result<(), Failure> {
    let person = begin(ctx, Rank::Operator).await?;
    let desk = ctx.framework.user_data.desk.as_ref();
    let message = desk.test_alert(&person).await?;
    answer(ctx, &message).await
}
