//! The HTTP side: metrics, health, and every view as read-only JSON under `/v1`.
//!
//! The same router serves two doors. The network door asks for a token where one is configured and never writes. The
//! door in the data directory (a Unix socket of mode 0600) is for the command line of the same machine: whoever may
//! open it may also give orders (`control`).

pub mod access;
pub mod control;
mod document;
mod health;
pub mod in_process;
pub mod preview;
mod problem;
mod question;
pub mod serve;
mod work;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, StatusCode},
    middleware,
    routing::{get, post},
};
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

use self::{access::Access, control::Control};
use crate::{metrics::Metrics, preview::Board, views::Answers};
pub use document::document;
pub use problem::Problem;

/// Largest request body: orders hold a note of a few lines.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Longest time for one answer; every view answers from memory within milliseconds.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// Names a request in answers and logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the routes work with.
#[derive(Debug, Clone)]
pub struct Api {
    pub(crate) answers: Arc<dyn Answers>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) control: Option<Arc<dyn Control>>,
    pub(crate) board: Option<Arc<Board>>,
}

impl Api {
    /// An API that answers and takes no orders.
    #[must_use]
    pub fn new(answers: Arc<dyn Answers>, metrics: Arc<Metrics>) -> Self {
        Self {
            answers,
            metrics,
            control: None,
            board: None,
        }
    }

    /// Takes orders through the local door.
    #[must_use]
    pub fn with_control(mut self, control: Arc<dyn Control>) -> Self {
        self.control = Some(control);
        self
    }

    /// Shows `board` as a page, at `/preview`.
    #[must_use]
    pub fn with_board(mut self, board: Option<Arc<Board>>) -> Self {
        self.board = board;
        self
    }

    /// The routes of the network door.
    pub fn router(self, access: Access) -> Router {
        let access = Arc::new(access);
        let guard = |needs| {
            let access = Arc::clone(&access);
            middleware::from_fn(move |request, next| {
                access::guard(Arc::clone(&access), needs, request, next)
            })
        };
        let metrics = Router::new().route("/metrics", get(health::metrics));
        let routes = Router::new()
            .merge(metrics.layer(guard(access::Needs::Metrics)))
            .merge(views().layer(guard(access::Needs::Views)))
            .merge(vital());
        let routes = match self.board.clone() {
            Some(board) => routes.merge(preview::router(board).layer(guard(access::Needs::Page))),
            None => routes,
        };
        dress(routes).with_state(self)
    }

    /// The routes of the local door: everything, and orders.
    pub fn local_router(self) -> Router {
        let routes = Router::new()
            .route("/metrics", get(health::metrics))
            .route("/control/orders", post(control::order))
            .merge(views())
            .merge(vital());
        dress(routes).with_state(self)
    }
}

fn vital() -> Router<Api> {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}

fn views() -> Router<Api> {
    Router::new()
        .route("/v1/openapi.json", get(document::serve))
        .route("/v1/status", get(question::status))
        .route("/v1/readiness", get(question::readiness))
        .route("/v1/attesters", get(question::attesters))
        .route("/v1/attesters/{name}", get(question::attester))
        .route("/v1/attesters/{name}/history", get(question::history))
        .route("/v1/attesters/{name}/why", get(question::why))
        .route("/v1/queue", get(question::queue))
        .route("/v1/coinbases", get(question::coinbases))
        .route("/v1/coinbases/{name}", get(question::coinbase))
        .route("/v1/provider", get(question::provider))
        .route("/v1/incidents", get(work::incidents))
        .route("/v1/incidents/{*id}", get(work::incident))
        .route("/v1/jobs", get(work::jobs))
        .route("/v1/jobs/{id}", get(work::job))
        .route("/v1/deliveries", get(work::deliveries))
        .route("/v1/completions", get(work::completions))
}

/// What every route has in common.
fn dress(routes: Router<Api>) -> Router<Api> {
    let layers = ServiceBuilder::new()
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(TraceLayer::new_for_http())
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            ANSWER_TIME_MAX,
        ))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX));
    routes
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(layers)
}

#[cfg(test)]
mod tests;
