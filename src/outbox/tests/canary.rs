//! The canary in the same world: it beats, is edited, replaced and removed, over faults, outages and crashes; and its
//! switch is fed while it stands in its channel, and never otherwise.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::{
    house::{House, MINUTE, card},
    machine::{Deed, Disk, PausedClock, on_paused_time},
    world::World,
};
use crate::{
    alert::card::{Message, Severity, Span},
    canary::{
        self, Canary, Perch,
        confirm::{Confirm, Switch},
    },
    clock::Clock,
    jobs::{Engine, EngineError, Policies},
    outbox::{Deliver, Discard, Edit, courier::ChannelId},
    state::State,
    store::Store,
    writer::Writer,
};

const CHANNEL: u64 = 30;
const INTERVAL: Duration = Duration::from_mins(10);
const TICK: Duration = Duration::from_secs(15);
const SEEDS: u64 = 40;

/// The title of the only card of every message in the channel.
fn beats(world: &World) -> Vec<String> {
    let title = |message: &Message| match message.cards[0].title.0.as_slice() {
        [Span::Plain(title)] => title.clone(),
        other => panic!("{other:?}"),
    };
    let seen = world.seen(CHANNEL);
    seen.iter()
        .map(|standing| title(&standing.message))
        .collect()
}

/// A switch that looks into the channel each time it is fed.
#[derive(Debug)]
struct Watched {
    world: Arc<World>,
    clock: Arc<PausedClock>,
    state: Mutex<Fed>,
}

#[derive(Debug, Default)]
struct Fed {
    is_broken: bool,
    times_ms: Vec<u64>,
    beats: Vec<String>,
}

impl Switch for Watched {
    fn feed(&self) -> BoxFuture<'_, Result<(), String>> {
        async {
            let newest = beats(&self.world).pop();
            let is_down = self.world.set(|rules| rules.is_down);
            assert!(!is_down, "fed while Discord is down");
            let mut state = self.state.lock().unwrap();
            if state.is_broken {
                return Err("it answered 503".to_owned());
            }
            state.times_ms.push(self.clock.now_ms());
            state
                .beats
                .push(newest.expect("fed with nothing in the channel"));
            Ok(())
        }
        .boxed()
    }
}

/// One life of a process with a canary.
struct Life {
    writer: Arc<Writer<State>>,
    disk: Arc<Disk>,
    clock: Arc<PausedClock>,
    engine: tokio::task::JoinHandle<Result<(), EngineError>>,
}

fn switch(house: &House) -> Arc<Watched> {
    Arc::new(Watched {
        world: Arc::clone(&house.world),
        clock: Arc::clone(&house.clock),
        state: Mutex::default(),
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test kills this task as a process is killed, which Tasks does not do"
)]
fn start(house: &mut House, switch: &Arc<Watched>, incarnation: u64) -> Life {
    house.disk = house.disk.reopened();
    let state = State::load([], &*house.disk, incarnation).unwrap();
    let store: Arc<dyn Store> = Arc::clone(&house.disk) as _;
    let writer = Arc::new(Writer::new(state, store));
    let clock: Arc<dyn Clock> = Arc::clone(&house.clock) as _;
    let world = || Arc::clone(&house.world) as _;
    let switch = Arc::clone(switch) as Arc<dyn Switch>;
    let engine = Engine::new(Arc::clone(&writer), clock, Policies::default(), incarnation)
        .with(Arc::new(Deliver::new(world())))
        .with(Arc::new(Edit::new(world())))
        .with(Arc::new(Discard::new(world())))
        .with(Arc::new(Confirm::new(world(), Some(switch))));
    Life {
        writer,
        disk: Arc::clone(&house.disk),
        clock: Arc::clone(&house.clock),
        engine: tokio::task::spawn(engine.run(CancellationToken::new())),
    }
}

impl Life {
    /// Takes steps for a while; says whether the disk took all of them.
    async fn live(&self, time: Duration) -> bool {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            if !self.step(true).await {
                return false;
            }
            tokio::time::sleep(TICK).await;
        }
        true
    }

    /// Takes steps for a while in which no beat is due.
    async fn rest(&self, time: Duration) {
        let end = tokio::time::Instant::now() + time;
        while tokio::time::Instant::now() < end {
            assert!(self.step(false).await);
            tokio::time::sleep(TICK).await;
        }
    }

    async fn step(&self, may_beat: bool) -> bool {
        let perch = Perch {
            channel: ChannelId(CHANNEL),
            interval: INTERVAL,
        };
        let now_ms = self.clock.now_ms();
        let commit = self.writer.commit(|state, _| {
            canary::step(state, Some(perch), may_beat, now_ms, |_, canary, id| {
                let text = format!("beat {}", canary.beat);
                Message {
                    cards: vec![card(id, Severity::Info, &text)],
                    ..Message::default()
                }
            });
            Ok::<_, std::convert::Infallible>(())
        });
        commit.await.is_ok()
    }

    async fn canary(&self) -> Canary {
        let state = self.writer.read().await;
        state.canary.row(&()).cloned().unwrap()
    }

    async fn kill(self) {
        self.disk.die();
        self.engine.abort();
        drop(self.engine.await);
    }
}

