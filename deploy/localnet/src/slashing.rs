//! Slashing by votes, as sequencers do it: the proposer of a slot signs which members of past committees to slash.

use alloy::primitives::{Address, Bytes, U256};
use alloy::sol_types::SolCall as _;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use crate::contracts::{Rollup, SlashAction, TallySlashingProposer};
use crate::localnet::Localnet;
use crate::rpc::Receipt;

/// One of six is left out of four committees of four once in eighty rounds; twice in a row is not to be expected.
const ROUNDS_TRIED_MAX: u64 = 5;

/// What a round of votes holds.
#[derive(Debug, Clone)]
pub struct Round {
    /// Its number.
    pub number: u64,
    /// How many proposers voted in it.
    pub votes: u64,
    /// Whether it was executed.
    pub is_executed: bool,
    /// Whom it would slash by how much, once for each epoch in which the quorum is reached.
    pub tally: Vec<SlashAction>,
}

impl Localnet {
    /// Casts the vote of the next slot's proposer: `units` (1 to 3) against `offender`, in each target epoch in
    /// whose committee it was.
    ///
    /// The proposer must be a sequencer whose keys were used through this value.
    pub async fn vote_to_slash(&self, offender: Address, units: u8) -> Result<Receipt> {
        ensure!((1..=3).contains(&units), "a vote is for 1, 2 or 3 units");
        let first = self.addresses.first;
        let (slot, timestamp) = self.next_slot().await?;
        let round_slots = self
            .call(
                first.slashing_proposer,
                TallySlashingProposer::ROUND_SIZECall {},
            )
            .await?;
        let committees = self.target_committees(slot / round_slots).await?;
        let votes = self.ballot(&committees, offender, units).await?;

        let proposer = self
            .call(
                first.rollup,
                Rollup::getProposerAtCall {
                    timestamp: U256::from(timestamp),
                },
            )
            .await?;
        let digest = TallySlashingProposer::getVoteSignatureDigestCall {
            votes: votes.clone(),
            slot,
        };
        let digest = self.call(first.slashing_proposer, digest).await?;
        let signature = self.key_of(proposer)?.sign(digest)?;
        self.set_next_timestamp(timestamp).await?;
        let vote = TallySlashingProposer::voteCall { votes, signature };
        self.rpc
            .send(Self::account("voter"), first.slashing_proposer, vote)
            .await
    }

    /// A round as the chain sees it now.
    pub async fn slashing_round(&self, number: u64) -> Result<Round> {
        let (proposer, round) = (self.addresses.first.slashing_proposer, U256::from(number));
        let (is_executed, votes) = self.round_state(proposer, round).await?;
        let committees = self.target_committees(round).await?;
        Ok(Round {
            number,
            votes: u64::try_from(votes).context("the votes are beyond 64 bits")?,
            is_executed,
            tally: self
                .call(
                    proposer,
                    TallySlashingProposer::getTallyCall { round, committees },
                )
                .await?,
        })
    }

    /// `getRound`: v2 says between the two whether the round is ready.
    async fn round_state(&self, proposer: Address, round: U256) -> Result<(bool, U256)> {
        let data = Bytes::from(TallySlashingProposer::getRoundCall { round }.abi_encode());
        let call = json!([{ "to": proposer, "data": data }, "latest"]);
        let answer: Bytes = self.rpc.request("eth_call", call).await?;
        let (Some(first), Some(last)) = (answer.first_chunk::<32>(), answer.last_chunk::<32>())
        else {
            bail!("getRound answered {answer}");
        };
        Ok((*first != [0; 32], U256::from_be_bytes(*last)))
    }

    /// The round of the newest block.
    pub async fn current_slashing_round(&self) -> Result<u64> {
        let proposer = self.addresses.first.slashing_proposer;
        let round = self
            .call(proposer, TallySlashingProposer::getCurrentRoundCall {})
            .await?;
        u64::try_from(round).context("the round is beyond 64 bits")
    }

