//! Plausible histories: providers that add keys, stakes, flushes, slashes, exits, refused deposits.

use alloy::primitives::Address;
use steward::units::U256;

use crate::world::{
    action::{Action, Key},
    blocks::{Setup, SharedWorld, World},
};

/// Our provider, and everybody else.
pub const OURS: u64 = 1;
const OTHERS: u64 = 2;
const VERSION: u64 = 1;
/// Stakes a block: what fits an L1 block of 30 M gas at about 600,000 gas each.
const STAKES_PER_BLOCK: u64 = 50;
/// Blocks at the end in which nothing happens, so that the history is final and the head is calm.
const CALM: u64 = 140;

/// How much has happened.
#[derive(Debug, Clone, Copy)]
pub struct Past {
    /// Attesters that our provider added.
    pub ours: u64,
    /// Attesters of another provider.
    pub others: u64,
    /// Of ours, those that wait in the entry queue at the end; the others were flushed.
    pub waiting: u64,
    /// Blocks over which it happened, at least.
    pub blocks: u64,
}

impl Past {
    /// A fleet of ours of which one in fifty waits, and a quarter as many of others, in about a month.
    pub const fn of(ours: u64) -> Self {
        Self {
            ours,
            others: ours / 4,
            waiting: ours / 50,
            blocks: 200_000,
        }
    }

    /// Lives it.
    pub fn live(self) -> SharedWorld {
        let mut setup = Setup::open(7, 1_000_000);
        // Where many change in every block, a state of 100,000 attesters takes 45 MiB of its own.
        setup.states_kept = 128;
        (setup.finalized_depth, setup.safe_depth) = (64, 32);
        // Long ago, so that the clock of a whole process never lies before its head.
        setup.genesis_timestamp = 1_600_000_000;
        let shared = World::shared(setup);
        let mut world = shared.lock();
        let admin = Address::repeat_byte(0xa1);
        for _ in [OURS, OTHERS] {
            let register = Action::RegisterProvider {
                admin,
                take_rate: 500,
                recipient: admin,
            };
            world.act(register).unwrap();
        }
        world.mine();
        let chunk = ((self.ours + self.others) / 100).clamp(20, 5_000);
        let flushed = self.ours - self.waiting;
        let mut chunks = Vec::new();
        split(&mut chunks, OURS, 0, flushed, chunk);
        split(&mut chunks, OTHERS, self.ours, self.others, chunk);
        // Others and ours take turns.
        chunks.sort_by_key(|one| {
            let (first, total) = if one.provider == OURS {
                (one.first, flushed)
            } else {
                (one.first - self.ours, self.others)
            };
            first * 1_000 / total.max(1)
        });
        let pause = self.blocks / (chunks.len() as u64).max(1);
        for (index, one) in chunks.iter().enumerate() {
            let begin = world.head().block.number.value();
            one.join(&mut world);
            let flush = Action::Flush {
                version: VERSION,
                to_add: u64::MAX,
            };
            world.act(flush).unwrap();
            world.mine();
            if let Some(earlier) = index.checked_sub(2).and_then(|index| chunks.get(index)) {
                earlier.suffer(&mut world);
            }
            let lived = world.head().block.number.value() - begin;
            world.mine_many(pause.saturating_sub(lived));
        }
        let waiting = Chunk {
            provider: OURS,
            first: flushed,
            count: self.waiting,
        };
        waiting.join(&mut world);
        world.mine_many(CALM);
        drop(world);
        shared
    }
}

/// Keys that join together.
#[derive(Debug, Clone, Copy)]
struct Chunk {
    provider: u64,
    first: u64,
    count: u64,
}

fn split(chunks: &mut Vec<Chunk>, provider: u64, first: u64, count: u64, size: u64) {
    let mut done = 0;
    while done < count {
        let count = size.min(count - done);
        chunks.push(Chunk {
            provider,
            first: first + done,
            count,
        });
        done += count;
    }
}

/// The key of an attester; one in 256 has a bad proof, so that its deposit is refused.
pub fn key(number: u64) -> Key {
    Key {
        has_valid_proof: number % 256 != 255,
        ..Key::new(number)
    }
}

/// Attesters that neither leave nor were slashed, one in 25; those of ours are first.
pub fn at_stake() -> impl Iterator<Item = u64> {
    let is_at_stake = |number: &u64| key(*number).has_valid_proof;
    (1..).step_by(25).filter(is_at_stake)
}

fn withdrawer(number: u64) -> Address {
    Key::new(1_000_000_000 + number % 997).attester
}

impl Chunk {
    fn numbers(self) -> impl Iterator<Item = u64> {
        self.first..self.first + self.count
    }

    /// Keys are added and staked.
    fn join(self, world: &mut World) {
        let provider = self.provider;
        let numbers: Vec<u64> = self.numbers().collect();
        for numbers in numbers.chunks(50) {
            let keys = numbers.iter().copied().map(key).collect();
            world.act(Action::AddKeys { provider, keys }).unwrap();
        }
        world.mine();
        for numbers in numbers.chunks(STAKES_PER_BLOCK as usize) {
            for number in numbers {
                let stake = Action::Stake {
                    provider,
                    version: VERSION,
                    withdrawer: withdrawer(*number),
                    moves: number % 8 != 0,
                };
                world.act(stake).unwrap();
            }
            world.mine();
        }
    }

    /// Some are slashed, some leave, some of them to the end.
    fn suffer(self, world: &mut World) {
        let amount = U256::from(2_000) * U256::from(10).pow(U256::from(18));
        let is_in = |number: &u64| key(*number).has_valid_proof;
        let every = |share: u64, rest: u64| move |number: &u64| number % share == rest;
        for number in self.numbers().filter(is_in).filter(every(25, 3)) {
            let slash = Action::Slash {
                version: VERSION,
                attester: key(number).attester,
                amount,
            };
            world.act(slash).unwrap();
        }
        world.mine();
        for number in self.numbers().filter(is_in).filter(every(50, 7)) {
            let leave = Action::InitiateWithdraw {
                version: VERSION,
                caller: withdrawer(number),
                attester: key(number).attester,
                recipient: withdrawer(number),
            };
            world.act(leave).unwrap();
        }
        world.mine();
        world.pass(8_000);
        for number in self.numbers().filter(is_in).filter(every(100, 7)) {
            let finalize = Action::FinalizeWithdraw {
                version: VERSION,
                attester: key(number).attester,
            };
            world.act(finalize).unwrap();
        }
        world.mine();
    }
}
