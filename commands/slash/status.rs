//! `/status`.

use steward::views::card::Question;

use super::{Context, ask, complete};
use crate::discord::errors::Failure;

/// How steward fares: heads, coverage, endpoints, Discord, work, counts per state
#[poise::command(slash_command, guild_only)]
pub(super) async fn status(
    ctx: Context<'_>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    ask(ctx, &Question::Status { network }).await
}
