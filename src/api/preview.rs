//! The preview page: a board of messages as a channel would show them, live by a bounded long poll.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
    response::IntoResponse,
    routing::get,
};
use serde::Deserialize;

use crate::{
    outbox::courier::MessageId,
    preview::{Board, Sight},
};

/// Longest wait for news; below the time that any answer may take.
const NEWS_WAIT_MAX: Duration = Duration::from_secs(5);
/// Nothing from elsewhere, nothing inline: words of others stay words.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The routes of the preview page of `board`; they need nothing else, so they fit into any router.
pub fn router<S: Clone + Send + Sync + 'static>(board: Arc<Board>) -> Router<S> {
    let html = include_str!("../preview/page.html");
    let css = include_str!("../preview/page.css");
    let script = include_str!("../preview/page.js");
    Router::new()
        .route("/preview", get(|| file("text/html; charset=utf-8", html)))
        .route(
            "/preview/page.css",
            get(|| file("text/css; charset=utf-8", css)),
        )
        .route(
            "/preview/page.js",
            get(|| file("text/javascript; charset=utf-8", script)),
        )
        .route("/preview/messages", get(messages))
        .route("/preview/charts/{message}/{card}", get(chart))
        .with_state(board)
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    let head = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    (head, text)
}

/// What the page has seen.
#[derive(Debug, Deserialize)]
struct Seen {
    /// The version; empty or missing at first.
    #[serde(default)]
    after: String,
}

async fn messages(State(board): State<Arc<Board>>, Query(seen): Query<Seen>) -> Json<Sight> {
    if let Ok(version) = seen.after.parse() {
        // No news is an answer too.
        let _news = tokio::time::timeout(NEWS_WAIT_MAX, board.changed_since(version))
            .await
            .is_ok();
    }
    Json(board.sight())
}

/// The picture of a card's chart.
async fn chart(
    State(board): State<Arc<Board>>,
    Path((message, card)): Path<(u64, usize)>,
) -> Result<impl IntoResponse, StatusCode> {
    let chart = board.chart(MessageId(message), card);
    let chart = chart.ok_or(StatusCode::NOT_FOUND)?;
    let png = chart.png().map_err(|error| {
        tracing::warn!(%error, "no picture for the preview");
        StatusCode::INTERNAL_SERVER_ERROR
    })?;
    let head = [
        (CONTENT_TYPE, "image/png"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((head, png))
}

#[cfg(test)]
mod tests;
