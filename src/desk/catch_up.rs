//! A catch-up that takes a while is told in one message, which is edited as it goes on.

use std::time::Duration;

use super::changes::Scene;
use crate::{
    alert::{card::Message, class::Class, notice::Notice, text::catch_up},
    state::State,
    units::UnixSeconds,
    watcher::{progress::CatchUp, stretch::Stretch},
};

/// Speed is believed after so long: first ranges are small, and grow.
const BELIEVED_AFTER: Duration = Duration::from_secs(10);
/// A catch-up that will take less than this is over before anybody has read of it.
const LEFT_MIN: Duration = Duration::from_secs(30);
/// The message is edited at most so often.
const EDITED_EVERY_MS: u64 = 15_000;
/// And where the share stands still, so often, so that the time of arrival stays true.
const REFRESHED_EVERY_MS: u64 = 300_000;

impl Scene<'_> {
    /// Tells how far a catch-up is, where that is worth it.
    pub(super) fn reading(&self, state: &mut State, stretch: &Stretch) {
        let network = self.bureau.network.as_str();
        let progress = state.progress_of(network);
        let now = UnixSeconds::new(self.now_ms / 1_000);
        let told = match progress.catch_up {
            Some(told) if !is_due(&told, stretch, self.now_ms) => return,
            None if !is_long(stretch) => return,
            told => told,
        };
        let occurrence = progress.catch_ups.saturating_add(u64::from(told.is_none()));
        state.change_progress(network, |progress| {
            progress.catch_ups = occurrence;
            progress.catch_up = Some(CatchUp {
                from: stretch.from,
                began_at: told.map_or(now.saturating_sub(stretch.elapsed.as_secs()), |told| {
                    told.began_at
                }),
                told_at_ms: self.now_ms,
                told_percent: stretch.percent(),
            });
        });
        let facts = catch_up::CatchUp {
            is_first: !progress.is_introduced,
            ..facts_of(stretch, occurrence, now)
        };
        let message = catch_up::reading(self.context, &facts);
        self.owe_catch_up(state, occurrence, message);
    }

    /// Says that the head is reached, where it was told that it is not.
    pub(super) fn read_to_head(&self, state: &mut State) {
        let network = self.bureau.network.as_str();
        let progress = state.progress_of(network);
        let Some(told) = progress.catch_up else {
            return;
        };
        state.change_progress(network, |progress| progress.catch_up = None);
        let now = UnixSeconds::new(self.now_ms / 1_000);
        let head = state
            .book(network)
            .map_or(progress.head, |book| book.summary().cursor.number);
        let message = catch_up::read(
            self.context,
            progress.catch_ups,
            (told.from, head),
            now.since(told.began_at),
            now,
        );
        self.owe_catch_up(state, progress.catch_ups, message);
    }

    fn owe_catch_up(&self, state: &mut State, occurrence: u64, message: Message) {
        let notice = Notice {
            id: catch_up::id(&self.bureau.network, occurrence),
            class: Class::CatchUp,
            route: Class::CatchUp.route(),
            message,
            row: Vec::new(),
            cause: None,
            reply_to: None,
        };
        super::owe(state, self.bureau, self.now_ms, vec![notice]);
    }
}

/// A catch-up as it is told.
#[must_use]
pub fn facts_of(stretch: &Stretch, occurrence: u64, now: UnixSeconds) -> catch_up::CatchUp {
    catch_up::CatchUp {
        occurrence,
        from: stretch.from,
        reached: stretch.reached,
        head: stretch.head,
        percent: stretch.percent(),
        per_second: stretch.per_second(),
        left_seconds: stretch.left().map(|left| left.as_secs()),
        is_first: true,
        now,
    }
}

fn is_long(stretch: &Stretch) -> bool {
    stretch.elapsed >= BELIEVED_AFTER && stretch.left().is_some_and(|left| left >= LEFT_MIN)
}

const fn is_due(told: &CatchUp, stretch: &Stretch, now_ms: u64) -> bool {
    let silent_ms = now_ms.saturating_sub(told.told_at_ms);
    let is_further = stretch.percent() != told.told_percent;
    (is_further && silent_ms >= EDITED_EVERY_MS) || silent_ms >= REFRESHED_EVERY_MS
}
