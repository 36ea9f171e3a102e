//! Carries messages to Discord over an HTTP client of its own.
//!
//! It decides nothing and retries nothing. It reads `Retry-After` and the bucket headers itself, so that it behaves the
//! same against Discord, a compatible server and the fake, and lets no request leave that is sure to be refused.
//! The gateway is not needed, and neither the token nor an address is ever put into an error or a log.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use futures::future::BoxFuture;
use reqwest::{
    Method, RequestBuilder,
    header::{AUTHORIZATION, HeaderValue},
    multipart::{Form, Part},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use steward::{
    alert::card::Message,
    outbox::courier::{ChannelId, Courier, CourierError, Found, Mark, MessageId, Parcel, Receipt},
};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    answer::{Answer, Kind, OLD_EDITS, later, lost},
    body::{self, Body},
    connection::Connection,
    file::{self, File},
    picture,
    rates::{Lane, Rates},
    search::{self, Sought},
};

/// Most of an answer that is read: 100 messages with ten full embeds each stay far below.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Longest wait of a search for its rate limit, all waits together; a delivery has a minute for a try.
const SEARCH_WAIT_MAX: Duration = Duration::from_secs(45);

/// Discord, as a place to carry messages to.
#[derive(Debug)]
pub struct DiscordCourier {
    http: reqwest::Client,
    url: String,
    token: SecretString,
    rates: Mutex<Rates>,
    /// Our own user id, asked once.
    me: OnceCell<String>,
}

impl DiscordCourier {
    /// A courier for this connection. Nothing is asked yet.
    ///
    /// # Errors
    /// When the token cannot stand in a header, or TLS cannot be used.
    pub fn new(connection: &Connection) -> anyhow::Result<Self> {
        let courier = Self {
            http: connection.client()?,
            url: format!("{}/api/v10", connection.url),
            token: connection.token.clone(),
            rates: Mutex::default(),
            me: OnceCell::new(),
        };
        courier
            .authorization()
            .context("the Discord token holds characters that no token has")?;
        Ok(courier)
    }

