//! How cards look: Discord's Markdown, and the terminal.
//!
//! Text of others is cleaned and escaped here and nowhere else, so that it can neither ping, format, link nor hide.

pub mod clean;
pub mod markdown;
pub mod terminal;

pub use markdown::{bare, description, heading, markdown};
