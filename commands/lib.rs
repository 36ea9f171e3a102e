//! Everything a person can say to steward, and the Discord edge.
//!
//! A library beside the binary, so that the tests on the wire drive the same code in their own process.

pub mod cli;
pub mod discord;
pub mod service;
pub mod slash;
pub mod terminal;
