//! Rollups of several releases, watched: the same life on each, a registry of three, and a release that nobody knows.
//!
//! v2 and v4 are the real contracts; v5 is v4 compiled with v5's differences (`deploy/localnet/releases/v5.mjs`).

use localnet::{
    Key, Localnet, Profile, Release, Stake,
    contracts::{FutureRollup, Rollup, StakingQueueConfig},
    deploy::RollupAddresses,
    rollup::tokens,
};
use steward::{
    attester::Stage,
    book::records,
    chain::contracts::QueueConfig,
    units::{Address, RollupVersion},
};

use super::real_chain::{NETWORK, Story, live};

/// The long lives are asked for by `STEWARD_TEST_RELEASES`: half a minute each.
async fn live_on(first: Release, successor: Release) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test reads what it is asked for"
    )]
    let is_asked_for = std::env::var_os("STEWARD_TEST_RELEASES").is_some();
    if !is_asked_for {
        println!("skipped: STEWARD_TEST_RELEASES=1 asks for a whole life on every release");
        return;
    }
    let net = Localnet::deploy_releases(first, successor).await.unwrap();
    live(&Story::over(net).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_on_v2_up_to_v4_is_seen_stage_by_stage() {
    live_on(Release::V2, Release::V4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_on_v4_up_to_v5_is_seen_stage_by_stage() {
    live_on(Release::V4, Release::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_life_on_v5_up_to_v4_is_seen_stage_by_stage() {
    live_on(Release::V5, Release::V4).await;
}

async fn rollup(story: &Story, version: u64) -> records::Rollup {
    let state = story.writer.read().await;
    let book = state.book(NETWORK).unwrap();
    let version = RollupVersion::new(version);
    book.rollups.row(&version).cloned().unwrap()
}

async fn slashers(story: &Story, version: u64) -> Vec<Address> {
    let slashing = rollup(story, version).await.slashing.into_iter();
    slashing.map(|slashing| slashing.slasher).collect()
}

async fn queue_config(story: &Story, version: u64) -> [u64; 5] {
    let parameters = rollup(story, version).await.parameters.unwrap();
    let QueueConfig {
        bootstrap_validator_set_size,
        bootstrap_flush_size,
        normal_flush_size_min,
        normal_flush_size_quotient,
        max_queue_flush_size,
    } = parameters.queue_config.unwrap();
    [
        bootstrap_validator_set_size,
        bootstrap_flush_size,
        normal_flush_size_min,
        normal_flush_size_quotient,
        max_queue_flush_size,
    ]
}

/// Goal: what mainnet has become, v2 (version 0) to v4 to v5, is followed as one network.
#[tokio::test(flavor = "multi_thread")]
async fn a_registry_with_rollups_of_three_releases_is_one_network() {
    let net = Localnet::deploy_releases(Release::V2, Release::V4)
        .await
        .unwrap();
    let story = Story::over(net).await;
    let net = &story.net;
    let keys = Key::range(0, 9).unwrap();
    story.call(&keys, "k#");
    net.add_keys(story.provider, &keys).await.unwrap();
    story.stake(6, true).await;
    story.stake(1, false).await;
    net.drain_entry_queue().await.unwrap();
    story.watch().await;
    assert_eq!(net.addresses.first.version, 0);
    assert_eq!(story.stage(&keys[6]).await, Stage::Active);

    net.make_successor_canonical().await.unwrap();
    insta::assert_snapshot!(story.watch().await, @r"
    k6: ACTIVE -> NO_LONGER_ACTIVE LeftOnRollup { rollup: first } by GSE.getLatestRollup
    canonical: 6 moved, 1 left, by GSE.getLatestRollup
    ");
    let version = Release::V5.mainnet_version();
    let v5 = net
        .deploy_rollup(Profile::Small, Release::V5, version)
        .await
        .unwrap();
    net.make_canonical(v5).await.unwrap();
    insta::assert_snapshot!(story.watch().await, @"canonical: 6 moved, 0 left, by GSE.getLatestRollup");
    stay_on(&story, &keys, v5).await;
    change_slashers(&story, &keys, v5).await;
    story.is_sound().await;
    for version in [0, net.addresses.successor.version, v5.version] {
        let rollup = rollup(&story, version).await;
        assert_eq!(rollup.gse, net.addresses.gse);
        let governance = rollup.parameters.map(|parameters| parameters.governance);
        assert_eq!(governance, Some(net.addresses.governance));
    }
}

/// A stake that stays on v5 when it enters there, and the flush configuration of each release, which has no getter.
async fn stay_on(story: &Story, keys: &[Key], v5: RollupAddresses) {
    let net = &story.net;
    let stays = Stake {
        version: v5.version,
        move_with_latest: false,
        ..net.stake_on(story.provider)
    };
    net.stake(&stays).await.unwrap();
    net.next_epoch().await.unwrap();
    net.flush_entry_queue_of(v5).await.unwrap();
    insta::assert_snapshot!(story.watch().await, @r"
    k7: IN_STAKING_PROVIDER_QUEUE -> ROLLUP_ENTRY_QUEUE InEntryQueue { rollup: RollupVersion(4248422647) } by StakingRegistry.StakedWithProvider
    k7: ROLLUP_ENTRY_QUEUE -> ACTIVE OnRollup { rollup: RollupVersion(4248422647) } by Rollup.Deposit
    ");
    assert_eq!(story.stage(&keys[7]).await, Stage::Active);

    let all = [net.addresses.first, net.addresses.successor, v5];
    for rollup in all {
        assert_eq!(queue_config(story, rollup.version).await, [6, 4, 1, 400, 4]);
    }
    for (number, rollup) in (1..).zip(all) {
        let number = |base: u64| alloy::primitives::U256::from(base + number);
        let config = StakingQueueConfig {
            bootstrapValidatorSetSize: number(10),
            bootstrapFlushSize: number(20),
            normalFlushSizeMin: number(30),
            normalFlushSizeQuotient: number(40),
            maxQueueFlushSize: number(50),
        };
        let update = Rollup::updateStakingQueueConfigCall { config };
        net.govern(rollup.rollup, update).await.unwrap();
    }
    story.watch().await;
    let expected = |number: u64| [10, 20, 30, 40, 50].map(|base| base + number);
    for (number, rollup) in (1..).zip(all) {
        assert_eq!(queue_config(story, rollup.version).await, expected(number));
    }
    // A change of a slasher has every rollup read again: now from the storage and not from the event.
    let slasher = net
        .deploy_slasher(Profile::Small, all[1].rollup)
        .await
        .unwrap();
    let set = Rollup::setSlasherCall { slasher };
    net.govern(all[1].rollup, set).await.unwrap();
    story.watch().await;
    assert_eq!(slashers(story, all[1].version).await, [slasher]);
    for (number, rollup) in (1..).zip(all) {
        assert_eq!(queue_config(story, rollup.version).await, expected(number));
    }
}

/// v5: a slasher is announced sixty days ahead, and the one before it may slash for thirty days more.
async fn change_slashers(story: &Story, keys: &[Key], v5: RollupAddresses) {
    const DAY_SECONDS: u64 = 86_400;
    let net = &story.net;
    assert_eq!(slashers(story, v5.version).await, [v5.slasher]);
    let next = net.deploy_slasher(Profile::Small, v5.rollup).await.unwrap();
    let queue = |slasher| Rollup::queueSetSlasherCall { slasher };
    net.govern(v5.rollup, queue(next)).await.unwrap();
    story.watch().await;
    assert_eq!(slashers(story, v5.version).await, [v5.slasher, next]);
    net.govern(v5.rollup, Rollup::cancelSetSlasherCall {})
        .await
        .unwrap();
    story.watch().await;
    assert_eq!(slashers(story, v5.version).await, [v5.slasher]);

    net.govern(v5.rollup, queue(next)).await.unwrap();
    net.warp(60 * DAY_SECONDS).await.unwrap();
    net.govern(v5.rollup, Rollup::finalizeSetSlasherCall {})
        .await
        .unwrap();
    story.watch().await;
    assert_eq!(slashers(story, v5.version).await, [next, v5.slasher]);
    for (slasher, key) in [(v5.slasher, 0), (next, 7)] {
        let (attester, amount) = (keys[key].attester, tokens(2_000));
        let slash = Rollup::slashCall { attester, amount };
        net.rpc.send(slasher, v5.rollup, slash).await.unwrap();
    }
    insta::assert_snapshot!(story.watch().await, @r"
    k0: slash 1 of 2,000, left 198,000
    k7: slash 1 of 2,000, left 198,000
    ");
}

/// Goal: a rollup of a release that nobody knows stops nothing: what it does not answer is unknown, what it emits is told
/// once, and everything else is followed as before.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_of_an_unknown_release_leaves_unknown_what_it_does_not_answer() {
    let net = Localnet::deploy_releases(Release::V4, Release::V5)
        .await
        .unwrap();
    let story = Story::over(net).await;
    let net = &story.net;
    let keys = Key::range(0, 9).unwrap();
    story.call(&keys, "k#");
    net.add_keys(story.provider, &keys[..7]).await.unwrap();
    story.stake(6, true).await;
    net.drain_entry_queue().await.unwrap();
    story.watch().await;

    let future = net.deploy_future_rollup(6).await.unwrap();
    net.make_canonical(future).await.unwrap();
    insta::assert_snapshot!(story.watch().await, @r"
    canonical: 6 moved, 0 left, by GSE.getLatestRollup
    ");
    assert_eq!(story.stage(&keys[0]).await, Stage::Active);
    let row = rollup(&story, 6).await;
    assert_eq!((row.parameters, row.slashing.len()), (None, 0));
    for what in [1, 2] {
        let what = alloy::primitives::U256::from(what);
        let surprise = FutureRollup::surpriseCall { what };
        net.rpc
            .send(Localnet::account("anyone"), future.rollup, surprise)
            .await
            .unwrap();
    }
    net.add_keys(story.provider, &keys[7..]).await.unwrap();
    story.stake(1, false).await;
    insta::assert_snapshot!(story.watch().await, @r"
    k7: NEW -> IN_STAKING_PROVIDER_QUEUE InProviderQueue by StakingRegistry.AttestersAddedToProvider
    k8: NEW -> IN_STAKING_PROVIDER_QUEUE InProviderQueue by StakingRegistry.AttestersAddedToProvider
    k6: IN_STAKING_PROVIDER_QUEUE -> ROLLUP_ENTRY_QUEUE InEntryQueue { rollup: first } by StakingRegistry.StakedWithProvider
    ");
    let state = story.writer.read().await;
    let book = state.book(NETWORK).unwrap();
    let unknown: Vec<_> = book.unknown_events.rows().collect();
    assert_eq!(unknown.len(), 1);
    assert_eq!((unknown[0].0.0, unknown[0].1.count), (future.rollup, 2));
    assert_eq!(state.progress_of(NETWORK).faults, []);
}
