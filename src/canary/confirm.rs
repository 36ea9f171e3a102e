//! The job that reads a beat of the canary back from its channel, and feeds the dead man's switch.

use std::{fmt::Debug, sync::Arc};

use futures::{FutureExt as _, future::BoxFuture};

use super::Seen;
use crate::{
    jobs::{
        Handler, Job, JobKind, Prepared, Verdict,
        engine::{Conclude, Interruption},
        job::Pause,
    },
    outbox::{
        DeliveryState, SEARCH_MARGIN,
        courier::{Courier, CourierError, Found, MessageId, Parcel},
        nonce_of,
    },
    state::State,
};

/// Raises an alarm elsewhere when nobody feeds it for a while: a dead man's switch.
pub trait Switch: Send + Sync + Debug {
    /// Feeds it once. The error says why it did not take that, without its address.
    fn feed(&self) -> BoxFuture<'_, Result<(), String>>;
}

/// Reads beats back.
#[derive(Debug, Clone)]
pub struct Confirm {
    courier: Arc<dyn Courier>,
    switch: Option<Arc<dyn Switch>>,
}

/// What the channel showed, and what became of the switch.
enum Look {
    /// The beat stands; the switch was fed, or there is none.
    Seen { is_fed: bool },
    /// The beat stands, and the switch did not take it.
    Unfed(String),
    /// It does not stand, or nobody can tell.
    Missing(String),
}

impl Confirm {
    /// Reads back with this courier, and feeds this switch.
    #[must_use]
    pub const fn new(courier: Arc<dyn Courier>, switch: Option<Arc<dyn Switch>>) -> Self {
        Self { courier, switch }
    }

    async fn look(&self, parcel: &Parcel, posted: MessageId, since_ms: u64) -> Look {
        match self.courier.find(parcel, since_ms).await {
            Ok(Found::Yes(found)) if found.message != posted => {
                return Look::Missing(format!(
                    "message {} stands there in place of {}",
                    found.message.0, posted.0
                ));
            }
            Ok(Found::Yes(found)) if !found.is_faithful => {
                return Look::Missing("the message shows something else".to_owned());
            }
            Ok(Found::Yes(_)) => {}
            Ok(Found::No) => {
                return Look::Missing("the message is not in the channel".to_owned());
            }
            Ok(Found::Unclear(reason)) => return Look::Missing(reason),
            Err(error) => return Look::Missing(words(&error)),
        }
        match &self.switch {
            None => Look::Seen { is_fed: false },
            Some(switch) => match switch.feed().await {
                Ok(()) => Look::Seen { is_fed: true },
                Err(reason) => Look::Unfed(reason),
            },
        }
    }
}

impl Handler<State> for Confirm {
    fn kind(&self) -> JobKind {
        JobKind::Confirm
    }

    fn prepare(&self, state: &mut State, job: &Job, _now_ms: u64) -> Prepared<State> {
        let canary = state.canary.row(&());
        let beat = canary.map_or(0, |canary| canary.beat);
        let notice = canary.and_then(|canary| canary.notice.as_ref());
        let delivery = notice.and_then(|notice| state.outbox.telling(notice));
        let standing = delivery.filter(|delivery| delivery.state == DeliveryState::Sent);
        let posted = standing.and_then(|delivery| delivery.posted.clone());
        let (Some(delivery), Some(posted)) = (standing, posted) else {
            return Prepared::Settled(abandoned("its message does not stand any more"));
        };
        if job.key != format!("canary-{beat}") || delivery.owes_edit() {
            return Prepared::Settled(abandoned("a newer beat takes its place"));
        }
        let parcel = Parcel {
            channel: delivery.channel,
            nonce: nonce_of(&delivery.id),
            message: delivery.wanted.clone(),
            reply_to: None,
        };
        let margin = u64::try_from(SEARCH_MARGIN.as_millis()).unwrap_or(u64::MAX);
        let since_ms = posted.at_ms.saturating_sub(margin);
        let this = self.clone();
        let act = async move {
            let look = this.look(&parcel, posted.message, since_ms).await;
            let conclude: Conclude<State> =
                Box::new(move |state, _, now_ms| conclude(state, beat, look, now_ms));
            conclude
        };
        Prepared::Act(act.boxed())
    }

    fn interrupted(&self, _: &mut State, _: &Job, why: &Interruption, _: u64) -> Verdict {
        later(match why {
            Interruption::TimedOut => "no answer in time".to_owned(),
            Interruption::Panicked(words) => format!("it panicked: {words}"),
        })
    }
}

fn conclude(state: &mut State, beat: u64, look: Look, now_ms: u64) -> Verdict {
    let is_fed = match look {
        Look::Missing(reason) => return later(reason),
        Look::Seen { is_fed } => is_fed,
        Look::Unfed(_) => false,
    };
    state.canary.change(&(), |canary| {
        if canary.seen.is_none_or(|seen| seen.beat < beat) {
            canary.seen = Some(Seen {
                beat,
                at_ms: now_ms,
            });
        }
        if is_fed {
            canary.fed_at_ms = Some(now_ms);
        }
    });
    match look {
        Look::Unfed(reason) => later(format!("the dead man's switch was not fed: {reason}")),
        _ if is_fed => done(format!(
            "beat {beat} stands, and the dead man's switch was fed"
        )),
        _ => done(format!("beat {beat} stands")),
    }
}

const fn done(evidence: String) -> Verdict {
    Verdict::Done { evidence }
}

/// Tried again until the next beat is due. It never counts as a fault of ours that raises an incident: what cannot reach
/// the channel could not be told there either, and what is silent for too long is told by the switch.
const fn later(reason: String) -> Verdict {
    Verdict::Later {
        after: None,
        reason,
        is_counted: false,
        pause: Pause::Nobody,
    }
}

fn abandoned(reason: &str) -> Verdict {
    Verdict::Abandoned {
        reason: reason.to_owned(),
    }
}

fn words(error: &CourierError) -> String {
    format!("the channel cannot be read: {error}")
}
