//! The story: what people do on the chain, scene by scene, and the line that tells it.

use std::collections::BTreeMap;

use localnet::{Key, Localnet, Profile, ProviderId, rollup::tokens};
use serde_json::json;
use steward::{
    demo::{NETWORK, recording::Recording},
    units::{AttesterAddress, Coinbase},
};

use crate::{
    Failure,
    stagehand::{Stagehand, keys_file},
};

/// Seconds between blocks of Ethereum.
const SLOT_SECONDS: u64 = 12;
/// Keys of the provider.
const KEYS: u64 = 12;
/// Keys on the first host; the rest but [`REFUSED`] are on the second.
const FIRST_HOST: usize = 5;
/// More blocks than the watcher reads one by one: history that is read as a range.
const HISTORY_BLOCKS: u64 = 80;
/// The key whose BLS key is that of the first: the contracts refuse its deposit. It is in no keys file.
const REFUSED: usize = 7;
/// More than the minute that an endpoint may be silent before people are told.
const STILL_SILENT_SECONDS: u64 = 120;
/// More than the five minutes that an endpoint must be well before people are told.
const STEADY_SECONDS: u64 = 360;

/// The chain, the provider on it, and the files on its hosts.
struct World {
    net: Localnet,
    provider: ProviderId,
    keys: Vec<Key>,
    splits: BTreeMap<AttesterAddress, Coinbase>,
}

/// Plays it.
pub(crate) async fn play() -> Result<Recording, Failure> {
    let mut world = World::new().await?;
    // From the first block on, so that the Registry is seen to name its rollups.
    let first_block = 1;
    world.history().await?;
    let (provider, listed) = (world.provider.0, world.listed());
    let mut hand = Stagehand::new(&world.net, first_block, provider, listed).await?;
    world.entering(&mut hand).await?;
    world.taking_back(&mut hand).await?;
    world.punishing(&mut hand).await?;
    world.leaving(&mut hand).await?;
    Ok(hand.finish())
}

impl World {
    async fn new() -> Result<Self, Failure> {
        let net = Localnet::deploy(Profile::Demo).await?;
        net.rpc
            .tell("anvil_setBlockTimestampInterval", json!([SLOT_SECONDS]))
            .await?;
        let mut keys = Key::range(0, KEYS)?;
        let refused = keys[REFUSED].clone().with_bls_of(&keys[0]);
        keys[REFUSED] = refused;
        Ok(Self {
            net,
            provider: ProviderId(0),
            keys,
            splits: BTreeMap::new(),
        })
    }

    /// Before steward is started: four of ours are active, one waits in the entry queue.
    async fn history(&mut self) -> Result<(), Failure> {
        let admin = Localnet::account("provider admin");
        let recipient = Localnet::account("provider rewards");
        self.provider = self.net.register_provider(admin, 500, recipient).await?;
        self.net.add_keys(self.provider, &self.keys).await?;
        for index in 100..102 {
            let stranger = Localnet::account("stranger");
            self.net
                .deposit(&Key::from_index(index)?, stranger, true)
                .await?;
        }
        for _ in 0..4 {
            self.stake().await?;
        }
        self.net.drain_entry_queue().await?;
        self.stake().await?;
        Ok(self.net.mine(HISTORY_BLOCKS).await?)
    }

    async fn entering(&mut self, hand: &mut Stagehand) -> Result<(), Failure> {
        let files = BTreeMap::from([
            (self.file("fra-1", 1), self.first_host()),
            (self.file("fra-2", 1), self.second_host()),
        ]);
        hand.scene(
            "start",
            "steward starts. It finds a provider with twelve keys, two hosts with keys files, and a hundred blocks of history to read.",
        )
        .await?
        .keys_files = Some(files.clone());

        let (stranger, key) = (Localnet::account("stranger"), Key::from_index(102)?);
        self.net.deposit(&key, stranger, true).await?;
        let attester = self.stake().await?;
        let says = format!(
            "A delegator stakes 200,000 AZTEC with the provider: attester {} enters the entry queue, as the third. Its host has no coinbase for it.",
            attester.short()
        );
        hand.scene("stake", says).await?;

        let mut files = files;
        files.insert(self.file("fra-2", 2), self.second_host());
        hand.scene(
            "keys file",
            "An operator sets the coinbase on host fra-2 and reloads: a new version of the keys file appears. Nothing happens on chain.",
        )
        .await?
        .keys_files = Some(files);

        let minutes = self.flush().await? + self.flush().await?;
        let says = format!(
            "{minutes} minutes later: two epochs began, and each let in the first of the entry queue: {}, then a stranger's attester.",
            self.attester(4).short()
        );
        hand.scene("active", says).await?;
        Ok(())
    }

    async fn taking_back(&mut self, hand: &mut Stagehand) -> Result<(), Failure> {
        let minutes = self.flush().await?;
        let attester = self.attester(5);
        let says = format!(
            "{minutes} minutes later: the next epoch lets in {}.",
            attester.short()
        );
        hand.scene("next", says).await?;

        self.net.reorg(1).await?;
        hand.scene(
            "reorg",
            "Ethereum reorganises: the block with that flush is replaced by another one without it.",
        )
        .await?;

        self.net.flush_entry_queue().await?;
        let says = format!(
            "The flush comes again, in another block: {} is active after all. Its one card says so; there is no second.",
            attester.short()
        );
        hand.scene("again", says).await?;

        self.net.drip(self.provider, 1).await?;
        let says = format!(
            "The first endpoint, rpc-1, stops answering. Just now the provider drips key {} from its queue: rpc-2 tells.",
            self.attester(6).short()
        );
        hand.scene("fault", says).await?.is_silent = true;
        Ok(())
    }

