//! A slasher and its proposer (`TallySlashingProposer`; v5 calls it `SlashingProposer`): votes, tally, execution, veto.

use steward::{
    chain::contracts::abi,
    units::{Address, B256, U256},
};

use super::{
    action::{Revert, digest},
    shards::Shards,
};

/// `ROUNDABOUT_SIZE`: rounds that the contract keeps.
const ROUNDABOUT_SIZE: u64 = 128;

/// The parameters of a proposer.
#[derive(Debug, Clone, Copy)]
pub struct SlashingConfig {
    pub round_size_epochs: u64,
    pub quorum: u64,
    pub offset_rounds: u64,
    pub execution_delay_rounds: u64,
    pub lifetime_rounds: u64,
    /// Small, medium, large.
    pub amounts: [U256; 3],
    pub disable_duration_seconds: u64,
}

/// What is known of one round.
#[derive(Debug, Clone, Default)]
pub struct RoundData {
    pub votes: Vec<Vec<u8>>,
    pub last_vote_slot: u64,
    pub is_executed: bool,
}

/// One vote's wish: a position of a committee, and how hard (1 small to 3 large).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    pub epoch_index: u64,
    pub position: u64,
    pub units: u8,
}

/// The slasher of one rollup with its proposer.
#[derive(Debug, Clone)]
pub struct Slashing {
    pub slasher: Address,
    pub proposer: Address,
    pub config: SlashingConfig,
    pub epoch_duration_slots: u64,
    pub committee_size: u64,
    pub rounds: Shards<u64, RoundData>,
    pub vetoed: Shards<Address, ()>,
    pub disabled_until: u64,
}

impl Slashing {
    pub fn round_size_slots(&self) -> u64 {
        self.config.round_size_epochs * self.epoch_duration_slots
    }

    pub fn round(&self, slot: u64) -> u64 {
        slot / self.round_size_slots()
    }

    /// `getSlashTargetEpoch`.
    pub fn target_epoch(&self, round: u64, epoch_index: u64) -> Result<u64, Revert> {
        let target = round
            .checked_sub(self.config.offset_rounds)
            .ok_or(Revert("SlashingProposer__VotingNotOpen"))?;
        if epoch_index >= self.config.round_size_epochs {
            return Err(Revert("SlashingProposer__InvalidEpochIndex"));
        }
        Ok(target * self.config.round_size_epochs + epoch_index)
    }

    /// `isRoundReadyToExecute`; says so of rounds without votes, too.
    pub fn is_ready(&self, round: u64, current: u64) -> bool {
        current > round + self.config.execution_delay_rounds
            && current <= round + self.config.lifetime_rounds
    }

    /// The bytes of a vote: two bits a validator.
    pub fn ballot(&self, targets: &[Target]) -> Vec<u8> {
        let validators = self.committee_size * self.config.round_size_epochs;
        let mut bytes = vec![0_u8; (validators / 4) as usize];
        for target in targets {
            let index = target.epoch_index * self.committee_size + target.position;
            bytes[(index / 4) as usize] |= (target.units & 3) << ((index % 4) * 2);
        }
        bytes
    }

    pub fn vote(&mut self, slot: u64, ballot: Vec<u8>) -> Result<u64, Revert> {
        let round = self.round(slot);
        self.target_epoch(round, 0)?;
        let mut data = self.rounds.get(&round).cloned().unwrap_or_default();
        if data.last_vote_slot >= slot {
            return Err(Revert("SlashingProposer__VoteAlreadyCastInCurrentSlot"));
        }
        data.last_vote_slot = slot;
        data.votes.push(ballot);
        self.rounds.insert(round, data);
        Ok(round)
    }

    /// `getRound`: reverts for rounds out of the roundabout.
    pub fn data(&self, round: u64, current: u64) -> Result<RoundData, Revert> {
        if round > current || round + ROUNDABOUT_SIZE <= current {
            return Err(Revert("SlashingProposer__RoundOutOfRange"));
        }
        Ok(self.rounds.get(&round).cloned().unwrap_or_default())
    }

    /// `getTally`.
    pub fn tally(
        &self,
        data: &RoundData,
        committees: &[Vec<Address>],
    ) -> Result<Vec<abi::SlashAction>, Revert> {
        if committees.len() as u64 != self.config.round_size_epochs {
            return Err(Revert("SlashingProposer__InvalidNumberOfCommittees"));
        }
        let mut actions = Vec::new();
        for index in 0..self.committee_size * self.config.round_size_epochs {
            let shift = (index % 4) * 2;
            let mut counts = [0_u64; 4];
            for vote in &data.votes {
                counts[usize::from((vote[(index / 4) as usize] >> shift) & 3)] += 1;
            }
            let mut votes = 0;
            for units in (1..=3).rev() {
                votes += counts[units];
                if votes >= self.config.quorum {
                    let committee = &committees[(index / self.committee_size) as usize];
                    let member = committee.get((index % self.committee_size) as usize);
                    actions.push(abi::SlashAction {
                        validator: *member.ok_or(Revert("Panic(0x32)"))?,
                        slashAmount: self.config.amounts[units - 1],
                    });
                    break;
                }
            }
        }
        Ok(actions)
    }

    /// Where the payload of a round would be deployed: depends on the round and its actions.
    pub fn payload(round: u64, actions: &[abi::SlashAction]) -> Address {
        let words: Vec<B256> = std::iter::once(U256::from(round))
            .chain(
                actions
                    .iter()
                    .flat_map(|action| [action.validator.into_word().into(), action.slashAmount]),
            )
            .map(B256::from)
            .collect();
        Address::from_word(digest(words.concat()))
    }
}
