//! A courier whose deeds are counted.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::{
    alert::card::Message,
    metrics::{Live, Outcome},
    outbox::courier::{ChannelId, Courier, CourierError, Found, Mark, MessageId, Parcel, Receipt},
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
