//! A notice: one thing to say, named by its meaning.

use serde::{Deserialize, Serialize};

use super::{
    card::Message,
    class::{Class, Route},
};
use crate::units::BlockRef;

/// Names a notice by its meaning: `network/subject/class/occurrence`; never by a block hash or log index.
///
/// A change that a reorg moves to another block keeps its id, and so edits the message it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeId(String);

impl NoticeId {
    /// The id of the `occurrence`-th notice (from 1) of `class` about `subject` on `network`.
    ///
    /// `subject` is an address in lower case, a file name, a channel id, or `-`; `detail` tells apart what can be said
    /// of one occurrence (the rung of a ladder), and is empty for the thing itself.
    #[must_use]
    pub fn new(network: &str, subject: &str, class: Class, occurrence: u64, detail: &str) -> Self {
        let name = class.name();
        Self(if detail.is_empty() {
            format!("{network}/{subject}/{name}/{occurrence}")
        } else {
            format!("{network}/{subject}/{name}/{occurrence}/{detail}")
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for NoticeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Its meaning.
    pub id: NoticeId,
    /// Its class.
    pub class: Class,
    /// Where it goes.
    pub route: Route,
    /// What it says when it stands alone.
    pub message: Message,
    /// Its row when many are told in one table: `(column, value)`.
    pub row: Vec<(String, String)>,
    /// The block that caused it; a notice whose cause is unwound before it is sent is cancelled.
    pub cause: Option<BlockRef>,
    /// The notice whose message this one replies to.
    pub reply_to: Option<NoticeId>,
}
