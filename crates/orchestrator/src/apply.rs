//! Makes what runs what is wanted: plans, does the waves of the plan, and plans again until nothing is left to do. Where a wave fails,
//! everything goes back to the last good state as a whole.
//!
//! Nothing is remembered between two plans. Whoever is killed in between finds what was done by looking: a name follows from what a
//! container is, so that none is created twice, and what was created and never started is taken away first.

mod act;
mod applier;
mod news;
mod reach;
mod settle;
mod step;
mod waiting;

pub use self::applier::{Applier, Ending, Patience};
pub use self::news::{Doing, Ear, News};
