//! The closed list of what steward says of its own accord.
//!
//! A new class makes the compiler show every place that must know of it: text, route, runbook.

use serde::{Deserialize, Serialize};

use super::card::Severity;

/// Where a notice goes; each route is a channel in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Life-cycle changes.
    Transitions,
    /// Incidents.
    Alerts,
    /// How things stand, and what was missed.
    Digests,
    /// The canary, alone.
    Canary,
}

/// What kind of thing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    // Transitions: something happened, once.
    /// An attester changed its state.
    AttesterTransition,
    /// An attester was slashed and stays in the set.
    AttesterSlashed,
    /// The provider's configuration changed: admin, take rate, rewards recipient.
    ProviderChanged,
    /// Another rollup became canonical.
    CanonicalRollupChanged,
    /// First start, or a network, provider or keys file added later: how things stand.
    Summary,
    /// Changes missed while the service was down, too old to be told singly.
    MissedChanges,
    /// History is being read, and that takes a while.
    CatchUp,
    /// A test of the whole path, asked for by a person.
    Test,
    /// A test of the whole path that steward makes by itself, again and again.
    Canary,

    // Incidents: something is the case, until it is not.
    /// A coinbase is missing in the keys files.
    CoinbaseMissing,
    /// A coinbase in the keys files is not the expected one.
    CoinbaseMismatch,
    /// A coinbase vanished or changed between two versions of a server's keys file, or two files disagree.
    CoinbaseRegression,
    /// A keys file cannot be used.
    KeysFileInvalid,
    /// Votes to slash an attester of ours.
    SlashVotes,
    /// The provider's queue is empty: delegations are refused.
    ProviderQueueEmpty,
    /// Attesters of ours wait in the queue of a rollup that is no longer canonical and will be refunded.
    StrandedInEntryQueue,
    /// An L1 endpoint does not answer, lags, or refuses.
    EndpointUnhealthy,
    /// L1 endpoints contradict each other.
    EndpointsDisagree,
    /// No endpoint answers: nothing is seen.
    NetworkUnseen,
    /// The chain of the endpoints does not reach the present.
    HeadStale,
    /// A log of a watched contract that nobody knows.
    UnknownEvent,
    /// What was folded from logs and what the contracts answer do not fit.
    FoldMismatch,
    /// History is missing: no endpoint has the logs of a range.
    HistoryMissing,
    /// A reorg reaches below the finalised block, or undo records ran out.
    DeepReorg,
    /// A channel is gone or forbidden; messages go elsewhere.
    ChannelUnreachable,
    /// A job gave up.
    JobExhausted,
    /// The database was damaged and restored.
    StoreRestored,
}

impl Class {
    /// Every class, in the order above.
    pub const ALL: [Self; 27] = [
        Self::AttesterTransition,
        Self::AttesterSlashed,
        Self::ProviderChanged,
        Self::CanonicalRollupChanged,
        Self::Summary,
        Self::MissedChanges,
        Self::CatchUp,
        Self::Test,
        Self::Canary,
        Self::CoinbaseMissing,
        Self::CoinbaseMismatch,
        Self::CoinbaseRegression,
        Self::KeysFileInvalid,
        Self::SlashVotes,
        Self::ProviderQueueEmpty,
        Self::StrandedInEntryQueue,
        Self::EndpointUnhealthy,
        Self::EndpointsDisagree,
        Self::NetworkUnseen,
        Self::HeadStale,
        Self::UnknownEvent,
        Self::FoldMismatch,
        Self::HistoryMissing,
        Self::DeepReorg,
        Self::ChannelUnreachable,
        Self::JobExhausted,
        Self::StoreRestored,
    ];

