//! A whole life cycle on one chain, stage by stage, for recordings and for people who want to see it once.
//!
//! Each stage says what was done and what the chain answers then. The tests check the same behaviour one by one.

use alloy::primitives::Address;
use anyhow::Result;

use crate::contracts::Rollup;
use crate::key::Key;
use crate::localnet::Localnet;
use crate::provider::ProviderId;
use crate::rollup::{EXITING, NONE, VALIDATING, ZOMBIE, tokens};

/// How many keys the life cycle adds: six to bootstrap, one that stays behind, the rest wait.
const KEYS: u64 = 12;

/// Runs the life cycle on a fresh chain of the small profile; `tell` gets each stage's name and what is seen then.
pub async fn run(net: &Localnet, mut tell: impl FnMut(&str, &str)) -> Result<()> {
    let (provider, keys) = fill_provider(net, &mut tell).await?;
    enter(net, provider, &mut tell).await?;
    let attesters: Vec<Address> = keys.iter().map(|key| key.attester).collect();
    if let [moved, _, slashed, zombie, leaver, erased, ..] = attesters.as_slice() {
        slash(net, [*slashed, *zombie, *erased], &mut tell).await?;
        exit(net, [*zombie, *leaver], &mut tell).await?;
        vote(net, *moved, &mut tell).await?;
        upgrade(net, *moved, &mut tell).await?;
    }
    Ok(())
}

async fn fill_provider(
    net: &Localnet,
    tell: &mut impl FnMut(&str, &str),
) -> Result<(ProviderId, Vec<Key>)> {
    tell(
        "deployed",
        &format!("rollup {}", net.addresses.first.rollup),
    );
    let admin = Localnet::account("admin");
    let provider = net
        .register_provider(admin, 500, Localnet::account("provider rewards"))
        .await?;
    tell(
        "provider registered",
        &format!("id {}, take rate 5 %", provider.0),
    );
    let keys = Key::range(0, KEYS)?;
    net.add_keys(provider, &keys).await?;
    let (first, last) = net.provider_queue(provider).await?;
    tell("keys added", &format!("provider queue {first}..{last}"));
    Ok((provider, keys))
}

async fn enter(
    net: &Localnet,
    provider: ProviderId,
    tell: &mut impl FnMut(&str, &str),
) -> Result<()> {
    let rollup = net.addresses.first.rollup;
    for _ in 0..6 {
        net.stake(&net.stake_on(provider)).await?;
    }
    let waiting = net.call(rollup, Rollup::getEntryQueueLengthCall {}).await?;
    let allowance = net
        .call(rollup, Rollup::getEntryQueueFlushSizeCall {})
        .await?;
    tell(
        "six staked",
        &format!("entry queue {waiting}, an epoch lets in {allowance}"),
    );
    net.drain_entry_queue().await?;
    let active = net
        .call(rollup, Rollup::getActiveAttesterCountCall {})
        .await?;
    tell("entry queue flushed", &format!("{active} validating"));
    Ok(())
}

async fn slash(
    net: &Localnet,
    victims: [Address; 3],
    tell: &mut impl FnMut(&str, &str),
) -> Result<()> {
    for (attester, amount) in victims.into_iter().zip([2_000, 20_000, 200_000]) {
        net.slash(attester, tokens(amount)).await?;
        tell(
            &format!("slashed by {amount}"),
            &describe(net, attester).await?,
        );
    }
    Ok(())
}

async fn exit(
    net: &Localnet,
    leavers: [Address; 2],
    tell: &mut impl FnMut(&str, &str),
) -> Result<()> {
    for attester in leavers {
        net.initiate_withdraw(
            Localnet::account("withdrawer"),
            attester,
            Localnet::account("recipient"),
        )
        .await?;
        tell("exit initiated", &describe(net, attester).await?);
    }
    for attester in leavers {
        net.pass_exit_delay(net.addresses.first, attester).await?;
        net.pass_governance_unlock(net.addresses.first, attester)
            .await?;
        net.finalize_withdraw(attester).await?;
        tell("exit finalised", &describe(net, attester).await?);
    }
    Ok(())
}

async fn vote(net: &Localnet, offender: Address, tell: &mut impl FnMut(&str, &str)) -> Result<()> {
    // Three remain of a committee of four: as many again come from outside.
    for index in 100..103 {
        net.deposit(
            &Key::from_index(index)?,
            Localnet::account("stranger"),
            true,
        )
        .await?;
    }
    net.drain_entry_queue().await?;
    let round = net.advance_to_round_judging(offender).await?;
    while net.slashing_round(round).await?.tally.is_empty() {
        net.vote_to_slash(offender, 1).await?;
    }
    let state = net.slashing_round(round).await?;
    tell(
        "voted to slash",
        &format!(
            "round {round}: {} votes, {} slashes due",
            state.votes,
            state.tally.len()
        ),
    );
    net.advance_to_round(round.saturating_add(3)).await?;
    net.execute_round(round).await?;
    tell("round executed", &describe(net, offender).await?);
    Ok(())
}

async fn upgrade(net: &Localnet, moved: Address, tell: &mut impl FnMut(&str, &str)) -> Result<()> {
    net.make_successor_canonical().await?;
    let (old, new) = (net.addresses.first, net.addresses.successor);
    let before = net.attester_view_on(old, moved).await?.status;
    let after = net.attester_view_on(new, moved).await?.status;
    tell(
        "new canonical rollup",
        &format!(
            "old says {}, new says {}",
            status_name(before),
            status_name(after)
        ),
    );
    Ok(())
}

async fn describe(net: &Localnet, attester: Address) -> Result<String> {
    let view = net.attester_view(attester).await?;
    let whole = |amount| amount / tokens(1);
    let amounts = if view.exit.exists {
        format!("exit of {}", whole(view.exit.amount))
    } else {
        format!("balance {}", whole(view.effectiveBalance))
    };
    Ok(format!(
        "{attester} {}, {amounts}",
        status_name(view.status)
    ))
}

/// The name of a `Status` of the rollup.
pub fn status_name(status: u8) -> &'static str {
    match status {
        NONE => "NONE",
        VALIDATING => "VALIDATING",
        ZOMBIE => "ZOMBIE",
        EXITING => "EXITING",
        _ => "UNKNOWN",
    }
}
