//! A service of a Compose file as one of a manifest.

use std::collections::BTreeSet;

use crate::compose::note::What;
use crate::compose::part::{Map, Notes, Parts, rename, text_node, texts, whole};
use crate::compose::words;
use crate::node::{Node, Value};
use crate::quantity::duration_text;

mod health;
mod ports;
mod storage;
mod update;

/// What must be known of the other services.
pub(super) struct Others {
    /// Services for whose end somebody waits.
    completed: BTreeSet<String>,
    /// Services for whose health somebody waits, or that somebody starts after.
    awaited: BTreeSet<String>,
    /// Whether a service names the network `default`.
    pub(super) default_network: bool,
}

impl Others {
    pub(super) fn new(root: &Node) -> Self {
        let services = || root.get("services").map(Node::members).unwrap_or_default().iter();
        let needs = services().flat_map(|service| service.node.get("depends_on").map(Node::members).unwrap_or_default());
        let (mut completed, mut awaited) = (BTreeSet::new(), BTreeSet::new());
        for need in needs {
            match need.node.get("condition").and_then(Node::scalar) {
                Some("service_completed_successfully") => completed.insert(need.name.clone()),
                _ => awaited.insert(need.name.clone()),
            };
        }
        let networks = services().filter_map(|service| service.node.get("networks"));
        let default_network = networks.flat_map(Node::members).any(|network| network.name == "default");
        Others { completed, awaited, default_network }
    }
}

pub(super) fn service(name: &str, node: &Node, others: &Others, notes: &mut Notes) -> Node {
    let path = format!("services.{name}");
    let mut parts = Parts::default();
    parts.service.text("name", notes.name(&path, node, name));
    for member in node.members().iter().filter(|member| member.node.value != Value::Null) {
        let at = format!("{path}.{}", member.name);
        field(&member.name, &member.node, &at, &mut parts, notes);
    }
    if node.get("restart").is_none() && parts.restart.is_none() {
        parts.restart = restart("no", name, &path, node, others, notes);
    } else if let Some(policy) = node.get("restart").and_then(Node::scalar) {
        parts.restart = restart(policy, name, &format!("{path}.restart"), node, others, notes);
    }
    let Parts { mut service, mut context, mut update, resources, replicas, restart } = parts;
    context.map("resources", resources);
    service.put("context", context.node());
    if let Some(replicas) = replicas {
        service.number("replicas", replicas);
    }
    if let Some(restart) = restart {
        service.map("restart", restart);
    }
    if !update.has("order") {
        // What engines do with a Compose file that says nothing; manifests differ.
        update.text("order", "stop-first");
    }
    service.map("update", update);
    service.node()
}

fn field(name: &str, node: &Node, at: &str, parts: &mut Parts, notes: &mut Notes) {
    match name {
        "image" => image(node, at, &mut parts.context, notes),
        "command" | "entrypoint" => line(name, node, at, &mut parts.context, notes),
        "environment" => environment(node, at, &mut parts.context, notes),
        "labels" => labels(node, &mut parts.service),
        "user" => parts.context.text("user", node.scalar().unwrap_or_default()),
        "stop_grace_period" => match node.scalar().and_then(words::duration) {
            Some(grace) => parts.context.text("stop_grace", duration_text(grace)),
            None => notes.left_out(at, node, "this is no duration"),
        },
        "networks" => networks(node, at, &mut parts.context, notes),
        "depends_on" => depends_on(node, at, &mut parts.service, notes),
        "ports" => ports::ports(node, at, &mut parts.service, notes),
        "volumes" => storage::volumes(node, at, &mut parts.context, notes),
        "configs" | "secrets" => storage::attached(name, node, at, &mut parts.context, notes),
        "tmpfs" => notes.left_out(at, node, "write it as a volume of the type tmpfs"),
        "healthcheck" => health::health(node, at, &mut parts.service, notes),
        "deploy" => update::deploy(node, at, parts, notes),
        "scale" => parts.replicas = notes.whole(at, node),
        "mem_limit" | "mem_reservation" | "cpus" => update::resource(name, node, at, &mut parts.resources, notes),
        "profiles" => {
            parts.service.flag("enabled", false);
            notes.changed(at, node, "services of a profile do not run unless it is named; this one is disabled");
        }
        "expose" => notes.add(What::Taken, at, node, "every port is reachable within a network"),
        "restart" => {}
        "build" => notes.left_out(at, node, "images are built before: name the one to run"),
        "env_file" => notes.left_out(at, node, "other files are not opened: write its values into `environment`"),
        "extends" => notes.left_out(at, node, "other services are not repeated: write out what it takes from there"),
        "container_name" => notes.left_out(at, node, "replicas have names of their own"),
        "network_mode" | "links" => notes.left_out(at, node, "services find each other in networks, by their names"),
        name if name.starts_with("x-") => {}
        _ => notes.left_out(at, node, "manifests have nothing like it"),
    }
}