#[tokio::test(start_paused = true)]
async fn one_message_is_edited_while_it_is_young_then_replaced_and_the_old_one_removed() {
    let mut house = House::new(1);
    house
        .world
        .set(|rules| rules.editable_for = Some(Duration::from_hours(1)));
    let switch = switch(&house);
    let life = start(&mut house, &switch, 1);
    assert!(life.live(MINUTE * 45).await);
    let first = house.world.seen(CHANNEL);
    assert_eq!(beats(&house.world), ["beat 5"]);
    assert_eq!(first[0].edits, 4);
    // The beat at 60 min goes into a new message, and an old one is never edited.
    assert!(life.live(MINUTE * 20).await);
    let second = house.world.seen(CHANNEL);
    assert_eq!(beats(&house.world), ["beat 7"]);
    assert_ne!(second[0].id, first[0].id);
    assert!(life.live(MINUTE * 590).await);
    assert_eq!(house.world.seen(CHANNEL).len(), 1);
    let sent = house.world.calls(Deed::Send);
    assert_eq!((sent, house.world.calls(Deed::Delete)), (11, 10));
    // Once for each beat, with what stands there.
    assert_eq!(life.canary().await.beat, 66);
    let fed = switch.state.lock().unwrap();
    let expected: Vec<String> = (1..=fed.beats.len())
        .map(|beat| format!("beat {beat}"))
        .collect();
    assert_eq!(fed.beats, expected);
    assert!(fed.beats.len() >= 65, "{}", fed.beats.len());
}

