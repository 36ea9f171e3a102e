//! What an endpoint's newest block says about this machine's clock, and how a table of problems is made of the configuration.

use std::collections::BTreeMap;

use alloy::sol_types::SolEvent as _;
use futures::future::{BoxFuture, FutureExt as _};

use super::{contract::Known, endpoint::Aspects, *};
use crate::{
    chain::{BlockTag, Call, CallAnswer, ChainError, EndpointName, Log, LogFilter, contracts::abi},
    clock::ManualClock,
    config::Need,
    units::{Address, B256, BlockNumber, BlockRef, Bytes, U256, UnixSeconds},
};

const NOW: u64 = 1_795_000_000;

fn config(changes: &[(&str, &str)]) -> Result<Config, ConfigProblems> {
    let base = [
        ("NETWORK", "mainnet"),
        ("L1_RPC_URLS", "https://one.example"),
        ("PROVIDER_ID", "4"),
    ];
    let settings: BTreeMap<&str, &str> = base.iter().chain(changes).copied().collect();
    Config::read(
        &|name| settings.get(name).map(|value| (*value).to_owned()),
        Need::NoDiscord,
    )
}

/// What is said of a head of that age on mainnet.
fn said(head_at: u64) -> String {
    let config = config(&[]).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(UnixSeconds::new(NOW)));
    let look = Look {
        config: &config.networks[0],
        clock: &clock,
        name: "mainnet",
    };
    let head = head(head_at);
    let mut aspects = Aspects::new("mainnet rpc-1".to_owned(), 1);
    aspects.age(&look, &head);
    let lines: Vec<String> = aspects
        .done()
        .into_iter()
        .map(|finding| {
            let next = finding.next.map(|next| format!(" -> {next}"));
            format!(
                "{:?}: {}{}",
                finding.verdict,
                finding.detail,
                next.unwrap_or_default()
            )
        })
        .collect();
    lines.join("\n")
}

#[test]
fn a_clock_behind_the_chain_and_a_head_that_is_old_are_told_apart() {
    insta::assert_snapshot!(said(NOW - 4), @"Good: chain 1, head 24000000, 4 s old");
    insta::assert_snapshot!(said(NOW + 15), @"Good: chain 1, head 24000000, 0 s old");
    insta::assert_snapshot!(said(NOW + 90), @"
    Good: chain 1
    Bad: the clock of this machine is 90 s behind block 24000000 -> Set the clock (timedatectl set-ntp true, or chrony): deadlines are wrong until then.
    ");
    insta::assert_snapshot!(said(NOW - 4000), @"
    Good: chain 1
    Bad: its newest block 24000000 is 4000 s old -> The node lags, or the clock of this machine runs ahead: compare both with a block explorer.
    ");
}

#[test]
fn every_problem_of_the_configuration_is_a_finding_with_a_next_step() {
    let problems = config(&[("L1_RPC_URLS", "ws://one"), ("PROVIDER_ID", "x")]).unwrap_err();
    let findings = super::problems(&problems);
    assert_eq!(findings.len(), problems.0.len());
    assert!(findings.len() >= 2);
    for finding in findings {
        assert_eq!(finding.verdict, Verdict::Bad);
        assert!(finding.next.is_some_and(|next| !next.is_empty()));
    }
}

fn head(at: u64) -> Header {
    Header {
        block: BlockRef {
            number: BlockNumber::new(24_000_000),
            hash: B256::ZERO,
        },
        parent_hash: B256::ZERO,
        timestamp: UnixSeconds::new(at),
        logs_bloom: Bytes::new(),
    }
}

/// The registrations of providers 1 and 2, of which it has forgotten what lies below a block: it says nothing of it.
#[derive(Debug)]
struct Forgetful {
    name: EndpointName,
    from: u64,
}

fn registrations() -> Vec<Log> {
    let log = |id: u64, block: u64| Log {
        block: BlockRef {
            number: BlockNumber::new(block),
            hash: B256::repeat_byte(1),
        },
        transaction: B256::ZERO,
        index: 0,
        address: Address::ZERO,
        topics: vec![
            abi::StakingRegistry::ProviderRegistered::SIGNATURE_HASH,
            B256::from(U256::from(id)),
        ],
        data: Bytes::new(),
    };
    vec![log(1, 23_750_000), log(2, 23_990_000)]
}

impl Chain for Forgetful {
    fn name(&self) -> &EndpointName {
        &self.name
    }
    fn chain_id(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        async { Ok(1) }.boxed()
    }
    fn header(&self, _tag: BlockTag) -> BoxFuture<'_, Result<Option<Header>, ChainError>> {
        async { Ok(Some(head(NOW))) }.boxed()
    }
    fn logs_of_block<'a>(
        &'a self,
        _block: B256,
        _filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        async { Err(ChainError::UnknownBlock) }.boxed()
    }
    fn logs_of_range<'a>(
        &'a self,
        from: BlockNumber,
        to: BlockNumber,
        _filter: &'a LogFilter,
    ) -> BoxFuture<'a, Result<Vec<Log>, ChainError>> {
        let held = |log: &Log| {
            let number = log.block.number;
            (from..=to).contains(&number) && number.value() >= self.from
        };
        let logs: Vec<Log> = registrations().into_iter().filter(held).collect();
        async { Ok(logs) }.boxed()
    }
    fn aggregate<'a>(
        &'a self,
        _at: &'a Header,
        _calls: &'a [Call],
    ) -> BoxFuture<'a, Result<Vec<CallAnswer>, ChainError>> {
        async { Err(ChainError::UnknownBlock) }.boxed()
    }
    fn code(&self, _address: Address) -> BoxFuture<'_, Result<Bytes, ChainError>> {
        async { Err(ChainError::UnknownBlock) }.boxed()
    }
    fn storage<'a>(
        &'a self,
        _at: &'a Header,
        _address: Address,
        _slot: B256,
    ) -> BoxFuture<'a, Result<B256, ChainError>> {
        async { Err(ChainError::UnknownBlock) }.boxed()
    }
}

#[tokio::test]
async fn endpoints_that_forget_old_logs_are_found_by_the_canary() {
    let config = config(&[]).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(UnixSeconds::new(NOW)));
    let look = Look {
        config: &config.networks[0],
        clock: &clock,
        name: "mainnet",
    };
    let endpoint = |name: &str, from: u64| -> Arc<dyn Chain> {
        let name = EndpointName::new(name);
        Arc::new(Forgetful { name, from })
    };
    let chains = [
        endpoint("some", 23_900_000),
        endpoint("none", u64::MAX),
        endpoint("all", 0),
        endpoint("late", 23_900_000),
    ];
    let known = Some(Known {
        has_providers: true,
    });
    let found = history::look(&look, &chains, &head(NOW), known).await;
    let told: Vec<String> = found
        .iter()
        .map(|finding| {
            format!(
                "{:?} {}: {}",
                finding.verdict, finding.subject, finding.detail
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    Bad mainnet some: its oldest log is of block 23990000, and the registration of provider 1 is missing: it has forgotten older logs, or the history begins before block 23700000
    Bad mainnet none: has no log of the contracts from block 23700000 on, though the registration of provider 1 is on chain: it forgets logs
    Good mainnet all: holds the logs from the registration of provider 1 on (block 23750000)
    Bad mainnet late: does not hold the registration of provider 1, which another endpoint has: it forgets logs
    ");
}
