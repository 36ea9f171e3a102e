//! The network and what it does to attesters: votes, queues, endpoints.

use super::Told;
use crate::{
    alert::{
        card::{Span, Text},
        facts::{
            DisagreementFacts, EndpointFacts, EndpointFault, Known, ProviderQueueFacts, SlashFacts,
            StaleFacts, StrandedFacts, UnseenFacts,
        },
        text::{Context, count, counted, field, known, known_moment, moment, since},
    },
    units::Wei,
};

pub(super) fn slash(context: &Context<'_>, facts: &SlashFacts) -> Told {
    let name = context.name(facts.attester);
    let title = if facts.is_executed {
        Text::plain("Slash of attester ")
            .with(name)
            .and(" was executed")
    } else {
        Text::plain("Votes to slash attester ").with(name)
    };
    let votes = format!(
        "{} cast in round {}, a slash needs {}",
        counted(facts.votes, "vote was", "votes were"),
        facts.round,
        count(facts.quorum)
    );
    let takes = known(
        Text::plain(format!("{votes}; the tally takes ")),
        &facts.amount,
        " AZTEC from it.",
    );
    let when = if facts.is_executed {
        Text::plain("The round was executed; the slash card says what it took.")
    } else {
        known_moment(Text::plain("It can be executed "), &facts.executable_at).and(".")
    };
    let step = Text::plain(
        "Find out why its duties were missed and bring its node back: more offences mean more votes.",
    );
    Told {
        title,
        lines: vec![takes, when, step],
        fields: vec![
            context.attester_field(facts.attester),
            field("Balance", balance(facts), false),
            field("Rollup", format!("version {}", facts.rollup), true),
        ],
    }
}

/// What it has, and how far that is above the ejection.
fn balance(facts: &SlashFacts) -> Text {
    let text = known(Text::default(), &facts.balance, " AZTEC");
    let (Known::Is(balance), Known::Is(threshold)) =
        (facts.balance.clone(), facts.ejection_threshold.clone())
    else {
        return known(
            text.and(" · ejected below "),
            &facts.ejection_threshold,
            " AZTEC",
        );
    };
    let text = text.and(format!(" · ejected below {threshold} AZTEC"));
    match &facts.amount {
        Known::Is(amount) if balance.saturating_sub(*amount) < threshold && *amount > Wei::ZERO => {
            text.and(" · this slash ejects it")
        }
        _ => text.and(format!(
            " · headroom {} AZTEC",
            balance.saturating_sub(threshold)
        )),
    }
}

pub(super) fn provider_queue(facts: &ProviderQueueFacts) -> Told {
    let empty = match facts.empty_since {
        Some(empty_since) => since(
            Text::plain(format!(
                "Provider {} has no key left since ",
                facts.provider
            )),
            empty_since,
        )
        .and(": "),
        None => Text::plain(format!("Provider {} has no key: ", facts.provider)),
    };
    Told {
        title: Text::plain("Provider queue is empty, delegations are refused"),
        lines: vec![
            empty.and("a stake with it reverts, and delegators go elsewhere."),
            Text::plain("Add keys with addKeysToProvider; about 80 fit into one transaction."),
        ],
        fields: vec![field("Keys left", count(facts.keys_left), true)],
    }
}

pub(super) fn stranded(context: &Context<'_>, facts: &StrandedFacts) -> Told {
    let text = Text::plain(format!(
        "It was to move with the latest rollup, and rollup version {} is canonical now. When the old queue is flushed, its deposit is refused and the stake goes back to ",
        facts.canonical
    ));
    let text = match facts.withdrawer {
        Some(withdrawer) => text
            .and("the withdrawer ")
            .with(context.explorer.address(withdrawer)),
        None => text.and("its withdrawer"),
    };
    let place = match facts.position {
        Some(position) => format!(
            "position {} of rollup version {}",
            count(position),
            facts.rollup
        ),
        None => format!(
            "rollup version {}, position unknown: the queue was not read yet",
            facts.rollup
        ),
    };
    Told {
        title: Text::plain("Attester ")
            .with(context.name(facts.attester))
            .and(" waits on an old rollup"),
        lines: vec![
            text.and("."),
            Text::plain(
                "Tell the delegator to stake again on the canonical rollup; address and key are not used up and may be added again.",
            ),
        ],
        fields: vec![
            context.attester_field(facts.attester),
            field("Entry queue", place, false),
        ],
    }
}

