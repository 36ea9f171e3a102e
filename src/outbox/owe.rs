//! What is owed: pure decisions, inside the commit that causes them.

use std::collections::BTreeMap;

use super::{
    BADGE_EDITED_FOR, Outbox, Routes,
    courier::ChannelId,
    delivery::{Delivery, DeliveryId, DeliveryState, Entry},
    digest, millis,
};
use crate::{
    alert::{
        card::{Message, Severity, Text},
        notice::{Notice, NoticeId},
    },
    jobs::{JobKind, Jobs, Lane, NewJob, Priority},
    units::BlockRef,
};

/// What came of owing.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Owed {
    /// New messages.
    pub messages: usize,
    /// Notices that were known, and say something new.
    pub revised: usize,
    /// Notices that were known, and say nothing new.
    pub unchanged: usize,
    /// Notices whose route has no channel; nobody will be told.
    pub unrouted: Vec<NoticeId>,
}

pub(super) struct NewDelivery {
    pub(super) meaning: String,
    pub(super) channel: ChannelId,
    pub(super) fallbacks: Vec<ChannelId>,
    pub(super) entries: Vec<Entry>,
    pub(super) is_group: bool,
    pub(super) wanted: Message,
    pub(super) generation: u32,
    pub(super) is_repost: bool,
}

impl Outbox {
    /// Owes notices. Idempotent by notice id: one that is known becomes an owed edit of its message, or nothing.
    pub fn owe(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        notices: Vec<Notice>,
        routes: &Routes,
    ) -> Owed {
        let mut owed = Owed::default();
        let mut fresh: BTreeMap<&[ChannelId], Vec<Notice>> = BTreeMap::new();
        let mut seen: BTreeMap<NoticeId, usize> = BTreeMap::new();
        for notice in notices {
            let carried = self.carried.row(&notice.id.as_str().to_owned());
            if let Some(delivery) = carried.map(|row| row.delivery.clone()) {
                if self.renew(jobs, now_ms, &delivery, notice) {
                    owed.revised = owed.revised.saturating_add(1);
                } else {
                    owed.unchanged = owed.unchanged.saturating_add(1);
                }
                continue;
            }
            let channels = routes.of(notice.route);
            if channels.is_empty() {
                owed.unrouted.push(notice.id);
                continue;
            }
            let list = fresh.entry(channels).or_default();
            let known = seen.get(&notice.id).and_then(|index| list.get_mut(*index));
            match known.filter(|known| known.id == notice.id) {
                Some(known) => *known = notice,
                None => {
                    seen.insert(notice.id.clone(), list.len());
                    list.push(notice);
                }
            }
        }
        for (channels, list) in fresh {
            let made = self.owe_channel(jobs, now_ms, channels, list);
            owed.messages = owed.messages.saturating_add(made);
        }
        owed
    }

    fn owe_channel(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        channels: &[ChannelId],
        list: Vec<Notice>,
    ) -> usize {
        let Some((channel, fallbacks)) = channels.split_first() else {
            return 0;
        };
        // Many incidents are one incident already, with its own card; one that stands alone needs its buttons, and its
        // replies need the card.
        let may_group = |notice: &Notice| !notice.row.is_empty() && !notice.class.is_incident();
        let is_many = list.iter().filter(|notice| may_group(notice)).count() > self.group_above;
        let classes: Vec<_> = list
            .iter()
            .map(|notice| (is_many && may_group(notice)).then_some(notice.class))
            .collect();
        let mut list: Vec<Option<Notice>> = list.into_iter().map(Some).collect();
        let plans = digest::plan(&classes);
        let made = plans.len();
        for plan in plans {
            let notices = plan
                .into_iter()
                .filter_map(|index| list.get_mut(index).and_then(Option::take));
            let new = new_delivery(*channel, fallbacks, notices.collect());
            self.create(jobs, new, now_ms);
        }
        made
    }

    /// Makes a delivery with its job, and says that it tells its notices.
    pub(super) fn create(&mut self, jobs: &mut Jobs, new: NewDelivery, now_ms: u64) -> DeliveryId {
        let mut generation = new.generation;
        let mut id = DeliveryId::new(&new.meaning, new.channel, generation);
        while self.deliveries.row(&id).is_some() {
            generation = generation.saturating_add(1);
            id = DeliveryId::new(&new.meaning, new.channel, generation);
        }
        let network = new.entries.first().map_or("", |entry| {
            let mut parts = entry.notice.as_str().split('/');
            parts.next().unwrap_or_default()
        });
        let delivery = Delivery {
            job: jobs.want(send_job(network, &id, new.channel), now_ms),
            id: id.clone(),
            network: network.to_owned(),
            meaning: new.meaning,
            channel: new.channel,
            fallbacks: new.fallbacks,
            generation,
            entries: new.entries,
            is_group: new.is_group,
            wanted: new.wanted,
            posted: None,
            state: DeliveryState::Pending,
            is_repost: new.is_repost,
            owed_at_ms: now_ms,
            changed_at_ms: now_ms,
        };
        for entry in &delivery.entries {
            self.carry(&entry.notice, &id, now_ms);
        }
        self.put(delivery);
        id
    }

