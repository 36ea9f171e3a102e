//! Orders of people, taken through the local door only and carried out by whoever owns the state.

use std::{fmt, sync::Arc};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{Api, problem::Problem};
use crate::views::Refusal;

/// What a person wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum Order {
    /// Says that somebody takes care of an incident.
    AcknowledgeIncident {
        /// Its id, or the unambiguous beginning of it.
        incident: String,
    },
    /// Makes an incident silent for a while.
    SnoozeIncident {
        /// Its id, or the unambiguous beginning of it.
        incident: String,
        /// For how long; `None` = until it changes.
        seconds: Option<u64>,
    },
    /// Writes a line under an incident.
    NoteIncident {
        /// Its id, or the unambiguous beginning of it.
        incident: String,
        /// The line.
        text: String,
    },
    /// Has a job done again.
    RetryJob {
        /// Its number.
        job: u64,
        /// Why.
        reason: String,
    },
    /// Gives a job up.
    CancelJob {
        /// Its number.
        job: u64,
        /// Why.
        reason: String,
    },
    /// Looks at the world again, whether a job is done.
    VerifyJob {
        /// Its number.
        job: u64,
        /// Why.
        reason: String,
    },
    /// Has a network read again from its first block: one that is stopped, or whose history is incomplete.
    ResumeNetwork {
        /// Its name.
        network: String,
        /// Why.
        reason: String,
    },
    /// Sends a test card through the whole path.
    TestAlert {
        /// The network whose channels are used; the first where not given.
        network: Option<String>,
    },
}

/// An order with who gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Who: the account of the command line, or a Discord user.
    pub by: String,
    /// What.
    pub order: Order,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What was done, as a sentence.
    pub text: String,
    /// What it was done to: the incident's id, the job's number.
    pub subject: String,
}

/// Carries out orders.
pub trait Control: Send + Sync + fmt::Debug {
    /// Carries out one order and records who gave it.
    fn carry_out(&self, command: Command) -> BoxFuture<'_, Result<Done, Refusal>>;
}

pub(super) async fn order(
    State(api): State<Api>,
    command: Result<Json<Command>, JsonRejection>,
) -> Result<Json<Done>, Problem> {
    let Json(command) = command.map_err(|rejection| {
        let what = "the order cannot be read";
        Problem::new(rejection.status(), what, rejection.body_text())
    })?;
    let Some(control) = api.control.as_ref().map(Arc::clone) else {
        let why = "no service is running that could carry it out";
        let what = "the order was not taken";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, what, why)
            .with_next("Start it with `steward run`."));
    };
    control
        .carry_out(command)
        .await
        .map(Json)
        .map_err(Problem::from)
}
