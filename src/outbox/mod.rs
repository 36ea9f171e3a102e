//! Everything unsolicited that leaves the house goes through here.
//!
//! A decision says what is owed ([`Outbox::owe`]) inside the commit that caused it. What is owed to a channel is a
//! [`Delivery`]; sending it and editing it are jobs. The courier carries; it decides nothing.
//!
//! Invariants: every notice id stands in exactly one message, as its card or as a row of its table; within a channel new
//! messages keep their order; nothing is sent that was not first flushed as started; a delivery that was started is
//! never merged.

mod book;
pub mod courier;
mod deliver;
pub mod delivery;
mod digest;
mod discard;
mod edit;
mod merge;
mod operate;
mod owe;
mod routes;
mod settle;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub use book::{Outbox, Trouble};
pub use deliver::{Deliver, Stopwatch};
pub use delivery::{Delivery, DeliveryId, DeliveryState, Entry, Posted, nonce_of};
pub use discard::Discard;
pub use edit::Edit;
pub use operate::{Ask, AskError, operate};
pub use owe::Owed;
pub use routes::Routes;

use crate::jobs::{HasJobs, Jobs};

/// A batch that owes a channel more notices than this is grouped.
pub const GROUP_ABOVE: usize = 4;
/// Most messages that a batch, or a backlog, becomes per channel; with one that is under way, five.
pub const DIGESTS_MAX: usize = 4;
/// A backlog of more messages than this is merged: at Discord's 5 messages in 5 s it is half a minute's work.
pub const BACKLOG_MAX: usize = 25;
/// A backlog of more than a few messages that is older than this is merged: what was missed in an outage.
pub const BACKLOG_AGE_MAX: Duration = Duration::from_mins(10);
/// A finality badge that could not be edited in for so long is left as it is.
pub const BADGE_EDITED_FOR: Duration = Duration::from_hours(1);
/// A channel that could not be used is tried again so often.
pub const PROBE_EVERY: Duration = Duration::from_mins(10);
/// The search after an unclear outcome begins so long before the first attempt, for clocks that differ.
pub const SEARCH_MARGIN: Duration = Duration::from_secs(60);
/// A sent message is remembered so long, unless it tells of an incident that is not over.
pub const SENT_KEPT: Duration = Duration::from_hours(7 * 24);
/// A sent digest is remembered so long, unless it tells of an incident that is not over: its rows are many, and after finality nothing takes them back.
pub const DIGEST_KEPT: Duration = Duration::from_hours(2 * 24);
/// A delivery that became part of another one is remembered so long.
pub const MERGED_KEPT: Duration = Duration::from_hours(24);
/// Most closed deliveries that are remembered, whatever their age: about 8 MiB.
pub const CLOSED_MAX: usize = 2_000;
/// Most refused deliveries that are remembered: about 8 MiB. A person may have them sent again while their job is shown.
pub const REFUSED_MAX: usize = 2_000;
/// That a notice was told is remembered so long after its message is forgotten, so that it is not told again.
pub const CARRIED_KEPT: Duration = Duration::from_hours(90 * 24);
/// Most notice ids that are remembered: about 60 MiB on disk and in memory at 200 bytes each.
pub const CARRIED_MAX: usize = 300_000;
/// A delivery that was replaced so often has nowhere to go.
pub const GENERATIONS_MAX: u32 = 8;

/// A state that holds an outbox and its jobs.
pub trait HasOutbox: HasJobs {
    /// The outbox.
    fn outbox(&self) -> &Outbox;
    /// Both, to be changed inside a commit.
    fn outbox_and_jobs(&mut self) -> (&mut Outbox, &mut Jobs);
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
