//! The fake as a bot sees it, over HTTP and WebSocket with a client of our own: one test per rule.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "these are tests, and helpers of tests"
)]

mod client;
mod commands;
mod faults;
mod gateway;
mod interactions;
mod messages;
mod permissions;
mod process;
mod rates;
