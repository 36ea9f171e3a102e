//! The Discord edge joined to the running service: who answers people there, and how the gateway is run.
//!
//! The commands of `slash` know a desk and no service; this is the only place that knows both.

pub mod desk;
pub mod memory;

use std::sync::Arc;

use serenity::all::GuildId;
use steward::{config::DiscordConfig, service::Service, views};
use tokio::sync::watch;

use self::{desk::ServiceDesk, memory::StoreMemory};
use crate::{
    discord::{
        Connection, Gateway,
        gateway::{GatewayState, GatewayStatus, Timing},
        permission::Roles,
    },
    slash::Data,
};

/// The gateway of a service, not started, and how it stands.
#[must_use]
pub fn gateway(
    service: &Arc<Service>,
    discord: &DiscordConfig,
    connection: Connection,
) -> (Gateway, watch::Receiver<GatewayStatus>) {
    let data = Data {
        desk: Arc::new(ServiceDesk::new(Arc::clone(service))),
        roles: roles(discord),
        guild: GuildId::new(discord.guild.value()),
    };
    let memory = Arc::new(StoreMemory::new(Arc::clone(&service.writer)));
    let clock = Arc::clone(&service.clock);
    Gateway::new(connection, data, memory, clock, Timing::default())
}

fn roles(discord: &DiscordConfig) -> Roles {
    let ids = |roles: &std::collections::BTreeSet<steward::config::RoleId>| {
        roles.iter().map(|role| role.value()).collect()
    };
    Roles {
        viewers: ids(&discord.roles.viewers),
        operators: ids(&discord.roles.operators),
        admins: ids(&discord.roles.admins),
    }
}

/// The gateway as answers tell it.
#[must_use]
pub fn seen(status: &GatewayStatus) -> views::Gateway {
    let why = match status.state {
        GatewayState::Connected => {
            return views::Gateway::Connected {
                since: status.since,
            };
        }
        GatewayState::Starting => "it is connecting",
        GatewayState::Unreachable => "Discord does not answer",
        GatewayState::BackingOff => "it waits before it tries again",
        GatewayState::Refused => "Discord refuses it",
        GatewayState::Stopped => "the process is ending",
    };
    let reason = match &status.last_error {
        Some(error) => format!("{why}: {error}"),
        None => why.to_owned(),
    };
    views::Gateway::Disconnected {
        since: status.since,
        reason,
    }
}
