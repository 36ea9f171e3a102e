//! Who may come in through the network door.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::problem::Problem;

/// Who may come in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Everybody: only this machine reaches the door.
    Loopback,
    /// Whoever shows the token.
    Token(SecretString),
    /// Everybody reaches the door, and there is no token: metrics are served, views are refused.
    MetricsOnly,
}

impl Access {
    /// Who may come in where the server listens on `bind`.
    #[must_use]
    pub fn of(token: Option<SecretString>, bind: SocketAddr) -> Self {
        match token {
            Some(token) => Self::Token(token),
            None if bind.ip().is_loopback() => Self::Loopback,
            None => Self::MetricsOnly,
        }
    }
}

/// What a route shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Counts.
    Metrics,
    /// Everything.
    Views,
}

pub(super) async fn guard(
    access: Arc<Access>,
    needs: Needs,
    request: Request,
    next: Next,
) -> Response {
    match (&*access, needs) {
        (Access::Loopback, _) | (Access::MetricsOnly, Needs::Metrics) => next.run(request).await,
        (Access::Token(token), _) if shows(&request, token) => next.run(request).await,
        (Access::Token(_), _) => unauthorised(),
        (Access::MetricsOnly, Needs::Views) => Problem::new(
            StatusCode::FORBIDDEN,
            "views are not served here",
            "the server listens on an address that other machines reach, and no token is set",
        )
        .with_next(
            "Set HTTP_TOKEN, bind to 127.0.0.1, or use the command line on the machine itself.",
        )
        .into_response(),
    }
}

/// Compared by digest and in constant time, so that neither length nor content can be felt out.
fn shows(request: &Request, token: &SecretString) -> bool {
    let header = request.headers().get(header::AUTHORIZATION);
    let shown = header.and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    let expected = digest(token.expose_secret());
    shown.is_some_and(|shown| bool::from(digest(shown).as_slice().ct_eq(expected.as_slice())))
}

fn unauthorised() -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "a token is needed",
        "the request shows none, or another one",
    )
    .with_next("Send the header `Authorization: Bearer TOKEN`.");
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static("Bearer realm=\"steward\"");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
