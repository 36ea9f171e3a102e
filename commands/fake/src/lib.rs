//! A Discord server for tests: one guild with channels, roles and members, in memory, on loopback.
//!
//! It is a *world* with state and rules, not a set of canned answers: messages are kept and edited, limits and
//! permissions hold, interactions expire, the gateway resumes. Tests look at the state, wait for it, and put faults
//! between the bot and the server. What it is not: a chat server for people, a second guild, voice, or TLS.
//!
//! Facts come from Discord's documentation (<https://docs.discord.com/developers>) and its OpenAPI document, against
//! which requests and answers are checked when [`OPENAPI_VARIABLE`] is set in the environment.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "support for tests: it keeps its own clock and tasks, stops loudly when it is misused, and the indexing is of JSON values, where a missing key reads as null"
)]

mod admin;
mod answer;
mod channel;
mod command;
mod connection;
mod fault;
mod form;
mod gateway;
mod guild;
mod handle;
mod history;
mod interaction;
mod message;
mod openapi;
mod option;
mod page;
mod people;
pub mod permission;
mod rates;
mod render;
mod request;
mod rest;
mod server;
mod snowflake;
mod socket;
mod spec;
mod thread;
mod world;

pub use fault::Fault;
pub use gateway::{Command, GatewayState};
pub use handle::TimedOut;
pub use interaction::Record;
pub use message::{Attachment, Message, Pinged, Version};
pub use openapi::VARIABLE as OPENAPI_VARIABLE;
pub use people::{Impossible, Interaction};
pub use rates::InvalidRequests;
pub use request::{File, Request};
pub use server::Fake;
pub use snowflake::{DISCORD_EPOCH_MS, Snowflake};
pub use spec::{ChannelSpec, MemberSpec, Overwrite, Rate, RoleSpec, Rules, Spec};
pub use world::{Rule, Violation};
