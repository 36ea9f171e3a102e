//! `/incident list|show|ack|snooze|note`: what is the case, and who takes care.

use steward::{
    api::control::Order,
    views::{card::Question, incident::IncidentFilter},
};

use super::{Context, ask, complete, give};
use crate::discord::{errors::Failure, permission::Rank};

/// For how long an incident is silent.
#[derive(Debug, Clone, Copy, poise::ChoiceParameter)]
enum SnoozeChoice {
    #[name = "1 hour"]
    Hour,
    #[name = "8 hours"]
    Shift,
    #[name = "1 day"]
    Day,
    #[name = "7 days"]
    Week,
    #[name = "until it changes"]
    UntilChanged,
}

impl SnoozeChoice {
    const fn seconds(self) -> Option<u64> {
        match self {
            Self::Hour => Some(3_600),
            Self::Shift => Some(8 * 3_600),
            Self::Day => Some(24 * 3_600),
            Self::Week => Some(7 * 24 * 3_600),
            Self::UntilChanged => None,
        }
    }
}

/// Incidents: list, show, ack, snooze, note
#[poise::command(
    slash_command,
    guild_only,
    subcommands("list", "show", "ack", "snooze", "note"),
    subcommand_required
)]
pub(super) async fn incident(_ctx: Context<'_>) -> Result<(), Failure> {
    Ok(())
}

/// Lists incidents, newest first
#[poise::command(slash_command, guild_only)]
async fn list(
    ctx: Context<'_>,
    #[description = "Also those that are resolved"] all: Option<bool>,
    #[description = "Only of this network"]
    #[autocomplete = "complete::network"]
    network: Option<String>,
) -> Result<(), Failure> {
    let filter = IncidentFilter {
        network,
        all: all.unwrap_or_default(),
        ..IncidentFilter::default()
    };
    ask(ctx, &Question::Incidents(filter)).await
}

/// Shows one incident as its card tells it, with what happened to it
#[poise::command(slash_command, guild_only)]
async fn show(
    ctx: Context<'_>,
    #[description = "The incident"]
    #[autocomplete = "complete::incident"]
    incident: String,
) -> Result<(), Failure> {
    ask(ctx, &Question::Incident(incident)).await
}

/// Says that somebody takes care of an incident
#[poise::command(slash_command, guild_only)]
async fn ack(
    ctx: Context<'_>,
    #[description = "The incident"]
    #[autocomplete = "complete::incident"]
    incident: String,
) -> Result<(), Failure> {
    let order = Order::AcknowledgeIncident { incident };
    give(ctx, Rank::Operator, order).await
}

/// Makes an incident silent for a while
#[poise::command(slash_command, guild_only)]
async fn snooze(
    ctx: Context<'_>,
    #[description = "The incident"]
    #[autocomplete = "complete::incident"]
    incident: String,
    #[description = "For how long"]
    #[rename = "for"]
    time: SnoozeChoice,
) -> Result<(), Failure> {
    let seconds = time.seconds();
    let order = Order::SnoozeIncident { incident, seconds };
    give(ctx, Rank::Operator, order).await
}

/// Writes a line under an incident
#[poise::command(slash_command, guild_only)]
async fn note(
    ctx: Context<'_>,
    #[description = "The incident"]
    #[autocomplete = "complete::incident"]
    incident: String,
    #[description = "What should be remembered"]
    #[max_length = 300]
    text: String,
) -> Result<(), Failure> {
    let order = Order::NoteIncident { incident, text };
    give(ctx, Rank::Operator, order).await
}
