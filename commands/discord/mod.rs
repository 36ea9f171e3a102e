//! The Discord edge: carrying messages out ([`courier`]), and hearing people ([`gateway`]).
//!
//! The two share an address and a token and nothing else: messages go out whether or not the gateway is reachable.
//! Facts come from Discord's documentation (<https://docs.discord.com/developers>); paths are named where they matter.

pub mod answer;
pub mod body;
pub mod check;
pub mod components;
pub mod connection;
pub mod courier;
pub mod embed;
pub mod errors;
pub mod file;
pub mod gateway;
mod identifies;
pub mod permission;
pub mod picture;
pub mod rates;
pub mod registration;
pub mod reply;
pub mod search;
mod server;
mod session;
mod timing;
pub mod watchdog;

pub use connection::Connection;
pub use courier::DiscordCourier;
pub use gateway::Gateway;
