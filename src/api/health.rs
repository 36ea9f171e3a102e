//! Is the process alive, can it do its work, and what does it count.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{Api, problem::Problem};
use crate::views::{ask, readiness};

/// The text format that Prometheus scrapes.
const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

/// Says whether steward can do its work: 200 where it can, 503 where it cannot, with a reason for each dependency.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let Some(readiness) = ask(&*api.answers, readiness::show).await else {
        return Problem::nobody_looked().into_response();
    };
    let status = if readiness.is_ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

pub(super) async fn metrics(State(api): State<Api>) -> Response {
    let metrics = &api.metrics;
    match ask(&*api.answers, |glance| metrics.gather(glance)).await {
        Some(Ok(text)) => ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response(),
        Some(Err(error)) => {
            let why = crate::tasks::chain_of(&error);
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be gathered",
                why,
            )
            .into_response()
        }
        None => Problem::nobody_looked().into_response(),
    }
}
