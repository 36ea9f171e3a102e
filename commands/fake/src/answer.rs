//! HTTP answers: status, JSON body, headers, and the error bodies with Discord's codes.

use serde_json::{Map, Value, json};

/// An answer of the REST side; refusals are answers too.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(String, String)>,
}

/// What a handler gives back: `Err` is a refusal.
pub(crate) type Outcome = Result<Answer, Answer>;

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    pub(crate) fn created(body: Value) -> Self {
        Self {
            status: 201,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    pub(crate) fn empty() -> Self {
        Self {
            status: 204,
            body: None,
            headers: Vec::new(),
        }
    }

    pub(crate) fn refusal(status: u16, code: u32, message: &str) -> Self {
        Self {
            status,
            body: Some(json!({ "message": message, "code": code })),
            headers: Vec::new(),
        }
    }

    pub(crate) fn unknown_channel() -> Self {
        Self::refusal(404, 10003, "Unknown Channel")
    }

    pub(crate) fn unknown_message() -> Self {
        Self::refusal(404, 10008, "Unknown Message")
    }

    pub(crate) fn missing_access() -> Self {
        Self::refusal(403, 50001, "Missing Access")
    }

    pub(crate) fn missing_permissions() -> Self {
        Self::refusal(403, 50013, "Missing Permissions")
    }

    pub(crate) fn empty_message() -> Self {
        Self::refusal(400, 50006, "Cannot send an empty message")
    }

    /// 429, with the body and headers Discord documents (topics/rate-limits.mdx).
    pub(crate) fn rate_limited(retry_after: f64, scope: &str, code: Option<u32>) -> Self {
        let global = scope == "global";
        let mut body = json!({
            "message": if code.is_some() {
                "Maximum number of edits to messages older than 1 hour reached. Try again later."
            } else {
                "You are being rate limited."
            },
            "retry_after": (retry_after * 1000.0).ceil() / 1000.0,
            "global": global,
        });
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        let mut headers = vec![
            (
                "Retry-After".to_owned(),
                format!("{}", retry_after.ceil().max(1.0)),
            ),
            ("X-RateLimit-Scope".to_owned(), scope.to_owned()),
        ];
        if global {
            headers.push(("X-RateLimit-Global".to_owned(), "true".to_owned()));
        }
        Self {
            status: 429,
            body: Some(body),
            headers,
        }
    }
}

/// Faults of a form, gathered before the 50035 answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<FormFault>);

/// One thing wrong with a request body.
#[derive(Clone, Debug)]
pub(crate) struct FormFault {
    /// Where, with dots: `embeds.0.title`.
    pub(crate) path: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Faults {
    pub(crate) fn add(
        &mut self,
        path: impl Into<String>,
        code: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(FormFault {
            path: path.into(),
            code,
            message: message.into(),
        });
    }

    pub(crate) fn length(&mut self, path: impl Into<String>, text: &str, max: usize) {
        if text.chars().count() > max {
            self.add(
                path,
                "BASE_TYPE_MAX_LENGTH",
                format!("Must be {max} or fewer in length."),
            );
        }
    }

    /// `{code: 50035, errors: {embeds: {0: {title: {_errors: [..]}}}}}`.
    pub(crate) fn answer(&self) -> Answer {
        let mut errors = Value::Object(Map::new());
        for fault in &self.0 {
            let mut place = &mut errors;
            for step in fault.path.split('.') {
                place = &mut place[step];
            }
            let list = &mut place["_errors"];
            if !list.is_array() {
                *list = json!([]);
            }
            if let Some(list) = list.as_array_mut() {
                list.push(json!({ "code": fault.code, "message": fault.message }));
            }
        }
        let mut answer = Answer::refusal(400, 50035, "Invalid Form Body");
        if let Some(body) = &mut answer.body {
            body["errors"] = errors;
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_errors_are_nested_by_path() {
        let mut faults = Faults::default();
        faults.add("embeds.0.title", "X", "too long");
        faults.add("embeds.0.title", "Y", "too ugly");
        let body = faults.answer().body.unwrap_or_default();
        assert_eq!(body["code"], 50035);
        assert_eq!(
            body["errors"]["embeds"]["0"]["title"]["_errors"][1]["code"],
            "Y"
        );
    }
}
