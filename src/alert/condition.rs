//! When something becomes an incident, and when it is over: hysteresis, so that nothing flaps.
//!
//! Durations are seconds. A finding must stand for `raise_after` before it is told, must be gone for `clear_after` before
//! it is resolved, and continues the same incident where it comes back within `reopen_within` of the resolution.

use super::class::Class;

/// Findings of one class beyond this are told as one incident: six cards at once are read by nobody.
pub const GROUP_OVER: usize = 5;
/// A group tells a rung again for further members at most this often: 3,600 s = 1 h, so that a fleet that crosses a
/// rung epoch by epoch wakes people hourly and not every 38 minutes.
pub const GROUP_RUNG_EVERY_SECONDS: u64 = 3_600;
/// Resolved incidents that are kept: a year of five a day, and then some.
pub const RESOLVED_MAX: usize = 2_000;
/// A subject that no longer is found, and whose incidents are forgotten, is remembered so long: 100 days. The outbox
/// remembers for 90 what it told, so that an ordinal that is used again edits no old message.
pub const SUBJECT_KEPT_SECONDS: u64 = 100 * 86_400;
/// Subjects beyond this are forgotten after that time in every class: 25 MiB at 250 bytes each. Four incidents each of
/// 10,000 attesters are 40,000.
pub const SUBJECTS_MAX: usize = 100_000;
/// How often it is looked which subjects can be forgotten: once an hour, for it walks them all.
pub const SUBJECTS_PRUNED_EVERY_SECONDS: u64 = 3_600;
/// Lines of an incident's time line that are kept; the first one always is.
pub const TIMELINE_MAX: usize = 200;

/// The hysteresis of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// For how long it must stand before it is told.
    pub raise_after: u64,
    /// For how long it must be gone before it is over.
    pub clear_after: u64,
    /// For how long after its end the same incident goes on when it comes back.
    pub reopen_within: u64,
    /// Whether many of it are told as one.
    pub is_grouped: bool,
}

const fn condition(
    raise_after: u64,
    clear_after: u64,
    reopen_within: u64,
    is_grouped: bool,
) -> Condition {
    Condition {
        raise_after,
        clear_after,
        reopen_within,
        is_grouped,
    }
}

/// Nothing flaps in what only happens.
const ONCE: Condition = condition(0, 0, 0, false);

impl Condition {
    /// For how long after its end what comes back is still the same spell.
    #[must_use]
    pub const fn spell(&self) -> u64 {
        if self.reopen_within > self.clear_after {
            self.reopen_within
        } else {
            self.clear_after
        }
    }
}

impl Class {
    /// Whether its subject names one occasion - a round of votes, a job, a restored database - that does not come back.
    #[must_use]
    pub const fn is_of_one_occasion(self) -> bool {
        matches!(
            self,
            Self::SlashVotes | Self::JobExhausted | Self::StoreRestored
        )
    }

    /// Its hysteresis.
    #[must_use]
    pub const fn condition(self) -> Condition {
        match self {
            Self::AttesterTransition
            | Self::AttesterSlashed
            | Self::ProviderChanged
            | Self::CanonicalRollupChanged
            | Self::Summary
            | Self::MissedChanges
            | Self::CatchUp
            | Self::Test
            | Self::Canary => ONCE,
            // A keys file is written once and read whole; half an hour covers a second try at the same mistake.
            Self::CoinbaseMissing | Self::CoinbaseMismatch | Self::CoinbaseRegression => {
                condition(0, 0, 1_800, true)
            }
            // A writer that is not atomic leaves a broken file for moments.
            Self::KeysFileInvalid => condition(15, 0, 1_800, true),
            // A tally only grows within a round; a reorg takes a vote back for a block or two (24 s).
            Self::SlashVotes => condition(0, 24, 3_600, true),
            // A queue that is filled and emptied within an hour is one story.
            Self::ProviderQueueEmpty => condition(0, 0, 3_600, false),
            Self::StrandedInEntryQueue => condition(0, 24, 3_600, true),
            // Five blocks (60 s) of trouble before anybody hears; five minutes of health before it is believed.
            Self::EndpointUnhealthy => condition(60, 300, 3_600, true),
            // A lagging endpoint contradicts for a block (12 s) and then agrees.
            Self::EndpointsDisagree => condition(36, 120, 3_600, false),
            // Three blocks: long enough for a restart of a proxy, short enough for the one thing that must be known.
            Self::NetworkUnseen => condition(36, 60, 3_600, false),
            // The caller's threshold is minutes already; one fresh block ends it, five (60 s) are believed.
            Self::HeadStale => condition(0, 60, 1_800, false),
            Self::UnknownEvent => condition(0, 0, 0, true),
            // A view and a fold may be one block apart for a moment.
            Self::FoldMismatch => condition(24, 24, 1_800, true),
            Self::HistoryMissing => condition(0, 0, 3_600, true),
            Self::DeepReorg => condition(0, 0, 0, false),
            // Discord's own trouble passes within minutes, and is an unclear answer and not a refusal.
            Self::ChannelUnreachable => condition(30, 60, 3_600, true),
            Self::JobExhausted => condition(0, 0, 0, true),
            Self::StoreRestored => condition(0, 0, 0, false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_happens_has_no_hysteresis_and_what_lasts_goes_to_alerts() {
        for class in Class::ALL {
            if class.is_incident() {
                assert_eq!(class.route(), super::super::class::Route::Alerts);
                let condition = class.condition();
                assert!(
                    condition.reopen_within >= condition.clear_after || condition.clear_after == 0
                );
            } else {
                assert_eq!(class.condition(), ONCE, "{}", class.name());
            }
        }
    }
}
