//! The figures: what steward does in how much time, with how many requests and how much memory.
//!
//! `cargo bench --bench figures` measures all of them and prints each with its target, `-- NAME ...` some;
//! `-- --markdown` measures all and writes the table of `docs/PERFORMANCE.md`. They are not tests: nothing fails where a target is
//! missed, because a machine that is busy says nothing about the program.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    clippy::await_holding_lock,
    clippy::print_stdout,
    clippy::print_stderr,
    dead_code,
    unreachable_pub,
    reason = "benchmarks and the worlds they share with the tests may panic and print"
)]

mod catch_up;
mod courier;
mod figure;
mod growth;
mod head;
mod history;
mod house;
mod machine;
mod news;
mod process;
mod rpc;
mod soak;
mod store;
mod world;

use figure::{Figure, Sheet};

/// As in the binary: another allocator would be measured with another program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A group of figures that are measured together.
type Group = (&'static str, fn() -> Vec<Figure>);

/// What takes an hour, and is measured where it is asked for by name.
const LONG: &[Group] = &[("growth", growth::with_the_fleet), ("soak", soak::year)];

const GROUPS: &[Group] = &[
    ("decode", catch_up::decode_and_fold),
    ("catch-up", catch_up::end_to_end),
    ("head", head::steady_blocks),
    ("wrong", head::wrong_blocks),
    ("sweep", head::sweep),
    ("latency", news::latency),
    ("process", process::of_10_000),
    ("process-100k", process::of_100_000),
    ("start", store::year),
    ("storm", news::storm),
    ("flush", store::commits),
];

fn main() {
    let (options, names): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let all = || GROUPS.iter().chain(LONG);
    let unknown = |name: &&String| all().all(|(known, _)| known != name);
    if let Some(name) = names.iter().find(unknown) {
        let known: Vec<&str> = all().map(|(name, _)| *name).collect();
        eprintln!(
            "there are no figures {name}; there are {}",
            known.join(", ")
        );
        std::process::exit(2);
    }
    let is_written = options.iter().any(|option| option == "--markdown");
    if is_written && !names.is_empty() {
        eprintln!(
            "the table of docs/PERFORMANCE.md is of one run: --markdown goes with all figures"
        );
        std::process::exit(2);
    }
    let mut sheet = Sheet::default();
    let measured = if names.is_empty() {
        GROUPS.iter().chain(&[])
    } else {
        all()
    };
    for (name, measure) in measured {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            eprintln!("measuring {name} ...");
            for figure in measure() {
                println!("{figure}");
                sheet.add(figure);
            }
        }
    }
    if is_written {
        sheet.write_markdown();
    }
}
