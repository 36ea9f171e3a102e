//! How hard a kind of job tries: plain numbers, from the configuration or these defaults.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::job::JobKind;

/// How hard a kind of job tries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Faults of our own before it fails; an outage of the other side does not count.
    pub attempts_max: u32,
    /// Looks at the world before it is unclear.
    pub polls_max: u32,
    /// First wait.
    pub backoff_base: Duration,
    /// Each wait is this many times the one before.
    pub backoff_factor: f64,
    /// Longest wait of our own; what the other side asks for may be longer.
    pub backoff_max: Duration,
    /// Share of the wait that is random, 0 to 1: half of it below, half above.
    pub jitter: f64,
    /// An attempt that takes longer is broken off; its outcome is then not known.
    pub timeout: Duration,
    /// At most so many at a time.
    pub concurrency: usize,
}

impl Policy {
    /// The policy of new messages.
    #[must_use]
    pub const fn deliver() -> Self {
        Self {
            attempts_max: 10,
            polls_max: 3,
            backoff_base: Duration::from_secs(1),
            backoff_factor: 2.0,
            // After an outage the first message leaves at most this late; meanwhile one request a minute and channel.
            backoff_max: Duration::from_mins(1),
            jitter: 0.2,
            // The courier's own time-outs are shorter; this is the last resort. A search may take 20 pages.
            timeout: Duration::from_mins(2),
            // Lanes serialise; this bounds channels that are served at once.
            concurrency: 16,
        }
    }

    /// The wait after the `streak`-th postponement in a row (from 1), with `random` in `0.0..1.0`.
    #[must_use]
    pub fn backoff(&self, streak: u32, random: f64) -> Duration {
        /// Beyond 2^63 no wait is below any cap.
        const EXPONENT_MAX: u32 = 63;
        let exponent = i32::try_from(streak.saturating_sub(1).min(EXPONENT_MAX)).unwrap_or(0);
        let factor = self.backoff_factor.max(1.0).powi(exponent);
        let longest = self.backoff_max.as_secs_f64();
        let wait = (self.backoff_base.as_secs_f64() * factor).min(longest);
        let swing = self.jitter.clamp(0.0, 1.0) * (random.clamp(0.0, 1.0) - 0.5);
        Duration::try_from_secs_f64(wait * (1.0 + swing)).unwrap_or(self.backoff_max)
    }
}

/// One policy per kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Policies(BTreeMap<JobKind, Policy>);

impl Default for Policies {
    fn default() -> Self {
        Self(BTreeMap::from([
            (JobKind::Deliver, Policy::deliver()),
            (
                JobKind::Edit,
                Policy {
                    backoff_base: Duration::from_secs(5),
                    backoff_max: Duration::from_mins(10),
                    timeout: Duration::from_mins(1),
                    concurrency: 8,
                    ..Policy::deliver()
                },
            ),
            (
                JobKind::Discard,
                Policy {
                    backoff_base: Duration::from_secs(5),
                    backoff_max: Duration::from_mins(10),
                    timeout: Duration::from_mins(1),
                    concurrency: 1,
                    ..Policy::deliver()
                },
            ),
            (
                // Given up when the next beat is due, 5 min later at the earliest.
                JobKind::Confirm,
                Policy {
                    backoff_base: Duration::from_secs(5),
                    backoff_max: Duration::from_mins(1),
                    concurrency: 1,
                    ..Policy::deliver()
                },
            ),
            (
                JobKind::Export,
                Policy {
                    attempts_max: 5,
                    backoff_base: Duration::from_mins(1),
                    backoff_max: Duration::from_hours(1),
                    timeout: Duration::from_mins(30),
                    concurrency: 1,
                    ..Policy::deliver()
                },
            ),
        ]))
    }
}

impl Policies {
    /// A message that cannot be delivered is tried again at least so often.
    #[must_use]
    pub fn delivering_every(self, longest: Duration) -> Self {
        let deliver = Policy {
            backoff_max: longest,
            ..self.of(JobKind::Deliver)
        };
        self.with(JobKind::Deliver, deliver)
    }

    /// Replaces the policy of a kind.
    #[must_use]
    pub fn with(mut self, kind: JobKind, policy: Policy) -> Self {
        self.0.insert(kind, policy);
        self
    }

    /// The policy of a kind; every kind has one.
    #[must_use]
    pub fn of(&self, kind: JobKind) -> Policy {
        self.0.get(&kind).cloned().unwrap_or_else(Policy::deliver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_waits_no_longer_than_is_said() {
        let longest = Duration::from_secs(7);
        let deliver = Policies::default()
            .delivering_every(longest)
            .of(JobKind::Deliver);
        let waits = (1..=40).map(|streak| deliver.backoff(streak, 0.5));
        assert_eq!(waits.max(), Some(longest));
        let others = Policies::default().delivering_every(longest);
        assert_eq!(
            others.of(JobKind::Edit),
            Policies::default().of(JobKind::Edit)
        );
    }
}