    /// Its name in keys, metrics, logs and the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AttesterTransition => "attester_transition",
            Self::AttesterSlashed => "attester_slashed",
            Self::ProviderChanged => "provider_changed",
            Self::CanonicalRollupChanged => "canonical_rollup_changed",
            Self::Summary => "summary",
            Self::MissedChanges => "missed_changes",
            Self::CatchUp => "catch_up",
            Self::Test => "test",
            Self::Canary => "canary",
            Self::CoinbaseMissing => "coinbase_missing",
            Self::CoinbaseMismatch => "coinbase_mismatch",
            Self::CoinbaseRegression => "coinbase_regression",
            Self::KeysFileInvalid => "keys_file_invalid",
            Self::SlashVotes => "slash_votes",
            Self::ProviderQueueEmpty => "provider_queue_empty",
            Self::StrandedInEntryQueue => "stranded_in_entry_queue",
            Self::EndpointUnhealthy => "endpoint_unhealthy",
            Self::EndpointsDisagree => "endpoints_disagree",
            Self::NetworkUnseen => "network_unseen",
            Self::HeadStale => "head_stale",
            Self::UnknownEvent => "unknown_event",
            Self::FoldMismatch => "fold_mismatch",
            Self::HistoryMissing => "history_missing",
            Self::DeepReorg => "deep_reorg",
            Self::ChannelUnreachable => "channel_unreachable",
            Self::JobExhausted => "job_exhausted",
            Self::StoreRestored => "store_restored",
        }
    }

    /// Whether it is the case until it is not, with acknowledge, snooze and resolve.
    #[must_use]
    pub const fn is_incident(self) -> bool {
        !matches!(
            self,
            Self::AttesterTransition
                | Self::AttesterSlashed
                | Self::ProviderChanged
                | Self::CanonicalRollupChanged
                | Self::Summary
                | Self::MissedChanges
                | Self::CatchUp
                | Self::Test
                | Self::Canary
        )
    }

    /// Where it goes.
    #[must_use]
    pub const fn route(self) -> Route {
        match self {
            Self::AttesterTransition | Self::ProviderChanged => Route::Transitions,
            Self::Summary | Self::MissedChanges | Self::CatchUp => Route::Digests,
            Self::Canary => Route::Canary,
            _ => Route::Alerts,
        }
    }

    /// How much it matters when nothing else is known.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::AttesterTransition
            | Self::Summary
            | Self::MissedChanges
            | Self::CatchUp
            | Self::Test
            | Self::Canary
            | Self::ProviderChanged => Severity::Info,
            Self::SlashVotes
            | Self::NetworkUnseen
            | Self::DeepReorg
            | Self::StrandedInEntryQueue
            | Self::StoreRestored => Severity::Critical,
            _ => Severity::Warning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::fit;

    fn page(name: &str) -> String {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("docs")
            .join(name);
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn every_class_has_a_section_in_the_runbook() {
        let page = page("OPERATING.md");
        let mut chapters = page.split("\n## ");
        let runbook = chapters.find(|chapter| chapter.starts_with("Runbook\n"));
        let mut sections = runbook.unwrap().split("\n### ");
        let _introduction = sections.next();
        let sections: Vec<&str> = sections.collect();
        for class in Class::ALL {
            let found: Vec<&&str> = sections
                .iter()
                .filter(|section| section.lines().next() == Some(class.name()))
                .collect();
            assert_eq!(found.len(), 1, "one section \"### {}\"", class.name());
            for part in [
                "**What it means.**",
                "**What to check.**",
                "**What to do.**",
            ] {
                assert!(found[0].contains(part), "{} lacks {part}", class.name());
            }
        }
        assert_eq!(sections.len(), Class::ALL.len(), "a section of no class");
    }

    #[test]
    fn the_hysteresis_of_the_runbook_is_the_one_of_the_code() {
        let page = page("OPERATING.md");
        for class in Class::ALL.into_iter().filter(|class| class.is_incident()) {
            let condition = class.condition();
            let row = format!(
                "| `{}` | {} s | {} s | {} s | {} |",
                class.name(),
                condition.raise_after,
                condition.clear_after,
                condition.reopen_within,
                if condition.is_grouped { "yes" } else { "no" }
            );
            assert!(
                page.contains(&row),
                "docs/OPERATING.md lacks the row\n{row}"
            );
        }
    }

    #[test]
    fn the_limits_of_the_page_are_the_ones_of_the_code() {
        let page = page("CARDS.md");
        let both = [
            ("author", fit::AUTHOR),
            ("title", fit::TITLE),
            ("description", fit::DESCRIPTION),
            ("field name", fit::FIELD_NAME),
            ("field value", fit::FIELD_VALUE),
            ("content", fit::CONTENT),
        ];
        for (name, limit) in both {
            let row = format!("| {name} | {} | {} |", limit.visible, limit.rendered);
            assert!(page.contains(&row), "docs/CARDS.md lacks the row\n{row}");
        }
        let counts = [
            ("fields", fit::FIELDS_MAX),
            ("buttons", fit::BUTTONS_MAX),
            ("footer", fit::FOOTER_MAX),
            ("cards of a message", fit::CARDS_MAX),
            ("sum of a message", fit::SUM_MAX),
            ("table rows", fit::TABLE_ROWS_MAX),
            ("table width", fit::TABLE_WIDTH_MAX),
        ];
        for (name, count) in counts {
            let row = format!("| {name} | {count} |");
            assert!(page.contains(&row), "docs/CARDS.md lacks the row\n{row}");
        }
    }
}
