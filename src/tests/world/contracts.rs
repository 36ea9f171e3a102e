//! All contracts together, and what can be done to them.

use std::collections::BTreeMap;

use steward::{
    chain::contracts::abi,
    units::{Address, B256, Bytes, U256},
};

use super::{
    action::{Action, Emitted, Revert, digest, emit},
    gse::{Governance, Gse},
    rollup::{Around, Rollup, RollupConfig},
    shards::{Queue, Shards},
    slashing::Slashing,
    staking_registry::StakingRegistry,
};

/// The block that the contracts see.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockContext {
    pub number: u64,
    pub timestamp: u64,
    pub parent_hash: B256,
}

/// The state of all contracts at one block; cheap to clone.
#[derive(Debug, Clone)]
pub struct Contracts {
    pub block: BlockContext,
    pub registry: Address,
    /// In the order in which they became canonical.
    pub versions: Vec<u64>,
    pub rollups: BTreeMap<u64, Rollup>,
    pub gse: Gse,
    pub governance: Governance,
    pub staking_registry: StakingRegistry,
    slashers: u64,
}

fn address_of(name: &str) -> Address {
    Address::from_word(digest(name))
}

impl Contracts {
    /// A network whose first rollup has `version`, and what its deployment emitted.
    pub fn new(version: u64, config: RollupConfig, timestamp: u64) -> (Self, Vec<Emitted>) {
        let unit = U256::from(10).pow(U256::from(18));
        let mut contracts = Self {
            block: BlockContext {
                timestamp,
                ..BlockContext::default()
            },
            registry: address_of("registry"),
            versions: Vec::new(),
            rollups: BTreeMap::new(),
            gse: Gse::new(
                address_of("gse"),
                U256::from(200_000) * unit,
                U256::from(100_000) * unit,
            ),
            governance: Governance {
                address: address_of("governance"),
                withdrawal_delay_seconds: 7_200,
                withdrawals: Shards::default(),
            },
            staking_registry: StakingRegistry {
                address: address_of("staking registry"),
                providers: BTreeMap::new(),
                splits: 0,
            },
            slashers: 0,
        };
        let action = Action::AddRollup { version, config };
        let logs = contracts.apply(&action).unwrap();
        (contracts, logs)
    }

    /// Who called: stands in for the ATP or account of a delegator.
    pub fn staker(withdrawer: Address) -> Address {
        address_of(&format!("staker of {withdrawer}"))
    }

    /// Runs one transaction: what it emitted, or why it reverted. A revert changes nothing, because every rule is checked
    /// before the first write; a copy to go back to would cost more than all the rest.
    pub fn apply(&mut self, action: &Action) -> Result<Vec<Emitted>, Revert> {
        let mut logs = Vec::new();
        self.run(action, &mut logs)?;
        Ok(logs)
    }

    fn run(&mut self, action: &Action, logs: &mut Vec<Emitted>) -> Result<(), Revert> {
        match action {
            Action::Emit(emitted) => {
                logs.push(emitted.clone());
                Ok(())
            }
            Action::AddRollup { version, config } => self.add_rollup(*version, *config, logs),
            Action::RegisterProvider { .. }
            | Action::AddKeys { .. }
            | Action::Drip { .. }
            | Action::SetTakeRate { .. }
            | Action::SetRecipient { .. }
            | Action::ProposeAdmin { .. }
            | Action::AcceptAdmin { .. }
            | Action::Stake { .. } => self.run_staking_registry(action, logs),
            Action::Vote { .. }
            | Action::ExecuteRound { .. }
            | Action::Veto { .. }
            | Action::DisableSlashing { .. } => self.run_slashing(action, logs),
            Action::SetQueueConfig { .. }
            | Action::SetLocalEjectionThreshold { .. }
            | Action::SetSlasher { .. } => self.run_governance(action, logs),
            Action::Deposit { .. }
            | Action::Flush { .. }
            | Action::Slash { .. }
            | Action::InitiateWithdraw { .. }
            | Action::FinalizeWithdraw { .. } => self.run_staking(action, logs),
        }
    }

