//! Why a question cannot be answered, in three parts: what was wrong, why, what to do instead.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of refusal it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// There is no such thing.
    NotFound,
    /// Several things are meant.
    Ambiguous,
    /// The question is not well formed.
    Invalid,
    /// The state does not allow it.
    Conflict,
    /// The answer cannot be had at the moment; it is our fault, or that of the disk.
    Unavailable,
}

/// Why a question cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refusal {
    /// The kind.
    pub kind: RefusalKind,
    /// What was wrong, with the input quoted.
    pub what: String,
    /// Why.
    pub why: String,
    /// What to do instead.
    pub next: String,
}

impl Refusal {
    /// A refusal.
    #[must_use]
    pub fn new(kind: RefusalKind, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            why: why.into(),
            next: String::new(),
        }
    }

    /// Says what to do instead.
    #[must_use]
    pub fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// There is nothing that `input` names.
    #[must_use]
    pub fn not_found(noun: &str, input: &str, why: impl Into<String>) -> Self {
        let what = format!("there is no {noun} {}", quoted(input));
        Self::new(RefusalKind::NotFound, what, why)
    }

    /// The disk does not answer.
    #[must_use]
    pub fn of_store(error: &dyn std::error::Error) -> Self {
        let why = crate::tasks::chain_of(error);
        Self::new(RefusalKind::Unavailable, "the store cannot be read", why)
            .with_next("Look at the service's log; the question may be asked again.")
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for Refusal {}

/// Longest part of an input that is repeated, in characters.
const QUOTED_MAX: usize = 80;

/// Input between quotation marks, without control characters, cut.
#[must_use]
pub fn quoted(input: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let mut text: String = input.chars().take(QUOTED_MAX).map(shown).collect();
    if input.chars().count() > QUOTED_MAX {
        text.push('…');
    }
    format!("\"{text}\"")
}
