//! Buttons: one handler for all, without state, so that a button works after any restart.
//!
//! Every press is answered, those of other versions too. The work starts only after the promise of an answer was taken.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use serenity::all::{ComponentInteraction, Context};
use steward::alert::{
    button::parse,
    card::{ButtonAction, Message},
};

use super::{
    errors::{Failure, expired, only_in_server},
    permission::Rank,
    reply,
};
use crate::slash::{Data, Person};

/// Answers a press.
pub async fn on_press(context: &Context, data: &Data, press: &ComponentInteraction) {
    let (http, token) = (&context.http, press.token.as_str());
    if let Err(error) = reply::promise(http, press.id, token).await {
        // Too late or lost; another answer would be refused too.
        tracing::warn!(%error, "a press was not answered in time");
        return;
    }
    let asked = press.data.custom_id.as_str();
    let done = AssertUnwindSafe(answer(data, press)).catch_unwind().await;
    let done = done.unwrap_or_else(|_panic| Err(anyhow::anyhow!("the answer panicked").into()));
    let answer = match done {
        Ok(message) => reply::message(&message),
        Err(failure) => reply::text(failure.told(press.id.get(), asked)),
    };
    if let Err(error) = reply::replace(http, token, answer).await {
        tracing::warn!(%error, asked, "the answer did not arrive");
    }
}

async fn answer(data: &Data, press: &ComponentInteraction) -> Result<Message, Failure> {
    if press.guild_id != Some(data.guild) {
        return Err(only_in_server().into());
    }
    let person = Person::new(&press.user, data.roles.rank_of(press.member.as_ref()));
    let Some(action) = parse(&press.data.custom_id) else {
        return Err(expired().into());
    };
    let desk = data.desk.as_ref();
    match action {
        ButtonAction::Acknowledge { incident } => {
            person.rank.require(Rank::Operator)?;
            desk.acknowledge(&person, incident).await
        }
        ButtonAction::Snooze { incident, seconds } => {
            person.rank.require(Rank::Operator)?;
            desk.snooze(&person, incident, seconds).await
        }
        ButtonAction::Why { subject } => {
            person.rank.require(Rank::Viewer)?;
            desk.why(&person, subject).await
        }
        ButtonAction::Ask { .. } | ButtonAction::Open(_) => Err(expired().into()),
    }
}
