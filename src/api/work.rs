//! Routes about steward's own work: incidents, jobs, deliveries, completions.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::{
    Api,
    problem::{Asked, Named, Problem},
    question::{Answer, answer},
};
use crate::views::{
    delivery::{self, DeliveryFilter, DeliveryList},
    find::{Completed, Completion, complete},
    incident::{self, IncidentDetail, IncidentFilter, IncidentList},
    job::{self, JobDetail, JobFilter, JobList},
};

/// Most completions of one answer: Discord shows 25.
const COMPLETIONS_MAX: usize = 25;

/// What is to be completed.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Typed {
    /// What kind of thing.
    kind: Completed,
    /// What was typed so far.
    #[serde(default)]
    partial: String,
}

/// Incidents, newest first; those that are resolved only with `all=true`.
#[utoipa::path(get, path = "/v1/incidents", tag = "work", params(IncidentFilter),
    responses((status = 200, body = IncidentList), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn incidents(
    State(api): State<Api>,
    Asked(filter): Asked<IncidentFilter>,
) -> Answer<IncidentList> {
    answer(&api, |glance| incident::list(glance, &filter)).await
}

/// One incident, by its id or the beginning of it; the id's slashes may be written as they are.
#[utoipa::path(get, path = "/v1/incidents/{id}", tag = "work", params(("id" = String, Path)),
    responses((status = 200, body = IncidentDetail), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn incident(State(api): State<Api>, Named(id): Named) -> Answer<IncidentDetail> {
    answer(&api, |glance| incident::show(glance, &id)).await
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "work", params(JobFilter),
    responses((status = 200, body = JobList), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn jobs(
    State(api): State<Api>,
    Asked(filter): Asked<JobFilter>,
) -> Answer<JobList> {
    answer(&api, |glance| job::list(glance, &filter)).await
}

/// One job with its attempts.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "work", params(("id" = String, Path)),
    responses((status = 200, body = JobDetail), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn job(State(api): State<Api>, Named(id): Named) -> Answer<JobDetail> {
    answer(&api, |glance| job::show(glance, &id)).await
}

/// Deliveries, newest first.
#[utoipa::path(get, path = "/v1/deliveries", tag = "work", params(DeliveryFilter),
    responses((status = 200, body = DeliveryList), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn deliveries(
    State(api): State<Api>,
    Asked(filter): Asked<DeliveryFilter>,
) -> Answer<DeliveryList> {
    answer(&api, |glance| delivery::list(glance, &filter)).await
}

/// What fits what was typed so far.
#[utoipa::path(get, path = "/v1/completions", tag = "work", params(Typed),
    responses((status = 200, body = Vec<Completion>), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn completions(
    State(api): State<Api>,
    Asked(typed): Asked<Typed>,
) -> Answer<Vec<Completion>> {
    answer(&api, |glance| {
        Ok(complete(
            glance,
            typed.kind,
            &typed.partial,
            COMPLETIONS_MAX,
        ))
    })
    .await
}
