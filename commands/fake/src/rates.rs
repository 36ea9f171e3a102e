//! Rate limits: a window per route and major id, one over everything, and the counters behind Cloudflare's ban.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use crate::answer::Answer;
use crate::request::Request;
use crate::spec::{Rate, Rules};

#[derive(Debug, Default)]
pub(crate) struct Rates {
    windows: HashMap<(String, String), Window>,
    global: Window,
    pub(crate) invalid: InvalidRequests,
}

/// Answers that count towards Discord's ban of 10,000 per 10 minutes (topics/rate-limits.mdx).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvalidRequests {
    /// Answers 401.
    pub unauthorized: u64,
    /// Answers 403.
    pub forbidden: u64,
    /// Answers 429, those of scope `shared` left out.
    pub rate_limited: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    started_ms: u64,
    used: u32,
}

impl Window {
    /// Takes one call; gives what is left, or the milliseconds until the window ends.
    fn take(&mut self, rate: Rate, now_ms: u64) -> Result<u32, u64> {
        let per_ms = millis(rate.per);
        if now_ms >= self.started_ms + per_ms {
            *self = Self {
                started_ms: now_ms,
                used: 0,
            };
        }
        if self.used >= rate.limit {
            return Err(self.started_ms + per_ms - now_ms);
        }
        self.used += 1;
        Ok(rate.limit - self.used)
    }
}

impl Rates {
    /// Takes one call. The headers go on every answer; `Err` is the 429.
    pub(crate) fn take(
        &mut self,
        rules: &Rules,
        request: &Request,
        now_ms: u64,
    ) -> (Vec<(String, String)>, Result<(), Answer>) {
        let (template, major) = request.template();
        let rate = rules
            .rates
            .iter()
            .find(|(method, route, _)| *method == request.method && *route == template)
            .map_or(rules.rate, |(_, _, rate)| *rate);
        let is_callback = template == "/interactions/{id}/{token}/callback";
        let global = if is_callback {
            Ok(0)
        } else {
            self.global.take(rules.global, now_ms)
        };
        if let Err(wait_ms) = global {
            return (
                Vec::new(),
                Err(Answer::rate_limited(seconds(wait_ms), "global", None)),
            );
        }
        let bucket = format!("{} {template}", request.method);
        let window = self.windows.entry((bucket.clone(), major)).or_default();
        let taken = window.take(rate, now_ms);
        let reset_ms = window.started_ms + millis(rate.per);
        let headers = [
            ("X-RateLimit-Limit", rate.limit.to_string()),
            ("X-RateLimit-Remaining", taken.unwrap_or(0).to_string()),
            ("X-RateLimit-Reset", format!("{:.3}", seconds(reset_ms))),
            (
                "X-RateLimit-Reset-After",
                format!("{:.3}", seconds(reset_ms.saturating_sub(now_ms))),
            ),
            ("X-RateLimit-Bucket", hash(&bucket)),
        ];
        let headers = headers
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec();
        let verdict = taken
            .map(|_| ())
            .map_err(|wait_ms| Answer::rate_limited(seconds(wait_ms), "user", None));
        (headers, verdict)
    }

    pub(crate) fn count(&mut self, answer: &Answer) {
        let shared = answer
            .headers
            .iter()
            .any(|(name, value)| name == "X-RateLimit-Scope" && value == "shared");
        match answer.status {
            401 => self.invalid.unauthorized += 1,
            403 => self.invalid.forbidden += 1,
            429 if !shared => self.invalid.rate_limited += 1,
            _ => {}
        }
    }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 4)
}

/// Seconds of so many milliseconds.
pub(crate) fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

fn hash(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
