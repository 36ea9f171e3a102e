//! The outbox's tables, with their indexes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    CARRIED_KEPT, CARRIED_MAX, CLOSED_MAX, DIGEST_KEPT, MERGED_KEPT, REFUSED_MAX, SENT_KEPT,
    courier::{ChannelId, MessageId},
    delivery::{Carried, Delivery, DeliveryId, DeliveryState},
    millis,
};
use crate::{
    alert::notice::NoticeId,
    jobs::queue::TROUBLED_KEPT,
    store::{
        Batch, Store, StoreError, Tree, Write,
        table::{Journal, Record, Table},
    },
};

/// Most records of a kind that one commit forgets.
const PRUNED_MAX: usize = 2_000;

/// Where a delivery waits to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shelf {
    /// Nothing is to be done with it.
    Closed,
    /// A person may have it sent again.
    Refused,
}

impl Shelf {
    const ALL: [Self; 2] = [Self::Closed, Self::Refused];

    /// Most deliveries on it.
    const fn limit(self) -> usize {
        match self {
            Self::Closed => CLOSED_MAX,
            Self::Refused => REFUSED_MAX,
        }
    }
}

/// A channel that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The channel.
    pub channel: ChannelId,
    /// Since when (Unix, milliseconds).
    pub since_ms: u64,
    /// When it is tried again (Unix, milliseconds).
    pub probe_at_ms: u64,
    /// What the other side said.
    pub reason: String,
}

impl Record for Trouble {
    const KIND: &'static str = "channel_trouble";
    const TREE: Tree = Tree::Kept;
    type Key = u64;
}

/// What is owed, to whom, and what became of it.
#[derive(Debug)]
pub struct Outbox {
    pub(super) deliveries: Table<Delivery>,
    pub(super) carried: Table<Carried>,
    pub(super) troubles: Table<Trouble>,
    /// Per channel, `(job, id)` of the pending deliveries that may be merged, oldest first.
    mergeable: BTreeMap<ChannelId, BTreeSet<(u64, DeliveryId)>>,
    counts: BTreeMap<(ChannelId, &'static str), usize>,
    /// `(expires at, id)` of what is over, per shelf.
    closed: BTreeMap<Shelf, BTreeSet<(u64, DeliveryId)>>,
    told: BTreeSet<(u64, String)>,
    /// See [`super::GROUP_ABOVE`].
    pub(super) group_above: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            deliveries: Table::new(""),
            carried: Table::new(""),
            troubles: Table::new(""),
            mergeable: BTreeMap::new(),
            counts: BTreeMap::new(),
            closed: BTreeMap::new(),
            told: BTreeSet::new(),
            group_above: super::GROUP_ABOVE,
        }
    }
}

