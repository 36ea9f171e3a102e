//! What is said, and when: classes, conditions, incidents, cards and their text.

pub mod card;
pub mod class;
pub mod notice;
