//! Test parts shared by all crates: fakes of the domain's ports, samples of its entities, and the contract suites that run
//! against a fake and its real adapter alike.
//!
//! Fakes are honest implementations kept in memory, never scripts of expected calls. Nothing here is for production.

pub mod archive_repository;
pub mod audit_repository;
pub mod change_listener;
mod clock;
pub mod code_policy_repository;
mod effort;
pub mod event_repository;
pub mod execution_fences;
pub mod execution_queue;
pub mod execution_repository;
mod fake_calendar;
mod fake_checker;
mod fake_compiler;
mod fake_identity;
mod fake_limits;
mod fake_manifests;
mod fake_platform;
mod fake_sandbox;
mod fake_sender;
mod fake_timetable;
mod fake_tree;
mod faults;
pub mod grant_repository;
pub mod identity_repository;
mod ids;
mod in_memory;
mod incidents;
pub mod lease_repository;
pub mod operation_repository;
mod patience;
pub mod platform;
pub mod platform_repository;
mod processor;
mod redis_server;
pub mod sample;
pub mod schedule_repository;
pub mod secret_repository;
pub mod shredding;
pub mod signals;
mod spawner;
pub mod tenant_repository;
pub mod utility_copies;
pub mod utility_reach;
pub mod utility_repository;
pub mod webhook_repository;

pub use change_listener::HeardChanges;
pub use clock::FakeClock;
pub use effort::repeat;
pub use fake_calendar::UtcCalendar;
pub use fake_checker::{FakeChecker, IMPORT_RULE, MISSING_RULE, NESTING_RULE, TODO_RULE};
pub use fake_compiler::{BROKEN, FakeCompiler};
pub use fake_identity::{FakeHasher, FakeSecrets, FakeTokens};
pub use fake_limits::FakeLimits;
pub use fake_manifests::FakeManifests;
pub use fake_platform::FakePlatform;
pub use fake_sandbox::{FakeSandbox, Fault, INSTRUCTION};
pub use fake_sender::FakeSender;
pub use fake_timetable::EveryMinutes;
pub use fake_tree::FakeTree;
pub use faults::Faults;
pub use ids::SequentialIds;
pub use in_memory::{
    ADVANCE_ANSWERED, CLAIM_ANSWERED, InMemoryCodePolicyRepository, InMemoryEvents, InMemoryExecutionRepository, InMemoryGrantRepository,
    InMemoryIdentity, InMemoryObjects, InMemoryPlatform, InMemorySecrets, InMemorySessions, InMemorySignals, InMemoryTenants,
    InMemoryUtilityRepository, InMemoryWebhooks,
};
pub use incidents::RecordedIncidents;
pub use patience::{breathe, in_time};
pub use processor::CountingProcessor;
pub use redis_server::{RedisCluster, RedisServer};
pub use spawner::TokioSpawner;

#[cfg(test)]
mod tests;
