//! What other endpoints say of a block with news: asked before it is told, owed where they are silent, and believed where a
//! majority of them contradicts the one that told it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use alloy::sol_types::{SolCall, SolEvent};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use steward::{
    alert::text::Explorer,
    chain::{ChainError, contracts::abi, endpoints::Endpoints},
    desk::{Bureau, Desk, Letterhead},
    metrics::{Metrics, PerAttester},
    outbox::{Delivery, DeliveryState, Routes, courier::ChannelId},
    provider::coinbase::{CommonCoinbases, Rungs},
    service::counted::CountedAnnouncer,
    state::State,
    store::memory::{Fault as DiskFault, FaultPlan},
    units::{Address, Bytes, ProviderId, U256, UnixSeconds},
    views::{Build, Gateway, Glance, NetworkGlance},
    watcher::ProviderRef,
};

use crate::{
    watched::{NETWORK, Recorder, Watched},
    watching::{flush, watched},
    world::{
        blocks::{Setup, World},
        endpoint::Lie,
        script::{OURS, Script},
    },
};

/// Seeds of the simulation.
const SEEDS: u64 = 40;

/// The watcher with a desk, so that there are cards.
pub fn with_desk(mut watched: Watched) -> Watched {
    watched.recorder = Arc::new(Recorder {
        desk: Some(Arc::new(Desk::new(
            Letterhead::default(),
            vec![bureau(None)],
        ))),
        ..Recorder::default()
    });
    watched.restart();
    watched
}

/// What a desk knows of the network.
pub fn bureau(endpoints: Option<Arc<Endpoints>>) -> Bureau {
    Bureau {
        network: NETWORK.to_owned(),
        provider_label: "our provider".to_owned(),
        provider: ProviderRef::Id(ProviderId::new(OURS)),
        explorer: Explorer(None),
        routes: Routes::new(ChannelId(1), ChannelId(2)),
        rungs: Rungs::default(),
        common: CommonCoinbases::default(),
        single_max_age: Duration::from_secs(86_400),
        head_age_max: None,
        has_keys_dir: false,
        endpoints,
    }
}

/// Messages that are sent or to be sent.
fn standing(state: &State) -> impl Iterator<Item = &Delivery> {
    state.outbox.deliveries().filter(|delivery| {
        !matches!(
            delivery.state,
            DeliveryState::Cancelled { .. }
                | DeliveryState::Merged { .. }
                | DeliveryState::Moved { .. }
        )
    })
}

/// What stands on the cards of transitions about their sources, each once.
async fn sources(watched: &Watched) -> Vec<String> {
    let state = watched.writer.read().await;
    let mut said: Vec<String> = standing(&state)
        .flat_map(|delivery| &delivery.wanted.cards)
        .flat_map(|card| &card.fields)
        .filter(|field| field.name == "Evidence")
        .map(|field| {
            let text = format!("{:?}", field.value);
            text.rsplit(" · ").next().unwrap().replace("\")])", "")
        })
        .collect();
    said.dedup();
    said
}

async fn owed(watched: &Watched) -> usize {
    let state = watched.writer.read().await;
    state.book(NETWORK).unwrap().owed_agreements.len()
}

/// Who said what of the newest block about which there was a contradiction, and who rests for it.
async fn disagreement(watched: &Watched) -> (Vec<String>, Vec<String>) {
    let state = watched.writer.read().await;
    let book = state.book(NETWORK).unwrap();
    let (_, row) = book.disagreements.rows().next_back().unwrap();
    let name = |name: &steward::chain::EndpointName| name.as_str().to_owned();
    let said = row.said.iter().map(|said| name(&said.endpoint)).collect();
    (said, row.out.iter().map(name).collect())
}

fn happened(watched: &Watched, what: &str) -> bool {
    let happenings = watched.recorder.happenings.lock().unwrap();
    happenings.iter().any(|happening| happening.contains(what))
}

