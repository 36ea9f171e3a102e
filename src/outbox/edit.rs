//! The job that brings a sent message to its newest content.

use std::sync::Arc;

use futures::FutureExt;
use tracing::Instrument as _;

use super::{
    HasOutbox, Outbox, PROBE_EVERY,
    courier::{Courier, CourierError},
    delivery::{DeliveryId, DeliveryState, hash_of},
    owe::NewDelivery,
    settle::{later, unauthorized},
};
use crate::jobs::{
    Handler, Job, JobKind, Jobs, Prepared, Verdict,
    engine::{Conclude, Interruption},
    job::Pause,
};

/// Edits messages.
#[derive(Debug, Clone)]
pub struct Edit {
    courier: Arc<dyn Courier>,
}

impl Edit {
    /// Edits with this courier.
    #[must_use]
    pub const fn new(courier: Arc<dyn Courier>) -> Self {
        Self { courier }
    }
}

impl<S: HasOutbox + Send + Sync + 'static> Handler<S> for Edit {
    fn kind(&self) -> JobKind {
        JobKind::Edit
    }

    fn prepare(&self, state: &mut S, job: &Job, now_ms: u64) -> Prepared<S> {
        let (outbox, _) = state.outbox_and_jobs();
        let id = DeliveryId::of_key(&job.key);
        let delivery = outbox.delivery(&id);
        let owed = delivery.filter(|delivery| delivery.owes_edit());
        let Some((delivery, posted)) =
            owed.and_then(|delivery| Some((delivery, delivery.posted.as_ref()?)))
        else {
            let evidence = "the newest content stands".to_owned();
            return Prepared::Settled(Verdict::Done { evidence });
        };
        if outbox.is_shunned(delivery.channel, now_ms) {
            return Prepared::Settled(unreachable("the channel cannot be used".to_owned()));
        }
        let (channel, message) = (delivery.channel, posted.message);
        let span = delivery.span("edit");
        let mut content = delivery.wanted.clone();
        content.attachments.clear();
        // From here on nobody knows what stands, until an answer tells: content that changes back is edited all the same.
        outbox.change(&id, now_ms, |delivery| {
            if let Some(posted) = &mut delivery.posted {
                posted.content_hash = None;
            }
        });
        let courier = Arc::clone(&self.courier);
        let act = async move {
            let edit = courier.edit(channel, message, &content);
            let edited = edit.instrument(span.clone()).await;
            if let Err(error) = &edited {
                span.record("error", tracing::field::display(error));
            }
            let hash = hash_of(&content);
            let conclude: Conclude<S> = Box::new(move |state, _job, now_ms| {
                let (outbox, jobs) = state.outbox_and_jobs();
                outbox.edited(jobs, now_ms, &id, hash, edited)
            });
            conclude
        };
        Prepared::Act(act.boxed())
    }

    fn interrupted(&self, _state: &mut S, _job: &Job, why: &Interruption, _now_ms: u64) -> Verdict {
        match why {
            Interruption::TimedOut => later("no answer in time".to_owned()),
            Interruption::Panicked(words) => Verdict::Later {
                after: None,
                reason: format!("the courier panicked: {words}"),
                is_counted: true,
                pause: Pause::Nobody,
            },
        }
    }
}

const fn unreachable(reason: String) -> Verdict {
    Verdict::Later {
        after: Some(PROBE_EVERY),
        reason,
        is_counted: false,
        pause: Pause::Nobody,
    }
}

impl Outbox {
    fn edited(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        id: &DeliveryId,
        hash: String,
        edited: Result<(), CourierError>,
    ) -> Verdict {
        let error = match edited {
            Ok(()) => {
                self.change(id, now_ms, |delivery| {
                    if let Some(posted) = &mut delivery.posted {
                        posted.content_hash = Some(hash);
                    }
                });
                let owes_more = self.delivery(id).is_some_and(super::Delivery::owes_edit);
                if owes_more {
                    return Verdict::Again;
                }
                let evidence = "the newest content stands".to_owned();
                return Verdict::Done { evidence };
            }
            Err(error) => error,
        };
        match error {
            CourierError::Later {
                retry_after,
                detail,
                is_rate_limit,
            } => Verdict::Later {
                after: retry_after,
                reason: detail,
                is_counted: false,
                pause: if is_rate_limit {
                    Pause::Lane
                } else {
                    Pause::Nobody
                },
            },
            CourierError::Unclear(detail) => later(detail),
            CourierError::Unauthorized => unauthorized(),
            CourierError::ChannelUnreachable(reason) => {
                self.note_trouble(now_ms, id, &reason);
                unreachable(reason)
            }
            CourierError::Refused(reason) => Verdict::Failed { reason },
            CourierError::MessageGone => self.deleted(jobs, now_ms, id),
        }
    }

    /// Somebody deleted the message. That is respected, but for the card of an open incident, once.
    fn deleted(&mut self, jobs: &mut Jobs, now_ms: u64, id: &DeliveryId) -> Verdict {
        let reason = "somebody deleted the message".to_owned();
        let Some(old) = self.delivery(id).cloned() else {
            return Verdict::Abandoned { reason };
        };
        self.change(id, now_ms, |delivery| delivery.state = DeliveryState::Gone);
        if old.must_stand() && !old.is_repost {
            let (mut wanted, mut entries) = (old.wanted, old.entries);
            // It stands again, but wakes nobody again, as a row of a table neither.
            wanted.mention_roles.clear();
            for entry in &mut entries {
                entry.mention_roles.clear();
            }
            let new = NewDelivery {
                meaning: old.meaning,
                channel: old.channel,
                fallbacks: old.fallbacks,
                entries,
                is_group: false,
                wanted,
                generation: old.generation.saturating_add(1),
                is_repost: true,
            };
            self.create(jobs, new, now_ms);
        }
        Verdict::Abandoned { reason }
    }
}
