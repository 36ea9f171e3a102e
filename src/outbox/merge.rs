//! Merging under pressure: a backlog becomes a few tables, before it is sent.

use super::{
    BACKLOG_AGE_MAX, BACKLOG_MAX, DIGESTS_MAX, Outbox,
    courier::ChannelId,
    delivery::{Delivery, DeliveryId, DeliveryState},
    digest, millis,
    owe::{NewDelivery, author_of},
};
use crate::{alert::card::Message, jobs::Jobs};

impl Outbox {
    /// Whether the pending messages of a channel are to be merged before the next is sent.
    pub(super) fn is_pressed(&self, channel: ChannelId, now_ms: u64) -> bool {
        let Some(waiting) = self.mergeable(channel) else {
            return false;
        };
        if waiting.len() <= self.group_above.max(DIGESTS_MAX) {
            return false;
        }
        let first = waiting.first().and_then(|(_, id)| self.delivery(id));
        let age = first.map_or(0, |first| now_ms.saturating_sub(first.owed_at_ms));
        waiting.len() > BACKLOG_MAX || age > millis(BACKLOG_AGE_MAX)
    }

    /// Merges the pending messages of a channel that may be rows of a table. Those that were started stay as they are.
    pub(super) fn merge(&mut self, jobs: &mut Jobs, now_ms: u64, channel: ChannelId) {
        let waiting = self.mergeable(channel).into_iter().flatten();
        let mut waiting: Vec<Delivery> = waiting
            .filter_map(|(_, id)| self.delivery(id).cloned())
            .collect();
        // One that was taken back and owed again has an old job at a new place.
        waiting.sort_by_key(|delivery| jobs.job(delivery.job).map(|job| job.order));
        // Every entry remembers the delivery it comes from: one that stays alone stays where it is.
        let mut entries = Vec::new();
        for (from, delivery) in waiting.iter().enumerate() {
            entries.extend(delivery.entries.iter().map(|entry| (from, entry.clone())));
        }
        let classes: Vec<_> = entries.iter().map(|(_, entry)| Some(entry.class)).collect();
        let mut into: Vec<Option<DeliveryId>> = vec![None; waiting.len()];
        for plan in digest::plan(&classes) {
            let members: Vec<_> = plan
                .into_iter()
                .filter_map(|index| entries.get(index).cloned())
                .collect();
            let Some(first) = members.first().and_then(|(from, _)| waiting.get(*from)) else {
                continue;
            };
            let is_whole = members.len() == first.entries.len()
                && members.iter().zip(&first.entries).all(|((_, a), b)| a == b);
            if is_whole {
                continue;
            }
            let author = author_of(&first.wanted);
            let new = group(
                channel,
                first,
                members.iter().map(|(_, e)| e.clone()),
                author,
            );
            let id = self.create(jobs, new, now_ms);
            for (from, _) in &members {
                if let Some(into) = into.get_mut(*from) {
                    *into = Some(id.clone());
                }
            }
        }
        for (delivery, into) in waiting.iter().zip(into) {
            let Some(into) = into else { continue };
            jobs.withdraw(delivery.job, &format!("merged into {into}"), now_ms);
            self.change(&delivery.id, now_ms, |delivery| {
                delivery.state = DeliveryState::Merged { into };
                (delivery.entries, delivery.wanted) = (Vec::new(), Message::default());
            });
        }
    }
}

fn group(
    channel: ChannelId,
    first: &Delivery,
    entries: impl Iterator<Item = super::delivery::Entry>,
    author: crate::alert::card::Text,
) -> NewDelivery {
    let entries: Vec<_> = entries.collect();
    let meaning = digest::meaning_of(&entries);
    NewDelivery {
        wanted: digest::message(&entries, author, &meaning),
        meaning,
        channel,
        fallbacks: first.fallbacks.clone(),
        entries,
        is_group: true,
        generation: 0,
        is_repost: false,
    }
}
