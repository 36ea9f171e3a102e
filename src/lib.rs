//! steward.
