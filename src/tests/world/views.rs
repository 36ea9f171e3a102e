//! `eth_call`: what the contracts answer, by address and selector, in the ABI.

use alloy::sol_types::{SolCall, SolValue};
use steward::{
    chain::{
        Call, CallAnswer,
        contracts::{BONUS_INSTANCE, MULTICALL3, abi},
    },
    units::{Address, B256, Bytes, U256},
};

use super::{
    action::Revert,
    contracts::Contracts,
    rollup::{Release, Rollup},
};

/// A view's answer, or `None` where the contract has no such function.
type View = Option<Result<Vec<u8>, Revert>>;

/// Answers `data` as `C`, if it is a call of `C`.
fn view<C: SolCall>(data: &[u8], answer: impl FnOnce(C) -> Result<C::Return, Revert>) -> View {
    if data.get(..4)? != C::SELECTOR {
        return None;
    }
    let Ok(call) = C::abi_decode(data) else {
        return Some(Err(Revert("")));
    };
    Some(answer(call).map(|value| C::abi_encode_returns(&value)))
}

/// The first that answers.
macro_rules! first {
    ($data:expr; $($call:path => |$argument:pat_param| $answer:expr;)*) => {
        None$(.or_else(|| view::<$call>($data, |$argument| $answer)))*
    };
}

fn number(value: u64) -> Result<U256, Revert> {
    Ok(U256::from(value))
}

impl Contracts {
    /// What `to` answers to `data`. Where no contract lives, nothing comes back and nothing reverts.
    pub fn call(&self, to: Address, data: &[u8]) -> CallAnswer {
        if !self.has_code(to) {
            return CallAnswer::Returned(Bytes::new());
        }
        match self.dispatch(to, data) {
            Some(Ok(bytes)) => CallAnswer::Returned(bytes.into()),
            Some(Err(revert)) => CallAnswer::Reverted(revert.data()),
            None => CallAnswer::Reverted(Bytes::new()),
        }
    }

    /// Whether a contract of this world lives at `address`.
    pub fn has_code(&self, address: Address) -> bool {
        let singles = [
            MULTICALL3,
            self.registry,
            self.gse.address,
            self.governance.address,
            self.staking_registry.address,
        ];
        singles.contains(&address)
            || self.rollups.values().any(|rollup| {
                let slashing = &rollup.slashing;
                [rollup.address, slashing.slasher, slashing.proposer].contains(&address)
            })
    }

    /// `eth_getStorageAt`; only the queue configurations are kept in storage here.
    pub fn storage(&self, address: Address, slot: B256) -> B256 {
        let rollup = self
            .rollups
            .values()
            .find(|rollup| rollup.address == address);
        rollup.map_or(B256::ZERO, |rollup| rollup.storage(slot))
    }

    fn dispatch(&self, to: Address, data: &[u8]) -> View {
        if to == MULTICALL3 {
            return self.multicall3(data);
        }
        if to == self.registry {
            return self.registry_view(data);
        }
        if to == self.gse.address {
            return self.gse_view(data);
        }
        if to == self.governance.address {
            return self.governance_view(data);
        }
        if to == self.staking_registry.address {
            return self
                .staking_registry_view(data)
                .or_else(|| self.provider_queue_view(data));
        }
        let rollup = self.rollups.values().find(|rollup| {
            let slashing = &rollup.slashing;
            [rollup.address, slashing.slasher, slashing.proposer].contains(&to)
        })?;
        if to == rollup.address {
            self.attester_view(rollup, data)
                .or_else(|| self.entry_queue_view(rollup, data))
                .or_else(|| self.rollup_view(rollup, data))
        } else if to == rollup.slashing.slasher {
            first!(data; abi::Slasher::PROPOSERCall => |_| Ok(rollup.slashing.proposer);)
        } else {
            self.proposer_view(rollup, data)
                .or_else(|| Self::proposer_constant(rollup, data))
        }
    }

