//! A checked tree as a manifest. What the check has refused is left out or stands at its default, so that the rules can look at the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::integration::{Integration, TenantDatabase};
use crate::manifest::content::{Content, Manifest, Network, Source, Volume};
use crate::manifest::fields::STATUSES;
use crate::node::{Node, Value};
use crate::port::PortRange;
use crate::quantity;
use crate::service::{
    Attached, Condition, Context, Dependency, Group, Health, Mount, Order, Port, Probe, Protocol, Resources, Restart, RestartCondition,
    Scaling, Service, Storage, Strategy, Update,
};

const STOP_GRACE: Duration = Duration::from_secs(10);
const CANARY_SHARE: u32 = 10;
const CANARY_HOLD: Duration = Duration::from_secs(60);
const SCALING_TARGET: u32 = 70;
const SCALING_COOL_DOWN: Duration = Duration::from_secs(180);
const HEALTH_INTERVAL: Duration = Duration::from_secs(10);
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
const HEALTH_RETRIES: u32 = 3;

/// The manifest that a tree says.
pub(super) fn manifest(root: &Node) -> Manifest {
    Manifest {
        name: text(root, "name"),
        services: list(root, "services", service),
        configs: named(root, "configs", content),
        secrets: named(root, "secrets", content),
        volumes: named(root, "volumes", |node| Volume { external: flag(node, "external", false) }),
        networks: named(root, "networks", |node| Network {
            external: flag(node, "external", false),
            internal: flag(node, "internal", false),
        }),
        databases: list(root, "databases", database),
        integrations: list(root, "integrations", integration),
        port_ranges: named(root, "port_ranges", |node| PortRange { first: port(node, "first"), last: port(node, "last") }),
        parameters: scalars(root, "parameters"),
        tenants: named(root, "tenants", |node| scalars(node, "parameters")),
    }
}

fn service(node: &Node) -> Service {
    let replicas = number(node, "replicas", 1);
    let ports = list(node, "ports", |node| Port {
        target: port(node, "target"),
        published: node.get("published").map(|_| port(node, "published")),
        protocol: word(node, "protocol", Protocol::parse),
    });
    let context = node.get("context").map(context).unwrap_or_default();
    let holds_port = ports.iter().any(|port| port.published.is_some());
    let writes = context.mounts.iter().any(|mount| !mount.read_only && mount.source != Storage::Memory);
    Service {
        name: text(node, "name"),
        group: word(node, "group", Group::parse),
        enabled: flag(node, "enabled", true),
        context,
        ports,
        replicas,
        depends_on: list(node, "depends_on", |node| Dependency {
            service: text(node, "service"),
            condition: word(node, "condition", Condition::parse),
            restart: flag(node, "restart", false),
        }),
        health: node.get("health").and_then(health),
        restart: node.get("restart").map(restart).unwrap_or_default(),
        update: update(node.get("update").unwrap_or(&Node::new(Value::Null)), replicas, holds_port || writes),
        scaling: node.get("scaling").map(|node| Scaling {
            min: number(node, "min", 1),
            max: number(node, "max", 1),
            target: share(node, "target", SCALING_TARGET),
            cool_down: duration(node, "cool_down", SCALING_COOL_DOWN),
        }),
        parameters: scalars(node, "parameters"),
        labels: scalars(node, "labels"),
        restarts: 0,
    }
}

fn context(node: &Node) -> Context {
    let attached = |node: &Node| Attached { source: text(node, "source"), target: text(node, "target") };
    Context {
        image: text(node, "image"),
        entrypoint: texts(node, "entrypoint"),
        command: texts(node, "command"),
        environment: scalars(node, "environment"),
        configs: list(node, "configs", attached),
        secrets: list(node, "secrets", attached),
        mounts: list(node, "mounts", |node| Mount {
            source: storage(node),
            target: text(node, "target"),
            read_only: flag(node, "read_only", false),
        }),
        networks: texts(node, "networks"),
        resources: node.get("resources").map(resources).unwrap_or_default(),
        user: node.get("user").and_then(Node::scalar).map(str::to_owned),
        working_dir: None,
        stop_grace: duration(node, "stop_grace", STOP_GRACE),
    }
}

fn storage(node: &Node) -> Storage {
    match node.get("kind").and_then(Node::scalar) {
        Some("host") => Storage::Host(text(node, "source")),
        Some("memory") => Storage::Memory,
        _ => Storage::Volume(text(node, "source")),
    }
}

fn resources(node: &Node) -> Resources {
    let scalar = |name: &str| node.get(name).and_then(Node::scalar);
    Resources {
        memory: scalar("memory").and_then(quantity::size),
        memory_reserved: scalar("memory_reserved").and_then(quantity::size),
        milli_processors: scalar("processors").and_then(quantity::milli_processors),
    }
}

fn health(node: &Node) -> Option<Health> {
    let probe = if let Some(http) = node.get("http") {
        let path = http.get("path").and_then(Node::scalar).unwrap_or("/");
        Probe::Http { port: port(http, "port"), path: path.to_owned() }
    } else if node.get("tcp").is_some() {
        Probe::Tcp { port: port(node, "tcp") }
    } else if let Some(grpc) = node.get("grpc") {
        Probe::Grpc { port: port(grpc, "port"), service: text(grpc, "service") }
    } else if node.get("command").is_some() {
        Probe::Command(texts(node, "command"))
    } else if flag(node, "image", false) {
        Probe::Image
    } else {
        return None;
    };
    Some(Health {
        probe,
        interval: duration(node, "interval", HEALTH_INTERVAL),
        timeout: duration(node, "timeout", HEALTH_TIMEOUT),
        retries: number(node, "retries", HEALTH_RETRIES),
        start_period: duration(node, "start_period", Duration::ZERO),
    })
}

