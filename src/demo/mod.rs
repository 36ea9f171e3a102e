//! The demo: a recorded history of the real contracts, replayed through the production path.

pub mod clock;
pub mod recording;
pub mod replay;

/// The name of the recorded network.
pub const NETWORK: &str = "demo";
