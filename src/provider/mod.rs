//! What concerns a staking provider beyond single attesters: when its stakes enter, and who is paid for them.
//!
//! Everything here is pure: facts go in, judgements come out.

pub mod coinbase;
pub mod entry_queue;
