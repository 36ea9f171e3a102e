//! Couriers that take everything, in time or by Discord's limits.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use futures::future::BoxFuture;
use steward::{
    alert::card::Message,
    outbox::courier::{ChannelId, Courier, CourierError, Found, MessageId, Parcel, Receipt},
};
use tokio::time::Instant;

/// Messages that Discord takes per channel and window.
const BUCKET: usize = 5;
const WINDOW: Duration = Duration::from_secs(5);

/// Takes every message; with limits, five in five seconds per channel.
#[derive(Debug, Default)]
pub struct Doorstep {
    has_limits: bool,
    /// Where each message is sent before it counts as taken.
    url: Option<String>,
    client: reqwest::Client,
    desk: Mutex<Desk>,
}

#[derive(Debug, Default)]
struct Desk {
    taken: Vec<(ChannelId, Instant)>,
    buckets: BTreeMap<ChannelId, Vec<Instant>>,
    refused: u64,
    edits: u64,
}

impl Doorstep {
    /// With Discord's limits.
    pub fn limited() -> Self {
        Self {
            has_limits: true,
            ..Self::default()
        }
    }

    /// Behind an HTTP server.
    pub fn at(url: String) -> Self {
        Self {
            url: Some(url),
            ..Self::default()
        }
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap()
    }

    /// Channels and times of the messages so far.
    pub fn taken(&self) -> Vec<(ChannelId, Instant)> {
        self.desk().taken.clone()
    }

    /// How often somebody was told to wait.
    pub fn refused(&self) -> u64 {
        self.desk().refused
    }

    /// Five in five seconds: how long to wait, where there were.
    fn limit(&self, channel: ChannelId) -> Result<(), CourierError> {
        if !self.has_limits {
            return Ok(());
        }
        let mut desk = self.desk();
        let bucket = desk.buckets.entry(channel).or_default();
        bucket.retain(|at| at.elapsed() < WINDOW);
        if bucket.len() < BUCKET {
            bucket.push(Instant::now());
            return Ok(());
        }
        let wait = WINDOW.saturating_sub(bucket[0].elapsed());
        desk.refused += 1;
        Err(CourierError::Later {
            retry_after: Some(wait),
            detail: "429".to_owned(),
            is_rate_limit: true,
        })
    }
}

impl Courier for Doorstep {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        Box::pin(async move {
            self.limit(parcel.channel)?;
            if let Some(url) = &self.url {
                let sent = self.client.post(url).json(&parcel.message).send().await;
                sent.unwrap().bytes().await.unwrap();
            }
            let mut desk = self.desk();
            desk.taken.push((parcel.channel, Instant::now()));
            Ok(Receipt {
                message: MessageId(1_000_000 + desk.taken.len() as u64),
                channel: parcel.channel,
                nonce: Some(parcel.nonce.clone()),
                is_faithful: true,
            })
        })
    }

    fn edit<'a>(
        &'a self,
        _channel: ChannelId,
        _message: MessageId,
        _content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        self.desk().edits += 1;
        Box::pin(async { Ok(()) })
    }

    fn find<'a>(
        &'a self,
        _parcel: &'a Parcel,
        _since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        Box::pin(async { Ok(Found::No) })
    }

    fn delete(
        &self,
        _channel: ChannelId,
        _message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        Box::pin(async { Ok(()) })
    }
}
