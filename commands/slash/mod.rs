//! What a person can say in Discord: the list of commands, and what all of them share.
//!
//! A command is a file of its own and one line in [`commands`]. It promises an answer first, asks its [`Question`] or
//! gives its [`Order`], and shows what comes back; the same questions and orders go through the command line and REST.

mod alert;
mod attester;
mod coinbase;
mod complete;
mod help;
mod incident;
mod job;
mod provider;
mod queue;
mod status;

use std::{fmt::Debug, sync::Arc};

use poise::serenity_prelude as serenity;
use serenity::{
    AutocompleteChoice, CreateAllowedMentions, FullEvent, GuildId, Interaction, RoleId, User,
};
use steward::{
    alert::{card::Message, fit::cut},
    api::control::{Command, Control, Order},
    views::{
        self, Answers,
        card::{self, Question},
        find::{Completed, Completion, complete},
    },
};

use crate::discord::{
    components,
    errors::{self, Failure, only_in_server},
    permission::{Rank, Roles},
    reply,
};

/// Choices of an autocompletion, Discord's most.
const CHOICES_MAX: usize = 25;
/// Characters of a choice's name and value, Discord's most.
const CHOICE_MAX: usize = 100;

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

/// What every command and button can reach.
#[derive(Debug, Clone)]
pub struct Data {
    /// Who answers questions.
    pub answers: Arc<dyn Answers>,
    /// Who carries out orders.
    pub control: Arc<dyn Control>,
    /// Which roles may do what.
    pub roles: Roles,
    /// The server that steward answers in.
    pub guild: GuildId,
    /// The role in it that alerts wake.
    pub alert_role: Option<RoleId>,
}

impl Data {
    /// Answers a question, for the asker only.
    ///
    /// # Errors
    /// A refusal in three parts, or a fault of ours.
    pub async fn ask(&self, question: &Question) -> Result<Message, Failure> {
        let answer = views::ask(&*self.answers, |glance| card::answer(glance, question)).await;
        let answer = answer.ok_or_else(|| anyhow::anyhow!("nobody looked at the state"))?;
        Ok(answer?)
    }

    /// Carries out an order of somebody whose permission was checked.
    ///
    /// # Errors
    /// A refusal in three parts, or a fault of ours.
    pub async fn order(&self, person: &Person, order: Order) -> Result<Message, Failure> {
        let by = signature(person, &order);
        let done = self.control.carry_out(Command { by, order }).await?;
        let at = views::ask(&*self.answers, |glance| {
            card::done(glance, &done.text, &done.subject)
        })
        .await;
        at.ok_or_else(|| anyhow::anyhow!("nobody looked at the state").into())
    }

    /// What fits what somebody has typed so far.
    pub async fn complete(&self, kind: Completed, partial: &str) -> Vec<AutocompleteChoice> {
        let found = views::ask(&*self.answers, |glance| {
            complete(glance, kind, partial, CHOICES_MAX)
        });
        let found = found.await.unwrap_or_default();
        // Discord refuses a choice whose value has more than 100 characters; such an id is typed by its beginning.
        let fits = |completion: &Completion| completion.value.chars().count() <= CHOICE_MAX;
        let found = found.into_iter().filter(fits);
        found
            .map(|of| AutocompleteChoice::new(cut(&of.text, CHOICE_MAX), of.value))
            .collect()
    }
}

/// Who gives an order, as it is written down: into the ledger of jobs with the id, for a name is chosen by whoever bears it;
/// on a card by name.
fn signature(person: &Person, order: &Order) -> String {
    match order {
        Order::RetryJob { .. } | Order::CancelJob { .. } | Order::VerifyJob { .. } => {
            format!("{} ({})", person.name, person.id)
        }
        _ => person.name.clone(),
    }
}

/// The list of commands, in the order of `/help`.
#[must_use]
pub fn commands() -> Vec<poise::Command<Data, Failure>> {
    vec![
        status::status(),
        attester::attester(),
        queue::queue(),
        coinbase::coinbase(),
        provider::provider(),
        incident::incident(),
        job::job(),
        alert::alert(),
        help::help(),
    ]
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

/// Answers a question of somebody who may ask.
///
/// # Errors
/// As [`begin`], [`Data::ask`] and [`answer`].
pub async fn ask(ctx: Context<'_>, question: &Question) -> Result<(), Failure> {
    begin(ctx, Rank::Viewer).await?;
    let message = ctx.framework.user_data.ask(question).await?;
    answer(ctx, &message).await
}

/// Carries out an order of somebody of this rank or above.
///
/// # Errors
/// As [`begin`], [`Data::order`] and [`answer`].
pub async fn give(ctx: Context<'_>, needed: Rank, order: Order) -> Result<(), Failure> {
    let person = begin(ctx, needed).await?;
    let message = ctx.framework.user_data.order(&person, order).await?;
    answer(ctx, &message).await
}
