//! A fake L1 with Aztec's contracts on it: state and rules, not answers per call.
//!
//! [`blocks::World`] is the chain: blocks with hashes, time, finality, reorgs. Inside each block live [`contracts::Contracts`], an
//! honest small model of the contracts that emits real ABI logs and answers real ABI calls. [`endpoint::WorldEndpoint`]
//! serves one world as a `steward::chain::Chain`, well or badly. [`script`] gives it a random life.
//!
//! A story makes a world (`World::shared(Setup::small(seed))`), gives the code under test some endpoints over it, and then
//! plays: `act` runs a transaction in the block to come, `mine` seals that block, `warp` and `pass` move time, `reorg` and
//! `unwind` take blocks back, `stall_finality` does what it says, `endpoint.change(..)` spoils its manners. What is really
//! the case is read from `contracts()` and `state(number)`, never from the code under test.
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
pub mod truth;
pub mod views;

mod life;
mod lives;
mod service;
