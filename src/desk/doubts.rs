//! Doubts about our own reading: folds that views contradict, history that nobody has, endpoints that disagree.

use crate::{
    alert::{
        class::Class,
        facts::{DisagreementFacts, Facts, HistoryFacts, MismatchFacts},
    },
    book::{Book, fold::Fault, records::Disagreement},
    state::State,
    units::{BlockNumber, UnixSeconds},
};

/// A disagreement is told for so long after its block: 3,600 s = 300 L1 blocks.
const DISAGREEMENT_TOLD_SECONDS: u64 = 3_600;

/// What is told: the class, what it is about, and the facts.
pub(super) type Doubt = (Class, String, Facts);

/// Every doubt about a network.
pub(super) fn of(state: &State, network: &str, book: &Book, now: UnixSeconds) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    let progress = state.progress_of(network);
    for noted in &progress.faults {
        doubts.push(mismatch(&noted.fault, noted.block));
    }
    let chapter = book.summary();
    for fact in &chapter.missing {
        let facts = HistoryFacts {
            from: BlockNumber::new(0),
            to: chapter.first_block,
            proof: fact.to_string(),
            endpoints: progress.forgetful.iter().map(ToString::to_string).collect(),
        };
        doubts.push((
            Class::HistoryMissing,
            fact.to_string(),
            Facts::History(facts),
        ));
    }
    let young = book
        .disagreements
        .rows()
        .filter(|(_, row)| now.since(row.at) <= DISAGREEMENT_TOLD_SECONDS);
    doubts.extend(young.map(|(_, row)| disagreement(row)));
    doubts
}

fn mismatch(fault: &Fault, block: BlockNumber) -> Doubt {
    let expected = || "the head of the queue as folded".to_owned();
    let (what, folded, viewed) = match fault {
        Fault::QueueHead { rollup, attester } => (
            format!("departure from the entry queue of rollup {rollup}"),
            expected(),
            attester.to_string(),
        ),
        Fault::ProviderQueueHead { provider, attester } => (
            format!("departure from the queue of provider {provider}"),
            expected(),
            attester.to_string(),
        ),
        Fault::NoRegistration { attester } => (
            format!("registration of {attester}"),
            "never seen".to_owned(),
            "an event speaks of it".to_owned(),
        ),
        Fault::UnknownRollup { rollup } => (
            format!("rollup {rollup}"),
            "not known".to_owned(),
            "an event speaks of it".to_owned(),
        ),
        Fault::View { what, folded, read } => (what.clone(), folded.clone(), read.clone()),
    };
    let cure = Some(
        "the views are believed, and everything of ours is read again at the next audit".to_owned(),
    );
    let facts = MismatchFacts {
        what: what.clone(),
        folded,
        viewed,
        block,
        cure,
    };
    (Class::FoldMismatch, what, Facts::Mismatch(facts))
}

fn disagreement(row: &Disagreement) -> Doubt {
    let mut answers: Vec<(String, Vec<String>)> = Vec::new();
    for said in &row.said {
        let digest = said.digest.to_string();
        let answer = format!(
            "{} logs, digest {}",
            said.logs,
            digest.get(..10).unwrap_or(&digest)
        );
        let endpoint = said.endpoint.as_str().to_owned();
        match answers.iter_mut().find(|(known, _)| *known == answer) {
            Some((_, endpoints)) => endpoints.push(endpoint),
            None => answers.push((answer, vec![endpoint])),
        }
    }
    answers.sort_by_key(|(_, endpoints)| std::cmp::Reverse(endpoints.len()));
    let facts = DisagreementFacts {
        block: row.block.number,
        what: "logs and views".to_owned(),
        answers,
        out: row.out.iter().map(|out| out.as_str().to_owned()).collect(),
    };
    (
        Class::EndpointsDisagree,
        format!("block-{}", row.block.number),
        Facts::Disagreement(facts),
    )
}
