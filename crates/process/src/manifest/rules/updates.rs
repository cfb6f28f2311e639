//! Numbers of one service that contradict each other: replicas, availability, scaling, memory, health.

use crate::manifest::content::Manifest;
use crate::manifest::rules::view::{Step, View, of_service};
use crate::service::{RestartCondition, Service, Strategy};

pub(super) fn check(manifest: &Manifest, view: &mut View<'_>) {
    let completing = manifest.completing();
    for (index, service) in manifest.services.iter().enumerate() {
        let is_waited_for = completing.contains(service.name.as_str());
        update(index, service, view);
        scaling(index, service, view);
        health(index, service, view);
        let resources = service.context.resources;
        if resources.memory.zip(resources.memory_reserved).is_some_and(|(limit, reserved)| reserved > limit) {
            let path = of_service(index, &["context", "resources", "memory_reserved"]);
            view.add(&path, "memory", "more memory is kept for it than it may use");
        }
        if service.ends(is_waited_for) && service.replicas > 1 && is_waited_for {
            let message = "others wait for it to complete, which is said of one replica only";
            view.add(&of_service(index, &["replicas"]), "completes-once", message);
        }
        if service.ends(is_waited_for) && service.scaling.is_some() {
            view.add(&of_service(index, &["scaling"]), "scaling", "what runs once is not scaled");
        }
    }
}

fn update(index: usize, service: &Service, view: &mut View<'_>) {
    let update = service.update;
    if update.min_available > service.replicas {
        let message = format!("{} replicas cannot be well at every moment when there are {}", update.min_available, service.replicas);
        view.add(&of_service(index, &["update", "min_available"]), "min-available", message);
    }
    if !matches!(update.strategy, Strategy::Canary { .. }) {
        for field in ["canary_share", "canary_hold"] {
            let path = of_service(index, &["update", field]);
            if view.has(&path) {
                view.add(&path, "not-canary", "has a meaning only with the strategy canary");
            }
        }
    }
    if service.restart.condition == RestartCondition::Never && view.has(&of_service(index, &["restart", "attempts"])) {
        view.add(&of_service(index, &["restart", "attempts"]), "never-restarted", "has no meaning where nothing is restarted");
    }
}

fn scaling(index: usize, service: &Service, view: &mut View<'_>) {
    let Some(scaling) = service.scaling else { return };
    if scaling.min > scaling.max {
        let message = format!("the fewest replicas ({}) are more than the most ({})", scaling.min, scaling.max);
        view.add(&of_service(index, &["scaling", "min"]), "scaling", message);
    } else if !(scaling.min..=scaling.max).contains(&service.replicas) {
        let message = format!("{} replicas lie outside of the bounds of scaling, {} to {}", service.replicas, scaling.min, scaling.max);
        view.add(&of_service(index, &["replicas"]), "scaling", message);
    }
}

fn health(index: usize, service: &Service, view: &mut View<'_>) {
    let path = of_service(index, &["health"]);
    if !view.has(&path) {
        return;
    }
    let probes = ["http", "tcp", "grpc", "command", "image"];
    let with = |probe: &'static str| view.has(&[path.as_slice(), &[Step::Name(probe)]].concat());
    let given = probes.into_iter().filter(|probe| with(probe)).count();
    if given != 1 || service.health.is_none() {
        view.add(&path, "probe", format!("needs exactly one of {}", probes.join(", ")));
    }
    let Some(health) = &service.health else { return };
    if health.interval.is_zero() {
        view.add(&[path.as_slice(), &[Step::Name("interval")]].concat(), "duration", "must be longer than nothing");
    }
    if health.timeout.is_zero() {
        view.add(&[path.as_slice(), &[Step::Name("timeout")]].concat(), "duration", "must be longer than nothing");
    }
}
