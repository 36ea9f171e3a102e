//! The fake L1 of the stories, shared with them: contracts with their rules, not answers per call.
#![expect(dead_code, reason = "the stories use what the figures do not")]

#[path = "../../src/tests/world/action.rs"]
pub mod action;
#[path = "../../src/tests/world/blocks.rs"]
pub mod blocks;
#[path = "../../src/tests/world/contracts.rs"]
pub mod contracts;
#[path = "../../src/tests/world/endpoint.rs"]
pub mod endpoint;
#[path = "../../src/tests/world/gse.rs"]
pub mod gse;
#[path = "../../src/tests/world/rollup.rs"]
pub mod rollup;
#[path = "../../src/tests/world/shards.rs"]
pub mod shards;
#[path = "../../src/tests/world/slashing.rs"]
pub mod slashing;
#[path = "../../src/tests/world/staking_registry.rs"]
pub mod staking_registry;
#[path = "../../src/tests/world/views.rs"]
pub mod views;
