//! A job: what it does, where it stands, and what an attempt at it can come to. How it moves is `transition`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    outbox::courier::ChannelId,
    store::{Tree, table::Record},
};

/// What a job does; closed, so that the compiler shows every place that must know of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Sends a new message; its key is the delivery's id.
    Deliver,
    /// Brings a sent message to its newest content; its key is the delivery's id.
    Edit,
    /// Removes a message that another took the place of; its key is the delivery's id.
    Discard,
    /// Reads a beat of the canary back from its channel, and feeds the dead man's switch; its key is the beat.
    Confirm,
    /// Writes the nightly export; its key is the day.
    Export,
}

impl JobKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Deliver,
        Self::Edit,
        Self::Discard,
        Self::Confirm,
        Self::Export,
    ];

    /// Its name in metrics, logs and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Edit => "edit",
            Self::Discard => "discard",
            Self::Confirm => "confirm",
            Self::Export => "export",
        }
    }
}

/// What must not overtake or accompany what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// New messages of a channel: one at a time, strictly in order; the first that must wait holds up the rest.
    Send(ChannelId),
    /// Edits in a channel: one at a time, in any order, and only while no new message is ready to go.
    Edit(ChannelId),
    /// No order; as many at a time as the kind's policy says.
    Free(JobKind),
}

/// Which goes first within a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// What people wait for.
    Normal,
    /// What can wait (finality badges).
    Low,
}

/// The two phases that touch the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Does it.
    Process,
    /// Looks whether it is done.
    Verify,
}

/// Who works on a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The incarnation of the process; one of an earlier incarnation is dead.
    pub incarnation: u64,
    /// The attempt, from 1.
    pub attempt: u32,
    /// What it does.
    pub phase: Phase,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits to be processed.
    Created,
    /// Is being worked on, or was when its process ended.
    Processing(Lease),
    /// Was processed; the world is to be looked at.
    PendingVerification,
    /// Done, with evidence.
    Done,
    /// Given up: refused for good, or out of attempts. Kept and shown.
    Failed,
    /// No longer wanted.
    Cancelled,
    /// Nobody can tell whether it was done; only a person may have it done again.
    Unclear,
}

impl State {
    /// Its name in metrics, views and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing(_) => "processing",
            Self::PendingVerification => "pending_verification",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unclear => "unclear",
        }
    }

    /// Whether something is still to be done without a person.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Created | Self::Processing(_) | Self::PendingVerification
        )
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number; never used twice.
    pub id: u64,
    /// The network it belongs to.
    pub network: String,
    /// What it does.
    pub kind: JobKind,
    /// What it does it to; unique within network and kind.
    pub key: String,
    /// Where it stands.
    pub state: State,
    /// Its lane.
    pub lane: Lane,
    /// Its priority within the lane.
    pub priority: Priority,
    /// Its place in the lane; later is larger.
    pub order: u64,
    /// Not before (Unix, milliseconds).
    pub available_at_ms: u64,
    /// Retries end here; `None` = as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_up_at_ms: Option<u64>,
    /// Attempts so far; numbers the ledger's entries and is never reset.
    pub attempts: u32,
    /// Postponements in a row; drives the backoff.
    pub streak: u32,
    /// Those of them that count against the policy.
    pub faults: u32,
    /// Looks at the world since it was last processed.
    pub polls: u32,
    /// Why it is where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What proves that it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// When it came to be (Unix, milliseconds).
    pub created_at_ms: u64,
    /// When it last changed (Unix, milliseconds).
    pub updated_at_ms: u64,
}

impl Record for Job {
    const KIND: &'static str = "job";
    const TREE: Tree = Tree::Kept;
    type Key = u64;
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The world shows it.
    Done {
        /// What proves it.
        evidence: String,
    },
    /// Processed; look at the world after a while.
    Verify {
        /// When to look.
        after: Duration,
    },
    /// The world does not show it: process it again, while attempts are left.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Not now.
    Later {
        /// What the other side asks for; never less than that.
        after: Option<Duration>,
        /// Why.
        reason: String,
        /// Whether it counts against the policy's attempts; an outage of the other side does not.
        is_counted: bool,
        /// Who else must wait for as long.
        pause: Pause,
    },
    /// There is more to do, at once.
    Again,
    /// Never.
    Failed {
        /// Why.
        reason: String,
    },
    /// Nobody can tell.
    Unclear {
        /// Why.
        reason: String,
    },
    /// No longer wanted, or given up on purpose.
    Abandoned {
        /// Why.
        reason: String,
    },
}

/// Who else must wait when one must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Nobody.
    Nobody,
    /// Its lane, for at most [`super::engine::LANE_PAUSE_MAX`].
    Lane,
    /// Everything that the engine does.
    Everybody,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Do it again.
    Retry,
    /// Do not do it.
    Cancel,
    /// Look again whether it is done.
    Verify,
}

impl Action {
    /// Its name in commands and refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Verify => "verify",
        }
    }
}
