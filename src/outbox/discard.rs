//! The job that removes a message which another one took the place of.

use std::sync::Arc;

use futures::FutureExt as _;

use super::{
    HasOutbox, Outbox,
    courier::{Courier, CourierError},
    delivery::{DeliveryId, DeliveryState},
    settle::{later, unauthorized},
};
use crate::{
    alert::notice::NoticeId,
    jobs::{
        Handler, Job, JobKind, Jobs, Lane, NewJob, Prepared, Priority, Verdict,
        engine::{Conclude, Interruption},
        job::Pause,
    },
};

/// Removes messages.
#[derive(Debug, Clone)]
pub struct Discard {
    courier: Arc<dyn Courier>,
}

impl Discard {
    /// Removes with this courier.
    #[must_use]
    pub const fn new(courier: Arc<dyn Courier>) -> Self {
        Self { courier }
    }
}

impl Outbox {
    /// Wants the message of a notice removed. Says whether one stands.
    pub fn discard(&self, jobs: &mut Jobs, now_ms: u64, notice: &NoticeId) -> bool {
        let Some(delivery) = self
            .telling(notice)
            .filter(|delivery| delivery.state == DeliveryState::Sent)
        else {
            return false;
        };
        let new = NewJob {
            network: delivery.network.clone(),
            kind: JobKind::Discard,
            key: delivery.id.as_str().to_owned(),
            lane: Lane::Edit(delivery.channel),
            priority: Priority::Low,
            give_up_at_ms: None,
        };
        jobs.want(new, now_ms);
        true
    }

    fn discarded(
        &mut self,
        now_ms: u64,
        id: &DeliveryId,
        removed: Result<(), CourierError>,
    ) -> Verdict {
        let error = match removed {
            Ok(()) | Err(CourierError::MessageGone) => {
                self.change(id, now_ms, |delivery| delivery.state = DeliveryState::Gone);
                let evidence = "the message is gone".to_owned();
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
            CourierError::Unauthorized => unauthorized(),
            // Once more does no harm: what is gone is gone.
            CourierError::Unclear(detail) => later(detail),
            CourierError::ChannelUnreachable(reason) | CourierError::Refused(reason) => {
                Verdict::Abandoned { reason }
            }
            CourierError::MessageGone => Verdict::Done {
                evidence: error.to_string(),
            },
        }
    }
}

impl<S: HasOutbox + Send + Sync + 'static> Handler<S> for Discard {
    fn kind(&self) -> JobKind {
        JobKind::Discard
    }

    fn prepare(&self, state: &mut S, job: &Job, _now_ms: u64) -> Prepared<S> {
        let id = DeliveryId::of_key(&job.key);
        let delivery = state.outbox().delivery(&id);
        let standing = delivery.filter(|delivery| delivery.state == DeliveryState::Sent);
        let Some((channel, message)) = standing
            .and_then(|delivery| Some((delivery.channel, delivery.posted.as_ref()?.message)))
        else {
            let evidence = "the message does not stand".to_owned();
            return Prepared::Settled(Verdict::Done { evidence });
        };
        let courier = Arc::clone(&self.courier);
        let act = async move {
            let removed = courier.delete(channel, message).await;
            let conclude: Conclude<S> = Box::new(move |state, _, now_ms| {
                let (outbox, _) = state.outbox_and_jobs();
                outbox.discarded(now_ms, &id, removed)
            });
            conclude
        };
        Prepared::Act(act.boxed())
    }

    fn interrupted(&self, _: &mut S, _: &Job, why: &Interruption, _: u64) -> Verdict {
        later(match why {
            Interruption::TimedOut => "no answer in time".to_owned(),
            Interruption::Panicked(words) => format!("the courier panicked: {words}"),
        })
    }
}
