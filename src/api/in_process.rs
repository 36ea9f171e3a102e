//! The local door without a socket: one process asks its own routes, so that both ways give identical answers.

use std::convert::Infallible;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, header},
};
use tower::ServiceExt;

/// Largest answer: a page of 1000 rows is below a megabyte, an OpenAPI document far below.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A status with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Routes that are asked within the process.
#[derive(Debug, Clone)]
pub struct InProcess {
    routes: Router,
}

impl InProcess {
    /// Asks these routes; see [`super::Api::local_router`].
    #[must_use]
    pub const fn new(routes: Router) -> Self {
        Self { routes }
    }

    /// Sends one request: a GET, or a POST of JSON where there is a body.
    pub async fn send(&self, path: &str, body: Option<String>) -> Exchange {
        let request = match body {
            None => Request::get(path).body(Body::empty()),
            Some(body) => Request::post(path)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body)),
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Exchange {
                    status: 400,
                    body: error.to_string(),
                };
            }
        };
        let answer: Result<_, Infallible> = self.routes.clone().oneshot(request).await;
        let (parts, body) = match answer {
            Ok(response) => response.into_parts(),
            Err(never) => match never {},
        };
        match to_bytes(body, ANSWER_BYTES_MAX).await {
            Ok(bytes) => Exchange {
                status: parts.status.as_u16(),
                body: String::from_utf8_lossy(&bytes).into_owned(),
            },
            Err(error) => Exchange {
                status: 500,
                body: error.to_string(),
            },
        }
    }
}
