//! What an endpoint's newest block says about this machine's clock, and how a table of problems is made of the configuration.

use std::collections::BTreeMap;

use super::{endpoint::Aspects, *};
use crate::{
    clock::ManualClock,
    config::Need,
    units::{B256, BlockNumber, BlockRef, Bytes, UnixSeconds},
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
    let head = Header {
        block: BlockRef {
            number: BlockNumber::new(24_000_000),
            hash: B256::ZERO,
        },
        parent_hash: B256::ZERO,
        timestamp: UnixSeconds::new(head_at),
        logs_bloom: Bytes::new(),
    };
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
