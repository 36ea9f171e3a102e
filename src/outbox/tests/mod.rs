//! Deliveries against a world with rules, under paused time.

mod canary;
mod edits;
mod house;
mod machine;
mod matrix;
mod pressure;
mod records;
mod simulation;
mod stories;
mod world;
