//! The running fake: a listener on loopback, the shared world, and the router.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::socket::{CuttableListener, Switch};
use crate::spec::Spec;
use crate::world::World;
use crate::{connection, rest};

/// The world behind its lock.
pub(crate) struct Shared(Mutex<World>);

impl Shared {
    /// Works on the world; never across an await.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running fake Discord. It stops when the last handle is dropped.
pub struct Fake {
    pub(crate) shared: Arc<Shared>,
    url: String,
    switch: Switch,
    server: JoinHandle<()>,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fake")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
        // The connections live in tasks of their own.
        self.switch.cut_all();
        self.shared
            .with(|world| world.gateway.command(crate::gateway::Command::Drop));
    }
}

impl Fake {
    /// Starts a world on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn start(spec: Spec) -> std::io::Result<Arc<Self>> {
        // Loads the OpenAPI document now, so that no request waits for it, and says if the check is off.
        crate::openapi::document();
        let listener = TcpListener::bind(("127.0.0.1", spec.port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared(Mutex::new(World::new(spec, url.clone()))));
        let router = Router::new()
            .route("/ws", any(connection::upgrade))
            .route("/ws/", any(connection::upgrade))
            .route("/attachments/{message}/{file}/{name}", get(attachment))
            .merge(crate::admin::router())
            .fallback(rest::handle)
            .with_state(Arc::clone(&shared))
            .into_make_service_with_connect_info::<Switch>();
        let switch = Switch::default();
        let serve = axum::serve(
            CuttableListener {
                listener,
                switch: switch.clone(),
            },
            router,
        );
        let server = tokio::spawn(async move {
            if let Err(error) = serve.await {
                eprintln!("fake: the server stopped: {error}");
            }
        });
        Ok(Arc::new(Self {
            shared,
            url,
            switch,
            server,
        }))
    }

    /// Base of the REST side without a path: `http://127.0.0.1:41234`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn attachment(
    State(shared): State<Arc<Shared>>,
    Path((message, file, _name)): Path<(String, String, String)>,
) -> Response {
    match shared.with(|world| rest::attachment(world, &message, &file)) {
        Some((kind, bytes)) => {
            let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
            ([(header::CONTENT_TYPE, kind)], bytes).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
