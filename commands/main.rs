//! steward.
fn main() {}
