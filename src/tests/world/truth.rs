//! What is really the case at a block, told from the model's own state and logs, and where a book disagrees.
//!
//! The stage of an attester is worked out here a second time, as a function of the contracts' facts, so that the service's
//! own rule is compared with something it cannot share a mistake with.

use std::collections::BTreeMap;

use steward::{
    attester::{Attester, Reason, RegistrationState, Stage},
    book::{Book, records::round_key},
    chain::contracts::{self, ContractRole, Decoded, Event},
    units::{
        Address, AttesterAddress, B256, Coinbase, ProviderId, RollupVersion, Round, U256, Wei,
    },
};

use super::{blocks::World, contracts::Contracts};

/// The roles of all contracts that a watcher would watch.
pub fn roles(contracts: &Contracts) -> BTreeMap<Address, ContractRole> {
    let mut roles = BTreeMap::from([
        (contracts.registry, ContractRole::Registry),
        (contracts.gse.address, ContractRole::Gse),
        (
            contracts.staking_registry.address,
            ContractRole::StakingRegistry,
        ),
    ]);
    for rollup in contracts.rollups.values() {
        let version = RollupVersion::new(rollup.version);
        roles.insert(rollup.address, ContractRole::Rollup(version));
        let slashing = &rollup.slashing;
        roles.insert(slashing.slasher, ContractRole::Slasher(version));
        roles.insert(slashing.proposer, ContractRole::SlashingProposer(version));
    }
    roles
}

/// How an attester came to be nowhere.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Left {
    #[default]
    Never,
    Dripped,
    Refused,
    Finalised,
}

/// What only the logs of one attester tell.
#[derive(Debug, Default)]
struct Past {
    left: Left,
    deposited_split: Option<Coinbase>,
    queued_splits: Vec<Coinbase>,
    is_ours: bool,
    slashes: u64,
}

/// The truth at one block.
#[derive(Debug)]
pub struct Truth<'a> {
    contracts: &'a Contracts,
    past: BTreeMap<Address, Past>,
}

impl<'a> Truth<'a> {
    /// The truth at the block `hash`, on whatever branch; `None` where its state is no longer kept.
    pub fn at(world: &'a World, hash: B256, ours: u64) -> Option<Self> {
        let contracts = world.state_of(hash)?;
        let roles = roles(contracts);
        let mut blocks = Vec::new();
        let mut next = hash;
        while let Some((block, _)) = world.block_by_hash(next) {
            blocks.push(block);
            next = block.header.parent_hash;
        }
        let mut truth = Self {
            contracts,
            past: BTreeMap::new(),
        };
        let mut waiting: BTreeMap<RollupVersion, Vec<(AttesterAddress, Option<Coinbase>)>> =
            BTreeMap::new();
        for log in blocks.iter().rev().flat_map(|block| &block.logs) {
            let Some(role) = roles.get(&log.address) else {
                continue;
            };
            if let Decoded::Event(event) = contracts::decode(*role, log) {
                truth.read(&event, ours, &mut waiting);
            }
        }
        Some(truth)
    }

    fn past(&mut self, attester: AttesterAddress) -> &mut Past {
        self.past.entry(attester.address()).or_default()
    }

    fn read(
        &mut self,
        event: &Event,
        ours: u64,
        waiting: &mut BTreeMap<RollupVersion, Vec<(AttesterAddress, Option<Coinbase>)>>,
    ) {
        match event {
            Event::AttestersAddedToProvider {
                provider,
                attesters,
            } if provider.value() == ours => {
                for attester in attesters {
                    self.past(*attester).is_ours = true;
                }
            }
            Event::ProviderQueueDripped { provider, attester } if provider.value() == ours => {
                self.past(*attester).left = Left::Dripped;
            }
            Event::ValidatorQueued {
                rollup, attester, ..
            } => waiting.entry(*rollup).or_default().push((*attester, None)),
            Event::StakedWithProvider {
                rollup,
                attester,
                split,
                ..
            } => {
                let version = self.version_at(*rollup);
                let queue = waiting.entry(version).or_default();
                queue.last_mut().unwrap().1 = Some(*split);
                self.past(*attester).queued_splits.push(*split);
            }
            Event::Deposit {
                rollup, attester, ..
            } => {
                let (_, split) = waiting.entry(*rollup).or_default().remove(0);
                let past = self.past(*attester);
                past.deposited_split = split;
                past.queued_splits.retain(|queued| Some(*queued) != split);
            }
            Event::FailedDeposit {
                rollup, attester, ..
            } => {
                let (_, split) = waiting.entry(*rollup).or_default().remove(0);
                let past = self.past(*attester);
                past.left = Left::Refused;
                past.queued_splits.retain(|queued| Some(*queued) != split);
            }
            Event::WithdrawFinalized { attester, .. } => {
                self.past(*attester).left = Left::Finalised;
            }
            Event::Slashed { attester, .. } => self.past(*attester).slashes += 1,
            _ => {}
        }
    }

