//! Transactions as data, and what they leave behind: keys, events, reverts.

use std::hash::{DefaultHasher, Hasher};

use alloy::{primitives::keccak256, sol_types::SolEvent};
use steward::{
    chain::contracts::{QueueConfig, abi},
    units::{Address, B256, Bytes, U256},
};

use super::{rollup::RollupConfig, slashing::Target};

/// An event before its block is sealed.
#[derive(Debug, Clone)]
pub struct Emitted {
    pub address: Address,
    pub topics: Vec<B256>,
    pub data: Bytes,
}

/// Emits `event` from `address`.
pub fn emit<E: SolEvent>(logs: &mut Vec<Emitted>, address: Address, event: &E) {
    let data = event.encode_log_data();
    logs.push(Emitted {
        address,
        topics: data.topics().to_vec(),
        data: data.data,
    });
}

/// 32 bytes that follow from `content`. Cheap in unoptimised builds, which keccak is not; nothing here needs its strength.
pub fn digest(content: impl AsRef<[u8]>) -> B256 {
    let mut digest = [0; 32];
    for (part, bytes) in (0_u64..).zip(digest.chunks_mut(8)) {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(part);
        hasher.write(content.as_ref());
        bytes.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    B256::from(digest)
}

/// The name of the error that a contract reverted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revert(pub &'static str);

impl Revert {
    /// Four bytes that stand for the error.
    pub fn data(self) -> Bytes {
        Bytes::copy_from_slice(&keccak256(self.0)[..4])
    }
}

/// The keys of one attester; `bls` stands for the secret key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub attester: Address,
    pub bls: u64,
    pub has_valid_proof: bool,
}

impl Key {
    /// Keys that register: attester and BLS key both derived from `seed`.
    pub fn new(seed: u64) -> Self {
        Self {
            attester: Address::from_word(digest(format!("attester {seed}"))),
            bls: seed,
            has_valid_proof: true,
        }
    }

    fn word(self, name: &str) -> U256 {
        digest(format!("{name} {}", self.bls)).into()
    }

    pub fn g1(self) -> abi::G1Point {
        abi::G1Point {
            x: self.word("x"),
            y: self.word("y"),
        }
    }

    pub fn g2(self) -> abi::G2Point {
        abi::G2Point {
            x0: self.word("x0"),
            x1: self.word("x1"),
            y0: self.word("y0"),
            y1: self.word("y1"),
        }
    }

    /// In this world a proof is good where its `x` is that of the key.
    pub fn proof(self) -> abi::G1Point {
        let mut proof = self.g1();
        if !self.has_valid_proof {
            proof.x = !proof.x;
        }
        proof
    }

    pub fn deposit(self, withdrawer: Address, moves: bool) -> abi::DepositArgs {
        abi::DepositArgs {
            attester: self.attester,
            withdrawer,
            publicKeyInG1: self.g1(),
            publicKeyInG2: self.g2(),
            proofOfPossession: self.proof(),
            moveWithLatestRollup: moves,
        }
    }
}

/// One transaction. Versions name rollups.
#[derive(Debug, Clone)]
pub enum Action {
    RegisterProvider {
        admin: Address,
        take_rate: u16,
        recipient: Address,
    },
    AddKeys {
        provider: u64,
        keys: Vec<Key>,
    },
    Drip {
        provider: u64,
        count: u64,
    },
    SetTakeRate {
        provider: u64,
        take_rate: u16,
    },
    SetRecipient {
        provider: u64,
        recipient: Address,
    },
    ProposeAdmin {
        provider: u64,
        admin: Address,
    },
    AcceptAdmin {
        provider: u64,
    },
    /// `StakingRegistry.stake`: the head of the provider queue goes to the entry queue.
    Stake {
        provider: u64,
        version: u64,
        withdrawer: Address,
        moves: bool,
    },
    /// `Rollup.deposit` by somebody without a provider.
    Deposit {
        version: u64,
        key: Key,
        withdrawer: Address,
        moves: bool,
    },
    Flush {
        version: u64,
        to_add: u64,
    },
    /// A slash by governance, without a round.
    Slash {
        version: u64,
        attester: Address,
        amount: U256,
    },
    InitiateWithdraw {
        version: u64,
        caller: Address,
        attester: Address,
        recipient: Address,
    },
    FinalizeWithdraw {
        version: u64,
        attester: Address,
    },
    /// A vote of the current slot's proposer, for the current round.
    Vote {
        version: u64,
        proposer: Address,
        targets: Vec<Target>,
    },
    ExecuteRound {
        version: u64,
        round: u64,
    },
    /// The vetoer forbids what `round` would do.
    Veto {
        version: u64,
        round: u64,
    },
    DisableSlashing {
        version: u64,
    },
    /// Governance makes a new rollup canonical.
    AddRollup {
        version: u64,
        config: RollupConfig,
    },
    SetQueueConfig {
        version: u64,
        config: QueueConfig,
    },
    SetLocalEjectionThreshold {
        version: u64,
        threshold: U256,
    },
    SetSlasher {
        version: u64,
    },
    /// Any event of any contract; for what the model does not do.
    Emit(Emitted),
}
