//! A delivery: one message that is owed to one channel, and where it stands.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::Span;

use super::courier::{ChannelId, MessageId};
use crate::{
    alert::{
        card::{Message, Severity, Text},
        class::Class,
        notice::{Notice, NoticeId},
    },
    store::{
        Tree,
        table::{Record, TableKey},
    },
    trace,
    units::{BlockRef, UnixSeconds},
};

/// Names a delivery: `{notice or group}|{channel}|{generation}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(String);

impl DeliveryId {
    /// The id of the `generation`-th message (from 0) that tells `meaning` in `channel`.
    #[must_use]
    pub fn new(meaning: &str, channel: ChannelId, generation: u32) -> Self {
        Self(format!("{meaning}|{}|{generation}", channel.0))
    }

    /// The id that a job carries as its key.
    #[must_use]
    pub fn of_key(key: &str) -> Self {
        Self(key.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TableKey for DeliveryId {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }
    fn decode(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }
}

/// The nonce of a delivery: the first 25 characters (Discord's limit) of lower-case base32(SHA-256(id)).
#[must_use]
pub fn nonce_of(id: &DeliveryId) -> String {
    const NONCE_LENGTH: usize = 25;
    let digest = Sha256::digest(id.as_str().as_bytes());
    let mut text = data_encoding::BASE32_NOPAD
        .encode(&digest)
        .to_ascii_lowercase();
    text.truncate(NONCE_LENGTH);
    text
}

/// What tells whether two contents are the same to a reader: everything but the files, which no edit changes.
#[must_use]
pub fn hash_of(message: &Message) -> String {
    let mut seen = message.clone();
    seen.attachments.clear();
    let bytes = serde_json::to_vec(&seen).unwrap_or_default();
    let digest = Sha256::digest(&bytes);
    let mut text = data_encoding::HEXLOWER.encode(&digest);
    text.truncate(32);
    text
}

/// One notice inside a delivery: what is needed to tell it in a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The notice.
    pub notice: NoticeId,
    /// Its class.
    pub class: Class,
    /// How much it matters.
    pub severity: Severity,
    /// When it happened.
    pub at: UnixSeconds,
    /// Its row: `(column, value)`.
    pub row: Vec<(String, String)>,
    /// The line that wakes somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Text>,
    /// Whom it mentions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mention_roles: Vec<u64>,
    /// The block that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<BlockRef>,
    /// The notice whose message it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<NoticeId>,
    /// Whether it changed since its table was posted; such rows are shown first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_revised: bool,
    /// Whether it was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_retracted: bool,
}

impl Entry {
    /// What a delivery keeps of a notice beside its message.
    #[must_use]
    pub fn of(notice: &Notice) -> Self {
        let card = notice.message.cards.first();
        Self {
            notice: notice.id.clone(),
            class: notice.class,
            severity: card.map_or(notice.class.severity(), |card| card.severity),
            at: card.map_or_else(UnixSeconds::default, |card| card.at),
            row: notice.row.clone(),
            content: notice.message.content.clone(),
            mention_roles: notice.message.mention_roles.clone(),
            cause: notice.cause,
            reply_to: notice.reply_to.clone(),
            is_revised: false,
            is_retracted: false,
        }
    }

    /// Whether its message is the card of an open incident, which must stand in the channel.
    #[must_use]
    pub fn must_stand(&self) -> bool {
        self.class.is_incident()
            && self.reply_to.is_none()
            && !matches!(self.severity, Severity::Resolved | Severity::Retracted)
    }

    /// Whether it tells of an incident that is not over; one that is snoozed looks muted and is not.
    #[must_use]
    pub fn is_open_incident(&self) -> bool {
        self.class.is_incident()
            && self.reply_to.is_none()
            && self.severity != Severity::Resolved
            && !self.is_retracted
    }
}

/// The message that stands in the channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Its id.
    pub message: MessageId,
    /// Its content, by [`hash_of`]; `None` where it is not known, so that it is edited to what is wanted.
    pub content_hash: Option<String>,
    /// When it was accepted (Unix, milliseconds).
    pub at_ms: u64,
}

/// An attempt was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// When the first one was (Unix, milliseconds).
    pub first_attempt_at_ms: u64,
    /// What the attempts carried, by [`hash_of`]; `None` where they carried different content.
    pub content_hash: Option<String>,
    /// Whether one of them may have been accepted without our knowing.
    pub is_uncertain: bool,
    /// Whether a person said to send again though the search cannot be complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_resend: bool,
}

