//! `steward network resume`.

use anyhow::Result;
use clap::{Args, Subcommand};
use steward::api::control::Order;

use super::{Ask, Desk, Outcome};

/// Networks.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum NetworkCommand {
    /// Read a network again from its first block: one that is stopped, or whose history is incomplete
    Resume(Resume),
}

/// A network that is read again.
#[derive(Debug, Clone, Args)]
pub(crate) struct Resume {
    /// Its name, as `steward status` shows it
    network: String,
    /// Why; kept with the network
    #[arg(long)]
    reason: String,
}

impl NetworkCommand {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        let Self::Resume(Resume { network, reason }) = self;
        let (network, reason) = (network.clone(), reason.clone());
        desk.order(&Ask::order(Order::ResumeNetwork { network, reason }))
            .await
    }
}
