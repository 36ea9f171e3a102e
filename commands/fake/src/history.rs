//! `GET /channels/{id}/messages`: pages of a channel's past, the newest first.
//!
//! `before`, `after` and `around` exclude each other. `after` gives the messages that follow its anchor most closely,
//! so that a reader can walk forward; the page itself is still the newest first.

use serde_json::json;

use crate::answer::{Answer, Faults, Outcome};
use crate::message::Message;
use crate::permission::{READ_MESSAGE_HISTORY, VIEW_CHANNEL};
use crate::request::Request;
use crate::snowflake::Snowflake;
use crate::world::World;

/// Most messages in one page.
const PAGE_MAX: usize = 100;
/// Length of a page when no `limit` is given.
const PAGE_DEFAULT: usize = 50;

impl World {
    pub(crate) fn list_messages(&self, request: &Request, channel: Snowflake) -> Outcome {
        self.may(channel, VIEW_CHANNEL)?;
        let limit = request
            .query("limit")
            .map_or(Some(PAGE_DEFAULT), |text| text.parse().ok());
        let Some(limit) = limit.filter(|limit| (1..=PAGE_MAX).contains(limit)) else {
            let mut faults = Faults::default();
            faults.add(
                "limit",
                "NUMBER_TYPE_MAX",
                "int value should be between 1 and 100.",
            );
            return Err(faults.answer());
        };
        if self.permissions(self.application, channel) & READ_MESSAGE_HISTORY == 0 {
            return Ok(Answer::ok(json!([])));
        }
        let page = self.page(request, channel, limit);
        Ok(Answer::ok(
            page.into_iter()
                .map(|message| self.message_json(message))
                .collect(),
        ))
    }

    fn page(&self, request: &Request, channel: Snowflake, limit: usize) -> Vec<&Message> {
        let anchor = |name: &str| {
            request
                .query(name)
                .and_then(|id| id.parse::<Snowflake>().ok())
        };
        let visible = self
            .messages
            .values()
            .filter(|message| message.is_public_in(channel));
        // Oldest first from the anchor on, and newest first before it.
        let newer = |anchor: Snowflake, count: usize| {
            let mut page: Vec<&Message> = visible
                .clone()
                .filter(|message| message.id > anchor)
                .take(count)
                .collect();
            page.reverse();
            page
        };
        let older = |anchor: Snowflake, count: usize| {
            visible
                .clone()
                .rev()
                .filter(move |message| message.id < anchor)
                .take(count)
        };
        if let Some(around) = anchor("around") {
            let mut page = newer(around, limit / 2);
            let rest = limit - page.len();
            page.extend(older(Snowflake(around.0.saturating_add(1)), rest));
            page
        } else if let Some(after) = anchor("after") {
            newer(after, limit)
        } else {
            older(anchor("before").unwrap_or(Snowflake(u64::MAX)), limit).collect()
        }
    }
}
