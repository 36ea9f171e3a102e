//! What people are told when something fails, and what the log is.
//!
//! A person's mistake is explained in three parts. A fault of ours is a reference to the log and nothing else: internals
//! never reach a channel, and each is logged once, here, with its whole chain. Everything is seen by the asker only.

use futures::FutureExt as _;
use poise::FrameworkError;
use serenity::all::{CommandInteraction, Context};
use sha2::{Digest as _, Sha256};
use steward::{
    alert::{
        card::{Span, Text},
        fit::cut,
        render::markdown::markdown,
    },
    views::{Refusal, RefusalKind},
};
use thiserror::Error;

use super::reply;
use crate::slash::Data;

/// Most characters of a part; three of them stay far below a message's 2,000.
const PART_MAX: usize = 400;

/// What a person can put right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {why} {next}")]
pub struct UserError {
    /// What was wrong, quoting the input.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do instead.
    pub next: String,
}

/// Why a command or button did not do what was asked.
#[derive(Debug, Error)]
pub enum Failure {
    /// The asker can put it right.
    #[error(transparent)]
    User(#[from] UserError),
    /// A fault of ours; the asker gets a reference.
    #[error("{0:#}")]
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<serenity::Error> for Failure {
    fn from(error: serenity::Error) -> Self {
        Self::Internal(reply::without_address(error).into())
    }
}

/// What somebody can put right is told; what is the disk's or the state's fault is ours.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal.kind {
            RefusalKind::Unavailable => Self::Internal(anyhow::Error::new(refusal)),
            RefusalKind::NotFound
            | RefusalKind::Ambiguous
            | RefusalKind::Invalid
            | RefusalKind::Conflict => Self::User(UserError {
                what: sentence(&refusal.what),
                why: sentence(&refusal.why),
                next: as_slash(&refusal.next),
            }),
        }
    }
}

/// With a capital at its beginning and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().map(|sign| sign.to_uppercase().to_string());
    let stop = if text.ends_with(['.', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.unwrap_or_default(), signs.as_str())
}

/// The commands that an advice names, between backticks, as they are written here: `` `steward job show` `` is `/job
/// show`.
fn as_slash(next: &str) -> String {
    let parts = next.split('`').enumerate().map(|(place, part)| {
        if place % 2 == 0 {
            return part.to_owned();
        }
        let words = part.strip_prefix("steward ").unwrap_or(part);
        let words = words.split(" --").next().unwrap_or_default();
        format!("/{words}")
    });
    parts.collect()
}

impl UserError {
    /// As it is shown. Words are escaped and cut: they quote what somebody typed.
    #[must_use]
    pub fn shown(&self) -> String {
        let part = |text: &str| {
            let text = Text::from(Span::Foreign(cut(text, PART_MAX)));
            markdown(&text)
        };
        format!(
            "{}\n{}\n{}",
            part(&self.what),
            part(&self.why),
            part(&self.next)
        )
    }
}

impl Failure {
    /// What the asker reads. A fault of ours is logged here, and only here.
    #[must_use]
    pub fn told(&self, interaction: u64, asked: &str) -> String {
        match self {
            Self::User(error) => error.shown(),
            Self::Internal(error) => {
                let reference = reference(interaction);
                tracing::error!(%reference, asked, error = format!("{error:#}"), "cannot answer");
                fault(&reference)
            }
        }
    }
}

