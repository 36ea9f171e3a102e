//! The book, derived again from the chain's logs, and compared with the one in the store.

use std::{collections::BTreeMap, fmt::Debug};

use super::{Finding, compared};
use crate::{
    attester::{Attester, RegistrationState, StakeFate},
    book::{
        Book,
        fold::{Fold, Mode, Ours},
        records::{Provider, Rollup},
    },
    chain::{BlockTag, ChainError, endpoints::Endpoints},
    service::check::{Area, Progress},
    units::{B256, BlockNumber, BlockRef, RollupVersion, UnixSeconds},
    watcher::logs::{Reading, catch_up_filter},
};

const NEXT: &str = "One of both is wrong: verify again with another endpoint (one that forgets logs gives differences). \
                    If they stay, report them with an export, move DATA_DIR/store away, and start: the book is then read again.";

/// What logs cannot tell.
const NOT_COMPARED: &str = "not compared with the chain, because only views tell it: ejections by slashes, exit times, \
                            parameters, tallies; of these the recorded observations tell";

/// Reads the logs of a network from its first block to the cursor of `book` and compares what follows.
///
/// # Errors
/// [`ChainError`] where the endpoints do not give the logs.
pub async fn rederive(
    book: &Book,
    ours: &Ours,
    endpoints: &Endpoints,
    progress: Progress<'_>,
) -> Result<Vec<Finding>, ChainError> {
    let name = book.network.as_str();
    let cursor = book.summary().cursor;
    let header = endpoints.header(BlockTag::Number(cursor.number)).await?;
    if header.is_none_or(|header| header.block != cursor) {
        let detail = format!(
            "block {cursor}, up to which the store was read, is not on the chain that the endpoints serve"
        );
        let next = "Run steward until it has taken the reorg back, and verify again. If it does not, the store is of another chain.";
        return Ok(vec![Finding::doubtful(
            Area::Book,
            format!("{name} chain"),
            detail,
            next,
        )]);
    }
    let (again, logs) = read_again(book, ours, endpoints, progress).await?;
    let parts = [
        ("providers", providers(book, &again)),
        ("entry queues", queues(book, &again)),
        ("attesters", attesters(book, &again)),
    ];
    let mut found: Vec<Finding> = parts
        .into_iter()
        .map(|(part, differences)| {
            let fits = format!(
                "as derived again from {logs} logs up to block {}",
                cursor.number
            );
            compared(format!("{name} {part}"), fits, &differences, NEXT)
        })
        .collect();
    found.push(Finding::good(
        Area::Book,
        format!("{name} rest"),
        NOT_COMPARED,
    ));
    Ok(found)
}

/// A fresh book, from logs alone.
async fn read_again(
    book: &Book,
    ours: &Ours,
    endpoints: &Endpoints,
    progress: Progress<'_>,
) -> Result<(Book, u64), ChainError> {
    let chapter = book.summary();
    let mut again = Book::new(&book.network);
    for (version, rollup) in book.rollups.rows() {
        again.rollups.put(*version, contracts_of(rollup));
    }
    again.change_chapter(|fresh| {
        fresh.registry = chapter.registry;
        fresh.staking_registry = chapter.staking_registry;
        fresh.first_block = chapter.first_block;
    });
    let contracts = again.contracts();
    let filter = catch_up_filter(&contracts);
    let (mut from, last) = (chapter.first_block, chapter.cursor.number);
    let mut logs = 0_u64;
    while from <= last {
        progress(&format!("{}: logs of block {from} of {last}", book.network));
        let range = endpoints.logs(from, last, &filter).await?;
        logs = logs.saturating_add(u64::try_from(range.logs.len()).unwrap_or(u64::MAX));
        let reading = Reading::of(&contracts, &range.logs, |_| UnixSeconds::default());
        let mut fold = Fold::new(&mut again, ours, Mode::CatchUp);
        fold.events(&reading.seen);
        drop(fold.finish());
        again.change_chapter(|fresh| {
            fresh.cursor = BlockRef {
                number: range.to_reached,
                hash: B256::ZERO,
            };
        });
        from = range.to_reached.saturating_add(1);
    }
    Ok((again, logs))
}

/// A rollup as discovery finds it, before any event.
fn contracts_of(rollup: &Rollup) -> Rollup {
    Rollup {
        address: rollup.address,
        gse: rollup.gse,
        slashing: rollup.slashing.clone(),
        ..Rollup::default()
    }
}

/// Says where two values differ.
fn differ<T: PartialEq + Debug>(
    differences: &mut Vec<String>,
    about: &dyn std::fmt::Display,
    what: &str,
    stored: &T,
    derived: &T,
) {
    if stored != derived {
        differences.push(format!(
            "{about}: {what} is {stored:?} in the store, {derived:?} by the logs"
        ));
    }
}

