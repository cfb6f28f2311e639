//! The process manager: what a platform of services shall be, stored with revision and author, and what is asked of the engine that makes it
//! so. How manifests are read and what an engine does are adapters' business.

pub mod actions;
mod declared;
mod desired;
mod heard;
mod integration;
mod no_engine;
mod outcome;
mod plan;
mod platform;
mod repository;
mod sighting;
mod status;
mod use_cases;

pub use declared::{Declared, DeclaredPort, DeclaredService, Manifests, ServiceView};
pub use desired::{Asked, Desired, MAX_MANIFEST, Notation, Override, PlatformRevision, Standing};
pub use heard::{Heard, HeardFeed};
pub use integration::{
    DeclaredIntegration, DeclaredLease, DeclaredParameter, IntegrationOverride, IntegrationState, IntegrationView, IntegrationsWanted,
    PortHolder,
};
pub use no_engine::NoEngine;
pub use outcome::{Failure, Outcome};
pub use plan::{Plan, PlannedAction, Wave};
pub use platform::{Feed, LogLine, LogQuery, Platform, Told, What};
pub use repository::{KEPT_REVISIONS, PlatformRepository};
pub use sighting::Sighting;
pub use status::{Group, ReplicaState, ReplicaStatus, ServiceState, ServiceStatus};
pub use use_cases::{IntegrationChange, ManifestDraft, PLATFORM_JOB, PlatformPorts, Platforms, ServiceChange};