    fn authorization(&self) -> Option<HeaderValue> {
        let mut value =
            HeaderValue::from_str(&format!("Bot {}", self.token.expose_secret())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CourierError> {
        let authorization = self.authorization().ok_or(CourierError::Unauthorized)?;
        let request = self.http.request(method, format!("{}{path}", self.url));
        Ok(request.header(AUTHORIZATION, authorization))
    }

    /// Makes one request, and takes no answer but a success.
    async fn ask(
        &self,
        lanes: &[Lane],
        kind: Kind,
        request: RequestBuilder,
    ) -> Result<Answer, CourierError> {
        let answer = self.exchange(lanes, kind, request).await?;
        if answer.status.is_success() {
            Ok(answer)
        } else {
            Err(answer.refusal(kind))
        }
    }

    /// Makes one request, unless its lane is known to be closed.
    async fn exchange(
        &self,
        lanes: &[Lane],
        kind: Kind,
        request: RequestBuilder,
    ) -> Result<Answer, CourierError> {
        let wait = self.with_rates(|rates| rates.wait(lanes, Instant::now()));
        if !wait.is_zero() {
            return Err(CourierError::Later {
                retry_after: Some(wait),
                detail: "the rate limit is used up; not asked".to_owned(),
                is_rate_limit: true,
            });
        }
        let response = request.send().await.map_err(|error| lost(error, kind))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.note(lanes, |rates, lane| {
            rates.note(lane, &headers, Instant::now());
        });
        let bytes = read(response, kind).await?;
        let answer = Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
        };
        if let Some(refusal) = answer.too_many() {
            let is_old = answer.code() == OLD_EDITS;
            // The narrowest lane comes last: an old message must not keep the edits of others.
            let lane = if is_old { lanes.last() } else { lanes.first() };
            let lane = lane.copied().unwrap_or(Lane::Other);
            self.with_rates(|rates| rates.note_refusal(lane, refusal, Instant::now()));
        }
        Ok(answer)
    }

    fn note(&self, lanes: &[Lane], note: impl FnOnce(&mut Rates, Lane)) {
        let lane = lanes.first().copied().unwrap_or(Lane::Other);
        self.with_rates(|rates| note(rates, lane));
    }

    fn with_rates<T>(&self, act: impl FnOnce(&mut Rates) -> T) -> T {
        act(&mut self.rates.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a message. What only its reference or its files are refused for is sent without them: a permission that was
    /// taken away must not hold up the channel, in which plain messages are still taken.
    async fn send_parcel(&self, parcel: &Parcel) -> Result<Receipt, CourierError> {
        let channel = parcel.channel;
        let mut parcel = parcel.clone();
        let mut pictures = picture::pictures(&parcel.message);
        let (json, answer) = loop {
            let Body { json, files } = body::new_message(&parcel, std::mem::take(&mut pictures));
            let has_files = !files.is_empty();
            let request = with_files(
                self.request(Method::POST, &messages(channel))?,
                &json,
                files,
            )?;
            let lanes = [Lane::Send(channel)];
            let answer = self.exchange(&lanes, Kind::Once, request).await?;
            if answer.is_about_reply() && parcel.reply_to.take().is_some() {
                tracing::warn!(
                    channel = channel.0,
                    "sent without its reply: the bot needs the permission Read Message History"
                );
                if has_files {
                    pictures = picture::pictures(&parcel.message);
                }
            } else if answer.is_forbidden() && has_files {
                tracing::warn!(
                    channel = channel.0,
                    "sent without its files: the bot needs the permission Attach Files"
                );
                parcel.message.attachments.clear();
            } else {
                break (json, answer);
            }
        };
        if !answer.status.is_success() {
            return Err(answer.refusal(Kind::Once));
        }
        search::receipt(&answer.body, &json).ok_or_else(|| {
            CourierError::Unclear(format!(
                "{} with an answer that is no message",
                answer.status
            ))
        })
    }

    async fn edit_message(
        &self,
        channel: ChannelId,
        message: MessageId,
        content: &Message,
    ) -> Result<(), CourierError> {
        let path = format!("{}/{}", messages(channel), message.0);
        let Body { json, files } = body::edited_message(content, picture::pictures(content));
        let lanes = [Lane::Edit(channel), Lane::EditOld(channel, message)];
        let has_files = !files.is_empty();
        let request = with_files(self.request(Method::PATCH, &path)?, &json, files)?;
        let answer = self.exchange(&lanes, Kind::Repeatable, request).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        if !has_files || !answer.is_forbidden() {
            return Err(answer.refusal(Kind::Repeatable));
        }
        let plain = body::edited_message(content, Vec::new());
        let request = self.request(Method::PATCH, &path)?.json(&plain.json);
        self.ask(&lanes, Kind::Repeatable, request).await?;
        Ok(())
    }

    async fn delete_message(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<(), CourierError> {
        let path = format!("{}/{}", messages(channel), message.0);
        let request = self.request(Method::DELETE, &path)?;
        self.ask(&[Lane::Delete(channel)], Kind::Repeatable, request)
            .await?;
        Ok(())
    }

    async fn find_message(&self, parcel: &Parcel, since_ms: u64) -> Result<Found, CourierError> {
        let channel = parcel.channel;
        let sought = Sought::of(parcel, self.me().await?);
        let start = search::snowflake_before(since_ms);
        let mut after = start;
        let mut has_seen_any = false;
        let mut patience = SEARCH_WAIT_MAX;
        for _ in 0..search::PAGES_MAX {
            let query = format!("after={after}&limit={}", search::PAGE);
            let page = match self.next_page(channel, &query, &mut patience).await {
                Err(CourierError::ChannelUnreachable(detail)) => {
                    return Ok(Found::Unclear(format!(
                        "the history cannot be read: {detail}"
                    )));
                }
                page => page?,
            };
            if let Some(message) = page.iter().find(|one| sought.is(one)) {
                return Ok(sought.found(message));
            }
            has_seen_any |= !page.is_empty();
            match search::newest(&page).filter(|_| page.len() >= search::PAGE) {
                Some(newest) => after = newest,
                None if has_seen_any => return Ok(Found::No),
                None => return self.nothing_found(channel, start).await,
            }
        }
        Ok(Found::Unclear(format!(
            "the channel holds more than {} messages since then",
            search::PAGES_MAX * search::PAGE
        )))
    }

    /// Without the permission to read the history Discord answers an empty page, as if there were none
    /// (resources/message.mdx, "Get Channel Messages"); an empty search proves nothing until history was seen.
    async fn nothing_found(&self, channel: ChannelId, start: u64) -> Result<Found, CourierError> {
        if !self.page(channel, "limit=1").await?.is_empty() {
            return Ok(Found::No);
        }
        let request = self.request(Method::GET, &format!("/channels/{}", channel.0))?;
        let answer = self.ask(&[Lane::Other], Kind::Repeatable, request).await?;
        // The newest message that ever was, deleted or not.
        let last = search::id(&answer.body, "last_message_id");
        Ok(if last.is_none_or(|last| last <= start) {
            Found::No
        } else {
            Found::Unclear("the channel shows no history; may the bot read it?".to_owned())
        })
    }

    /// The marks of the newest messages, page by page from the end.
    async fn newest_marks(&self, channel: ChannelId) -> Result<Vec<Mark>, CourierError> {
        let me = self.me().await?;
        let mut marks = Vec::new();
        let mut query = format!("limit={}", search::PAGE);
        for _ in 0..search::MARK_PAGES_MAX {
            let page = match self.page(channel, &query).await {
                // A history that may not be read shows no card, as an empty one.
                Err(CourierError::ChannelUnreachable(_)) => break,
                page => page?,
            };
            marks.extend(page.iter().flat_map(|message| search::marks(message, &me)));
            match search::oldest(&page).filter(|_| page.len() >= search::PAGE) {
                Some(oldest) => query = format!("before={oldest}&limit={}", search::PAGE),
                None => break,
            }
        }
        Ok(marks)
    }

    /// A page of a search, which waits for its rate limit where it may: a search that began anew after each would never end.
    async fn next_page(
        &self,
        channel: ChannelId,
        query: &str,
        patience: &mut Duration,
    ) -> Result<Vec<Value>, CourierError> {
        loop {
            match self.page(channel, query).await {
                Err(CourierError::Later {
                    retry_after: Some(wait),
                    is_rate_limit: true,
                    ..
                }) if wait <= *patience => {
                    // An empty wait would be a loop without an end.
                    let wait = wait.max(Duration::from_millis(50));
                    *patience = patience.saturating_sub(wait);
                    tokio::time::sleep(wait).await;
                }
                page => return page,
            }
        }
    }

    async fn page(&self, channel: ChannelId, query: &str) -> Result<Vec<Value>, CourierError> {
        let path = format!("{}?{query}", messages(channel));
        let request = self.request(Method::GET, &path)?;
        let answer = self
            .ask(&[Lane::Read(channel)], Kind::Repeatable, request)
            .await?;
        match answer.body {
            Value::Array(page) => Ok(page),
            _ => Err(later(None, "the history is no list".to_owned())),
        }
    }

    /// Our own user id.
    async fn me(&self) -> Result<String, CourierError> {
        let ask = || async {
            let request = self.request(Method::GET, "/users/@me")?;
            let answer = self.ask(&[Lane::Other], Kind::Repeatable, request).await?;
            let id = answer.body.get("id").and_then(Value::as_str);
            id.map(ToOwned::to_owned)
                .ok_or_else(|| later(None, "Discord does not say who we are".to_owned()))
        };
        self.me.get_or_try_init(ask).await.cloned()
    }
}

impl Courier for DiscordCourier {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<Receipt, CourierError>> {
        Box::pin(self.send_parcel(parcel))
    }

    fn edit<'a>(
        &'a self,
        channel: ChannelId,
        message: MessageId,
        content: &'a Message,
    ) -> BoxFuture<'a, Result<(), CourierError>> {
        Box::pin(self.edit_message(channel, message, content))
    }

    fn find<'a>(
        &'a self,
        parcel: &'a Parcel,
        since_ms: u64,
    ) -> BoxFuture<'a, Result<Found, CourierError>> {
        Box::pin(self.find_message(parcel, since_ms))
    }