impl Outbox {
    /// Reads the outbox.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut outbox = Self {
            deliveries: Table::load("", store)?,
            carried: Table::load("", store)?,
            troubles: Table::load("", store)?,
            ..Self::default()
        };
        let table = std::mem::replace(&mut outbox.deliveries, Table::new(""));
        for (_, delivery) in table.rows() {
            outbox.enter(delivery);
        }
        outbox.deliveries = table;
        let told = outbox.carried.rows();
        outbox.told = told.map(|(id, row)| (row.at_ms, id.clone())).collect();
        Ok(outbox)
    }

    /// Groups a batch that owes a channel more notices than this; default [`super::GROUP_ABOVE`].
    #[must_use]
    pub const fn grouping_above(mut self, count: usize) -> Self {
        self.group_above = count;
        self
    }

    /// A delivery.
    #[must_use]
    pub fn delivery(&self, id: &DeliveryId) -> Option<&Delivery> {
        self.deliveries.row(id)
    }

    /// The delivery that tells a notice, while it is remembered.
    #[must_use]
    pub fn telling(&self, notice: &NoticeId) -> Option<&Delivery> {
        let carried = self.carried.row(&notice.as_str().to_owned())?;
        self.deliveries.row(&carried.delivery)
    }

    /// Whether a notice was owed before, even where its message is forgotten.
    #[must_use]
    pub fn knows(&self, notice: &NoticeId) -> bool {
        self.carried.row(&notice.as_str().to_owned()).is_some()
    }

    /// Whether the decision that is taken now owes something, or something else than before.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.deliveries.touched().next().is_some()
    }

    /// Every delivery that is remembered, by id.
    pub fn deliveries(&self) -> impl Iterator<Item = &Delivery> {
        self.deliveries.rows().map(|(_, delivery)| delivery)
    }

    /// How many deliveries there are, per channel and name of state; absent means none.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<(ChannelId, &'static str), usize> {
        &self.counts
    }

    /// The channels that cannot be used, since when and why: the condition of an incident.
    pub fn unreachable(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.rows().map(|(_, trouble)| trouble)
    }

    /// Whether a channel is not to be tried at the moment.
    pub(super) fn is_shunned(&self, channel: ChannelId, now_ms: u64) -> bool {
        let trouble = self.troubles.row(&channel.0);
        trouble.is_some_and(|trouble| now_ms < trouble.probe_at_ms)
    }

    pub(super) fn mergeable(&self, channel: ChannelId) -> Option<&BTreeSet<(u64, DeliveryId)>> {
        self.mergeable.get(&channel)
    }

    /// The message that a delivery replies to, where it stands in the same channel.
    pub(super) fn parent_of(&self, delivery: &Delivery) -> Option<MessageId> {
        let first = delivery.entries.first()?.reply_to.as_ref()?;
        let all_same = delivery.entries.iter();
        if !all_same
            .map(|entry| entry.reply_to.as_ref())
            .all(|parent| parent == Some(first))
        {
            return None;
        }
        let parent = self.telling(first)?;
        let stands = parent.channel == delivery.channel && parent.state == DeliveryState::Sent;
        parent
            .posted
            .as_ref()
            .filter(|_| stands)
            .map(|posted| posted.message)
    }

    /// Adds or replaces a delivery.
    pub(super) fn put(&mut self, delivery: Delivery) {
        if let Some(before) = self.deliveries.row(&delivery.id).cloned() {
            self.leave(&before);
        }
        self.enter(&delivery);
        self.deliveries.put(delivery.id.clone(), delivery);
    }

    /// Changes a delivery in place.
    pub(super) fn change<T>(
        &mut self,
        id: &DeliveryId,
        now_ms: u64,
        change: impl FnOnce(&mut Delivery) -> T,
    ) -> Option<T> {
        let mut delivery = self.deliveries.row(id)?.clone();
        let changed = change(&mut delivery);
        delivery.changed_at_ms = now_ms;
        self.put(delivery);
        Some(changed)
    }

    /// Says that `delivery` tells `notice` from now on.
    pub(super) fn carry(&mut self, notice: &NoticeId, delivery: &DeliveryId, now_ms: u64) {
        let key = notice.as_str().to_owned();
        self.drop_carried(notice);
        self.told.insert((now_ms, key.clone()));
        let row = Carried {
            delivery: delivery.clone(),
            at_ms: now_ms,
        };
        self.carried.put(key, row);
    }

    pub(super) fn drop_carried(&mut self, notice: &NoticeId) {
        let key = notice.as_str().to_owned();
        if let Some(row) = self.carried.remove(&key) {
            self.told.remove(&(row.at_ms, key));
        }
    }

    /// Forgets what is old, or too much.
    pub fn prune(&mut self, now_ms: u64) {
        for shelf in Shelf::ALL {
            self.clear(shelf, now_ms);
        }
        let limit = now_ms.saturating_sub(millis(CARRIED_KEPT));
        let too_many = self.told.len().saturating_sub(CARRIED_MAX);
        let old: Vec<String> = self
            .told
            .iter()
            .take(PRUNED_MAX)
            .enumerate()
            .take_while(|(at, (told_at_ms, _))| *told_at_ms < limit || *at < too_many)
            .filter(|(_, (_, key))| {
                let row = self.carried.row(key);
                row.is_none_or(|row| self.deliveries.row(&row.delivery).is_none())
            })
            .map(|(_, (_, key))| key.clone())
            .collect();
        for key in old {
            if let Some(row) = self.carried.remove(&key) {
                self.told.remove(&(row.at_ms, key));
            }
        }
    }

    /// Forgets the deliveries of a shelf that are old, or too many.
    fn clear(&mut self, shelf: Shelf, now_ms: u64) {
        for _ in 0..PRUNED_MAX {
            let closed = self.closed.entry(shelf).or_default();
            let Some((expires_at_ms, id)) = closed.first().cloned() else {
                return;
            };
            if expires_at_ms > now_ms && closed.len() <= shelf.limit() {
                return;
            }
            let is_owed = |row: &Delivery| row.is_incident() && row.owes_edit();
            if self.delivery(&id).is_some_and(is_owed) {
                // Its edit is tried without end; what it is to say must not be forgotten.
                self.change(&id, now_ms, |_| ());
                continue;
            }
            match self.deliveries.remove(&id) {
                Some(delivery) => self.leave(&delivery),
                None => drop(self.closed.entry(shelf).or_default().pop_first()),
            }
        }
    }

    fn enter(&mut self, delivery: &Delivery) {
        let key = (delivery.channel, delivery.state.name());
        let count = self.counts.entry(key).or_default();
        *count = count.saturating_add(1);
        if delivery.is_mergeable() {
            let place = (delivery.job, delivery.id.clone());
            self.mergeable
                .entry(delivery.channel)
                .or_default()
                .insert(place);
        }
        if let Some((shelf, expires_at_ms)) = expiry(delivery) {
            let closed = self.closed.entry(shelf).or_default();
            closed.insert((expires_at_ms, delivery.id.clone()));
        }
    }

    fn leave(&mut self, delivery: &Delivery) {
        let key = (delivery.channel, delivery.state.name());
        if let Some(count) = self.counts.get_mut(&key) {
            *count = count.saturating_sub(1);
        }
        if let Some(waiting) = self.mergeable.get_mut(&delivery.channel) {
            waiting.remove(&(delivery.job, delivery.id.clone()));
            if waiting.is_empty() {
                self.mergeable.remove(&delivery.channel);
            }
        }
        if let Some((shelf, expires_at_ms)) = expiry(delivery) {
            let closed = self.closed.entry(shelf).or_default();
            closed.remove(&(expires_at_ms, delivery.id.clone()));
        }
    }
}

