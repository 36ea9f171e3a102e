//! Events of the entry queue: who comes, who is deposited, who is refused, and which stake made the entry.

use super::{
    fold::{Fault, Fold, Seen},
    records::QueueEntry,
};
use crate::{
    attester::{
        Attester, Entry, Refusal, RefusalCause, Registration, RegistrationState, Stake, StakeFate,
    },
    units::{Address, AttesterAddress, QueueIndex, RollupVersion, Wei},
};

impl Fold<'_> {
    pub(super) fn queued(
        &mut self,
        rollup: RollupVersion,
        attester: AttesterAddress,
        withdrawer: Address,
        seen: &Seen,
    ) {
        let index = self
            .book
            .rollups
            .change_or_make(&rollup, Default::default, |rollup| {
                let index = rollup.queue.last;
                rollup.queue.last = index.saturating_add(1);
                index
            });
        let entry = QueueEntry {
            attester,
            withdrawer,
            moves_with_latest: None,
        };
        self.book.entry_queue.put((rollup, index), entry);
        let block = seen.block.number;
        self.change_attester(attester, |attester| {
            attester.entries.push(Entry {
                rollup,
                index,
                withdrawer,
                block,
            });
        });
    }

    /// Takes the head of an entry queue, which must be `attester`; gives the index it had.
    fn depart(&mut self, rollup: RollupVersion, attester: AttesterAddress) -> Option<QueueIndex> {
        let first = self.book.rollups.row(&rollup)?.queue.first;
        let is_head = self
            .book
            .entry_queue
            .row(&(rollup, first))
            .is_some_and(|entry| entry.attester == attester);
        let index = if is_head {
            Some(first)
        } else {
            self.fault(Fault::QueueHead { rollup, attester });
            self.book
                .attesters
                .row(&attester)
                .and_then(|attester| attester.entry(rollup))
                .map(|entry| entry.index)
        };
        if let Some(index) = index {
            self.drop_entries_up_to(rollup, index);
        }
        index
    }

    /// Removes the entries up to `index`: the head, or, where departures were missed, all that lay before it.
    fn drop_entries_up_to(&mut self, rollup: RollupVersion, index: QueueIndex) {
        let gone: Vec<_> = self
            .book
            .entry_queue
            .range((rollup, QueueIndex::new(0))..=(rollup, index))
            .map(|(key, entry)| (*key, entry.attester))
            .collect();
        for (key, attester) in gone {
            self.book.entry_queue.remove(&key);
            self.change_attester(attester, |attester| {
                attester
                    .entries
                    .retain(|entry| entry.rollup != rollup || entry.index != key.1);
            });
        }
        self.book.rollups.change(&rollup, |rollup| {
            rollup.queue.first = index.saturating_add(1);
        });
    }

    pub(super) fn deposited(
        &mut self,
        rollup: RollupVersion,
        attester: AttesterAddress,
        amount: Wei,
    ) {
        let index = self.depart(rollup, attester);
        let instance = self.instances.remove(&attester);
        self.change_attester(attester, |attester| {
            settle_stake(attester, rollup, index, StakeFate::Deposited);
            let state = RegistrationState::Validating;
            attester.registration = Some(Registration {
                instance,
                rollup,
                balance: amount,
                state,
            });
        });
    }

    pub(super) fn refused(
        &mut self,
        rollup: RollupVersion,
        attester: AttesterAddress,
        seen: &Seen,
    ) {
        let key = self
            .book
            .attesters
            .row(&attester)
            .and_then(|known| known.entry(rollup))
            .map(|entry| entry.index);
        let moves = key
            .and_then(|index| self.book.entry_queue.row(&(rollup, index)))
            .and_then(|entry| entry.moves_with_latest);
        let index = self.depart(rollup, attester);
        let is_latest = self
            .book
            .latest()
            .is_none_or(|latest| latest.version == rollup);
        let block = seen.block.number;
        let is_key_owned = self.owned_keys.get(&attester).copied();
        if is_key_owned.is_some() {
            self.news.attesters.insert(attester);
        }
        self.change_attester(attester, |attester| {
            settle_stake(attester, rollup, index, StakeFate::Refunded);
            if let Some(home) = attester.membership.as_mut() {
                home.is_dripped = false;
            }
            let cause = if attester.is_used_up() {
                RefusalCause::AttesterUsedBefore
            } else if !is_latest && moves != Some(false) {
                RefusalCause::RollupNotLatest
            } else {
                match is_key_owned {
                    Some(true) => RefusalCause::KeyUsedBefore,
                    Some(false) => RefusalCause::ProofRefused,
                    None => RefusalCause::KeyOrProof,
                }
            };
            attester.refused = Some(Refusal {
                rollup,
                block,
                cause,
            });
        });
    }

    pub(super) fn staked(
        &mut self,
        rollup: Address,
        address: AttesterAddress,
        split: crate::units::Coinbase,
        seen: &Seen,
    ) {
        let Some(version) = self.book.rollup_at(rollup) else {
            self.fault(Fault::UnknownRollup { rollup });
            return;
        };
        let (block, at, transaction) = (seen.block.number, seen.at, seen.transaction);
        self.change_attester(address, |attester| {
            let entry = attester
                .entries
                .iter()
                .rev()
                .find(|entry| entry.rollup == version);
            let entry = entry.map(|entry| entry.index).unwrap_or_default();
            let fate = StakeFate::Queued;
            attester.stakes.push(Stake {
                rollup: version,
                split,
                entry,
                block,
                at,
                transaction,
                fate,
            });
        });
    }
}

/// Says what became of the stake that made an entry.
fn settle_stake(
    attester: &mut Attester,
    rollup: RollupVersion,
    index: Option<QueueIndex>,
    fate: StakeFate,
) {
    let stake = attester.stakes.iter_mut().find(|stake| {
        stake.rollup == rollup
            && stake.fate == StakeFate::Queued
            && index.is_none_or(|index| stake.entry == index)
    });
    if let Some(stake) = stake {
        stake.fate = fate;
    }
}
