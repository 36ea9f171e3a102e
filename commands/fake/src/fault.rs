//! Faults: what a test puts between the bot and Discord's REST side.

use std::time::Duration;

use regex::Regex;
use serde_json::{Value, json};

use crate::request::Request;

/// One fault on matching requests. It fires `times` times, after letting `skip` matching requests through.
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<String>,
    path: Regex,
    body: Option<Regex>,
    skip: u32,
    times: u32,
    delay: Duration,
    accept: bool,
    outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Pass,
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: Body,
    },
    Hang,
    Drop,
}

#[derive(Clone, Debug)]
pub(crate) enum Body {
    Json(Value),
    Text(String),
}

/// What the pipeline has to do with this request.
#[derive(Clone, Debug)]
pub(crate) struct Verdict {
    pub(crate) delay: Duration,
    /// Whether Discord does the work before the answer is spoilt.
    pub(crate) accept: bool,
    pub(crate) outcome: Outcome,
}

impl Fault {
    /// A fault on `method` (`*` for all) and a path that matches the regular expression, with or without `/api/v10`.
    ///
    /// # Errors
    /// When the expression is not valid.
    pub fn on(method: &str, path: &str) -> Result<Self, regex::Error> {
        Ok(Self {
            method: (method != "*").then(|| method.to_uppercase()),
            path: Regex::new(path)?,
            body: None,
            skip: 0,
            times: 1,
            delay: Duration::ZERO,
            accept: false,
            outcome: Outcome::Pass,
        })
    }

    /// A fault on sending a message to any channel.
    ///
    /// # Panics
    /// Never: the expression is a constant.
    #[must_use]
    pub fn on_send() -> Self {
        Self::on("POST", r"/channels/\d+/messages$").expect("the expression is valid")
    }

    /// A fault on editing a message in any channel.
    ///
    /// # Panics
    /// Never: the expression is a constant.
    #[must_use]
    pub fn on_edit() -> Self {
        Self::on("PATCH", r"/channels/\d+/messages/\d+$").expect("the expression is valid")
    }

    /// Only requests whose body matches.
    ///
    /// # Errors
    /// When the expression is not valid.
    pub fn with_body(mut self, body: &str) -> Result<Self, regex::Error> {
        self.body = Some(Regex::new(body)?);
        Ok(self)
    }

    /// Fires this many times (once when not called).
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Fires until it is cleared.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(u32::MAX)
    }

    /// Lets this many matching requests through first.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Waits before anything else happens.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Refuses with this status and a body like Discord's.
    #[must_use]
    pub fn status(self, status: u16) -> Self {
        self.answer(
            status,
            &[],
            json!({ "message": format!("{status}: injected"), "code": 0 }),
        )
    }

    /// Refuses with this status, headers and JSON body.
    #[must_use]
    pub fn answer(mut self, status: u16, headers: &[(&str, &str)], body: Value) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.outcome = Outcome::Answer {
            status,
            headers,
            body: Body::Json(body),
        };
        self
    }

    /// Refuses with this status and a body that is not JSON, as a proxy does.
    #[must_use]
    pub fn html(mut self, status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        self.outcome = Outcome::Answer {
            status,
            headers,
            body: Body::Text(body.to_owned()),
        };
        self
    }

    /// Answers 429 as Discord does; `scope` is `user`, `shared` or `global`.
    #[must_use]
    pub fn rate_limited(self, retry_after: f64, scope: &str) -> Self {
        let answer = crate::answer::Answer::rate_limited(retry_after, scope, None);
        let headers: Vec<(&str, &str)> = answer
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        self.answer(429, &headers, answer.body.clone().unwrap_or_default())
    }

    /// Never answers.
    #[must_use]
    pub fn hang(mut self) -> Self {
        self.outcome = Outcome::Hang;
        self
    }

    /// Closes the connection without an answer.
    #[must_use]
    pub fn drop_connection(mut self) -> Self {
        self.outcome = Outcome::Drop;
        self
    }

    /// Does the work, then closes the connection: the message exists, its answer is lost.
    #[must_use]
    pub fn accept_then_drop(self) -> Self {
        self.drop_connection().after_accepting()
    }

    /// Does the work, then answers with this status.
    #[must_use]
    pub fn accept_then_status(self, status: u16) -> Self {
        self.status(status).after_accepting()
    }

    /// Does the work, then never answers.
    #[must_use]
    pub fn accept_then_hang(self) -> Self {
        self.hang().after_accepting()
    }

    /// The work is done before the outcome of this fault is shown.
    #[must_use]
    pub fn after_accepting(mut self) -> Self {
        self.accept = true;
        self
    }

    fn matches(&self, request: &Request) -> bool {
        self.times > 0
            && self
                .method
                .as_ref()
                .is_none_or(|method| *method == request.method)
            && self.path.is_match(&request.path)
            && self
                .body
                .as_ref()
                .is_none_or(|body| body.is_match(&request.body_text()))
    }

    /// Reads the form of the side door: `{method, path, times, skip, outcome, status, headers, body, delay_ms, retry_after}`.
    pub(crate) fn from_json(value: &Value) -> Result<Self, String> {
        let method = value["method"].as_str().unwrap_or("*");
        let path = value["path"]
            .as_str()
            .ok_or("`path` (a regular expression) is missing")?;
        let number = |name: &str| value[name].as_u64();
        let mut fault = Self::on(method, path).map_err(|error| error.to_string())?;
        if let Some(body) = value["match_body"].as_str() {
            fault = fault.with_body(body).map_err(|error| error.to_string())?;
        }
        fault.times = u32::try_from(number("times").unwrap_or(1)).unwrap_or(u32::MAX);
        fault.skip = u32::try_from(number("skip").unwrap_or(0)).unwrap_or(u32::MAX);
        fault.delay = Duration::from_millis(number("delay_ms").unwrap_or(0));
        let status = u16::try_from(number("status").unwrap_or(500)).unwrap_or(500);
        let outcome = value["outcome"].as_str().unwrap_or("status");
        Ok(match outcome {
            "pass" | "delay" => fault,
            "status" => match &value["body"] {
                Value::Null => fault.status(status),
                Value::String(text) => fault.html(status, text),
                body => fault.answer(status, &[], body.clone()),
            },
            "rate_limited" => {
                let scope = value["scope"].as_str().unwrap_or("user");
                fault.rate_limited(value["retry_after"].as_f64().unwrap_or(1.0), scope)
            }
            "hang" => fault.hang(),
            "drop" => fault.drop_connection(),
            "accept_then_drop" => fault.accept_then_drop(),
            "accept_then_status" => fault.accept_then_status(status),
            "accept_then_hang" => fault.accept_then_hang(),
            other => return Err(format!("unknown outcome {other:?}")),
        })
    }
}

/// The first fault that applies takes the request; its counters move.
pub(crate) fn judge(faults: &mut [Fault], request: &Request) -> Option<Verdict> {
    let fault = faults.iter_mut().find(|fault| fault.matches(request))?;
    if fault.skip > 0 {
        fault.skip -= 1;
        return None;
    }
    if fault.times != u32::MAX {
        fault.times -= 1;
    }
    Some(Verdict {
        delay: fault.delay,
        accept: fault.accept,
        outcome: fault.outcome.clone(),
    })
}
