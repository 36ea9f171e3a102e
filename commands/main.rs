//! steward.
#[cfg(test)]
mod cli;

fn main() {}
