//! Whether the gateway still answers. Pure: time and samples are handed in.
//!
//! The one sign of life is the acknowledgement of a heartbeat. Events are none: a quiet server has no events for a day
//! and is well. What serenity calls the stage of a shard is none either: it says `Connected` after a close.
//!
//! serenity tells an acknowledgement only by the latency that it measures with it, in nanoseconds: another latency than
//! before is another acknowledgement.

use std::time::Duration;

use tokio::time::Instant;

/// What is seen of the shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// There is none: serenity could not connect and tries again by itself, every 5 s.
    NoShard,
    /// There is one, with this latency.
    Shard(Option<Duration>),
}

/// What a sample means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Not connected; nothing to judge.
    Connecting,
    /// A heartbeat was acknowledged since the last sample.
    Acknowledged,
    /// Nothing new, and not for too long.
    Quiet,
    /// No acknowledgement for this long: more than can be healthy.
    Dead(Duration),
}

/// Since when there is no connection that lasts. A shard that is seen proves nothing: Discord may end each one at its
/// IDENTIFY. Only an acknowledgement or a READY does.
#[derive(Debug, Default)]
pub struct Alone {
    since: Option<Instant>,
    readies: usize,
}

impl Alone {
    /// Takes a sample's verdict, and how often there was a READY so far; gives for how long nothing has lasted.
    pub fn observe(&mut self, verdict: Verdict, readies: usize, now: Instant) -> Duration {
        let is_well = verdict == Verdict::Acknowledged || readies != self.readies;
        self.readies = readies;
        if is_well {
            self.since = None;
        }
        if verdict == Verdict::Connecting {
            self.since.get_or_insert(now);
        }
        self.since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

/// Judges by acknowledgements.
#[derive(Debug)]
pub struct Watchdog {
    limit: Duration,
    last_sign: Instant,
    latency: Option<Duration>,
}

impl Watchdog {
    /// Tolerates `limit` without an acknowledgement, from `now` on.
    #[must_use]
    pub const fn new(limit: Duration, now: Instant) -> Self {
        Self {
            limit,
            last_sign: now,
            latency: None,
        }
    }

    /// Takes a sample.
    pub fn observe(&mut self, sample: Sample, now: Instant) -> Verdict {
        let latency = match sample {
            Sample::NoShard => {
                self.latency = None;
                self.last_sign = now;
                return Verdict::Connecting;
            }
            Sample::Shard(latency) => latency,
        };
        let is_new = latency.is_some() && latency != self.latency;
        self.latency = latency.or(self.latency);
        if is_new {
            self.last_sign = now;
            return Verdict::Acknowledged;
        }
        let silence = now.saturating_duration_since(self.last_sign);
        if silence > self.limit {
            Verdict::Dead(silence)
        } else {
            Verdict::Quiet
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_mins(2);

    #[test]
    fn a_day_without_events_but_with_acknowledgements_is_no_reason_to_reconnect() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(LIMIT, start);
        let (mut acknowledged, seconds) = (0, 24 * 3600);
        for second in 0..seconds {
            // Discord's beat is 41.25 s.
            let beats = second * 1000 / 41_250;
            let latency = (beats > 0).then(|| Duration::from_nanos(80_000_000 + beats));
            let now = start + Duration::from_secs(second);
            match watchdog.observe(Sample::Shard(latency), now) {
                Verdict::Acknowledged => acknowledged += 1,
                Verdict::Quiet => {}
                other => panic!("second {second}: {other:?}"),
            }
        }
        assert_eq!(acknowledged, 24 * 3600 * 1000 / 41_250);
    }

    #[test]
    fn a_shard_that_is_not_acknowledged_is_dead_whatever_it_was_before() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(LIMIT, start);
        let same = Sample::Shard(Some(Duration::from_millis(80)));
        assert_eq!(watchdog.observe(same, start), Verdict::Acknowledged);
        assert_eq!(watchdog.observe(same, start + LIMIT), Verdict::Quiet);
        let late = LIMIT + Duration::from_secs(1);
        assert_eq!(watchdog.observe(same, start + late), Verdict::Dead(late));
        let never = Sample::Shard(None);
        assert_eq!(watchdog.observe(never, start + late), Verdict::Dead(late));
    }

    #[test]
    fn while_nothing_is_connected_nothing_is_judged() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(LIMIT, start);
        let later = start + 10 * LIMIT;
        assert_eq!(
            watchdog.observe(Sample::NoShard, later),
            Verdict::Connecting
        );
        assert_eq!(watchdog.observe(Sample::Shard(None), later), Verdict::Quiet);
    }
}
