//! Which events a transaction emits, and in which order: what a watcher of logs may rely on.

use std::collections::BTreeMap;

use alloy::primitives::{Address, B256, keccak256};
use anyhow::Result;
use localnet::rollup::tokens;
use localnet::{Key, Localnet, Profile, Receipt};

/// The events of the contracts that take part, by their first topic.
const EVENTS: &[(&str, &str)] = &[
    ("Transfer", "Transfer(address,address,uint256)"),
    ("Approval", "Approval(address,address,uint256)"),
    ("ValidatorQueued", "ValidatorQueued(address,address)"),
    (
        "Deposit",
        "Deposit(address,address,(uint256,uint256),(uint256,uint256,uint256,uint256),(uint256,uint256),uint256)",
    ),
    (
        "FailedDeposit",
        "FailedDeposit(address,address,(uint256,uint256),(uint256,uint256,uint256,uint256),(uint256,uint256))",
    ),
    ("Slashed", "Slashed(address,uint256)"),
    (
        "WithdrawInitiated",
        "WithdrawInitiated(address,address,uint256)",
    ),
    (
        "WithdrawFinalized",
        "WithdrawFinalized(address,address,uint256)",
    ),
    ("GSE.Deposit", "Deposit(address,address,address)"),
    (
        "GSE.DelegateChanged",
        "DelegateChanged(address,address,address)",
    ),
    (
        "GSE.DelegateVotesChanged",
        "DelegateVotesChanged(address,uint256,uint256)",
    ),
    ("Governance.Deposit", "Deposit(address,address,uint256)"),
    (
        "Governance.WithdrawInitiated",
        "WithdrawInitiated(uint256,address,uint256)",
    ),
    ("Governance.WithdrawFinalized", "WithdrawFinalized(uint256)"),
    (
        "SplitUpdated",
        "SplitUpdated((address[],uint256[],uint256,uint16))",
    ),
    (
        "SplitCreated",
        "SplitCreated(address,(address[],uint256[],uint256,uint16),address,address,uint256)",
    ),
    (
        "StakedWithProvider",
        "StakedWithProvider(uint256,address,address,address,address)",
    ),
    ("VoteCast", "VoteCast(uint256,uint256,address)"),
    ("RoundExecuted", "RoundExecuted(uint256,uint256)"),
];

/// The names of a transaction's events, without the token's own.
fn events(receipt: &Receipt) -> Vec<String> {
    let names: BTreeMap<B256, &str> = EVENTS
        .iter()
        .map(|(name, signature)| (keccak256(signature), *name))
        .collect();
    receipt
        .logs()
        .iter()
        .filter_map(|log| log.topic0().copied())
        .map(|topic| {
            names
                .get(&topic)
                .map_or_else(|| topic.to_string(), |name| (*name).to_owned())
        })
        .filter(|name| name != "Transfer" && name != "Approval")
        .collect()
}

/// What the GSE and Governance say when stake goes in.
const IN: [&str; 4] = [
    "GSE.DelegateChanged",
    "GSE.DelegateVotesChanged",
    "Governance.Deposit",
    "GSE.Deposit",
];
/// What they say when a sequencer is removed. One that stays has no `DelegateChanged`.
const OUT: [&str; 3] = [
    "GSE.DelegateChanged",
    "GSE.DelegateVotesChanged",
    "Governance.WithdrawInitiated",
];

/// Five keys of a provider and a stranger's with a bad proof, in that order in the entry queue.
async fn with_entry_queue() -> Result<(Localnet, Vec<Address>)> {
    let net = Localnet::deploy(Profile::Small).await?;
    let admin = Localnet::account("admin");
    let provider = net.register_provider(admin, 500, admin).await?;
    let keys = Key::range(0, 5)?;
    net.add_keys(provider, &keys).await?;
    for _ in 0..4 {
        net.stake(&net.stake_on(provider)).await?;
    }
    let staked = net.stake(&net.stake_on(provider)).await?;
    assert_eq!(
        events(&staked.receipt),
        [
            "ValidatorQueued",
            "SplitUpdated",
            "SplitCreated",
            "StakedWithProvider"
        ]
    );
    let deposit = net
        .deposit(&Key::from_index(60)?.with_bad_proof(), admin, true)
        .await?;
    assert_eq!(events(&deposit), ["ValidatorQueued"]);
    Ok((net, keys.iter().map(|key| key.attester).collect()))
}

#[tokio::test]
async fn a_flush_tells_of_each_entry_in_the_order_of_the_queue() -> Result<()> {
    let (net, _) = with_entry_queue().await?;
    net.next_epoch().await?;
    let one: Vec<&str> = IN.into_iter().chain(["Deposit"]).collect();
    assert_eq!(events(&net.flush_entry_queue().await?), one.repeat(4));
    net.next_epoch().await?;
    let mixed: Vec<&str> = one.iter().copied().chain(["FailedDeposit"]).collect();
    assert_eq!(events(&net.flush_entry_queue().await?), mixed);
    Ok(())
}

#[tokio::test]
async fn slashes_and_exits_are_the_last_event_of_what_they_cause() -> Result<()> {
    let (net, attesters) = with_entry_queue().await?;
    net.drain_entry_queue().await?;
    let withdrawer = Localnet::account("withdrawer");
    let (kept, zombie, erased, leaver) = (attesters[0], attesters[1], attesters[2], attesters[3]);
    let removed_by = |last: &'static str| OUT.into_iter().chain([last]).collect::<Vec<_>>();

    assert_eq!(
        events(&net.slash(kept, tokens(10)).await?),
        [
            "GSE.DelegateVotesChanged",
            "Governance.WithdrawInitiated",
            "Slashed"
        ]
    );
    assert_eq!(
        events(&net.slash(zombie, tokens(20_000)).await?),
        removed_by("Slashed")
    );
    assert_eq!(events(&net.slash(zombie, tokens(10)).await?), ["Slashed"]);
    assert_eq!(
        events(&net.slash(erased, tokens(200_000)).await?),
        removed_by("Slashed")
    );
    let initiated = net
        .initiate_withdraw(withdrawer, zombie, withdrawer)
        .await?;
    assert_eq!(events(&initiated), ["WithdrawInitiated"]);
    let initiated = net
        .initiate_withdraw(withdrawer, leaver, withdrawer)
        .await?;
    assert_eq!(events(&initiated), removed_by("WithdrawInitiated"));
    net.pass_governance_unlock(net.addresses.first, leaver)
        .await?;
    let finalized = net.finalize_withdraw(leaver).await?;
    assert_eq!(
        events(&finalized),
        ["Governance.WithdrawFinalized", "WithdrawFinalized"]
    );
    Ok(())
}
