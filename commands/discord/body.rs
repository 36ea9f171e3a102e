//! Bodies of requests: what a message is on the wire.
//!
//! Nobody is pinged but the roles that a new message names; an edit pings nobody.

use serde_json::Value;
use serenity::{
    builder::{CreateAllowedMentions, CreateMessage, EditMessage},
    model::{
        channel::{MessageReference, MessageReferenceKind, Nonce},
        id::{ChannelId, MessageId, RoleId},
    },
};
use steward::{alert::card::Message, outbox::courier::Parcel};

use super::{
    embed,
    file::{self, File},
    picture::Picture,
};

/// Roles that one message may ping, Discord's most.
const ROLES_MAX: usize = 100;

/// What a request carries.
#[derive(Debug)]
pub struct Body {
    /// The message, its files named.
    pub json: Value,
    /// The files.
    pub files: Vec<File>,
}

/// The body of `POST /channels/{id}/messages`.
#[must_use]
pub fn new_message(parcel: &Parcel, pictures: Vec<Picture>) -> Body {
    let shown = embed::shown(&parcel.message, &pictures);
    let roles = parcel.message.mention_roles.iter().filter(|id| **id > 0);
    let roles: Vec<RoleId> = roles.map(|id| RoleId::new(*id)).take(ROLES_MAX).collect();
    let mut message = CreateMessage::new()
        .nonce(Nonce::String(parcel.nonce.clone()))
        .enforce_nonce(true)
        .allowed_mentions(mentions().roles(roles))
        .embeds(shown.embeds)
        .components(shown.rows);
    if let Some(content) = shown.content {
        message = message.content(content);
    }
    if let Some(reference) = reference(parcel) {
        message = message.reference_message(reference);
    }
    let mut json = json(&message);
    let files = file::files(&parcel.message.attachments, pictures);
    name_files(&mut json, &files);
    Body { json, files }
}

/// The body of `PATCH /channels/{id}/messages/{id}`. Files that are not named are taken away, and where none is named all
/// stay: new pictures take the place of the old, and a table keeps its file.
#[must_use]
pub fn edited_message(message: &Message, pictures: Vec<Picture>) -> Body {
    let shown = embed::shown(message, &pictures);
    let mut json = json(
        &EditMessage::new()
            .content(shown.content.unwrap_or_default())
            .allowed_mentions(mentions())
            .embeds(shown.embeds)
            .components(shown.rows),
    );
    let files = file::files(&[], pictures);
    if !files.is_empty() {
        name_files(&mut json, &files);
    }
    Body { json, files }
}

fn name_files(json: &mut Value, files: &[File]) {
    if let Some(json) = json.as_object_mut() {
        json.insert("attachments".to_owned(), file::named(files).into());
    }
}

fn mentions() -> CreateAllowedMentions {
    CreateAllowedMentions::new().replied_user(false)
}

/// serenity stops at an id of zero, which no message has.
fn reference(parcel: &Parcel) -> Option<MessageReference> {
    let message = parcel.reply_to.filter(|id| id.0 > 0)?;
    let channel = Some(parcel.channel).filter(|id| id.0 > 0)?;
    Some(
        MessageReference::new(MessageReferenceKind::Default, ChannelId::new(channel.0))
            .message_id(MessageId::new(message.0))
            .fail_if_not_exists(false),
    )
}

/// The builders hold text, numbers and lists only, which always have a JSON form.
fn json(builder: &impl serde::Serialize) -> Value {
    serde_json::to_value(builder).unwrap_or_default()
}
