//! How often we introduced ourselves to Discord (IDENTIFY), over restarts too: a supervisor that starts us again every ten
//! seconds would otherwise use up the thousand of a day within hours, and Discord then ends every session and resets the token.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use steward::{clock::Clock, units::UnixSeconds};

use super::registration::Memory;

/// Window of the budget.
const HOUR: Duration = Duration::from_hours(1);
/// Window that is told.
const DAY: Duration = Duration::from_hours(24);
/// IDENTIFYs that are remembered; Discord resets the token at 1,000 a day.
const IDENTIFIES_MAX: usize = 1000;

/// The times of IDENTIFYs, oldest first. Every READY answers one; those without one are counted by estimate.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Times(VecDeque<UnixSeconds>);

impl Times {
    fn note(&mut self, now: UnixSeconds) {
        self.0.push_back(now);
        while self.0.len() > IDENTIFIES_MAX {
            self.0.pop_front();
        }
    }

    fn within(&self, window: Duration, now: UnixSeconds) -> usize {
        let is_recent = |at: &&UnixSeconds| now.since(**at) < window.as_secs();
        self.0.iter().rev().take_while(is_recent).count()
    }
}

/// Counts IDENTIFYs, and remembers them. Clones count together.
#[derive(Debug, Clone)]
pub(super) struct Identifies {
    times: Arc<Mutex<Times>>,
    memory: Arc<dyn Memory>,
    clock: Arc<dyn Clock>,
}

impl Identifies {
    pub(super) fn new(memory: Arc<dyn Memory>, clock: Arc<dyn Clock>) -> Self {
        Self {
            times: Arc::default(),
            memory,
            clock,
        }
    }

    /// Counts so many.
    pub(super) fn note(&self, count: usize) {
        let now = self.clock.now();
        self.with(|times| (0..count).for_each(|_| times.note(now)));
    }

    /// How many in the last hour.
    pub(super) fn in_hour(&self) -> usize {
        let now = self.clock.now();
        self.with(|times| times.within(HOUR, now))
    }

    /// How many in the last 24 hours.
    pub(super) fn in_day(&self) -> usize {
        let now = self.clock.now();
        self.with(|times| times.within(DAY, now))
    }

    /// Counts those of earlier processes too.
    pub(super) async fn recall(&self) {
        match self.memory.recall_identifies().await {
            Ok(earlier) => self.with(|times| {
                let since = std::mem::take(times);
                let all = earlier.into_iter().chain(since.0);
                all.for_each(|at| times.note(at));
            }),
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "how often earlier processes introduced themselves is not known"
            ),
        }
    }

    /// Remembers those of the last day, and `upcoming` ones that are about to be sent: a process that dies meanwhile has sent
    /// them.
    pub(super) async fn keep(&self, upcoming: usize) {
        let now = self.clock.now();
        let mut kept = self.with(|times| times.clone());
        (0..upcoming).for_each(|_| kept.note(now));
        let day = kept.within(DAY, now);
        let kept = kept.0.split_off(kept.0.len().saturating_sub(day));
        if let Err(error) = self.memory.keep_identifies(kept.into()).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "how often this process introduced itself cannot be remembered"
            );
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Times) -> T) -> T {
        act(&mut self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn introductions_are_counted_over_an_hour_and_a_day() {
        let minute = |minute: u64| UnixSeconds::new(1_795_233_600 + minute * 60);
        let mut times = Times::default();
        (0..90).for_each(|passed| times.note(minute(passed)));
        let now = minute(90);
        assert_eq!((times.within(HOUR, now), times.within(DAY, now)), (59, 90));
    }
}