    fn marks(&self, channel: ChannelId) -> BoxFuture<'_, Result<Vec<Mark>, CourierError>> {
        Box::pin(self.newest_marks(channel))
    }

    fn delete(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> BoxFuture<'_, Result<(), CourierError>> {
        Box::pin(self.delete_message(channel, message))
    }
}

fn messages(channel: ChannelId) -> String {
    format!("/channels/{}/messages", channel.0)
}

/// Reads an answer to its end, or to the most that is believed.
async fn read(mut response: reqwest::Response, kind: Kind) -> Result<Vec<u8>, CourierError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(error, kind))? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            let detail = format!("an answer of more than {ANSWER_BYTES_MAX} bytes");
            return Err(match kind {
                Kind::Once => CourierError::Unclear(detail),
                Kind::Repeatable => later(None, detail),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `payload_json` and `files[n]` (reference.mdx, "Uploading Files"), or where there is no file, plain JSON.
fn with_files(
    request: RequestBuilder,
    json: &Value,
    files: Vec<File>,
) -> Result<RequestBuilder, CourierError> {
    if files.is_empty() {
        return Ok(request.json(json));
    }
    let mut form = Form::new().text("payload_json", json.to_string());
    for (place, file) in files.into_iter().enumerate() {
        let kind = file::mime(&file.name);
        let part = Part::bytes(file.bytes)
            .file_name(file.name)
            .mime_str(kind)
            .map_err(|error| CourierError::Refused(error.to_string()))?;
        form = form.part(format!("files[{place}]"), part);
    }
    Ok(request.multipart(form))
}
