//! An attester: everything that is known of it, and the state that follows.
//!
//! [`Attester`] is what the fold writes down, event by event; [`stage`] is the pure rule that reads it.
//! An attester's address and its BLS key can be registered once, for ever, so there is at most one [`Registration`].

pub mod change;
pub mod few;
pub mod stage;

use serde::{Deserialize, Serialize};

use crate::{
    chain::contracts::Instance,
    store::{Tree, table::Record},
    units::{
        Address, AttesterAddress, B256, BlockNumber, Coinbase, ProviderId, QueueIndex,
        RollupVersion, UnixSeconds, Wei,
    },
};
pub use few::Few;
pub use stage::{Reason, Stage, Standing};

/// Everything known of one attester of one network. Derived from blocks: a reorg takes it back.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attester {
    /// Its provider, where one ever added it: ours, or the one that added it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub membership: Option<Membership>,
    /// Further providers that added it. Anybody may register as one and add any address: that takes nothing away from ours.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub other_memberships: Few<Membership>,
    /// Its places in entry queues, oldest first; several where somebody queued it twice.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub entries: Few<Entry>,
    /// Its delegated stakes, oldest first.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub stakes: Few<Stake>,
    /// Its registration in the GSE, once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// Its latest refused deposit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// How often it was slashed.
    #[serde(default)]
    pub slash_count: u64,
    /// How much it lost.
    #[serde(default)]
    pub slashed: Wei,
    /// The state as it follows from all this.
    #[serde(default)]
    pub standing: Standing,
    /// Time of the block in which the state began; zero where it never changed.
    #[serde(default)]
    pub since: UnixSeconds,
    /// How many changes of state there were: the occurrence of the next one's notice.
    #[serde(default)]
    pub transitions: u64,
}

impl Record for Attester {
    const KIND: &'static str = "attester";
    const TREE: Tree = Tree::Derived;
    type Key = AttesterAddress;
}

/// That a provider added the attester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The provider that added it last.
    pub provider: ProviderId,
    /// Its place in the provider's queue; `None` once it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_index: Option<QueueIndex>,
    /// Whether it left the queue because the admin dripped it, and nothing has become of it since.
    #[serde(default)]
    pub is_dripped: bool,
}

/// A place in an entry queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The rollup.
    pub rollup: RollupVersion,
    /// The absolute index; position = index − departures − 1.
    pub index: QueueIndex,
    /// Who gets the stake back.
    pub withdrawer: Address,
    /// Block that put it there.
    pub block: BlockNumber,
}

/// What became of a stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StakeFate {
    /// In the entry queue.
    Queued,
    /// Deposited.
    Deposited,
    /// Refused and refunded.
    Refunded,
}

/// One delegated stake: tells the coinbase that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stake {
    /// The rollup it was for.
    pub rollup: RollupVersion,
    /// The split that it made: the coinbase that the node must use.
    pub split: Coinbase,
    /// The entry that it made.
    pub entry: QueueIndex,
    /// Block of the stake.
    pub block: BlockNumber,
    /// Time of that block.
    pub at: UnixSeconds,
    /// Transaction of the stake.
    pub transaction: B256,
    /// What became of it.
    pub fate: StakeFate,
}

/// The one registration an attester can ever have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Where it sits; `None` where only a view told of it and did not tell this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<Instance>,
    /// The rollup on which it was deposited, or on which its exit was made.
    pub rollup: RollupVersion,
    /// What is left of the stake: the effective balance while validating, the amount of the exit afterwards.
    pub balance: Wei,
    /// How it stands.
    pub state: RegistrationState,
}

/// How a registration stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum RegistrationState {
    /// In the set.
    Validating,
    /// Slashed, and only a view can tell whether that ejected it.
    SlashedEjectionUnknown,
    /// Ejected by a slash; the withdrawer has to initiate the withdrawal.
    Zombie {
        /// The exit, once a view told it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
    },
    /// On its way out.
    Exiting {
        /// The exit, once a view told it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<Exit>,
    },
    /// Out, and paid.
    Exited,
    /// Slashed for everything it had.
    SlashedToNothing,
}

/// An exit as the rollup tells it (`getExit`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Amount to be paid.
    pub amount: Wei,
    /// When the rollup lets it go.
    pub exitable_at: UnixSeconds,
    /// Id of the withdrawal in the governance.
    pub withdrawal_id: u64,
    /// When the governance lets it go; `None` = not read yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlocks_at: Option<UnixSeconds>,
}

impl Exit {
    /// When the money is truly free: the later of both locks; `None` while the governance's is unknown.
    #[must_use]
    pub fn free_at(&self) -> Option<UnixSeconds> {
        self.unlocks_at
            .map(|unlocks_at| unlocks_at.max(self.exitable_at))
    }
}

/// A refused deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The rollup.
    pub rollup: RollupVersion,
    /// The block.
    pub block: BlockNumber,
    /// Why, where it can be known.
    pub cause: RefusalCause,
}

/// Why a deposit was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// The attester's address was registered before; it never can be again.
    AttesterUsedBefore,
    /// The stake was to move with the latest rollup, and this rollup no longer was the latest.
    RollupNotLatest,
    /// The BLS key was registered before, under this or another address.
    KeyUsedBefore,
    /// The BLS key was not registered before, so its proof of possession is bad.
    ProofRefused,
    /// One of the last two: the block was read from its logs alone, and they do not tell which.
    KeyOrProof,
}

impl Attester {
    /// Its memberships in every provider that ever added it.
    pub fn memberships(&self) -> impl Iterator<Item = &Membership> {
        self.membership.iter().chain(self.other_memberships.iter())
    }

    /// Its membership in `provider`.
    #[must_use]
    pub fn membership_in(&self, provider: ProviderId) -> Option<&Membership> {
        self.memberships()
            .find(|membership| membership.provider == provider)
    }

    /// The first place in the entry queue of `rollup`.
    #[must_use]
    pub fn entry(&self, rollup: RollupVersion) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.rollup == rollup)
    }

    /// The coinbase that is expected: the split of the latest stake that was not refunded.
    ///
    /// A newer queued stake counts before an older deposited one only where nothing is deposited: while an attester
    /// validates on an earlier stake, a second stake of it will be refunded.
    #[must_use]
    pub fn expected_stake(&self) -> Option<&Stake> {
        let deposited = self
            .stakes
            .iter()
            .rev()
            .find(|stake| stake.fate == StakeFate::Deposited);
        let queued = self
            .stakes
            .iter()
            .rev()
            .find(|stake| stake.fate == StakeFate::Queued);
        match &self.registration {
            Some(_) => deposited,
            None => queued,
        }
    }

    /// Whether its one registration was used up.
    #[must_use]
    pub const fn is_used_up(&self) -> bool {
        self.registration.is_some()
    }
}
