//! Whether steward can do its work, dependency by dependency.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::glance::{Gateway, Glance, NetworkGlance};
use crate::{alert::text::duration, store::Tree};

/// Whether steward can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether every dependency is there.
    pub is_ready: bool,
    /// Each with its reason.
    pub dependencies: Vec<Dependency>,
}

/// Something that steward needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dependency {
    /// What: `store`, `gateway`, `canary`, or `head` with the network's name.
    pub name: String,
    /// Whether it is there.
    pub is_ok: bool,
    /// Why it is judged so.
    pub reason: String,
}

/// Says whether steward can do its work.
#[must_use]
pub fn show(glance: &Glance<'_>) -> Readiness {
    let mut dependencies = vec![store(glance)];
    let networks = glance.networks.iter();
    dependencies.extend(networks.map(|(name, network)| head(glance, name, network)));
    dependencies.extend(gateway(glance));
    dependencies.extend(canary(glance));
    Readiness {
        is_ready: dependencies.iter().all(|dependency| dependency.is_ok),
        dependencies,
    }
}

fn dependency(name: &str, is_ok: bool, reason: impl Into<String>) -> Dependency {
    Dependency {
        name: name.to_owned(),
        is_ok,
        reason: reason.into(),
    }
}

fn store(glance: &Glance<'_>) -> Dependency {
    match glance.store.scan(Tree::Meta, b"", None, 1) {
        Ok(_) => dependency("store", true, "the store answers"),
        Err(error) => dependency("store", false, crate::tasks::chain_of(&error)),
    }
}

fn head(glance: &Glance<'_>, name: &str, network: &NetworkGlance) -> Dependency {
    let what = format!("head {name}");
    let Some(progress) = glance.state.progress.row(&name.to_owned()) else {
        return dependency(&what, false, "nothing was read yet");
    };
    if let Some(stopped) = &progress.stopped {
        return dependency(&what, false, format!("the network is stopped: {stopped}"));
    }
    let (age, most) = (
        glance.now().since(progress.head_at),
        network.head_age_seconds_max,
    );
    let cursor = glance
        .state
        .book(name)
        .map(|book| book.summary().cursor.number);
    let lag = progress.head.since(cursor.unwrap_or_default());
    if let Some(most) = most.filter(|most| age > *most) {
        let reason = format!("block {} is {age} s old, more than {most} s", progress.head);
        return dependency(&what, false, reason);
    }
    let is_near = lag <= crate::watcher::NEAR_BLOCKS;
    let reason = format!(
        "block {} is {age} s old, {lag} blocks are to be read",
        progress.head
    );
    dependency(&what, is_near, reason)
}

fn gateway(glance: &Glance<'_>) -> Option<Dependency> {
    match glance.gateway {
        Gateway::Absent => None,
        Gateway::Connected { .. } => Some(dependency("gateway", true, "connected")),
        Gateway::Impaired { reason, .. } | Gateway::Disconnected { reason, .. } => {
            Some(dependency("gateway", false, reason.clone()))
        }
    }
}

fn canary(glance: &Glance<'_>) -> Option<Dependency> {
    let canary = super::canary::show(glance)?;
    let ago = |at: u64| duration(glance.now().value().saturating_sub(at));
    let reason = match canary.seen_at {
        Some(at) => format!("it was last seen in its channel {} ago", ago(at)),
        None => "it was not seen in its channel yet".to_owned(),
    };
    Some(dependency("canary", !canary.is_silent, reason))
}