fn image(node: &Node, at: &str, context: &mut Map, notes: &mut Notes) {
    let image = node.scalar().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    if image.is_empty() || last.contains(':') || image.contains('@') {
        return context.text("image", image);
    }
    notes.changed(at, node, "without a tag it is `latest`, which is written out; whatever that is will run");
    context.text("image", format!("{image}:latest"));
}

fn line(name: &str, node: &Node, at: &str, context: &mut Map, notes: &mut Notes) {
    if let Value::List(items) = &node.value {
        return context.list(name, texts(items.iter().filter_map(Node::scalar).map(str::to_owned)));
    }
    let text = node.scalar().unwrap_or_default();
    match words::words(text) {
        Some(line) => {
            if let Some(operator) = line.cut_at {
                let message = format!(
                    "there is no shell: Compose stops at `{operator}` without a word, and so does this; write [\"sh\", \"-c\", ...] for one"
                );
                notes.changed(at, node, message);
            }
            context.list(name, texts(line.words));
        }
        None => notes.left_out(at, node, "a quote is not closed"),
    }
}

fn environment(node: &Node, at: &str, context: &mut Map, notes: &mut Notes) {
    let mut map = Map::default();
    for member in node.members() {
        let path = format!("{at}.{}", member.name);
        match (&member.node.value, member.node.scalar()) {
            (Value::Number(number), _) if !is_plain(number) => {
                notes.changed(
                    &path,
                    &member.node,
                    format!("Compose hands over what YAML makes of `{number}`; here it stays as it is written"),
                );
                map.text(&member.name, number.as_str());
            }
            (_, Some(text)) => map.text(&member.name, text),
            (_, None) => notes.left_out(&path, &member.node, "it would come from the environment of whoever starts it; give it a value"),
        }
    }
    context.map("environment", map);
}

/// Whether a number that YAML reads is written again in the same way.
fn is_plain(number: &str) -> bool {
    number == "0" || (number.len() < 16 && !number.starts_with(['0', '+']) && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn labels(node: &Node, service: &mut Map) {
    let mut map = Map::default();
    for member in node.members() {
        map.text(&member.name, member.node.scalar().unwrap_or_default());
    }
    service.map("labels", map);
}

fn networks(node: &Node, at: &str, context: &mut Map, notes: &mut Notes) {
    for member in node.members() {
        for option in member.node.members() {
            notes.left_out(&format!("{at}.{}.{}", member.name, option.name), &option.node, "manifests have nothing like it");
        }
    }
    context.list("networks", node.members().iter().map(|member| text_node(rename(&member.name))).collect());
}

fn depends_on(node: &Node, at: &str, service: &mut Map, notes: &mut Notes) {
    let mut list = Vec::new();
    for member in node.members() {
        let mut dependency = Map::default();
        dependency.text("service", rename(&member.name));
        let condition = member.node.get("condition").and_then(Node::scalar).unwrap_or("service_started");
        dependency.text(
            "condition",
            match condition {
                "service_healthy" => "healthy",
                "service_completed_successfully" => "completed",
                _ => "started",
            },
        );
        if member.node.get("restart").and_then(Node::scalar) == Some("true") {
            dependency.flag("restart", true);
        }
        if let Some(required) = member.node.get("required").filter(|required| required.scalar() == Some("false")) {
            notes.changed(&format!("{at}.{}.required", member.name), required, "every dependency of a manifest must be there");
        }
        list.push(dependency.node());
    }
    service.list("depends_on", list);
}

fn restart(policy: &str, name: &str, at: &str, node: &Node, others: &Others, notes: &mut Notes) -> Option<Map> {
    let mut map = Map::default();
    let (condition, attempts) = policy.split_once(':').map_or((policy, None), |(condition, attempts)| (condition, Some(attempts)));
    match condition {
        "always" | "unless-stopped" => return None,
        "on-failure" => {
            map.text("condition", "on-failure");
            match attempts.map(|attempts| (attempts, whole(attempts))) {
                Some((_, Some(attempts))) => map.number("attempts", attempts),
                Some((attempts, None)) => notes.left_out(at, node, format!("`{attempts}` is no whole number")),
                None => {}
            }
        }
        "no" if others.completed.contains(name) => map.text("condition", "never"),
        "no" => {
            let awaited = if others.awaited.contains(name) { ", and others wait for it to run" } else { "" };
            let message = format!(
                "Compose does not start it again when it ends{awaited}; here it is: write restart: {{condition: never}} if it runs once"
            );
            notes.changed(at, node, message);
            return None;
        }
        _ => {
            notes.left_out(at, node, format!("`{policy}` is no restart policy"));
            return None;
        }
    }
    Some(map)
}
