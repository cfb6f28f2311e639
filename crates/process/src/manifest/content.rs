//! A platform as it is wanted: services, what they share, and what runs for tenants.

use std::collections::{BTreeMap, HashSet};

use crate::integration::{Integration, TenantDatabase};
use crate::port::PortRange;
use crate::service::{Condition, Service};

/// A platform as it is wanted, in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// The platform's name.
    pub name: String,
    /// Its services, in the order of the file.
    pub services: Vec<Service>,
    /// Files that services read, by name.
    pub configs: BTreeMap<String, Content>,
    /// Secrets that services read, by name.
    pub secrets: BTreeMap<String, Content>,
    /// Volumes, by name.
    pub volumes: BTreeMap<String, Volume>,
    /// Networks, by name.
    pub networks: BTreeMap<String, Network>,
    /// Databases of tenants.
    pub databases: Vec<TenantDatabase>,
    /// Integrations of tenants.
    pub integrations: Vec<Integration>,
    /// Ranges that ports are leased from, by name.
    pub port_ranges: BTreeMap<String, PortRange>,
    /// Parameters of the environment.
    pub parameters: BTreeMap<String, String>,
    /// Parameters of tenants, by tenant code.
    pub tenants: BTreeMap<String, BTreeMap<String, String>>,
}

/// What a config or secret holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Where it comes from.
    pub source: Source,
    /// SHA-256 in hex of what a config holds, where it is known; a change of it is a change of the services that read it.
    pub digest: Option<String>,
    /// What a secret says in its place. A hash of a secret would let everybody who sees it try values.
    pub version: Option<String>,
}

/// Where the content of a config or secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The manifest itself.
    Inline(String),
    /// A file beside the manifest.
    File(String),
    /// The engine has it.
    External,
}

/// A volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volume {
    /// Whether it is there already and is not made.
    pub external: bool,
}

/// A network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Whether it is there already and is not made.
    pub external: bool,
    /// Whether nothing in it reaches outside.
    pub internal: bool,
}

// === impl Manifest ===

impl Manifest {
    /// The services for whose end others wait.
    pub fn completing(&self) -> HashSet<&str> {
        let dependencies = self.services.iter().flat_map(|service| &service.depends_on);
        let waiting = dependencies.filter(|dependency| dependency.condition == Condition::Completed);
        waiting.map(|dependency| dependency.service.as_str()).collect()
    }
}
