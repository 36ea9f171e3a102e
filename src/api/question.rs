//! Routes about the chain: status, attesters, queues, coinbases, provider.

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    Api,
    problem::{Asked, Named, Problem},
};
use crate::views::{
    Glance, Refusal, ask,
    attester::{self, AttesterView},
    attesters::{self, AttesterFilter, AttesterList},
    coinbase::{self, CoinbaseFilter, CoinbaseList, CoinbaseShown},
    history::{self, HistoryView},
    provider::{self, ProvidersView},
    queue::{self, QueueView},
    readiness::{self, Readiness},
    status::{self, StatusView},
    why::{self, WhyView},
};

/// Which network is meant.
#[derive(Debug, Default, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct InNetwork {
    /// Only this network; all where not given.
    #[serde(default)]
    network: Option<String>,
}

/// Which part of a history is meant.
#[derive(Debug, Default, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HistoryPart {
    /// Only this network; all where not given.
    #[serde(default)]
    network: Option<String>,
    /// The newest so many entries, at most 1000; 100 where not given.
    #[serde(default)]
    limit: Option<u64>,
}

/// An answer, or why there is none.
pub(super) type Answer<T> = Result<Json<T>, Problem>;

/// Asks `question` of the committed state.
pub(super) async fn answer<T: Send>(
    api: &Api,
    question: impl FnOnce(&Glance<'_>) -> Result<T, Refusal> + Send,
) -> Answer<T> {
    match ask(&*api.answers, question).await {
        Some(Ok(answer)) => Ok(Json(answer)),
        Some(Err(refusal)) => Err(refusal.into()),
        None => Err(Problem::nobody_looked()),
    }
}

/// How steward fares.
#[utoipa::path(get, path = "/v1/status", tag = "service", params(InNetwork),
    responses((status = 200, body = StatusView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn status(
    State(api): State<Api>,
    Asked(of): Asked<InNetwork>,
) -> Answer<StatusView> {
    answer(&api, |glance| status::show(glance, of.network.as_deref())).await
}

/// Whether steward can do its work, dependency by dependency; 200 in either case.
#[utoipa::path(get, path = "/v1/readiness", tag = "service", responses((status = 200, body = Readiness)))]
pub(super) async fn readiness(State(api): State<Api>) -> Answer<Readiness> {
    answer(&api, |glance| Ok(readiness::show(glance))).await
}

/// The attesters of the provider, in pages.
#[utoipa::path(get, path = "/v1/attesters", tag = "attesters", params(AttesterFilter),
    responses((status = 200, body = AttesterList), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn attesters(
    State(api): State<Api>,
    Asked(filter): Asked<AttesterFilter>,
) -> Answer<AttesterList> {
    answer(&api, |glance| attesters::list(glance, &filter)).await
}

/// One attester, by address, the beginning of one (4 digits or more), or label.
#[utoipa::path(get, path = "/v1/attesters/{name}", tag = "attesters", params(("name" = String, Path), InNetwork),
    responses((status = 200, body = AttesterView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn attester(
    State(api): State<Api>,
    Named(name): Named,
    Asked(of): Asked<InNetwork>,
) -> Answer<AttesterView> {
    answer(&api, |glance| {
        attester::show(glance, of.network.as_deref(), &name)
    })
    .await
}

/// What happened to an attester, oldest first.
#[utoipa::path(get, path = "/v1/attesters/{name}/history", tag = "attesters", params(("name" = String, Path), HistoryPart),
    responses((status = 200, body = HistoryView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn history(
    State(api): State<Api>,
    Named(name): Named,
    Asked(of): Asked<HistoryPart>,
) -> Answer<HistoryView> {
    answer(&api, |glance| {
        history::show(glance, of.network.as_deref(), &name, of.limit)
    })
    .await
}

/// Why an attester is in its state: the rule, its inputs, and the events behind them.
#[utoipa::path(get, path = "/v1/attesters/{name}/why", tag = "attesters", params(("name" = String, Path), InNetwork),
    responses((status = 200, body = WhyView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn why(
    State(api): State<Api>,
    Named(name): Named,
    Asked(of): Asked<InNetwork>,
) -> Answer<WhyView> {
    answer(&api, |glance| {
        why::explain(glance, of.network.as_deref(), &name)
    })
    .await
}

/// The entry queues, with position and forecast of ours.
#[utoipa::path(get, path = "/v1/queue", tag = "attesters", params(InNetwork),
    responses((status = 200, body = QueueView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn queue(
    State(api): State<Api>,
    Asked(of): Asked<InNetwork>,
) -> Answer<QueueView> {
    answer(&api, |glance| queue::show(glance, of.network.as_deref())).await
}

/// Attesters whose coinbase is missing, different or disputed, the most urgent first.
#[utoipa::path(get, path = "/v1/coinbases", tag = "attesters", params(CoinbaseFilter),
    responses((status = 200, body = CoinbaseList), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn coinbases(
    State(api): State<Api>,
    Asked(filter): Asked<CoinbaseFilter>,
) -> Answer<CoinbaseList> {
    answer(&api, |glance| coinbase::missing(glance, &filter)).await
}

/// The coinbase of one attester: expected, configured, and until when.
#[utoipa::path(get, path = "/v1/coinbases/{name}", tag = "attesters", params(("name" = String, Path), InNetwork),
    responses((status = 200, body = CoinbaseShown), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn coinbase(
    State(api): State<Api>,
    Named(name): Named,
    Asked(of): Asked<InNetwork>,
) -> Answer<CoinbaseShown> {
    answer(&api, |glance| {
        coinbase::show(glance, of.network.as_deref(), &name)
    })
    .await
}

/// The provider: configuration, queue, and keys left.
#[utoipa::path(get, path = "/v1/provider", tag = "attesters", params(InNetwork),
    responses((status = 200, body = ProvidersView), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn provider(
    State(api): State<Api>,
    Asked(of): Asked<InNetwork>,
) -> Answer<ProvidersView> {
    answer(&api, |glance| provider::show(glance, of.network.as_deref())).await
}
