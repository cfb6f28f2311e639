//! Several Compose files as one: later ones are laid over earlier ones, by the rules of Compose. Short forms that are lists of names become
//! maps first, so that both forms merge.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::node::{Member, Node, Value};

/// Lists of a service whose later form replaces the earlier one.
const REPLACED: [&str; 2] = ["command", "entrypoint"];
/// Lists of a service that are maps in another notation.
const MAPS: [&str; 4] = ["environment", "labels", "depends_on", "networks"];

/// What makes an item of a list the same thing as another one; None where nothing does.
type Key = fn(&Node) -> Option<String>;

/// Lays a file over others.
pub(super) fn merge(base: Option<Node>, file: Node) -> Node {
    let mut file = file;
    services(&mut file, normalize);
    let Some(mut base) = base else { return without_resets(file) };
    lay(&mut base, file, &mut Vec::new());
    without_resets(base)
}

fn services(file: &mut Node, change: impl Fn(&mut Node)) {
    let Value::Map(members) = &mut file.value else { return };
    let services = members.iter_mut().filter(|member| member.name == "services");
    for service in services {
        if let Value::Map(services) = &mut service.node.value {
            services.iter_mut().for_each(|service| change(&mut service.node));
        }
    }
}

/// `[A=1, B]` as `{A: 1, B: null}`.
fn normalize(service: &mut Node) {
    let Value::Map(members) = &mut service.value else { return };
    for member in members.iter_mut() {
        let (Some(key), Value::List(items)) = (key_of(&member.name), &mut member.node.value) else { continue };
        *items = lay_items(Vec::new(), std::mem::take(items), Some(key));
    }
    for member in members.iter_mut().filter(|member| MAPS.contains(&member.name.as_str())) {
        let Value::List(items) = &member.node.value else { continue };
        let has_values = matches!(member.name.as_str(), "environment" | "labels");
        let entry = |item: &Node| {
            let text = item.scalar()?;
            let (name, value) =
                if has_values { text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value))) } else { (text, None) };
            let value = value.map_or(Value::Null, |value| Value::Text(value.to_owned()));
            Some(Member { name: name.to_owned(), place: item.place, node: Node { value, place: item.place, tag: None } })
        };
        let (mut entries, mut places): (Vec<Member>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
        for entry in items.iter().filter_map(entry) {
            match places.entry(entry.name.clone()) {
                Entry::Occupied(place) => entries[*place.get()] = entry,
                Entry::Vacant(place) => {
                    place.insert(entries.len());
                    entries.push(entry);
                }
            }
        }
        member.node.value = Value::Map(entries);
    }
}

fn lay(base: &mut Node, over: Node, path: &mut Vec<String>) {
    match over.tag.as_deref() {
        Some("reset") => {
            base.tag = over.tag;
            return;
        }
        Some("override") => {
            *base = Node { tag: None, ..over };
            return;
        }
        _ => {}
    }
    match (&mut base.value, over.value) {
        (Value::Map(members), Value::Map(others)) => {
            let places: HashMap<String, usize> = members.iter().enumerate().map(|(place, member)| (member.name.clone(), place)).collect();
            // No name occurs twice among the others, so that what they add needs no place.
            for other in others {
                match places.get(&other.name) {
                    Some(place) => {
                        path.push(other.name);
                        lay(&mut members[*place].node, other.node, path);
                        path.pop();
                    }
                    None => members.push(other),
                }
            }
        }
        (Value::List(items), Value::List(others)) if !is_replaced(path) => {
            *items = lay_items(std::mem::take(items), others, unique_key(path));
        }
        // A variable of which only the name is given takes the place of one with a value.
        (value, Value::Null) if is_variable(path) => *value = Value::Null,
        // Nothing said is nothing changed.
        (_, Value::Null) => {}
        (value, other) => {
            *value = other;
            base.place = over.place;
        }
    }
}

/// One list after the other. Of items that are one thing the last counts, where the first stood.
fn lay_items(items: Vec<Node>, others: Vec<Node>, key: Option<Key>) -> Vec<Node> {
    let (mut all, mut places): (Vec<Node>, HashMap<String, usize>) = (Vec::new(), HashMap::new());
    for item in items.into_iter().chain(others) {
        match key.and_then(|key| key(&item)).map(|key| places.entry(key)) {
            Some(Entry::Occupied(place)) => all[*place.get()] = item,
            Some(Entry::Vacant(place)) => {
                place.insert(all.len());
                all.push(item);
            }
            None => all.push(item),
        }
    }
    all
}

fn is_variable(path: &[String]) -> bool {
    matches!(path, [services, _, field, _] if services == "services" && matches!(field.as_str(), "environment" | "labels"))
}

fn is_replaced(path: &[String]) -> bool {
    match path {
        [services, _, field] => services == "services" && REPLACED.contains(&field.as_str()),
        [services, _, health, test] => services == "services" && health == "healthcheck" && test == "test",
        _ => false,
    }
}

/// What makes two items of a list one thing.
fn unique_key(path: &[String]) -> Option<Key> {
    match path {
        [services, _, field] if services == "services" => key_of(field),
        _ => None,
    }
}

/// The same, by the field of a service.
fn key_of(field: &str) -> Option<Key> {
    match field {
        "volumes" => Some(volume_key),
        "ports" => Some(port_key),
        "configs" | "secrets" => Some(file_key),
        _ => None,
    }
}

fn volume_key(node: &Node) -> Option<String> {
    let target = |text: &str| {
        let parts: Vec<&str> = text.split(':').collect();
        parts.get(usize::from(parts.len() > 1)).map(|target| (*target).to_owned())
    };
    match node.get("target") {
        Some(long) => long.scalar().map(str::to_owned),
        None => node.scalar().and_then(target),
    }
}

fn port_key(node: &Node) -> Option<String> {
    if let Some(text) = node.scalar() {
        return Some(text.strip_suffix("/tcp").unwrap_or(text).to_owned());
    }
    let part = |name: &str| node.get(name).and_then(Node::scalar).unwrap_or_default();
    let address = if part("host_ip").is_empty() { String::new() } else { format!("{}:", part("host_ip")) };
    let published = if part("published").is_empty() { String::new() } else { format!("{}:", part("published")) };
    let protocol = if matches!(part("protocol"), "" | "tcp") { String::new() } else { format!("/{}", part("protocol")) };
    Some(format!("{address}{published}{}{protocol}", part("target")))
}

fn file_key(node: &Node) -> Option<String> {
    let long = node.get("target").or_else(|| node.get("source")).and_then(Node::scalar);
    long.or_else(|| node.scalar()).map(str::to_owned)
}

/// Takes away what `!reset` names.
fn without_resets(mut node: Node) -> Node {
    match &mut node.value {
        Value::Map(members) => {
            members.retain(|member| member.node.tag.as_deref() != Some("reset"));
            for member in members {
                member.node = without_resets(std::mem::replace(&mut member.node, Node::new(Value::Null)));
            }
        }
        Value::List(items) => {
            items.retain(|item| item.tag.as_deref() != Some("reset"));
            for item in items {
                *item = without_resets(std::mem::replace(item, Node::new(Value::Null)));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
    node
}
