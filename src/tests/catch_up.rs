//! A catch-up that takes a while is told in one message, from its beginning to the head, over a restart.

use std::{sync::Arc, time::Duration};

use steward::{
    alert::{class::Class, render::markdown, text::Explorer},
    chain::{
        Chain,
        endpoints::{Endpoints, Options},
    },
    clock::ManualClock,
    desk::{Bureau, Desk, Letterhead},
    outbox::{Delivery, Routes, courier::ChannelId},
    provider::coinbase::{CommonCoinbases, Rungs},
    state::State,
    store::memory::MemoryStore,
    units::{BlockNumber, ProviderId, UnixSeconds},
    watcher::{ProviderRef, Step, Subject, Watcher},
    writer::Writer,
};

use crate::world::{
    action::{Action, Key},
    blocks::{Setup, SharedWorld, World},
    endpoint::WorldEndpoint,
    script::{OURS, Script},
};

const NETWORK: &str = "sim";
/// Blocks of a range that the endpoint serves.
const RANGE: u64 = 50;
/// Ranges of the history.
const RANGES: u64 = 40;

/// A process: what is built at start over the disk.
struct Process {
    writer: Arc<Writer<State>>,
    watcher: Watcher,
}

struct House {
    world: SharedWorld,
    endpoint: Arc<WorldEndpoint>,
    clock: Arc<ManualClock>,
    store: MemoryStore,
    process: Process,
}

impl House {
    fn new() -> Self {
        let world = World::shared(Setup::small(1));
        Script::new(1).begin(&mut world.lock());
        world.lock().mine_many(RANGE * RANGES);
        let endpoint = Arc::new(WorldEndpoint::new("rpc-1", &world));
        endpoint.change(|manners| manners.range_blocks_max = Some(RANGE));
        let now = world.lock().head().timestamp.value() + 2;
        let clock = Arc::new(ManualClock::new(UnixSeconds::new(now)));
        let store = MemoryStore::new();
        let process = start(&world, &endpoint, &clock, &store);
        Self {
            world,
            endpoint,
            clock,
            store,
            process,
        }
    }

    fn restart(&mut self) {
        self.store = MemoryStore::on(self.store.disk());
        self.process = start(&self.world, &self.endpoint, &self.clock, &self.store);
    }

    /// A step that takes so long; what the message about the catch-up says after it, and whether the head is reached.
    async fn step(&self, takes: Duration) -> (Option<String>, bool) {
        self.clock.advance(takes);
        let step = self.process.watcher.step().await.unwrap();
        (self.told().await, step == Step::Idle)
    }

    /// What the messages of a class say, title and text.
    async fn messages(&self, class: Class) -> Vec<String> {
        let state = self.process.writer.read().await;
        let of_class = state
            .outbox
            .deliveries()
            .filter(|delivery| delivery.entries.iter().all(|entry| entry.class == class));
        of_class
            .map(|delivery| {
                let card = &delivery.wanted.cards[0];
                let body: Vec<String> = card.body.iter().map(markdown::markdown).collect();
                format!("{}\n{}", markdown::title(card), body.join("\n"))
            })
            .collect()
    }

    async fn told(&self) -> Option<String> {
        let mut told = self.messages(Class::CatchUp).await;
        assert!(told.len() <= 1, "{told:#?}");
        told.pop()
    }

    /// What it says whenever it says something else, until the head is reached.
    async fn story(&mut self, takes: Duration, restarts_at: Option<usize>) -> Vec<String> {
        let mut story: Vec<String> = Vec::new();
        for step in 0..1_000 {
            if Some(step) == restarts_at {
                self.restart();
            }
            let (told, is_at_head) = self.step(takes).await;
            story.extend(told.filter(|told| story.last() != Some(told)));
            if is_at_head {
                return story;
            }
        }
        panic!("the head is never reached");
    }
}

fn start(
    world: &SharedWorld,
    endpoint: &Arc<WorldEndpoint>,
    clock: &Arc<ManualClock>,
    store: &MemoryStore,
) -> Process {
    let writer = Arc::new(Writer::new(
        State::load([NETWORK], store, 1).unwrap(),
        Arc::new(store.clone()),
    ));
    let chain = Arc::clone(endpoint) as Arc<dyn Chain>;
    let endpoints = Arc::new(Endpoints::new(
        vec![chain],
        Vec::new(),
        clock.clone(),
        Options::default(),
    ));
    let provider = ProviderRef::Id(ProviderId::new(OURS));
    let bureau = Bureau {
        network: NETWORK.to_owned(),
        provider_label: "our provider".to_owned(),
        provider,
        explorer: Explorer::default(),
        routes: Routes::new(ChannelId(1), ChannelId(2)),
        rungs: Rungs::default(),
        common: CommonCoinbases::default(),
        single_max_age: Duration::from_secs(86_400),
        head_age_max: None,
        has_keys_dir: false,
        endpoints: None,
    };
    let desk = Arc::new(Desk::new(Letterhead::default(), vec![bureau]));
    let subject = {
        let world = world.lock();
        Subject {
            network: NETWORK.to_owned(),
            registry: world.contracts().registry,
            staking_registry: world.contracts().staking_registry.address,
            first_block: BlockNumber::new(world.setup.first_block),
            provider,
            finality_depth: None,
        }
    };
    let watcher = Watcher::new(subject, endpoints, Arc::clone(&writer), clock.clone(), desk);
    Process { writer, watcher }
}

