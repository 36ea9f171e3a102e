//! Who may come in through the network door.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use data_encoding::BASE64;
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
    /// The same, to a browser: it can show the token as a password only.
    Page,
}

pub(super) async fn guard(
    access: Arc<Access>,
    needs: Needs,
    request: Request,
    next: Next,
) -> Response {
    match (&*access, needs) {
        (Access::Loopback, Needs::Views | Needs::Page) if !is_for_this_machine(&request) => {
            stranger()
        }
        (Access::Loopback, _) | (Access::MetricsOnly, Needs::Metrics) => next.run(request).await,
        (Access::Token(token), _) if shows(&request, needs, token) => next.run(request).await,
        (Access::Token(_), Needs::Metrics | Needs::Views) => unauthorised(BEARER),
        (Access::Token(_), Needs::Page) => unauthorised(BASIC),
        (Access::MetricsOnly, Needs::Views | Needs::Page) => Problem::new(
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

/// Whether a request names this machine itself. A page elsewhere can make its own name mean 127.0.0.1 and so read with the
/// visitor's browser what this machine serves to itself; the name that it goes by gives it away.
fn is_for_this_machine(request: &Request) -> bool {
    let header = request.headers().get(header::HOST);
    let host = match (request.uri().authority(), header) {
        (Some(authority), _) => Some(authority.host().to_owned()),
        (None, Some(value)) => value
            .to_str()
            .ok()
            .and_then(|host| host.parse::<Authority>().ok())
            .map(|authority| authority.host().to_owned()),
        // HTTP/1.0: no browser.
        (None, None) => return true,
    };
    host.is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
    })
}

/// Compared by digest and in constant time, so that neither length nor content can be felt out.
fn shows(request: &Request, needs: Needs, token: &SecretString) -> bool {
    let header = request.headers().get(header::AUTHORIZATION);
    let shown = header.and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|value| {
        let (scheme, shown) = value.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            Some(shown.trim().to_owned())
        } else if needs == Needs::Page && scheme.eq_ignore_ascii_case("basic") {
            password(shown.trim())
        } else {
            None
        }
    });
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    let expected = digest(token.expose_secret());
    shown.is_some_and(|shown| bool::from(digest(&shown).as_slice().ct_eq(expected.as_slice())))
}

/// The password of `user:password` in Base64; the user's name does not matter.
fn password(encoded: &str) -> Option<String> {
    let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
    let pair = String::from_utf8(bytes).ok()?;
    pair.split_once(':')
        .map(|(_, password)| password.to_owned())
}

fn stranger() -> Response {
    Problem::new(
        StatusCode::FORBIDDEN,
        "only this machine is served",
        "the request names another host, and no token is set",
    )
    .with_next("Use 127.0.0.1 or localhost in the address, or set HTTP_TOKEN.")
    .into_response()
}

const BEARER: &str = "Bearer realm=\"steward\"";
const BASIC: &str = "Basic realm=\"steward: HTTP_TOKEN is the password\", charset=\"UTF-8\"";

fn unauthorised(challenge: &'static str) -> Response {
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "a token is needed",
        "the request shows none, or another one",
    )
    .with_next("Send the header `Authorization: Bearer TOKEN`.");
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static(challenge);
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, challenge);
    response
}
