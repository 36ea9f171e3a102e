//! Cards as plain data: what is said, before anybody decides how it looks.
//!
//! The same card is shown in Discord, in the terminal and on a page. Text is made of [`Span`]s, so that a label that
//! somebody chose can never ping, never break a card, and is escaped where it is shown and nowhere else.
//! Limits are those of `docs/CARDS.md`; `fit` keeps every card within them.

use serde::{Deserialize, Serialize};

use crate::{
    chart::Chart,
    units::{Address, B256, BlockNumber, UnixSeconds},
};

/// How much it matters; the colour of the card and the first sign of its title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Taken back, or muted.
    Retracted,
    /// Over.
    Resolved,
    /// For information.
    Info,
    /// Somebody should act soon.
    Warning,
    /// Somebody must act now.
    Critical,
}

impl Severity {
    /// The sign that leads a title; colour is never the only carrier.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Critical => "🔴",
            Self::Warning => "🟠",
            Self::Info => "🔵",
            Self::Resolved => "🟢",
            Self::Retracted => "⚪",
        }
    }

    /// 24-bit RGB.
    #[must_use]
    pub const fn colour(self) -> u32 {
        match self {
            Self::Critical => 0x00D9_3025,
            Self::Warning => 0x00F2_9900,
            Self::Info => 0x001A_73E8,
            Self::Resolved => 0x0018_8038,
            Self::Retracted => 0x009A_A0A6,
        }
    }
}

/// How a time is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeStyle {
    /// "in 2 hours": `<t:…:R>`.
    Relative,
    /// "21 November 2026 04:00": `<t:…:f>`.
    Full,
}

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// Our own words; may carry no markup.
    Plain(String),
    /// Words of others (labels, host names, error texts): escaped, and cut where shown.
    Foreign(String),
    /// In a code span.
    Code(String),
    /// In bold.
    Bold(String),
    /// Struck through.
    Struck(String),
    /// A moment.
    Time {
        /// When.
        at: UnixSeconds,
        /// How it is shown.
        style: TimeStyle,
    },
    /// A link.
    Link {
        /// What is shown.
        text: String,
        /// Where it leads.
        url: String,
    },
    /// An address: short, linked to the explorer where there is one.
    Address {
        /// The address.
        address: Address,
        /// Explorer page.
        url: Option<String>,
    },
    /// A transaction: short, linked.
    Transaction {
        /// Its hash.
        hash: B256,
        /// Explorer page.
        url: Option<String>,
    },
    /// A block: its height, linked.
    Block {
        /// Its height.
        number: BlockNumber,
        /// Explorer page.
        url: Option<String>,
    },
}

/// One line of text.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Span>);

impl Text {
    /// Our own words.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Span::Plain(text.into())])
    }

    /// Appends a piece.
    #[must_use]
    pub fn with(mut self, span: Span) -> Self {
        self.0.push(span);
        self
    }

    /// Appends our own words.
    #[must_use]
    pub fn and(self, text: impl Into<String>) -> Self {
        self.with(Span::Plain(text.into()))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}

impl From<Span> for Text {
    fn from(span: Span) -> Self {
        Self(vec![span])
    }
}

/// A named value of a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Text,
    /// Whether it may stand beside others.
    pub inline: bool,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonAction {
    /// Opens a page.
    Open(String),
    /// Acknowledges an incident.
    Acknowledge {
        /// Incident id.
        incident: String,
    },
    /// Snoozes an incident.
    Snooze {
        /// Incident id.
        incident: String,
        /// For how long in seconds; `None` = until it changes.
        seconds: Option<u64>,
    },
    /// Explains an incident or an attester's state, privately.
    Why {
        /// Incident or notice id.
        subject: String,
    },
    /// Answers another question, to the asker only: the next page of a list.
    Ask {
        /// The question, as `views::question` writes it.
        question: String,
    },
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it does.
    pub action: ButtonAction,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// How much it matters.
    pub severity: Severity,
    /// Network and provider.
    pub author: Text,
    /// What is true now, without the sign.
    pub title: Text,
    /// Why, and what next: lines.
    pub body: Vec<Text>,
    /// At most six.
    pub fields: Vec<Field>,
    /// What is drawn below them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// Ids and build.
    pub footer: String,
    /// When it happened on chain, or where there is no chain in it, when it was found.
    pub at: UnixSeconds,
    /// At most five.
    pub buttons: Vec<Button>,
}

/// A file that goes with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Content; text (CSV, JSON).
    pub text: String,
}

/// A message: what is owed to a channel.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// One line that can be read in a phone's notification; present only when somebody is to be woken or for a rung.
    pub content: Option<Text>,
    /// The roles that may be mentioned, exactly these (Discord ids).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mention_roles: Vec<u64>,
    /// The cards.
    pub cards: Vec<Card>,
    /// A monospace table below the cards' text, already laid out; at most 15 rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// Files; sent with a new message, never with an edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}
