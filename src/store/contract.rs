//! The suite that every store passes.
//!
//! A store is put under test as a [`Subject`]: something that can be made new, and closed and opened again.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

use super::{Batch, Pair, Store, Tree};

/// A store under test.
pub trait Subject: Sized {
    /// Which store.
    type Store: Store;
    /// An empty one.
    fn fresh() -> Self;
    /// The store.
    fn store(&self) -> &Self::Store;
    /// Closes it and opens it again on the same data.
    fn reopened(self) -> Self;
}

/// Runs the whole suite.
pub fn every_promise<S: Subject>() {
    a_fresh_store_is_empty::<S>();
    a_batch_reaches_every_tree_and_trees_do_not_mix::<S>();
    the_last_write_of_a_key_in_a_batch_wins::<S>();
    pages_of_a_prefix_join_without_gap_or_overlap::<S>();
    what_was_committed_is_there_after_reopening::<S>();
    empty_and_large_values_are_kept_as_they_are::<S>();
    an_empty_batch_is_harmless::<S>();
    every_commit_flushes_once::<S>();
    a_large_batch_is_one_batch::<S>();
    a_reader_never_sees_half_a_batch::<S>();
    any_history_reads_like_the_model::<S>();
}

fn commit_one(store: &impl Store, tree: Tree, key: &[u8], value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(tree, key, value);
    store.commit(&batch).unwrap();
}

fn all(store: &dyn Store, tree: Tree) -> Vec<Pair> {
    store.scan(tree, b"", None, usize::MAX).unwrap()
}

fn a_fresh_store_is_empty<S: Subject>() {
    let subject = S::fresh();
    for tree in Tree::ALL {
        assert_eq!(all(subject.store(), tree), []);
        assert_eq!(subject.store().read(tree, b"").unwrap(), None);
    }
}

fn a_batch_reaches_every_tree_and_trees_do_not_mix<S: Subject>() {
    let subject = S::fresh();
    let mut batch = Batch::default();
    for tree in Tree::ALL {
        batch.put(tree, "same key", tree.name());
        batch.put(tree, [0xff; 3], tree.name());
    }
    subject.store().commit(&batch).unwrap();
    for tree in Tree::ALL {
        let value = tree.name().as_bytes().to_vec();
        assert_eq!(
            all(subject.store(), tree),
            [
                (b"same key".to_vec(), value.clone()),
                (vec![0xff; 3], value)
            ]
        );
    }
    let mut batch = Batch::default();
    batch.delete(Tree::Derived, "same key");
    batch.delete(Tree::Kept, "never there");
    subject.store().commit(&batch).unwrap();
    assert_eq!(
        subject.store().read(Tree::Derived, b"same key").unwrap(),
        None
    );
    assert_eq!(
        subject
            .store()
            .read(Tree::Kept, b"same key")
            .unwrap()
            .unwrap(),
        b"kept"
    );
}

fn the_last_write_of_a_key_in_a_batch_wins<S: Subject>() {
    let subject = S::fresh();
    let mut batch = Batch::default();
    batch.put(Tree::Kept, "a", "1");
    batch.put(Tree::Kept, "a", "2");
    batch.put(Tree::Kept, "b", "1");
    batch.delete(Tree::Kept, "b");
    batch.delete(Tree::Kept, "c");
    batch.put(Tree::Kept, "c", "3");
    subject.store().commit(&batch).unwrap();
    let subject = subject.reopened();
    assert_eq!(
        all(subject.store(), Tree::Kept),
        [
            (b"a".to_vec(), b"2".to_vec()),
            (b"c".to_vec(), b"3".to_vec())
        ]
    );
}

fn pages_of_a_prefix_join_without_gap_or_overlap<S: Subject>() {
    let subject = S::fresh();
    let mut batch = Batch::default();
    for number in 0..100_u64 {
        batch.put(
            Tree::Ledger,
            [b"note/".as_slice(), &number.to_be_bytes()].concat(),
            "n",
        );
    }
    for stranger in ["note", "note.", "note0", "a", "z"] {
        batch.put(Tree::Ledger, stranger, "x");
    }
    subject.store().commit(&batch).unwrap();
    let scan = |after: Option<&[u8]>, limit| {
        subject
            .store()
            .scan(Tree::Ledger, b"note/", after, limit)
            .unwrap()
    };
    let whole = scan(None, usize::MAX);
    assert_eq!(whole.len(), 100);
    assert!(whole.is_sorted());
    let (mut joined, mut after) = (Vec::new(), None::<Vec<u8>>);
    loop {
        let page = scan(after.as_deref(), 7);
        assert!(page.len() <= 7);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        joined.extend(page);
    }
    assert_eq!(joined, whole);
    assert_eq!(scan(None, 0), []);
    assert_eq!(
        scan(Some(b"a"), usize::MAX),
        whole,
        "`after` before the prefix"
    );
    assert_eq!(
        scan(Some(b"z"), usize::MAX),
        [],
        "`after` behind the prefix"
    );
}

fn what_was_committed_is_there_after_reopening<S: Subject>() {
    let mut subject = S::fresh();
    for round in 0..4_u8 {
        commit_one(subject.store(), Tree::Meta, &[round], &[round, round]);
        subject = subject.reopened();
        assert_eq!(
            all(subject.store(), Tree::Meta).len(),
            usize::from(round) + 1
        );
    }
}