pub(super) fn endpoint(facts: &EndpointFacts) -> Told {
    let (what, step) = match &facts.fault {
        EndpointFault::Silent => (
            " does not answer".to_owned(),
            "Check that it runs and can be reached from this host.",
        ),
        EndpointFault::Refuses => (
            " answers with errors".to_owned(),
            "Check its key, its quota and its version.",
        ),
        EndpointFault::Lags(_) => (
            " is behind the others".to_owned(),
            "Check that it is synchronised and has peers.",
        ),
        EndpointFault::WrongChain { found, expected } => (
            format!(" serves chain {found}, not {expected}"),
            "Correct its URL in the configuration; it is not used until then.",
        ),
        EndpointFault::Limits => (
            " limits our rate".to_owned(),
            "Take a plan with a higher rate, or add an endpoint.",
        ),
        EndpointFault::Contradicted => (
            " is contradicted by the others".to_owned(),
            "Compare it with a public explorer, and replace it where it is wrong.",
        ),
    };
    let left = format!(
        "{} of {} well",
        count(facts.healthy),
        counted(facts.total, "endpoint is", "endpoints are")
    );
    let consequence = match facts.healthy {
        0 => "; nothing is seen until one answers.",
        1 => "; with one left, nobody can contradict it.",
        _ => "; the others carry on.",
    };
    let mut fields = vec![field(
        "Endpoint",
        Text::from(Span::Foreign(facts.endpoint.clone())),
        true,
    )];
    if let EndpointFault::Lags(blocks) = facts.fault {
        fields.push(field("Behind", counted(blocks, "block", "blocks"), true));
    }
    fields.extend(
        facts
            .detail
            .clone()
            .map(|detail| field("Last error", Text::from(Span::Foreign(detail)), false)),
    );
    Told {
        title: Text::plain("Endpoint ")
            .with(Span::Foreign(facts.endpoint.clone()))
            .and(what),
        lines: vec![
            since(Text::plain("This holds since "), facts.since)
                .and(". ")
                .and(left)
                .and(consequence),
            Text::plain(step),
        ],
        fields,
    }
}

pub(super) fn disagreement(facts: &DisagreementFacts) -> Told {
    let mut fields = Vec::new();
    // The two answers that are most agreed with, and how many more there are.
    for (answer, endpoints) in facts.answers.iter().take(3) {
        let text = Text::from(Span::Code(answer.clone()))
            .and(" from ")
            .with(Span::Foreign(endpoints.join(", ")));
        let name = counted(
            u64::try_from(endpoints.len()).unwrap_or(u64::MAX),
            "endpoint says",
            "endpoints say",
        );
        fields.push(field(&name, text, false));
    }
    let out = if facts.out.is_empty() {
        Text::plain("None is out of rotation.")
    } else {
        Text::default()
            .with(Span::Foreign(facts.out.join(", ")))
            .and(" is out of rotation until it agrees.")
    };
    Told {
        title: Text::plain(format!(
            "Endpoints disagree about block {}",
            count(facts.block.value())
        )),
        lines: vec![
            Text::plain("They give different answers for its ")
                .with(Span::Foreign(facts.what.clone()))
                .and(". Alerts wait for agreement, at most 6 s each."),
            out,
        ],
        fields,
    }
}

pub(super) fn unseen(context: &Context<'_>, facts: &UnseenFacts) -> Told {
    let last = match facts.last_block {
        Some(block) => Text::plain("The last block seen is ").with(context.explorer.block(block)),
        None => Text::plain("No block was seen yet"),
    };
    let silence = since(
        Text::plain(format!(
            "None of {} answers since ",
            counted(facts.total, "endpoint", "endpoints")
        )),
        facts.since,
    );
    Told {
        title: Text::plain("No endpoint answers, nothing is seen"),
        lines: vec![
            silence.and("."),
            last.and("; what happens now is told when one answers again, with its true time."),
            Text::plain("Check the network of this host first, then each endpoint."),
        ],
        fields: facts
            .detail
            .clone()
            .map(|detail| field("Last error", Text::from(Span::Foreign(detail)), false))
            .into_iter()
            .collect(),
    }
}

pub(super) fn stale(context: &Context<'_>, facts: &StaleFacts) -> Told {
    let text = Text::plain("The newest block, ")
        .with(context.explorer.block(facts.block))
        .and(", is from ");
    Told {
        title: Text::plain("The newest block is old"),
        lines: vec![
            moment(text, facts.at).and(format!(
                ", and {} with it. Either L1 stands still or the endpoints do.",
                counted(facts.endpoints, "endpoint agrees", "endpoints agree")
            )),
            Text::plain("Compare with a public explorer, and check the clock of this host."),
        ],
        fields: Vec::new(),
    }
}
