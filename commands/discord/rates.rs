//! What Discord's headers say about how much may be asked (topics/rate-limits.mdx).
//!
//! Limits are never hard-coded and never guessed: a lane is closed only by what an answer said. It decides nothing
//! but whether a request may leave; queues and retries belong to the outbox.

use std::{collections::HashMap, time::Duration};

use reqwest::header::HeaderMap;
use steward::outbox::courier::{ChannelId, MessageId};
use tokio::time::Instant;

/// Longest wait that is believed; Discord's longest, the ban by Cloudflare, ends within a day.
const WAIT_MAX: Duration = Duration::from_hours(24);
/// Wait after a 429 that does not tell one.
const WAIT_UNTOLD: Duration = Duration::from_secs(5);
/// Closed lanes that are remembered; beyond, the ones that open first are forgotten and ask again.
const LANES_MAX: usize = 4096;

/// Requests that share a limit: a method on the messages of one channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// New messages.
    Send(ChannelId),
    /// Edits.
    Edit(ChannelId),
    /// Edits of one message that is older than an hour (code 30046).
    EditOld(ChannelId, MessageId),
    /// Deletions.
    Delete(ChannelId),
    /// Reading of messages.
    Read(ChannelId),
    /// What belongs to no channel.
    Other,
}

/// When each closed lane opens again.
#[derive(Debug, Default)]
pub struct Rates {
    closed: HashMap<Lane, Instant>,
    all_closed: Option<Instant>,
}

/// A refusal by rate limit, as its body and headers tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// How long to wait.
    pub wait: Duration,
    /// Whether every route is closed.
    pub is_global: bool,
}

impl Rates {
    /// How long requests in these lanes must wait; zero when they may leave.
    #[must_use]
    pub fn wait(&self, lanes: &[Lane], now: Instant) -> Duration {
        lanes
            .iter()
            .filter_map(|lane| self.closed.get(lane))
            .chain(&self.all_closed)
            .map(|opens| opens.saturating_duration_since(now))
            .max()
            .unwrap_or(Duration::ZERO)
    }

    /// Takes note of what every answer says: an empty bucket closes its lane until it is filled again.
    pub fn note(&mut self, lane: Lane, headers: &HeaderMap, now: Instant) {
        if number(headers, "x-ratelimit-remaining").is_some_and(|remaining| remaining < 1.0)
            && let Some(wait) = seconds(number(headers, "x-ratelimit-reset-after"))
        {
            self.close(lane, now + wait, now);
        }
    }

    /// Takes note of a 429.
    pub fn note_refusal(&mut self, lane: Lane, refusal: TooMany, now: Instant) {
        if refusal.is_global {
            self.all_closed = Some(now + refusal.wait);
        } else {
            self.close(lane, now + refusal.wait, now);
        }
    }

    fn close(&mut self, lane: Lane, opens: Instant, now: Instant) {
        if self.closed.len() >= LANES_MAX {
            self.closed.retain(|_, opens| *opens > now);
        }
        if self.closed.len() >= LANES_MAX
            && let Some(first) = self.closed.iter().min_by_key(|(_, opens)| **opens)
        {
            let first = *first.0;
            self.closed.remove(&first);
        }
        self.closed.insert(lane, opens);
    }
}

impl TooMany {
    /// Reads a 429. Cloudflare's own has no JSON and no scope, and means everything.
    #[must_use]
    pub fn read(headers: &HeaderMap, body: &serde_json::Value) -> Self {
        let told = body
            .get("retry_after")
            .and_then(serde_json::Value::as_f64)
            .or_else(|| number(headers, "retry-after"));
        let scope = headers.get("x-ratelimit-scope");
        let is_global = body.get("global").and_then(serde_json::Value::as_bool) == Some(true)
            || headers.contains_key("x-ratelimit-global")
            || scope.is_some_and(|scope| scope == "global")
            || (scope.is_none() && !body.is_object());
        Self {
            wait: seconds(told).unwrap_or(WAIT_UNTOLD),
            is_global,
        }
    }
}

/// What `Retry-After` asks for, where an answer carries it.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    seconds(number(headers, "retry-after"))
}

fn number(headers: &HeaderMap, name: &str) -> Option<f64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// A wait that can be believed; what is no number of seconds is none.
fn seconds(told: Option<f64>) -> Option<Duration> {
    let wait = Duration::try_from_secs_f64(told?).ok()?;
    Some(wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};
    use serde_json::{Value, json};

    use super::*;

    const LANE: Lane = Lane::Send(ChannelId(1));

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn an_empty_bucket_closes_its_own_lane_until_it_is_filled() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let answer = headers(&[
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset-after", "1.5"),
        ]);
        rates.note(LANE, &answer, now);
        assert_eq!(rates.wait(&[LANE], now), Duration::from_millis(1500));
        assert_eq!(rates.wait(&[Lane::Edit(ChannelId(1))], now), Duration::ZERO);
        let later = now + Duration::from_millis(1500);
        assert_eq!(rates.wait(&[LANE], later), Duration::ZERO);
    }

    #[test]
    fn a_global_refusal_closes_every_lane() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let body = json!({ "retry_after": 0.25, "global": true });
        rates.note_refusal(LANE, TooMany::read(&HeaderMap::new(), &body), now);
        assert_eq!(rates.wait(&[Lane::Other], now), Duration::from_millis(250));
    }

    #[test]
    fn a_refusal_by_cloudflare_has_no_body_and_closes_everything() {
        let refusal = TooMany::read(&headers(&[("retry-after", "600")]), &Value::Null);
        assert_eq!(refusal.wait, Duration::from_mins(10));
        assert!(refusal.is_global);
    }

    #[test]
    fn a_wait_that_is_no_number_of_seconds_is_replaced() {
        for told in [json!(-1.0), json!("x"), json!(1e300)] {
            let refusal = TooMany::read(&HeaderMap::new(), &json!({ "retry_after": told }));
            assert!(refusal.wait == WAIT_UNTOLD || refusal.wait == WAIT_MAX);
        }
    }

    #[test]
    fn closed_lanes_are_forgotten_rather_than_kept_without_end() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        let refusal = TooMany {
            wait: Duration::from_secs(1),
            is_global: false,
        };
        for id in 0..10_000 {
            rates.note_refusal(Lane::EditOld(ChannelId(1), MessageId(id)), refusal, now);
        }
        assert!(rates.closed.len() <= LANES_MAX);
    }
}
