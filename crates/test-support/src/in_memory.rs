//! The repositories in memory: what the store promises, without a disk.

mod archive_port;
mod audit;
mod audit_port;
mod events;
mod executions;
mod grants;
mod identity;
mod lease_port;
mod leases;
mod objects;
mod pages;
mod platform;
mod policies;
mod queue;
mod requests;
mod schedules;
mod secrets;
mod sessions;
mod signals;
mod tenants;
mod utilities;
mod webhooks;

pub use events::InMemoryEvents;
pub use executions::InMemoryExecutionRepository;
pub use grants::InMemoryGrantRepository;
pub use identity::InMemoryIdentity;
pub use objects::InMemoryObjects;
pub use platform::InMemoryPlatform;
pub use policies::InMemoryCodePolicyRepository;
pub use queue::CLAIM_ANSWERED;
pub use secrets::InMemorySecrets;
pub use sessions::InMemorySessions;
pub use signals::InMemorySignals;
pub use tenants::InMemoryTenants;
pub use utilities::InMemoryUtilityRepository;
pub use webhooks::InMemoryWebhooks;