fn restart(node: &Node) -> Restart {
    let default = Restart::default();
    Restart {
        condition: word(node, "condition", RestartCondition::parse),
        attempts: number(node, "attempts", default.attempts),
        window: duration(node, "window", default.window),
        delay: duration(node, "delay", default.delay),
    }
}

/// A second replica cannot have a port of the host that the first one holds, and two that write into one volume or directory, as two
/// database servers would, may destroy it. So there the old one stops first by default.
fn update(node: &Node, replicas: u32, is_exclusive: bool) -> Update {
    let order = match node.get("order") {
        Some(_) => word(node, "order", Order::parse),
        None if is_exclusive => Order::StopFirst,
        None => Order::StartFirst,
    };
    let all_but = if order == Order::StopFirst { 1 } else { 0 };
    let strategy = match node.get("strategy").and_then(Node::scalar) {
        Some("blue-green") => Strategy::BlueGreen,
        Some("canary") => {
            Strategy::Canary { share: share(node, "canary_share", CANARY_SHARE), hold: duration(node, "canary_hold", CANARY_HOLD) }
        }
        _ => Strategy::Rolling,
    };
    Update {
        strategy,
        parallelism: number(node, "parallelism", 1).max(1),
        order,
        min_available: number(node, "min_available", replicas.saturating_sub(all_but)),
        max_failures: number(node, "max_failures", 0),
    }
}

fn content(node: &Node) -> Content {
    let source = match (node.get("content").and_then(Node::scalar), node.get("file").and_then(Node::scalar)) {
        (Some(content), _) => Source::Inline(content.to_owned()),
        (None, Some(file)) => Source::File(file.to_owned()),
        (None, None) => Source::External,
    };
    let optional = |name: &str| node.get(name).and_then(Node::scalar).map(str::to_owned);
    Content { source, digest: optional("digest"), version: optional("version") }
}

fn database(node: &Node) -> TenantDatabase {
    let optional = |name: &str| node.get(name).and_then(Node::scalar).map(str::to_owned);
    TenantDatabase {
        id: number(node, "id", 0).try_into().unwrap_or_default(),
        name: text(node, "name"),
        tenant_code: text(node, "tenantcode"),
        enabled: enabled(node),
        host: text(node, "db_host"),
        database: text(node, "db_name"),
        username: optional("db_username"),
        password_secret: optional("db_password_secret"),
        uuid: optional("uuid"),
    }
}

fn integration(node: &Node) -> Integration {
    Integration {
        integration_id: number(node, "integration_id", 0).try_into().unwrap_or_default(),
        title: text(node, "title"),
        action: text(node, "action"),
        service_name: text(node, "serviceName"),
        execution_dir: text(node, "executionDir"),
        executable: text(node, "executable"),
        enabled: enabled(node),
        tenant_code: text(node, "tenantcode"),
        databases: texts(node, "databases"),
        parameters: scalars(node, "parameters"),
        ports: scalars(node, "ports"),
    }
}

fn enabled(node: &Node) -> bool {
    node.get("status").and_then(Node::scalar) != Some(STATUSES[1])
}

fn text(node: &Node, name: &str) -> String {
    node.get(name).and_then(Node::scalar).unwrap_or_default().to_owned()
}

fn texts(node: &Node, name: &str) -> Vec<String> {
    let items = node.get(name).map(Node::items).unwrap_or_default();
    items.iter().filter_map(Node::scalar).map(str::to_owned).collect()
}

fn flag(node: &Node, name: &str, default: bool) -> bool {
    match node.get(name).map(|found| &found.value) {
        Some(Value::Bool(value)) => *value,
        _ => default,
    }
}

fn number(node: &Node, name: &str, default: u32) -> u32 {
    node.get(name).and_then(Node::scalar).and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn port(node: &Node, name: &str) -> u16 {
    node.get(name).and_then(Node::scalar).and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn duration(node: &Node, name: &str, default: Duration) -> Duration {
    node.get(name).and_then(Node::scalar).and_then(quantity::duration).unwrap_or(default)
}

fn share(node: &Node, name: &str, default: u32) -> u32 {
    node.get(name).and_then(Node::scalar).and_then(quantity::share).unwrap_or(default)
}

fn word<T: Default>(node: &Node, name: &str, parse: fn(&str) -> Option<T>) -> T {
    node.get(name).and_then(Node::scalar).and_then(parse).unwrap_or_default()
}

fn scalars(node: &Node, name: &str) -> BTreeMap<String, String> {
    let members = node.get(name).map(Node::members).unwrap_or_default();
    members.iter().filter_map(|member| Some((member.name.clone(), member.node.scalar()?.to_owned()))).collect()
}

fn list<T>(node: &Node, name: &str, item: impl Fn(&Node) -> T) -> Vec<T> {
    node.get(name).map(Node::items).unwrap_or_default().iter().map(item).collect()
}

fn named<T>(node: &Node, name: &str, value: impl Fn(&Node) -> T) -> BTreeMap<String, T> {
    let members = node.get(name).map(Node::members).unwrap_or_default();
    members.iter().map(|member| (member.name.clone(), value(&member.node))).collect()
}
