//! Plans: helpers here, cases with their steps in `examples`, what holds of every plan in `properties`.

use std::time::Duration;

use super::*;
use crate::manifest::{Content, Manifest, Source};
use crate::observed::{Observed, ObservedService, Replica, State};
use crate::revision::{Part, revisions};
use crate::service::{
    Attached, Condition, Context, Dependency, Group, Order, Port, Protocol, Restart, RestartCondition, Service, Strategy, Update,
};

mod examples;
mod properties;
mod simulation;

fn service(name: &str, image: &str) -> Service {
    Service {
        name: name.to_owned(),
        enabled: true,
        replicas: 1,
        context: Context { image: image.to_owned(), ..Context::default() },
        ..Service::default()
    }
}

fn needs(service: &str, restart: bool) -> Dependency {
    Dependency { service: service.to_owned(), condition: Condition::Healthy, restart }
}

fn manifest(services: Vec<Service>) -> Manifest {
    Manifest { name: "shop".to_owned(), services, ..Manifest::default() }
}

/// What runs when a manifest has been applied.
fn applied(manifest: &Manifest) -> Observed {
    simulation::finish(manifest, &Observed::default())
}
