//! Events of a block, folded into the book.
//!
//! The fold is complete by itself for membership, queue position and balance; what only a view can tell (ejected by a
//! slash or not, times of an exit) stays unknown until a snapshot tells it. What does not fit the book is a [`Fault`]:
//! logs are missing or something is misunderstood, and the views decide.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Book, question::Snapshot};
use crate::{
    attester::{
        Attester,
        change::{self, Change, Evidence},
        stage::{Latest, Reason, standing},
    },
    chain::contracts::{Event, Instance},
    units::{Address, AttesterAddress, B256, BlockRef, ProviderId, RollupVersion, UnixSeconds},
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
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ours {
    /// Our providers.
    pub providers: BTreeSet<ProviderId>,
    /// Attesters in keys files; shared, for it is handed out with every look and there may be very many.
    pub listed: Arc<BTreeSet<AttesterAddress>>,
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

/// Which views said what the fold did not know. All others may be forgotten: without them the fold is the same.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct News {
    /// Attesters whose views changed their record.
    pub attesters: BTreeSet<AttesterAddress>,
    /// Rollups whose whole entry queue changed the folded one.
    pub queues: BTreeSet<RollupVersion>,
}

/// What a fold concluded.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What changed, in canonical order.
    pub changes: Vec<change::Entry>,
    /// What did not fit.
    pub faults: Vec<Fault>,
}

/// A fold over the events of one block or range.
#[derive(Debug)]
pub struct Fold<'a> {
    pub(super) book: &'a mut Book,
    pub(super) ours: &'a Ours,
    pub(super) mode: Mode,
    outcome: Outcome,
    /// Whether views of the same block follow: the GSE then decides which rollup is the latest.
    has_views: bool,
    /// The canonical change that the GSE's word is awaited for.
    pub(super) canonical: Option<Evidence>,
    /// Attesters touched since the last judgement, in the order in which they were.
    /// One that was touched again may stand there again: it is judged in its first place, and found the same in the others.
    pending: Vec<AttesterAddress>,
    /// Every attester that was touched, in the order in which they were, some of them more than once.
    pub(super) met: Vec<AttesterAddress>,
    pub(super) news: News,
    /// Whether the BLS keys of attesters whose deposits were refused had ever been registered, where that was asked.
    pub(super) owned_keys: BTreeMap<AttesterAddress, bool>,
    /// The instance that the GSE just told, until the rollup's own `Deposit` takes it.
    pub(super) instances: BTreeMap<AttesterAddress, Instance>,
}

impl<'a> Fold<'a> {
    /// A fold that changes `book`.
    #[must_use]
    pub fn new(book: &'a mut Book, ours: &'a Ours, mode: Mode) -> Self {
        Self {
            book,
            ours,
            mode,
            outcome: Outcome::default(),
            has_views: false,
            canonical: None,
            pending: Vec::new(),
            met: Vec::new(),
            news: News::default(),
            owned_keys: BTreeMap::new(),
            instances: BTreeMap::new(),
        }
    }

    /// Says that [`Fold::snapshot`] will be called with `snapshot` after the events. What it tells of the keys of refused
    /// deposits is known from now on, so that a refusal and its cause are one change.
    #[must_use]
    pub fn with_views(mut self, snapshot: &Snapshot) -> Self {
        self.has_views = true;
        self.owned_keys = snapshot.owned_keys().collect();
        self
    }

    pub(super) const fn awaits_views(&self) -> bool {
        self.has_views
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

    /// What was concluded, and which views had to be known for it.
    #[must_use]
    pub fn finish_with_news(self) -> (Outcome, News) {
        (self.outcome, self.news)
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
            let is_ours = self.is_ours(attester);
            self.say_of(attester, is_ours, entry);
        } else {
            self.outcome.changes.push(entry);
        }
    }

    /// What happens to an attester is its history; said is what happens to ours.
    fn say_of(&mut self, attester: AttesterAddress, is_ours: bool, entry: change::Entry) {
        if is_ours {
            self.outcome.changes.push(entry.clone());
        }
        self.book.history.append(attester, entry);
    }

    pub(super) fn change_attester<T>(
        &mut self,
        address: AttesterAddress,
        change: impl FnOnce(&mut Attester) -> T,
    ) -> T {
        if self.pending.last() != Some(&address) {
            self.pending.push(address);
        }
        if self.met.last() != Some(&address) {
            self.met.push(address);
        }
        self.book
            .attesters
            .change_or_make(&address, Attester::default, change)
    }

    /// Decides the states of the attesters that were touched.
    pub(super) fn judge_pending(&mut self, evidence: &Evidence) {
        let latest = self.book.latest();
        for address in std::mem::take(&mut self.pending) {
            self.judge(address, latest, evidence);
        }
    }

    fn judge(&mut self, address: AttesterAddress, latest: Option<Latest>, evidence: &Evidence) {
        let ours = self.ours;
        let judged = self.book.attesters.change_where(
            &address,
            |attester| {
                let to = standing(attester, latest);
                (to != attester.standing && to.reason != Reason::EjectionUnknown).then_some(to)
            },
            |attester, to| {
                attester.since = evidence.at;
                attester.transitions = attester.transitions.saturating_add(1);
                let change = Change::Standing {
                    attester: address,
                    from: std::mem::replace(&mut attester.standing, to),
                    to,
                    occurrence: attester.transitions,
                };
                (change, ours.has(address, Some(attester)))
            },
        );
        if let Some((change, is_ours)) = judged {
            let evidence = evidence.clone();
            self.say_of(address, is_ours, change::Entry { change, evidence });
        }
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
}

/// The evidence that an event is.
#[must_use]
pub fn evidence(seen: &Seen) -> Evidence {
    Evidence {
        block: seen.block,
        at: seen.at,
        transaction: Some(seen.transaction),
        log_index: Some(seen.log_index),
        source: source_of(&seen.event).into(),
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
