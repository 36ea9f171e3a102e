//! Audits: a sweep now and then compares everything of ours with the contracts, and repairs what differs.
//!
//! What did not fit is kept until a later sweep agrees, so that it can be shown and be an incident.

use serde::{Deserialize, Serialize};

use super::{WatchError, Watcher, progress::Progress};
use crate::{
    book::fold::Fault,
    state::State,
    units::{BlockNumber, UnixSeconds},
};

/// Seconds between two audits: 6 h of block time, some 56 epochs of the L1.
pub const AUDIT_SECONDS: u64 = 6 * 3600;

/// Seconds after a sweep that found something before the next one: 10 min. It either agrees, or has something new to say.
pub const AUDIT_AGAIN_SECONDS: u64 = 600;

/// Faults that are kept; a broken fold would make thousands, and a few tell as much.
pub const FAULTS_MAX: usize = 32;

/// A fault, and where it was noticed first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotedFault {
    /// What did not fit.
    pub fault: Fault,
    /// The block at which it was noticed first.
    pub block: BlockNumber,
}

impl Progress {
    /// Whether a block of that time is to be swept.
    #[must_use]
    pub fn is_audit_due(&self, at: UnixSeconds) -> bool {
        at >= self.audit_at
    }

    /// Takes what a block had that did not fit; a sweep that agrees clears what was there before.
    pub(super) fn note_faults(
        &mut self,
        faults: &[Fault],
        block: BlockNumber,
        at: UnixSeconds,
        is_sweep: bool,
    ) {
        if is_sweep && faults.is_empty() {
            self.faults.clear();
        }
        for fault in faults {
            let is_known = self.faults.iter().any(|noted| noted.fault == *fault);
            if !is_known && self.faults.len() < FAULTS_MAX {
                let fault = fault.clone();
                self.faults.push(NotedFault { fault, block });
            }
        }
        if is_sweep {
            let pause = if faults.is_empty() {
                AUDIT_SECONDS
            } else {
                AUDIT_AGAIN_SECONDS
            };
            self.audit_at = UnixSeconds::new(at.value().saturating_add(pause));
            self.swept_at = at;
        } else if !faults.is_empty() {
            let soon = self.swept_at.value().saturating_add(AUDIT_AGAIN_SECONDS);
            self.audit_at = self.audit_at.min(UnixSeconds::new(soon));
        }
    }
}

impl Watcher {
    /// Makes the next block at the head a sweep.
    ///
    /// # Errors
    /// [`WatchError`] where the store fails.
    pub async fn audit_next(&self) -> Result<(), WatchError> {
        let network = self.network();
        self.writer
            .commit(|state: &mut State, _| {
                state.change_progress(network, |progress| {
                    progress.audit_at = UnixSeconds::new(0);
                });
                Ok::<_, WatchError>(())
            })
            .await?;
        Ok(())
    }
}
