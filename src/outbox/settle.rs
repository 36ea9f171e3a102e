//! What the courier's answers mean for a delivery: pure, inside the commit that records the answer.

use std::time::Duration;

use super::{
    GENERATIONS_MAX, Outbox, PROBE_EVERY,
    book::Trouble,
    courier::{ChannelId, CourierError, Receipt},
    delivery::{DeliveryId, DeliveryState, Posted, Started, nonce_of},
    millis,
};
use crate::jobs::{Jobs, Verdict, job::Pause};

/// How long everything waits when the token is refused: a person must act, and refusals count against the address.
const UNAUTHORIZED_WAIT: Duration = Duration::from_mins(1);

/// How a try to send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Carriage {
    /// It was accepted now.
    Accepted(Receipt),
    /// An earlier try had been accepted.
    Found(Receipt),
    /// The search cannot be complete.
    SearchUnclear(String),
    /// The search failed.
    SearchFailed(CourierError),
    /// The search found nothing, and nothing was sent, for that was all that was asked.
    NotFound,
    /// The send failed.
    Failed(CourierError),
}

/// What was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tried {
    /// The delivery.
    pub(super) id: DeliveryId,
    /// The content's hash.
    pub(super) content_hash: String,
    /// Whether an earlier try may have been accepted.
    pub(super) was_uncertain: bool,
}

pub(super) fn later(reason: String) -> Verdict {
    Verdict::Later {
        after: None,
        reason,
        is_counted: false,
        pause: Pause::Nobody,
    }
}

pub(super) fn unauthorized() -> Verdict {
    Verdict::Later {
        after: Some(UNAUTHORIZED_WAIT),
        reason: "the token is refused; set a valid one and restart".to_owned(),
        is_counted: false,
        pause: Pause::Everybody,
    }
}

impl Outbox {
    pub(super) fn settle(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        tried: &Tried,
        carriage: Carriage,
    ) -> Verdict {
        match carriage {
            Carriage::Accepted(receipt) => {
                let hash = Some(tried.content_hash.clone());
                self.arrived(jobs, now_ms, &tried.id, &receipt, hash)
            }
            Carriage::Found(receipt) => {
                // Only where every try had this content is what was found surely the newest.
                let started = self.started(&tried.id);
                let hash = started.and_then(|started| started.content_hash);
                let hash = hash.filter(|hash| *hash == tried.content_hash);
                self.arrived(jobs, now_ms, &tried.id, &receipt, hash)
            }
            Carriage::SearchUnclear(reason) => self.unclear(now_ms, &tried.id, reason),
            Carriage::NotFound => self.not_found(&tried.id),
            Carriage::SearchFailed(error) => self.search_failed(now_ms, &tried.id, error),
            Carriage::Failed(error) => self.refused(jobs, now_ms, tried, error),
        }
    }

    fn started(&self, id: &DeliveryId) -> Option<Started> {
        match &self.delivery(id)?.state {
            DeliveryState::Started(started) | DeliveryState::Unclear(started) => {
                Some(started.clone())
            }
            _ => None,
        }
    }

    fn arrived(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        id: &DeliveryId,
        receipt: &Receipt,
        hash: Option<String>,
    ) -> Verdict {
        let Some(delivery) = self.delivery(id) else {
            return Verdict::Done {
                evidence: format!("message {}", receipt.message.0),
            };
        };
        let is_ours = receipt.channel == delivery.channel
            && receipt
                .nonce
                .as_ref()
                .is_none_or(|nonce| *nonce == nonce_of(id));
        if !is_ours {
            let (channel, fallbacks) = (delivery.channel, delivery.fallbacks.clone());
            let reason = format!(
                "the answer speaks of message {} in channel {}, which is not what was sent",
                receipt.message.0, receipt.channel.0
            );
            return self.replace(jobs, now_ms, id, channel, fallbacks, reason);
        }
        let channel = delivery.channel;
        self.troubles.remove(&channel.0);
        self.change(id, now_ms, |delivery| {
            delivery.posted = Some(Posted {
                message: receipt.message,
                content_hash: hash.filter(|_| receipt.is_faithful),
                at_ms: now_ms,
            });
            delivery.state = DeliveryState::Sent;
        });
        self.want_edit(jobs, id, now_ms);
        Verdict::Done {
            evidence: format!("message {}", receipt.message.0),
        }
    }

