//! Answers to interactions: always for the asker only, always pinging nobody.
//!
//! The first answer must come within 3 s and is a promise where work follows; the words then replace it. Followups are
//! not used: each of them is public unless it says otherwise.

use serenity::all::{
    CreateAllowedMentions, CreateAttachment, CreateInteractionResponse,
    CreateInteractionResponseMessage, EditInteractionResponse, Http, HttpError, InteractionId,
};
use steward::alert::card::Message;

use super::{embed, file, picture};

/// An answer of a sentence or two.
pub fn text(text: String) -> EditInteractionResponse {
    EditInteractionResponse::new()
        .content(text)
        .embeds(Vec::new())
        .components(Vec::new())
        .allowed_mentions(CreateAllowedMentions::new())
}

/// An answer made of cards.
pub fn message(message: &Message) -> EditInteractionResponse {
    let pictures = picture::pictures(message);
    let shown = embed::shown(message, &pictures);
    let mut answer = EditInteractionResponse::new()
        .content(shown.content.unwrap_or_default())
        .allowed_mentions(CreateAllowedMentions::new())
        .embeds(shown.embeds)
        .components(shown.rows);
    for file in file::files(&message.attachments, pictures) {
        let mut attached = CreateAttachment::bytes(file.bytes, file.name);
        attached.description = file.description;
        answer = answer.new_attachment(attached);
    }
    answer
}

/// Promises an answer.
///
/// # Errors
/// When Discord does not take it: too late, or unreachable.
pub async fn promise(http: &Http, id: InteractionId, token: &str) -> serenity::Result<()> {
    let promise = CreateInteractionResponseMessage::new().ephemeral(true);
    let promise = CreateInteractionResponse::Defer(promise);
    http.create_interaction_response(id, token, &promise, Vec::new())
        .await
        .map_err(without_address)
}

/// Promises that the message whose button was pressed is edited.
///
/// # Errors
/// As [`promise`].
pub async fn promise_edit(http: &Http, id: InteractionId, token: &str) -> serenity::Result<()> {
    let promise = CreateInteractionResponse::Acknowledge;
    http.create_interaction_response(id, token, &promise, Vec::new())
        .await
        .map_err(without_address)
}

/// Answers at once.
///
/// # Errors
/// As [`promise`].
pub async fn first(
    http: &Http,
    id: InteractionId,
    token: &str,
    text: String,
) -> serenity::Result<()> {
    let answer = CreateInteractionResponseMessage::new()
        .content(text)
        .allowed_mentions(CreateAllowedMentions::new())
        .ephemeral(true);
    let answer = CreateInteractionResponse::Message(answer);
    http.create_interaction_response(id, token, &answer, Vec::new())
        .await
        .map_err(without_address)
}

/// Replaces a promise, or an earlier answer.
///
/// # Errors
/// When Discord does not take it: the token is 15 minutes old, or Discord is unreachable.
pub async fn replace(
    http: &Http,
    token: &str,
    answer: EditInteractionResponse,
) -> serenity::Result<()> {
    use serenity::all::Builder as _;
    let replaced = answer.execute(http, token).await;
    replaced.map(drop).map_err(without_address)
}

/// The same error, without the address that was asked: that of an interaction holds its token, with which anybody may answer in
/// our name for a quarter of an hour.
#[must_use]
pub fn without_address(error: serenity::Error) -> serenity::Error {
    match error {
        serenity::Error::Http(HttpError::Request(error)) => {
            serenity::Error::Http(HttpError::Request(error.without_url()))
        }
        other => other,
    }
}
