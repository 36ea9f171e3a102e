//! Events of a block, folded into the book.
//!
//! The fold is complete by itself for membership, queue position and balance; what only a view can tell (ejected by a
//! slash or not, times of an exit) stays unknown until a snapshot tells it. What does not fit the book is a [`Fault`]:
//! logs are missing or something is misunderstood, and the views decide.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Book, records::QueueEntry};
use crate::{
    attester::{
        Attester, Entry, Membership, Refusal, RefusalCause, Registration, RegistrationState, Stake,
        StakeFate,
        change::{self, Change, Evidence},
        stage::{Reason, standing},
    },
    chain::contracts::{Event, Instance},
    units::{
        Address, AttesterAddress, B256, BlockRef, ProviderId, QueueIndex, RollupVersion,
        UnixSeconds, Wei,
    },
};

/// An event, and where it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What happened.
    pub event: Event,
    /// The block.
    pub block: BlockRef,
    /// Time of the block.
    pub at: UnixSeconds,
    /// The transaction.
    pub transaction: B256,
    /// The log's position in the block.
    pub log_index: u64,
}

/// Whose attesters matter: those that our providers ever added, and those that our keys files name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Ours {
    /// Our providers.
    pub providers: BTreeSet<ProviderId>,
    /// Attesters in keys files.
    pub listed: BTreeSet<AttesterAddress>,
}

impl Ours {
    /// Whether an attester is ours.
    #[must_use]
    pub fn has(&self, address: AttesterAddress, attester: Option<&Attester>) -> bool {
        let is_member = attester.is_some_and(|attester| {
            attester
                .memberships()
                .any(|membership| self.providers.contains(&membership.provider))
        });
        is_member || self.listed.contains(&address)
    }
}

/// How much the fold may conclude.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Far behind the head: logs only, with today's parameters possibly not those of that time.
    CatchUp,
    /// At the head: parameters are those of the block.
    Head,
}

/// What does not fit the book.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// Another entry than the folded head of an entry queue departed.
    QueueHead {
        /// The rollup.
        rollup: RollupVersion,
        /// Who departed.
        attester: AttesterAddress,
    },
    /// Another key than the folded head of a provider queue departed.
    ProviderQueueHead {
        /// The provider.
        provider: ProviderId,
        /// Who departed.
        attester: AttesterAddress,
    },
    /// An event about a registration that was never seen.
    NoRegistration {
        /// The attester.
        attester: AttesterAddress,
    },
    /// A stake for a rollup that the book does not know.
    UnknownRollup {
        /// Its address.
        rollup: Address,
    },
    /// A view says otherwise than the fold.
    View {
        /// What was compared, for people.
        what: String,
        /// What the fold has.
        folded: String,
        /// What the view says.
        read: String,
    },
}

/// What a fold concluded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What changed, in canonical order.
    pub changes: Vec<change::Entry>,
    /// Attesters whose records an event touched, ours or not.
    pub touched: BTreeSet<AttesterAddress>,
    /// What did not fit.
    pub faults: Vec<Fault>,
}

/// A fold over the events of one block or range.
#[derive(Debug)]
pub struct Fold<'a> {
    pub(super) book: &'a mut Book,
    ours: &'a Ours,
    mode: Mode,
    outcome: Outcome,
    /// Attesters touched since the last judgement.
    pending: BTreeSet<AttesterAddress>,
    /// The instance that the GSE just told, until the rollup's own `Deposit` takes it.
    instances: BTreeMap<AttesterAddress, Instance>,
}

impl<'a> Fold<'a> {
    /// A fold that changes `book`.
    #[must_use]
    pub fn new(book: &'a mut Book, ours: &'a Ours, mode: Mode) -> Self {
        let (pending, instances) = (BTreeSet::new(), BTreeMap::new());
        Self {
            book,
            ours,
            mode,
            outcome: Outcome::default(),
            pending,
            instances,
        }
    }

    /// Folds events in canonical order; states are judged at the end of each transaction.
    pub fn events(&mut self, seen: &[Seen]) {
        for transaction in
            seen.chunk_by(|a, b| a.transaction == b.transaction && a.block == b.block)
        {
            for one in transaction {
                self.event(one);
            }
            if let Some(last) = transaction.last() {
                self.judge_pending(&evidence(last));
            }
        }
    }

    /// The book as it is by now.
    #[must_use]
    pub const fn book(&self) -> &Book {
        self.book
    }

    /// What was concluded.
    #[must_use]
    pub fn finish(self) -> Outcome {
        self.outcome
    }

    pub(super) fn is_ours(&self, address: AttesterAddress) -> bool {
        self.ours.has(address, self.book.attesters.row(&address))
    }

    pub(super) fn is_our_provider(&self, provider: ProviderId) -> bool {
        self.ours.providers.contains(&provider)
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.outcome.faults.push(fault);
    }

