//! When something is said, and when it is said again.

use std::time::Duration;

use super::{
    problem::Fault,
    reader::Reader,
    value,
    variable::{Presence, Scope, Section, Variable},
};

const COINBASE_LADDER: Variable = Variable {
    name: "COINBASE_LADDER",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("7d,48h,6h"),
    doc: "How long before an attester can become active a missing or wrong coinbase is said again. Every step sends a new message with a mention; a last one follows when the attester is active.",
    example: "7d,48h,6h",
};

const ANNOUNCE_SINGLE_MAX_AGE: Variable = Variable {
    name: "ANNOUNCE_SINGLE_MAX_AGE",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("24h"),
    doc: "How old a change may be to get a message of its own after an interruption. Older ones are put into one digest, without mentions.",
    example: "24h",
};

const DIGEST_THRESHOLD: Variable = Variable {
    name: "DIGEST_THRESHOLD",
    scope: Scope::Process,
    is_secret: false,
    presence: Presence::Default("5"),
    doc: "How many messages one block may cause in one channel before they are put together, with a table attached. Incidents are not counted: more than five of a kind are one incident.",
    example: "5",
};

pub(super) const SECTION: Section = Section {
    title: "Alerts",
    intro: "When something is said, and when it is said again.",
    variables: &[
        &COINBASE_LADDER,
        &ANNOUNCE_SINGLE_MAX_AGE,
        &DIGEST_THRESHOLD,
    ],
};

/// The most steps of a ladder: each is a mention.
const LADDER_STEPS_MAX: usize = 8;

/// The longest that any of these durations makes sense for.
const AGE_MAX: Duration = Duration::from_secs(365 * 86_400);

/// When something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsConfig {
    /// Times before the earliest activation at which a coinbase incident is said again, the longest first.
    pub coinbase_ladder: Vec<Duration>,
    /// How old a change may be to be announced singly.
    pub announce_single_max_age: Duration,
    /// How many notices one commit may owe a channel before they are grouped.
    pub digest_threshold: u64,
}

/// Reads the whole topic.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<AlertsConfig> {
    let coinbase_ladder = reader.value(&COINBASE_LADDER, parse_ladder);
    let announce_single_max_age = reader.value(&ANNOUNCE_SINGLE_MAX_AGE, |text| {
        value::duration(text, Duration::ZERO..=AGE_MAX)
    });
    let digest_threshold = reader.value(&DIGEST_THRESHOLD, |text| value::number(text, 1..=50));
    Some(AlertsConfig {
        coinbase_ladder: coinbase_ladder?,
        announce_single_max_age: announce_single_max_age?,
        digest_threshold: digest_threshold?,
    })
}

/// Distinct steps, in any order.
fn parse_ladder(text: &str) -> Result<Vec<Duration>, Fault> {
    let step = |member: &str| value::duration(member, Duration::from_secs(60)..=AGE_MAX);
    let steps: Vec<Duration> = value::list(text, step)?.into_iter().rev().collect();
    if steps.is_empty() || steps.len() > LADDER_STEPS_MAX {
        return Err(Fault::new(
            format!("has {} steps", steps.len()),
            format!(
                "Write 1 to {LADDER_STEPS_MAX} durations, such as {}.",
                COINBASE_LADDER.example
            ),
        ));
    }
    Ok(steps)
}