fn empty_and_large_values_are_kept_as_they_are<S: Subject>() {
    let subject = S::fresh();
    // 3 MiB: far beyond the size at which sled moves a value into a file of its own (some 128 KiB).
    let large: Vec<u8> = (0..3 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    commit_one(subject.store(), Tree::Undo, b"", b"");
    commit_one(subject.store(), Tree::Undo, b"large", &large);
    let subject = subject.reopened();
    assert_eq!(
        subject.store().read(Tree::Undo, b"").unwrap(),
        Some(Vec::new())
    );
    assert!(subject.store().read(Tree::Undo, b"large").unwrap() == Some(large));
}

fn an_empty_batch_is_harmless<S: Subject>() {
    let subject = S::fresh();
    subject.store().commit(&Batch::default()).unwrap();
    commit_one(subject.store(), Tree::Kept, b"k", b"v");
    subject.store().commit(&Batch::default()).unwrap();
    assert_eq!(all(subject.reopened().store(), Tree::Kept).len(), 1);
}

fn every_commit_flushes_once<S: Subject>() {
    let subject = S::fresh();
    let before = subject.store().flush_count();
    for key in 0..5_u8 {
        commit_one(subject.store(), Tree::Kept, &[key], b"v");
    }
    assert_eq!(subject.store().flush_count() - before, 5);
}

fn a_large_batch_is_one_batch<S: Subject>() {
    const ROWS: u32 = 20_000;
    let subject = S::fresh();
    commit_one(subject.store(), Tree::Derived, &7_u32.to_be_bytes(), b"old");
    let mut batch = Batch::default();
    for row in (0..ROWS).rev() {
        let tree = Tree::ALL[row as usize % Tree::ALL.len()];
        batch.put(tree, row.to_be_bytes(), row.to_string());
    }
    batch.delete(Tree::Meta, 0_u32.to_be_bytes());
    batch.delete(Tree::Derived, 7_u32.to_be_bytes());
    let before = subject.store().flush_count();
    subject.store().commit(&batch).unwrap();
    assert_eq!(subject.store().flush_count() - before, 1);
    let subject = subject.reopened();
    let total: usize = Tree::ALL
        .map(|tree| all(subject.store(), tree).len())
        .iter()
        .sum();
    assert_eq!(total, ROWS as usize - 1);
    assert_eq!(
        subject
            .store()
            .read(Tree::Derived, &6_u32.to_be_bytes())
            .unwrap(),
        Some(b"6".to_vec())
    );
}

/// A reader looks at two keys that always change together, while a writer changes them.
fn a_reader_never_sees_half_a_batch<S: Subject>() {
    let subject = S::fresh();
    let store = subject.store();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..50_u8 {
                let mut batch = Batch::default();
                for key in 0..40_u8 {
                    batch.put(Tree::Derived, [key], [round]);
                }
                store.commit(&batch).unwrap();
            }
        });
        while !writer.is_finished() {
            let seen = all(store, Tree::Derived);
            assert!(seen.is_empty() || seen.len() == 40);
            assert!(seen.windows(2).all(|pair| pair[0].1 == pair[1].1));
        }
    });
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(usize, Vec<u8>, Option<Vec<u8>>)>),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    // Few and short keys, so that writes meet.
    let key = vec(prop_oneof![0..3_u8, Just(0xff)], 0..4);
    let write = (
        0..Tree::ALL.len(),
        key,
        prop::option::weighted(0.7, vec(any::<u8>(), 0..20)),
    );
    prop_oneof![6 => vec(write, 0..12).prop_map(Step::Commit), 1 => Just(Step::Reopen)]
}

fn any_history_reads_like_the_model<S: Subject>() {
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let history = vec(step(), 1..20);
    let scan = (
        vec(0..3_u8, 0..3),
        prop::option::of(vec(0..3_u8, 0..4)),
        0..6_usize,
    );
    let run = TestRunner::new(config).run(&(history, scan), |(history, scan)| {
        let mut subject = S::fresh();
        let mut model = BTreeMap::<(Tree, Vec<u8>), Vec<u8>>::new();
        for step in history {
            match step {
                Step::Reopen => subject = subject.reopened(),
                Step::Commit(writes) => {
                    let mut batch = Batch::default();
                    for (tree, key, value) in writes {
                        let tree = Tree::ALL[tree];
                        if let Some(value) = value {
                            batch.put(tree, key.clone(), value.clone());
                            model.insert((tree, key), value);
                        } else {
                            batch.delete(tree, key.clone());
                            model.remove(&(tree, key));
                        }
                    }
                    subject.store().commit(&batch).unwrap();
                }
            }
        }
        let (prefix, after, limit) = scan;
        for tree in Tree::ALL {
            let rows = model.iter().filter(|((of, _), _)| *of == tree);
            let rows: Vec<Pair> = rows
                .map(|((_, key), value)| (key.clone(), value.clone()))
                .collect();
            prop_assert_eq!(all(subject.store(), tree), rows.clone());
            let mut page = rows;
            page.retain(|(key, _)| {
                key.starts_with(&prefix) && after.as_ref().is_none_or(|after| key > after)
            });
            page.truncate(limit);
            prop_assert_eq!(
                subject
                    .store()
                    .scan(tree, &prefix, after.as_deref(), limit)
                    .unwrap(),
                page
            );
        }
        Ok(())
    });
    run.unwrap();
}
