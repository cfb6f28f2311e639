//! What must be done so that what runs becomes what is wanted: waves of actions, each with its reasons and its steps. Nothing is done here,
//! and nothing is remembered: whoever is killed on the way asks again and gets what is left.

mod action;
mod make;
mod steps;

pub use self::action::{Action, Kind, Plan, Reason, Step, Wait, Wave};
pub use self::make::plan;

#[cfg(test)]
mod tests;
