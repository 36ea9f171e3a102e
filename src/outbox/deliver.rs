//! The job that sends a message.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use tracing::{Instrument as _, Span};

use super::{
    HasOutbox, Outbox, PROBE_EVERY, SEARCH_MARGIN,
    courier::{ChannelId, Courier, Found, Parcel},
    delivery::{Delivery, DeliveryId, DeliveryState, Started, hash_of, nonce_of},
    digest, millis,
    settle::{Carriage, Tried, later},
};
use crate::{
    jobs::{
        Handler, Job, JobKind, Prepared, Verdict,
        engine::{Conclude, Interruption},
        job::{Pause, Phase, State},
    },
    writer::Extra,
};

/// Is told how long messages took.
pub trait Stopwatch: Send + Sync + std::fmt::Debug {
    /// A message was accepted so long after the commit that owed it.
    fn arrived(&self, waited: Duration);
}

/// Sends messages.
#[derive(Debug, Clone)]
pub struct Deliver {
    courier: Arc<dyn Courier>,
    stopwatch: Option<Arc<dyn Stopwatch>>,
}

impl Deliver {
    /// Sends with this courier.
    #[must_use]
    pub const fn new(courier: Arc<dyn Courier>) -> Self {
        let stopwatch = None;
        Self { courier, stopwatch }
    }

    /// Tells `stopwatch` how long messages took.
    #[must_use]
    pub fn timed_by(self, stopwatch: Arc<dyn Stopwatch>) -> Self {
        Self {
            stopwatch: Some(stopwatch),
            ..self
        }
    }
}

/// A try, ready to go.
struct Sendout {
    parcel: Parcel,
    tried: Tried,
    search: Search,
    span: Span,
}

/// Whether the channel is searched first.
enum Search {
    /// No: this is the first try.
    No,
    /// Yes, from then on (Unix, milliseconds).
    Since {
        from_ms: u64,
        /// Whether to send though the search cannot be complete.
        may_resend: bool,
    },
    /// Yes, and nothing else.
    Only { from_ms: u64 },
}

async fn carry(courier: Arc<dyn Courier>, sendout: &Sendout) -> Carriage {
    let (from_ms, may_resend, is_all) = match sendout.search {
        Search::No => return send(courier, &sendout.parcel).await,
        Search::Since {
            from_ms,
            may_resend,
        } => (from_ms, may_resend, false),
        Search::Only { from_ms } => (from_ms, false, true),
    };
    match courier.find(&sendout.parcel, from_ms).await {
        Ok(Found::Yes(receipt)) => Carriage::Found(receipt),
        Ok(Found::No) if is_all => Carriage::NotFound,
        Ok(Found::No) => send(courier, &sendout.parcel).await,
        Ok(Found::Unclear(_)) if may_resend => send(courier, &sendout.parcel).await,
        Ok(Found::Unclear(reason)) => Carriage::SearchUnclear(reason),
        Err(error) => Carriage::SearchFailed(error),
    }
}

async fn send(courier: Arc<dyn Courier>, parcel: &Parcel) -> Carriage {
    match courier.send(parcel).await {
        Ok(receipt) => Carriage::Accepted(receipt),
        Err(error) => Carriage::Failed(error),
    }
}

impl<S: HasOutbox + Send + Sync + 'static> Handler<S> for Deliver {
    fn kind(&self) -> JobKind {
        JobKind::Deliver
    }

    fn prepare(&self, state: &mut S, job: &Job, now_ms: u64) -> Prepared<S> {
        let (outbox, jobs) = state.outbox_and_jobs();
        let id = DeliveryId::of_key(&job.key);
        let Some(delivery) = outbox.delivery(&id).cloned() else {
            let reason = "its delivery is no longer remembered".to_owned();
            return Prepared::Settled(Verdict::Abandoned { reason });
        };
        if is_look(job) {
            return self.act(look(&delivery));
        }
        match &delivery.state {
            DeliveryState::Pending | DeliveryState::Started(_) => {}
            DeliveryState::Unclear(_) => {
                let reason = "nobody can tell whether it arrived".to_owned();
                return Prepared::Settled(Verdict::Unclear { reason });
            }
            DeliveryState::Sent | DeliveryState::Gone => {
                let evidence = "it was sent before".to_owned();
                return Prepared::Settled(Verdict::Done { evidence });
            }
            DeliveryState::Merged { .. }
            | DeliveryState::Moved { .. }
            | DeliveryState::Cancelled { .. }
            | DeliveryState::Undeliverable { .. } => {
                let reason = format!("the delivery is {}", delivery.state.name());
                return Prepared::Settled(Verdict::Abandoned { reason });
            }
        }
        let is_pending = delivery.state == DeliveryState::Pending;
        if is_pending && outbox.is_pressed(delivery.channel, now_ms) {
            outbox.merge(jobs, now_ms, delivery.channel);
            return Prepared::Rearranged;
        }
        if outbox.is_shunned(delivery.channel, now_ms) && !is_in_doubt(&delivery) {
            let Some((channel, rest)) = delivery.fallbacks.split_first() else {
                return Prepared::Settled(shunned(delivery.channel));
            };
            outbox.supersede(jobs, now_ms, &id, *channel, rest.to_vec());
            jobs.withdraw(job.id, "its channel cannot be used", now_ms);
            return Prepared::Rearranged;
        }
        let sendout = outbox.start(&delivery, now_ms);
        self.act(sendout)
    }

    fn interrupted(&self, _state: &mut S, _job: &Job, why: &Interruption, _now_ms: u64) -> Verdict {
        // The delivery stays started and in doubt, so that the next try searches first.
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

    fn tidy(&self, state: &mut S, _extra: &mut Extra, now_ms: u64) {
        state.outbox_and_jobs().0.prune(now_ms);
    }
}

