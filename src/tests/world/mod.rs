//! A fake L1 with Aztec's contracts on it: state and rules, not answers per call.
//!
//! [`blocks::World`] is the chain: blocks with hashes, time, finality, reorgs. Inside each block live [`contracts::Contracts`], an
//! honest small model of the contracts that emits real ABI logs and answers real ABI calls. [`endpoint::WorldEndpoint`]
//! serves one world as a `steward::chain::Chain`, well or badly. [`script`] gives it a random life.
//!
//! Not modelled: gas of transactions, tokens, rewards, checkpoints, BLS (a proof of possession is right or wrong by say-so).

pub mod action;
pub mod blocks;
pub mod contracts;
pub mod endpoint;
pub mod gse;
pub mod rollup;
pub mod script;
pub mod shards;
pub mod slashing;
pub mod staking_registry;
pub mod views;

mod life;
mod lives;
mod service;
