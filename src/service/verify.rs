//! What can be proven of a store: that its records can be read, that they fit each other, that what was observed gives the
//! same book again, views included, and that the chain's logs do so too, as far as logs tell.
//!
//! The chain is read from its first block with logs alone, into memory; the store is never written. What logs cannot
//! tell - who was ejected by a slash, times of exits, tallies, flush state - is not compared, and the findings say so.

mod consistency;
mod rederive;
mod replay;

pub use rederive::rederive;
pub use replay::replay;

use super::check::{Area, Finding};
use crate::{
    attester::change::Entry,
    state::State,
    store::{
        Store, StoreError, Tree, identity,
        table::{Record, decode_record},
        undo,
    },
    tasks::chain_of,
};

/// Rows read at once.
const PAGE: usize = 1_000;
/// Differences that are named; the rest is counted.
const NAMED_MAX: usize = 10;

/// Looks at the records of a store, and at how they fit each other. Gives the state where it can be read.
#[must_use]
pub fn store(store: &dyn Store) -> (Vec<Finding>, Option<State>) {
    let next = "Restore an export (steward import), or move the data directory away and start again from the chain.";
    let bad = |subject: &str, error: &StoreError| {
        Finding::bad(Area::Store, subject, chain_of(error), next)
    };
    let networks = match identity::meta(store).and_then(|_| identity::networks(store)) {
        Ok(networks) => networks,
        Err(error) => return (vec![bad("identity", &error)], None),
    };
    let names: Vec<String> = networks.into_iter().map(|network| network.name).collect();
    let state = match State::load(names.iter().map(String::as_str), store, 0) {
        Ok(state) => state,
        Err(error) => return (vec![bad("records", &error)], None),
    };
    let mut found = vec![match (history(store), undo_records(store)) {
        (Ok(entries), Ok(blocks)) => {
            let attesters: usize = state.books.values().map(|book| book.attesters.len()).sum();
            let detail = format!(
                "all can be read: networks {}; {attesters} attesters, {entries} history entries, {} deliveries, undo of {blocks} blocks",
                if names.is_empty() {
                    "none".to_owned()
                } else {
                    names.join(", ")
                },
                state.outbox.deliveries().count(),
            );
            Finding::good(Area::Store, "records", detail)
        }
        (Err(error), _) | (_, Err(error)) => bad("records", &error),
    }];
    found.extend(consistency::outbox(&state));
    for name in &names {
        found.extend(consistency::network(&state, name));
    }
    (found, Some(state))
}

/// Reads every history entry; gives their number.
fn history(store: &dyn Store) -> Result<u64, StoreError> {
    let prefix = format!("{}/", Entry::KIND);
    each(store, Tree::Derived, prefix.as_bytes(), |key, value| {
        decode_record::<Entry>(key, value).map(|_entry| ())
    })
}

/// Reads every undo record; gives their number.
fn undo_records(store: &dyn Store) -> Result<u64, StoreError> {
    each(store, Tree::Undo, b"", |_, value| {
        undo::decode(value).map(|_writes| ())
    })
}

fn each(
    store: &dyn Store,
    tree: Tree,
    prefix: &[u8],
    mut look: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let (mut count, mut after) = (0_u64, None::<Vec<u8>>);
    loop {
        let page = store.scan(tree, prefix, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(count);
        };
        after = Some(last.clone());
        for (key, value) in &page {
            look(key, value)?;
            count = count.saturating_add(1);
        }
    }
}

/// One finding for a comparison: what was compared, or the first differences.
fn compared(subject: String, compared: String, differences: &[String], next: &str) -> Finding {
    if differences.is_empty() {
        return Finding::good(Area::Book, subject, compared);
    }
    let named: Vec<&str> = differences
        .iter()
        .take(NAMED_MAX)
        .map(String::as_str)
        .collect();
    let more = differences.len().saturating_sub(NAMED_MAX);
    let rest = match more {
        0 => String::new(),
        more => format!("\nand {more} more"),
    };
    let count = differences.len();
    let word = if count == 1 {
        "difference"
    } else {
        "differences"
    };
    Finding::bad(
        Area::Book,
        subject,
        format!("{count} {word}:\n{}{rest}", named.join("\n")),
        next,
    )
}

#[cfg(test)]
#[path = "verify/tests.rs"]
mod tests;
