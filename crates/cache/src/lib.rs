//! What was read lately, in memory: the domain's repositories of utilities, code policies and grants, answered without the store.
//!
//! A [`Cache`] hears of every change of the store ([`domain::change::ChangeListener`]) before the change is answered, so what
//! it answers is never older than the last answered change. Absent utilities and versions are not kept: a caller who asks for
//! many names that do not exist fills nothing. It holds no rule of the business. A store that several servers share tells it of what
//! others change, too, some time after that was answered; a cache that has not heard from it for a while serves and keeps nothing
//! ([`Cache::of_several`]).

mod grants;
mod hearing;
mod policies;
mod reads;
mod region;
mod stats;
mod utilities;
mod weight;

pub use grants::CachedGrantRepository;
pub use policies::CachedCodePolicyRepository;
pub use reads::Cache;
pub use stats::Stats;
pub use utilities::CachedUtilityRepository;

#[cfg(test)]
mod tests;