/// Where a delivery stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// No attempt was made.
    Pending,
    /// An attempt was made, and the message is not known to stand.
    Started(Started),
    /// It stands in the channel.
    Sent,
    /// Its notices are told by another delivery, before this one was started.
    Merged {
        /// Which.
        into: DeliveryId,
    },
    /// It surely did not arrive, and another delivery takes its place.
    Moved {
        /// Which.
        into: DeliveryId,
    },
    /// What it says was taken back before it was sent.
    Cancelled {
        /// Whether a person did; then it does not come back by itself.
        by_person: bool,
    },
    /// Nobody can tell whether it arrived; it is sent again only when a person says so.
    Unclear(Started),
    /// Somebody deleted it.
    Gone,
    /// It is refused for good.
    Undeliverable {
        /// What the other side said.
        reason: String,
    },
}

impl DeliveryState {
    /// Its name in metrics, views and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Started(_) => "started",
            Self::Sent => "sent",
            Self::Merged { .. } => "merged",
            Self::Moved { .. } => "moved",
            Self::Cancelled { .. } => "cancelled",
            Self::Unclear(_) => "unclear",
            Self::Gone => "gone",
            Self::Undeliverable { .. } => "undeliverable",
        }
    }
}

/// One message that is owed to one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The job that sends it.
    pub job: u64,
    /// The network it speaks of.
    pub network: String,
    /// Notice id, or the group's.
    pub meaning: String,
    /// Where to.
    pub channel: ChannelId,
    /// Where to when that channel cannot be used, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallbacks: Vec<ChannelId>,
    /// Counts the deliveries of one meaning in one channel.
    pub generation: u32,
    /// What it tells: one notice as a card, or many as rows.
    pub entries: Vec<Entry>,
    /// Whether it is a table of many.
    pub is_group: bool,
    /// The newest content, without the table's file, which is made when it is sent.
    pub wanted: Message,
    /// What stands in the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted: Option<Posted>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Whether it takes the place of a message that somebody deleted; that is done once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_repost: bool,
    /// When it came to be owed (Unix, milliseconds).
    pub owed_at_ms: u64,
    /// When it last changed (Unix, milliseconds).
    pub changed_at_ms: u64,
}

impl Record for Delivery {
    const KIND: &'static str = "delivery";
    const TREE: Tree = Tree::Kept;
    type Key = DeliveryId;
}

impl Delivery {
    /// Whether it is the card of an open incident, which must stand in the channel.
    #[must_use]
    pub fn must_stand(&self) -> bool {
        !self.is_group && self.entries.iter().any(Entry::must_stand)
    }

    /// Whether it tells of an incident that is not over, as its card or as a row: what becomes of it is edited in.
    #[must_use]
    pub fn tells_open_incident(&self) -> bool {
        self.entries.iter().any(Entry::is_open_incident)
    }

    /// Whether it tells of an incident; its edits are then tried without end.
    #[must_use]
    pub fn is_incident(&self) -> bool {
        self.entries.iter().any(|entry| entry.class.is_incident())
    }

    /// Whether its notices may become rows of a table.
    #[must_use]
    pub fn is_mergeable(&self) -> bool {
        self.state == DeliveryState::Pending
            && self.entries.iter().all(|entry| !entry.row.is_empty())
    }

    /// What is heard of it in the trace of the block that caused it, where one did.
    pub(super) fn span(&self, what: &'static str) -> Span {
        let cause = self.entries.iter().find_map(|entry| entry.cause);
        trace::carry(what, &self.network, cause, &self.meaning, self.channel.0)
    }

    /// Whether the message that stands differs from the newest content.
    #[must_use]
    pub fn owes_edit(&self) -> bool {
        let posted = self.posted.as_ref();
        self.state == DeliveryState::Sent
            && posted.is_some_and(|posted| {
                posted.content_hash.as_deref() != Some(hash_of(&self.wanted).as_str())
            })
    }
}

/// Which delivery tells a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Since when (Unix, milliseconds).
    pub at_ms: u64,
}

impl Record for Carried {
    const KIND: &'static str = "carried";
    const TREE: Tree = Tree::Kept;
    type Key = String;
}
