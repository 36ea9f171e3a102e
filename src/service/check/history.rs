//! Whether the old logs are there, by a canary: the registration of provider 1, which every complete history holds.
//!
//! An endpoint that forgets answers with an empty list, not with an error. So the canary is looked for from the first
//! block on, and once anybody has it, everybody is asked for that one block.

use std::sync::Arc;

use alloy::sol_types::SolEvent;

use super::{Area, Finding, Look, contract::Known};
use crate::{
    chain::{
        Chain, ChainError, Header, Log, LogFilter,
        contracts::abi,
        endpoints::{Endpoints, Options},
    },
    units::{B256, U256},
};

/// Most ranges that one endpoint is asked for; with ranges of 50,000 blocks that is ten months of mainnet.
const RANGES_MAX: usize = 48;

/// What the search on one endpoint came to.
enum Search {
    /// Its oldest log of the wanted kind.
    Oldest(Log),
    /// None up to the head.
    Nothing,
    /// Not found within [`RANGES_MAX`] ranges.
    GaveUp,
    /// It does not answer.
    Failed(ChainError),
}

/// Looks for the canary on every endpoint, archives first.
pub(super) async fn look(
    look: &Look<'_>,
    chains: &[Arc<dyn Chain>],
    head: &Header,
    known: Option<Known>,
) -> Vec<Finding> {
    let Some(known) = known else {
        return Vec::new();
    };
    let wanted = wanted(look, known);
    let first = look.config.network.first_block;
    let mut canary: Option<Log> = None;
    let mut found = Vec::new();
    for chain in chains {
        let subject = look.subject(chain.name());
        let search = match &canary {
            Some(canary) => again(chain.as_ref(), &wanted.filter, canary).await,
            None => search(look, chain, &wanted.filter, head).await,
        };
        found.push(match search {
            Search::Oldest(log) if canary.as_ref().is_some_and(|canary| same(canary, &log)) || wanted.is(&log) => {
                let detail = format!("holds the logs from {} on (block {})", wanted.name, log.block.number);
                canary = Some(log);
                Finding::good(Area::Endpoint, subject, detail)
            }
            Search::Oldest(log) => Finding::bad(
                Area::Endpoint,
                subject,
                format!(
                    "its oldest log is of block {}, and {} is missing: it has forgotten older logs, or the history begins before block {first}",
                    log.block.number, wanted.name
                ),
                ADVICE,
            ),
            Search::Nothing if canary.is_some() => Finding::bad(
                Area::Endpoint,
                subject,
                format!("does not hold {}, which another endpoint has: it forgets logs", wanted.name),
                ADVICE,
            ),
            Search::Nothing => Finding::bad(
                Area::Endpoint,
                subject,
                format!("has no log of the contracts from block {first} on, though {} is on chain: it forgets logs", wanted.name),
                ADVICE,
            ),
            Search::GaveUp => Finding::doubtful(
                Area::Endpoint,
                subject,
                format!("takes short ranges of logs only: {} was not found in {RANGES_MAX} requests", wanted.name),
                "The first start will be slow: name an endpoint that takes longer ranges in L1_ARCHIVE_RPC_URLS, or set FIRST_BLOCK closer to the deployment.",
            ),
            Search::Failed(error) => Finding::bad(
                Area::Endpoint,
                subject,
                format!("old logs cannot be read: {error}"),
                ADVICE,
            ),
        });
    }
    found
}

const ADVICE: &str = "Name an endpoint that holds all logs in L1_ARCHIVE_RPC_URLS (it is used for the catch-up only), and check FIRST_BLOCK.";

struct Wanted {
    filter: LogFilter,
    name: &'static str,
    topics: Vec<B256>,
}

impl Wanted {
    fn is(&self, log: &Log) -> bool {
        log.topics.starts_with(&self.topics)
    }
}

fn wanted(look: &Look<'_>, known: Known) -> Wanted {
    let (address, name, topics) = if known.has_providers {
        let one = B256::from(U256::from(1));
        let topics = vec![
            abi::StakingRegistry::ProviderRegistered::SIGNATURE_HASH,
            one,
        ];
        (
            look.config.network.staking_registry,
            "the registration of provider 1",
            topics,
        )
    } else {
        let topics = vec![abi::Registry::CanonicalRollupUpdated::SIGNATURE_HASH];
        (
            look.config.network.registry,
            "the first canonical rollup",
            topics,
        )
    };
    Wanted {
        filter: LogFilter {
            addresses: vec![address],
            topics: topics.first().copied().into_iter().collect(),
        },
        name,
        topics,
    }
}

fn same(a: &Log, b: &Log) -> bool {
    a.block == b.block && a.index == b.index
}

/// Asks for the block of a canary that another endpoint has.
async fn again(chain: &dyn Chain, filter: &LogFilter, canary: &Log) -> Search {
    let number = canary.block.number;
    match chain.logs_of_range(number, number, filter).await {
        Ok(logs) => logs
            .into_iter()
            .find(|log| same(log, canary))
            .map_or(Search::Nothing, Search::Oldest),
        Err(error) => Search::Failed(error),
    }
}

/// Reads from the first block on until a log appears.
async fn search(
    look: &Look<'_>,
    chain: &Arc<dyn Chain>,
    filter: &LogFilter,
    head: &Header,
) -> Search {
    let options = Options {
        range_start: Options::default().range_max,
        ..Options::default()
    };
    let alone = Endpoints::new(
        vec![Arc::clone(chain)],
        Vec::new(),
        Arc::clone(look.clock),
        options,
    );
    let mut from = look.config.network.first_block;
    for _ in 0..RANGES_MAX {
        if from > head.block.number {
            return Search::Nothing;
        }
        match alone.logs(from, head.block.number, filter).await {
            Ok(range) => {
                if let Some(log) = range.logs.into_iter().next() {
                    return Search::Oldest(log);
                }
                from = range.to_reached.saturating_add(1);
            }
            Err(error) => return Search::Failed(error),
        }
    }
    Search::GaveUp
}
