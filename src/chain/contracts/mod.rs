//! The ABI of Aztec's L1 contracts, as far as steward reads it.
//!
//! Signatures are those of the releases v2 to v5, which agree in everything that concerns staking. Decoding turns a raw
//! log into an [`Event`] of the field's words; a log of a watched contract that is known but of no use is [`Decoded::Unused`],
//! and one that nobody knows is [`Decoded::Unknown`], which becomes an incident.

pub mod abi;
mod decode;
mod event;
mod queue_config;
#[cfg(test)]
mod releases;
mod view;

pub use decode::decode;
pub use event::{BONUS_INSTANCE, ContractRole, Decoded, Event, Instance};
pub use queue_config::{QueueConfig, queue_config_slot, unpack_queue_config};
pub use view::{MULTICALL3, ViewFault, answer, answer_round, call, encoded};
