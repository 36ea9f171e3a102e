//! `/queue`.

use steward::views::card::Question;

use super::{Context, ask, complete};
use crate::discord::errors::Failure;

/// Entry queues: ours with position and forecast, and everybody's length
#[poise::command(slash_command, guild_only)]
pub(super) async fn queue(
    ctx: Context<'_>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    ask(ctx, &Question::Queue { network }).await
}
