//! Many of one class, told as one.

use super::Told;
use crate::alert::{
    card::{Span, Text},
    class::Class,
    facts::GroupFacts,
    text::{count, counted, field, moment},
};

/// What many of a class are, and what follows: `(one, many, so what, what next)`.
#[expect(
    clippy::too_many_lines,
    reason = "a table of sentences, one entry for each class"
)]
const fn words(class: Class) -> (&'static str, &'static str, &'static str, &'static str) {
    match class {
        Class::CoinbaseMissing => (
            "attester has no coinbase",
            "attesters have no coinbase",
            "Once they validate, their rewards go to the node's default address.",
            "Set the coinbases that the attached file names, and reload the keystores.",
        ),
        Class::CoinbaseMismatch => (
            "attester has a wrong coinbase",
            "attesters have a wrong coinbase",
            "Their rewards go to other addresses than their splits.",
            "Set the coinbases that the attached file names, and reload the keystores.",
        ),
        Class::CoinbaseRegression => (
            "coinbase vanished or changed",
            "coinbases vanished or changed",
            "Newer keys files no longer give what older ones gave.",
            "Put the right coinbases into the newest keys files.",
        ),
        Class::KeysFileInvalid => (
            "keys file cannot be used",
            "keys files cannot be used",
            "Their last good content stays in force.",
            "Look at what writes them: so many at once have one cause.",
        ),
        Class::SlashVotes => (
            "attester has votes to slash",
            "attesters have votes to slash",
            "They lose stake when their rounds are executed.",
            "Find out why their duties were missed and bring their nodes back.",
        ),
        Class::StrandedInEntryQueue => (
            "attester waits on an old rollup",
            "attesters wait on an old rollup",
            "Their deposits will be refused and their stakes refunded.",
            "Tell the delegators to stake again on the canonical rollup.",
        ),
        Class::EndpointUnhealthy => (
            "endpoint is unhealthy",
            "endpoints are unhealthy",
            "The others carry on as long as there are some.",
            "Check the network of this host first, then each endpoint.",
        ),
        Class::UnknownEvent => (
            "event is unknown",
            "events are unknown",
            "What they change is not in steward's records; views are read as before.",
            "The contracts were probably upgraded: update steward.",
        ),
        Class::FoldMismatch => (
            "record does not fit the contracts",
            "records do not fit the contracts",
            "Logs were missed or misread: this is about steward, not about the attesters.",
            "Run verify to find the block where both part.",
        ),
        Class::HistoryMissing => (
            "range of history is missing",
            "ranges of history are missing",
            "Present states come from views and are right; how they came about is unknown.",
            "Name an endpoint that keeps logs in L1_ARCHIVE_RPC_URLS.",
        ),
        Class::ChannelUnreachable => (
            "channel takes no messages",
            "channels take no messages",
            "Their messages go to the fallback channel or wait.",
            "Check the bot's permissions in the server.",
        ),
        Class::JobExhausted => (
            "job gave up",
            "jobs gave up",
            "They are kept, and nothing of them is tried again by itself.",
            "Remove the cause, then retry or cancel them.",
        ),
        Class::AttesterTransition
        | Class::AttesterSlashed
        | Class::ProviderChanged
        | Class::CanonicalRollupChanged
        | Class::Summary
        | Class::MissedChanges
        | Class::CatchUp
        | Class::Test
        | Class::Canary
        | Class::ProviderQueueEmpty
        | Class::EndpointsDisagree
        | Class::NetworkUnseen
        | Class::HeadStale
        | Class::DeepReorg
        | Class::StoreRestored => (
            "finding of one kind",
            "findings of one kind",
            "They are told together.",
            "The table shows the most pressing ones.",
        ),
    }
}

pub(super) fn group(class: Class, facts: &GroupFacts) -> Told {
    let (one, many, consequence, step) = words(class);
    let what = match &facts.common {
        Some((label, covered)) if *covered == facts.count => Text::plain("All on ")
            .with(Span::Foreign(label.clone()))
            .and(". "),
        Some((label, covered)) => Text::plain(format!("{} of them on ", count(*covered)))
            .with(Span::Foreign(label.clone()))
            .and(". "),
        None => Text::default(),
    };
    let mut fields = vec![field("How many", count(facts.count), true)];
    fields.extend(
        facts
            .deadline
            .map(|at| field("First deadline", moment(Text::default(), at), true)),
    );
    Told {
        title: Text::plain(counted(facts.count, one, many)),
        lines: vec![what.and(consequence), Text::plain(step)],
        fields,
    }
}
