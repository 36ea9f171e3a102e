//! steward: watches an Aztec staking provider and tells its people in Discord, once and correctly.
//!
//! The way of the data is observe (`chain`), decide (`book`, `attester`, `provider`, `alert`), commit (`store`, `writer`),
//! act (`jobs`, `outbox`), answer (`views`). See `docs/ARCHITECTURE.md` for the invariants.

pub mod alert;
pub mod chain;
pub mod clock;
pub mod jobs;
pub mod outbox;
pub mod store;
pub mod tasks;
pub mod units;
pub mod writer;
