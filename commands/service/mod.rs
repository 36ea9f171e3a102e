//! The Discord edge joined to the running service: how its gateway is made, run, and told of.
//!
//! The commands of `slash` know questions and orders and no service; this is the only place that knows both.

mod collector;
pub mod memory;
pub mod supervisor;

use std::{collections::BTreeSet, sync::Arc};

use serenity::all::{GuildId, RoleId};
use steward::{
    config::{self, DiscordConfig},
    service::Service,
    tasks::Tasks,
    views,
};
use tokio::sync::watch;

pub use self::collector::{Exporter, collector, push};
use self::memory::StoreMemory;
use crate::{
    discord::{
        Connection, Gateway,
        gateway::{GatewayState, GatewayStatus, Timing},
        permission::Roles,
    },
    slash::Data,
};

/// Hears people for as long as the process lives, or until Discord refuses for good (the token, the intents). That ends
/// the gateway and is said, in the log and by readiness; the watcher goes on, and what is owed stays owed.
pub fn hear(service: &Arc<Service>, tasks: &Tasks, connection: Connection) {
    let Some(discord) = &service.config.discord else {
        return;
    };
    let (gateway, status) = gateway(service, discord, connection, Timing::default());
    let token = tasks.token();
    tasks.spawn_short("gateway", async move {
        if let Err(error) = gateway.run(token).await {
            let reason = steward::tasks::chain_of(&error);
            tracing::error!(
                %reason,
                "Discord refuses the gateway: commands are not answered until that is mended and steward restarted"
            );
        }
    });
    let (service, token) = (Arc::clone(service), tasks.token());
    tasks.spawn_short("gateway status", async move {
        tokio::select! {
            () = token.cancelled() => {}
            () = tell(&service, status) => {}
        }
    });
}

/// The gateway of a service, not started, and how it stands.
#[must_use]
pub fn gateway(
    service: &Arc<Service>,
    discord: &DiscordConfig,
    connection: Connection,
    timing: Timing,
) -> (Gateway, watch::Receiver<GatewayStatus>) {
    let data = Data {
        answers: Arc::clone(service) as _,
        control: Arc::clone(service) as _,
        roles: roles(discord),
        guild: GuildId::new(discord.guild.value()),
        alert_role: discord.alert_role.map(|role| RoleId::new(role.value())),
    };
    let memory = Arc::new(StoreMemory::new(Arc::clone(&service.writer)));
    let clock = Arc::clone(&service.clock);
    Gateway::new(connection, data, memory, clock, timing)
}

/// Tells the service how the gateway stands, until it has ended.
async fn tell(service: &Service, mut status: watch::Receiver<GatewayStatus>) {
    loop {
        let now = seen(&status.borrow_and_update());
        service.set_gateway(now);
        if status.changed().await.is_err() {
            return;
        }
    }
}

fn roles(discord: &DiscordConfig) -> Roles {
    let ids = |roles: &BTreeSet<config::RoleId>| roles.iter().map(|role| role.value()).collect();
    Roles {
        viewers: ids(&discord.roles.viewers),
        operators: ids(&discord.roles.operators),
        admins: ids(&discord.roles.admins),
    }
}

/// The gateway as answers tell it.
#[must_use]
pub fn seen(status: &GatewayStatus) -> views::Gateway {
    let since = status.since;
    let why = match status.state {
        GatewayState::Connected => {
            return match status.trouble.clone() {
                Some(reason) => views::Gateway::Impaired { since, reason },
                None => views::Gateway::Connected { since },
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
    views::Gateway::Disconnected { since, reason }
}