#[tokio::test(start_paused = true)]
async fn a_long_catch_up_is_one_message_from_its_beginning_to_the_head() {
    let mut house = House::new();
    let story = house.story(Duration::from_secs(6), None).await;
    insta::assert_snapshot!(story.first().unwrap(), @r"
    🔵 Reading history: 7 %
    Read up to block 1,149 of 3,001, 12 blocks a second.
    Nothing is told before the head is reached; then a summary says how things stand.
    Nothing is to be done: after a restart it goes on where it stopped.
    ");
    insta::assert_snapshot!(story.last().unwrap(), @r"
    🟢 History is read to the head
    2,002 blocks up to block 3,001 were read in 4 min.
    From here on every change is told as it happens.
    ");
    // 40 ranges of 6 s are 240 s: not more than one edit in 15 s.
    assert!((5..=18).contains(&story.len()), "{story:#?}");
    let state = house.process.writer.read().await;
    let place = |class| {
        let of_class = |delivery: &&steward::outbox::Delivery| delivery.entries[0].class == class;
        state.outbox.deliveries().find(of_class).unwrap().job
    };
    assert!(
        place(Class::CatchUp) < place(Class::Summary),
        "the summary follows"
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_in_the_same_message() {
    let mut house = House::new();
    let story = house.story(Duration::from_secs(6), Some(20)).await;
    let percent = |told: &String| -> Option<u64> {
        let share = told.split("Reading history: ").nth(1)?;
        share.split(' ').next()?.parse().ok()
    };
    let shares: Vec<u64> = story.iter().filter_map(percent).collect();
    assert!(shares.is_sorted(), "{shares:?}");
    assert!(shares.iter().any(|share| *share > 60), "{shares:?}");
    assert_eq!(house.messages(Class::CatchUp).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_catch_up_of_seconds_is_not_told() {
    let mut house = House::new();
    let story = house.story(Duration::from_millis(500), None).await;
    assert_eq!(story, Vec::<String>::new());
    assert_eq!(house.messages(Class::Summary).await.len(), 1);
}

/// The second long absence is news of its own: the message of the first stays as it is.
#[tokio::test(start_paused = true)]
async fn the_next_long_catch_up_has_a_message_of_its_own() {
    let mut house = House::new();
    house.story(Duration::from_secs(6), None).await;
    house.world.lock().mine_many(RANGE * RANGES);
    for _ in 0..1_000 {
        house.clock.advance(Duration::from_secs(6));
        if house.process.watcher.step().await.unwrap() == Step::Idle {
            break;
        }
    }
    let told = house.messages(Class::CatchUp).await;
    assert_eq!(told.len(), 2, "{told:#?}");
    let is_over = |told: &&String| told.contains("History is read to the head");
    assert_eq!(told.iter().filter(is_over).count(), 2, "{told:#?}");
}

/// What many ranges bring is one digest, a change of the provider and of the canonical rollup among it, over a restart.
#[tokio::test(start_paused = true)]
async fn what_was_missed_in_a_long_absence_is_one_digest() {
    let mut house = House::new();
    house.story(Duration::from_secs(6), None).await;
    let provider = OURS;
    let config = house.world.lock().setup.rollup;
    for action in [
        Action::SetTakeRate {
            provider,
            take_rate: 750,
        },
        Action::AddKeys {
            provider,
            keys: vec![Key::new(4_001)],
        },
        Action::AddRollup { version: 2, config },
        Action::AddKeys {
            provider,
            keys: vec![Key::new(4_002)],
        },
    ] {
        let mut world = house.world.lock();
        world.act(action).unwrap();
        world.mine_many(RANGE * 3);
    }
    house.clock.advance(Duration::from_hours(40));
    house.story(Duration::from_millis(100), Some(7)).await;
    let state = house.process.writer.read().await;
    let is_digest = |delivery: &&Delivery| delivery.entries[0].class == Class::MissedChanges;
    let digests: Vec<_> = state.outbox.deliveries().filter(is_digest).collect();
    assert_eq!(digests.len(), 1, "{digests:#?}");
    insta::assert_snapshot!(digests[0].wanted.attachments[0].text, @r#"
    attester,now,before,host,block,transaction
    ,provider 1: take rate 7.5 %,5 %,,3002,0xb59ee7864a8af841ca24e23499251ce7005a8021245112f01e66225a5c311507
    0x3b17483EE64D2ca9DD5b26113c96fCAc1570A203,provider queue,new (in no contract),,3152,0x2b76b2fc5b62b4386d13d4e7d92f770a54611857cbadd421cf4b567181fff0de
    ,"rollup 2 canonical: 0 of ours moved, 0 stayed",rollup 1,,3302,0x68954f999589a91f6b2486ab99ae84b1533d8e3dfbeba1f267df894f2ba4aa07
    0xe4AF91379B5F513Df7F5F2BeF70E4E30d1F7aeEe,provider queue,new (in no contract),,3452,0xc319605bf147fe3e3da45d9e0ad6c3e74e4fddcf8ddcd3a7b21e0ac888de2c13
    "#);
}
