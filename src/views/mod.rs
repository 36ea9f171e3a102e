//! Answers: one pure function for each question, over the last committed state.
//!
//! A slash command, a subcommand and a route that answer the same question call the same function, so they never
//! disagree; metrics are gathered from the same. The structs here are the API's forms: stable, snapshotted, and separate
//! from the domain. Unknown is `null` with a sentence, never zero.
//!
//! Not here: who may ask (`api`, `slash`), and how an answer looks (`cli`, `discord`).

pub mod attester;
pub mod attesters;
pub mod canary;
pub mod card;
pub mod coinbase;
pub mod delivery;
pub mod find;
pub mod fleet;
pub mod forecast;
pub mod form;
pub mod glance;
pub mod history;
pub mod incident;
pub mod job;
pub mod provider;
pub mod queue;
pub mod readiness;
pub mod refusal;
pub mod standing;
pub mod status;
pub mod why;

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use glance::{Answers, Build, Gateway, Glance, Look, NetworkGlance, ask};
pub use refusal::{Refusal, RefusalKind};

/// A length as a number of an answer.
#[must_use]
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
