//! The way of a REST request: recorded, spoilt by a fault, judged, handled, checked, answered.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::answer::{Answer, Faults};
use crate::fault::{self, Verdict};
use crate::openapi;
use crate::request::Request;
use crate::server::Shared;
use crate::socket::Switch;
use crate::world::{Rule, World};

/// Largest request body that is read; Discord refuses above 25 MiB, so that its refusal can be shown.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Handles everything under `/api/v10`.
pub(crate) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    wire: axum::extract::Request,
) -> Response {
    let (parts, body) = wire.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request = Request::read(&parts.method, &parts.uri, &parts.headers, bytes).await;
    let known_api = parts.uri.path().starts_with("/api/v10/");
    let (request, verdict) = shared.with(|world| world.record(request));
    let verdict = verdict.unwrap_or(Verdict {
        delay: std::time::Duration::ZERO,
        accept: false,
        outcome: fault::Outcome::Pass,
    });
    if !verdict.delay.is_zero() {
        tokio::time::sleep(verdict.delay).await;
    }
    let passes = matches!(verdict.outcome, fault::Outcome::Pass);
    let answer = if passes || verdict.accept {
        Some(shared.with(|world| world.answer(&request, known_api)))
    } else {
        None
    };
    let index = request.index;
    match (verdict.outcome, answer) {
        (fault::Outcome::Pass, Some(answer)) => {
            shared.with(|world| world.answered(index, &answer));
            respond(&answer)
        }
        (
            fault::Outcome::Answer {
                status,
                headers,
                body,
            },
            _,
        ) => {
            let (json, text) = match body {
                fault::Body::Json(json) => (Some(json), None),
                fault::Body::Text(text) => (None, Some(text)),
            };
            let answer = Answer {
                status,
                body: json,
                headers,
            };
            shared.with(|world| world.answered(index, &answer));
            let mut response = respond(&answer);
            if let Some(text) = text {
                *response.body_mut() = Body::from(text);
            }
            response
        }
        (fault::Outcome::Hang, _) => std::future::pending().await,
        (fault::Outcome::Drop | fault::Outcome::Pass, _) => {
            switch.cut();
            StatusCode::OK.into_response()
        }
    }
}

fn respond(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match &answer.body {
        Some(body) => (status, axum::Json(body)).into_response(),
        None => status.into_response(),
    };
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl World {
    fn record(&mut self, mut request: Request) -> (Request, Option<Verdict>) {
        request.index = self.requests.len();
        request.at_ms = self.now_ms();
        let verdict = fault::judge(&mut self.faults, &request);
        self.requests.push(request.clone());
        self.touch();
        (request, verdict)
    }

    fn answered(&mut self, index: usize, answer: &Answer) {
        self.rates.count(answer);
        if let Some(request) = self.requests.get_mut(index) {
            request.status = Some(answer.status);
            request.answer.clone_from(&answer.body);
            if answer.status >= 400 {
                let line = request.line();
                let body = answer
                    .body
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                self.say(format!("refused    {line} {body}"));
            }
        }
        self.touch();
    }

    /// Everything Discord itself does with a request.
    fn answer(&mut self, request: &Request, known_api: bool) -> Answer {
        if self.outage {
            return Answer {
                status: 503,
                body: Some(json!({ "message": "503: Service Unavailable", "code": 0 })),
                headers: Vec::new(),
            };
        }
        if !known_api {
            self.violation(
                Rule::UnknownRoute,
                request.line(),
                "only /api/v10 is served",
            );
            return Answer::refusal(404, 0, "404: Not Found");
        }
        if let Err(refusal) = self.admit(request) {
            return refusal;
        }
        let now_ms = self.now_ms();
        let rules = self.rules.clone();
        let (headers, taken) = self.rates.take(&rules, request, now_ms);
        let mut answer = match taken {
            Err(refusal) => refusal,
            Ok(()) => self.checked(request),
        };
        answer.headers.extend(headers);
        answer
    }

    /// User agent, token and readable body.
    fn admit(&mut self, request: &Request) -> Result<(), Answer> {
        if !request
            .header("user-agent")
            .is_some_and(|agent| agent.starts_with("DiscordBot ("))
        {
            self.violation(
                Rule::HandWritten,
                request.line(),
                "the User-Agent does not start with \"DiscordBot (\"",
            );
            return Err(Answer::refusal(403, 40333, "internal network error"));
        }
        let steps: Vec<&str> = request.path.split('/').collect();
        // Paths that carry an interaction's token, and GET /gateway, need no other.
        let open = matches!(steps.get(1), Some(&"interactions" | &"webhooks"))
            || request.path == "/gateway";
        let expected = format!("Bot {}", self.token);
        if !open && request.authorization.as_ref() != Some(&expected) {
            return Err(Answer::refusal(401, 0, "401: Unauthorized"));
        }
        if let Some(malformed) = &request.malformed {
            self.violation(Rule::HandWritten, request.line(), malformed.clone());
            return Err(Answer::refusal(
                400,
                50109,
                "The request body contains invalid JSON.",
            ));
        }
        Ok(())
    }

    fn checked(&mut self, request: &Request) -> Answer {
        let place = format!("{} {}", request.method, request.path);
        let document = openapi::document();
        if let Some(document) = document {
            if !document.knows(&request.method, &request.path) {
                self.violation(
                    Rule::OpenApiRequest,
                    place.clone(),
                    "not in Discord's document",
                );
            }
            let wrong =
                document.check_request(&request.method, &request.path, request.json.as_ref());
            if !wrong.is_empty() {
                let mut faults = Faults::default();
                for what in wrong {
                    faults.add("_", "OPENAPI", what.clone());
                    self.violation(Rule::OpenApiRequest, place.clone(), what);
                }
                return faults.answer();
            }
        }
        let answer = self.route(request).unwrap_or_else(|refusal| refusal);
        if let Some(document) = document {
            for what in document.check_answer(
                &request.method,
                &request.path,
                answer.status,
                answer.body.as_ref(),
            ) {
                self.violation(Rule::OpenApiAnswer, place.clone(), what);
            }
        }
        answer
    }

    /// Turns faults of a form into violations and the 50035 answer; no faults are no answer.
    pub(crate) fn form(&mut self, request: &Request, faults: Faults) -> Result<(), Answer> {
        if faults.0.is_empty() {
            return Ok(());
        }
        let place = format!("{} {}", request.method, request.path);
        for fault in &faults.0 {
            let what = format!("{}: {} ({})", fault.path, fault.message, fault.code);
            self.violation(Rule::HandWritten, place.clone(), what);
        }
        Err(faults.answer())
    }
}

/// Serves the bytes of an attachment.
pub(crate) fn attachment(
    world: &World,
    message: &str,
    file: &str,
) -> Option<(Option<String>, Vec<u8>)> {
    let message = world.messages.get(&message.parse().ok()?)?;
    let id = file.parse().ok()?;
    let file = message.attachments.iter().find(|file| file.id == id)?;
    Some((file.content_type.clone(), file.bytes.clone()))
}