fn providers(stored: &Book, derived: &Book) -> Vec<String> {
    let mut differences = Vec::new();
    for (id, theirs) in derived.providers.rows() {
        let about = format!("provider {id}");
        let Some(ours) = stored.providers.row(id) else {
            differences.push(format!("{about} is missing in the store"));
            continue;
        };
        // A registration that came before the first block is known to views only.
        let told = |provider: &Provider| {
            theirs
                .admin
                .is_some()
                .then_some((provider.admin, provider.take_rate))
        };
        differ(
            &mut differences,
            &about,
            "admin and take rate",
            &told(ours),
            &told(theirs),
        );
        let counts = |one: &Provider| {
            (
                one.first.value(),
                one.last.value(),
                one.added,
                one.dripped,
                one.staked,
            )
        };
        differ(
            &mut differences,
            &about,
            "(first place, next place, added, dripped, staked)",
            &counts(ours),
            &counts(theirs),
        );
    }
    let missing = stored
        .providers
        .rows()
        .filter(|(id, row)| derived.providers.row(id).is_none() && row.added > 0);
    differences.extend(
        missing.map(|(id, _)| format!("provider {id} is in the store, and no log tells of it")),
    );
    let keys = |book: &Book| -> Vec<_> {
        let rows = book.provider_queue.rows();
        rows.map(|((provider, index), entry)| (provider.value(), index.value(), entry.attester))
            .collect()
    };
    let (ours, theirs) = (keys(stored), keys(derived));
    if ours != theirs {
        let first = ours
            .iter()
            .zip(&theirs)
            .find(|(ours, theirs)| ours != theirs);
        differences.push(format!("the keys that wait differ, first at {first:?}"));
    }
    differences
}

fn queues(stored: &Book, derived: &Book) -> Vec<String> {
    let mut differences = Vec::new();
    for (version, rollup) in derived.rollups.rows() {
        let about = format!("rollup {version}");
        let ours = stored
            .rollups
            .row(version)
            .map(|row| row.queue.clone())
            .unwrap_or_default();
        let ends =
            |queue: &crate::book::records::EntryQueue| (queue.first.value(), queue.last.value());
        differ(
            &mut differences,
            &about,
            "(first place, next place)",
            &ends(&ours),
            &ends(&rollup.queue),
        );
    }
    let entries = |book: &Book| -> BTreeMap<(RollupVersion, u64), (_, _)> {
        let rows = book.entry_queue.rows();
        rows.map(|((rollup, index), entry)| {
            ((*rollup, index.value()), (entry.attester, entry.withdrawer))
        })
        .collect()
    };
    let (ours, theirs) = (entries(stored), entries(derived));
    for ((rollup, index), entry) in &theirs {
        let about = format!("place {index} of rollup {rollup}");
        differ(
            &mut differences,
            &about,
            "entry",
            &ours.get(&(*rollup, *index)),
            &Some(entry),
        );
    }
    let extra = ours.keys().filter(|key| !theirs.contains_key(key));
    differences.extend(
        extra.map(|(rollup, index)| {
            format!("place {index} of rollup {rollup} is in the store only")
        }),
    );
    differences
}

fn attesters(stored: &Book, derived: &Book) -> Vec<String> {
    let mut differences = Vec::new();
    for (address, theirs) in derived.attesters.rows() {
        let Some(ours) = stored.attesters.row(address) else {
            differences.push(format!("{address} is missing in the store"));
            continue;
        };
        let mut put = |what: &str, ours: &dyn ComparedAs, theirs: &dyn ComparedAs| {
            let (ours, theirs) = (ours.text(), theirs.text());
            if ours != theirs {
                differences.push(format!(
                    "{address}: {what}: {ours} in the store, {theirs} by the logs"
                ));
            }
        };
        put(
            "providers and places",
            &memberships(ours),
            &memberships(theirs),
        );
        put("places in entry queues", &places(ours), &places(theirs));
        put("stakes", &stakes(ours), &stakes(theirs));
        put(
            "slashes",
            &(ours.slash_count, ours.slashed),
            &(theirs.slash_count, theirs.slashed),
        );
        if let (Some(ours), Some(theirs)) = (balance(ours), balance(theirs)) {
            put("balance", &ours, &theirs);
        }
    }
    let known =
        |attester: &Attester| !memberships(attester).is_empty() || !attester.stakes.is_empty();
    let extra = stored
        .attesters
        .rows()
        .filter(|(address, row)| derived.attesters.row(address).is_none() && known(row));
    differences.extend(
        extra.map(|(address, _)| format!("{address} is in the store, and no log tells of it")),
    );
    differences
}

/// Anything that can be compared as text.
trait ComparedAs {
    fn text(&self) -> String;
}

impl<T: Debug> ComparedAs for T {
    fn text(&self) -> String {
        format!("{self:?}")
    }
}

/// `(provider, place, dripped)`, by provider.
fn memberships(attester: &Attester) -> Vec<(u64, Option<u64>, bool)> {
    let mut all: Vec<_> = attester
        .memberships()
        .map(|one| {
            (
                one.provider.value(),
                one.queue_index.map(|index| index.value()),
                one.is_dripped,
            )
        })
        .collect();
    all.sort_unstable();
    all
}

fn places(attester: &Attester) -> Vec<(u64, u64)> {
    let entries = attester.entries.iter();
    entries
        .map(|entry| (entry.rollup.value(), entry.index.value()))
        .collect()
}

fn stakes(attester: &Attester) -> Vec<(u64, String, BlockNumber, StakeFate)> {
    let stakes = attester.stakes.iter();
    stakes
        .map(|stake| {
            (
                stake.rollup.value(),
                stake.split.to_string(),
                stake.block,
                stake.fate,
            )
        })
        .collect()
}

/// What is left of its stake while it validates; logs do not tell what an ejected one has.
fn balance(attester: &Attester) -> Option<String> {
    let known = attester.registration.as_ref()?;
    matches!(
        known.state,
        RegistrationState::Validating
            | RegistrationState::SlashedEjectionUnknown
            | RegistrationState::Zombie { .. }
    )
    .then(|| known.balance.to_string())
}
