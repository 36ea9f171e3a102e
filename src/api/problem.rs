//! Errors as `application/problem+json` (RFC 9457).

use std::any::Any;

use axum::{
    Json,
    extract::{FromRequestParts, Path, Query},
    http::{HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::views::{Refusal, RefusalKind};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status and the title say what it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was wrong.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Why.
    pub detail: String,
    /// What to do instead.
    pub next: String,
}

impl Problem {
    /// A problem.
    #[must_use]
    pub fn new(status: StatusCode, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: what.into(),
            status: status.as_u16(),
            detail: why.into(),
            next: String::new(),
        }
    }

    /// Says what to do instead.
    #[must_use]
    pub fn with_next(mut self, next: &str) -> Self {
        next.clone_into(&mut self.next);
        self
    }

    /// Nobody looked: the service is going down.
    pub(super) fn nobody_looked() -> Self {
        let what = "the question was not asked";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            what,
            "the service is stopping",
        )
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.kind {
            RefusalKind::NotFound => StatusCode::NOT_FOUND,
            RefusalKind::Ambiguous | RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Invalid => StatusCode::BAD_REQUEST,
            RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, refusal.what, refusal.why).with_next(&refusal.next)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

pub(super) async fn no_route(uri: Uri) -> Problem {
    let what = format!("there is nothing at {}", uri.path());
    Problem::new(StatusCode::NOT_FOUND, what, "no route has this path")
        .with_next("See /v1/openapi.json.")
}

pub(super) async fn no_method(method: Method, uri: Uri) -> Problem {
    let what = format!("{method} is not allowed at {}", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, what, "views are read-only")
        .with_next("Use one of the methods in the header Allow.")
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the layer hands the panic over"
)]
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic
        .downcast_ref::<&str>()
        .map(|words| (*words).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(
        reason = words.as_deref().unwrap_or("no words"),
        "a route panicked"
    );
    let what = "the answer failed";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, what, "this is our fault")
        .with_next("Report it with the value of the header x-request-id.")
        .into_response()
}

/// The parameters of a question; what does not fit is told as a [`Problem`].
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "the query cannot be read",
                rejection.body_text(),
            )
            .with_next("See /v1/openapi.json for the parameters.")),
        }
    }
}

/// What the path names; bytes that are no text are told as a [`Problem`].
#[derive(Debug)]
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(rejection) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "the path cannot be read",
                rejection.body_text(),
            )),
        }
    }
}
