//! Whether steward could run here, looked at from outside: configuration, endpoints, contracts, keys files, this machine.
//!
//! Every probe gives findings and fails never; what could not be found out is said to be unknown. Nothing is changed:
//! no record is written, nothing is sent. What concerns Discord is looked at where Discord is known.

mod contract;
mod endpoint;
mod history;
mod machine;

use std::{fmt, sync::Arc};

use serde::Serialize;

use super::build::{self, BuildError};
use crate::{
    chain::{
        Chain, Header,
        endpoints::{Endpoints, Options},
    },
    clock::Clock,
    config::{Config, ConfigProblems, NetworkConfig},
};

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// `.env` and the environment.
    Configuration,
    /// An L1 endpoint.
    Endpoint,
    /// Aztec's contracts.
    Contracts,
    /// The provider.
    Provider,
    /// The keys files.
    KeysFiles,
    /// Discord.
    Discord,
    /// The data directory.
    DataDirectory,
    /// The HTTP server.
    Http,
    /// Records of the store.
    Store,
    /// What follows from the chain.
    Book,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Configuration => "configuration",
            Self::Endpoint => "endpoint",
            Self::Contracts => "contracts",
            Self::Provider => "provider",
            Self::KeysFiles => "keys files",
            Self::Discord => "Discord",
            Self::DataDirectory => "data directory",
            Self::Http => "HTTP",
            Self::Store => "store",
            Self::Book => "book",
        })
    }
}

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it should.
    Good,
    /// It works, but somebody should look.
    Doubtful,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about.
    pub area: Area,
    /// Which of them: `mainnet rpc-1`, `#alerts`.
    pub subject: String,
    /// How it looks.
    pub verdict: Verdict,
    /// What was found.
    pub detail: String,
    /// What to do next; `None` where nothing is.
    pub next: Option<String>,
}

impl Finding {
    /// It is as it should be.
    #[must_use]
    pub fn good(area: Area, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            area,
            subject: subject.into(),
            verdict: Verdict::Good,
            detail: detail.into(),
            next: None,
        }
    }

    /// It works, but somebody should look.
    #[must_use]
    pub fn doubtful(
        area: Area,
        subject: impl Into<String>,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Doubtful,
            next: Some(next.into()),
            ..Self::good(area, subject, detail)
        }
    }

    /// It does not work.
    #[must_use]
    pub fn bad(
        area: Area,
        subject: impl Into<String>,
        detail: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Bad,
            ..Self::doubtful(area, subject, detail, next)
        }
    }
}

/// Told what is looked at next, for people who wait.
pub type Progress<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// The findings of a configuration that cannot be used.
#[must_use]
pub fn problems(problems: &ConfigProblems) -> Vec<Finding> {
    let finding = |problem: &crate::config::Problem| {
        let detail = format!("{}.", problem.what);
        let next = [problem.next_step.as_str(), problem.why.as_str()];
        let next = next.into_iter().find(|text| !text.is_empty());
        Finding::bad(
            Area::Configuration,
            problem.variable.clone(),
            detail,
            next.unwrap_or("Correct it."),
        )
    };
    problems.0.iter().map(finding).collect()
}

/// Looks at everything but Discord.
pub async fn look(config: &Config, clock: &Arc<dyn Clock>, progress: Progress<'_>) -> Vec<Finding> {
    let mut found = configuration(config);
    for network in &config.networks {
        look_at_network(network, clock, progress, &mut found).await;
        progress(&format!("{}: keys files", network.network.name));
        found.extend(machine::keys_files(network, clock).await);
    }
    progress("data directory");
    let (directory, is_in_use) = machine::data_directory(config).await;
    found.extend(directory);
    found.push(machine::http(config, is_in_use));
    found
}

fn configuration(config: &Config) -> Vec<Finding> {
    let mut found: Vec<Finding> = config
        .warnings
        .iter()
        .map(|warning| {
            let detail = format!("{}.", warning.what);
            let subject = warning.variable.clone();
            Finding::doubtful(
                Area::Configuration,
                subject,
                detail,
                warning.next_step.clone(),
            )
        })
        .collect();
    let networks: Vec<&str> = config
        .networks
        .iter()
        .map(|network| network.network.name.as_str())
        .collect();
    let detail = format!("can be read; networks: {}", networks.join(", "));
    found.insert(0, Finding::good(Area::Configuration, "all", detail));
    found
}

/// A network under examination.
struct Look<'a> {
    config: &'a NetworkConfig,
    clock: &'a Arc<dyn Clock>,
    name: &'a str,
}

impl Look<'_> {
    fn subject(&self, what: impl fmt::Display) -> String {
        format!("{} {what}", self.name)
    }
}

async fn look_at_network(
    config: &NetworkConfig,
    clock: &Arc<dyn Clock>,
    progress: Progress<'_>,
    found: &mut Vec<Finding>,
) {
    let name = config.network.name.as_str();
    let look = Look {
        config,
        clock,
        name,
    };
    let client = Arc::default();
    let chains = |endpoints| build::chains_of(config, endpoints, &client);
    let chains =
        chains(&config.endpoints).and_then(|head| Ok((head, chains(&config.archive_endpoints)?)));
    let (head, archive) = match chains {
        Ok(chains) => chains,
        Err(error) => return found.push(unusable(&look, &error)),
    };
    let mut usable: Vec<Arc<dyn Chain>> = Vec::new();
    let mut newest: Option<Header> = None;
    for chain in &head {
        progress(&format!("{name}: endpoint {}", chain.name()));
        let (findings, head) = endpoint::look(&look, chain.as_ref()).await;
        found.extend(findings);
        if let Some(head) = head {
            usable.push(Arc::clone(chain));
            newest = Some(
                newest
                    .filter(|one| one.block.number >= head.block.number)
                    .unwrap_or(head),
            );
        }
    }
    let mut historians = Vec::new();
    for chain in &archive {
        progress(&format!("{name}: endpoint {}", chain.name()));
        let findings = endpoint::identity(&look, chain.as_ref()).await;
        if findings.is_none() {
            historians.push(Arc::clone(chain));
        }
        found.extend(findings);
    }
    let Some(newest) = newest else {
        let detail = "not looked at: no endpoint can be used";
        let next = format!("Correct L1_RPC_URLS of {name} first.");
        return found.push(Finding::bad(Area::Contracts, name, detail, next));
    };
    progress(&format!("{name}: contracts"));
    let endpoints = Endpoints::new(
        usable.clone(),
        Vec::new(),
        Arc::clone(clock),
        Options::default(),
    );
    let known = contract::look(&look, &endpoints, &newest, found).await;
    progress(&format!("{name}: history"));
    historians.extend(usable);
    found.extend(history::look(&look, &historians, &newest, known).await);
}

fn unusable(look: &Look<'_>, error: &BuildError) -> Finding {
    let detail = crate::tasks::chain_of(error);
    let next = format!("Correct L1_RPC_URLS of {}.", look.name);
    Finding::bad(Area::Endpoint, look.name, detail, next)
}

#[cfg(test)]
#[path = "check/tests.rs"]
mod tests;
