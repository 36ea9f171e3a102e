//! `/provider`.

use steward::views::card::Question;

use super::{Context, ask, complete};
use crate::discord::errors::Failure;

/// The provider: configuration, queue, keys left
#[poise::command(slash_command, guild_only)]
pub(super) async fn provider(
    ctx: Context<'_>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    ask(ctx, &Question::Provider { network }).await
}
