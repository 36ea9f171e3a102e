//! What is said, and when: classes, conditions, incidents, cards and their text.

pub mod button;
pub mod card;
pub mod class;
pub mod condition;
pub mod facts;
pub mod fit;
#[cfg(test)]
mod fuzz;
pub mod incident;
pub mod notice;
pub mod render;
pub mod text;
