//! A random life for a world: plausible transactions, so that in the long run everything happens that can happen.
//!
//! The same seed makes the same life.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use steward::units::{Address, BlockRef, Bytes, U256};

use super::{
    action::{Action, Emitted, Key},
    blocks::World,
    contracts::Contracts,
    slashing::Target,
};

/// The provider that a life is about; provider 2 is another one.
pub const OURS: u64 = 1;

/// Rollups that a life has at most.
const ROLLUPS_MAX: usize = 4;

/// Who lives it.
#[derive(Debug)]
pub struct Script {
    rng: StdRng,
    /// Every key that was ever used, for those who use one twice.
    keys: Vec<Key>,
    people: Vec<Address>,
}

fn tokens(count: u64) -> U256 {
    U256::from(count) * U256::from(10).pow(U256::from(18))
}

impl Script {
    pub fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            keys: Vec::new(),
            people: (1..=6).map(Address::repeat_byte).collect(),
        }
    }

    /// Registers our provider and another one, each with some keys.
    pub fn begin(&mut self, world: &mut World) -> BlockRef {
        for byte in [0xa1, 0xa2] {
            let admin = Address::repeat_byte(byte);
            let register = Action::RegisterProvider {
                admin,
                take_rate: 500,
                recipient: admin,
            };
            world.act(register).unwrap();
        }
        for provider in [OURS, 2] {
            let keys = (0..8).map(|_| self.fresh_key()).collect();
            world.act(Action::AddKeys { provider, keys }).unwrap();
        }
        world.mine()
    }

    /// One block with a few transactions, now and then after a longer time. Those that revert are left out.
    pub fn step(&mut self, world: &mut World) -> BlockRef {
        if self.rng.random_bool(0.15) {
            world.warp(self.rng.random_range(1..2_500));
        }
        for _ in 0..self.rng.random_range(0..5) {
            if let Some(action) = self.action(world.contracts()) {
                let _reverted = world.act(action).is_err();
            }
        }
        world.mine()
    }

    /// A reorg of some blocks, in which some transactions are lost and others are only moved.
    pub fn shake(&mut self, world: &mut World, depth_max: u64) -> BlockRef {
        let depth = self.rng.random_range(1..=depth_max);
        let rng = &mut self.rng;
        world.reorg(depth, |_| rng.random_bool(0.7))
    }

    fn fresh_key(&mut self) -> Key {
        let seed = self.keys.len() as u64;
        let mut key = Key::new(seed);
        match self.rng.random_range(0..20) {
            0 => key.has_valid_proof = false,
            1 if seed > 0 => key.bls = self.rng.random_range(0..seed),
            2 if seed > 0 => key.attester = self.keys.choose(&mut self.rng).unwrap().attester,
            _ => {}
        }
        self.keys.push(key);
        key
    }

    fn person(&mut self) -> Address {
        *self.people.choose(&mut self.rng).unwrap()
    }

    fn version(&mut self, contracts: &Contracts) -> u64 {
        if self.rng.random_bool(0.75) {
            return contracts.canonical();
        }
        *contracts.versions.choose(&mut self.rng).unwrap()
    }

    fn action(&mut self, contracts: &Contracts) -> Option<Action> {
        let version = self.version(contracts);
        let provider = self.rng.random_range(1..=2);
        Some(match self.rng.random_range(0..100) {
            0..8 => {
                let keys = (0..self.rng.random_range(1..4)).map(|_| self.fresh_key());
                let keys = keys.collect();
                Action::AddKeys { provider, keys }
            }
            8..30 => Action::Stake {
                provider,
                version,
                withdrawer: self.person(),
                moves: self.rng.random_bool(0.6),
            },
            30..34 => Action::Deposit {
                version,
                key: self.fresh_key(),
                withdrawer: self.person(),
                moves: self.rng.random_bool(0.5),
            },
            34..56 => Action::Flush {
                version,
                to_add: self.rng.random_range(1..5),
            },
            56..58 => Action::Drip { provider, count: 1 },
            58..66 => return self.slash(contracts, version),
            66..78 => return self.exit(contracts, version),
            78..88 => self.vote(contracts, version),
            88..93 => self.execute(contracts, version),
            93..95 => self.provider_change(provider),
            95..97 => return self.governance(contracts, version),
            _ => checkpoint(contracts, version),
        })
    }

    fn attester(&mut self, contracts: &Contracts, version: u64) -> Option<Address> {
        let rollup = contracts.rollup(version).ok()?;
        let count = contracts.gse.attester_count(rollup.address);
        let index = self.rng.random_range(0..count.max(1));
        contracts.gse.attester_at(rollup.address, index)
    }

    fn exiting(&mut self, contracts: &Contracts, version: u64) -> Option<Address> {
        let exits = &contracts.rollup(version).ok()?.exits;
        let exiting: Vec<_> = exits.iter().map(|(attester, _)| *attester).collect();
        exiting.choose(&mut self.rng).copied()
    }

    fn slash(&mut self, contracts: &Contracts, version: u64) -> Option<Action> {
        let attester = if self.rng.random_bool(0.3) {
            self.exiting(contracts, version)?
        } else {
            self.attester(contracts, version)?
        };
        let amount = *[1_000, 5_000, 10_000, 20_000, 250_000]
            .choose(&mut self.rng)
            .unwrap();
        Some(Action::Slash {
            version,
            attester,
            amount: tokens(amount),
        })
    }

    /// A voluntary exit, a zombie that asks for its money, or the end of an exit.
    fn exit(&mut self, contracts: &Contracts, version: u64) -> Option<Action> {
        if self.rng.random_bool(0.3) {
            let attester = self.attester(contracts, version)?;
            return Some(Action::InitiateWithdraw {
                version,
                caller: contracts.gse.withdrawer(attester),
                attester,
                recipient: self.person(),
            });
        }
        let attester = self.exiting(contracts, version)?;
        let exit = contracts.rollup(version).ok()?.exits.get(&attester)?;
        if exit.isRecipient {
            return Some(Action::FinalizeWithdraw { version, attester });
        }
        Some(Action::InitiateWithdraw {
            version,
            caller: exit.recipientOrWithdrawer,
            attester,
            recipient: self.person(),
        })
    }

    /// Proposers of one round agree on whom to slash.
    fn vote(&mut self, contracts: &Contracts, version: u64) -> Action {
        let rollup = contracts.rollup(version).unwrap();
        let now = contracts.block.timestamp;
        let round = rollup.slashing.round(rollup.slot(now));
        Action::Vote {
            version,
            proposer: self.person(),
            targets: vec![Target {
                epoch_index: round % rollup.slashing.config.round_size_epochs,
                position: round % rollup.config.committee_size,
                units: (1 + round % 3) as u8,
            }],
        }
    }

    fn execute(&mut self, contracts: &Contracts, version: u64) -> Action {
        let rollup = contracts.rollup(version).unwrap();
        let slashing = &rollup.slashing;
        let current = slashing.round(rollup.slot(contracts.block.timestamp));
        let back = self.rng.random_range(1..=slashing.config.lifetime_rounds);
        let round = current.saturating_sub(back);
        match self.rng.random_range(0..20) {
            0 => Action::DisableSlashing { version },
            1 => Action::Veto { version, round },
            _ => Action::ExecuteRound { version, round },
        }
    }

    fn provider_change(&mut self, provider: u64) -> Action {
        match self.rng.random_range(0..4) {
            0 => Action::SetTakeRate {
                provider,
                take_rate: self.rng.random_range(0..=10_000),
            },
            1 => Action::SetRecipient {
                provider,
                recipient: self.person(),
            },
            2 => Action::ProposeAdmin {
                provider,
                admin: self.person(),
            },
            _ => Action::AcceptAdmin { provider },
        }
    }

    fn governance(&mut self, contracts: &Contracts, version: u64) -> Option<Action> {
        let mut config = contracts.rollup(version).ok()?.config;
        Some(match self.rng.random_range(0..6) {
            0 if contracts.versions.len() < ROLLUPS_MAX => {
                config.queue.bootstrap_validator_set_size = 0;
                Action::AddRollup {
                    version: contracts.canonical() + 1,
                    config,
                }
            }
            1 => {
                config.queue.normal_flush_size_min = self.rng.random_range(0..4);
                Action::SetQueueConfig {
                    version,
                    config: config.queue,
                }
            }
            2 => Action::SetLocalEjectionThreshold {
                version,
                threshold: tokens(self.rng.random_range(180_000..199_000)),
            },
            3 => Action::SetSlasher { version },
            _ => return None,
        })
    }
}

/// What a rollup emits all day and no watcher of stakes needs.
fn checkpoint(contracts: &Contracts, version: u64) -> Action {
    let topic = "0x6ff492bf2b4ca1b93a175167d14b3e46085b935cab3f39ca94013000799b93a0";
    Action::Emit(Emitted {
        address: contracts.rollup(version).unwrap().address,
        topics: vec![topic.parse().unwrap()],
        data: Bytes::new(),
    })
}
