//! `/alert test`: a test card through the whole path.

use steward::{
    api::control::Order,
    views::{Refusal, RefusalKind, ask},
};

use super::{Context, answer, begin, complete};
use crate::discord::{errors::Failure, permission::Rank};

/// Tries the path of alerts
#[poise::command(slash_command, guild_only, subcommands("test"), subcommand_required)]
pub(super) async fn alert(_ctx: Context<'_>) -> Result<(), Failure> {
    Ok(())
}

/// Sends a test card to the alerts channel, the way an alert goes
#[poise::command(slash_command, guild_only)]
async fn test(
    ctx: Context<'_>,
    #[description = "Network whose channels are tried; needed where there are several"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    let person = begin(ctx, Rank::Operator).await?;
    let data = ctx.framework.user_data;
    let networks = ask(&*data.answers, |glance| {
        glance.networks.keys().cloned().collect::<Vec<String>>()
    });
    let networks = networks.await.unwrap_or_default();
    if network.is_none() && networks.len() > 1 {
        let why = format!("this service watches {}", networks.join(", "));
        let refusal = Refusal::new(RefusalKind::Invalid, "a network must be named", why);
        return Err(refusal.with_next("Give it as the option network.").into());
    }
    let message = data.order(&person, Order::TestAlert { network }).await?;
    answer(ctx, &message).await
}