    fn replace(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        id: &DeliveryId,
        channel: ChannelId,
        fallbacks: Vec<ChannelId>,
        reason: String,
    ) -> Verdict {
        let generation = self.delivery(id).map_or(0, |delivery| delivery.generation);
        if generation >= GENERATIONS_MAX {
            self.change(id, now_ms, |delivery| {
                delivery.state = DeliveryState::Undeliverable {
                    reason: reason.clone(),
                };
            });
            return Verdict::Failed { reason };
        }
        self.supersede(jobs, now_ms, id, channel, fallbacks);
        Verdict::Abandoned { reason }
    }

    fn unclear(&mut self, now_ms: u64, id: &DeliveryId, reason: String) -> Verdict {
        if let Some(started) = self.started(id) {
            self.change(id, now_ms, |delivery| {
                delivery.state = DeliveryState::Unclear(started);
            });
        }
        Verdict::Unclear { reason }
    }

    fn not_found(&self, id: &DeliveryId) -> Verdict {
        let reason =
            "a complete search did not find it in the channel; retry sends it again".to_owned();
        if self.started(id).is_some() {
            Verdict::Unclear { reason }
        } else {
            Verdict::Failed { reason }
        }
    }

    fn search_failed(&mut self, now_ms: u64, id: &DeliveryId, error: CourierError) -> Verdict {
        match error {
            CourierError::Later {
                retry_after,
                detail,
                ..
            } => Verdict::Later {
                after: retry_after,
                reason: detail,
                is_counted: false,
                pause: Pause::Nobody,
            },
            CourierError::Unclear(detail) => later(detail),
            CourierError::Unauthorized => unauthorized(),
            CourierError::ChannelUnreachable(reason) => {
                self.note_trouble(now_ms, id, &reason);
                self.unclear(now_ms, id, reason)
            }
            CourierError::Refused(reason) => self.unclear(now_ms, id, reason),
            CourierError::MessageGone => self.unclear(now_ms, id, error.to_string()),
        }
    }

    fn refused(
        &mut self,
        jobs: &mut Jobs,
        now_ms: u64,
        tried: &Tried,
        error: CourierError,
    ) -> Verdict {
        let id = &tried.id;
        if !matches!(error, CourierError::Unclear(_)) {
            // Surely nothing came of this try; an earlier one may still be in doubt.
            self.change(id, now_ms, |delivery| {
                if let DeliveryState::Started(started) = &mut delivery.state {
                    started.is_uncertain = tried.was_uncertain;
                }
            });
        }
        match error {
            CourierError::Later {
                retry_after,
                detail,
                ..
            } => Verdict::Later {
                after: retry_after,
                reason: detail,
                is_counted: false,
                pause: Pause::Nobody,
            },
            CourierError::Unclear(detail) => later(detail),
            CourierError::Unauthorized => unauthorized(),
            CourierError::ChannelUnreachable(reason) => {
                self.note_trouble(now_ms, id, &reason);
                let mut fallbacks = self
                    .delivery(id)
                    .map(|delivery| delivery.fallbacks.clone())
                    .unwrap_or_default();
                if fallbacks.is_empty() {
                    return Verdict::Later {
                        after: Some(PROBE_EVERY),
                        reason,
                        is_counted: false,
                        pause: Pause::Nobody,
                    };
                }
                let channel = fallbacks.remove(0);
                self.replace(jobs, now_ms, id, channel, fallbacks, reason)
            }
            CourierError::Refused(reason) => {
                self.change(id, now_ms, |delivery| {
                    delivery.state = DeliveryState::Undeliverable {
                        reason: reason.clone(),
                    };
                });
                Verdict::Failed { reason }
            }
            CourierError::MessageGone => Verdict::Later {
                after: None,
                reason: error.to_string(),
                is_counted: true,
                pause: Pause::Nobody,
            },
        }
    }

    /// Remembers that a delivery's channel cannot be used.
    pub(super) fn note_trouble(&mut self, now_ms: u64, id: &DeliveryId, reason: &str) {
        let Some(channel) = self.delivery(id).map(|delivery| delivery.channel) else {
            return;
        };
        let known = self.troubles.row(&channel.0);
        let since_ms = known.map_or(now_ms, |trouble| trouble.since_ms);
        let trouble = Trouble {
            channel,
            since_ms,
            probe_at_ms: now_ms.saturating_add(millis(PROBE_EVERY)),
            reason: reason.to_owned(),
        };
        self.troubles.put(channel.0, trouble);
    }
}