/// Eight digits that stand in the log and in the answer, and name one interaction.
fn reference(interaction: u64) -> String {
    let digest = Sha256::digest(interaction.to_be_bytes());
    digest
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn fault(reference: &str) -> String {
    format!(
        "This could not be answered.\nThe fault is ours, not yours.\nTry again; if it stays, look for `{reference}` in steward's log."
    )
}

/// Handles everything that poise reports. Nothing is left without an answer where an answer is possible.
pub async fn on_error(error: FrameworkError<'_, Data, Failure>) {
    // A panic here would take the answer away as well.
    if std::panic::AssertUnwindSafe(handle(error))
        .catch_unwind()
        .await
        .is_err()
    {
        tracing::error!("the handling of an error panicked");
    }
}

async fn handle(error: FrameworkError<'_, Data, Failure>) {
    match error.ctx() {
        Some(ctx) => tell(ctx, failure_of(error)).await,
        None => unasked(error).await,
    }
}

/// What went wrong with something that was asked.
fn failure_of(error: FrameworkError<'_, Data, Failure>) -> Failure {
    let internal = |text: String| Failure::Internal(anyhow::anyhow!(text));
    match error {
        FrameworkError::Command { error, .. } => error,
        FrameworkError::CommandCheckFailed { error, .. } => {
            error.unwrap_or_else(|| not_allowed().into())
        }
        FrameworkError::CommandPanic { payload, .. } => {
            let payload = payload.unwrap_or_else(|| "without a message".to_owned());
            internal(format!("the command panicked: {payload}"))
        }
        FrameworkError::ArgumentParse { error, input, .. } => {
            not_understood(input.as_deref(), &error.to_string()).into()
        }
        FrameworkError::CommandStructureMismatch { description, .. } => {
            tracing::warn!(description, "a command is registered in another form");
            outdated().into()
        }
        FrameworkError::SubcommandRequired { .. } => outdated().into(),
        FrameworkError::CooldownHit {
            remaining_cooldown, ..
        } => too_often(remaining_cooldown).into(),
        FrameworkError::MissingBotPermissions {
            missing_permissions,
            ..
        } => bot_lacks(&missing_permissions.to_string()).into(),
        FrameworkError::MissingUserPermissions { .. }
        | FrameworkError::NotAnOwner { .. }
        | FrameworkError::NsfwOnly { .. }
        | FrameworkError::DmOnly { .. } => not_allowed().into(),
        FrameworkError::GuildOnly { .. } => only_in_server().into(),
        FrameworkError::PermissionFetchFailed { .. } => {
            internal("the permissions cannot be read".to_owned())
        }
        FrameworkError::Setup { .. }
        | FrameworkError::EventHandler { .. }
        | FrameworkError::DynamicPrefix { .. }
        | FrameworkError::UnknownCommand { .. }
        | FrameworkError::UnknownInteraction { .. }
        | FrameworkError::NonCommandMessage { .. } => internal(error.to_string()),
        FrameworkError::__NonExhaustive(never) => match never {},
    }
}

/// What went wrong where nobody waits for words, or no command is known.
async fn unasked(error: FrameworkError<'_, Data, Failure>) {
    match error {
        FrameworkError::UnknownInteraction {
            framework,
            interaction,
            ..
        } => unknown(framework.serenity_context, interaction).await,
        FrameworkError::EventHandler { error, event, .. } => {
            let event = event.snake_case_name();
            tracing::error!(event, error = %error, "an event was not handled");
        }
        other => tracing::error!(error = %other, "poise reports a fault"),
    }
}

/// Tells the asker. An autocomplete has no place for words.
async fn tell(ctx: poise::Context<'_, Data, Failure>, failure: Failure) {
    let asked = ctx.invoked_command_name().to_owned();
    let poise::Context::Application(ctx) = ctx else {
        return;
    };
    let told = failure.told(ctx.interaction.id.get(), &asked);
    if ctx.interaction_type == poise::CommandInteractionType::Autocomplete {
        return;
    }
    let has_answered = ctx
        .has_sent_initial_response
        .load(std::sync::atomic::Ordering::SeqCst);
    let http = &ctx.serenity_context().http;
    let sent = if has_answered {
        reply::replace(http, &ctx.interaction.token, reply::text(told)).await
    } else {
        reply::first(http, ctx.interaction.id, &ctx.interaction.token, told).await
    };
    if let Err(error) = sent {
        tracing::warn!(
            error = format!("{error:#}"),
            asked,
            "the answer did not arrive"
        );
    }
}

async fn unknown(context: &Context, interaction: &CommandInteraction) {
    let told = outdated().shown();
    let sent = reply::first(&context.http, interaction.id, &interaction.token, told).await;
    if let Err(error) = sent {
        let asked = interaction.data.name.as_str();
        tracing::warn!(
            error = format!("{error:#}"),
            asked,
            "the answer did not arrive"
        );
    }
}

fn refusal(what: &str, why: &str, next: &str) -> UserError {
    UserError {
        what: what.to_owned(),
        why: why.to_owned(),
        next: next.to_owned(),
    }
}

/// A button or menu that this build does not know.
#[must_use]
pub fn expired() -> UserError {
    refusal(
        "This button has expired.",
        "It is of another version of steward.",
        "Run the command again, or look at the newest card.",
    )
}

/// Asked from elsewhere than the configured server.
#[must_use]
pub fn only_in_server() -> UserError {
    refusal(
        "This cannot be asked here.",
        "steward answers in the server that it is configured for.",
        "Ask again in a channel of that server.",
    )
}

fn outdated() -> UserError {
    refusal(
        "This form of the command is not known.",
        "Discord still shows the commands of another version.",
        "Reload Discord, and run the command again.",
    )
}

fn not_allowed() -> UserError {
    refusal(
        "You may not do this.",
        "Your roles do not allow it.",
        "Ask an administrator of this server.",
    )
}

fn not_understood(input: Option<&str>, why: &str) -> UserError {
    UserError {
        what: input.map_or_else(
            || "A value is missing.".to_owned(),
            |input| format!("\"{}\" is not understood.", cut(input, 100)),
        ),
        why: why.to_owned(),
        next: "See /help for what can be given.".to_owned(),
    }
}

fn too_often(remaining: std::time::Duration) -> UserError {
    UserError {
        what: "This was asked too often.".to_owned(),
        why: "The command rests between two uses.".to_owned(),
        next: format!("Try again in {} s.", remaining.as_secs().saturating_add(1)),
    }
}

fn bot_lacks(permissions: &str) -> UserError {
    UserError {
        what: "This cannot be done here.".to_owned(),
        why: format!("steward lacks permissions in this channel: {permissions}."),
        next: "Give them to its role, or use another channel.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_is_a_reference_and_nothing_else() {
        let failure = Failure::Internal(anyhow::anyhow!("/secret/path").context("reading"));
        insta::assert_snapshot!(failure.told(7, "status"), @r#"
This could not be answered.
The fault is ours, not yours.
Try again; if it stays, look for `a3eb8db8` in steward's log.
"#);
    }

    /// Goal: who reads the log can not answer in our name.
    #[tokio::test]
    async fn the_token_of_an_interaction_stands_in_no_error() {
        let asked = reqwest::get("http://127.0.0.1:1/interactions/7/sesame-open-up/callback");
        let error = asked.await.unwrap_err();
        assert!(error.to_string().contains("sesame"), "{error}");
        let error = serenity::Error::Http(serenity::all::HttpError::Request(error));
        let Failure::Internal(error) = Failure::from(error) else {
            panic!("a lost connection is nobody's mistake");
        };
        assert!(
            !format!("{error:#} {error:?}").contains("sesame"),
            "{error:?}"
        );
    }

    #[test]
    fn an_advice_names_the_commands_of_this_place() {
        let refusal = Refusal::not_found("incident", "x", "nothing has this id")
            .with_next("See `incident list --all`, or `steward job show`.");
        let failure = Failure::from(refusal);
        insta::assert_snapshot!(failure.told(7, "incident"), @r#"
There is no incident "x".
Nothing has this id.
See /incident list, or /job show.
"#);
    }

    #[test]
    fn what_somebody_typed_is_quoted_harmlessly() {
        let error = not_understood(Some("@everyone **`"), "it is no address");
        insta::assert_snapshot!(error.shown().replace('\u{200b}', "␣"), @r#"
"\@␣everyone \*\*\`" is not understood.
it is no address
See /help for what can be given.
"#);
    }
}
