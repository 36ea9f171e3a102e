//! Slashing by votes: the ballot, the quorum, the delay, and what the execution leaves.

use alloy::primitives::{Address, U256};
use anyhow::Result;
use localnet::contracts::{Rollup, TallySlashingProposer};
use localnet::rollup::{ZOMBIE, tokens};
use localnet::{Key, Localnet, Profile, Receipt};

/// Six sequencers, and the one that the others turn against.
async fn with_validators() -> Result<(Localnet, Address)> {
    let net = Localnet::deploy(Profile::Small).await?;
    let keys = Key::range(0, 6)?;
    for key in &keys {
        net.deposit(key, Localnet::account("withdrawer"), true)
            .await?;
    }
    net.drain_entry_queue().await?;
    Ok((net, Key::from_index(0)?.attester))
}

/// The error's text, for what must be refused.
fn refusal<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "was not refused".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

/// The amounts of a transaction's `Slashed` events.
fn slashes(receipt: &Receipt) -> Vec<U256> {
    receipt
        .logs()
        .iter()
        .filter_map(|log| log.log_decode::<Rollup::Slashed>().ok())
        .map(|log| log.inner.amount)
        .collect()
}

/// Nine of sixteen proposers vote for one unit against one sequencer, in every epoch that the round judges.
#[tokio::test]
async fn a_quorum_of_votes_slashes_once_for_each_epoch_of_the_round() -> Result<()> {
    let (net, offender) = with_validators().await?;
    let proposer = net.addresses.first.slashing_proposer;
    let round = net.advance_to_round_judging(offender).await?;
    let quorum = net
        .call(proposer, TallySlashingProposer::QUORUMCall {})
        .await?;
    for votes in 1..=quorum.to::<u64>() {
        assert!(net.slashing_round(round).await?.tally.is_empty());
        let receipt = net.vote_to_slash(offender, 1).await?;
        let vote = receipt.decoded_log::<TallySlashingProposer::VoteCast>();
        assert_eq!(vote.map(|vote| vote.round), Some(U256::from(round)));
        assert_eq!(net.slashing_round(round).await?.votes, votes);
    }
    let tally = net.slashing_round(round).await?.tally;
    assert!(!tally.is_empty());
    assert!(
        tally
            .iter()
            .all(|action| action.validator == offender && action.slashAmount == tokens(2_000))
    );
    let refused = refusal(net.execute_round(round).await);
    assert!(refused.contains("RoundNotComplete"), "{refused}");

    net.advance_to_round(round + 3).await?;
    let receipt = net.execute_round(round).await?;
    let slashes = receipt
        .logs()
        .iter()
        .filter(|log| log.log_decode::<Rollup::Slashed>().is_ok())
        .count();
    assert_eq!(slashes, tally.len());
    let expected = tokens(200_000) - tokens(2_000) * U256::from(tally.len());
    assert_eq!(
        net.attester_view(offender).await?.effectiveBalance,
        expected
    );
    assert!(net.slashing_round(round).await?.is_executed);
    Ok(())
}

/// A round judges each epoch apart: whoever the first slash ejects is slashed again, from what the exit holds.
#[tokio::test]
async fn a_round_that_ejects_goes_on_slashing_the_exit() -> Result<()> {
    let (net, offender) = with_validators().await?;
    net.slash(offender, tokens(6_000)).await?;
    let round = net.advance_to_round_judging(offender).await?;
    while net.slashing_round(round).await?.tally.is_empty() {
        net.vote_to_slash(offender, 3).await?;
    }
    let tally = net.slashing_round(round).await?.tally;
    net.advance_to_round(round + 3).await?;
    let receipt = net.execute_round(round).await?;
    assert_eq!(slashes(&receipt), vec![tokens(5_000); tally.len()]);
    let view = net.attester_view(offender).await?;
    assert_eq!((view.status, view.effectiveBalance), (ZOMBIE, U256::ZERO));
    assert_eq!(
        view.exit.amount,
        tokens(194_000) - tokens(5_000) * U256::from(tally.len())
    );
    // The tally of an executed round still reads as it did; only `isExecuted` tells.
    assert_eq!(net.slashing_round(round).await?.tally, tally);
    let refused = refusal(net.execute_round(round).await);
    assert!(refused.contains("RoundAlreadyExecuted"), "{refused}");
    Ok(())
}