/// Where a delivery waits to be forgotten, and until when; `None` while something is still to be done with it.
fn expiry(delivery: &Delivery) -> Option<(Shelf, u64)> {
    let (shelf, kept) = match &delivery.state {
        DeliveryState::Pending | DeliveryState::Started(_) | DeliveryState::Unclear(_) => {
            return None;
        }
        DeliveryState::Sent if delivery.tells_open_incident() => return None,
        DeliveryState::Sent if delivery.is_group => (Shelf::Closed, DIGEST_KEPT),
        DeliveryState::Sent | DeliveryState::Gone | DeliveryState::Cancelled { .. } => {
            (Shelf::Closed, SENT_KEPT)
        }
        // As long as its job is shown, it can be sent again.
        DeliveryState::Undeliverable { .. } => (Shelf::Refused, TROUBLED_KEPT),
        DeliveryState::Merged { .. } | DeliveryState::Moved { .. } => (Shelf::Closed, MERGED_KEPT),
    };
    let expires_at_ms = delivery.changed_at_ms.saturating_add(millis(kept));
    Some((shelf, expires_at_ms))
}

impl Journal for Outbox {
    fn drain(
        &mut self,
        batch: &mut Batch,
        _undo: Option<&mut Vec<Write>>,
    ) -> Result<(), StoreError> {
        // A reorg takes none of it back.
        self.deliveries.drain(batch, None)?;
        self.carried.drain(batch, None)?;
        self.troubles.drain(batch, None)
    }

    fn roll_back(&mut self) {
        let touched: Vec<DeliveryId> = self.deliveries.touched().cloned().collect();
        for id in &touched {
            if let Some(delivery) = self.deliveries.row(id).cloned() {
                self.leave(&delivery);
            }
        }
        let told: Vec<String> = self.carried.touched().cloned().collect();
        for key in &told {
            if let Some(row) = self.carried.row(key) {
                self.told.remove(&(row.at_ms, key.clone()));
            }
        }
        self.deliveries.roll_back();
        self.carried.roll_back();
        self.troubles.roll_back();
        for id in &touched {
            if let Some(delivery) = self.deliveries.row(id).cloned() {
                self.enter(&delivery);
            }
        }
        for key in &told {
            if let Some(row) = self.carried.row(key) {
                self.told.insert((row.at_ms, key.clone()));
            }
        }
    }

    fn undo(&mut self, write: &Write) -> Result<bool, StoreError> {
        // Deliveries are never unwound; the answer is given for the sake of the contract.
        Ok(self.deliveries.undo(write)?
            || self.carried.undo(write)?
            || self.troubles.undo(write)?)
    }
}
