//! A port of the host is held by one replica of one service, and by no lease.

use crate::manifest::content::Manifest;
use crate::manifest::rules::view::{Step, View, item, of_service};
use crate::service::{Order, Protocol, Service, Strategy};

pub(super) fn check(manifest: &Manifest, view: &mut View<'_>) {
    let published: Vec<(usize, usize, u16, Protocol)> = manifest
        .services
        .iter()
        .enumerate()
        .flat_map(|(index, service)| {
            service.ports.iter().enumerate().filter_map(move |(at, port)| Some((index, at, port.published?, port.protocol)))
        })
        .collect();
    view.unique(
        &published,
        |(_, _, port, protocol)| Some((*port, *protocol)),
        |entry| item(of_service(published[entry].0, &["ports"]), published[entry].1, "published"),
        "port-clash",
        |(_, _, port, protocol), (other, ..)| {
            format!("port {port}/{} is published by `{}` already", protocol.as_str(), manifest.services[*other].name)
        },
    );
    for (index, service) in manifest.services.iter().enumerate().filter(|(_, service)| service.holds_port()) {
        held_twice(index, service, view);
    }
    ranges(manifest, &published, view);
}

/// A second replica cannot have a port that the first one holds.
fn held_twice(index: usize, service: &Service, view: &mut View<'_>) {
    let mut add = |fields: &[&'static str], message: String| view.add(&of_service(index, fields), "port-held-twice", message);
    if service.replicas > 1 {
        add(&["replicas"], format!("{} replicas cannot all hold one port of the host; publish none, or run one", service.replicas));
    }
    if service.scaling.is_some_and(|scaling| scaling.max > 1) {
        add(&["scaling"], "more than one replica cannot hold one port of the host".to_owned());
    }
    match service.update.strategy {
        Strategy::Rolling if service.update.order == Order::StartFirst => {
            add(&["update", "order"], "a new replica cannot start while the old one holds the port of the host; use stop-first".to_owned());
        }
        Strategy::Rolling => {}
        Strategy::BlueGreen | Strategy::Canary { .. } => {
            add(&["update", "strategy"], "new replicas beside the old ones cannot hold the same port of the host; use rolling".to_owned());
        }
    }
    if service.update.min_available >= service.replicas.max(1) {
        add(&["update", "min_available"], "the only replica must stop before the next one can hold its port; this must be 0".to_owned());
    }
}

fn ranges(manifest: &Manifest, published: &[(usize, usize, u16, Protocol)], view: &mut View<'_>) {
    for (name, range) in &manifest.port_ranges {
        let path = [Step::Name("port_ranges"), Step::Name(name)];
        if range.is_empty() && range.first > 0 && range.last > 0 {
            view.add(&path, "range", format!("ends at {} before it begins at {}", range.last, range.first));
        }
        for (index, at, port, _) in published.iter().filter(|(_, _, port, _)| range.contains(*port)) {
            let path = item(of_service(*index, &["ports"]), *at, "published");
            view.add(&path, "port-clash", format!("port {port} lies in the range `{name}`, from which ports are leased"));
        }
    }
    let names: Vec<&String> = manifest.port_ranges.keys().collect();
    for (at, name) in names.iter().enumerate() {
        let range = manifest.port_ranges[*name];
        let overlaps = |other: &&&String| {
            let other = manifest.port_ranges[**other];
            !range.is_empty() && !other.is_empty() && range.first <= other.last && other.first <= range.last
        };
        if let Some(other) = names[..at].iter().find(overlaps) {
            view.add(&[Step::Name("port_ranges"), Step::Name(name)], "range", format!("overlaps with the range `{other}`"));
        }
    }
}
