//! `deploy` and its older forms: replicas, resources, updates.

use crate::compose::part::{Map, Notes, Parts};
use crate::compose::words;
use crate::node::{Node, Value};
use crate::quantity::{duration_text, milli_processors, size_text};

pub(super) fn deploy(node: &Node, at: &str, parts: &mut Parts, notes: &mut Notes) {
    for member in node.members().iter().filter(|member| member.node.value != Value::Null) {
        let path = format!("{at}.{}", member.name);
        match member.name.as_str() {
            "replicas" => parts.replicas = notes.whole(&path, &member.node),
            "mode" if member.node.scalar() == Some("replicated") => {}
            "resources" => resources(&member.node, &path, parts, notes),
            "update_config" => update(&member.node, &path, &mut parts.update, notes),
            "restart_policy" => parts.restart = Some(restart(&member.node, &path, notes)),
            _ => notes.left_out(&path, &member.node, "manifests have nothing like it"),
        }
    }
}

/// `mem_limit`, `mem_reservation`, `cpus`.
pub(super) fn resource(name: &str, node: &Node, at: &str, resources: &mut Map, notes: &mut Notes) {
    match name {
        "mem_limit" => size(node, "memory", at, resources, notes),
        "mem_reservation" => size(node, "memory_reserved", at, resources, notes),
        _ => processors(node, at, resources, notes),
    }
}

fn processors(node: &Node, at: &str, resources: &mut Map, notes: &mut Notes) {
    match node.scalar().filter(|text| milli_processors(text).is_some()) {
        Some(text) => resources.text("processors", text),
        None => notes.left_out(at, node, "processors of a manifest have at most three decimals"),
    }
}

fn resources(node: &Node, at: &str, parts: &mut Parts, notes: &mut Notes) {
    for (kind, memory) in [("limits", "memory"), ("reservations", "memory_reserved")] {
        for member in node.get(kind).map(Node::members).unwrap_or_default() {
            let path = format!("{at}.{kind}.{}", member.name);
            match (kind, member.name.as_str()) {
                (_, "memory") => size(&member.node, memory, &path, &mut parts.resources, notes),
                ("limits", "cpus") => processors(&member.node, &path, &mut parts.resources, notes),
                _ => notes.left_out(&path, &member.node, "manifests have nothing like it"),
            }
        }
    }
}

fn update(node: &Node, at: &str, out: &mut Map, notes: &mut Notes) {
    for member in node.members() {
        let path = format!("{at}.{}", member.name);
        match (member.name.as_str(), member.node.scalar()) {
            ("parallelism", Some("0")) => notes.left_out(&path, &member.node, "0 is all at once: write how many"),
            ("parallelism", _) => {
                if let Some(number) = notes.whole(&path, &member.node) {
                    out.number("parallelism", number);
                }
            }
            ("order", Some(order)) => out.text("order", order),
            ("failure_action", Some("rollback")) => {}
            _ => notes.left_out(&path, &member.node, "the process manager judges by health, and rolls back whole sets"),
        }
    }
}

fn restart(node: &Node, at: &str, notes: &mut Notes) -> Map {
    let mut out = Map::default();
    for member in node.members() {
        let path = format!("{at}.{}", member.name);
        let time = member.node.scalar().and_then(words::duration);
        match (member.name.as_str(), member.node.scalar(), time) {
            ("condition", Some("none"), _) => out.text("condition", "never"),
            ("condition", Some("any"), _) => {}
            ("condition", Some(condition), _) => out.text("condition", condition),
            ("max_attempts", ..) => {
                if let Some(number) = notes.whole(&path, &member.node) {
                    out.number("attempts", number);
                }
            }
            (name @ ("delay" | "window"), _, Some(time)) => out.text(name, duration_text(time)),
            _ => notes.left_out(&path, &member.node, "manifests have nothing like it"),
        }
    }
    out
}

/// A size in the notation of manifests.
fn size(node: &Node, name: &str, at: &str, out: &mut Map, notes: &mut Notes) {
    match node.scalar().and_then(words::size) {
        Some(0) => {}
        Some(bytes) => out.text(name, size_text(bytes)),
        None => notes.left_out(at, node, "this is no size"),
    }
}
