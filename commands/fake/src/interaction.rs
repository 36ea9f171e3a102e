//! Interactions: what people did, how the bot answered, and the deadlines between (receiving-and-responding.mdx).

use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome};
use crate::channel::Draft;
use crate::form::{check_choices, check_message, check_modal};
use crate::message::{EPHEMERAL, LOADING, Message};
use crate::rates::millis;
use crate::request::Request;
use crate::snowflake::Snowflake;
use crate::world::World;

/// What became of one interaction.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Its id.
    pub id: Snowflake,
    /// The token that answers it.
    pub token: String,
    /// 2 command, 3 component, 4 autocomplete, 5 modal.
    pub kind: u64,
    /// Who did it.
    pub user: Snowflake,
    /// Where.
    pub channel: Snowflake,
    /// Unix milliseconds of its making.
    pub created_ms: u64,
    /// Unix milliseconds of the first answer.
    pub answered_ms: Option<u64>,
    /// Type of the first answer: 4, 5, 6, 7, 8, 9.
    pub callback: Option<u64>,
    /// Whether the first answer asked to be ephemeral.
    pub ephemeral: bool,
    /// Messages that answer it; the original first.
    pub messages: Vec<Snowflake>,
    /// The message whose component was used.
    pub source: Option<Snowflake>,
    /// The choices of an autocomplete answer.
    pub choices: Option<Vec<Value>>,
    /// The modal of a modal answer.
    pub modal: Option<Value>,
    /// A deferred answer that the next followup fills.
    #[serde(skip)]
    pub(crate) followup_fills: bool,
}

impl Record {
    /// Whether the bot answered at all.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.callback.is_some()
    }

    fn allows(&self, callback: u64) -> bool {
        match self.kind {
            2 => matches!(callback, 4 | 5 | 9),
            3 => matches!(callback, 4 | 5 | 6 | 7 | 9),
            4 => callback == 8,
            5 => matches!(callback, 4..=7) && (callback < 6 || self.source.is_some()),
            _ => false,
        }
    }
}

impl World {
    /// `POST /interactions/{id}/{token}/callback`.
    pub(crate) fn callback(&mut self, request: &Request, id: Snowflake, token: &str) -> Outcome {
        let unknown = || Answer::refusal(404, 10062, "Unknown interaction");
        let now_ms = self.now_ms();
        let record = self
            .interactions
            .get(&id)
            .filter(|record| record.token == token)
            .ok_or_else(unknown)?
            .clone();
        if record.is_answered() {
            return Err(Answer::refusal(
                400,
                40060,
                "Interaction has already been acknowledged.",
            ));
        }
        if now_ms > record.created_ms + millis(self.rules.interaction_deadline) {
            return Err(unknown());
        }
        let body = request.body();
        let callback = body["type"].as_u64().unwrap_or(0);
        if !record.allows(callback) {
            let mut faults = crate::answer::Faults::default();
            let message = format!(
                "Type {callback} does not answer an interaction of type {}.",
                record.kind
            );
            faults.add("type", "INTERACTION_CALLBACK_TYPE_INVALID", message);
            self.form(request, faults)?;
        }
        let data = &body["data"];
        match callback {
            4 | 7 => self.form(request, check_message(data, &request.files))?,
            8 => self.form(request, check_choices(data))?,
            9 => self.form(request, check_modal(data))?,
            _ => {}
        }
        let shown = self.perform_callback(request, &record, callback)?;
        if let Some(record) = self.interactions.get_mut(&id) {
            record.answered_ms = Some(now_ms);
            record.callback = Some(callback);
        }
        self.say(format!("answered   interaction {id} with type {callback}"));
        self.touch();
        Ok(self.callback_answer(request, id, callback, shown))
    }

    fn perform_callback(
        &mut self,
        request: &Request,
        record: &Record,
        callback: u64,
    ) -> Result<Option<Snowflake>, Answer> {
        let body = request.body();
        let data = &body["data"];
        let ephemeral = data["flags"]
            .as_u64()
            .is_some_and(|flags| flags & EPHEMERAL != 0);
        let id = record.id;
        let shown = match callback {
            4 | 5 => {
                let mut message = self.answer_message(record, data, &request.files, ephemeral, 20);
                if callback == 4 && message.is_empty() {
                    return Err(Answer::empty_message());
                }
                if callback == 5 {
                    message.flags |= LOADING;
                }
                let message_id = message.id;
                self.publish(message);
                Some(message_id)
            }
            7 => {
                let source = record
                    .source
                    .and_then(|id| self.messages.get(&id))
                    .filter(|message| !message.deleted)
                    .cloned();
                let source = source.ok_or_else(Answer::unknown_message)?;
                let source_id = source.id;
                self.change_message(source, data, &request.files)?;
                Some(source_id)
            }
            6 => record.source,
            _ => None,
        };
        if let Some(record) = self.interactions.get_mut(&id) {
            record.ephemeral = ephemeral;
            record.messages.extend(shown);
            record.followup_fills = callback == 5;
            match callback {
                8 => record.choices = Some(crate::form::list(&data["choices"]).to_vec()),
                9 => record.modal = Some(data.clone()),
                _ => {}
            }
        }
        Ok(shown)
    }

