//! How an endpoint fares: failures in a row for each kind of request, rests between attempts, and what changed.
//!
//! Pure: time and chance are handed in. An endpoint that serves one method and fails another is failing.

use std::{collections::BTreeMap, time::Duration};

use rand::{Rng, rngs::StdRng};
use serde::Serialize;
use tokio::time::Instant;

use super::{ChainError, EndpointName};
use crate::units::UnixSeconds;

/// How an endpoint fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// It answers, or has failed too seldom to say otherwise.
    Healthy,
    /// It limits our rate, several times in a row.
    Limited,
    /// It failed several times in a row.
    Down,
    /// It is not asked at all: it serves another chain.
    Excluded,
}

/// What is wrong with an endpoint that is not healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// It does not answer.
    Silent,
    /// It limits our rate.
    Limits,
    /// It answers with errors, or with what makes no sense.
    Refuses,
    /// Its newest block is so many blocks behind that of another.
    Lags(u64),
    /// A majority says something else of the same block.
    Contradicted,
    /// It serves another chain.
    WrongChain {
        /// The chain id that it gives.
        found: u64,
        /// The chain id that is expected.
        expected: u64,
    },
}

impl Trouble {
    /// The trouble that an error tells of.
    pub(super) const fn of(error: &ChainError) -> Self {
        match error {
            ChainError::Unavailable(_) => Self::Silent,
            ChainError::RateLimited { .. } => Self::Limits,
            ChainError::UnknownBlock
            | ChainError::TooLarge { .. }
            | ChainError::Refused(_)
            | ChainError::Pruned(_)
            | ChainError::Malformed(_)
            | ChainError::PinIgnored => Self::Refuses,
        }
    }

    /// The sentence about a failure. What was found by comparing is no answer of the endpoint, and is not told as one.
    fn words(self, error: &ChainError) -> String {
        match (self, error) {
            (
                Self::Lags(_) | Self::Contradicted | Self::WrongChain { .. },
                ChainError::Unavailable(found)
                | ChainError::Malformed(found)
                | ChainError::Refused(found),
            ) => found.clone(),
            _ => error.to_string(),
        }
    }
}

/// Failures of one method, and what the last of them tells.
#[derive(Debug, Clone, Copy)]
struct Row {
    failures: u32,
    trouble: Trouble,
}

/// An endpoint went from one state to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthChange {
    /// Which.
    pub endpoint: EndpointName,
    /// What it was.
    pub from: HealthState,
    /// What it is.
    pub to: HealthState,
    /// When.
    pub at: UnixSeconds,
    /// The failure behind it, as a sentence; `None` on recovery.
    pub error: Option<String>,
}

/// When an endpoint counts as failing, and how long it rests.
#[derive(Debug, Clone)]
pub struct HealthPolicy {
    /// Failures of one method in a row after which the endpoint is no longer healthy.
    pub failures_max: u32,
    /// Rest after the first failure; doubles with each.
    pub rest_min: Duration,
    /// Longest rest; after it the endpoint is tried again.
    pub rest_max: Duration,
    /// Longest `Retry-After` that is honoured.
    pub retry_after_max: Duration,
}

impl Default for HealthPolicy {
    fn default() -> Self {
        Self {
            failures_max: 3,
            rest_min: Duration::from_secs(1),
            // Five L1 slots: a leader that recovered leads again within a minute.
            rest_max: Duration::from_secs(60),
            retry_after_max: Duration::from_secs(600),
        }
    }
}

/// The failing and recovering of one endpoint.
#[derive(Debug)]
pub(super) struct Health {
    state: HealthState,
    since: UnixSeconds,
    rows: BTreeMap<&'static str, Row>,
    wrong_chain: Option<Trouble>,
    last_error: Option<ChainError>,
    last_words: Option<String>,
    rest_until: Option<Instant>,
}

/// The moment of an event, on both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) wall: UnixSeconds,
    pub(super) instant: Instant,
}

