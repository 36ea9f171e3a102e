//! A whole life of sequencers on the real contracts, stage by stage, against what the rollup says of them.

use alloy::primitives::{Address, U256};
use alloy::sol_types::{SolCall as _, SolValue as _};
use anyhow::Result;
use localnet::contracts::{Call3, GSE, Multicall3, Registry, Rollup, StakingRegistry};
use localnet::rollup::{EXITING, NONE, VALIDATING, ZOMBIE, tokens};
use localnet::{Key, Localnet, Profile, ProviderId};

/// A provider with twelve keys, nothing staked.
async fn with_provider() -> Result<(Localnet, ProviderId, Vec<Key>)> {
    let net = Localnet::deploy(Profile::Small).await?;
    let admin = Localnet::account("admin");
    let provider = net
        .register_provider(admin, 500, Localnet::account("provider rewards"))
        .await?;
    let keys = Key::range(0, 12)?;
    net.add_keys(provider, &keys).await?;
    Ok((net, provider, keys))
}

/// The first six of them staked on and let in.
async fn with_validators() -> Result<(Localnet, ProviderId, Vec<Key>)> {
    let (net, provider, keys) = with_provider().await?;
    for _ in 0..6 {
        net.stake(&net.stake_on(provider)).await?;
    }
    net.drain_entry_queue().await?;
    Ok((net, provider, keys))
}

async fn queue_length(net: &Localnet) -> Result<U256> {
    net.call(
        net.addresses.first.rollup,
        Rollup::getEntryQueueLengthCall {},
    )
    .await
}

