//! What a platform shall be: a manifest, and what was asked for since. Each change is a revision of its own, with who made it and what came
//! of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::name::PrincipalName;
use crate::process::{IntegrationsWanted, Outcome};
use crate::revision::Etag;
use crate::time::Timestamp;

/// Most bytes of a manifest: what its reader takes, too.
pub const MAX_MANIFEST: usize = 2 * 1024 * 1024;

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// Counts from 1; each change is one more.
    pub revision: u64,
    /// The manifest, as it was given.
    pub manifest: Arc<str>,
    /// How it is written.
    pub notation: Notation,
    /// The environment of the manifest; none for what is outside of all.
    pub environment: Option<String>,
    /// What was asked for since, by service; laid over the manifest in its environment.
    pub overrides: BTreeMap<String, Override>,
    /// What was asked of integrations, and the ports that they have.
    pub integrations: IntegrationsWanted,
}

/// How a manifest is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Notation {
    /// YAML 1.2.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// What was asked of one service; nothing leaves what the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Override {
    /// Whether it shall run.
    pub enabled: Option<bool>,
    /// How often it shall run.
    pub replicas: Option<u32>,
    /// How often it was restarted: a replica of another number is replaced.
    pub restarts: u32,
}

/// A stored revision of what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRevision {
    /// What is wanted.
    pub desired: Desired,
    /// What was asked for.
    pub asked: Asked,
    /// Who asked.
    pub author: PrincipalName,
    /// When.
    pub created: Timestamp,
    /// What came of it.
    pub standing: Standing,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// That everything is as a manifest says.
    Apply,
    /// That a service starts.
    Start(String),
    /// That a service stops.
    Stop(String),
    /// That a service's replicas are replaced.
    Restart(String),
    /// That a service has so many replicas.
    Scale(String, u32),
    /// That an integration starts.
    StartIntegration(i32),
    /// That an integration stops.
    StopIntegration(i32),
}

/// What came of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is being made so.
    UnderWay,
    /// It ended, and when.
    Ended(Outcome, Timestamp),
}

// === impl Notation ===

impl Notation {
    /// How a text is written: an object of JSON begins with a quoted name or ends at once, and YAML in flow style need not.
    pub fn of(text: &str) -> Self {
        let inner = text.trim_start().strip_prefix('{').map(str::trim_start);
        if inner.is_some_and(|inner| inner.starts_with(['"', '}'])) { Notation::Json } else { Notation::Yaml }
    }
}

// === impl PlatformRevision ===

impl PlatformRevision {
    /// The opaque mark of the revision.
    pub fn etag(&self) -> Etag {
        Etag::new(format!("\"p{}\"", self.desired.revision))
    }

    /// Whether what runs is this, or is to become it: what has failed as a whole was taken back.
    pub fn is_in_force(&self) -> bool {
        !matches!(self.standing, Standing::Ended(Outcome::RolledBack(_), _))
    }
}

// === impl Standing ===

impl Standing {
    /// Whether it gives way to what an attempt came to: what has failed or was left to a newer revision is tried once more where a server
    /// begins, and what was reached or taken back stays so. That a newer one took over says nothing new of what has ended.
    pub fn gives_way_to(&self, outcome: &Outcome) -> bool {
        match self {
            Standing::UnderWay => true,
            Standing::Ended(Outcome::Failed(_) | Outcome::Superseded, _) => *outcome != Outcome::Superseded,
            Standing::Ended(Outcome::Reached | Outcome::RolledBack(_), _) => false,
        }
    }
}

// === impl Asked ===

impl Asked {
    /// The service that it is about; empty where it is about all.
    pub fn service(&self) -> &str {
        match self {
            Asked::Apply | Asked::StartIntegration(_) | Asked::StopIntegration(_) => "",
            Asked::Start(service) | Asked::Stop(service) | Asked::Restart(service) | Asked::Scale(service, _) => service,
        }
    }

    /// Lays what was asked for over what was asked for before.
    pub(super) fn lay(&self, over: &mut Override) {
        match self {
            Asked::Apply | Asked::StartIntegration(_) | Asked::StopIntegration(_) => {}
            Asked::Start(_) => over.enabled = Some(true),
            Asked::Stop(_) => over.enabled = Some(false),
            Asked::Restart(_) => over.restarts = over.restarts.saturating_add(1),
            Asked::Scale(_, replicas) => over.replicas = Some(*replicas),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_in_json_is_known_by_how_it_begins() {
        assert_eq!(Notation::of(" \n{\"name\": \"shop\"}"), Notation::Json);
        assert_eq!(Notation::of("{\n  \"name\": \"shop\"}"), Notation::Json);
        assert_eq!(Notation::of("{ }"), Notation::Json);
        assert_eq!(Notation::of("{name: shop}"), Notation::Yaml);
        assert_eq!(Notation::of("{"), Notation::Yaml);
        assert_eq!(Notation::of("name: shop"), Notation::Yaml);
        assert_eq!(Notation::of(""), Notation::Yaml);
    }
}