impl Health {
    pub(super) const fn new(since: UnixSeconds) -> Self {
        Self {
            state: HealthState::Healthy,
            since,
            rows: BTreeMap::new(),
            wrong_chain: None,
            last_error: None,
            last_words: None,
            rest_until: None,
        }
    }

    pub(super) const fn state(&self) -> HealthState {
        self.state
    }

    pub(super) const fn since(&self) -> UnixSeconds {
        self.since
    }

    pub(super) const fn last_error(&self) -> Option<&ChainError> {
        self.last_error.as_ref()
    }

    /// The last failure, as a sentence.
    pub(super) fn last_words(&self) -> Option<&str> {
        self.last_words.as_deref()
    }

    /// Most failures in a row of any method.
    pub(super) fn failures(&self) -> u32 {
        let rows = self.rows.values();
        rows.map(|row| row.failures).max().unwrap_or(0)
    }

    /// What is wrong with it: what the method tells that failed most often in a row; `None` while it is healthy.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        let worst = || self.rows.values().max_by_key(|row| row.failures);
        match self.state {
            HealthState::Healthy => None,
            HealthState::Limited | HealthState::Down | HealthState::Excluded => {
                self.wrong_chain.or_else(|| worst().map(|row| row.trouble))
            }
        }
    }

    /// How long it is still to be left alone; `None` where it may be asked.
    pub(super) fn rest(&self, now: Instant) -> Option<Duration> {
        if self.state == HealthState::Excluded {
            return Some(Duration::MAX);
        }
        let until = self.rest_until?;
        (until > now).then(|| until - now)
    }

    /// `method` was answered. Says what the state was, if it changed.
    pub(super) fn answered(
        &mut self,
        method: &'static str,
        now: Moment,
        policy: &HealthPolicy,
    ) -> Option<HealthState> {
        self.rows.remove(method)?;
        if self.rows.is_empty() {
            self.rest_until = None;
        }
        let is_failing = self.failures() >= policy.failures_max;
        (!is_failing).then(|| self.turn(HealthState::Healthy, now.wall))?
    }

    /// `method` failed. Says what the state was, if it changed.
    pub(super) fn failed(
        &mut self,
        method: &'static str,
        (error, trouble): (&ChainError, Trouble),
        now: Moment,
        policy: &HealthPolicy,
        chance: &mut StdRng,
    ) -> Option<HealthState> {
        let before = self.rows.get(method).map_or(0, |row| row.failures);
        let failures = before.saturating_add(1);
        self.rows.insert(method, Row { failures, trouble });
        let shift = failures.saturating_sub(1).min(16);
        let rest = policy
            .rest_min
            .saturating_mul(1 << shift)
            .min(policy.rest_max);
        // Between half and the whole, so that several watchers of one endpoint do not return together.
        let rest = rest.mul_f64(chance.random_range(0.5..=1.0));
        let (rest, state) = match error {
            ChainError::RateLimited { retry_after } => {
                let asked = retry_after.unwrap_or_default().min(policy.retry_after_max);
                (rest.max(asked), HealthState::Limited)
            }
            ChainError::UnknownBlock
            | ChainError::TooLarge { .. }
            | ChainError::Unavailable(_)
            | ChainError::Refused(_)
            | ChainError::Pruned(_)
            | ChainError::Malformed(_)
            | ChainError::PinIgnored => (rest, HealthState::Down),
        };
        let until = now.instant + rest;
        self.rest_until = Some(self.rest_until.map_or(until, |earlier| earlier.max(until)));
        self.last_words = Some(trouble.words(error));
        self.last_error = Some(error.clone());
        if failures < policy.failures_max {
            return None;
        }
        self.turn(state, now.wall)
    }

    /// It is never to be asked again: it serves the chain `found` and not `expected`.
    pub(super) fn exclude(
        &mut self,
        found: u64,
        expected: u64,
        now: Moment,
    ) -> Option<HealthState> {
        let why = format!("it serves chain {found}, not {expected}");
        self.last_words = Some(why.clone());
        self.last_error = Some(ChainError::Refused(why));
        self.wrong_chain = Some(Trouble::WrongChain { found, expected });
        self.turn(HealthState::Excluded, now.wall)
    }

    fn turn(&mut self, state: HealthState, now: UnixSeconds) -> Option<HealthState> {
        if self.state == state || self.state == HealthState::Excluded {
            return None;
        }
        self.since = now;
        Some(std::mem::replace(&mut self.state, state))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const METHOD: &str = "eth_call";

    fn moment(instant: Instant) -> Moment {
        Moment {
            wall: UnixSeconds::new(9),
            instant,
        }
    }

    fn told(error: &ChainError) -> (&ChainError, Trouble) {
        (error, Trouble::of(error))
    }

    fn gone() -> ChainError {
        ChainError::Unavailable("gone".to_owned())
    }

    #[test]
    fn rests_double_up_to_the_longest_and_end_with_an_answer() {
        let (policy, mut chance) = (HealthPolicy::default(), StdRng::seed_from_u64(1));
        let (mut health, start) = (Health::new(UnixSeconds::new(1)), Instant::now());
        for failure in 0..10_u32 {
            health.rest_until = None;
            health.failed(METHOD, told(&gone()), moment(start), &policy, &mut chance);
            let (rest, most) = (
                health.rest(start).unwrap(),
                Duration::from_secs(1 << failure.min(6)),
            );
            let most = most.min(policy.rest_max);
            assert!(rest <= most && rest >= most / 2, "{failure}: {rest:?}");
        }
        assert_eq!(health.state(), HealthState::Down);
        assert_eq!(
            health.answered(METHOD, moment(start), &policy),
            Some(HealthState::Down)
        );
        assert_eq!((health.rest(start), health.failures()), (None, 0));
    }

    #[test]
    fn the_third_failure_in_a_row_changes_the_state() {
        let (policy, mut chance) = (HealthPolicy::default(), StdRng::seed_from_u64(1));
        let (mut health, now) = (Health::new(UnixSeconds::new(1)), moment(Instant::now()));
        let mut fail = || health.failed(METHOD, told(&gone()), now, &policy, &mut chance);
        let changes = [fail(), fail(), fail(), fail()];
        assert_eq!(changes, [None, None, Some(HealthState::Healthy), None]);
        assert_eq!(health.since(), now.wall);
    }

    #[test]
    fn an_answer_to_another_method_heals_nothing() {
        let (policy, mut chance) = (HealthPolicy::default(), StdRng::seed_from_u64(1));
        let (mut health, start) = (Health::new(UnixSeconds::new(1)), moment(Instant::now()));
        for _ in 0..3 {
            health.failed(METHOD, told(&gone()), start, &policy, &mut chance);
            assert_eq!(health.answered("eth_getLogs", start, &policy), None);
        }
        assert_eq!(health.state(), HealthState::Down);
    }

    #[test]
    fn an_endpoint_that_asks_us_to_wait_is_left_alone_as_long() {
        let (policy, mut chance) = (HealthPolicy::default(), StdRng::seed_from_u64(1));
        let (mut health, start) = (Health::new(UnixSeconds::new(1)), Instant::now());
        let limited = |seconds| ChainError::RateLimited {
            retry_after: Some(Duration::from_secs(seconds)),
        };
        health.failed(
            METHOD,
            told(&limited(42)),
            moment(start),
            &policy,
            &mut chance,
        );
        assert_eq!(health.rest(start), Some(Duration::from_secs(42)));
        health.failed(
            METHOD,
            told(&limited(90_000)),
            moment(start),
            &policy,
            &mut chance,
        );
        assert_eq!(health.rest(start), Some(policy.retry_after_max));
    }

    #[test]
    fn an_excluded_endpoint_never_returns() {
        let policy = HealthPolicy::default();
        let (mut health, start) = (Health::new(UnixSeconds::new(1)), moment(Instant::now()));
        assert_eq!(health.exclude(5, 1, start), Some(HealthState::Healthy));
        assert_eq!(health.answered(METHOD, start, &policy), None);
        assert_eq!(health.state(), HealthState::Excluded);
        assert!(health.rest(start.instant).is_some());
    }
}