    fn run_staking_registry(
        &mut self,
        action: &Action,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        let registry = &mut self.staking_registry;
        match action {
            Action::RegisterProvider {
                admin,
                take_rate,
                recipient,
            } => registry.register(*admin, *take_rate, *recipient, logs),
            Action::AddKeys { provider, keys } => registry.add_keys(*provider, keys, logs),
            Action::Drip { provider, count } => registry.drip(*provider, *count, logs),
            Action::SetTakeRate {
                provider,
                take_rate,
            } => registry.set_take_rate(*provider, *take_rate, logs),
            Action::SetRecipient {
                provider,
                recipient,
            } => registry.set_recipient(*provider, *recipient, logs),
            Action::ProposeAdmin { provider, admin } => {
                registry.propose_admin(*provider, *admin, logs)
            }
            Action::AcceptAdmin { provider } => registry.accept_admin(*provider, logs),
            Action::Stake {
                provider,
                version,
                withdrawer,
                moves,
            } => self.stake(*provider, *version, *withdrawer, *moves, logs),
            other => unreachable!("{other:?} is not for the StakingRegistry"),
        }
    }

    fn stake(
        &mut self,
        provider: u64,
        version: u64,
        withdrawer: Address,
        moves: bool,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        let queue = &self.staking_registry.provider(provider)?.queue;
        let key = *queue.at(0).ok_or(Revert("QueueIsEmpty"))?;
        let rollup = self.rollup_mut(version)?;
        rollup.deposit(key.deposit(withdrawer, moves), logs)?;
        let rollup = rollup.address;
        let split = self.staking_registry.take(provider)?;
        let staked = abi::StakingRegistry::StakedWithProvider {
            providerIdentifier: U256::from(provider),
            rollupAddress: rollup,
            attester: key.attester,
            coinbaseSplitContractAddress: split,
            stakerImplementation: Self::staker(withdrawer),
        };
        logs.push(Emitted {
            address: address_of("split factory"),
            topics: vec![digest("SplitCreated"), split.into_word()],
            data: Bytes::new(),
        });
        emit(logs, self.staking_registry.address, &staked);
        Ok(())
    }

    fn run_staking(&mut self, action: &Action, logs: &mut Vec<Emitted>) -> Result<(), Revert> {
        let (Action::Deposit { version, .. }
        | Action::Flush { version, .. }
        | Action::Slash { version, .. }
        | Action::InitiateWithdraw { version, .. }
        | Action::FinalizeWithdraw { version, .. }) = action
        else {
            unreachable!("{action:?} is not for a rollup");
        };
        let (rollup, mut around) = self.around(*version, logs)?;
        match action {
            Action::Deposit {
                key,
                withdrawer,
                moves,
                ..
            } => rollup.deposit(key.deposit(*withdrawer, *moves), around.logs),
            Action::Flush { to_add, .. } => {
                rollup.flush(*to_add, &mut around);
                Ok(())
            }
            Action::Slash {
                attester, amount, ..
            } => rollup
                .slash(*attester, *amount, &mut around)
                .map(|_was_slashed| ()),
            Action::InitiateWithdraw {
                caller,
                attester,
                recipient,
                ..
            } => rollup.initiate_withdraw(*caller, *attester, *recipient, &mut around),
            Action::FinalizeWithdraw { attester, .. } => {
                rollup.finalize_withdraw(*attester, &mut around)
            }
            other => unreachable!("{other:?} is not for a rollup"),
        }
    }