#[tokio::test(start_paused = true)]
async fn an_outage_starves_the_switch_and_leaves_one_message() {
    let mut house = House::new(2);
    let switch = switch(&house);
    let life = start(&mut house, &switch, 1);
    assert!(life.live(MINUTE * 5).await);
    house.world.set(|rules| rules.is_down = true);
    assert!(life.live(MINUTE * 90).await);
    assert_eq!(switch.state.lock().unwrap().beats, ["beat 1"]);
    house.world.set(|rules| rules.is_down = false);
    assert!(life.live(MINUTE * 20).await);
    // What was not told in time is not told: the newest beat stands, alone.
    assert_eq!(house.world.seen(CHANNEL).len(), 1);
    let newest = format!("beat {}", life.canary().await.beat);
    assert_eq!(beats(&house.world), std::slice::from_ref(&newest));
    assert_eq!(switch.state.lock().unwrap().beats.last(), Some(&newest));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_canary_starves_the_switch_until_the_next_one_stands() {
    let mut house = House::new(3);
    let switch = switch(&house);
    let life = start(&mut house, &switch, 1);
    assert!(life.live(MINUTE * 5).await);
    house.world.set(|rules| rules.messages[0].is_deleted = true);
    assert!(life.live(MINUTE * 10).await);
    assert_eq!(switch.state.lock().unwrap().beats, ["beat 1"]);
    assert!(life.live(MINUTE * 10).await);
    assert_eq!(beats(&house.world), ["beat 3"]);
    assert_eq!(switch.state.lock().unwrap().beats, ["beat 1", "beat 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_switch_that_does_not_answer_is_fed_again_until_the_next_beat_and_no_longer() {
    let mut house = House::new(4);
    let switch = switch(&house);
    switch.state.lock().unwrap().is_broken = true;
    let life = start(&mut house, &switch, 1);
    assert!(life.live(MINUTE * 3).await);
    let canary = life.canary().await;
    assert_eq!(
        (canary.seen.map(|seen| seen.beat), canary.fed_at_ms),
        (Some(1), None)
    );
    switch.state.lock().unwrap().is_broken = false;
    assert!(life.live(MINUTE * 2).await);
    assert_eq!(switch.state.lock().unwrap().beats, ["beat 1"]);
    switch.state.lock().unwrap().is_broken = true;
    assert!(life.live(MINUTE * 30).await);
    // None of them is a job that somebody must look after.
    let state = life.writer.read().await;
    assert_eq!(state.jobs.troubled().count(), 0);
    let reasons: Vec<_> = state
        .jobs
        .newest()
        .filter(|job| job.key == "canary-2")
        .filter_map(|job| job.reason.clone())
        .collect();
    let reason = "given up in time: the dead man's switch was not fed: it answered 503";
    assert_eq!(reasons, [reason]);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_stands_still_silences_the_canary() {
    let mut house = House::new(5);
    let switch = switch(&house);
    let life = start(&mut house, &switch, 1);
    assert!(life.live(MINUTE * 5).await);
    life.rest(MINUTE * 50).await;
    assert_eq!(switch.state.lock().unwrap().beats, ["beat 1"]);
    assert!(life.live(MINUTE * 2).await);
    assert_eq!(switch.state.lock().unwrap().beats, ["beat 1", "beat 2"]);
}

/// In the end one message stands, and shows the newest beat; and the switch was fed with it.
async fn seeded(seed: u64) -> u64 {
    let mut random = StdRng::seed_from_u64(seed);
    let mut house = House::new(seed);
    let rate = [0.0, 0.1, 0.4][random.random_range(0..3)];
    house.world.set(|rules| {
        rules.fault_rate = rate;
        rules.editable_for = Some(Duration::from_hours(1));
    });
    let switch = switch(&house);
    let mut crashes = 0;
    let lives = random.random_range(2..7);
    for incarnation in 1..=lives {
        let life = start(&mut house, &switch, incarnation);
        house.fuse.light(random.random_range(0..60));
        let world = Arc::clone(&house.world);
        let days = async {
            for _ in 0..random.random_range(1..8) {
                let is_down = random.random_bool(0.2);
                world.set(|rules| rules.is_down = is_down);
                if random.random_bool(0.1) {
                    world.set(|rules| {
                        if let Some(message) = rules.messages.last_mut() {
                            message.is_deleted = true;
                        }
                    });
                }
                if !life.live(MINUTE * random.random_range(1..40)).await {
                    return true;
                }
            }
            false
        };
        let is_dead = tokio::select! {
            biased;
            () = house.fuse.blown.notified() => true,
            is_dead = days => is_dead,
        };
        crashes += u64::from(is_dead);
        house.fuse.put_out();
        life.kill().await;
    }
    house
        .world
        .set(|rules| (rules.fault_rate, rules.is_down) = (0.0, false));
    let life = start(&mut house, &switch, lives + 1);
    assert!(life.live(MINUTE * 120).await);
    life.rest(MINUTE).await;
    let newest = format!("beat {}", life.canary().await.beat);
    assert_eq!(
        beats(&house.world),
        std::slice::from_ref(&newest),
        "seed {seed}"
    );
    assert_eq!(
        switch.state.lock().unwrap().beats.last(),
        Some(&newest),
        "seed {seed}"
    );
    crashes
}

#[test]
fn over_faults_and_crashes_one_canary_stands_and_nothing_else_feeds_the_switch() {
    let mut crashes = 0;
    for seed in 0..SEEDS {
        crashes += on_paused_time(seeded(seed));
    }
    assert!(crashes > SEEDS / 2, "{crashes} crashes");
}
