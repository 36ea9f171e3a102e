//! Deliveries against a world with rules, under paused time.

mod house;
mod stories;
mod world;
