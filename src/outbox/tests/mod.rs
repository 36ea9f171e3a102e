//! Deliveries against a world with rules, under paused time.

mod house;
mod simulation;
mod stories;
mod world;
