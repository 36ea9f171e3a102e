//! The HTTP server: `/metrics`, `/healthz`, `/readyz` and `/v1`.

use std::net::{Ipv4Addr, SocketAddr};

use secrecy::SecretString;

use super::{
    problem::Fault,
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const HTTP_BIND: Variable = Variable {
    name: "HTTP_BIND",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("127.0.0.1:9464"),
    doc: "Where metrics, health and the read-only API are served. On any address but this machine's own, /v1 is refused until HTTP_TOKEN is set.",
    example: "127.0.0.1:9464",
};

const HTTP_TOKEN: Variable = Variable {
    name: "HTTP_TOKEN",
    scope: Scope::Process,
    is_secret: true,
    presence: Presence::Optional("no token is asked for, and /v1 is served on this machine only"),
    doc: "The bearer token that /metrics and /v1 ask for. Take a long random one; health needs none.",
    example: "a-long-random-text",
};

const HTTP_PREVIEW: Variable = Variable {
    name: "HTTP_PREVIEW",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("off"),
    doc: "Whether /preview shows in a browser what is said in Discord since the start: on or off. A browser asks for HTTP_TOKEN as a password where it is set; without it, only this machine's own browser is served.",
    example: "on",
};

pub(super) const SECTION: Section = Section {
    title: "HTTP",
    intro: "Metrics for Prometheus, health for the supervisor, and the read-only API.",
    variables: &[&HTTP_BIND, &HTTP_TOKEN, &HTTP_PREVIEW],
};

/// A shorter token can be guessed: 16 characters of hex are 64 bits.
const TOKEN_LENGTH_MIN: usize = 16;

/// The HTTP server.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    /// Where it listens.
    pub bind: SocketAddr,
    /// What callers have to show.
    pub token: Option<SecretString>,
    /// Whether `/preview` is served.
    pub has_preview: bool,
}

/// Who can reach the HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposure {
    /// This machine only, and no token is asked for.
    Loopback,
    /// Whoever shows the token.
    Token,
    /// Whoever reaches the address: `/metrics` is served after a warning, `/v1` is refused.
    Open,
}

impl HttpConfig {
    /// Who can reach the server.
    #[must_use]
    pub const fn exposure(&self) -> Exposure {
        match (&self.token, self.bind.ip().is_loopback()) {
            (Some(_), _) => Exposure::Token,
            (None, true) => Exposure::Loopback,
            (None, false) => Exposure::Open,
        }
    }

    /// Whether `/v1` may be served at all.
    #[must_use]
    pub fn serves_v1(&self) -> bool {
        self.exposure() != Exposure::Open
    }
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<HttpConfig> {
    let bind = reader.value(&HTTP_BIND, parse_bind);
    let token = reader.secret(&HTTP_TOKEN, check_token);
    let has_preview = reader.value(&HTTP_PREVIEW, value::switch);
    Some(HttpConfig {
        bind: bind?,
        token,
        has_preview: has_preview?,
    })
}

fn parse_bind(text: &str) -> Result<SocketAddr, Fault> {
    if let Some(port) = text
        .strip_prefix("localhost:")
        .and_then(|port| port.parse().ok())
    {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_error| {
        Fault::new(
            format!(
                "is {}, which is no address with a port",
                value::quoted(text)
            ),
            "Write one such as 127.0.0.1:9464, 0.0.0.0:9464 or [::1]:9464.",
        )
    })
}

fn check_token(text: &str) -> Result<(), Fault> {
    if text.len() < TOKEN_LENGTH_MIN || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(Fault::new(
            format!(
                "is shorter than {TOKEN_LENGTH_MIN} characters, or holds spaces (the value is not shown)"
            ),
            "Make one, for example with: openssl rand -hex 32",
        ));
    }
    Ok(())
}
