//! Stories at the seams.
