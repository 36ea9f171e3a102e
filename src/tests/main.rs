//! Stories at the seams.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    unreachable_pub,
    reason = "the worlds are test code, which may panic"
)]

mod agreement;
mod budget;
mod catch_up;
mod coverage;
mod deep_reorg;
mod endpoints;
mod faults;
mod keys_files;
mod observed;
mod real_chain;
mod recorded;
mod releases;
mod simulation;
mod watched;
mod watching;
mod world;
