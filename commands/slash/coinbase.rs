//! `/coinbase missing|show`: which coinbases are wrong, and what one is to be.

use steward::views::{
    card::{OfAttester, Question},
    coinbase::CoinbaseFilter,
};

use super::{Context, ask, complete};
use crate::discord::errors::Failure;

/// Coinbases: missing, show
#[poise::command(
    slash_command,
    guild_only,
    subcommands("missing", "show"),
    subcommand_required
)]
pub(super) async fn coinbase(_ctx: Context<'_>) -> Result<(), Failure> {
    Ok(())
}

/// Lists attesters whose coinbase is missing, different or disputed, the most urgent first
#[poise::command(slash_command, guild_only)]
async fn missing(
    ctx: Context<'_>,
    #[description = "Only on this host"]
    #[autocomplete = "complete::host"]
    host: Option<String>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    let filter = CoinbaseFilter {
        network,
        host,
        ..CoinbaseFilter::default()
    };
    ask(ctx, &Question::Coinbases(filter)).await
}

/// Shows the coinbase of one attester: expected, configured, deadline
#[poise::command(slash_command, guild_only)]
async fn show(
    ctx: Context<'_>,
    #[description = "Address, the beginning of one, or label"]
    #[autocomplete = "complete::attester"]
    attester: String,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    ask(ctx, &Question::Coinbase(OfAttester { network, attester })).await
}
