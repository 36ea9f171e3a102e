//! What was said, as a page shows it: the same messages that a courier carried, kept in memory.
//!
//! A [`Board`] holds the newest messages; an [`Onlooker`] stands between the outbox and a courier and pins to the board
//! what the courier carried, never what it refused.

mod dry_run;
mod onlooker;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde::Serialize;
use tokio::sync::watch;

pub use self::{dry_run::DryRun, onlooker::Onlooker};
use crate::{
    alert::card::{Card, Message},
    chart::Chart,
    clock::Clock,
    outbox::courier::{ChannelId, MessageId},
    units::UnixSeconds,
};

/// Most messages that a board keeps; the oldest goes first. At some kilobytes a card that is a few megabytes.
const PINNED_MAX: usize = 500;

/// A message on the board.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pinned {
    /// Its id, as the courier gave it.
    pub id: MessageId,
    /// The name of its channel.
    pub channel: String,
    /// When it was carried.
    pub at: UnixSeconds,
    /// What it says now.
    pub message: Message,
    /// The picture in each card, in the order of the cards.
    pub pictures: Vec<Option<Picture>>,
    /// The message that it replies to.
    pub reply_to: Option<MessageId>,
    /// How often it was edited.
    pub edits: u32,
    /// Whether it was deleted.
    pub is_deleted: bool,
}

/// The picture in a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Picture {
    /// What it shows.
    pub words: String,
    /// Where the page finds it; another one after every edit.
    pub path: String,
}

/// Everything on a board at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sight {
    /// Grows with every change.
    pub version: u64,
    /// The clock of whoever said it, for relative times.
    pub now: UnixSeconds,
    /// In the order in which they were first said.
    pub messages: Vec<Pinned>,
}

/// The newest messages.
#[derive(Debug)]
pub struct Board {
    clock: Arc<dyn Clock>,
    channels: BTreeMap<ChannelId, String>,
    shown: watch::Sender<Shown>,
}

/// What stands on a board, and how often that changed.
#[derive(Debug, Default)]
struct Shown {
    version: u64,
    messages: VecDeque<Pinned>,
}

impl Board {
    /// An empty board; `channels` names the channels, others are shown by their number.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, channels: BTreeMap<ChannelId, String>) -> Self {
        Self {
            clock,
            channels,
            shown: watch::Sender::default(),
        }
    }

    /// What the board shows now.
    #[must_use]
    pub fn sight(&self) -> Sight {
        let shown = self.shown.borrow();
        Sight {
            version: shown.version,
            now: self.clock.now(),
            messages: shown.messages.iter().cloned().collect(),
        }
    }

    /// Returns when the board's version is no longer `version`; may never return.
    pub async fn changed_since(&self, version: u64) {
        let mut seen = self.shown.subscribe();
        // The sender lives as long as the board, so this ends with a change only.
        let _ended = seen
            .wait_for(|shown| shown.version != version)
            .await
            .is_ok();
    }

    fn pin(
        &self,
        id: MessageId,
        channel: ChannelId,
        message: &Message,
        reply_to: Option<MessageId>,
    ) {
        let name = self.channels.get(&channel).cloned();
        let pinned = Pinned {
            id,
            channel: name.unwrap_or_else(|| channel.0.to_string()),
            at: self.clock.now(),
            pictures: pictures(id, 0, message),
            message: message.clone(),
            reply_to,
            edits: 0,
            is_deleted: false,
        };
        self.shown.send_modify(|shown| {
            if shown.messages.len() >= PINNED_MAX {
                shown.messages.pop_front();
            }
            shown.messages.push_back(pinned);
            shown.version = shown.version.saturating_add(1);
        });
    }

    /// The chart of a card, where the board still holds it.
    #[must_use]
    pub fn chart(&self, id: MessageId, card: usize) -> Option<Chart> {
        let shown = self.shown.borrow();
        let pinned = shown.messages.iter().find(|pinned| pinned.id == id)?;
        pinned.message.cards.get(card)?.chart.clone()
    }

    /// Changes a message where the board still holds it.
    fn change(&self, id: MessageId, change: impl FnOnce(&mut Pinned)) {
        self.shown.send_if_modified(|shown| {
            let Some(found) = shown.messages.iter_mut().find(|pinned| pinned.id == id) else {
                return false;
            };
            change(found);
            shown.version = shown.version.saturating_add(1);
            true
        });
    }
}

fn pictures(id: MessageId, edits: u32, message: &Message) -> Vec<Option<Picture>> {
    let cards = message.cards.iter().enumerate();
    let picture = |(place, card): (usize, &Card)| {
        card.chart.as_ref().map(|chart| Picture {
            words: chart.alt(),
            path: format!("/preview/charts/{}/{place}?edits={edits}", id.0),
        })
    };
    cards.map(picture).collect()
}

#[cfg(test)]
mod tests;
