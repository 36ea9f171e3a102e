//! What was said is put right: by a reorg, by finality.

use super::changes::{Scene, sources};
use crate::{
    alert::{
        card::{Card, Message},
        class::Class,
        notice::{Notice, NoticeId},
        text::{
            retraction::{Reorg, retract, with_replacement},
            standing, transition,
        },
    },
    chain::agreement::Agreement,
    outbox::{Delivery, DeliveryState},
    state::State,
    units::{Address, AttesterAddress, BlockRef},
    watcher::Unwinding,
};

impl Scene<'_> {
    /// Takes back what blocks said that are gone. A change that comes again in another block revives its message.
    pub(super) fn unwound(
        &self,
        state: &mut State,
        gone: &[BlockRef],
        kept: BlockRef,
        why: Unwinding,
    ) {
        let told = state
            .outbox
            .cancel_caused_by(&mut state.jobs, self.now_ms, gone);
        let depth = u64::try_from(gone.len()).unwrap_or(u64::MAX);
        for id in told {
            let Some(delivery) = state.outbox.telling(&id) else {
                continue;
            };
            let cause = delivery
                .entries
                .iter()
                .find(|entry| entry.notice == id)
                .and_then(|entry| entry.cause);
            let reorg = Reorg {
                replaced: cause.unwrap_or(kept),
                depth,
                is_overruled: why == Unwinding::Overruled,
            };
            let holds = self.holds(state, &id);
            let message = retract(self.context, &delivery.wanted, &reorg, holds.as_deref());
            state
                .outbox
                .retract(&mut state.jobs, self.now_ms, &id, message);
        }
    }

    /// Names the block that is now in the place of one that was taken out, on the cards that wait for it.
    pub(super) fn replaced(&self, state: &mut State) {
        let network = self.bureau.network.as_str();
        let Some(book) = state.book(network) else {
            return;
        };
        let cursor = book.summary().cursor;
        let in_place_of = |gone: BlockRef| {
            let kept = book.blocks.row(&gone.number);
            kept.map(|block| BlockRef {
                number: gone.number,
                hash: block.hash,
            })
        };
        let due: Vec<(NoticeId, Message)> = state
            .outbox
            .deliveries()
            .filter(|delivery| delivery.network == network && !delivery.is_group)
            .filter_map(|delivery| {
                let taken_back = delivery
                    .entries
                    .first()
                    .filter(|entry| entry.is_retracted)?;
                let gone = taken_back
                    .cause
                    .filter(|gone| gone.number <= cursor.number)?;
                let message = with_replacement(&delivery.wanted, in_place_of(gone))?;
                Some((taken_back.notice.clone(), message))
            })
            .collect();
        for (id, message) in due {
            state
                .outbox
                .retract(&mut state.jobs, self.now_ms, &id, message);
        }
    }

    /// The state of a transition's attester, as it is now.
    fn holds(&self, state: &State, id: &NoticeId) -> Option<String> {
        let mut parts = id.as_str().split('/');
        let (_, subject, class) = (parts.next()?, parts.next()?, parts.next()?);
        if class != Class::AttesterTransition.name() {
            return None;
        }
        let attester = AttesterAddress::new(subject.parse::<Address>().ok()?);
        let book = state.book(&self.bureau.network)?;
        let now = book
            .attesters
            .row(&attester)
            .map(|attester| attester.standing)
            .unwrap_or_default();
        Some(standing::state(now))
    }

    /// Turns the badge of what final blocks caused from "seen" to "final".
    pub(super) fn finalised(&self, state: &mut State, block: BlockRef) {
        let due: Vec<Notice> = state
            .outbox
            .deliveries()
            .filter_map(|delivery| self.with_badge(delivery, block))
            .collect();
        super::owe(state, self.bureau, self.now_ms, due);
    }

    /// Says on the cards of a block how many endpoints agree.
    pub(super) fn agreed(&self, state: &mut State, block: BlockRef, agreement: &Agreement) {
        let Some((of, total)) = sources(agreement) else {
            return;
        };
        let due: Vec<Notice> = state
            .outbox
            .deliveries()
            .filter(|delivery| {
                delivery
                    .entries
                    .iter()
                    .any(|entry| entry.cause == Some(block))
            })
            .filter_map(|delivery| {
                self.revised(delivery, |card| transition::with_agreement(card, of, total))
            })
            .collect();
        super::owe(state, self.bureau, self.now_ms, due);
    }

    fn with_badge(&self, delivery: &Delivery, block: BlockRef) -> Option<Notice> {
        let entry = delivery.entries.first()?;
        let is_final = entry
            .cause
            .is_some_and(|cause| cause.number <= block.number);
        if !is_final || delivery.state != DeliveryState::Sent {
            return None;
        }
        self.revised(delivery, |card| {
            transition::with_finality(card, &transition::Finality::Final)
        })
    }

    /// The notice of a single card with another content; `None` where nothing differs.
    fn revised(&self, delivery: &Delivery, change: impl Fn(Card) -> Card) -> Option<Notice> {
        let is_ours = delivery.network == self.bureau.network && !delivery.is_group;
        let entry = delivery
            .entries
            .first()
            .filter(|entry| is_ours && !entry.is_retracted)?;
        let mut message = delivery.wanted.clone();
        message.cards = message.cards.into_iter().map(change).collect();
        if message == delivery.wanted {
            return None;
        }
        Some(Notice {
            id: entry.notice.clone(),
            class: entry.class,
            route: entry.class.route(),
            message,
            row: entry.row.clone(),
            cause: entry.cause,
            reply_to: entry.reply_to.clone(),
        })
    }
}