    pub(super) fn say(&mut self, change: Change, evidence: Evidence) {
        let entry = change::Entry { change, evidence };
        if let Change::Standing { attester, .. } | Change::Slashed { attester, .. } = entry.change {
            self.book.history.append(attester, entry.clone());
            if !self.ours.has(attester, self.book.attesters.row(&attester)) {
                return;
            }
        }
        self.outcome.changes.push(entry);
    }

    pub(super) fn change_attester<T>(
        &mut self,
        address: AttesterAddress,
        change: impl FnOnce(&mut Attester) -> T,
    ) -> T {
        self.pending.insert(address);
        self.outcome.touched.insert(address);
        self.book
            .attesters
            .change_or_make(&address, Attester::default, change)
    }

    /// Decides the states of the attesters that were touched.
    pub(super) fn judge_pending(&mut self, evidence: &Evidence) {
        for address in std::mem::take(&mut self.pending) {
            self.judge(address, evidence);
        }
    }

    fn judge(&mut self, address: AttesterAddress, evidence: &Evidence) {
        let latest = self.book.latest();
        let Some(attester) = self.book.attesters.row(&address) else {
            return;
        };
        let (from, to) = (attester.standing, standing(attester, latest));
        if from == to || to.reason == Reason::EjectionUnknown {
            return;
        }
        let occurrence = attester.transitions.saturating_add(1);
        self.book.attesters.change(&address, |attester| {
            attester.standing = to;
            attester.since = evidence.at;
            attester.transitions = occurrence;
        });
        self.say(
            Change::Standing {
                attester: address,
                from,
                to,
                occurrence,
            },
            evidence.clone(),
        );
    }

    /// Judges every attester again: after another rollup became the latest.
    pub(super) fn judge_all(&mut self, evidence: &Evidence) {
        self.pending
            .extend(self.book.attesters.rows().map(|(address, _)| *address));
        self.judge_pending(evidence);
    }

    fn event(&mut self, seen: &Seen) {
        match &seen.event {
            Event::ValidatorQueued {
                rollup,
                attester,
                withdrawer,
            } => {
                self.queued(*rollup, *attester, *withdrawer, seen);
            }
            Event::Registered {
                instance, attester, ..
            } => {
                self.instances.insert(*attester, *instance);
            }
            Event::Deposit {
                rollup,
                attester,
                amount,
                ..
            } => self.deposited(*rollup, *attester, *amount),
            Event::FailedDeposit {
                rollup, attester, ..
            } => self.refused(*rollup, *attester, seen),
            Event::WithdrawInitiated {
                rollup,
                attester,
                amount,
                ..
            } => {
                self.exiting(*rollup, *attester, *amount);
            }
            Event::WithdrawFinalized {
                rollup, attester, ..
            } => self.exited(*rollup, *attester),
            Event::Slashed {
                rollup,
                attester,
                amount,
            } => self.slashed(*rollup, *attester, *amount, seen),
            Event::AttestersAddedToProvider {
                provider,
                attesters,
            } => self.added(*provider, attesters),
            Event::ProviderQueueDripped { provider, attester } => {
                self.left_provider_queue(*provider, *attester, true);
            }
            Event::StakedWithProvider {
                provider,
                rollup,
                attester,
                split,
                ..
            } => {
                self.left_provider_queue(*provider, *attester, false);
                self.staked(*rollup, *attester, *split, seen);
            }
            Event::CanonicalRollupUpdated { version, .. } => self.canonical(*version, seen),
            other => self.parameters(other, seen),
        }
    }