    async fn punishing(&mut self, hand: &mut Stagehand) -> Result<(), Failure> {
        self.net.warp(STILL_SILENT_SECONDS).await?;
        self.net.update_take_rate(self.provider, 700).await?;
        hand.scene(
            "silence",
            "Two minutes later rpc-1 is still silent, so people are told. The provider raises its take rate from 5 % to 7 %.",
        )
        .await?
        .is_silent = true;

        let slashed = self.keys[0].attester;
        self.net.slash(slashed, tokens(2_000)).await?;
        let says = format!(
            "rpc-1 answers again. {} is slashed by 2,000 AZTEC and stays in the set.",
            self.attester(0).short()
        );
        hand.scene("slash", says).await?;

        let ejected = self.keys[1].attester;
        self.net.slash(ejected, tokens(20_000)).await?;
        let says = format!(
            "{} loses 20,000 AZTEC and falls below the ejection threshold. The contract emits no event but Slashed.",
            self.attester(1).short()
        );
        hand.scene("eject", says).await?;
        Ok(())
    }

    async fn leaving(&mut self, hand: &mut Stagehand) -> Result<(), Failure> {
        let leaver = self.keys[2].attester;
        let (withdrawer, recipient) = (
            Localnet::account("withdrawer"),
            Localnet::account("recipient"),
        );
        self.net.warp(STEADY_SECONDS).await?;
        self.net
            .initiate_withdraw(withdrawer, leaver, recipient)
            .await?;
        let says = format!(
            "Six minutes later rpc-1 counts as well again. The delegator of {} wants out: the exit begins, and takes four days.",
            self.attester(2).short()
        );
        hand.scene("exit", says).await?;

        let refused = self.stake().await?;
        let says = format!(
            "A delegator stakes on {}, which is in no keys file: whether its coinbase is set is not known, so no incident opens.",
            refused.short()
        );
        hand.scene("unlisted", says).await?;

        let minutes = self.flush().await?;
        let says = format!(
            "{minutes} minutes later: the BLS key of {} is in use already. The flush refuses the deposit and returns the money.",
            refused.short()
        );
        hand.scene("refused", says).await?;

        self.net
            .pass_exit_delay(self.net.addresses.first, leaver)
            .await?;
        self.net
            .pass_governance_unlock(self.net.addresses.first, leaver)
            .await?;
        self.net.finalize_withdraw(leaver).await?;
        let says = format!(
            "Four days later the exit of {} is finalised and its stake is paid out.",
            self.attester(2).short()
        );
        hand.scene("exited", says).await?;

        let before = self.net.head().await?;
        // anvil calls final what is 64 blocks deep; the watcher asks at every 32nd block.
        let settled = (before.number + 66).next_multiple_of(32);
        self.net.mine(settled - before.number).await?;
        let minutes = (self.net.head().await?.timestamp - before.timestamp) / 60;
        let says = format!(
            "{minutes} minutes later Ethereum calls all of it final. The cards are edited to say so; that wakes nobody."
        );
        hand.scene("final", says).await?;
        Ok(())
    }

    /// A delegation on the provider's next key.
    async fn stake(&mut self) -> Result<AttesterAddress, Failure> {
        let staked = self.net.stake(&self.net.stake_on(self.provider)).await?;
        let attester = AttesterAddress::new(staked.attester);
        self.splits.insert(attester, Coinbase::new(staked.split));
        Ok(attester)
    }

    /// A flush in the next epoch; gives how many minutes later that is.
    async fn flush(&self) -> Result<u64, Failure> {
        let before = self.net.head().await?.timestamp;
        self.net.next_epoch().await?;
        self.net.flush_entry_queue().await?;
        Ok((self.net.head().await?.timestamp - before) / 60)
    }

    fn attester(&self, index: usize) -> AttesterAddress {
        AttesterAddress::new(self.keys[index].attester)
    }

    fn listed(&self) -> impl Iterator<Item = AttesterAddress> + '_ {
        let indices = (0..self.keys.len()).filter(|index| *index != REFUSED);
        indices.map(|index| self.attester(index))
    }

    fn file(&self, host: &str, version: u32) -> String {
        format!("{NETWORK}-keys-{host}-v{version}.json")
    }

    fn first_host(&self) -> String {
        self.host(0..FIRST_HOST)
    }

    fn second_host(&self) -> String {
        self.host((FIRST_HOST..self.keys.len()).filter(|index| *index != REFUSED))
    }

    /// The keys file of a host that runs these keys, with the coinbases that are known by now.
    fn host(&self, indices: impl Iterator<Item = usize>) -> String {
        keys_file(indices.map(|index| {
            let attester = self.attester(index);
            (attester, self.splits.get(&attester).copied())
        }))
    }
}
