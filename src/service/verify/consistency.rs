//! Whether the records of a store fit each other. Pure.

use super::{Area, Finding, compared};
use crate::{
    attester::stage::standing,
    book::Book,
    jobs::JobKind,
    outbox::delivery::DeliveryState,
    state::State,
    units::{BlockNumber, QueueIndex},
    watcher::progress::Progress,
};

const NEXT: &str = "Report this with an export of the store: it is a fault of steward or of the disk. \
                    The book can be read from the chain again: move DATA_DIR/store away and start.";

/// Whether every message that is owed has a job that sends it.
pub(super) fn outbox(state: &State) -> Option<Finding> {
    let mut differences = Vec::new();
    let mut owed = 0_u64;
    for delivery in state.outbox.deliveries() {
        if !matches!(
            delivery.state,
            DeliveryState::Pending | DeliveryState::Started(_)
        ) {
            continue;
        }
        owed = owed.saturating_add(1);
        let job = state.jobs.job(delivery.job);
        if !job.is_some_and(|job| job.kind == JobKind::Deliver && job.key == delivery.id.as_str()) {
            differences.push(format!(
                "the message {} waits, and no job sends it",
                delivery.id
            ));
        }
    }
    let fits = format!("{owed} messages wait, each with its job");
    Some(Finding {
        area: Area::Store,
        ..compared("outbox".to_owned(), fits, &differences, NEXT)
    })
}

/// Whether coverage has no gap, and whether the book of a network fits itself.
pub(super) fn network(state: &State, name: &str) -> Vec<Finding> {
    let Some(book) = state.book(name).filter(|book| !book.chapter.is_empty()) else {
        let detail = "nothing of it was read yet";
        return vec![Finding::good(Area::Book, name, detail)];
    };
    let progress = state
        .progress
        .row(&name.to_owned())
        .cloned()
        .unwrap_or_default();
    let mut differences = Vec::new();
    provider_queues(book, &mut differences);
    entry_queues(book, &mut differences);
    attesters(book, &mut differences);
    blocks(book, &mut differences);
    let fits = format!(
        "queues, places, states and the chain of blocks fit each other ({} providers, {} entries in queues)",
        book.providers.len(),
        book.entry_queue.len()
    );
    vec![
        coverage(book, &progress, name),
        compared(format!("{name} records"), fits, &differences, NEXT),
    ]
}

fn coverage(book: &Book, progress: &Progress, name: &str) -> Finding {
    let chapter = book.summary();
    // Block 0 has no transactions and is not read.
    let first = chapter.first_block.max(BlockNumber::new(1));
    let cursor = chapter.cursor.number;
    let gaps = progress.covered.gaps(first, cursor);
    let differences: Vec<String> = gaps
        .iter()
        .map(|(from, to)| format!("the logs of blocks {from} to {to} were not read"))
        .collect();
    let fits = format!("every block from {first} to {cursor} was read, no gap");
    compared(format!("{name} coverage"), fits, &differences, NEXT)
}

/// Keys in a provider's queue stand at consecutive places, and each attester knows its own.
fn provider_queues(book: &Book, differences: &mut Vec<String>) {
    for (provider, row) in book.providers.rows() {
        let entries = book
            .provider_queue
            .range((*provider, QueueIndex::new(0))..=(*provider, QueueIndex::new(u64::MAX)));
        let mut expected = row.first;
        for ((_, index), entry) in entries {
            if *index != expected {
                differences.push(format!(
                    "the queue of provider {provider} has no place {expected}"
                ));
            }
            expected = index.saturating_add(1);
            let place = book
                .attesters
                .row(&entry.attester)
                .and_then(|attester| attester.membership_in(*provider))
                .and_then(|membership| membership.queue_index);
            if place != Some(*index) {
                differences.push(format!(
                    "{} stands at place {index} of provider {provider}, its own record says {place:?}",
                    entry.attester
                ));
            }
        }
        if expected != row.last {
            differences.push(format!(
                "the queue of provider {provider} ends at {expected}, its record says {}",
                row.last
            ));
        }
        let left = row
            .added
            .saturating_sub(row.dripped)
            .saturating_sub(row.staked);
        if left != row.keys_left() {
            differences.push(format!(
                "provider {provider}: {} keys added - {} dripped - {} staked = {left}, but {} wait",
                row.added,
                row.dripped,
                row.staked,
                row.keys_left()
            ));
        }
    }
}

/// Entries of an entry queue stand at consecutive places, and each attester knows its own.
fn entry_queues(book: &Book, differences: &mut Vec<String>) {
    for (rollup, row) in book.rollups.rows() {
        let entries = book
            .entry_queue
            .range((*rollup, QueueIndex::new(0))..=(*rollup, QueueIndex::new(u64::MAX)));
        let mut expected = row.queue.first;
        for ((_, index), entry) in entries {
            if *index != expected {
                differences.push(format!(
                    "the entry queue of rollup {rollup} has no place {expected}"
                ));
            }
            expected = index.saturating_add(1);
            let attester = book.attesters.row(&entry.attester);
            let knows = attester.is_some_and(|attester| {
                let mut entries = attester.entries.iter();
                entries.any(|own| own.rollup == *rollup && own.index == *index)
            });
            if !knows {
                differences.push(format!(
                    "{} stands at place {index} of rollup {rollup}, and its own record does not say so",
                    entry.attester
                ));
            }
        }
        if expected != row.queue.last {
            differences.push(format!(
                "the entry queue of rollup {rollup} ends at {expected}, its record says {}",
                row.queue.last
            ));
        }
    }
}

/// The state of every attester follows from its record, and its places exist.
fn attesters(book: &Book, differences: &mut Vec<String>) {
    use crate::attester::Reason;
    let latest = book.latest();
    for (address, attester) in book.attesters.rows() {
        let follows = standing(attester, latest);
        // While only a view can tell whether a slash ejected it, the state before stays.
        if follows != attester.standing && follows.reason != Reason::EjectionUnknown {
            differences.push(format!(
                "{address} is recorded as {}, and {} follows from its record",
                attester.standing.stage, follows.stage
            ));
        }
        for entry in &attester.entries {
            let known = book.entry_queue.row(&(entry.rollup, entry.index));
            if known.is_none_or(|known| known.attester != *address) {
                differences.push(format!(
                    "{address} claims place {} of rollup {}, which is not its own",
                    entry.index, entry.rollup
                ));
            }
        }
    }
}

/// Each recent block stands on the one before.
fn blocks(book: &Book, differences: &mut Vec<String>) {
    let rows: Vec<_> = book.blocks.rows().collect();
    for pair in rows.windows(2) {
        let [(lower, below), (upper, above)] = pair else {
            continue;
        };
        if upper.since(**lower) == 1 && above.parent != below.hash {
            differences.push(format!("block {upper} does not stand on block {lower}"));
        }
    }
    let cursor = book.summary().cursor;
    let last = book.blocks.row(&cursor.number);
    if last.is_some_and(|row| row.hash != cursor.hash) {
        differences.push(format!(
            "the cursor {cursor} is not the block that was read"
        ));
    }
}
