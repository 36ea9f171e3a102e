//! Takes every message and carries it nowhere.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use futures::future::{BoxFuture, FutureExt as _, ready};

use crate::{
    alert::card::Message,
    clock::Clock,
    outbox::courier::{ChannelId, Courier, CourierError, Found, MessageId, Parcel, Receipt},
};

/// Discord's first moment, 2015-01-01, Unix milliseconds.
const FIRST_MS: u64 = 1_420_070_400_000;
/// Bits of a message's id below its milliseconds.
const TIME_SHIFT: u32 = 22;

/// The courier of a dry run: everything is taken, and nothing leaves the process. It remembers nothing, for what is never
/// in doubt is never looked for.
#[derive(Debug)]
pub struct DryRun {
    clock: Arc<dyn Clock>,
    taken: AtomicU64,
}

impl DryRun {
    /// A courier whose messages have ids by `clock`.
    #[must_use]
    pub const fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            taken: AtomicU64::new(0),
        }
    }

    /// An id as Discord would make one: by time, and different from every other of this process.
    fn next_id(&self) -> MessageId {
        let number = self.taken.fetch_add(1, Ordering::Relaxed) % (1 << TIME_SHIFT);
        let ms = self.clock.now_ms().saturating_sub(FIRST_MS);
        MessageId((ms << TIME_SHIFT) | number)
    }
}

impl Courier for DryRun {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        ready(Ok(Receipt {
            message: self.next_id(),
            channel: parcel.channel,
            nonce: Some(parcel.nonce.clone()),
            is_faithful: true,
        }))
        .boxed()
    }

    fn edit<'a>(
        &'a self,
        _channel: ChannelId,
        _message: MessageId,
        _content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        ready(Ok(())).boxed()
    }

    fn find<'a>(
        &'a self,
        _parcel: &'a Parcel,
        _since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        ready(Ok(Found::No)).boxed()
    }

    fn delete(
        &self,
        _channel: ChannelId,
        _message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        ready(Ok(())).boxed()
    }
}
