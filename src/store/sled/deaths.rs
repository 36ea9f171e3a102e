//! Processes that die or run out of disk while they commit: real ones.
//!
//! A test starts its own binary again, with itself as the only test and an environment variable that makes it the child.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdout, Command, Stdio, exit},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::*;
use crate::store::redo::RedoFile;

const CHILD: &str = "STEWARD_TEST_STORE_OF_THE_CHILD";

/// How many times the process is killed; 100 take some 30 s.
const ROUNDS: &str = "STEWARD_TEST_KILL_ROUNDS";

/// Every so many commits one is large: several pieces, and more bytes than sled holds back before it writes (512 KiB), so
/// that a death in the middle leaves half of it on the disk.
const LARGE_EVERY: u64 = 10;
const LARGE_ROWS: u16 = 4_000;
const LARGE_ROW_BYTES: usize = 300;

#[expect(clippy::disallowed_methods, reason = "the test talks to its own child")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// Commit `n` writes `n` to one key in every tree, and to all large rows when it is their turn.
fn batch(n: u64) -> Batch {
    let mut batch = Batch::default();
    for tree in Tree::ALL {
        batch.put(tree, "last", n.to_be_bytes());
        batch.put(
            tree,
            [b"row".as_slice(), &[u8::try_from(n % 50).unwrap()]].concat(),
            vec![7; 300],
        );
    }
    if n.is_multiple_of(LARGE_EVERY) {
        for row in 0..LARGE_ROWS {
            batch.put(
                Tree::Derived,
                [b"large".as_slice(), &row.to_be_bytes()].concat(),
                large_value(n),
            );
        }
    }
    batch
}

fn large_value(n: u64) -> Vec<u8> {
    let mut value = n.to_be_bytes().to_vec();
    value.resize(LARGE_ROW_BYTES, 0);
    value
}

fn last(store: &SledStore, tree: Tree) -> u64 {
    let bytes = store.read(tree, b"last").unwrap();
    bytes.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().unwrap()))
}

/// The number of the last commit, after a look at whether it is whole.
fn whole(store: &SledStore) -> u64 {
    let n = last(store, Tree::Meta);
    for tree in Tree::ALL {
        assert_eq!(last(store, tree), n, "commit {n} is torn");
    }
    let large = store
        .scan(Tree::Derived, b"large", None, usize::MAX)
        .unwrap();
    let expected = n - n % LARGE_EVERY;
    assert_eq!(
        large.len(),
        if expected == 0 {
            0
        } else {
            usize::from(LARGE_ROWS)
        }
    );
    for (_, value) in large {
        assert_eq!(
            value,
            large_value(expected),
            "the large commit {expected} is torn"
        );
    }
    n
}

/// Commits until death, and says every commit that was acknowledged.
fn commit_until_the_end(directory: &str) -> ! {
    let store = SledStore::open(Path::new(directory)).unwrap();
    let mut out = std::io::stdout();
    let mut n = last(&store, Tree::Meta);
    loop {
        n += 1;
        if let Err(error) = store.commit(&batch(n)) {
            writeln!(out, "\nrefused {error:?}").unwrap();
            // Not to the end of the test: a store whose disk is full need not close well.
            exit(0);
        }
        writeln!(out, "\nacknowledged {n}").unwrap();
    }
}

fn child(command: &mut Command, test: &str, directory: &Path) -> (Child, mpsc::Receiver<String>) {
    let mut child = command
        .args([
            "--exact",
            &format!("store::sled::deaths::{test}"),
            "--nocapture",
        ])
        .env(CHILD, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (sender, lines) = mpsc::channel();
    let out: BufReader<ChildStdout> = BufReader::new(child.stdout.take().unwrap());
    thread::spawn(move || {
        out.lines()
            .map_while(Result::ok)
            .try_for_each(|line| sender.send(line))
    });
    (child, lines)
}

fn acknowledged(line: &str) -> Option<u64> {
    line.strip_prefix("acknowledged ")
        .map(|n| n.parse().unwrap())
}

/// Goal: what was acknowledged is there and nothing is torn, whenever the process is killed.
/// Method: a child commits in a loop and is killed after a random number of commits and a random moment more.
#[test]
fn a_killed_process_loses_nothing_and_tears_nothing() {
    const TEST: &str = "a_killed_process_loses_nothing_and_tears_nothing";
    if let Some(directory) = variable(CHILD) {
        commit_until_the_end(&directory);
    }
    let rounds = variable(ROUNDS).map_or(20, |rounds| rounds.parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let mut before = 0;
    let mut redone = 0;
    for round in 0..rounds {
        let mut command = Command::new(env::current_exe().unwrap());
        let (mut child, lines) = child(&mut command, TEST, home.path());
        let mut said = None;
        for _ in 0..rand::random_range(1..15) {
            let more = lines.iter().find_map(|line| acknowledged(&line));
            said = Some(more.expect("the child ended by itself"));
        }
        // Half of the deaths are meant for a large commit, which follows a number that ends in 9.
        while round % 2 == 0 && said.is_some_and(|n| n % LARGE_EVERY != LARGE_EVERY - 1) {
            said = lines.iter().find_map(|line| acknowledged(&line));
        }
        let moment = Duration::from_micros(rand::random_range(0..60_000));
        let later = lines.recv_timeout(moment).ok();
        child.kill().unwrap();
        child.wait().unwrap();
        let rest = later.into_iter().chain(lines.iter());
        let said = rest
            .filter_map(|line| acknowledged(&line))
            .last()
            .or(said)
            .unwrap();
        redone += u32::from(
            RedoFile::of(&home.path().join(HOME))
                .read()
                .unwrap()
                .is_some(),
        );
        let store = SledStore::open(home.path()).unwrap();
        let found = whole(&store);
        assert!(
            found == said || found == said + 1,
            "round {round}: {said} was acknowledged, {found} is there"
        );
        assert!(found > before);
        before = found;
    }
    println!("{rounds} deaths, {before} commits, {redone} of them finished after the death");
}

/// Goal: a full disk is a clear refusal, and everything acknowledged before it is kept.
/// Method: the child may write no file longer than some 10 MB, with the signal for it ignored, so that writes fail.
#[test]
fn a_full_disk_is_a_clear_refusal_and_costs_nothing_that_was_acknowledged() {
    const TEST: &str = "a_full_disk_is_a_clear_refusal_and_costs_nothing_that_was_acknowledged";
    if let Some(directory) = variable(CHILD) {
        commit_until_the_end(&directory);
    }
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "trap '' XFSZ; ulimit -f 20000; exec \"$0\" \"$@\""])
        .arg(env::current_exe().unwrap());
    let (mut child, lines) = child(&mut command, TEST, home.path());
    let mut said = 0;
    let refusal = loop {
        let Ok(line) = lines.recv_timeout(Duration::from_secs(60)) else {
            child.kill().unwrap();
            panic!("the child neither ended nor was refused, after commit {said}");
        };
        said = acknowledged(&line).unwrap_or(said);
        if let Some(refusal) = line.strip_prefix("refused ") {
            break refusal.to_owned();
        }
    };
    child.wait().unwrap();
    assert!(refusal.starts_with("Io("), "{refusal}");
    assert!(said > 0);
    let store = SledStore::open(home.path()).unwrap();
    let found = whole(&store);
    assert!(
        found == said || found == said + 1,
        "{said} acknowledged, {found} there"
    );
    store.commit(&batch(found + 1)).unwrap();
}
