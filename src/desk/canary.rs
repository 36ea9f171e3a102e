//! What a beat of the canary says: that it came, and how far each network is read.

use std::time::Duration;

use super::{Desk, label};
use crate::{
    alert::{
        card::Message,
        notice::NoticeId,
        text::{Context, canary},
    },
    canary::Canary,
    state::{HOUSE, State},
    units::UnixSeconds,
};

impl Desk {
    /// The message of the newest beat.
    #[must_use]
    pub fn canary(&self, state: &State, canary: &Canary, id: &NoticeId, now_ms: u64) -> Message {
        let Some(bureau) = self.bureaus.values().next() else {
            return Message::default();
        };
        let nobody = label(None);
        let context = Context {
            network: HOUSE,
            network_label: HOUSE,
            ..self.context(bureau, &nobody)
        };
        let read = self.bureaus.keys().map(|network| {
            let chapter = state.book(network).map(|book| book.summary());
            let read = chapter.map(|chapter| (chapter.cursor.number, chapter.at));
            (network.clone(), read)
        });
        let facts = canary::Beat {
            number: canary.beat,
            interval: Duration::from_millis(canary.interval_ms),
            read: read.collect(),
            at: UnixSeconds::new(now_ms / 1000),
        };
        canary::beat(&context, id, &facts)
    }
}
