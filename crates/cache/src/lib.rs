//! What was read lately: the domain's repositories of utilities, code policies and grants, answered without the store.
//!
//! A [`Cache`] is in memory. It hears of every change of the store ([`domain::change::ChangeListener`]) before the change is answered, so what
//! it answers is never older than the last answered change. Absent utilities and versions are not kept: a caller who asks for
//! many names that do not exist fills nothing. It holds no rule of the business. A store that several servers share tells it of what
//! others change, too, some time after that was answered; a cache that has not heard from it for a while serves and keeps nothing
//! ([`Cache::of_several`]).
//!
//! A [`SharedCache`] is for servers that share a store: behind what is in memory lies what any of them has read, in Redis, sealed. What it
//! answers was read at the present epoch of its tenant, which the store knows: no message has to arrive, and Redis may be gone, slow, full or
//! empty ([Cache](../../../docs/cache.md)). Behind [`LiveEvents`], servers tell each other what executions print. [`limits`] counts calls, through the same Redis where there is one.

mod diagnosis;
mod epochs;
mod executions;
mod flights;
mod grants;
mod hearing;
mod hot;
pub mod limits;
mod live;
mod news;
mod policies;
mod reads;
mod redis;
mod region;
mod sealing;
mod second;
mod shared;
mod stamped;
mod stats;
mod subscription;
mod utilities;
mod value;
mod warming;
mod weight;

pub use diagnosis::{Health, Observation, diagnose};
pub use executions::SharedExecutionRepository;
pub use grants::CachedGrantRepository;
pub use live::{LiveEvents, LiveStats};
pub use news::NewsStats;
pub use policies::CachedCodePolicyRepository;
pub use reads::Cache;
pub use redis::{Address, AddressError, Config as RedisConfig, Error as RedisError};
pub use sealing::Sealing;
pub use second::SecondStats;
pub use shared::{SharedCache, SharedStats, SharedUtilityRepository};
pub use stats::Stats;
pub use utilities::CachedUtilityRepository;
pub use warming::WarmingStats;

#[cfg(test)]
mod tests;
