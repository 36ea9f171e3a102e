//! The OpenAPI 3.1 document of `/v1`.

use axum::Json;
use utoipa::{OpenApi, openapi};

use super::{question, work};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "steward",
        description = "Read-only views of an Aztec staking provider, its attesters, and steward's own work.\n\nAddresses are EIP-55 text, amounts decimal wei beside whole tokens, times Unix seconds unless the name ends in `_ms`. Null is unknown or absent, never zero.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        question::status, question::readiness, question::attesters, question::attester, question::history,
        question::why, question::queue, question::coinbases, question::coinbase, question::provider,
        work::incidents, work::incident, work::jobs, work::job, work::deliveries, work::completions,
    ),
    components(schemas(crate::views::find::Completed)),
    tags(
        (name = "service", description = "How steward fares"),
        (name = "attesters", description = "Attesters, queues, coinbases, provider"),
        (name = "work", description = "Incidents, jobs, deliveries"),
    )
)]
struct Document;

/// The document.
#[must_use]
pub fn document() -> openapi::OpenApi {
    Document::openapi()
}

pub(super) async fn serve() -> Json<openapi::OpenApi> {
    Json(document())
}
