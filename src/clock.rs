//! Time, as something that is handed in.
//!
//! Nothing outside this module reads the machine's clock. Wall time may jump in either direction;
//! code that must not care measures with `tokio::time::Instant`.

use std::{
    fmt::Debug,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::units::UnixSeconds;

/// The wall clock.
pub trait Clock: Send + Sync + Debug {
    /// Milliseconds since the Unix epoch; may go backwards.
    fn now_ms(&self) -> u64;

    /// Seconds since the Unix epoch; may go backwards.
    fn now(&self) -> UnixSeconds {
        UnixSeconds::new(self.now_ms() / 1000)
    }
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the machine's clock"
        )]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

/// A clock that moves only when told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub const fn new(now: UnixSeconds) -> Self {
        Self {
            now_ms: AtomicU64::new(now.value().saturating_mul(1000)),
        }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.now_ms.fetch_add(by, Ordering::SeqCst);
    }

    /// Jumps, in either direction.
    pub fn set(&self, now: UnixSeconds) {
        self.now_ms
            .store(now.value().saturating_mul(1000), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::SeqCst)
    }
}
