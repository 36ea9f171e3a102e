//! An incident as a row of a table: the first four columns are shown in a message, all of them are in the file.

use crate::{
    alert::{
        facts::{Configured, Due, EndpointFault, Facts, Known},
        incident::{Incident, State},
        render::markdown::utc,
        text::{Context, count},
    },
    units::{AttesterAddress, UnixSeconds},
};

type Row = Vec<(String, String)>;

/// The row of an incident: how it stands, then its facts. None where the facts have no row.
#[must_use]
pub fn row_of(context: &Context<'_>, incident: &Incident) -> Row {
    let mut row = row(context, &incident.facts);
    if !row.is_empty() {
        let state = match incident.state {
            State::Open => "open",
            State::Acknowledged => "acknowledged",
            State::Snoozed(_) => "snoozed",
            State::Resolved => "resolved",
        };
        row.insert(0, ("state".to_owned(), state.to_owned()));
    }
    row
}

/// The row of some facts: `(column, value)`.
#[expect(
    clippy::too_many_lines,
    reason = "a table of columns, one entry for each kind of facts"
)]
#[must_use]
pub fn row(context: &Context<'_>, facts: &Facts) -> Row {
    let (attester, cells): (Option<AttesterAddress>, Vec<(&str, String)>) = match facts {
        Facts::Coinbase(facts) => (
            Some(facts.attester),
            vec![
                (
                    "deadline",
                    deadline(facts.queue.as_ref().map(|queue| &queue.earliest)),
                ),
                ("configured", configured(facts.configured)),
                ("expected", shown(&facts.expected)),
            ],
        ),
        Facts::Regression(facts) => (
            Some(facts.attester),
            vec![
                ("before", configured(facts.before)),
                ("now", configured(facts.now)),
                ("file", facts.file_now.clone()),
            ],
        ),
        Facts::KeysFile(facts) => (
            None,
            vec![
                ("file", facts.file.clone()),
                (
                    "line",
                    facts.line.map(|line| line.to_string()).unwrap_or_default(),
                ),
                ("fault", facts.fault.clone()),
            ],
        ),
        Facts::Slash(facts) => (
            Some(facts.attester),
            vec![
                ("amount", shown(&facts.amount)),
                ("executable", executable(&facts.executable_at)),
                ("round", facts.round.to_string()),
                ("rollup", facts.rollup.to_string()),
            ],
        ),
        Facts::Stranded(facts) => (
            Some(facts.attester),
            vec![
                ("rollup", facts.rollup.to_string()),
                (
                    "position",
                    facts
                        .position
                        .map(|position| position.to_string())
                        .unwrap_or_default(),
                ),
            ],
        ),
        Facts::Endpoint(facts) => (
            None,
            vec![
                ("endpoint", facts.endpoint.clone()),
                ("fault", fault(&facts.fault)),
                ("since", utc(facts.since)),
            ],
        ),
        Facts::UnknownEvent(facts) => (
            None,
            vec![
                ("contract", facts.role.clone()),
                ("count", facts.count.to_string()),
                ("block", facts.first_block.to_string()),
                ("topic", facts.topic.to_string()),
            ],
        ),
        Facts::Mismatch(facts) => (
            None,
            vec![
                ("what", facts.what.clone()),
                ("records", facts.folded.clone()),
                ("contracts", facts.viewed.clone()),
                ("block", facts.block.to_string()),
            ],
        ),
        Facts::History(facts) => (
            None,
            vec![
                ("from", facts.from.to_string()),
                ("to", facts.to.to_string()),
                ("proof", facts.proof.clone()),
            ],
        ),
        Facts::Channel(facts) => (
            None,
            vec![
                ("channel", facts.channel.to_string()),
                ("waiting", facts.waiting.to_string()),
                ("detail", facts.detail.clone()),
            ],
        ),
        Facts::Job(facts) => (
            None,
            vec![
                ("job", facts.job.clone()),
                ("kind", facts.kind.clone()),
                ("attempts", facts.attempts.to_string()),
                ("detail", facts.detail.clone()),
            ],
        ),
        Facts::Group(facts) => (None, vec![("count", count(facts.count))]),
        Facts::ProviderQueue(_)
        | Facts::Disagreement(_)
        | Facts::Unseen(_)
        | Facts::Stale(_)
        | Facts::DeepReorg(_)
        | Facts::Restored(_) => (None, Vec::new()),
    };
    with_attester(context, attester, cells)
}

/// Name and host come first, the full address last.
fn with_attester(
    context: &Context<'_>,
    attester: Option<AttesterAddress>,
    cells: Vec<(&str, String)>,
) -> Row {
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    let Some(attester) = attester else {
        return cells.into_iter().map(owned).collect();
    };
    let label = context.label(attester);
    let name = label.name.unwrap_or_else(|| attester.short());
    let mut row = vec![
        ("attester".to_owned(), name),
        ("host".to_owned(), label.host.unwrap_or_default()),
    ];
    row.extend(cells.into_iter().map(owned));
    row.push(("address".to_owned(), attester.to_string()));
    row
}

fn deadline(at: Option<&Due>) -> String {
    match at {
        Some(Due::Is(at)) => utc(*at),
        Some(Due::Held(_)) => "none yet".to_owned(),
        Some(Due::Unknown(_)) => "unknown".to_owned(),
        None => String::new(),
    }
}

fn executable(at: &Known<UnixSeconds>) -> String {
    match at {
        Known::Is(at) => utc(*at),
        Known::Unknown(_) => "unknown".to_owned(),
    }
}

fn shown(value: &Known<impl std::fmt::Display>) -> String {
    match value {
        Known::Is(value) => value.to_string(),
        Known::Unknown(_) => "unknown".to_owned(),
    }
}

fn configured(configured: Configured) -> String {
    match configured {
        Configured::NoKeysFile => "unknown".to_owned(),
        Configured::Missing => "none".to_owned(),
        Configured::Is(coinbase) => coinbase.to_string(),
    }
}

fn fault(fault: &EndpointFault) -> String {
    match fault {
        EndpointFault::Silent => "silent".to_owned(),
        EndpointFault::Refuses => "errors".to_owned(),
        EndpointFault::Lags(_) => "behind".to_owned(),
        EndpointFault::WrongChain { found, .. } => format!("chain {found}"),
        EndpointFault::Limits => "limits our rate".to_owned(),
        EndpointFault::Contradicted => "contradicted by the others".to_owned(),
    }
}
