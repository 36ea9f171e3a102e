//! localnet
fn main() {}
