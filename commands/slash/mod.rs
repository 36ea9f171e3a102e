//! What a person can say in Discord: the list of commands, and what all of them share.
//!
//! A command is a file of its own and one line in [`commands`]. It promises an answer first, asks the [`Desk`], and
//! shows what the desk says; it knows nothing else.

mod alert;
mod help;

use std::{fmt::Debug, sync::Arc};

use futures::future::BoxFuture;
use poise::serenity_prelude as serenity;
use serenity::{CreateAllowedMentions, FullEvent, GuildId, Interaction, User};
use steward::alert::card::Message;

use crate::discord::{
    components,
    errors::{self, Failure, only_in_server},
    permission::{Rank, Roles},
    reply,
};

/// The context of a command.
pub type Context<'a> = poise::ApplicationContext<'a, Data, Failure>;

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Discord id.
    pub id: u64,
    /// The name they chose; words of others.
    pub name: String,
    /// What they may do.
    pub rank: Rank,
}

impl Person {
    /// A Discord user with a rank.
    #[must_use]
    pub fn new(user: &User, rank: Rank) -> Self {
        Self {
            id: user.id.get(),
            name: user.display_name().to_owned(),
            rank,
        }
    }
}

/// Who does what people ask. Permission was checked before; what is said comes back as a message for the asker only.
/// Incidents and notices come as a button carries them: by id, or by its digest (`steward::alert::button`).
pub trait Desk: Send + Sync + Debug {
    /// Acknowledges an incident.
    fn acknowledge<'a>(
        &'a self,
        person: &'a Person,
        incident: String,
    ) -> BoxFuture<'a, Result<Message, Failure>>;

    /// Snoozes an incident for `seconds`; `None` = until it changes.
    fn snooze<'a>(
        &'a self,
        person: &'a Person,
        incident: String,
        seconds: Option<u64>,
    ) -> BoxFuture<'a, Result<Message, Failure>>;

    /// Explains an incident or a notice.
    fn why<'a>(
        &'a self,
        person: &'a Person,
        subject: String,
    ) -> BoxFuture<'a, Result<Message, Failure>>;

    /// Sends a test card through the whole path.
    fn test_alert<'a>(&'a self, person: &'a Person) -> BoxFuture<'a, Result<Message, Failure>>;
}

/// What every command and button can reach.
#[derive(Debug, Clone)]
pub struct Data {
    /// Who does what is asked.
    pub desk: Arc<dyn Desk>,
    /// Which roles may do what.
    pub roles: Roles,
    /// The server that steward answers in.
    pub guild: GuildId,
}

/// The list of commands, in the order of `/help`.
#[must_use]
pub fn commands() -> Vec<poise::Command<Data, Failure>> {
    vec![alert::alert(), help::help()]
}

/// How poise runs them.
#[must_use]
pub fn options() -> poise::FrameworkOptions<Data, Failure> {
    poise::FrameworkOptions {
        commands: commands(),
        on_error: |error| Box::pin(errors::on_error(error)),
        event_handler: |framework, event| Box::pin(on_event(framework, event)),
        allowed_mentions: Some(CreateAllowedMentions::new()),
        initialize_owners: false,
        ..poise::FrameworkOptions::default()
    }
}

async fn on_event(
    framework: poise::FrameworkContext<'_, Data, Failure>,
    event: &FullEvent,
) -> Result<(), Failure> {
    if let FullEvent::InteractionCreate {
        interaction: Interaction::Component(press),
    } = event
    {
        components::on_press(framework.serenity_context, framework.user_data, press).await;
    }
    Ok(())
}

/// Promises an answer and says who asks; refuses who may not.
///
/// # Errors
/// When the promise is not taken, the question comes from another server, or the rank is too low.
pub async fn begin(ctx: Context<'_>, needed: Rank) -> Result<Person, Failure> {
    ctx.defer_response(true).await?;
    let data = ctx.framework.user_data;
    if ctx.interaction.guild_id != Some(data.guild) {
        return Err(only_in_server().into());
    }
    let rank = data.roles.rank_of(ctx.interaction.member.as_deref());
    rank.require(needed)?;
    Ok(Person::new(&ctx.interaction.user, rank))
}

/// Answers, after [`begin`].
///
/// # Errors
/// When Discord does not take it.
pub async fn answer(ctx: Context<'_>, message: &Message) -> Result<(), Failure> {
    let http = &ctx.serenity_context().http;
    reply::replace(http, &ctx.interaction.token, reply::message(message)).await?;
    Ok(())
}
