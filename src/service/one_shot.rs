//! One question without a running service: over its store, or where there is none, over the chain.

use std::sync::Arc;

use axum::Router;

use super::Service;
use crate::{
    api::Api,
    metrics::{Metrics, MetricsError},
    watcher::{Step, WatchError},
};

/// Whether nothing was ever read.
pub async fn is_empty(service: &Service) -> bool {
    service
        .writer
        .read()
        .await
        .books
        .values()
        .all(|book| book.rollups.is_empty())
}

/// Reads every network to its head.
///
/// # Errors
/// [`WatchError`] where a chain cannot be read.
pub async fn read_chain(service: &Service) -> Result<(), WatchError> {
    for part in service.networks.values() {
        loop {
            match part.watcher.step().await? {
                Step::Idle | Step::Stopped(_) => break,
                Step::CaughtUp { to, head } => {
                    tracing::info!(block.number = %to, %head, "reading the chain");
                }
                Step::Followed { .. } | Step::Unwound { .. } => {}
            }
        }
    }
    Ok(())
}

/// The routes of the local door; orders are refused.
///
/// # Errors
/// [`MetricsError`] where two metrics have one name, which a test excludes.
pub fn routes(service: Arc<Service>) -> Result<Router, MetricsError> {
    let metrics = Arc::new(Metrics::new(service.per_attester())?);
    Ok(Api::new(service, metrics).local_router())
}