    /// Executes a round: everybody in its tally is slashed. Anyone may ask for it once the delay is over.
    pub async fn execute_round(&self, number: u64) -> Result<Receipt> {
        let round = U256::from(number);
        let committees = self.target_committees(round).await?;
        let execute = TallySlashingProposer::executeRoundCall { round, committees };
        self.rpc
            .send(
                Self::account("flusher"),
                self.addresses.first.slashing_proposer,
                execute,
            )
            .await
    }

    /// Makes a block in the first slot of a round.
    pub async fn advance_to_round(&self, number: u64) -> Result<()> {
        let first = self.addresses.first;
        let round_slots = self
            .call(
                first.slashing_proposer,
                TallySlashingProposer::ROUND_SIZECall {},
            )
            .await?;
        let timestamp = self.slot_start(U256::from(number) * round_slots).await?;
        self.warp_to(timestamp).await
    }

    /// Makes a block in the first slot of the next round that judges `offender`, and gives the round's number.
    ///
    /// Whoever is drawn for no committee of a round's target epochs cannot be voted on in it.
    pub async fn advance_to_round_judging(&self, offender: Address) -> Result<u64> {
        // Four rounds on, even the newest member of the set has stood for all target epochs.
        let first = self.current_slashing_round().await?.saturating_add(4);
        for round in first..first.saturating_add(ROUNDS_TRIED_MAX) {
            self.advance_to_round(round).await?;
            let committees = self.target_committees(U256::from(round)).await?;
            if committees.iter().flatten().any(|seat| *seat == offender) {
                return Ok(round);
            }
        }
        bail!("{offender} was drawn for no committee in {ROUNDS_TRIED_MAX} rounds")
    }

    async fn target_committees(&self, round: U256) -> Result<Vec<Vec<Address>>> {
        let proposer = self.addresses.first.slashing_proposer;
        self.call(
            proposer,
            TallySlashingProposer::getSlashTargetCommitteesCall { round },
        )
        .await
    }

    /// Two bits for each member of each committee, four members in a byte, the first in the lowest bits.
    async fn ballot(
        &self,
        committees: &[Vec<Address>],
        offender: Address,
        units: u8,
    ) -> Result<Bytes> {
        let proposer = self.addresses.first.slashing_proposer;
        let committee_size = self
            .call(proposer, TallySlashingProposer::COMMITTEE_SIZECall {})
            .await?;
        let committee_size =
            usize::try_from(committee_size).context("the committee is beyond memory")?;
        let mut bytes = vec![0_u8; committee_size * committees.len() / 4];
        let mut is_member = false;
        for (epoch, committee) in committees.iter().enumerate() {
            for position in
                (0..committee.len()).filter(|&position| committee.get(position) == Some(&offender))
            {
                let seat = epoch * committee_size + position;
                if let Some(byte) = bytes.get_mut(seat / 4) {
                    *byte |= units << (seat % 4 * 2);
                    is_member = true;
                }
            }
        }
        ensure!(
            is_member,
            "{offender} was in no committee that this round judges"
        );
        Ok(bytes.into())
    }

    /// The slot after the newest block's, and when it begins.
    async fn next_slot(&self) -> Result<(U256, u64)> {
        let slot = self
            .call(self.addresses.first.rollup, Rollup::getCurrentSlotCall {})
            .await?
            + U256::ONE;
        Ok((slot, self.slot_start(slot).await?))
    }

    async fn slot_start(&self, slot: U256) -> Result<u64> {
        let rollup = self.addresses.first.rollup;
        let genesis = self.call(rollup, Rollup::getGenesisTimeCall {}).await?;
        let slot_seconds = self.call(rollup, Rollup::getSlotDurationCall {}).await?;
        u64::try_from(genesis + slot * slot_seconds).context("the time is beyond 64 bits")
    }
}
