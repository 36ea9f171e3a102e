//! `steward verify`: what can be proven of the store, or of an export.

use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use steward::{
    book::fold::Ours,
    clock::{Clock, SystemClock},
    config::{Config, Need, NetworkConfig, ProviderSelector, StoreConfig},
    service::{
        build,
        check::{Area, Finding, Progress},
        restore::EXPORTS,
        verify,
    },
    state::State,
    store::{Store, export, memory::MemoryStore},
};

use super::{export::open, table};

/// `steward verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// Verifies this export instead of the store.
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
    /// Reads nothing from the chain: looks at the records only.
    #[arg(long)]
    pub offline: bool,
    /// Prints JSON instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// Proves what can be proven; exit code 1 where something differs.
///
/// # Errors
/// When there is nothing to verify.
pub async fn run(options: Verify) -> anyhow::Result<ExitCode> {
    let spinner = table::spinner();
    let progress = |what: &str| spinner.set_message(what.to_owned());
    progress("records");
    let store: Arc<dyn Store> = match &options.export {
        Some(path) => Arc::new(loaded(path)?),
        None => Arc::new(open(&StoreConfig::from_env()?.data_dir)?),
    };
    let (mut findings, state) = verify::store(store.as_ref());
    if options.export.is_none() {
        progress("observations");
        let exports = StoreConfig::from_env()?.data_dir.join(EXPORTS);
        findings.extend(verify::replay(store.as_ref(), &exports));
    }
    if let Some(state) = state.filter(|_| !options.offline) {
        findings.extend(chains(&state, &progress).await);
    }
    spinner.finish_and_clear();
    table::print(&findings, options.json)?;
    Ok(if table::is_ok(&findings) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn loaded(path: &PathBuf) -> anyhow::Result<MemoryStore> {
    let cannot = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(cannot)?;
    let store = MemoryStore::new();
    export::import(BufReader::new(file), &store).with_context(cannot)?;
    Ok(store)
}

/// Compares every network that is configured and in the store with its chain.
async fn chains(state: &State, progress: Progress<'_>) -> Vec<Finding> {
    let config = match Config::from_env(Need::NoDiscord) {
        Ok(config) => config,
        Err(problems) => {
            let next = "Correct the configuration (steward check), or say --offline.";
            let detail = format!("not compared with the chain: {problems}");
            return vec![Finding::doubtful(Area::Book, "chain", detail, next)];
        }
    };
    let mut findings = Vec::new();
    for (name, book) in &state.books {
        if book.chapter.is_empty() {
            continue;
        }
        let network = config
            .networks
            .iter()
            .find(|one| one.network.name.as_str() == name);
        let compared = match network {
            None => Err("it is not configured".to_owned()),
            Some(network) => again(network, book, progress).await,
        };
        match compared {
            Ok(found) => findings.extend(found),
            Err(why) => findings.push(Finding::doubtful(
                Area::Book,
                format!("{name} chain"),
                format!("not compared with the chain: {why}"),
                "Correct the configuration (steward check), or say --offline.",
            )),
        }
    }
    findings
}

async fn again(
    network: &NetworkConfig,
    book: &steward::book::Book,
    progress: Progress<'_>,
) -> Result<Vec<Finding>, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let endpoints =
        build::endpoints_of(network, &clock, &Arc::default()).map_err(|error| error.to_string())?;
    let expected = network.network.chain_id;
    for (endpoint, answer) in endpoints.identify().await {
        if let Ok(found) = answer
            && found != expected
        {
            endpoints.exclude(&endpoint, found, expected);
        }
    }
    let provider = match network.provider {
        ProviderSelector::Id(id) => Some(id),
        ProviderSelector::Admin(admin) => {
            let mut rows = book.providers.rows();
            rows.find(|(_, row)| row.admin == Some(admin))
                .map(|(id, _)| *id)
        }
    };
    let ours = Ours {
        providers: provider.into_iter().collect(),
        ..Ours::default()
    };
    let found = verify::rederive(book, &ours, &endpoints, progress).await;
    found.map_err(|error| error.to_string())
}
