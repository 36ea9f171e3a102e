//! What is said, and when: classes, conditions, incidents, cards and their text.

pub mod card;
pub mod class;
pub mod facts;
pub mod fit;
pub mod notice;
pub mod render;
pub mod text;