    fn multicall3(&self, data: &[u8]) -> View {
        use abi::Multicall3 as C;
        first!(data;
            C::getBlockNumberCall => |_| number(self.block.number);
            C::getLastBlockHashCall => |_| Ok(self.block.parent_hash);
            C::getCurrentBlockTimestampCall => |_| number(self.block.timestamp);
            C::aggregate3Call => |C::aggregate3Call { calls }| calls
                .into_iter()
                .map(|call| match self.call(call.target, &call.callData) {
                    CallAnswer::Returned(data) => Ok(C::Result { success: true, returnData: data }),
                    CallAnswer::Reverted(data) if call.allowFailure => {
                        Ok(C::Result { success: false, returnData: data })
                    }
                    CallAnswer::Reverted(_) => Err(Revert("Multicall3: call failed")),
                })
                .collect();
        )
    }

    fn registry_view(&self, data: &[u8]) -> View {
        use abi::Registry as C;
        first!(data;
            C::getCanonicalRollupCall => |_| Ok(self.rollup(self.canonical())?.address);
            C::getRollupCall => |C::getRollupCall { version }| {
                let version = u64::try_from(version).unwrap_or(u64::MAX);
                Ok(self.rollup(version)?.address)
            };
            C::getVersionCall => |C::getVersionCall { index }| self
                .versions
                .get(usize::try_from(index).unwrap_or(usize::MAX))
                .map(|version| U256::from(*version))
                .ok_or(Revert("Panic(0x32)"));
            C::numberOfVersionsCall => |_| number(self.versions.len() as u64);
            C::getGovernanceCall => |_| Ok(self.governance.address);
        )
    }

    fn gse_view(&self, data: &[u8]) -> View {
        use abi::Gse as C;
        first!(data;
            C::getLatestRollupCall => |_| Ok(self.gse.latest);
            C::getGovernanceCall => |_| Ok(self.governance.address);
            C::getBonusInstanceAddressCall => |_| Ok(BONUS_INSTANCE);
            C::isRegisteredCall => |call| Ok(self.gse.is_registered(call.instance, call.attester));
            C::ownedPKsCall => |call| Ok(self.gse.owned_keys.contains(&call.hashedKey));
        )
    }

    fn governance_view(&self, data: &[u8]) -> View {
        use abi::Governance as C;
        first!(data;
            C::getWithdrawalCall => |C::getWithdrawalCall { withdrawalId }| {
                let id = u64::try_from(withdrawalId).unwrap_or(u64::MAX);
                let none = abi::Withdrawal {
                    amount: U256::ZERO,
                    unlocksAt: U256::ZERO,
                    recipient: Address::ZERO,
                    claimed: false,
                };
                Ok(self.governance.withdrawals.get(&id).cloned().unwrap_or(none))
            };
        )
    }

    fn staking_registry_view(&self, data: &[u8]) -> View {
        use abi::StakingRegistry as C;
        let provider = |id: U256| {
            let id = u64::try_from(id).unwrap_or(u64::MAX);
            self.staking_registry.providers.get(&id)
        };
        first!(data;
            C::nextProviderIdentifierCall => |_| number(self.staking_registry.next_id());
            C::providerConfigurationsCall => |call| {
                let provider = provider(call.providerIdentifier);
                Ok(C::providerConfigurationsReturn {
                    providerAdmin: provider.map(|provider| provider.admin).unwrap_or_default(),
                    providerTakeRate: provider.map_or(0, |provider| provider.take_rate),
                    providerRewardsRecipient: provider.map(|provider| provider.recipient).unwrap_or_default(),
                })
            };
            C::pendingProviderAdminsCall => |call| Ok(provider(call.providerIdentifier)
                .map(|provider| provider.pending_admin)
                .unwrap_or_default());
        )
    }

