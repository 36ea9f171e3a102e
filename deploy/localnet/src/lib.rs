//! The real Aztec rollup on a local chain: anvil, the contracts of `@aztec/l1-artifacts`, and doubles for the
//! few contracts that no package carries.
//!
//! For tests, recordings and people.
//! It is not shipped, holds no secret worth keeping (every key comes from a small number), and never talks to a
//! public network: anvil is started here, and every action is sent by an account that anvil signs for.
//!
//! Reading order: [`install`] brings the tools, [`anvil`] runs the chain, [`deploy`] puts the contracts on it,
//! [`Localnet`] is the chain one acts on, [`stages`] is a whole life cycle.
//!
//! Time on this chain is the chain's own: every block is [`BLOCK_SECONDS`] after its parent, whatever the
//! wall clock says, until [`Localnet::follow_wall_clock`] is called.
#![expect(
    clippy::missing_errors_doc,
    reason = "test support: every error is an anyhow chain that says what was attempted, and no caller matches on it"
)]

pub mod anvil;
pub mod bls;
mod build;
pub mod chain;
pub mod contracts;
pub mod deploy;
pub mod install;
pub mod key;
mod localnet;
pub mod profile;
mod provider;
pub mod release;
mod rewards;
pub mod rollup;
pub mod rpc;
pub mod slashing;
pub mod stages;

pub use anvil::{Anvil, AnvilOptions};
pub use chain::BLOCK_SECONDS;
pub use deploy::Addresses;
pub use key::Key;
pub use localnet::Localnet;
pub use profile::Profile;
pub use provider::{ProviderId, Stake, Staked};
pub use release::Release;
pub use rpc::{Receipt, Rpc};
