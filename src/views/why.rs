//! Why an attester is in its state: the rule with its inputs, and the events and views behind them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    attester::registration_name,
    find::{self, Member, Place},
    form::{Freshness, address},
    glance::Glance,
    history::{self, ChangeView, EvidenceView, HistoryEntry},
    refusal::Refusal,
    standing::StandingView,
};
use crate::attester::{Attester, Registration, stage};

/// The chain of evidence behind a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WhyView {
    /// The network.
    pub network: String,
    /// The attester.
    pub attester: String,
    /// What people call it; null where nobody named it.
    pub label: Option<String>,
    /// The state that is to be explained.
    pub standing: StandingView,
    /// The rule that decides it, in words.
    pub rule: String,
    /// What the rule read.
    pub inputs: Vec<Input>,
    /// The change that led to this state; null where it never changed, or the history is not known.
    pub decided_by: Option<HistoryEntry>,
    /// Everything before it, newest first.
    pub before: Vec<HistoryEntry>,
    /// Whether the rule, applied again to the inputs, gives the state: anything but true is a fault of ours.
    pub is_consistent: bool,
    /// What of the evidence is missing; null where nothing is.
    pub missing: Option<String>,
    /// The same as lines for people.
    pub lines: Vec<String>,
    /// How fresh the answer is.
    pub as_of: Freshness,
}

/// One thing that the rule read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Input {
    /// What.
    pub name: String,
    /// Its value in words; `unknown` and `none` are values.
    pub value: String,
}

/// Explains the state of an attester.
///
/// # Errors
/// A [`Refusal`] where the attester is not found, or the store cannot be read.
pub fn explain(glance: &Glance<'_>, network: Option<&str>, name: &str) -> Result<WhyView, Refusal> {
    let (place, member) = find::attester(glance, network, name)?;
    let entries = history::entries(glance, place, member.address, None)?;
    let unseen = Attester::default();
    let attester = member.attester.unwrap_or(&unseen);
    let latest = place.book.and_then(crate::book::Book::latest);
    let again = stage::standing(attester, latest);
    let mut entries: Vec<HistoryEntry> = entries
        .iter()
        .rev()
        .map(|entry| history::entry_view(entry, place))
        .collect();
    let standing = StandingView::from(attester.standing);
    let decisive = entries
        .iter()
        .position(|entry| matches!(&entry.change, ChangeView::State { to, .. } if *to == standing));
    let decided_by = decisive.map(|at| entries.remove(at));
    let inputs = inputs(place, attester);
    let missing = missing(place, attester, decided_by.is_some());
    let mut why = WhyView {
        network: place.name.to_owned(),
        attester: member.address.to_string(),
        label: place.label(member.address).map(str::to_owned),
        standing,
        rule: rule(attester).to_owned(),
        inputs,
        decided_by,
        before: entries,
        is_consistent: again == attester.standing,
        missing,
        lines: Vec::new(),
        as_of: Freshness::new(place.book, place.network, glance.now()),
    };
    why.lines = lines(&why, &member);
    Ok(why)
}

/// The branch of the rule that decides, in words; in the order in which `attester::stage` asks.
const fn rule(attester: &Attester) -> &'static str {
    match (&attester.registration, attester.entries.is_empty()) {
        (Some(registration), _) => match registration.state {
            crate::attester::RegistrationState::Exited
            | crate::attester::RegistrationState::SlashedToNothing => {
                "its registration is over; a place in a queue, where it has one, decides"
            }
            _ => "a registration decides before any queue: an attester can be registered once",
        },
        (None, false) => "without a registration, a place in an entry queue decides",
        (None, true) => {
            "without a registration and without an entry, the provider queue decides; then a refused deposit"
        }
    }
}

fn inputs(place: Place<'_>, attester: &Attester) -> Vec<Input> {
    let input = |name: &str, value: String| Input {
        name: name.to_owned(),
        value,
    };
    let latest = place.book.and_then(crate::book::Book::latest);
    let latest = latest.map_or_else(
        || "unknown".to_owned(),
        |latest| format!("{} at {}", latest.version, address(latest.rollup)),
    );
    let entries = attester
        .entries
        .iter()
        .map(|entry| format!("index {} on rollup {}", entry.index, entry.rollup));
    let entries: Vec<String> = entries.collect();
    let membership = attester.membership.as_ref();
    let membership = membership.map_or_else(none, |of| match of.queue_index {
        Some(index) => format!("index {index} in the queue of provider {}", of.provider),
        None if of.is_dripped => format!("dripped by provider {}", of.provider),
        None => format!("has left the queue of provider {}", of.provider),
    });
    let registration = attester.registration.as_ref();
    let refused = attester.refused.as_ref();
    vec![
        input(
            "registration",
            registration.map_or_else(none, registration_words),
        ),
        input(
            "entries",
            if entries.is_empty() {
                none()
            } else {
                entries.join(", ")
            },
        ),
        input("provider queue", membership),
        input(
            "refused deposit",
            refused.map_or_else(none, |refused| {
                format!("on rollup {} in block {}", refused.rollup, refused.block)
            }),
        ),
        input("latest rollup", latest),
    ]
}

fn none() -> String {
    "none".to_owned()
}

fn registration_words(registration: &Registration) -> String {
    let state = registration_name(&registration.state);
    let (rollup, balance) = (registration.rollup, registration.balance);
    format!("{state} on rollup {rollup} with {balance} AZTEC")
}

fn missing(place: Place<'_>, attester: &Attester, is_decided: bool) -> Option<String> {
    let Some(book) = place.book else {
        return Some("nothing of this network was read yet".to_owned());
    };
    let first = book.summary().first_block;
    (!is_decided && attester.transitions > 0).then(|| {
        format!("the change that led here is not in the history, which begins at block {first}")
    })
}

fn lines(why: &WhyView, member: &Member<'_>) -> Vec<String> {
    let standing = &why.standing;
    let name = why.label.clone().unwrap_or_else(|| member.address.short());
    let mut lines = vec![
        format!(
            "{name} is {}: {}.",
            standing.state.name(),
            standing.reason_text
        ),
        format!("Rule: {}.", why.rule),
    ];
    lines.extend(
        why.inputs
            .iter()
            .map(|input| format!("  {}: {}", input.name, input.value)),
    );
    match &why.decided_by {
        Some(entry) => lines.push(format!("Since: {}", evidence_line(entry))),
        None => lines.push("Since: no change was seen.".to_owned()),
    }
    lines.extend(
        why.before
            .iter()
            .map(|entry| format!("Before: {}", evidence_line(entry))),
    );
    lines.extend(
        why.missing
            .iter()
            .map(|missing| format!("Missing: {missing}.")),
    );
    if !why.is_consistent {
        lines.push("The rule gives another state now: please report this.".to_owned());
    }
    lines
}

fn evidence_line(entry: &HistoryEntry) -> String {
    let EvidenceView {
        source,
        block,
        transaction,
        log_index,
        ..
    } = &entry.evidence;
    let mut line = format!(
        "{} · {source} · block {} {}",
        entry.text, block.number, block.hash
    );
    if let Some(transaction) = transaction {
        line.push_str(&format!(" · tx {transaction}"));
    }
    if let Some(index) = log_index {
        line.push_str(&format!(" · log {index}"));
    }
    line
}
