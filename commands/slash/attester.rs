//! `/attester show|list|history|why`: what is known of attesters.

use steward::views::{
    attesters::AttesterFilter,
    card::{OfAttester, Question},
    coinbase::Verdict,
    standing::AttesterState,
};

use super::{Context, ask, complete};
use crate::discord::errors::Failure;

/// The five states, as Discord offers them.
#[derive(Debug, Clone, Copy, poise::ChoiceParameter)]
enum StateChoice {
    #[name = "NEW"]
    New,
    #[name = "IN_STAKING_PROVIDER_QUEUE"]
    InStakingProviderQueue,
    #[name = "ROLLUP_ENTRY_QUEUE"]
    RollupEntryQueue,
    #[name = "ACTIVE"]
    Active,
    #[name = "NO_LONGER_ACTIVE"]
    NoLongerActive,
}

impl From<StateChoice> for AttesterState {
    fn from(choice: StateChoice) -> Self {
        match choice {
            StateChoice::New => Self::New,
            StateChoice::InStakingProviderQueue => Self::InStakingProviderQueue,
            StateChoice::RollupEntryQueue => Self::RollupEntryQueue,
            StateChoice::Active => Self::Active,
            StateChoice::NoLongerActive => Self::NoLongerActive,
        }
    }
}

/// Verdicts on a coinbase, as Discord offers them.
#[derive(Debug, Clone, Copy, poise::ChoiceParameter)]
enum CoinbaseChoice {
    #[name = "right"]
    Right,
    #[name = "missing"]
    Missing,
    #[name = "mismatch"]
    Mismatch,
    #[name = "conflict"]
    Conflict,
    #[name = "unknown"]
    Unknown,
}

impl From<CoinbaseChoice> for Verdict {
    fn from(choice: CoinbaseChoice) -> Self {
        match choice {
            CoinbaseChoice::Right => Self::Right,
            CoinbaseChoice::Missing => Self::Missing,
            CoinbaseChoice::Mismatch => Self::Mismatch,
            CoinbaseChoice::Conflict => Self::Conflict,
            CoinbaseChoice::Unknown => Self::Unknown,
        }
    }
}

/// Attesters: show, list, history, why
#[poise::command(
    slash_command,
    guild_only,
    subcommands("show", "list", "history", "why"),
    subcommand_required
)]
pub(super) async fn attester(_ctx: Context<'_>) -> Result<(), Failure> {
    Ok(())
}

/// Shows one attester: state, queue, registration, coinbase
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
    ask(ctx, &Question::Attester(OfAttester { network, attester })).await
}

/// Lists the provider's attesters, in pages
#[poise::command(slash_command, guild_only)]
async fn list(
    ctx: Context<'_>,
    #[description = "Only in this state"] state: Option<StateChoice>,
    #[description = "Only on this host"]
    #[autocomplete = "complete::host"]
    host: Option<String>,
    #[description = "Only with this verdict on the coinbase"] coinbase: Option<CoinbaseChoice>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    let filter = AttesterFilter {
        network,
        state: state.map(Into::into),
        host,
        coinbase: coinbase.map(Into::into),
        ..AttesterFilter::default()
    };
    ask(ctx, &Question::Attesters(filter)).await
}

/// Shows what happened to an attester
#[poise::command(slash_command, guild_only)]
async fn history(
    ctx: Context<'_>,
    #[description = "Address, the beginning of one, or label"]
    #[autocomplete = "complete::attester"]
    attester: String,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    ask(ctx, &Question::History(OfAttester { network, attester })).await
}

/// Explains the state of an attester: the rule, its inputs, the events behind them
#[poise::command(slash_command, guild_only)]
async fn why(
    ctx: Context<'_>,
    #[description = "Address, the beginning of one, or label"]
    #[autocomplete = "complete::attester"]
    attester: String,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    ask(ctx, &Question::Why(OfAttester { network, attester })).await
}