impl Deliver {
    fn act<S: HasOutbox + Send + Sync + 'static>(&self, sendout: Sendout) -> Prepared<S> {
        let (courier, stopwatch) = (Arc::clone(&self.courier), self.stopwatch.clone());
        let span = sendout.span.clone();
        let act = async move {
            let carriage = carry(courier, &sendout).instrument(span.clone()).await;
            if let Carriage::Failed(error) | Carriage::SearchFailed(error) = &carriage {
                span.record("error", tracing::field::display(error));
            }
            let conclude: Conclude<S> = Box::new(move |state, _job, now_ms| {
                let (outbox, jobs) = state.outbox_and_jobs();
                let verdict = outbox.settle(jobs, now_ms, &sendout.tried, carriage);
                let arrived = outbox.delivery(&sendout.tried.id).and_then(waited);
                if let (Verdict::Done { .. }, Some(waited), Some(stopwatch)) =
                    (&verdict, arrived, &stopwatch)
                {
                    stopwatch.arrived(waited);
                }
                verdict
            });
            conclude
        };
        Prepared::Act(act.boxed())
    }
}

/// How long a message that stands was owed before it did.
fn waited(delivery: &Delivery) -> Option<Duration> {
    let posted = delivery.posted.as_ref()?;
    let waited = posted.at_ms.saturating_sub(delivery.owed_at_ms);
    (delivery.state == DeliveryState::Sent).then(|| Duration::from_millis(waited))
}

fn is_look(job: &Job) -> bool {
    match job.state {
        State::PendingVerification => true,
        State::Processing(lease) => lease.phase == Phase::Verify,
        State::Created | State::Done | State::Failed | State::Cancelled | State::Unclear => false,
    }
}

const fn is_in_doubt(delivery: &Delivery) -> bool {
    matches!(&delivery.state, DeliveryState::Started(started) if started.is_uncertain)
}

fn shunned(channel: ChannelId) -> Verdict {
    Verdict::Later {
        after: Some(PROBE_EVERY),
        reason: format!("channel {} cannot be used", channel.0),
        is_counted: false,
        pause: Pause::Nobody,
    }
}

fn look(delivery: &Delivery) -> Sendout {
    let first_ms = match &delivery.state {
        DeliveryState::Started(started) | DeliveryState::Unclear(started) => {
            started.first_attempt_at_ms
        }
        _ => delivery.owed_at_ms,
    };
    Sendout {
        search: Search::Only {
            from_ms: first_ms.saturating_sub(millis(SEARCH_MARGIN)),
        },
        tried: Tried {
            id: delivery.id.clone(),
            content_hash: hash_of(&delivery.wanted),
            was_uncertain: true,
        },
        parcel: Parcel {
            channel: delivery.channel,
            nonce: nonce_of(&delivery.id),
            message: delivery.wanted.clone(),
            reply_to: None,
        },
        span: delivery.span("look"),
    }
}

impl Outbox {
    /// Marks a delivery as started, in the commit before its request, and says what to send.
    fn start(&mut self, delivery: &Delivery, now_ms: u64) -> Sendout {
        let content_hash = hash_of(&delivery.wanted);
        let earlier = match &delivery.state {
            DeliveryState::Started(started) => Some(started.clone()),
            _ => None,
        };
        let search = match &earlier {
            Some(earlier) if earlier.is_uncertain => Search::Since {
                from_ms: earlier
                    .first_attempt_at_ms
                    .saturating_sub(millis(SEARCH_MARGIN)),
                may_resend: earlier.may_resend,
            },
            _ => Search::No,
        };
        let was_uncertain = earlier.as_ref().is_some_and(|earlier| earlier.is_uncertain);
        let started = Started {
            first_attempt_at_ms: earlier
                .as_ref()
                .map_or(now_ms, |earlier| earlier.first_attempt_at_ms),
            content_hash: match &earlier {
                Some(earlier) if was_uncertain => earlier
                    .content_hash
                    .clone()
                    .filter(|hash| *hash == content_hash),
                _ => Some(content_hash.clone()),
            },
            is_uncertain: true,
            may_resend: earlier.is_some_and(|earlier| earlier.may_resend),
        };
        self.change(&delivery.id, now_ms, |delivery| {
            delivery.state = DeliveryState::Started(started);
        });
        let mut message = delivery.wanted.clone();
        if delivery.is_group {
            message.attachments.push(digest::file(&delivery.entries));
        }
        Sendout {
            search,
            tried: Tried {
                id: delivery.id.clone(),
                content_hash,
                was_uncertain,
            },
            parcel: Parcel {
                channel: delivery.channel,
                nonce: nonce_of(&delivery.id),
                message,
                reply_to: self.parent_of(delivery),
            },
            span: delivery.span("send"),
        }
    }
}