    fn run_slashing(&mut self, action: &Action, logs: &mut Vec<Emitted>) -> Result<(), Revert> {
        let now = self.block.timestamp;
        match action {
            Action::Vote {
                version,
                proposer,
                targets,
            } => {
                let rollup = self.rollup_mut(*version)?;
                let slot = rollup.slot(now);
                let ballot = rollup.slashing.ballot(targets);
                let round = rollup.slashing.vote(slot, ballot)?;
                let event = abi::SlashingProposer::VoteCast {
                    round: U256::from(round),
                    slot: U256::from(slot),
                    proposer: *proposer,
                };
                emit(logs, rollup.slashing.proposer, &event);
                Ok(())
            }
            Action::ExecuteRound { version, round } => self.execute_round(*version, *round, logs),
            Action::Veto { version, round } => {
                let actions = self.tally(*version, *round)?;
                let slashing = &mut self.rollup_mut(*version)?.slashing;
                let payload = Slashing::payload(*round, &actions);
                slashing.vetoed.insert(payload, ());
                let event = abi::Slasher::VetoedPayload { payload };
                emit(logs, slashing.slasher, &event);
                Ok(())
            }
            Action::DisableSlashing { version } => {
                let slashing = &mut self.rollup_mut(*version)?.slashing;
                slashing.disabled_until = now + slashing.config.disable_duration_seconds;
                let event = abi::Slasher::SlashingDisabled {
                    disabledUntil: U256::from(slashing.disabled_until),
                };
                emit(logs, slashing.slasher, &event);
                Ok(())
            }
            other => unreachable!("{other:?} is not about slashing"),
        }
    }

    /// What `executeRound` would do: the tally of the votes over the committees that really sat.
    pub fn tally(&self, version: u64, round: u64) -> Result<Vec<abi::SlashAction>, Revert> {
        let rollup = self.rollup(version)?;
        let current = rollup.slashing.round(rollup.slot(self.block.timestamp));
        let data = rollup.slashing.data(round, current)?;
        rollup
            .slashing
            .tally(&data, &self.committees(version, round)?)
    }

    /// `getSlashTargetCommittees`: empty for epochs without a committee.
    pub fn committees(&self, version: u64, round: u64) -> Result<Vec<Vec<Address>>, Revert> {
        let rollup = self.rollup(version)?;
        (0..rollup.slashing.config.round_size_epochs)
            .map(|index| {
                let epoch = rollup.slashing.target_epoch(round, index)?;
                Ok(rollup.committees.get(&epoch).cloned().unwrap_or_default())
            })
            .collect()
    }

    fn execute_round(
        &mut self,
        version: u64,
        round: u64,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        let rollup = self.rollup(version)?;
        let current = rollup.slashing.round(rollup.slot(self.block.timestamp));
        let mut data = rollup.slashing.data(round, current)?;
        if data.is_executed {
            return Err(Revert("SlashingProposer__RoundAlreadyExecuted"));
        }
        if !rollup.slashing.is_ready(round, current) {
            return Err(Revert("SlashingProposer__RoundNotComplete"));
        }
        let actions = self.tally(version, round)?;
        data.is_executed = true;
        let (rollup, mut around) = self.around(version, logs)?;
        if !actions.is_empty() {
            let slashing = &rollup.slashing;
            if around.now < slashing.disabled_until {
                return Err(Revert("Slasher__SlashingDisabled"));
            }
            let payload = Slashing::payload(round, &actions);
            if slashing.vetoed.contains(&payload) {
                return Err(Revert("Slasher__PayloadVetoed"));
            }
        }
        rollup.slashing.rounds.insert(round, data);
        for action in &actions {
            rollup.slash(action.validator, action.slashAmount, &mut around)?;
        }
        let event = abi::SlashingProposer::RoundExecuted {
            round: U256::from(round),
            slashCount: U256::from(actions.len()),
        };
        emit(around.logs, rollup.slashing.proposer, &event);
        Ok(())
    }

    fn run_governance(&mut self, action: &Action, logs: &mut Vec<Emitted>) -> Result<(), Revert> {
        match action {
            Action::SetQueueConfig { version, config } => {
                let rollup = self.rollup_mut(*version)?;
                rollup.config.queue = *config;
                let config = abi::StakingQueueConfig {
                    bootstrapValidatorSetSize: U256::from(config.bootstrap_validator_set_size),
                    bootstrapFlushSize: U256::from(config.bootstrap_flush_size),
                    normalFlushSizeMin: U256::from(config.normal_flush_size_min),
                    normalFlushSizeQuotient: U256::from(config.normal_flush_size_quotient),
                    maxQueueFlushSize: U256::from(config.max_queue_flush_size),
                };
                let event = abi::Rollup::StakingQueueConfigUpdated { config };
                emit(logs, rollup.address, &event);
            }
            Action::SetLocalEjectionThreshold { version, threshold } => {
                let rollup = self.rollup_mut(*version)?;
                let old =
                    std::mem::replace(&mut rollup.config.local_ejection_threshold, *threshold);
                let event = abi::Rollup::LocalEjectionThresholdUpdated {
                    oldLocalEjectionThreshold: old,
                    newLocalEjectionThreshold: *threshold,
                };
                emit(logs, rollup.address, &event);
            }
            Action::SetSlasher { version } => {
                let rollup = self.rollup(*version)?;
                let slashing = self.slashing(&rollup.config);
                self.slashers += 1;
                let rollup = self.rollup_mut(*version)?;
                let old = std::mem::replace(&mut rollup.slashing, slashing);
                let event = abi::Rollup::SlasherUpdated {
                    oldSlasher: old.slasher,
                    newSlasher: rollup.slashing.slasher,
                };
                emit(logs, rollup.address, &event);
            }
            other => unreachable!("{other:?} is not for governance"),
        }
        Ok(())
    }

