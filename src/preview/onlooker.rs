//! Pins to a board what a courier carries.

use std::sync::Arc;

use futures::{FutureExt as _, future::BoxFuture};

use super::Board;
use crate::{
    alert::card::Message,
    outbox::courier::{ChannelId, Courier, CourierError, Found, Mark, MessageId, Parcel, Receipt},
};

/// A courier that somebody looks at.
#[derive(Debug)]
pub struct Onlooker {
    courier: Arc<dyn Courier>,
    board: Arc<Board>,
}

impl Onlooker {
    /// Looks at `courier`.
    #[must_use]
    pub const fn new(courier: Arc<dyn Courier>, board: Arc<Board>) -> Self {
        Self { courier, board }
    }
}

impl Courier for Onlooker {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        async move {
            let receipt = self.courier.send(parcel).await?;
            self.board.pin(
                receipt.message,
                receipt.channel,
                &parcel.message,
                parcel.reply_to,
            );
            Ok(receipt)
        }
        .boxed()
    }

    fn edit<'a>(
        &'a self,
        channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        async move {
            self.courier.edit(channel, message, content).await?;
            self.board.change(message, |pinned| {
                // An edit leaves the files of a message as they are.
                let attachments = std::mem::take(&mut pinned.message.attachments);
                pinned.message = content.clone();
                pinned.message.attachments = attachments;
                pinned.edits = pinned.edits.saturating_add(1);
                pinned.pictures = super::pictures(message, pinned.edits, content);
            });
            Ok(())
        }
        .boxed()
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
        async move {
            self.courier.delete(channel, message).await?;
            self.board
                .change(message, |pinned| pinned.is_deleted = true);
            Ok(())
        }
        .boxed()
    }
}
