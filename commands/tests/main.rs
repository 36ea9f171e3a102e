//! On the wire.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "these are tests, and helpers of tests"
)]

mod courier;
mod hostile;
mod world;
