//! A courier and an announcer whose deeds are counted.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::{
    alert::card::Message,
    attester::change::Change,
    book::fold::{self, Ours},
    metrics::{Live, Outcome},
    outbox::courier::{ChannelId, Courier, CourierError, Found, Mark, MessageId, Parcel, Receipt},
    state::State,
    watcher::{Announcer, Happening, NEAR_BLOCKS, Told},
};

/// Counts what another courier does.
#[derive(Debug)]
pub struct Counted {
    courier: Arc<dyn Courier>,
    live: Live,
}

impl Counted {
    /// Counts on `live`.
    #[must_use]
    pub const fn new(courier: Arc<dyn Courier>, live: Live) -> Self {
        Self { courier, live }
    }

    fn count<T>(&self, done: &Result<T, CourierError>, success: Outcome) {
        self.live.attempted(match done {
            Ok(_) => success,
            Err(CourierError::Later { .. }) => Outcome::Postponed,
            Err(CourierError::Unclear(_)) => Outcome::Unclear,
            Err(
                CourierError::ChannelUnreachable(_)
                | CourierError::MessageGone
                | CourierError::Refused(_)
                | CourierError::Unauthorized,
            ) => Outcome::Failed,
        });
    }
}

impl Courier for Counted {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        Box::pin(async move {
            let sent = self.courier.send(parcel).await;
            self.count(&sent, Outcome::Sent);
            sent
        })
    }

    fn edit<'a>(
        &'a self,
        channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        Box::pin(async move {
            let edited = self.courier.edit(channel, message, content).await;
            self.count(&edited, Outcome::Edited);
            edited
        })
    }

    fn find<'a>(
        &'a self,
        parcel: &'a Parcel,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        self.courier.find(parcel, since_ms)
    }

    fn marks(&self, channel: ChannelId) -> BoxFuture<'_, Result<Vec<Mark>, CourierError>> {
        self.courier.marks(channel)
    }

    fn delete(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        self.courier.delete(channel, message)
    }
}

/// Counts what another announcer is told. It counts inside the commit, so a commit that the disk then refuses is counted
/// too; the process ends with it, and its counters begin anew.
#[derive(Debug)]
pub struct CountedAnnouncer {
    announcer: Arc<dyn Announcer>,
    live: Live,
}

impl CountedAnnouncer {
    /// Counts on `live`.
    #[must_use]
    pub const fn new(announcer: Arc<dyn Announcer>, live: Live) -> Self {
        Self { announcer, live }
    }

    /// Changes above the floor, and near the head how long after their block they are committed.
    fn count(&self, state: &State, network: &str, outcome: &fold::Outcome, now_ms: u64) {
        let progress = state.progress_of(network);
        let is_told = |block| block > progress.floor;
        let changes = outcome.changes.iter();
        let mut newest = None;
        for entry in changes.filter(|entry| is_told(entry.evidence.block.number)) {
            if let Change::Standing { from, to, .. } = &entry.change {
                self.live.changed(network, from.stage, to.stage);
            }
            newest = newest.max(Some((entry.evidence.block.number, entry.evidence.at)));
        }
        if let Some((block, at)) = newest
            && progress.head.since(block) <= NEAR_BLOCKS
        {
            let at_ms = at.value().saturating_mul(1_000);
            let latency = Duration::from_millis(now_ms.saturating_sub(at_ms));
            self.live.detected(network, latency);
        }
    }
}

impl Announcer for CountedAnnouncer {
    fn announce(&self, state: &mut State, network: &str, told: &Told<'_>) {
        self.announcer.announce(state, network, told);
        if told.is_rehearsal {
            return;
        }
        if let Happening::Folded { outcome, .. } = &told.happening {
            self.count(state, network, outcome, told.now_ms);
        }
        let Some(book) = state.book(network) else {
            return;
        };
        let written = book.disagreements.touched();
        for _ in written.filter(|block| book.disagreements.row(block).is_some()) {
            self.live.disagreed(network);
        }
    }

    fn ours(&self, state: &State, network: &str) -> Ours {
        self.announcer.ours(state, network)
    }
}
