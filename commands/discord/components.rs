//! Buttons: one handler for all, without state, so that a button works after any restart.
//!
//! Every press is answered, those of other versions too. The work starts only after the promise of an answer was taken.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use serenity::all::{ComponentInteraction, Context};
use steward::{
    alert::{
        button::parse,
        card::{ButtonAction, Message},
    },
    api::control::Order,
    views::card::Question,
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
    let asked = press.data.custom_id.as_str();
    let action = parse(asked);
    // A page takes the place of the one before; everything else is an answer of its own.
    let is_page = matches!(action, Some(ButtonAction::Ask { .. }));
    let promised = if is_page {
        reply::promise_edit(http, press.id, token).await
    } else {
        reply::promise(http, press.id, token).await
    };
    if let Err(error) = promised {
        // Too late or lost; another answer would be refused too.
        tracing::warn!(%error, "a press was not answered in time");
        return;
    }
    let done = AssertUnwindSafe(answer(data, press, action))
        .catch_unwind()
        .await;
    let done = done.unwrap_or_else(|_panic| Err(anyhow::anyhow!("the answer panicked").into()));
    let answer = match done {
        Ok(message) => reply::message(&message),
        Err(failure) => reply::text(failure.told(press.id.get(), asked)),
    };
    if let Err(error) = reply::replace(http, token, answer).await {
        tracing::warn!(%error, asked, "the answer did not arrive");
    }
}

async fn answer(
    data: &Data,
    press: &ComponentInteraction,
    action: Option<ButtonAction>,
) -> Result<Message, Failure> {
    if press.guild_id != Some(data.guild) {
        return Err(only_in_server().into());
    }
    let person = Person::new(&press.user, data.roles.rank_of(press.member.as_ref()));
    match action {
        Some(ButtonAction::Acknowledge { incident }) => {
            person.rank.require(Rank::Operator)?;
            let order = Order::AcknowledgeIncident { incident };
            data.order(&person, order).await
        }
        Some(ButtonAction::Snooze { incident, seconds }) => {
            person.rank.require(Rank::Operator)?;
            let order = Order::SnoozeIncident { incident, seconds };
            data.order(&person, order).await
        }
        Some(ButtonAction::Why { subject }) => {
            person.rank.require(Rank::Viewer)?;
            data.ask(&Question::WhySubject(subject)).await
        }
        Some(ButtonAction::Ask { question }) => {
            person.rank.require(Rank::Viewer)?;
            let question = Question::parse(&question).ok_or_else(expired)?;
            data.ask(&question).await
        }
        Some(ButtonAction::Open(_)) | None => Err(expired().into()),
    }
}