    fn provider_queue_view(&self, data: &[u8]) -> View {
        use abi::StakingRegistry as C;
        let queue = |id: U256| {
            let id = u64::try_from(id).unwrap_or(u64::MAX);
            self.staking_registry
                .providers
                .get(&id)
                .map(|provider| &provider.queue)
        };
        first!(data;
            C::getProviderQueueLengthCall => |call| number(queue(call.providerIdentifier).map_or(0, |queue| queue.len()));
            C::getFirstIndexInQueueCall => |call| {
                Ok(u128::from(queue(call.providerIdentifier).map_or(0, |queue| queue.first)))
            };
            C::getLastIndexInQueueCall => |call| {
                Ok(u128::from(queue(call.providerIdentifier).map_or(0, |queue| queue.last)))
            };
            C::getValueAtIndexInQueueCall => |call| {
                let index = u64::try_from(call.index).unwrap_or(u64::MAX);
                let key = queue(call.providerIdentifier).and_then(|queue| queue.at_index(index));
                let key = key.ok_or(Revert("QueueIndexOutOfBounds"))?;
                Ok(abi::KeyStore {
                    attester: key.attester,
                    publicKeyG1: key.g1(),
                    publicKeyG2: key.g2(),
                    proofOfPossession: key.proof(),
                })
            };
        )
    }

    fn attester_view(&self, rollup: &Rollup, data: &[u8]) -> View {
        use abi::Rollup as C;
        first!(data;
            C::getStatusCall => |call| Ok(rollup.status(&self.gse, call.attester));
            C::getAttesterViewCall => |C::getAttesterViewCall { attester }| Ok(self.view_of(rollup, attester));
            C::getActiveAttesterCountCall => |_| number(self.gse.attester_count(rollup.address));
        )
    }

    /// `getAttesterView`.
    pub fn view_of(&self, rollup: &Rollup, attester: Address) -> abi::AttesterView {
        let none = abi::Exit {
            withdrawalId: U256::ZERO,
            amount: U256::ZERO,
            exitableAt: U256::ZERO,
            recipientOrWithdrawer: Address::ZERO,
            isRecipient: false,
            exists: false,
        };
        let (public_key, withdrawer) = self.gse.configs.get(&attester).cloned().unwrap_or((
            abi::G1Point {
                x: U256::ZERO,
                y: U256::ZERO,
            },
            Address::ZERO,
        ));
        abi::AttesterView {
            status: rollup.status(&self.gse, attester),
            effectiveBalance: self.gse.effective_balance(rollup.address, attester),
            exit: rollup.exits.get(&attester).cloned().unwrap_or(none),
            config: abi::AttesterConfig {
                publicKey: public_key,
                withdrawer,
            },
        }
    }

    fn entry_queue_view(&self, rollup: &Rollup, data: &[u8]) -> View {
        use abi::Rollup as C;
        let now = self.block.timestamp;
        first!(data;
            C::getEntryQueueLengthCall => |_| number(rollup.entry_queue.len());
            C::getEntryQueueAtCall => |C::getEntryQueueAtCall { index }| {
                let position = u64::try_from(index).unwrap_or(u64::MAX);
                // Out of range reads zeros and does not revert: eleven words, one for the flag included.
                let zeros = || abi::DepositArgs::abi_decode(&[0; 352]).unwrap();
                Ok(rollup.entry_queue.at(position).cloned().unwrap_or_else(zeros))
            };
            C::getEntryQueueFlushSizeCall => |_| number(rollup.flush_size(&self.gse));
            C::getAvailableValidatorFlushesCall => |_| number(rollup.available_flushes(&self.gse, now));
            C::getNextFlushableEpochCall => |_| number(rollup.next_flushable_epoch);
            C::getIsBootstrappedCall => |_| Ok(rollup.is_bootstrapped);
        )
    }

