//! What depends on what: it must exist, run, be able to get as far as it must, start earlier, and be reachable; circles have no order.

use std::collections::{HashMap, HashSet};

use crate::graph::Graph;
use crate::manifest::content::Manifest;
use crate::manifest::rules::view::{View, item, of_service};
use crate::service::{Condition, Dependency, RestartCondition, Service};

pub(super) fn check(manifest: &Manifest, view: &mut View<'_>) {
    let services: HashMap<&str, &Service> = manifest.services.iter().rev().map(|service| (service.name.as_str(), service)).collect();
    let completing = manifest.completing();
    for (index, service) in manifest.services.iter().enumerate() {
        for (at, dependency) in service.depends_on.iter().enumerate().filter(|(_, dependency)| !dependency.service.is_empty()) {
            let path = |field| item(of_service(index, &["depends_on"]), at, field);
            if let Some((field, rule, message)) = fault(service, dependency, &services, &completing) {
                view.add(&path(field), rule, message);
            }
            if service.depends_on[..at].iter().any(|other| other.service == dependency.service) {
                view.add(&path("service"), "dependency-twice", format!("`{}` stands here a second time", dependency.service));
            }
        }
    }
    for circle in Graph::new(&manifest.services).circles() {
        let index = manifest.services.iter().position(|service| service.name == circle[0]).unwrap_or_default();
        let message = match circle.as_slice() {
            [alone] => format!("`{alone}` depends on itself"),
            circle => format!("these depend on each other in a circle: {} -> {}", circle.join(" -> "), circle[0]),
        };
        view.add(&of_service(index, &["depends_on"]), "circle", message);
    }
}

fn fault(
    service: &Service,
    dependency: &Dependency,
    services: &HashMap<&str, &Service>,
    completing: &HashSet<&str>,
) -> Option<(&'static str, &'static str, String)> {
    let name = &dependency.service;
    let Some(other) = services.get(name.as_str()) else {
        return Some(("service", "unknown-service", format!("there is no service `{name}`")));
    };
    if service.enabled && !other.enabled {
        return Some(("service", "dependency-disabled", format!("`{name}` is disabled, so that `{}` would wait for ever", service.name)));
    }
    if other.group > service.group {
        let (theirs, ours) = (other.group.as_str(), service.group.as_str());
        return Some(("service", "later-group", format!("`{name}` is of the group {theirs}, which starts after {ours}")));
    }
    if service.enabled && other.replicas == 0 {
        return Some((
            "service",
            "dependency-without-replicas",
            format!("`{name}` has no replicas, so that `{}` would wait for ever", service.name),
        ));
    }
    let ends = other.ends(completing.contains(name.as_str()));
    match dependency.condition {
        Condition::Healthy if ends => {
            let message = format!("`{name}` ends by itself (restart: {}); wait for `completed`", other.restart.condition.as_str());
            Some(("condition", "never-healthy", message))
        }
        Condition::Completed if other.restart.condition == RestartCondition::Always => {
            Some(("condition", "never-completed", format!("`{name}` is started again whenever it ends, and so never completes")))
        }
        _ => (!ends && apart(service, other))
            .then(|| ("service", "no-shared-network", format!("`{name}` and `{}` are in no network together", service.name))),
    }
}

/// Whether no network has both. What has ended needs not be reached.
fn apart(service: &Service, other: &Service) -> bool {
    let (ours, theirs) = (&service.context.networks, &other.context.networks);
    let both_default = ours.is_empty() && theirs.is_empty();
    !both_default && !ours.iter().any(|network| theirs.contains(network))
}
