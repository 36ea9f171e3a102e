//! Stories at the seams: the library as a whole, in worlds that have rules.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests: a broken expectation is the test's result"
)]

mod real_chain;
