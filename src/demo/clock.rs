//! The clock of a replay: it shows the recording's time, and runs on at the machine's speed in between.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{clock::Clock, units::UnixSeconds};

/// A clock that jumps from scene to scene, forward only.
#[derive(Debug)]
pub struct ReplayClock {
    set: Mutex<(u64, Instant)>,
}

impl ReplayClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: UnixSeconds) -> Self {
        Self {
            set: Mutex::new((now.value().saturating_mul(1000), Instant::now())),
        }
    }

    /// Jumps to `now`, unless it is past already.
    pub fn set(&self, now: UnixSeconds) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = shown(*set);
        *set = (now.value().saturating_mul(1000).max(shown), Instant::now());
    }

    /// Jumps forward.
    pub fn advance(&self, by: Duration) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        set.0 = set.0.saturating_add(by);
    }
}

fn shown((base, since): (u64, Instant)) -> u64 {
    let passed = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    base.saturating_add(passed)
}

impl Clock for ReplayClock {
    fn now_ms(&self) -> u64 {
        shown(*self.set.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