/// An answer of `getAttesterView` as if the attester had never been heard of.
fn nobody(world: &World) -> Lie {
    use steward::chain::{CallAnswer, contracts::call};
    let rollup = world.contracts().rollup(1).unwrap().address;
    let attester = Address::repeat_byte(0xee);
    let asked = call(rollup, &abi::Rollup::getAttesterViewCall { attester });
    let CallAnswer::Returned(answer) = world.contracts().call(asked.to, &asked.data) else {
        panic!("getAttesterView reverts");
    };
    Lie::Answers(abi::Rollup::getAttesterViewCall::SELECTOR, answer)
}

fn no_deposits() -> Lie {
    Lie::DropsLogs(abi::Rollup::Deposit::SIGNATURE_HASH)
}

#[tokio::test(start_paused = true)]
async fn a_card_says_at_once_how_many_endpoints_agree() {
    let mut watched = with_desk(watched(2, 3));
    watched.is_right().await;
    for endpoint in &watched.endpoints {
        endpoint.take_requests();
    }
    watched.play(flush);
    watched.is_right().await;
    assert_eq!(sources(&watched).await, ["2 of 3 endpoints agree"]);
    assert!(happened(&watched, "told as Agreed"));
    assert!(
        !happened(&watched, "Agreed { block"),
        "told once, and not edited"
    );
    assert_eq!(owed(&watched).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_lies_rests_and_its_version_is_never_told() {
    let world_lie = |watched: &Watched, kind: usize| match kind {
        0 => no_deposits(),
        _ => watched.play(|world| nobody(world)),
    };
    for kind in 0..2 {
        let mut watched = with_desk(watched(2, 3));
        watched.is_right().await;
        let lie = world_lie(&watched, kind);
        watched.endpoints[0].change(|manners| manners.lies = vec![lie]);
        watched.play(flush);
        watched.is_right().await;
        assert_eq!(sources(&watched).await, ["2 of 3 endpoints agree"]);
        assert!(!happened(&watched, "Unwound"));
        let (said, out) = disagreement(&watched).await;
        assert_eq!(out, ["rpc-1"], "lie {kind}");
        assert_eq!(said, ["rpc-2", "rpc-3", "rpc-1"], "the majority first");
        let state = watched.writer.read().await;
        let faults = state.progress_of(NETWORK).faults;
        assert!(faults.is_empty(), "{faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_that_contradict_each_other_are_one_source_until_they_agree() {
    let mut watched = with_desk(watched(2, 2));
    watched.is_right().await;
    watched.endpoints[1].change(|manners| manners.lies = vec![no_deposits()]);
    watched.play(flush);
    watched.is_right().await;
    assert_eq!(sources(&watched).await, ["one source"]);
    assert_eq!(owed(&watched).await, 1);
    let (said, out) = disagreement(&watched).await;
    assert_eq!((said.len(), out.len()), (2, 0));
    watched.heal();
    watched.play(|world| world.mine_many(2));
    watched.is_right().await;
    assert_eq!(sources(&watched).await, ["2 of 2 endpoints agree"]);
    assert_eq!(owed(&watched).await, 0);
}

/// Whatever commit the process dies at, the card is edited when the others speak again.
#[tokio::test(start_paused = true)]
async fn an_agreement_that_is_owed_survives_a_crash() {
    for fault in [DiskFault::CrashBefore, DiskFault::CrashAfter] {
        for back in 0..3 {
            let mut watched = with_desk(watched(2, 3));
            watched.is_right().await;
            for silent in &watched.endpoints[1..] {
                silent.change(|manners| manners.is_hanging = true);
            }
            watched.play(flush);
            let commit = watched.store.commits_tried() + 1 + back;
            let plan = FaultPlan { commit, fault };
            watched.store = watched.store.clone().with_fault(plan);
            let start = tokio::time::Instant::now();
            watched.come_to_rest().await;
            assert!(start.elapsed() >= Duration::from_secs(6), "it waited");
            assert_eq!(sources(&watched).await, ["one source"]);
            assert_eq!(owed(&watched).await, 1);
            watched.heal();
            tokio::time::sleep(Duration::from_secs(60)).await;
            watched.play(|world| world.mine_many(3));
            watched.come_to_rest().await;
            assert_eq!(sources(&watched).await, ["2 of 3 endpoints agree"]);
            assert_eq!(owed(&watched).await, 0, "{fault:?} {back}");
            assert!(watched.wrong().await.is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn others_are_not_asked_for_ever_about_one_block() {
    let mut watched = with_desk(watched(2, 3));
    watched.is_right().await;
    for silent in &watched.endpoints[1..] {
        silent.change(|manners| manners.outage = Some(ChainError::Unavailable("gone".to_owned())));
    }
    watched.play(flush);
    watched.is_right().await;
    for _ in 0..30 {
        tokio::time::sleep(Duration::from_secs(61)).await;
        watched.play(|world| world.pass(30));
        watched.come_to_rest().await;
    }
    let asked = watched.endpoints[1].requests()["eth_getLogs"];
    assert_eq!(owed(&watched).await, 0, "given up after {asked} requests");
    assert_eq!(sources(&watched).await, ["one source"]);
}

#[tokio::test(start_paused = true)]
async fn what_one_source_told_is_taken_back_when_a_majority_contradicts_it() {
    let mut watched = with_desk(watched(2, 3));
    watched.is_right().await;
    for silent in &watched.endpoints[1..] {
        silent.change(|manners| manners.outage = Some(ChainError::Unavailable("gone".to_owned())));
    }
    let lie = watched.play(|world| nobody(world));
    watched.endpoints[0].change(|manners| manners.lies = vec![lie]);
    watched.play(flush);
    watched.come_to_rest().await;
    assert!(!watched.wrong().await.is_empty(), "the lie was believed");
    for back in &watched.endpoints[1..] {
        back.change(|manners| manners.outage = None);
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    watched.play(|world| world.mine_many(2));
    watched.come_to_rest().await;
    assert_eq!(watched.wrong().await, Vec::<String>::new());
    assert!(happened(&watched, "why: Overruled"));
    assert_eq!(disagreement(&watched).await.1, ["rpc-1"]);
    assert_eq!(sources(&watched).await, ["2 of 3 endpoints agree"]);
}

/// What is counted while a world is watched: one card's worth each, and rehearsals not at all.
#[tokio::test(start_paused = true)]
async fn changes_their_latency_and_contradictions_are_counted_once() {
    let mut watched = watched(2, 3);
    let metrics = Metrics::new(PerAttester::default()).unwrap();
    watched.recorder = Arc::new(Recorder {
        desk: Some(Arc::new(CountedAnnouncer::new(
            Arc::new(Recorder::default()),
            metrics.live(),
        ))),
        ..Recorder::default()
    });
    watched.restart();
    watched.is_right().await;
    watched.endpoints[0].change(|manners| manners.lies = vec![no_deposits()]);
    watched.play(flush);
    watched.is_right().await;
    let state = watched.writer.read().await;
    let networks = BTreeMap::from([(NETWORK.to_owned(), NetworkGlance::new(31_337))]);
    let text = metrics.gather(&Glance {
        state: &state,
        store: watched.writer.store().as_ref(),
        now_ms: 0,
        networks: &networks,
        gateway: &Gateway::default(),
        build: &Build {
            version: String::new(),
            revision: String::new(),
            started_at: UnixSeconds::new(0),
        },
    });
    let text = text.unwrap();
    for line in [
        "steward_transitions_total{from=\"ROLLUP_ENTRY_QUEUE\",network=\"sim\",to=\"ACTIVE\"} 2",
        "steward_detection_latency_seconds_count{network=\"sim\"} 1",
        "steward_detection_latency_seconds_sum{network=\"sim\"} 2",
        "steward_rpc_disagreements_total{network=\"sim\"} 1",
    ] {
        let named = line.split('{').next().unwrap();
        let of: Vec<&str> = text.lines().filter(|one| one.starts_with(named)).collect();
        assert!(of.contains(&line), "{line}: {of:#?}");
    }
}

/// Lies that a block with news shows: whom they hide or invent is counted elsewhere in the same block.
fn lie(rng: &mut StdRng, world: &World) -> Vec<Lie> {
    let length = abi::Rollup::getEntryQueueLengthCall::SELECTOR;
    let made_up = Bytes::from(U256::from(rng.random_range(0..9)).to_be_bytes_vec());
    let lies = [
        None,
        Some(no_deposits()),
        Some(Lie::DropsLogs(abi::Rollup::ValidatorQueued::SIGNATURE_HASH)),
        Some(nobody(world)),
        Some(Lie::Answers(length, made_up)),
    ];
    lies.choose(rng).unwrap().iter().cloned().collect()
}

/// One life, in which one of three endpoints lies now and then, blocks go, and the process dies.
async fn live(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut setup = Setup::open(seed, 4);
    (setup.finalized_depth, setup.safe_depth) = (40, 20);
    let world = World::shared(setup);
    let mut script = Script::new(seed);
    script.begin(&mut world.lock());
    world.lock().mine_many(20);
    let mut watched = with_desk(Watched::new(&world, 3));
    watched.come_to_rest().await;
    let mut honest = with_desk(Watched::new(&world, 1));
    honest.come_to_rest().await;
    let liar = watched.endpoints[usize::try_from(seed % 3).unwrap()].clone();
    for round in 0..24 {
        for _ in 0..rng.random_range(1..4) {
            script.step(&mut world.lock());
        }
        if rng.random_bool(0.2) {
            script.shake(&mut world.lock(), 4);
        }
        let lies = lie(&mut rng, &world.lock());
        liar.change(|manners| manners.lies = lies);
        if rng.random_bool(0.2) {
            let kinds = [DiskFault::CrashBefore, DiskFault::CrashAfter];
            let fault = *kinds.choose(&mut rng).unwrap();
            let commit = watched.store.commits_tried() + rng.random_range(1..5);
            watched.store = watched
                .store
                .clone()
                .with_fault(FaultPlan { commit, fault });
        }
        watched.settle(40).await;
        honest.settle(40).await;
        let wrong = watched.wrong().await;
        assert!(wrong.is_empty(), "seed {seed}, round {round}: {wrong:#?}");
        tokio::time::sleep(Duration::from_secs(rng.random_range(0..90))).await;
    }
    watched.heal();
    watched.is_right().await;
    watched.is_complete().await;
    assert!(!happened(&watched, "why: Overruled"), "seed {seed}");
    honest.is_right().await;
    assert_eq!(told(&watched).await, told(&honest).await, "seed {seed}");
}

/// The notices of transitions and slashes that stand, each of them once.
async fn told(watched: &Watched) -> BTreeSet<String> {
    let state = watched.writer.read().await;
    let told: Vec<String> = standing(&state)
        .flat_map(|delivery| &delivery.entries)
        .filter(|entry| !entry.is_retracted)
        .map(|entry| entry.notice.as_str().to_owned())
        .filter(|notice| notice.contains("/attester_"))
        .collect();
    let once: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(told.len(), once.len(), "told twice");
    once
}

#[test]
fn nothing_false_is_told_where_two_of_three_are_honest() {
    std::thread::scope(|scope| {
        for part in 0..2 {
            scope.spawn(move || {
                for seed in (0..SEEDS).filter(|seed| seed % 2 == part) {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_time()
                        .start_paused(true)
                        .build()
                        .unwrap();
                    runtime.block_on(live(seed));
                }
            });
        }
    });
}