    /// Brings a known notice to its newest content; says whether anything changed.
    fn renew(&mut self, jobs: &mut Jobs, now_ms: u64, id: &DeliveryId, mut notice: Notice) -> bool {
        let Some(mut delivery) = self.deliveries.row(id).cloned() else {
            return false;
        };
        let is_cancelled = match delivery.state {
            DeliveryState::Cancelled { by_person: true } => return false,
            DeliveryState::Cancelled { by_person: false } => true,
            _ => false,
        };
        if delivery.posted.is_none() && !delivery.is_repost && !is_cancelled {
            keep_for_the_first(&mut notice, &delivery);
        }
        let mut entry = Entry::of(&notice);
        let is_changed = if delivery.is_group {
            // Once an attempt was made, its file may stand as it was; only the table can tell what changed.
            let is_posted = !is_cancelled && delivery.state != DeliveryState::Pending;
            let Some(known) = delivery
                .entries
                .iter_mut()
                .find(|known| known.notice == notice.id)
            else {
                return false;
            };
            let is_other = known.row != entry.row || known.severity != entry.severity;
            entry.is_revised = known.is_revised || (is_posted && (is_other || known.is_retracted));
            std::mem::replace(known, entry.clone()) != entry
        } else {
            let is_same = delivery.wanted == notice.message && delivery.entries == [entry.clone()];
            delivery.entries = vec![entry];
            delivery.wanted = notice.message;
            !is_same
        };
        if !is_changed && !is_cancelled {
            return false;
        }
        rebuild(&mut delivery);
        let is_refused = matches!(delivery.state, DeliveryState::Undeliverable { .. });
        if is_cancelled || is_refused {
            delivery.state = DeliveryState::Pending;
            delivery.job = jobs.want(send_job(&delivery.network, id, delivery.channel), now_ms);
        }
        delivery.changed_at_ms = now_ms;
        self.put(delivery);
        self.want_edit(jobs, id, now_ms);
        true
    }

    /// Takes a notice back. One that was not sent is cancelled; one that stands is edited to `message` (a row is marked
    /// in its table). Says whether it was known.
    pub fn retract(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        notice: &NoticeId,
        message: Message,
    ) -> bool {
        let Some(mut delivery) = self.telling(notice).cloned() else {
            return false;
        };
        if self.cancel_pending(jobs, now_ms, &delivery, &[notice]) {
            return true;
        }
        let is_group = delivery.is_group;
        for entry in &mut delivery.entries {
            if entry.notice == *notice {
                (entry.is_retracted, entry.is_revised) = (true, is_group);
                if let Some(card) = message.cards.first() {
                    entry.severity = card.severity;
                }
            }
        }
        if !is_group {
            delivery.wanted = message;
        }
        rebuild(&mut delivery);
        delivery.changed_at_ms = now_ms;
        let id = delivery.id.clone();
        self.put(delivery);
        self.want_edit(jobs, &id, now_ms);
        true
    }

    /// Cancels what is pending and was caused by blocks that were unwound. Gives the notices that may have been seen by
    /// people already, in no order: owe them again (the change moved to another block) or [`Outbox::retract`] them.
    pub fn cancel_caused_by(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        unwound: &[BlockRef],
    ) -> Vec<NoticeId> {
        let is_unwound = |entry: &&Entry| entry.cause.is_some_and(|cause| unwound.contains(&cause));
        let hit: Vec<Delivery> = self
            .deliveries()
            .filter(|delivery| delivery.entries.iter().any(|entry| is_unwound(&entry)))
            .cloned()
            .collect();
        let mut told = Vec::new();
        for delivery in hit {
            let gone = delivery.entries.iter().filter(is_unwound);
            let gone: Vec<&NoticeId> = gone.map(|entry| &entry.notice).collect();
            let is_moot = matches!(
                delivery.state,
                DeliveryState::Merged { .. }
                    | DeliveryState::Moved { .. }
                    | DeliveryState::Cancelled { .. }
            );
            if !is_moot && !self.cancel_pending(jobs, now_ms, &delivery, &gone) {
                told.extend(gone.into_iter().cloned());
            }
        }
        told
    }