    fn version_at(&self, rollup: Address) -> RollupVersion {
        let mut rollups = self.contracts.rollups.values();
        let found = rollups.find(|one| one.address == rollup).unwrap();
        RollupVersion::new(found.version)
    }

    /// The attesters that our provider ever added.
    pub fn ours(&self) -> impl Iterator<Item = AttesterAddress> {
        let ours = self.past.iter().filter(|(_, past)| past.is_ours);
        ours.map(|(address, _)| AttesterAddress::new(*address))
    }

    fn is_in_entry_queue(&self, attester: Address) -> bool {
        let mut rollups = self.contracts.rollups.values();
        rollups.any(|rollup| rollup.entry_queue.iter().any(|e| e.attester == attester))
    }

    fn is_in_provider_queue(&self, attester: Address) -> bool {
        let mut providers = self.contracts.staking_registry.providers.values();
        providers.any(|provider| provider.queue.iter().any(|key| key.attester == attester))
    }

    /// Stage and, in a word, why.
    fn stage(&self, attester: Address) -> (Stage, &'static str) {
        let gse = &self.contracts.gse;
        for rollup in self.contracts.rollups.values() {
            match rollup.exits.get(&attester) {
                Some(exit) if exit.isRecipient => return (Stage::NoLongerActive, "exiting"),
                Some(_) => return (Stage::NoLongerActive, "zombie"),
                None => {}
            }
        }
        if !gse.effective_balance(gse.latest, attester).is_zero() {
            return (Stage::Active, "validating");
        }
        let mut rollups = self.contracts.rollups.values();
        if rollups.any(|rollup| !gse.effective_balance(rollup.address, attester).is_zero()) {
            return (Stage::NoLongerActive, "left");
        }
        let is_used = gse.configs.contains(&attester);
        if self.is_in_entry_queue(attester) {
            let why = if is_used { "queued in vain" } else { "queued" };
            return (Stage::RollupEntryQueue, why);
        }
        if self.is_in_provider_queue(attester) {
            let why = if is_used { "queued in vain" } else { "queued" };
            return (Stage::InStakingProviderQueue, why);
        }
        let left = self.past.get(&attester).map_or(Left::Never, |p| p.left);
        match (is_used, left) {
            (true, _) => (Stage::NoLongerActive, "gone"),
            (false, Left::Dripped) => (Stage::New, "dripped"),
            (false, Left::Refused) => (Stage::NoLongerActive, "refused"),
            (false, Left::Never | Left::Finalised) => (Stage::New, "never seen"),
        }
    }

    /// Where `book` says otherwise, as sentences.
    pub fn disagreements(&self, book: &Book) -> Vec<String> {
        let mut wrong = Vec::new();
        self.compare_network(book, &mut wrong);
        self.compare_queues(book, &mut wrong);
        self.compare_rounds(book, &mut wrong);
        for attester in self.ours() {
            match book.attesters.row(&attester) {
                Some(row) => self.compare_attester(attester, row, &mut wrong),
                None => wrong.push(format!("{attester} is not in the book")),
            }
        }
        wrong
    }

