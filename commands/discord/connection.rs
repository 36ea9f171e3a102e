//! Where Discord is, who we are there, and how long we wait for it.

use std::time::Duration;

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};
use serenity::http::HttpBuilder;

/// Address of the real Discord; `DISCORD_API_URL` replaces it.
pub const DISCORD_URL: &str = "https://discord.com";

/// What Discord asks of every client (reference.mdx, "User Agent"): `DiscordBot (url, version)`. There is no page of ours.
const USER_AGENT: &str = concat!(
    "DiscordBot (https://steward.invalid, ",
    env!("CARGO_PKG_VERSION"),
    ")"
);

/// Address, token and patience. The token is never shown.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Scheme, host and port, without a path: `https://discord.com`.
    pub url: String,
    /// The bot's token, without `Bot `.
    pub token: SecretString,
    /// Time for a connection, TLS included.
    pub connect_timeout: Duration,
    /// Time for a whole request, connection and body included.
    pub request_timeout: Duration,
}

impl Connection {
    /// The real Discord.
    #[must_use]
    pub fn new(token: SecretString) -> Self {
        Self {
            url: DISCORD_URL.to_owned(),
            token,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
        }
    }

    /// Another Discord-compatible server, by scheme, host and port.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        url.trim_end_matches('/').clone_into(&mut self.url);
        self
    }

    /// Whether this is Discord itself.
    #[must_use]
    pub fn is_discord(&self) -> bool {
        self.url == DISCORD_URL
    }

    /// serenity's side of REST, for the answers to people. Through another address its rate limiter must be off: with
    /// it, serenity goes to Discord whatever address it was told.
    ///
    /// # Errors
    /// As [`Connection::client`].
    pub fn http(&self) -> anyhow::Result<serenity::http::Http> {
        let builder = HttpBuilder::new(self.token.expose_secret()).client(self.client()?);
        Ok(if self.is_discord() {
            builder.build()
        } else {
            builder.proxy(&self.url).ratelimiter_disabled(true).build()
        })
    }

    /// An HTTP client that never waits for ever and follows no redirect (a token must not travel).
    ///
    /// # Errors
    /// When the system's TLS library cannot be used.
    pub fn client(&self) -> anyhow::Result<reqwest::Client> {
        reqwest::Client::builder()
            .tls_backend_native()
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect_timeout)
            .timeout(self.request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .context("cannot build the HTTP client for Discord")
    }
}
