//! The real v4 rollup on a local anvil, watched through the real endpoint: the life cycle, stage by stage.

use std::sync::{Arc, Mutex};

use localnet::{Key, Localnet, Profile, rollup::tokens};
use steward::{
    attester::{Stage, change::Change},
    book::fold::{Fault, Ours},
    chain::{
        EndpointName,
        endpoints::{Endpoints, Options},
        rpc::HttpEndpoint,
    },
    clock::SystemClock,
    state::State,
    store::memory::MemoryStore,
    units::{AttesterAddress, BlockNumber, ProviderId},
    watcher::{Announcer, Happening, ProviderRef, Step, Subject, Told, Watcher},
    writer::Writer,
};

const NETWORK: &str = "local";

/// Writes down what it is told.
#[derive(Debug, Default)]
struct Listener {
    provider: Mutex<Option<ProviderId>>,
    heard: Mutex<Vec<String>>,
    faults: Mutex<Vec<Fault>>,
}

impl Announcer for Listener {
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>) {
        let mut heard = self.heard.lock().unwrap();
        match &told.happening {
            Happening::Folded(outcome) => {
                for entry in &outcome.changes {
                    heard.push(match &entry.change {
                        Change::Standing { from, to, .. } => {
                            format!(
                                "{} -> {} {:?} by {}",
                                from.stage, to.stage, to.reason, entry.evidence.source
                            )
                        }
                        Change::Slashed { amount, left, .. } => {
                            format!(
                                "slashed {amount}, left {}",
                                left.map_or("?".to_owned(), |left| left.to_string())
                            )
                        }
                        other => format!("{other:?}")
                            .split([' ', '{'])
                            .next()
                            .unwrap_or_default()
                            .to_owned(),
                    });
                }
                let is_swept = state.book(network).unwrap().summary().is_swept;
                if is_swept {
                    self.faults
                        .lock()
                        .unwrap()
                        .extend(outcome.faults.iter().cloned());
                }
            }
            Happening::Unwound { gone, .. } => heard.push(format!("unwound {}", gone.len())),
            Happening::Introduced => heard.push("introduced".to_owned()),
            Happening::Final(_) | Happening::Tick => {}
        }
    }

    fn ours(&self, _state: &State, _network: &str) -> Ours {
        Ours {
            providers: self.provider.lock().unwrap().iter().copied().collect(),
            ..Ours::default()
        }
    }
}

struct Story {
    net: Localnet,
    watcher: Watcher,
    writer: Arc<Writer<State>>,
    listener: Arc<Listener>,
    provider: localnet::ProviderId,
}

impl Story {
    async fn new() -> Self {
        let net = Localnet::deploy(Profile::Small).await.unwrap();
        let admin = Localnet::account("provider admin");
        let provider = net
            .register_provider(admin, 500, Localnet::account("recipient"))
            .await
            .unwrap();
        let endpoint = HttpEndpoint::new(
            EndpointName::new("anvil"),
            &net.url().into(),
            &Default::default(),
        )
        .unwrap();
        let clock = Arc::new(SystemClock);
        let endpoints = Arc::new(Endpoints::new(
            vec![Arc::new(endpoint)],
            Vec::new(),
            clock.clone(),
            Options::default(),
        ));
        let writer = Arc::new(Writer::new(State::default(), Arc::new(MemoryStore::new())));
        let provider_id = ProviderId::new(provider.0);
        let listener = Arc::new(Listener {
            provider: Mutex::new(Some(provider_id)),
            ..Listener::default()
        });
        let subject = Subject {
            network: NETWORK.to_owned(),
            registry: net.addresses.registry,
            staking_registry: net.addresses.staking_registry,
            first_block: BlockNumber::new(0),
            provider: ProviderRef::Id(provider_id),
            finality_depth: None,
        };
        let watcher = Watcher::new(
            subject,
            endpoints,
            Arc::clone(&writer),
            clock,
            listener.clone(),
        );
        Self {
            net,
            watcher,
            writer,
            listener,
            provider,
        }
    }

    /// Steps until there is nothing new; gives what was heard meanwhile.
    async fn watch(&self) -> Vec<String> {
        for _ in 0..400 {
            match self.watcher.step().await {
                Ok(Step::Idle) => break,
                Ok(_) => {}
                // The endpoint rests after a fault; a level is waited for, not a time.
                Err(error) => {
                    println!("{error:?}");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
        std::mem::take(&mut self.listener.heard.lock().unwrap())
    }

    async fn stage(&self, key: &Key) -> Stage {
        let state = self.writer.read().await;
        let address = AttesterAddress::new(key.attester);
        state
            .book(NETWORK)
            .unwrap()
            .attesters
            .row(&address)
            .map(|row| row.standing.stage)
            .unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_cycle_of_the_real_contracts_is_seen_stage_by_stage() {
    let story = Story::new().await;
    let net = &story.net;
    let keys = Key::range(0, 12).unwrap();
    net.add_keys(story.provider, &keys).await.unwrap();
    println!("{:#?}", story.watch().await);
    for _ in 0..7 {
        net.stake(&net.stake_on(story.provider)).await.unwrap();
    }
    println!("{:#?}", story.watch().await);
    assert_eq!(story.stage(&keys[0]).await, Stage::RollupEntryQueue);
    net.drip(story.provider, 1).await.unwrap();
    net.drain_entry_queue().await.unwrap();
    println!("{:#?}", story.watch().await);
    assert_eq!(story.stage(&keys[0]).await, Stage::Active);
    net.slash(keys[1].attester, tokens(2_000)).await.unwrap();
    net.slash(keys[2].attester, tokens(20_000)).await.unwrap();
    net.slash(keys[3].attester, tokens(200_000)).await.unwrap();
    println!("{:#?}", story.watch().await);
    net.reorg(2).await.unwrap();
    net.mine(1).await.unwrap();
    println!("{:#?}", story.watch().await);
    println!("{:#?}", story.listener.faults.lock().unwrap());
}