    fn compare_network(&self, book: &Book, wrong: &mut Vec<String>) {
        let contracts = self.contracts;
        let mut same = |what: &str, book: String, truth: String| {
            if book != truth {
                wrong.push(format!("{what}: the book has {book}, the truth is {truth}"));
            }
        };
        let latest = book.summary().latest.map(RollupVersion::value);
        same(
            "latest rollup",
            format!("{latest:?}"),
            format!("{:?}", Some(contracts.canonical())),
        );
        let versions: Vec<u64> = book.rollups.rows().map(|(v, _)| v.value()).collect();
        let truth: Vec<u64> = contracts.rollups.keys().copied().collect();
        same("rollups", format!("{versions:?}"), format!("{truth:?}"));
        for (id, provider) in &contracts.staking_registry.providers {
            let row = book.providers.row(&ProviderId::new(*id)).cloned();
            let row = row.unwrap_or_default();
            let pending = row.pending_admin.unwrap_or_default();
            let told = (row.admin, row.take_rate.map(|r| r.value()), pending);
            let truth = (
                Some(provider.admin),
                Some(provider.take_rate),
                provider.pending_admin,
            );
            let what = format!("provider {id}");
            same(&what, format!("{told:?}"), format!("{truth:?}"));
        }
        for (version, rollup) in &contracts.rollups {
            let Some(row) = book.rollups.row(&RollupVersion::new(*version)) else {
                continue;
            };
            let what = format!("rollup {version}");
            let slashing = row.slashing.first().map(|slashing| slashing.proposer);
            let known = row.parameters.as_ref().map(|parameters| {
                let threshold = parameters.local_ejection_threshold.value();
                (threshold, parameters.queue_config)
            });
            let truth = (
                rollup.config.local_ejection_threshold,
                Some(rollup.config.queue),
            );
            same(
                &what,
                format!("{slashing:?} {known:?}"),
                format!("{:?} {:?}", Some(rollup.slashing.proposer), Some(truth)),
            );
            let now = contracts.block.timestamp;
            let flush = row.flush.as_ref();
            let told = flush.map(|f| (f.active_attesters, f.available, f.flush_size));
            let truth = (
                contracts.gse.attester_count(rollup.address),
                rollup.available_flushes(&contracts.gse, now),
                rollup.flush_size(&contracts.gse),
            );
            same(&what, format!("{told:?}"), format!("{:?}", Some(truth)));
        }
    }

    fn compare_queues(&self, book: &Book, wrong: &mut Vec<String>) {
        for (version, rollup) in &self.contracts.rollups {
            let entries = book.queue_entries(RollupVersion::new(*version));
            let folded: Vec<(u64, Address)> = entries
                .map(|(index, entry)| (index.value(), entry.attester.address()))
                .collect();
            let queue = &rollup.entry_queue;
            let truth: Vec<(u64, Address)> = (queue.first..)
                .zip(queue.iter().map(|e| e.attester))
                .collect();
            if folded != truth {
                wrong.push(format!(
                    "entry queue {version}: {folded:?} instead of {truth:?}"
                ));
            }
        }
        for (id, provider) in &self.contracts.staking_registry.providers {
            let rows = book.provider_queue.rows();
            let folded: Vec<(u64, Address)> = rows
                .filter(|((of, _), _)| of.value() == *id)
                .map(|((_, index), entry)| (index.value(), entry.attester.address()))
                .collect();
            let queue = &provider.queue;
            let truth: Vec<(u64, Address)> = (queue.first..)
                .zip(queue.iter().map(|key| key.attester))
                .collect();
            if folded != truth {
                wrong.push(format!(
                    "queue of provider {id}: {folded:?} instead of {truth:?}"
                ));
            }
        }
    }

    /// Rounds with votes that may still be executed, and what of them is about ours.
    fn compare_rounds(&self, book: &Book, wrong: &mut Vec<String>) {
        let now = self.contracts.block.timestamp;
        for (version, rollup) in &self.contracts.rollups {
            let slashing = &rollup.slashing;
            let current = slashing.round(rollup.slot(now));
            let first = current.saturating_sub(slashing.config.lifetime_rounds);
            for round in first..=current {
                let Ok(data) = slashing.data(round, current) else {
                    continue;
                };
                let known = round_key(RollupVersion::new(*version), Round::new(round));
                let row = book
                    .rounds
                    .row(&known)
                    .filter(|row| row.contract == slashing.proposer);
                let told = row.map(|row| (row.votes, row.is_executed, row.tally.clone()));
                // A vote against a seat of an epoch without a committee makes the contract revert: nothing is known then.
                if self.contracts.tally(*version, round).is_err() {
                    continue;
                }
                let truth = (!data.votes.is_empty()).then(|| {
                    let mut sums = BTreeMap::<AttesterAddress, U256>::new();
                    for action in self.contracts.tally(*version, round).unwrap_or_default() {
                        let is_ours = |past: &Past| past.is_ours;
                        if self.past.get(&action.validator).is_some_and(is_ours) {
                            *sums.entry(action.validator.into()).or_default() += action.slashAmount;
                        }
                    }
                    let sums = sums.into_iter().map(|(a, sum)| (a, Wei::new(sum)));
                    (
                        data.votes.len() as u64,
                        data.is_executed,
                        Some(sums.collect::<Vec<_>>()),
                    )
                });
                if told != truth {
                    wrong.push(format!(
                        "round {round} of rollup {version}: {told:?} instead of {truth:?}"
                    ));
                }
            }
        }
    }