    fn queued(
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

    fn deposited(&mut self, rollup: RollupVersion, attester: AttesterAddress, amount: Wei) {
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

    fn refused(&mut self, rollup: RollupVersion, attester: AttesterAddress, seen: &Seen) {
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
                RefusalCause::KeyOrProof
            };
            attester.refused = Some(Refusal {
                rollup,
                block,
                cause,
            });
        });
    }

    fn exiting(&mut self, rollup: RollupVersion, attester: AttesterAddress, amount: Wei) {
        self.change_attester(attester, |attester| {
            let known = attester.registration.take();
            let exit = match known.as_ref().map(|known| &known.state) {
                Some(RegistrationState::Zombie { exit }) => exit.clone(),
                _ => None,
            };
            let instance = known.and_then(|known| known.instance);
            let state = RegistrationState::Exiting { exit };
            attester.registration = Some(Registration {
                instance,
                rollup,
                balance: amount,
                state,
            });
        });
    }

    fn exited(&mut self, rollup: RollupVersion, attester: AttesterAddress) {
        self.change_attester(attester, |attester| {
            let instance = attester
                .registration
                .take()
                .and_then(|known| known.instance);
            let state = RegistrationState::Exited;
            attester.registration = Some(Registration {
                instance,
                rollup,
                balance: Wei::ZERO,
                state,
            });
        });
    }

    fn slashed(
        &mut self,
        rollup: RollupVersion,
        address: AttesterAddress,
        amount: Wei,
        seen: &Seen,
    ) {
        let threshold = match self.mode {
            Mode::CatchUp => None,
            Mode::Head => self
                .book
                .rollups
                .row(&rollup)
                .and_then(|rollup| rollup.parameters.as_ref())
                .map(|parameters| {
                    parameters
                        .local_ejection_threshold
                        .max(parameters.ejection_threshold)
                }),
        };
        let (left, occurrence) = self.change_attester(address, |attester| {
            attester.slash_count = attester.slash_count.saturating_add(1);
            attester.slashed = attester.slashed.saturating_add(amount);
            let left = attester
                .registration
                .as_mut()
                .map(|known| slash(known, rollup, amount, threshold));
            (left, attester.slash_count)
        });
        if left.is_none() {
            self.fault(Fault::NoRegistration { attester: address });
        }
        self.say(
            Change::Slashed {
                attester: address,
                rollup,
                amount,
                left,
                occurrence,
            },
            evidence(seen),
        );
    }

    fn added(&mut self, provider: ProviderId, attesters: &[AttesterAddress]) {
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
            let entry = super::records::ProviderQueueEntry {
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

    fn left_provider_queue(
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
    fn join(&mut self, address: AttesterAddress, membership: Membership) {
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

    fn staked(
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

/// The contracts' slash rule (`StakingLib.slash`, `GSE.withdraw`): what remains below the higher of the two ejection
/// thresholds leaves the set; what remains of an exit stays in it. Gives what is left.
fn slash(
    known: &mut Registration,
    rollup: RollupVersion,
    amount: Wei,
    threshold: Option<Wei>,
) -> Wei {
    let left = known.balance.saturating_sub(amount);
    known.balance = left;
    let is_validating = matches!(
        known.state,
        RegistrationState::Validating | RegistrationState::SlashedEjectionUnknown
    );
    if left.is_zero() {
        known.state = RegistrationState::SlashedToNothing;
    } else if is_validating {
        match threshold {
            Some(threshold) if left < threshold => {
                known.state = RegistrationState::Zombie { exit: None };
                known.rollup = rollup;
            }
            Some(_) => {}
            None => {
                known.state = RegistrationState::SlashedEjectionUnknown;
                known.rollup = rollup;
            }
        }
    } else if let RegistrationState::Zombie { exit: Some(exit) }
    | RegistrationState::Exiting { exit: Some(exit) } = &mut known.state
    {
        exit.amount = left;
    }
    left
}

/// The evidence that an event is.
#[must_use]
pub fn evidence(seen: &Seen) -> Evidence {
    Evidence {
        block: seen.block,
        at: seen.at,
        transaction: Some(seen.transaction),
        log_index: Some(seen.log_index),
        source: source_of(&seen.event).to_owned(),
    }
}

/// The event as the contracts call it.
#[must_use]
pub const fn source_of(event: &Event) -> &'static str {
    match event {
        Event::CanonicalRollupUpdated { .. } => "Registry.CanonicalRollupUpdated",
        Event::ValidatorQueued { .. } => "Rollup.ValidatorQueued",
        Event::Registered { .. } => "GSE.Deposit",
        Event::Deposit { .. } => "Rollup.Deposit",
        Event::FailedDeposit { .. } => "Rollup.FailedDeposit",
        Event::WithdrawInitiated { .. } => "Rollup.WithdrawInitiated",
        Event::WithdrawFinalized { .. } => "Rollup.WithdrawFinalized",
        Event::Slashed { .. } => "Rollup.Slashed",
        Event::StakingQueueConfigUpdated { .. } => "Rollup.StakingQueueConfigUpdated",
        Event::SlasherChanged { .. } => "Rollup.SlasherUpdated",
        Event::LocalEjectionThresholdUpdated { .. } => "Rollup.LocalEjectionThresholdUpdated",
        Event::VoteCast { .. } => "SlashingProposer.VoteCast",
        Event::RoundExecuted { .. } => "SlashingProposer.RoundExecuted",
        Event::VetoedPayload { .. } => "Slasher.VetoedPayload",
        Event::SlashingDisabled { .. } => "Slasher.SlashingDisabled",
        Event::ProviderRegistered { .. } => "StakingRegistry.ProviderRegistered",
        Event::ProviderAdminUpdateInitiated { .. } => {
            "StakingRegistry.ProviderAdminUpdateInitiated"
        }
        Event::ProviderAdminUpdated { .. } => "StakingRegistry.ProviderAdminUpdated",
        Event::ProviderTakeRateUpdated { .. } => "StakingRegistry.ProviderTakeRateUpdated",
        Event::ProviderRewardsRecipientUpdated { .. } => {
            "StakingRegistry.ProviderRewardsRecipientUpdated"
        }
        Event::AttestersAddedToProvider { .. } => "StakingRegistry.AttestersAddedToProvider",
        Event::ProviderQueueDripped { .. } => "StakingRegistry.ProviderQueueDripped",
        Event::StakedWithProvider { .. } => "StakingRegistry.StakedWithProvider",
    }
}