    fn rollup_view(&self, rollup: &Rollup, data: &[u8]) -> View {
        use abi::Rollup as C;
        let now = self.block.timestamp;
        let config = rollup.config;
        let common = first!(data;
            C::getCurrentEpochCall => |_| number(rollup.epoch(now));
            C::getCurrentSlotCall => |_| number(rollup.slot(now));
            C::getEpochDurationCall => |_| number(config.epoch_duration_slots);
            C::getSlotDurationCall => |_| number(config.slot_duration_seconds);
            C::getGenesisTimeCall => |_| number(rollup.genesis_time);
            C::getActivationThresholdCall => |_| Ok(self.gse.activation_threshold);
            C::getEjectionThresholdCall => |_| Ok(self.gse.ejection_threshold);
            C::getLocalEjectionThresholdCall => |_| Ok(config.local_ejection_threshold);
            C::getExitDelayCall => |_| number(config.exit_delay_seconds);
            C::getSlasherCall => |_| Ok(rollup.slashing.slasher);
            C::getGSECall => |_| Ok(self.gse.address);
            C::getVersionCall => |_| number(rollup.version);
        );
        match config.release {
            Release::V4 => common,
            Release::V5 => common.or_else(|| {
                first!(data;
                    C::getPendingSlasherCall => |_| Ok((Address::ZERO, U256::ZERO).into());
                    C::getLegacySlasherCall => |_| Ok((Address::ZERO, U256::ZERO).into());
                )
            }),
        }
    }

    fn proposer_view(&self, rollup: &Rollup, data: &[u8]) -> View {
        use abi::SlashingProposer as C;
        let slashing = &rollup.slashing;
        let current = slashing.round(rollup.slot(self.block.timestamp));
        let small = |number: U256| u64::try_from(number).unwrap_or(u64::MAX);
        first!(data;
            C::getCurrentRoundCall => |_| number(current);
            C::getRoundCall => |C::getRoundCall { round }| {
                let data = slashing.data(small(round), current)?;
                Ok(C::getRoundReturn { isExecuted: data.is_executed, voteCount: U256::from(data.votes.len()) })
            };
            C::getTallyCall => |C::getTallyCall { round, committees }| {
                slashing.tally(&slashing.data(small(round), current)?, &committees)
            };
            C::getSlashTargetCommitteesCall => |C::getSlashTargetCommitteesCall { round }| {
                self.committees(rollup.version, small(round))
            };
            C::getVotesCall => |C::getVotesCall { round, index }| {
                let data = slashing.data(small(round), current)?;
                let vote = data.votes.get(usize::try_from(index).unwrap_or(usize::MAX));
                Ok(vote.cloned().unwrap_or_else(|| slashing.ballot(&[])).into())
            };
            C::getSlashTargetEpochCall => |C::getSlashTargetEpochCall { round, epochIndex }| {
                slashing.target_epoch(small(round), small(epochIndex)).map(U256::from)
            };
            C::isRoundReadyToExecuteCall => |C::isRoundReadyToExecuteCall { round, slot }| {
                Ok(slashing.is_ready(small(round), slashing.round(small(slot))))
            };
        )
    }

    fn proposer_constant(rollup: &Rollup, data: &[u8]) -> View {
        use abi::SlashingProposer as C;
        let config = rollup.slashing.config;
        first!(data;
            C::QUORUMCall => |_| number(config.quorum);
            C::ROUND_SIZECall => |_| number(rollup.slashing.round_size_slots());
            C::ROUND_SIZE_IN_EPOCHSCall => |_| number(config.round_size_epochs);
            C::EXECUTION_DELAY_IN_ROUNDSCall => |_| number(config.execution_delay_rounds);
            C::LIFETIME_IN_ROUNDSCall => |_| number(config.lifetime_rounds);
            C::SLASH_OFFSET_IN_ROUNDSCall => |_| number(config.offset_rounds);
            C::SLASH_AMOUNT_SMALLCall => |_| Ok(config.amounts[0]);
            C::SLASH_AMOUNT_MEDIUMCall => |_| Ok(config.amounts[1]);
            C::SLASH_AMOUNT_LARGECall => |_| Ok(config.amounts[2]);
        )
    }
}

/// Gas that a call costs inside an aggregate: 37 thousand for `getAttesterView` as measured, 5 thousand for the others.
pub fn gas(call: &Call) -> u64 {
    let is_attester_view = call
        .data
        .starts_with(&abi::Rollup::getAttesterViewCall::SELECTOR);
    if is_attester_view { 37_000 } else { 5_000 }
}
