//! Everything that touches the outside world is a job: created in the commit that caused it, processed under a lease with
//! a policy, verified by looking at the world.
//!
//! [`job`] is the record, [`transition`] its pure state machine, [`policy`] the numbers, [`queue`] the table with its indexes, [`attempt`] what the
//! ledger keeps, [`engine`] the loop. What a kind does is its [`engine::Handler`]; the first kinds live in `outbox`.
//!
//! Invariants: an attempt is flushed as started before its request leaves; a lease of an earlier incarnation is dead,
//! because holding the store's lock proves that its process is; nothing that failed disappears silently.

pub mod attempt;
pub mod engine;
pub mod job;
pub mod policy;
pub mod queue;
pub mod transition;

#[cfg(test)]
mod tests;

pub use engine::{Engine, EngineError, Handler, Prepared};
pub use job::{Job, JobKind, Lane, Priority, State, Verdict};
pub use policy::{Policies, Policy};
pub use queue::{Jobs, NewJob};

/// A state that holds jobs.
pub trait HasJobs {
    /// The jobs.
    fn jobs(&self) -> &Jobs;
    /// The jobs, to be changed inside a commit.
    fn jobs_mut(&mut self) -> &mut Jobs;
}
