//! `steward alert test`.

use anyhow::Result;
use clap::Subcommand;
use steward::api::control::Order;

use super::{Ask, Desk, InNetwork, Outcome};

/// Alerts.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum AlertCommand {
    /// Send a test card through the whole path, to the channel of alerts
    Test(InNetwork),
}

impl AlertCommand {
    pub(super) async fn run(&self, desk: &Desk<'_>) -> Result<Outcome> {
        let Self::Test(of) = self;
        let network = of.network.clone();
        desk.order(&Ask::order(Order::TestAlert { network })).await
    }
}
