//! Between the scenes: lets the production watcher read what happened on the chain, and writes the scene down.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use localnet::{Localnet, Rpc};
use steward::{
    book::fold::Ours,
    chain::{
        BlockTag, Chain, EndpointName,
        endpoints::{Endpoints, Options},
        rpc::HttpEndpoint,
    },
    clock::ManualClock,
    demo::{
        NETWORK,
        recording::{Recording, Scene, Title},
    },
    state::State,
    store::memory::MemoryStore,
    units::{AttesterAddress, BlockNumber, ProviderId, UnixSeconds},
    watcher::{Announcer, Happening, ProviderRef, Step, Subject, Told, Watcher},
    writer::Writer,
};

use crate::{Failure, recorder::RecordingChain};

/// Steps that a scene may take; the longest has 70 blocks to read.
const STEPS_MAX: u32 = 200;

/// Says nothing; whose attesters matter is all that the watcher has to know.
#[derive(Debug)]
struct Silence(Ours);

impl Announcer for Silence {
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>) {
        let is_swept = state
            .book(network)
            .is_some_and(|book| book.summary().is_swept);
        if let Happening::Folded { outcome, .. } = &told.happening {
            for entry in &outcome.changes {
                println!("    {:?}", entry.change);
            }
            for fault in outcome.faults.iter().filter(|_| is_swept) {
                println!("    FAULT {fault:?}");
            }
        }
    }

    fn ours(&self, _state: &State, _network: &str) -> Ours {
        self.0.clone()
    }
}

/// Records the scenes of one story.
pub(crate) struct Stagehand {
    title: Title,
    rpc: Rpc,
    chain: Arc<RecordingChain<HttpEndpoint>>,
    watcher: Watcher,
    clock: Arc<ManualClock>,
    scenes: Vec<Scene>,
}

impl Stagehand {
    /// Watches `provider` on `net` from `first_block`.
    pub(crate) async fn new(
        net: &Localnet,
        first_block: u64,
        provider: u64,
        listed: impl IntoIterator<Item = AttesterAddress>,
    ) -> Result<Self, Failure> {
        let endpoint = HttpEndpoint::new(
            EndpointName::new("anvil"),
            &net.url().into(),
            &Default::default(),
        )?;
        let chain = Arc::new(RecordingChain::new(endpoint));
        let clock = Arc::new(ManualClock::new(UnixSeconds::new(0)));
        let endpoints = Endpoints::new(
            vec![chain.clone()],
            Vec::new(),
            clock.clone(),
            Options::default(),
        );
        let title = Title::new(
            chain.chain_id().await?,
            net.addresses.registry,
            net.addresses.staking_registry,
            BlockNumber::new(first_block),
            provider,
        );
        let provider = ProviderId::new(provider);
        let ours = Ours {
            providers: [provider].into(),
            listed: Arc::new(listed.into_iter().collect()),
        };
        let subject = Subject {
            network: NETWORK.to_owned(),
            registry: title.registry,
            staking_registry: title.staking_registry,
            first_block: title.first_block,
            provider: ProviderRef::Id(provider),
            finality_depth: None,
        };
        let writer = Writer::new(State::default(), Arc::new(MemoryStore::new()));
        let watcher = Watcher::new(
            subject,
            Arc::new(endpoints),
            Arc::new(writer),
            clock.clone(),
            Arc::new(Silence(ours)),
        );
        Ok(Self {
            title,
            rpc: net.rpc.clone(),
            chain,
            watcher,
            clock,
            scenes: Vec::new(),
        })
    }

    /// Writes down the chain as it is now as a scene.
    pub(crate) async fn scene(
        &mut self,
        name: &str,
        says: impl Into<String>,
    ) -> Result<&mut Scene, Failure> {
        let head = self
            .chain
            .take_blocks(&self.rpc, self.title.first_block)
            .await?;
        println!("{name}: block {} at {}", head.block, head.timestamp);
        self.clock
            .set(UnixSeconds::new(head.timestamp.value().saturating_add(1)));
        self.watch().await?;
        let finalized = self.chain.header(BlockTag::Finalized).await?;
        let scene = Scene {
            name: name.to_owned(),
            says: says.into(),
            head: head.block.hash,
            finalized: finalized.map(|header| header.block.hash),
            ..Scene::default()
        };
        self.scenes.push(scene);
        Ok(self.scenes.last_mut().unwrap())
    }

    async fn watch(&self) -> Result<(), Failure> {
        for _ in 0..STEPS_MAX {
            match self.watcher.step().await {
                Ok(Step::Idle) => return Ok(()),
                Ok(Step::Stopped(reason)) => return Err(reason.into()),
                Ok(_) => {}
                Err(error) => {
                    println!("    {error:?}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        Err("the watcher does not come to rest".into())
    }

    /// The finished recording.
    pub(crate) fn finish(self) -> Recording {
        let written = std::mem::take(&mut *self.chain.written());
        Recording {
            title: self.title,
            blocks: written.blocks,
            answers: written.answers,
            slots: written.slots,
            scenes: self.scenes,
        }
    }
}

/// A keys file: attesters with their coinbases, where they have one.
pub(crate) fn keys_file(
    entries: impl IntoIterator<Item = (AttesterAddress, Option<steward::units::Coinbase>)>,
) -> String {
    let publisher = localnet::Localnet::account("publisher").to_string();
    let entry = |(attester, coinbase): (AttesterAddress, Option<steward::units::Coinbase>)| {
        let mut entry = BTreeMap::from([
            (
                "attester",
                serde_json::json!({"eth": attester.address().to_string()}),
            ),
            ("publisher", serde_json::json!([publisher])),
        ]);
        if let Some(coinbase) = coinbase {
            entry.insert(
                "coinbase",
                serde_json::json!(coinbase.address().to_string()),
            );
        }
        serde_json::json!(entry)
    };
    let validators: Vec<serde_json::Value> = entries.into_iter().map(entry).collect();
    serde_json::json!({ "validators": validators }).to_string()
}
