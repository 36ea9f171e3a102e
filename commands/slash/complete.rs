//! What the options of several commands offer while somebody types.
//!
//! An autocompletion has no place for words: who may not ask is offered nothing.

use steward::views::find::Completed;

use super::{Context, serenity::CreateAutocompleteResponse};
use crate::discord::permission::Rank;

async fn of(ctx: Context<'_>, kind: Completed, partial: &str) -> CreateAutocompleteResponse {
    let response = CreateAutocompleteResponse::new();
    let data = ctx.framework.user_data;
    let rank = data.roles.rank_of(ctx.interaction.member.as_deref());
    if rank < Rank::Viewer || ctx.interaction.guild_id != Some(data.guild) {
        return response;
    }
    response.set_choices(data.complete(kind, partial).await)
}

/// Attesters of ours.
pub(super) async fn attester(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    of(ctx, Completed::Attester, partial).await
}

/// Hosts of the keys files.
pub(super) async fn host(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    of(ctx, Completed::Host, partial).await
}

/// Incidents that are not over.
pub(super) async fn incident(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    of(ctx, Completed::Incident, partial).await
}

/// Networks.
pub(super) async fn network(ctx: Context<'_>, partial: &str) -> CreateAutocompleteResponse {
    of(ctx, Completed::Network, partial).await
}
