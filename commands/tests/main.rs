//! On the wire.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests, and helpers of tests; they keep their own tasks"
)]

mod bad_input;
mod bot;
mod browser;
mod canary;
mod courier;
mod docs;
mod gateway;
mod growth;
mod hostile;
mod house;
mod manual;
mod people;
mod pictures;
mod process;
mod questions;
mod world;
