//! The seam to the outside: whoever carries a message.
//!
//! A courier sends, edits, finds and deletes; it decides nothing and retries nothing. Its errors answer one question:
//! what is to be done now.

use std::{fmt::Debug, time::Duration};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{alert::card::Message, units::UnixSeconds};

/// A channel, by its Discord id (or a number of its own where the courier is a terminal).
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ChannelId(pub u64);

/// A message that exists outside. Snowflake: the upper 42 bits are milliseconds since 2015-01-01.
#[derive(
    Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct MessageId(pub u64);

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Where to.
    pub channel: ChannelId,
    /// 25 characters; Discord answers the first message when the same nonce comes again within minutes.
    pub nonce: String,
    /// The content.
    pub message: Message,
    /// The message that it replies to; where that is gone, it is sent without.
    pub reply_to: Option<MessageId>,
}

/// What came back: the evidence of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message.
    pub message: MessageId,
    /// The channel it is in.
    pub channel: ChannelId,
    /// The nonce it carries, where the answer tells.
    pub nonce: Option<String>,
    /// Whether what stands there shows what was sent; for a found one, what would be sent now.
    pub is_faithful: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The message.
    Yes(Receipt),
    /// The search was complete, and there is none.
    No,
    /// The search could not be complete (history forbidden, too many pages).
    Unclear(String),
}

/// What a card of ours in a channel says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its footer, which begins with the id of its notice or group.
    pub footer: String,
    /// The time that it carries: of a change, that of its block.
    pub at: UnixSeconds,
}

/// Carries messages.
pub trait Courier: Send + Sync + Debug {
    /// Sends a new message.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>>;

    /// Replaces the content of a message. Attachments stay as they are.
    fn edit<'a>(
        &'a self,
        channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>>;

    /// Looks for the message that an earlier try to send `parcel` may have made, from `since_ms` (Unix, milliseconds) to the
    /// end. A message that is read back carries no nonce (Discord gives it in the answer to the send only), so it is known
    /// by the id in its footer, or where it has no card, by its words.
    fn find<'a>(
        &'a self,
        parcel: &'a Parcel,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>>;

    /// The marks of the newest cards of ours in a channel, newest first: as many as a few hundred messages hold. Where
    /// nothing can be read, or a courier remembers nothing, there are none.
    fn marks(&self, _channel: ChannelId) -> BoxFuture<'_, Result<Vec<Mark>, CourierError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Deletes a message.
    fn delete(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>>;
}

/// Why a courier could not.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CourierError {
    /// Surely nothing was done; try again after a while (connection refused, 5xx to an edit, 429).
    #[error("not delivered: {detail}")]
    Later {
        /// How long the other side asks us to wait.
        retry_after: Option<Duration>,
        /// What happened, without secrets.
        detail: String,
        /// Whether it was a rate limit.
        is_rate_limit: bool,
    },
    /// It is not known whether it was done (time-out, connection lost after the request left, 5xx to a send).
    #[error("it is not known whether it was delivered: {0}")]
    Unclear(String),
    /// The channel is gone or forbidden (10003, 50001, 50013): use the fallback.
    #[error("the channel cannot be used: {0}")]
    ChannelUnreachable(String),
    /// The message is gone (10008): somebody deleted it.
    #[error("the message is gone")]
    MessageGone,
    /// The other side refuses this content for good (400).
    #[error("the message was refused: {0}")]
    Refused(String),
    /// The token is refused (401): nothing can be sent until a person acts.
    #[error("the token is refused")]
    Unauthorized,
}