    /// Takes notices out of a delivery that was never started; says whether it could.
    fn cancel_pending(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        delivery: &Delivery,
        gone: &[&NoticeId],
    ) -> bool {
        match delivery.state {
            DeliveryState::Cancelled { .. } => return true,
            DeliveryState::Pending => {}
            _ => return false,
        }
        let stays = |entry: &Entry| !gone.contains(&&entry.notice);
        if delivery.is_group && delivery.entries.iter().any(stays) {
            for notice in gone {
                self.drop_carried(notice);
            }
            self.change(&delivery.id, now_ms, |delivery| {
                delivery.entries.retain(stays);
                rebuild(delivery);
            });
            return true;
        }
        if delivery.is_group {
            // The members come back as themselves, not as this group.
            for entry in &delivery.entries {
                self.drop_carried(&entry.notice);
            }
        }
        jobs.withdraw(delivery.job, "what it says was taken back", now_ms);
        self.change(&delivery.id, now_ms, |delivery| {
            delivery.state = DeliveryState::Cancelled { by_person: false };
        });
        true
    }

    /// Wants the edit of a message whose newest content differs from what stands.
    pub(super) fn want_edit(&mut self, jobs: &mut Jobs, id: &DeliveryId, now_ms: u64) {
        let Some(delivery) = self.deliveries.row(id) else {
            return;
        };
        if !delivery.owes_edit() {
            return;
        }
        let is_badge =
            !delivery.is_incident() && delivery.entries.iter().all(|entry| !entry.is_retracted);
        let new = NewJob {
            network: delivery.network.clone(),
            kind: JobKind::Edit,
            key: id.as_str().to_owned(),
            lane: Lane::Edit(delivery.channel),
            priority: if is_badge {
                Priority::Low
            } else {
                Priority::Normal
            },
            give_up_at_ms: is_badge.then(|| now_ms.saturating_add(millis(BADGE_EDITED_FOR))),
        };
        jobs.want(new, now_ms);
    }

    /// Replaces a delivery that surely did not arrive by one in another channel, or of the next generation.
    pub(super) fn supersede(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        id: &DeliveryId,
        channel: ChannelId,
        fallbacks: Vec<ChannelId>,
    ) -> Option<DeliveryId> {
        let old = self.deliveries.row(id)?.clone();
        let new = NewDelivery {
            meaning: old.meaning,
            channel,
            fallbacks,
            entries: old.entries,
            is_group: old.is_group,
            wanted: old.wanted,
            generation: old.generation.saturating_add(1),
            is_repost: old.is_repost,
        };
        let into = self.create(jobs, new, now_ms);
        self.change(id, now_ms, |old| {
            old.state = DeliveryState::Moved { into: into.clone() };
            (old.entries, old.wanted) = (Vec::new(), Message::default());
        });
        Some(into)
    }
}

fn send_job(network: &str, id: &DeliveryId, channel: ChannelId) -> NewJob {
    NewJob {
        network: network.to_owned(),
        kind: JobKind::Deliver,
        key: id.as_str().to_owned(),
        lane: Lane::Send(channel),
        priority: Priority::Normal,
        give_up_at_ms: None,
    }
}

fn new_delivery(
    channel: ChannelId,
    fallbacks: &[ChannelId],
    mut notices: Vec<Notice>,
) -> NewDelivery {
    let entries: Vec<Entry> = notices.iter().map(Entry::of).collect();
    let is_group = notices.len() > 1;
    let (meaning, wanted) = match notices.pop() {
        Some(only) if !is_group => (only.id.as_str().to_owned(), only.message),
        last => {
            let card = last.and_then(|notice| notice.message.cards.into_iter().next());
            let author = card.map(|card| card.author).unwrap_or_default();
            let meaning = digest::meaning_of(&entries);
            let message = digest::message(&entries, author, &meaning);
            (meaning, message)
        }
    };
    NewDelivery {
        meaning,
        channel,
        fallbacks: fallbacks.to_vec(),
        entries,
        is_group,
        wanted,
        generation: 0,
        is_repost: false,
    }
}

/// What an edit says of a message that is not posted yet lacks what only a new message has: the file, and the line and the
/// mention that wake people. Those stay as they were owed, unless there is nothing left to wake anybody for.
fn keep_for_the_first(notice: &mut Notice, delivery: &Delivery) {
    let mut entries = delivery.entries.iter();
    let Some(owed) = entries.find(|entry| entry.notice == notice.id) else {
        return;
    };
    let message = &mut notice.message;
    if !delivery.is_group && message.attachments.is_empty() {
        let files = &delivery.wanted.attachments;
        message.attachments.clone_from(files);
    }
    let severity = message.cards.first().map(|card| card.severity);
    let is_over = matches!(severity, Some(Severity::Resolved | Severity::Retracted));
    if message.content.is_none() && !is_over {
        message.content.clone_from(&owed.content);
        message.mention_roles.clone_from(&owed.mention_roles);
    }
}

/// Makes a group's message again from its entries.
pub(super) fn rebuild(delivery: &mut Delivery) {
    if delivery.is_group {
        let author = author_of(&delivery.wanted);
        delivery.wanted = digest::message(&delivery.entries, author, &delivery.meaning);
    }
}

pub(super) fn author_of(message: &Message) -> Text {
    let card = message.cards.first();
    card.map(|card| card.author.clone()).unwrap_or_default()
}