/// The error's text, for what must be refused.
fn refusal<T>(result: Result<T>) -> String {
    match result {
        Ok(_) => "was not refused".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn keys_wait_in_the_provider_queue_at_positions_from_one() -> Result<()> {
    let (net, provider, keys) = with_provider().await?;
    assert_eq!(net.provider_queue(provider).await?, (1, 13));
    for key in &keys {
        let view = net.attester_view(key.attester).await?;
        assert_eq!((view.status, view.config.withdrawer), (NONE, Address::ZERO));
    }
    net.drip(provider, 2).await?;
    assert_eq!(net.provider_queue(provider).await?, (3, 13));
    let refused = refusal(net.drip(provider, 11).await);
    assert!(refused.contains("QueueIsEmpty"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_stake_moves_the_head_of_the_provider_queue_to_the_entry_queue() -> Result<()> {
    let (net, provider, keys) = with_provider().await?;
    let staked = net.stake(&net.stake_on(provider)).await?;
    assert_eq!(staked.attester, keys[0].attester);
    assert_eq!(net.provider_queue(provider).await?, (2, 13));
    let rollup = net.addresses.first.rollup;
    let head = net
        .call(rollup, Rollup::getEntryQueueAtCall { index: U256::ZERO })
        .await?;
    assert_eq!(
        (head.attester, head.withdrawer),
        (keys[0].attester, Localnet::account("withdrawer"))
    );
    assert!(head.moveWithLatestRollup);
    assert_eq!(net.status(keys[0].attester).await?, NONE);

    let emitters: Vec<_> = staked
        .receipt
        .logs()
        .iter()
        .map(|log| log.address())
        .collect();
    let addresses = net.addresses;
    let position = |address: Address| emitters.iter().rposition(|&emitter| emitter == address);
    assert!(position(rollup) < position(addresses.pull_split_factory));
    assert!(position(addresses.pull_split_factory) < position(addresses.staking_registry));
    Ok(())
}

#[tokio::test]
async fn a_provider_changes_its_rate_its_recipient_and_its_admin() -> Result<()> {
    let (net, provider, _) = with_provider().await?;
    let (recipient, admin) = (
        Localnet::account("other recipient"),
        Localnet::account("other admin"),
    );
    net.update_take_rate(provider, 700).await?;
    net.update_rewards_recipient(provider, recipient).await?;
    net.propose_admin(provider, admin).await?;
    let registry = net.addresses.staking_registry;
    let id = U256::from(provider.0);
    let configuration = net
        .call(registry, StakingRegistry::providerConfigurationsCall { id })
        .await?;
    assert_eq!(
        (configuration.rate, configuration.recipient),
        (700, recipient)
    );
    assert_eq!(configuration.admin, Localnet::account("admin"));
    net.accept_admin(provider).await?;
    let configuration = net
        .call(registry, StakingRegistry::providerConfigurationsCall { id })
        .await?;
    assert_eq!(configuration.admin, admin);
    let pending = net
        .call(registry, StakingRegistry::pendingProviderAdminsCall { id })
        .await?;
    assert_eq!(pending, Address::ZERO);
    Ok(())
}

#[tokio::test]
async fn a_flush_before_the_bootstrap_is_reached_uses_up_the_epoch() -> Result<()> {
    let (net, provider, keys) = with_provider().await?;
    let rollup = net.addresses.first.rollup;
    for _ in 0..5 {
        net.stake(&net.stake_on(provider)).await?;
    }
    net.next_epoch().await?;
    net.flush_entry_queue().await?;
    net.stake(&net.stake_on(provider)).await?;
    assert_eq!(
        net.call(rollup, Rollup::getEntryQueueFlushSizeCall {})
            .await?,
        U256::from(4)
    );
    assert_eq!(
        net.call(rollup, Rollup::getAvailableValidatorFlushesCall {})
            .await?,
        U256::ZERO
    );
    net.flush_entry_queue().await?;
    assert_eq!(queue_length(&net).await?, U256::from(6));

    net.next_epoch().await?;
    net.flush_entry_queue().await?;
    assert_eq!(queue_length(&net).await?, U256::from(2));
    net.next_epoch().await?;
    net.flush_entry_queue().await?;
    assert_eq!(queue_length(&net).await?, U256::ZERO);
    for key in &keys[..6] {
        let view = net.attester_view(key.attester).await?;
        assert_eq!(
            (view.status, view.effectiveBalance),
            (VALIDATING, tokens(200_000))
        );
    }
    assert!(net.call(rollup, Rollup::getIsBootstrappedCall {}).await?);
    Ok(())
}

#[tokio::test]
async fn deposits_with_used_or_bad_keys_fail_at_the_flush_and_return_the_money() -> Result<()> {
    let (net, _, keys) = with_validators().await?;
    let stranger = Localnet::account("stranger");
    let attempts = [
        keys[0].clone(),
        Key::from_index(50)?.with_bad_proof(),
        Key::from_index(51)?.with_bls_of(&keys[1]),
    ];
    for key in &attempts {
        net.deposit(key, stranger, true).await?;
    }
    assert_eq!(net.staking_balance(stranger).await?, U256::ZERO);
    // An epoch lets one in here, and a failed deposit uses nothing of that: all three fail in the same epoch.
    net.next_epoch().await?;
    for attempt in 1..=3 {
        let receipt = net.flush_entry_queue().await?;
        assert!(receipt.decoded_log::<Rollup::FailedDeposit>().is_some());
        assert!(receipt.decoded_log::<Rollup::Deposit>().is_none());
        assert_eq!(
            net.staking_balance(stranger).await?,
            tokens(200_000 * attempt)
        );
    }
    assert_eq!(net.status(keys[0].attester).await?, VALIDATING);
    assert_eq!(net.status(attempts[1].attester).await?, NONE);
    assert_eq!(net.status(attempts[2].attester).await?, NONE);
    // A bad proof leaves no trace: the same sequencer may come again with a good one.
    net.deposit(&Key::from_index(50)?, stranger, true).await?;
    net.drain_entry_queue().await?;
    assert_eq!(net.status(attempts[1].attester).await?, VALIDATING);
    Ok(())
}

#[tokio::test]
async fn a_slash_keeps_ejects_or_erases_a_sequencer_by_what_it_leaves() -> Result<()> {
    let (net, _, keys) = with_validators().await?;
    let slashed = |index: usize| keys[index].attester;

    net.slash(slashed(2), tokens(2_000)).await?;
    let view = net.attester_view(slashed(2)).await?;
    assert_eq!(
        (view.status, view.effectiveBalance, view.exit.exists),
        (VALIDATING, tokens(198_000), false)
    );

    // Exactly the local threshold stays; one unit below is out.
    net.slash(slashed(2), tokens(8_000)).await?;
    assert_eq!(
        net.attester_view(slashed(2)).await?.effectiveBalance,
        tokens(190_000)
    );
    net.slash(slashed(2), U256::ONE).await?;
    let view = net.attester_view(slashed(2)).await?;
    assert_eq!((view.status, view.effectiveBalance), (ZOMBIE, U256::ZERO));
    assert_eq!(view.exit.amount, tokens(190_000) - U256::ONE);

    net.slash(slashed(3), tokens(20_000)).await?;
    let view = net.attester_view(slashed(3)).await?;
    assert_eq!(
        (view.status, view.effectiveBalance, view.exit.amount),
        (ZOMBIE, U256::ZERO, tokens(180_000))
    );
    assert_eq!(
        (view.exit.isRecipient, view.exit.recipientOrWithdrawer),
        (false, Localnet::account("withdrawer"))
    );

    let receipt = net.slash(slashed(5), tokens(900_000)).await?;
    let event = receipt
        .decoded_log::<Rollup::Slashed>()
        .map(|event| event.amount);
    assert_eq!(event, Some(tokens(200_000)));
    let view = net.attester_view(slashed(5)).await?;
    assert_eq!((view.status, view.exit.exists), (NONE, false));
    assert_eq!(view.config.withdrawer, Localnet::account("withdrawer"));

    // Whoever is gone cannot be slashed: the call succeeds and nothing happens.
    let receipt = net.slash(slashed(5), tokens(1)).await?;
    assert!(receipt.logs().is_empty());
    // A slash of nothing happens, and takes nothing.
    let receipt = net.slash(slashed(4), U256::ZERO).await?;
    assert_eq!(
        receipt
            .decoded_log::<Rollup::Slashed>()
            .map(|event| event.amount),
        Some(U256::ZERO)
    );
    assert_eq!(
        net.attester_view(slashed(4)).await?.effectiveBalance,
        tokens(200_000)
    );
    Ok(())
}

#[tokio::test]
async fn an_exit_waits_for_its_delay_and_for_governance() -> Result<()> {
    let (net, _, keys) = with_validators().await?;
    let (zombie, leaver) = (keys[3].attester, keys[4].attester);
    let (withdrawer, recipient) = (
        Localnet::account("withdrawer"),
        Localnet::account("cold wallet"),
    );
    net.slash(zombie, tokens(20_000)).await?;
    let refused = refusal(net.finalize_withdraw(zombie).await);
    assert!(
        refused.contains("Staking__InitiateWithdrawNeeded"),
        "{refused}"
    );
    let before = net.attester_view(zombie).await?.exit.exitableAt;
    net.initiate_withdraw(withdrawer, zombie, recipient).await?;
    let view = net.attester_view(zombie).await?;
    assert_eq!((view.status, view.exit.exitableAt), (EXITING, before));

    let refused = refusal(net.initiate_withdraw(recipient, leaver, recipient).await);
    assert!(refused.contains("Staking__NotWithdrawer"), "{refused}");
    net.initiate_withdraw(withdrawer, leaver, recipient).await?;
    assert_eq!(net.status(leaver).await?, EXITING);
    let refused = refusal(net.finalize_withdraw(leaver).await);
    assert!(
        refused.contains("Staking__WithdrawalNotUnlockedYet"),
        "{refused}"
    );
    net.slash(leaver, tokens(2_000)).await?;
    assert_eq!(
        net.attester_view(leaver).await?.exit.amount,
        tokens(198_000)
    );

    net.pass_exit_delay(net.addresses.first, leaver).await?;
    let refused = refusal(net.finalize_withdraw(leaver).await);
    assert!(
        refused.contains("Governance__WithdrawalNotUnlockedYet"),
        "{refused}"
    );
    // Past its delay an exit is out of reach.
    assert!(net.slash(leaver, tokens(1)).await?.logs().is_empty());
    net.pass_governance_unlock(net.addresses.first, leaver)
        .await?;
    net.finalize_withdraw(leaver).await?;
    let view = net.attester_view(leaver).await?;
    assert_eq!(
        (view.status, view.exit.exists, view.config.withdrawer),
        (NONE, false, withdrawer)
    );
    assert_eq!(net.staking_balance(recipient).await?, tokens(198_000));
    Ok(())
}

#[tokio::test]
async fn a_new_canonical_rollup_takes_those_who_move_and_leaves_the_others() -> Result<()> {
    let (net, provider, keys) = with_validators().await?;
    let mut stay = net.stake_on(provider);
    stay.move_with_latest = false;
    let stays = net.stake(&stay).await?.attester;
    net.drain_entry_queue().await?;
    net.slash(keys[3].attester, tokens(20_000)).await?;
    net.make_successor_canonical().await?;

    let (first, successor) = (net.addresses.first, net.addresses.successor);
    assert_ne!(first.version, successor.version);
    assert_eq!(net.canonical_rollup().await?, successor.rollup);
    assert_eq!(
        net.call(net.addresses.gse, GSE::getLatestRollupCall {})
            .await?,
        successor.rollup
    );
    assert_eq!(
        net.call(net.addresses.registry, Registry::numberOfVersionsCall {})
            .await?,
        U256::from(2)
    );
    let (moved, zombie) = (keys[0].attester, keys[3].attester);
    let mut statuses = Vec::new();
    for attester in [moved, stays, zombie] {
        let old = net.attester_view_on(first, attester).await?.status;
        let new = net.attester_view_on(successor, attester).await?.status;
        statuses.push((old, new));
    }
    assert_eq!(
        statuses,
        [(NONE, VALIDATING), (VALIDATING, NONE), (ZOMBIE, NONE)]
    );
    Ok(())
}

#[tokio::test]
async fn a_reorg_takes_a_transaction_back_and_changes_the_hashes() -> Result<()> {
    let (net, provider, _) = with_provider().await?;
    net.mine(3).await?;
    let parent = net.head().await?;
    net.stake(&net.stake_on(provider)).await?;
    let before = net.head().await?;
    net.reorg(before.number - parent.number).await?;
    let after = net.head().await?;
    assert_eq!(after.number, before.number);
    assert_ne!(after.hash, before.hash);
    assert_eq!(net.provider_queue(provider).await?, (1, 13));
    assert_eq!(queue_length(&net).await?, U256::ZERO);
    Ok(())
}

#[tokio::test]
async fn a_snapshot_brings_the_chain_back() -> Result<()> {
    let (net, provider, _) = with_provider().await?;
    let snapshot = net.snapshot().await?;
    let head = net.head().await?;
    net.drip(provider, 3).await?;
    net.revert(snapshot).await?;
    assert_eq!(net.head().await?, head);
    assert_eq!(net.provider_queue(provider).await?, (1, 13));
    Ok(())
}

#[tokio::test]
async fn a_state_written_to_a_file_is_the_same_chain_elsewhere() -> Result<()> {
    let (net, _, keys) = with_validators().await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("state.hex");
    net.dump_state(&path).await?;
    let head = net.head().await?;
    let options = localnet::AnvilOptions {
        load_state: Some(path),
        ..Default::default()
    };
    let again = Localnet::deploy_with(Profile::Small, &options).await?;
    assert_eq!(again.head().await?.hash, head.hash);
    assert_eq!(again.status(keys[0].attester).await?, VALIDATING);
    again.mine(1).await?;
    let count = again
        .call(
            again.addresses.first.rollup,
            Rollup::getActiveAttesterCountCall {},
        )
        .await?;
    assert_eq!(count, U256::from(6));
    Ok(())
}

#[tokio::test]
async fn the_rewards_of_a_split_are_shared_by_the_rate_of_the_day_it_was_made() -> Result<()> {
    let (net, provider, _) = with_provider().await?;
    let staked = net.stake(&net.stake_on(provider)).await?;
    net.update_take_rate(provider, 5_000).await?;
    net.set_rewards(staked.split, tokens(350)).await?;
    let rollup = net.addresses.first.rollup;
    let coinbase = staked.split;
    assert_eq!(
        net.call(rollup, Rollup::getSequencerRewardsCall { coinbase })
            .await?,
        tokens(350)
    );
    net.claim_rewards(coinbase).await?;
    net.distribute(&staked).await?;
    let wei = U256::ONE;
    let shared = tokens(350) - wei;
    let provider_share = net
        .warehouse_balance(coinbase, Localnet::account("provider rewards"))
        .await?;
    assert_eq!(
        provider_share,
        shared * U256::from(500) / U256::from(10_000)
    );
    let delegator_share = net
        .warehouse_balance(coinbase, Localnet::account("delegator rewards"))
        .await?;
    assert_eq!(
        delegator_share,
        shared * U256::from(9_500) / U256::from(10_000)
    );
    Ok(())
}

#[tokio::test]
async fn the_stages_of_the_command_line_run_to_their_end() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    let mut seen = Vec::new();
    localnet::stages::run(&net, |stage, _| seen.push(stage.to_owned())).await?;
    assert_eq!(
        seen.last().map(String::as_str),
        Some("new canonical rollup")
    );
    Ok(())
}

#[tokio::test]
async fn multicall3_answers_with_the_block_it_ran_in() -> Result<()> {
    let net = Localnet::deploy(Profile::Small).await?;
    net.mine(2).await?;
    let head = net.head().await?;
    let multicall3 = net.addresses.multicall3;
    let calls = vec![
        Call3 {
            target: multicall3,
            allowFailure: false,
            callData: Multicall3::getBlockNumberCall {}.abi_encode().into(),
        },
        Call3 {
            target: net.addresses.gse,
            allowFailure: true,
            callData: Default::default(),
        },
    ];
    let results = net
        .call(multicall3, Multicall3::aggregate3Call { calls })
        .await?;
    assert_eq!(results[0].returnData, U256::from(head.number).abi_encode());
    assert!(!results[1].success);
    let timestamp = net
        .call(multicall3, Multicall3::getCurrentBlockTimestampCall {})
        .await?;
    assert_eq!(timestamp, U256::from(head.timestamp));
    Ok(())
}
