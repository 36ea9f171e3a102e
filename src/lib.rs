//! steward: watches an Aztec staking provider and tells its people in Discord, once and correctly.
//!
//! The way of the data is observe (`chain`, `watcher`), decide (`book`, `attester`, `provider`, `alert`), commit (`store`,
//! `writer`), act (`jobs`, `outbox`), answer (`views`). See `docs/ARCHITECTURE.md` for the invariants.

pub mod alert;
pub mod api;
pub mod attester;
pub mod book;
pub mod canary;
pub mod census;
pub mod chain;
pub mod chart;
pub mod clock;
pub mod config;
pub mod demo;
pub mod desk;
#[cfg(test)]
mod fuzz;
pub mod jobs;
pub mod keys;
pub mod metrics;
pub mod missed;
pub mod network;
pub mod outbox;
pub mod preview;
pub mod provider;
pub mod service;
pub mod state;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod trace;
pub mod units;
pub mod version;
pub mod views;
pub mod watcher;
pub mod writer;
