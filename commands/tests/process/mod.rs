//! The shipped binary as a process of its own: the real contracts on one side, a Discord server with Discord's rules on
//! the other, an explicit environment, and nothing else.
//!
//! Every story has a [`stage::Stage`] to itself, so that stories run side by side. What is waited for is a level with a
//! time limit; what people read is compared with what the chain's own logs say ([`truth`]).

mod cable;
mod canary;
mod coinbase;
#[cfg(feature = "otlp")]
mod collector;
mod deaths;
mod dry_run;
mod first_start;
mod many;
mod moving;
mod outages;
mod rebuild;
mod reorg;
mod resuming;
mod secrets;
mod sending;
mod stage;
mod stopping;
mod supervised;
mod telling;
mod truth;
