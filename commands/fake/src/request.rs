//! A request as it came over the wire, kept for tests to look at.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::{FromRequest, Multipart};
use axum::http::{HeaderMap, Method, Uri};
use serde_json::Value;

use crate::snowflake::Snowflake;

/// A recorded REST request and the status it was answered with.
#[derive(Clone, Debug)]
pub struct Request {
    /// Position in the record, from 0.
    pub index: usize,
    /// Unix milliseconds of the fake's clock when it arrived.
    pub at_ms: u64,
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Path without query and without `/api/v10`.
    pub path: String,
    /// Query parameters in order.
    pub query: Vec<(String, String)>,
    /// Headers with lower-case names; the token is blotted out.
    pub headers: Vec<(String, String)>,
    /// JSON body, or `payload_json` of a multipart body.
    pub json: Option<Value>,
    /// Files of a multipart body.
    pub files: Vec<File>,
    /// Status of the answer; `None` while it is out, or when the connection was dropped or hangs.
    pub status: Option<u16>,
    /// Body of the answer, if it was JSON.
    pub answer: Option<Value>,
    pub(crate) authorization: Option<String>,
    pub(crate) malformed: Option<String>,
}

/// An uploaded file.
#[derive(Clone, Debug)]
pub struct File {
    /// `n` of `files[n]`.
    pub index: u64,
    /// Its name.
    pub name: String,
    /// Its content type, if told.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Request {
    /// Reads a request whose body has been collected.
    pub(crate) async fn read(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        bytes: axum::body::Bytes,
    ) -> Self {
        // Some clients escape the `@` of `@me` and `@original`.
        let path = uri.path().replace("%40", "@");
        let path = path.strip_prefix("/api/v10").unwrap_or(&path).to_owned();
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let mut request = Self {
            index: 0,
            at_ms: 0,
            method: method.as_str().to_owned(),
            path,
            query: parse_query(uri.query().unwrap_or_default()),
            headers: headers
                .iter()
                .filter(|(name, _)| name.as_str() != "authorization")
                .map(|(name, value)| {
                    (
                        name.as_str().to_owned(),
                        String::from_utf8_lossy(value.as_bytes()).into_owned(),
                    )
                })
                .collect(),
            json: None,
            files: Vec::new(),
            status: None,
            answer: None,
            authorization: header("authorization").map(ToOwned::to_owned),
            malformed: None,
        };
        if header("content-type").is_some_and(|kind| kind.starts_with("multipart/form-data")) {
            request.read_multipart(headers, bytes).await;
        } else if !bytes.is_empty() {
            match serde_json::from_slice(&bytes) {
                Ok(json) => request.json = Some(json),
                Err(error) => request.malformed = Some(format!("the body is not JSON: {error}")),
            }
        }
        request
    }

    async fn read_multipart(&mut self, headers: &HeaderMap, bytes: axum::body::Bytes) {
        let mut wire = axum::extract::Request::new(Body::from(bytes));
        *wire.headers_mut() = headers.clone();
        let mut parts = match Multipart::from_request(wire, &()).await {
            Ok(parts) => parts,
            Err(error) => {
                self.malformed = Some(format!("multipart: {error}"));
                return;
            }
        };
        while let Ok(Some(field)) = parts.next_field().await {
            let name = field.name().unwrap_or_default().to_owned();
            let file_name = field.file_name().map(ToOwned::to_owned);
            let content_type = field.content_type().map(ToOwned::to_owned);
            let Ok(data) = field.bytes().await else {
                self.malformed = Some(format!("multipart: field {name:?} is broken"));
                return;
            };
            if name == "payload_json" {
                match serde_json::from_slice(&data) {
                    Ok(json) => self.json = Some(json),
                    Err(error) => {
                        self.malformed = Some(format!("payload_json is not JSON: {error}"));
                    }
                }
            } else if let Some(file_name) = file_name {
                let index = name
                    .trim_start_matches("files[")
                    .trim_end_matches(']')
                    .parse()
                    .unwrap_or(0);
                self.files.push(File {
                    index,
                    name: file_name,
                    content_type,
                    bytes: data.to_vec(),
                });
            }
        }
    }

    /// The last value of a query parameter.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// `POST /channels/1/messages -> 200`.
    #[must_use]
    pub fn line(&self) -> String {
        let status = self
            .status
            .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        format!("{} {} -> {status}", self.method, self.path)
    }

    pub(crate) fn body_text(&self) -> String {
        self.json.as_ref().map(Value::to_string).unwrap_or_default()
    }

    /// The JSON body, or null.
    pub(crate) fn body(&self) -> Cow<'_, Value> {
        self.json
            .as_ref()
            .map_or(Cow::Owned(Value::Null), Cow::Borrowed)
    }

    /// Path with ids and tokens replaced, and the major parameter that has its own rate limit.
    pub(crate) fn template(&self) -> (String, String) {
        let steps: Vec<&str> = self
            .path
            .split('/')
            .filter(|step| !step.is_empty())
            .collect();
        let first = steps.first().copied().unwrap_or_default();
        let tokened = matches!(first, "webhooks" | "interactions");
        let mut template = String::new();
        for (place, step) in steps.iter().enumerate() {
            template.push('/');
            template.push_str(match *step {
                _ if tokened && place == 2 => "{token}",
                step if step.parse::<u64>().is_ok() => "{id}",
                step => step,
            });
        }
        let majors = if tokened { 2 } else { 1 };
        let owned = matches!(first, "channels" | "guilds" | "webhooks" | "interactions");
        let major = if owned {
            steps
                .iter()
                .skip(1)
                .take(majors)
                .copied()
                .collect::<Vec<_>>()
                .join("/")
        } else {
            String::new()
        };
        (template, major)
    }
}

fn parse_query(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Reads an id out of JSON, where Discord takes both strings and numbers.
pub(crate) fn id_of(value: &Value) -> Option<Snowflake> {
    value
        .as_u64()
        .map(Snowflake)
        .or_else(|| value.as_str()?.parse().ok())
}
