//! Keys files.
