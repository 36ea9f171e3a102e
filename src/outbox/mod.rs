//! Everything unsolicited that leaves the house goes through here.

pub mod courier;
