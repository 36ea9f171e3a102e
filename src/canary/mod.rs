//! The canary: one message in a channel of its own that says again and again that messages arrive.
//!
//! Every beat goes the way of an incident: a commit owes it, the outbox carries it, Discord accepts it. Then the channel is
//! read back, and only a beat that stands there counts as seen and feeds the dead man's switch. While its message is young
//! it is edited; then a new one takes its place, and the old one is removed.

pub mod confirm;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    alert::{card::Message, class::Class, notice::Notice, notice::NoticeId},
    jobs::{JobKind, Jobs, Lane, NewJob, Priority},
    outbox::{Delivery, DeliveryState, Outbox, Routes, courier::ChannelId},
    state::{HOUSE, State},
    store::{Tree, table::Record},
};

/// A message older than this is replaced: Discord rations edits of messages that are older than an hour (30046), and the
/// last edit of a young one may have to wait.
const EDITED_FOR: Duration = Duration::from_mins(50);

/// Where the canary is shown, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Perch {
    /// The channel.
    pub channel: ChannelId,
    /// Between two beats; at least 5 min.
    pub interval: Duration,
}

/// What is remembered of the canary.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Between two beats (milliseconds).
    pub interval_ms: u64,
    /// The number of the last beat, from 1.
    pub beat: u64,
    /// When it came to be owed (Unix, milliseconds).
    pub beat_at_ms: u64,
    /// The notice whose message shows it.
    pub notice: Option<NoticeId>,
    /// Notices of earlier messages, removed as soon as a newer one stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old: Vec<NoticeId>,
    /// The last beat whose channel was to be read back.
    #[serde(default)]
    pub looked_for: u64,
    /// The last beat that was seen in the channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
    /// When the dead man's switch last took a beat (Unix, milliseconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fed_at_ms: Option<u64>,
}

/// A beat stood in its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which.
    pub beat: u64,
    /// When it was read back (Unix, milliseconds).
    pub at_ms: u64,
}

impl Record for Canary {
    const KIND: &'static str = "canary";
    const TREE: Tree = Tree::Kept;
    type Key = ();
}

impl Canary {
    /// Whether the next beat is due.
    #[must_use]
    pub const fn is_due(&self, interval: Duration, now_ms: u64) -> bool {
        self.beat == 0 || now_ms >= self.beat_at_ms.saturating_add(millis(interval))
    }
}

/// Takes one step: owes the next beat where it is due and `may_beat`, has the channel read back where a beat stands, and
/// removes what was replaced. `card` makes the message of a beat. `perch` is `None` where there is no canary.
pub fn step(
    state: &mut State,
    perch: Option<Perch>,
    may_beat: bool,
    now_ms: u64,
    card: impl FnOnce(&State, &Canary, &NoticeId) -> Message,
) {
    let known = state.canary.row(&()).cloned();
    let Some(perch) = perch else {
        if known.is_some() {
            state.canary.remove(&());
        }
        return;
    };
    let mut canary = known.clone().unwrap_or_default();
    canary.interval_ms = millis(perch.interval);
    if may_beat && canary.is_due(perch.interval, now_ms) {
        let notice = canary.next(&state.outbox, perch.channel, now_ms);
        let message = card(state, &canary, &notice);
        let routes = Routes::to_one(Class::Canary.route(), perch.channel);
        let notice = notice_of(notice, message);
        state
            .outbox
            .owe(&mut state.jobs, now_ms, vec![notice], &routes);
    }
    let standing = canary
        .notice
        .as_ref()
        .and_then(|notice| state.outbox.telling(notice))
        .is_some_and(|delivery| delivery.state == DeliveryState::Sent && !delivery.owes_edit());
    if standing {
        canary.look(&mut state.jobs, now_ms);
        for old in std::mem::take(&mut canary.old) {
            state.outbox.discard(&mut state.jobs, now_ms, &old);
        }
    }
    if known.as_ref() != Some(&canary) {
        state.canary.put((), canary);
    }
}

impl Canary {
    /// The next beat; gives the notice whose message shows it.
    fn next(&mut self, outbox: &Outbox, channel: ChannelId, now_ms: u64) -> NoticeId {
        self.beat = self.beat.saturating_add(1);
        self.beat_at_ms = now_ms;
        let current = self.notice.clone();
        let told = current.as_ref().and_then(|notice| outbox.telling(notice));
        if let (Some(notice), Some(delivery)) = (&current, told) {
            if delivery.channel == channel && is_young(delivery, now_ms) {
                return notice.clone();
            }
            if delivery.state == DeliveryState::Sent {
                self.old.push(notice.clone());
            }
        }
        let notice = NoticeId::new(HOUSE, "-", Class::Canary, self.beat, "");
        self.notice = Some(notice.clone());
        notice
    }

    /// Has the channel read back, once for every beat, and until the next one is due.
    fn look(&mut self, jobs: &mut Jobs, now_ms: u64) {
        let until_ms = self.beat_at_ms.saturating_add(self.interval_ms);
        if self.looked_for == self.beat || now_ms >= until_ms {
            return;
        }
        self.looked_for = self.beat;
        let new = NewJob {
            network: HOUSE.to_owned(),
            kind: JobKind::Confirm,
            key: format!("canary-{}", self.beat),
            lane: Lane::Free(JobKind::Confirm),
            priority: Priority::Normal,
            give_up_at_ms: Some(until_ms),
        };
        jobs.want(new, now_ms);
    }
}

/// Whether the message of a delivery can show one more beat: it is still to be sent, or may be edited.
fn is_young(delivery: &Delivery, now_ms: u64) -> bool {
    match &delivery.state {
        DeliveryState::Pending | DeliveryState::Started(_) => true,
        DeliveryState::Sent => delivery
            .posted
            .as_ref()
            .is_some_and(|posted| now_ms < posted.at_ms.saturating_add(millis(EDITED_FOR))),
        DeliveryState::Merged { .. }
        | DeliveryState::Moved { .. }
        | DeliveryState::Cancelled { .. }
        | DeliveryState::Unclear(_)
        | DeliveryState::Gone
        | DeliveryState::Undeliverable { .. } => false,
    }
}

fn notice_of(id: NoticeId, message: Message) -> Notice {
    Notice {
        id,
        class: Class::Canary,
        route: Class::Canary.route(),
        message,
        row: Vec::new(),
        cause: None,
        reply_to: None,
    }
}

const fn millis(duration: Duration) -> u64 {
    // A duration of years fits; the settings allow an hour.
    duration.as_secs().saturating_mul(1000)
}
