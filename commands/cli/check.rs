//! `steward check`: whether steward could run here, and what to do where not.

use std::{path::Path, process::ExitCode, sync::Arc};

use clap::Args;
use steward::{
    clock::{Clock, SystemClock},
    config::{Config, Need},
    service::{
        check,
        risk::{self, Surroundings},
    },
};

use super::{serve, table};
use crate::discord;

/// `steward check`
#[derive(Debug, Args)]
pub struct Check {
    /// Prints JSON instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Leaves Discord out.
    #[arg(long)]
    pub no_discord: bool,
}

/// Looks at everything; exit code 1 where something is bad.
///
/// # Errors
/// When stdout is closed.
pub async fn check(options: Check, env_file: &Path) -> anyhow::Result<ExitCode> {
    let spinner = table::spinner();
    let findings = look(&options, env_file, &|what| {
        spinner.set_message(what.to_owned());
    })
    .await;
    spinner.finish_and_clear();
    table::print(&findings, options.json)?;
    Ok(if table::is_ok(&findings) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn look(
    options: &Check,
    env_file: &Path,
    progress: check::Progress<'_>,
) -> Vec<check::Finding> {
    let need = if options.no_discord {
        Need::NoDiscord
    } else {
        Need::Service
    };
    let config = match Config::from_env(need) {
        Ok(config) => config,
        Err(problems) => return check::problems(&problems),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut findings = check::look(&config, &clock, progress).await;
    let around = Surroundings::look(&config.store.data_dir, env_file);
    findings.extend(risk::risks(&config, &around));
    if let (Some(discord), Some(connection)) = (&config.discord, serve::connection(&config))
        && !options.no_discord
    {
        progress("Discord");
        findings.extend(discord::check::look(discord, &connection).await);
    }
    findings.sort_by_key(|finding| finding.area);
    findings
}
