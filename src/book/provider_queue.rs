//! The queue of a provider: as its events leave it, and as the contract has it where that differs.

use std::collections::BTreeSet;

use super::{
    Book,
    fold::{Fault, Fold},
    question::{Answer, Question, Snapshot},
    records::ProviderQueueEntry,
    snapshot::At,
};
use crate::{
    attester::Membership,
    units::{AttesterAddress, ProviderId, QueueIndex},
};

/// Keys of one queue that are read; at 200,000 gas a key nobody fills a queue of that length for fun.
const KEYS_MAX: u64 = 20_000;

impl Book {
    /// Asks for the keys of the queues that are not as folded; what tells so is asked by a sweep.
    pub(super) fn ask_provider_queues(
        &self,
        snapshot: &Snapshot,
        questions: &mut BTreeSet<Question>,
    ) {
        for (question, answer) in snapshot.answers() {
            let (Question::ProviderQueueFirst { provider }, Answer::Number(first)) =
                (question, answer)
            else {
                continue;
            };
            let provider = *provider;
            let Some(length) = snapshot.number(&Question::ProviderQueueLength { provider }) else {
                continue;
            };
            let row = self.providers.row(&provider);
            let folded = row.map_or((1, 0), |row| (row.first.value(), row.keys_left()));
            if length == folded.1 && (length == 0 || *first == folded.0) {
                continue;
            }
            let last = first.saturating_add(length.min(KEYS_MAX));
            questions
                .extend((*first..last).map(|index| Question::ProviderQueueAt { provider, index }));
        }
    }
}

impl Fold<'_> {
    pub(super) fn added(&mut self, provider: ProviderId, attesters: &[AttesterAddress]) {
        for attester in attesters {
            let index =
                self.book
                    .providers
                    .change_or_make(&provider, Default::default, |provider| {
                        let index = provider.last;
                        provider.last = index.saturating_add(1);
                        provider.added = provider.added.saturating_add(1);
                        index
                    });
            let entry = ProviderQueueEntry {
                attester: *attester,
            };
            self.book.provider_queue.put((provider, index), entry);
            let membership = Membership {
                provider,
                queue_index: Some(index),
                is_dripped: false,
            };
            self.join(*attester, membership);
        }
    }

    pub(super) fn left_provider_queue(
        &mut self,
        provider: ProviderId,
        attester: AttesterAddress,
        is_dripped: bool,
    ) {
        let index = self
            .book
            .providers
            .change_or_make(&provider, Default::default, |provider| {
                let index = provider.first;
                provider.first = index.saturating_add(1);
                provider.last = provider.last.max(provider.first);
                if is_dripped {
                    provider.dripped = provider.dripped.saturating_add(1);
                } else {
                    provider.staked = provider.staked.saturating_add(1);
                }
                index
            });
        let gone = self.book.provider_queue.remove(&(provider, index));
        if gone.is_none_or(|entry| entry.attester != attester) {
            self.fault(Fault::ProviderQueueHead { provider, attester });
        }
        let known = self
            .book
            .attesters
            .row(&attester)
            .and_then(|attester| attester.membership_in(provider));
        // Added twice, it still waits at its later place.
        let again = known
            .and_then(|known| known.queue_index)
            .filter(|place| *place != index);
        let membership = Membership {
            provider,
            queue_index: again,
            is_dripped,
        };
        self.join(attester, membership);
    }

    /// Writes a membership down: ours, or the newest, first.
    pub(super) fn join(&mut self, address: AttesterAddress, membership: Membership) {
        let ours = self.ours;
        self.change_attester(address, |attester| {
            let provider = membership.provider;
            attester
                .other_memberships
                .retain(|other| other.provider != provider);
            match attester.membership.as_mut() {
                Some(home)
                    if home.provider != provider && ours.providers.contains(&home.provider) =>
                {
                    attester.other_memberships.push(membership);
                }
                Some(home) => {
                    let before = std::mem::replace(home, membership);
                    if before.provider != provider {
                        attester.other_memberships.push(before);
                    }
                }
                None => attester.membership = Some(membership),
            }
        });
    }

    /// Puts the queues as read in the place of the folded ones.
    pub(super) fn provider_queues(&mut self, at: At, snapshot: &Snapshot) {
        for (question, answer) in snapshot.answers() {
            let (Question::ProviderQueueFirst { provider }, Answer::Number(first)) =
                (question, answer)
            else {
                continue;
            };
            let provider = *provider;
            let Some(length) = snapshot.number(&Question::ProviderQueueLength { provider }) else {
                continue;
            };
            let keys: Option<Vec<AttesterAddress>> = (*first..first.saturating_add(length))
                .map(|index| {
                    match snapshot.answer(&Question::ProviderQueueAt { provider, index }) {
                        Some(Answer::Address(attester)) => Some((*attester).into()),
                        _ => None,
                    }
                })
                .collect();
            let row = self.book.providers.row(&provider);
            let folded = row.map_or(0, super::records::Provider::keys_left);
            if let Some(keys) = keys.filter(|keys| !keys.is_empty() || folded > 0) {
                self.replace_provider_queue(provider, QueueIndex::new(*first), &keys);
                self.judge_pending(&at.evidence("StakingRegistry.getValueAtIndexInQueue"));
            }
        }
    }

    fn replace_provider_queue(
        &mut self,
        provider: ProviderId,
        first: QueueIndex,
        keys: &[AttesterAddress],
    ) {
        let whole = (provider, QueueIndex::new(0))..=(provider, QueueIndex::new(u64::MAX));
        let folded: Vec<_> = self
            .book
            .provider_queue
            .range(whole)
            .map(|(key, entry)| (*key, entry.attester))
            .collect();
        for (key, attester) in folded {
            self.book.provider_queue.remove(&key);
            self.place(attester, provider, None);
        }
        let mut index = first;
        for attester in keys {
            let entry = ProviderQueueEntry {
                attester: *attester,
            };
            self.book.provider_queue.put((provider, index), entry);
            self.place(*attester, provider, Some(index));
            index = index.saturating_add(1);
        }
        self.book
            .providers
            .change_or_make(&provider, Default::default, |row| {
                (row.first, row.last) = (first, index);
            });
    }

    /// Says where an attester waits in the queue of `provider`.
    fn place(
        &mut self,
        attester: AttesterAddress,
        provider: ProviderId,
        queue_index: Option<QueueIndex>,
    ) {
        let known = self
            .book
            .attesters
            .row(&attester)
            .and_then(|row| row.membership_in(provider))
            .cloned();
        let is_dripped = queue_index.is_none() && known.is_some_and(|known| known.is_dripped);
        self.join(
            attester,
            Membership {
                provider,
                queue_index,
                is_dripped,
            },
        );
    }
}
