//! The fake L1 of the stories, shared with them: contracts with their rules, not answers per call.
#![expect(dead_code, reason = "the stories use what the figures do not")]

#[path = "../tests/world/action.rs"]
pub mod action;
#[path = "../tests/world/blocks.rs"]
pub mod blocks;
#[path = "../tests/world/contracts.rs"]
pub mod contracts;
#[path = "../tests/world/endpoint.rs"]
pub mod endpoint;
#[path = "../tests/world/gse.rs"]
pub mod gse;
#[path = "../tests/world/rollup.rs"]
pub mod rollup;
#[path = "../tests/world/shards.rs"]
pub mod shards;
#[path = "../tests/world/slashing.rs"]
pub mod slashing;
#[path = "../tests/world/staking_registry.rs"]
pub mod staking_registry;
#[path = "../tests/world/views.rs"]
pub mod views;