    fn answer_message(
        &mut self,
        record: &Record,
        data: &Value,
        files: &[crate::request::File],
        ephemeral: bool,
        kind: u8,
    ) -> Message {
        let draft = Draft {
            author: self.application,
            channel: record.channel,
            reply_to: None,
            interaction: Some(record.id),
            ephemeral_to: ephemeral.then_some(record.user),
            // Type 20 is kept for commands; what answers a component is an ordinary reply.
            kind: if record.kind == 2 { kind } else { 0 },
        };
        self.new_message(&draft, data, files)
    }

    fn callback_answer(
        &self,
        request: &Request,
        id: Snowflake,
        callback: u64,
        shown: Option<Snowflake>,
    ) -> Answer {
        if request.query("with_response") != Some("true") {
            return Answer::empty();
        }
        let Some(record) = self.interactions.get(&id) else {
            return Answer::empty();
        };
        let mut body = json!({ "interaction": { "id": id, "type": record.kind } });
        if let Some(message) = shown.and_then(|id| self.messages.get(&id)) {
            body["interaction"]["response_message_id"] = json!(message.id);
            body["interaction"]["response_message_loading"] = json!(message.is_loading());
            body["interaction"]["response_message_ephemeral"] = json!(message.is_ephemeral());
            body["resource"] = json!({ "type": callback, "message": self.message_json(message) });
        }
        Answer::ok(body)
    }

    pub(crate) fn webhooks_route(
        &mut self,
        request: &Request,
        token: &str,
        rest: &[&str],
    ) -> Option<Outcome> {
        let record = self
            .interactions
            .values()
            .find(|record| record.token == token)
            .cloned();
        let Some(record) = record else {
            return Some(Err(Answer::refusal(404, 10015, "Unknown Webhook")));
        };
        if self.now_ms() > record.created_ms + millis(self.rules.interaction_token) {
            return Some(Err(Answer::refusal(401, 50027, "Invalid Webhook Token")));
        }
        Some(match (request.method.as_str(), rest) {
            ("POST", []) => self.follow_up(request, &record),
            ("GET", ["messages", which]) => self
                .answer_by_name(&record, which)
                .map(|message| Answer::ok(self.message_json(&message))),
            ("PATCH", ["messages", which]) => self.edit_answer(request, &record, which),
            ("DELETE", ["messages", which]) => self.answer_by_name(&record, which).map(|message| {
                self.delete_message(message.id);
                Answer::empty()
            }),
            _ => return None,
        })
    }

    fn answer_by_name(&self, record: &Record, which: &str) -> Result<Message, Answer> {
        let id = match which {
            "@original" => record.messages.first().copied(),
            id => id.parse().ok().filter(|id| record.messages.contains(id)),
        };
        let message = id
            .and_then(|id| self.messages.get(&id))
            .filter(|message| !message.deleted);
        message.cloned().ok_or_else(Answer::unknown_message)
    }

    fn edit_answer(&mut self, request: &Request, record: &Record, which: &str) -> Outcome {
        let message = self.answer_by_name(record, which)?;
        self.form(request, check_message(&request.body(), &request.files))?;
        if let Some(record) = self.interactions.get_mut(&record.id) {
            record.followup_fills &= which != "@original";
        }
        self.change_message(message, &request.body(), &request.files)
    }

    /// A followup; the first one after a deferral fills the deferred message and keeps its privacy.
    fn follow_up(&mut self, request: &Request, record: &Record) -> Outcome {
        if !record.is_answered() {
            return Err(Answer::refusal(404, 10015, "Unknown Webhook"));
        }
        let body = request.body();
        self.form(request, check_message(&body, &request.files))?;
        if record.followup_fills {
            return self.edit_answer(request, record, "@original");
        }
        let ephemeral = body["flags"]
            .as_u64()
            .is_some_and(|flags| flags & EPHEMERAL != 0);
        let message = self.answer_message(record, &body, &request.files, ephemeral, 0);
        if message.is_empty() {
            return Err(Answer::empty_message());
        }
        if let Some(record) = self.interactions.get_mut(&record.id) {
            record.messages.push(message.id);
        }
        Ok(Answer::ok(self.publish(message)))
    }
}
