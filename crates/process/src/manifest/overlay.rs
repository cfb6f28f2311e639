//! Environments: what differs in one is laid over the rest. Maps are merged member by member, everything else is replaced, and null takes
//! away. The result is checked as if it had been written so.

use crate::node::{Member, Node, Value};
use crate::problem::Problems;

/// One value that an environment changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about, with services by their names: `services.web.replicas`.
    pub path: String,
    /// What it is elsewhere, as JSON; None where it is not set.
    pub before: Option<String>,
    /// What it is here, as JSON; None where it is taken away.
    pub after: Option<String>,
}

/// The tree as it is in an environment.
pub(super) fn merged(root: &Node, environment: &str) -> Node {
    let mut root = root.clone();
    let Some(change) = root.get("environments").and_then(|all| all.get(environment)).cloned() else { return root };
    for member in change.members() {
        let Some(target) = root_member(&mut root, &member.name) else { continue };
        match member.name.as_str() {
            "services" => services(target, &member.node),
            _ => lay(target, &member.node),
        }
    }
    root
}

/// Adds the services that environments change and that do not exist.
pub(super) fn check_names(root: &Node, problems: &mut Problems) {
    let known: Vec<&str> =
        root.get("services").map(Node::items).unwrap_or_default().iter().filter_map(|service| service.get("name")?.scalar()).collect();
    let environments = root.get("environments").map(Node::members).unwrap_or_default();
    for environment in environments {
        for service in environment.node.get("services").map(Node::members).unwrap_or_default() {
            if !known.contains(&service.name.as_str()) {
                let path = format!("environments.{}.services.{}", environment.name, service.name);
                problems.add(path, service.place, "unknown-service", format!("there is no service `{}` to change", service.name));
            }
        }
    }
}

/// What differs between two trees of one file.
pub(super) fn differences(before: &Node, after: &Node) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(Some(before), Some(after), "", &mut found);
    found
}

/// Lays changes of services, by name, over a tree.
pub(super) fn lay_services(root: &mut Node, changes: &Node) {
    if let Some(target) = root_member(root, "services") {
        services(target, changes);
    }
}

fn root_member<'a>(root: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    let Value::Map(members) = &mut root.value else { return None };
    let index = members.iter().position(|member| member.name == name).unwrap_or_else(|| {
        let node = Node::new(Value::Map(Vec::new()));
        members.push(Member { name: name.to_owned(), place: None, node });
        members.len() - 1
    });
    Some(&mut members[index].node)
}

/// Changes of services stand by name; the services themselves are a list.
fn services(target: &mut Node, changes: &Node) {
    let Value::List(services) = &mut target.value else { return };
    for change in changes.members() {
        let named = |service: &&mut Node| service.get("name").and_then(Node::scalar) == Some(change.name.as_str());
        if let Some(service) = services.iter_mut().find(named) {
            lay(service, &change.node);
        }
    }
}

fn lay(target: &mut Node, change: &Node) {
    let (Value::Map(members), Value::Map(changes)) = (&mut target.value, &change.value) else {
        *target = change.clone();
        return;
    };
    for change in changes {
        match members.iter().position(|member| member.name == change.name) {
            Some(index) if change.node.value == Value::Null => {
                members.remove(index);
            }
            Some(index) => lay(&mut members[index].node, &change.node),
            None if change.node.value == Value::Null => {}
            None => members.push(change.clone()),
        }
    }
}

fn compare(before: Option<&Node>, after: Option<&Node>, path: &str, found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Node { value: Value::Map(before), .. }), Some(Node { value: Value::Map(after), .. })) => {
            let names = before
                .iter()
                .map(|member| &member.name)
                .chain(after.iter().map(|member| &member.name).filter(|name| find(before, name).is_none()));
            for name in names {
                compare(find(before, name), find(after, name), &join(path, name), found);
            }
        }
        (Some(Node { value: Value::List(before), .. }), Some(Node { value: Value::List(after), .. })) if path == "services" => {
            for (before, after) in before.iter().zip(after) {
                let name = before.get("name").and_then(Node::scalar).unwrap_or_default();
                compare(Some(before), Some(after), &join(path, name), found);
            }
        }
        (before, after) => {
            found.push(Difference { path: path.to_owned(), before: before.map(json), after: after.map(json) });
        }
    }
}

fn find<'a>(members: &'a [Member], name: &str) -> Option<&'a Node> {
    members.iter().find(|member| member.name == name).map(|member| &member.node)
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A value in one line of JSON; numbers as they were written.
fn json(node: &Node) -> String {
    let text = |text: &str| serde_json::Value::from(text).to_string();
    match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.clone(),
        Value::Text(value) => text(value),
        Value::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(", ")),
        Value::Map(members) => {
            let member = |member: &Member| format!("{}: {}", text(&member.name), json(&member.node));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
    }
}