    fn compare_attester(&self, address: AttesterAddress, row: &Attester, wrong: &mut Vec<String>) {
        let attester = address.address();
        let (stage, why) = self.stage(attester);
        let told = word(row.standing.reason);
        if (row.standing.stage, told) != (stage, why) {
            wrong.push(format!(
                "{address}: {} ({told}) instead of {stage} ({why}); {row:?}",
                row.standing.stage
            ));
            return;
        }
        if self.money(attester) != folded_money(row) {
            wrong.push(format!(
                "{address}: money {:?} instead of {:?}",
                folded_money(row),
                self.money(attester)
            ));
        }
        let past = self.past.get(&attester);
        let split = if self.contracts.gse.configs.contains(&attester) {
            past.and_then(|past| past.deposited_split)
        } else {
            past.and_then(|past| past.queued_splits.last().copied())
        };
        let expected = row.expected_stake().map(|stake| stake.split);
        if split != expected {
            wrong.push(format!(
                "{address}: split {expected:?} instead of {split:?}"
            ));
        }
        let slashes = past.map_or(0, |past| past.slashes);
        if slashes != row.slash_count {
            wrong.push(format!(
                "{address}: {} slashes instead of {slashes}",
                row.slash_count
            ));
        }
    }

    /// Balance, exitable at, unlocks at.
    fn money(&self, attester: Address) -> Option<(U256, u64, u64)> {
        let gse = &self.contracts.gse;
        for rollup in self.contracts.rollups.values() {
            if let Some(exit) = rollup.exits.get(&attester) {
                let withdrawals = &self.contracts.governance.withdrawals;
                let lock = withdrawals.get(&exit.withdrawalId.to::<u64>()).unwrap();
                return Some((
                    exit.amount,
                    exit.exitableAt.to::<u64>(),
                    lock.unlocksAt.to::<u64>(),
                ));
            }
            let balance = gse.effective_balance(rollup.address, attester);
            if !balance.is_zero() {
                return Some((balance, 0, 0));
            }
        }
        gse.configs
            .contains(&attester)
            .then_some((U256::ZERO, 0, 0))
    }
}

fn folded_money(row: &Attester) -> Option<(U256, u64, u64)> {
    let known = row.registration.as_ref()?;
    let (exitable_at, unlocks_at) = match &known.state {
        RegistrationState::Zombie { exit } | RegistrationState::Exiting { exit } => {
            let exit = exit.as_ref()?;
            (exit.exitable_at.value(), exit.unlocks_at?.value())
        }
        RegistrationState::Validating
        | RegistrationState::SlashedEjectionUnknown
        | RegistrationState::Exited
        | RegistrationState::SlashedToNothing => (0, 0),
    };
    Some((known.balance.value(), exitable_at, unlocks_at))
}

fn word(reason: Reason) -> &'static str {
    match reason {
        Reason::NeverSeen => "never seen",
        Reason::Dripped => "dripped",
        Reason::InProviderQueue | Reason::InEntryQueue { .. } => "queued",
        Reason::InProviderQueueUsedUp | Reason::InEntryQueueUsedUp { .. } => "queued in vain",
        Reason::FollowsLatest | Reason::OnRollup { .. } => "validating",
        Reason::EjectionUnknown => "ejection unknown",
        Reason::LeftOnRollup { .. } => "left",
        Reason::Zombie => "zombie",
        Reason::Exiting => "exiting",
        Reason::Exited | Reason::SlashedToNothing => "gone",
        Reason::DepositRefused { .. } => "refused",
    }
}
