//! The book of a network: everything that follows from its blocks.
//!
//! Events and views of one block go in (`fold`), changes come out, and every record that was touched can be put back
//! as it was (a reorg). The book does no I/O, reads no clock, and knows nothing of keys files, people or Discord.
//! It holds every attester that any event ever named, ours or not: the entry queue is one for all.

mod answer;
mod asking;
mod entries;
mod exits;
pub mod fold;
pub mod history;
mod parameters;
mod provider_queue;
pub mod question;
pub mod records;
mod registration;
pub mod slash;
pub mod snapshot;

use std::collections::BTreeMap;

use crate::{
    attester::{Attester, stage::Latest},
    chain::{LogFilter, contracts::ContractRole},
    store::{
        Store, StoreError,
        table::{Journal, Table},
    },
    units::{Address, AttesterAddress, ProviderId, QueueIndex, RollupVersion},
    writer::Tables,
};
use history::History;
use records::{
    Block, Chapter, Disagreement, OwedAgreement, Provider, ProviderQueueEntry, QueueEntry, Rollup,
    SlashRound, UnknownEvent,
};

/// Everything that follows from the blocks of one network.
#[derive(Debug)]
pub struct Book {
    /// The network's name.
    pub network: String,
    /// The cursor and what belongs to the network as a whole.
    pub chapter: Table<Chapter>,
    /// Recent blocks, finalised ones only as far as needed.
    pub blocks: Table<Block>,
    /// The rollups of the Registry.
    pub rollups: Table<Rollup>,
    /// The entries that wait in entry queues.
    pub entry_queue: Table<QueueEntry>,
    /// The providers of the `StakingRegistry`.
    pub providers: Table<Provider>,
    /// The keys that wait in provider queues.
    pub provider_queue: Table<ProviderQueueEntry>,
    /// Every attester that was ever named.
    pub attesters: Table<Attester>,
    /// Slashing rounds with votes.
    pub rounds: Table<SlashRound>,
    /// Events that nobody knows.
    pub unknown_events: Table<UnknownEvent>,
    /// Blocks that endpoints told differently; a reorg does not touch them.
    pub disagreements: Table<Disagreement>,
    /// Blocks that one endpoint told, and that others are still to be asked about.
    pub owed_agreements: Table<OwedAgreement>,
    /// History, on disk only.
    pub history: History,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            chapter: Table::new(network),
            blocks: Table::new(network),
            rollups: Table::new(network),
            entry_queue: Table::new(network),
            providers: Table::new(network),
            provider_queue: Table::new(network),
            attesters: Table::new(network),
            rounds: Table::new(network),
            unknown_events: Table::new(network),
            disagreements: Table::new(network),
            owed_agreements: Table::new(network),
            history: History::new(network),
        }
    }

    /// Reads the book of `network`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load(network: &str, store: &dyn Store) -> Result<Self, StoreError> {
        Ok(Self {
            network: network.to_owned(),
            chapter: Table::load(network, store)?,
            blocks: Table::load(network, store)?,
            rollups: Table::load(network, store)?,
            entry_queue: Table::load(network, store)?,
            providers: Table::load(network, store)?,
            provider_queue: Table::load(network, store)?,
            attesters: Table::load(network, store)?,
            rounds: Table::load(network, store)?,
            unknown_events: Table::load(network, store)?,
            disagreements: Table::load(network, store)?,
            owed_agreements: Table::load(network, store)?,
            history: History::new(network),
        })
    }

    /// Forgets everything that follows from blocks; history is on the disk only, and deleted there. What endpoints
    /// contradicted each other about stays.
    pub fn forget(&mut self) {
        self.chapter.clear();
        self.blocks.clear();
        self.rollups.clear();
        self.entry_queue.clear();
        self.providers.clear();
        self.provider_queue.clear();
        self.attesters.clear();
        self.rounds.clear();
        self.unknown_events.clear();
        self.owed_agreements.clear();
    }

    /// The network as a whole.
    #[must_use]
    pub fn summary(&self) -> Chapter {
        self.chapter.row(&()).cloned().unwrap_or_default()
    }

    /// Changes what belongs to the network as a whole.
    pub fn change_chapter<T>(&mut self, change: impl FnOnce(&mut Chapter) -> T) -> T {
        self.chapter.change_or_make(&(), Chapter::default, change)
    }

    /// The rollup that the GSE calls the latest; `None` while unknown.
    #[must_use]
    pub fn latest(&self) -> Option<Latest> {
        let version = self.chapter.row(&())?.latest?;
        self.rollups.row(&version).map(|rollup| Latest {
            rollup: rollup.address,
            version,
        })
    }

    /// The version of the rollup at an address.
    #[must_use]
    pub fn rollup_at(&self, address: Address) -> Option<RollupVersion> {
        self.rollups
            .rows()
            .find(|(_, rollup)| rollup.address == address)
            .map(|(version, _)| *version)
    }

    /// The contracts that are watched, with the role of each.
    #[must_use]
    pub fn contracts(&self) -> BTreeMap<Address, ContractRole> {
        let chapter = self.summary();
        let mut contracts = BTreeMap::new();
        for (version, rollup) in self.rollups.rows() {
            for slashing in &rollup.slashing {
                contracts.insert(slashing.slasher, ContractRole::Slasher(*version));
                contracts.insert(slashing.proposer, ContractRole::SlashingProposer(*version));
            }
            contracts.insert(rollup.gse, ContractRole::Gse);
            contracts.insert(rollup.address, ContractRole::Rollup(*version));
        }
        contracts.insert(chapter.registry, ContractRole::Registry);
        contracts.insert(chapter.staking_registry, ContractRole::StakingRegistry);
        contracts.remove(&Address::ZERO);
        contracts
    }

    /// The logs that are wanted at the head: all of every watched contract.
    #[must_use]
    pub fn filter(&self) -> LogFilter {
        LogFilter {
            addresses: self.contracts().into_keys().collect(),
            topics: Vec::new(),
        }
    }

    /// The position of an entry in its queue, 0 = next; `None` where it has left.
    #[must_use]
    pub fn position(&self, rollup: RollupVersion, index: QueueIndex) -> Option<u64> {
        let first = self.rollups.row(&rollup)?.queue.first;
        (index >= first).then(|| index.since(first))
    }

    /// The attesters that `provider` ever added.
    pub fn members(
        &self,
        provider: ProviderId,
    ) -> impl Iterator<Item = (&AttesterAddress, &Attester)> {
        self.attesters
            .rows()
            .filter(move |(_, attester)| attester.membership_in(provider).is_some())
    }
}

impl Tables for Book {
    fn tables(&mut self) -> Vec<&mut dyn Journal> {
        vec![
            &mut self.chapter,
            &mut self.blocks,
            &mut self.rollups,
            &mut self.entry_queue,
            &mut self.providers,
            &mut self.provider_queue,
            &mut self.attesters,
            &mut self.rounds,
            &mut self.unknown_events,
            &mut self.disagreements,
            &mut self.owed_agreements,
            &mut self.history,
        ]
    }
}
