//! What a manifest says, as far as the domain needs it, and the port that reads manifests.

use async_trait::async_trait;

use crate::Result;
use crate::process::{DeclaredIntegration, Desired, Group, IntegrationsWanted, ServiceStatus};

/// What is declared, once what was asked for since is laid over the manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// The platform's name.
    pub name: String,
    /// Its services, by group and name.
    pub services: Vec<DeclaredService>,
    /// Its integrations, by number.
    pub integrations: Vec<DeclaredIntegration>,
    /// What was asked of integrations that are still there, with the ports that all of them have now.
    pub leased: IntegrationsWanted,
}

/// A service of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredService {
    /// Its name.
    pub name: String,
    /// Its group.
    pub group: Group,
    /// Whether it shall run.
    pub enabled: bool,
    /// How often it shall run.
    pub replicas: u32,
    /// Its image.
    pub image: String,
    /// Arguments in place of the image's.
    pub command: Vec<String>,
    /// Names of the variables of its environment; their values may be nobody's to read.
    pub environment: Vec<String>,
    /// Networks that it is in.
    pub networks: Vec<String>,
    /// Ports that are reachable.
    pub ports: Vec<DeclaredPort>,
    /// Services that it waits for.
    pub depends_on: Vec<String>,
}

/// A port of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeclaredPort {
    /// The port in the container.
    pub target: u16,
    /// The port of the host; none where it is reached in the network only.
    pub published: Option<u16>,
    /// Whether it is one of UDP.
    pub is_udp: bool,
}

/// A service as it is declared, and as it is. One of the two may be missing: what is not started yet, and what runs without being wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceView {
    /// As it is declared.
    pub declared: Option<DeclaredService>,
    /// As it is.
    pub status: Option<ServiceStatus>,
}

/// Port: reads manifests.
#[async_trait]
pub trait Manifests: Send + Sync {
    /// What a manifest says in its environment, with the overrides laid over it.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) with everything that is wrong, at `manifest`, `environment` or `overrides`.
    async fn read(&self, desired: &Desired) -> Result<Declared>;
}

// === impl ServiceView ===

impl ServiceView {
    /// Its name.
    pub fn name(&self) -> &str {
        let declared = self.declared.as_ref().map(|service| service.name.as_str());
        declared.or(self.status.as_ref().map(|status| status.name.as_str())).unwrap_or_default()
    }

    /// Every service that is declared or runs, by name.
    pub(super) fn of(declared: Vec<DeclaredService>, status: Vec<ServiceStatus>) -> Vec<Self> {
        let mut views: Vec<Self> = declared.into_iter().map(|service| ServiceView { declared: Some(service), status: None }).collect();
        for status in status {
            match views.iter_mut().find(|view| view.name() == status.name) {
                Some(view) => view.status = Some(status),
                None => views.push(ServiceView { declared: None, status: Some(status) }),
            }
        }
        views.sort_by(|a, b| a.name().cmp(b.name()));
        views
    }
}
