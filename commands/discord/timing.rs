//! How long the gateway waits for what.

use std::time::Duration;

/// How long things may take. The defaults fit Discord; tests shorten them.
#[derive(Debug, Clone)]
pub struct Timing {
    /// Without an acknowledgement for this long a connection is dead. Discord's beat is 41.25 s; serenity notices one
    /// missing acknowledgement itself and reconnects.
    pub silence_max: Duration,
    /// Without a connection that lasts for this long, serenity is not left to try by itself: it introduces itself every
    /// 5 s, without end. Its own way back from an ended session takes 5 s.
    pub alone_max: Duration,
    /// Between two looks at the shard.
    pub sample: Duration,
    /// First wait after a failure; it doubles.
    pub backoff_min: Duration,
    /// Longest wait after a failure.
    pub backoff_max: Duration,
    /// IDENTIFYs per hour before the long wait. 20 an hour are 480 a day, half of what Discord allows.
    pub identifies_per_hour: usize,
    /// The long wait.
    pub long_backoff: Duration,
    /// Time for a clean end.
    pub shutdown: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            silence_max: Duration::from_mins(2),
            alone_max: Duration::from_secs(9),
            sample: Duration::from_secs(1),
            backoff_min: Duration::from_secs(5),
            backoff_max: Duration::from_mins(10),
            identifies_per_hour: 20,
            long_backoff: Duration::from_hours(1),
            shutdown: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// The wait after so many failures in a row.
    pub(super) fn backoff(&self, failures: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        self.backoff_min
            .saturating_mul(doubled)
            .min(self.backoff_max)
    }
}
