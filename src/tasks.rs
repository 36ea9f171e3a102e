//! The only place that spawns.
//!
//! Every task has a name, is joined, and is cancelled by one token. The first task that ends while the process is
//! not stopping ends the process with a reason: a watcher that silently died is worse than one that restarts.

use std::{future::Future, time::Duration};

use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Why the process is to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked (SIGTERM, SIGINT, a command).
    Asked(String),
    /// A task ended that never should.
    TaskEnded {
        /// Its name.
        task: String,
        /// What it said, for the log.
        reason: String,
    },
}

/// Spawns, names, and joins.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    token: CancellationToken,
    ended: mpsc::Sender<Stop>,
}

/// How many endings can wait to be read; only the first matters.
const ENDED_CAPACITY: usize = 16;

impl Tasks {
    /// A new set, and the channel on which the first ending arrives.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Stop>) {
        let (ended, first) = mpsc::channel(ENDED_CAPACITY);
        (
            Self {
                tracker: TaskTracker::new(),
                token: CancellationToken::new(),
                ended,
            },
            first,
        )
    }

    /// The token that every task watches.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Runs `future` under `name` for as long as the process lives; its end, or its panic, stops the process.
    pub fn spawn<F, E>(&self, name: &'static str, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + 'static,
    {
        let (token, ended) = (self.token.clone(), self.ended.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that spawns"
        )]
        let task = tokio::task::spawn(future);
        self.tracker.spawn(async move {
            let reason = match task.await {
                Ok(Ok(())) => "it returned".to_owned(),
                Ok(Err(error)) => chain_of(&error),
                Err(panic) => panic.to_string(),
            };
            if !token.is_cancelled() {
                tracing::error!(task.name = name, %reason, "task ended");
                let stop = Stop::TaskEnded {
                    task: name.to_owned(),
                    reason,
                };
                drop(ended.try_send(stop));
            }
        });
    }

    /// Runs `future` under `name` until it is done; its end is expected, its panic is logged.
    pub fn spawn_short<F>(&self, name: &'static str, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that spawns"
        )]
        let task = tokio::task::spawn(future);
        self.tracker.spawn(async move {
            if let Err(panic) = task.await {
                tracing::error!(task.name = name, reason = %panic, "task panicked");
            }
        });
    }

    /// Asks for a stop, from inside.
    pub fn stop(&self, reason: &str) {
        drop(self.ended.try_send(Stop::Asked(reason.to_owned())));
    }

    /// Cancels everything and waits at most `deadline`; says whether all tasks ended in time.
    pub async fn shut_down(&self, deadline: Duration) -> bool {
        self.token.cancel();
        self.tracker.close();
        tokio::time::timeout(deadline, self.tracker.wait())
            .await
            .is_ok()
    }
}

/// An error with its sources, on one line.
#[must_use]
pub fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
