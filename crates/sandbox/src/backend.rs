//! What contains a sandbox: the part that differs between Docker and plain namespaces.
//!
//! It deliberately knows neither children nor programs: a backend starts one agent in one container and ends both.

use std::sync::Arc;

use crate::config::{self, Config};
use crate::instance::Instance;

pub(crate) mod cgroup;
mod container;
mod digest;
pub(crate) mod docker;
mod facts;
pub(crate) mod layout;
pub(crate) mod manifest;
pub(crate) mod namespace;
pub(crate) mod packages;
pub(crate) mod witness;

pub(crate) use container::{Backend, Container, Order};
pub(crate) use digest::digest;
pub(crate) use facts::parse_layout;
pub use facts::{Package, RuntimeFacts};

/// The backend that a configuration asks for.
pub(crate) fn make(config: &Config, instance: Option<&Instance>) -> Arc<dyn Backend> {
    match &config.backend {
        config::Backend::Namespace(settings) => {
            Arc::new(namespace::NamespaceBackend::new(settings, namespace::Walls::Namespaces, config, instance.is_some()))
        }
        config::Backend::Landlock(settings) => {
            Arc::new(namespace::NamespaceBackend::new(settings, namespace::Walls::Landlock, config, instance.is_some()))
        }
        config::Backend::Docker(settings) => Arc::new(docker::DockerBackend::new(settings, config)),
    }
}
