//! What Discord's answers and the failures of a connection mean for a delivery.
//!
//! One question is answered: what is to be done now. Codes are those of topics/opcodes-and-status-codes.mdx.

use std::time::Duration;

use reqwest::{StatusCode, header::HeaderMap};
use serde_json::Value;
use steward::outbox::courier::CourierError;

use super::rates::{TooMany, retry_after};

/// `Unknown channel`.
const UNKNOWN_CHANNEL: u64 = 10003;
/// `Unknown message`.
const UNKNOWN_MESSAGE: u64 = 10008;
/// `Maximum number of edits to messages older than 1 hour reached`.
pub const OLD_EDITS: u64 = 30046;
/// `Cannot reply without permission to read message history`: of this message only, others of the channel can be sent.
const CANNOT_REPLY: u64 = 160_002;
/// `Cannot edit a message authored by another user`.
const NOT_THE_AUTHOR: u64 = 50005;
/// Characters of Discord's own words that are passed on.
const DETAIL_MAX: usize = 300;

/// Whether doing it twice is the same as doing it once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A new message: an unknown outcome must be looked up.
    Once,
    /// An edit, a deletion, a search: an unknown outcome is tried again.
    Repeatable,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body; null where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// Discord's code for what went wrong; 0 where it tells none.
    #[must_use]
    pub fn code(&self) -> u64 {
        self.body.get("code").and_then(Value::as_u64).unwrap_or(0)
    }

    /// The 429 in it.
    #[must_use]
    pub fn too_many(&self) -> Option<TooMany> {
        (self.status == StatusCode::TOO_MANY_REQUESTS)
            .then(|| TooMany::read(&self.headers, &self.body))
    }

    /// Whether Discord, and not something before it (a proxy, a guard, a portal), says this.
    #[must_use]
    pub fn is_of_discord(&self) -> bool {
        self.body.is_object()
    }

    /// Whether the message would be taken if it replied to none.
    #[must_use]
    pub fn is_about_reply(&self) -> bool {
        self.code() == CANNOT_REPLY
    }

    /// Whether a permission is missing, of which sending files asks for one more than sending words.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status == StatusCode::FORBIDDEN && self.is_of_discord()
    }

    fn detail(&self) -> String {
        let message = self.body.get("message").and_then(Value::as_str);
        let mut detail = match message {
            Some(message) => format!("{message} ({}, code {})", self.status, self.code()),
            None => format!("{} without a reason", self.status),
        };
        if let Some(errors) = self.body.get("errors") {
            detail.push_str(": ");
            detail.push_str(&errors.to_string());
        }
        cut(&detail)
    }

    /// What an answer that is no success asks for.
    #[must_use]
    pub fn refusal(&self, kind: Kind) -> CourierError {
        if let Some(refusal) = self.too_many() {
            return CourierError::Later {
                retry_after: Some(refusal.wait),
                detail: self.detail(),
                is_rate_limit: true,
            };
        }
        match (self.status.as_u16(), self.code()) {
            // Too large for whatever stands between, as it will be every time.
            (413, _) => CourierError::Refused(self.detail()),
            // Somebody before Discord turned it away, or sent it elsewhere: nothing was done.
            (300..500, _) if !self.is_of_discord() => {
                later(retry_after(&self.headers), self.detail())
            }
            (401, _) => CourierError::Unauthorized,
            (404, UNKNOWN_MESSAGE) => CourierError::MessageGone,
            (404, UNKNOWN_CHANNEL) => CourierError::ChannelUnreachable(self.detail()),
            (403, NOT_THE_AUTHOR) => CourierError::Refused(self.detail()),
            (403, _) => CourierError::ChannelUnreachable(self.detail()),
            (408, _) => later(retry_after(&self.headers), self.detail()),
            (500.., _) if kind == Kind::Once => CourierError::Unclear(self.detail()),
            (500.., _) => later(retry_after(&self.headers), self.detail()),
            _ => CourierError::Refused(self.detail()),
        }
    }
}

/// What a failure of the connection asks for. Addresses are left out: they are ours, and say nothing.
#[must_use]
pub fn lost(error: reqwest::Error, kind: Kind) -> CourierError {
    let never_left = error.is_connect() || error.is_builder();
    let is_timeout = error.is_timeout();
    let detail = cut(&steward::tasks::chain_of(&error.without_url()));
    let detail = if is_timeout && !never_left {
        format!("no answer in time: {detail}")
    } else {
        detail
    };
    if never_left || kind == Kind::Repeatable {
        later(None, detail)
    } else {
        CourierError::Unclear(detail)
    }
}

/// Surely nothing was done.
#[must_use]
pub fn later(retry_after: Option<Duration>, detail: String) -> CourierError {
    CourierError::Later {
        retry_after,
        detail,
        is_rate_limit: false,
    }
}

fn cut(text: &str) -> String {
    let mut signs = text.chars();
    let mut kept: String = signs.by_ref().take(DETAIL_MAX).collect();
    if signs.next().is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, code: u64) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: HeaderMap::new(),
            body: json!({ "message": "said", "code": code }),
        }
    }

    /// A page for people, as a proxy or a portal answers.
    fn page(status: u16) -> Answer {
        Answer {
            body: Value::Null,
            ..answer(status, 0)
        }
    }

    #[test]
    fn every_refusal_says_what_is_to_be_done() {
        let told = |status, code, kind| {
            let text = answer(status, code).refusal(kind);
            format!("{text:?}")
                .split(['(', ' '])
                .next()
                .unwrap()
                .to_owned()
        };
        for (status, code, send, edit) in [
            (400, 50035, "Refused", "Refused"),
            (401, 0, "Unauthorized", "Unauthorized"),
            (403, 50001, "ChannelUnreachable", "ChannelUnreachable"),
            (403, 50013, "ChannelUnreachable", "ChannelUnreachable"),
            (403, 50005, "Refused", "Refused"),
            (403, 0, "ChannelUnreachable", "ChannelUnreachable"),
            (404, 10003, "ChannelUnreachable", "ChannelUnreachable"),
            (404, 10008, "MessageGone", "MessageGone"),
            (404, 0, "Refused", "Refused"),
            (429, 30046, "Later", "Later"),
            (500, 0, "Unclear", "Later"),
            (502, 0, "Unclear", "Later"),
        ] {
            assert_eq!(told(status, code, Kind::Once), send, "{status} {code}");
            assert_eq!(
                told(status, code, Kind::Repeatable),
                edit,
                "{status} {code}"
            );
        }
    }

    /// Goal: an hour behind a portal loses nothing.
    #[test]
    fn who_stands_before_discord_refuses_nothing_for_good() {
        for status in [302, 307, 400, 401, 403, 404, 407, 408, 451] {
            for kind in [Kind::Once, Kind::Repeatable] {
                let told = page(status).refusal(kind);
                assert!(
                    matches!(told, CourierError::Later { .. }),
                    "{status}: {told:?}"
                );
            }
        }
        assert!(matches!(
            page(413).refusal(Kind::Once),
            CourierError::Refused(_)
        ));
    }

    #[test]
    fn what_discord_says_is_passed_on_and_cut() {
        let mut long = answer(400, 50035);
        long.body = json!({ "message": "x".repeat(1000), "code": 50035 });
        let CourierError::Refused(detail) = long.refusal(Kind::Once) else {
            panic!("a 400 is refused");
        };
        assert_eq!(detail.chars().count(), DETAIL_MAX + 1);
    }
}