    fn slashing(&self, config: &RollupConfig) -> Slashing {
        Slashing {
            slasher: address_of(&format!("slasher {}", self.slashers)),
            proposer: address_of(&format!("slashing proposer {}", self.slashers)),
            config: config.slashing,
            epoch_duration_slots: config.epoch_duration_slots,
            committee_size: config.committee_size,
            rounds: Shards::default(),
            vetoed: Shards::default(),
            disabled_until: 0,
        }
    }

    fn add_rollup(
        &mut self,
        version: u64,
        config: RollupConfig,
        logs: &mut Vec<Emitted>,
    ) -> Result<(), Revert> {
        if self.rollups.contains_key(&version) {
            return Err(Revert("Registry__RollupAlreadyRegistered"));
        }
        let address = address_of(&format!("rollup {version}"));
        let rollup = Rollup {
            address,
            version,
            config,
            genesis_time: self.block.timestamp,
            slashing: self.slashing(&config),
            entry_queue: Queue::default(),
            next_flushable_epoch: 0,
            stored_flushes: 0,
            is_bootstrapped: false,
            exits: Shards::default(),
            committees: Shards::default(),
        };
        self.slashers += 1;
        self.rollups.insert(version, rollup);
        self.versions.push(version);
        self.gse.add_rollup(address);
        let event = abi::Registry::CanonicalRollupUpdated {
            instance: address,
            version: U256::from(version),
        };
        emit(logs, self.registry, &event);
        Ok(())
    }

    /// The version that the Registry calls canonical.
    pub fn canonical(&self) -> u64 {
        self.versions.last().copied().unwrap()
    }

    pub fn rollup(&self, version: u64) -> Result<&Rollup, Revert> {
        self.rollups
            .get(&version)
            .ok_or(Revert("Registry__RollupNotRegistered"))
    }

    fn rollup_mut(&mut self, version: u64) -> Result<&mut Rollup, Revert> {
        self.rollups
            .get_mut(&version)
            .ok_or(Revert("Registry__RollupNotRegistered"))
    }

    fn around<'a>(
        &'a mut self,
        version: u64,
        logs: &'a mut Vec<Emitted>,
    ) -> Result<(&'a mut Rollup, Around<'a>), Revert> {
        let around = Around {
            gse: &mut self.gse,
            governance: &mut self.governance,
            logs,
            now: self.block.timestamp,
        };
        let rollup = self
            .rollups
            .get_mut(&version)
            .ok_or(Revert("Registry__RollupNotRegistered"))?;
        Ok((rollup, around))
    }

    /// Begins a block: epochs that start get their committee, drawn from the validators of that moment.
    pub fn begin(&mut self, block: BlockContext) {
        self.block = block;
        let gse = &self.gse;
        for rollup in self.rollups.values_mut() {
            let epoch = rollup.epoch(block.timestamp);
            let size = rollup.config.committee_size;
            let count = gse.attester_count(rollup.address);
            if count < size || rollup.committees.contains(&epoch) {
                continue;
            }
            let committee = (0..size)
                .filter_map(|seat| gse.attester_at(rollup.address, (epoch * size + seat) % count))
                .collect();
            rollup.committees.insert(epoch, committee);
        }
    }
}
