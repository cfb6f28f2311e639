//! A Compose project as a manifest: variables, several files, services, and what they share.

use std::collections::{BTreeMap, BTreeSet};

use crate::compose::interpolate::interpolate;
use crate::compose::merge::merge;
use crate::compose::note::{Note, What};
use crate::compose::part::{Map, Notes};
use crate::compose::service::{Others, service};
use crate::node::{Node, Value, read_yaml};
use crate::problem::Problems;

/// What came of Compose files.
#[derive(Debug, Clone)]
pub struct Import {
    /// The manifest; rules of manifests may still refuse it.
    pub manifest: Node,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// Reads Compose files, later ones over earlier ones, as a manifest. `values` are those of variables.
///
/// # Errors
/// Files that cannot be read, and variables that cannot be put in. Each with the number of its file.
pub fn import(files: &[&str], values: &BTreeMap<String, String>) -> Result<Import, (usize, Problems)> {
    let (mut merged, mut unset) = (None, BTreeSet::new());
    for (index, text) in files.iter().enumerate() {
        let mut file = read_yaml(text).map_err(|problems| (index, problems))?;
        let mut problems = Problems::default();
        if !matches!(file.value, Value::Map(_)) {
            problems.add("", file.place, "wrong-kind", format!("a Compose file is a map, and this is {}", file.kind()));
        }
        interpolate(&mut file, values, "", &mut unset, &mut problems);
        if !problems.is_empty() {
            return Err((index, problems));
        }
        merged = Some(merge(merged, file));
    }
    let root = merged.unwrap_or_else(|| Node::new(Value::Null));
    let mut notes = Notes::default();
    for name in unset {
        notes.changed("", &root, format!("variable `{name}` is not set; it is taken for empty"));
    }
    let manifest = manifest(&root, &mut notes);
    let mut notes = notes.list;
    notes.dedup();
    Ok(Import { manifest, notes })
}

fn manifest(root: &Node, notes: &mut Notes) -> Node {
    let mut out = Map::default();
    let name = root.get("name").and_then(Node::scalar).unwrap_or("imported");
    let name = notes.name("name", root, name);
    out.text("name", if name.is_empty() { "imported".to_owned() } else { name });
    let others = Others::new(root);
    let services = root.get("services").map(Node::members).unwrap_or_default();
    let services = services.iter().map(|member| service(&member.name, &member.node, &others, notes)).collect();
    out.put("services", Node::new(Value::List(services)));
    for (kind, convert) in [("configs", content as Convert), ("secrets", content), ("volumes", volume), ("networks", network)] {
        let mut map = Map::default();
        for member in root.get(kind).map(Node::members).unwrap_or_default() {
            let path = format!("{kind}.{}", member.name);
            let node = convert(&member.node, kind, &path, notes);
            map.put(&notes.name(&path, &member.node, &member.name), node);
        }
        if kind == "networks" && others.default_network && root.get("networks").and_then(|networks| networks.get("default")).is_none() {
            map.put("default", Map::default().node());
        }
        out.map(kind, map);
    }
    for member in root.members() {
        match member.name.as_str() {
            "name" | "services" | "configs" | "secrets" | "volumes" | "networks" => {}
            "version" => notes.add(What::Taken, "version", &member.node, "it has no meaning any more"),
            name if name.starts_with("x-") => {}
            "include" => notes.left_out(
                "include",
                &member.node,
                "other files are not opened; give them on the command line, in the order in which they are laid over each other",
            ),
            name => notes.left_out(name, &member.node, "manifests have nothing like it"),
        }
    }
    out.node()
}

/// Converts a member of one of the shared maps.
type Convert = fn(&Node, &str, &str, &mut Notes) -> Node;

fn content(node: &Node, kind: &str, path: &str, notes: &mut Notes) -> Node {
    let mut out = Map::default();
    for member in node.members() {
        let at = format!("{path}.{}", member.name);
        match (member.name.as_str(), member.node.scalar()) {
            ("file", Some(file)) => out.text("file", file),
            ("content", Some(content)) if kind == "configs" => out.text("content", content),
            ("external", Some("true")) if kind == "secrets" => out.flag("external", true),
            ("external", Some("true")) => notes.left_out(&at, &member.node, "configs of manifests have a content or a file"),
            ("external", _) => {}
            ("name", _) => notes.left_out(&at, &member.node, "names in the engine are made of the platform's and the config's"),
            ("environment", _) => {
                notes.left_out(&at, &member.node, "values do not come from the environment of whoever applies a manifest; use a file")
            }
            _ => notes.left_out(&at, &member.node, "manifests have nothing like it"),
        }
    }
    out.node()
}

fn volume(node: &Node, _: &str, path: &str, notes: &mut Notes) -> Node {
    shared(node, path, &["external"], notes)
}

fn network(node: &Node, _: &str, path: &str, notes: &mut Notes) -> Node {
    shared(node, path, &["external", "internal"], notes)
}

fn shared(node: &Node, path: &str, flags: &[&str], notes: &mut Notes) -> Node {
    let mut out = Map::default();
    for member in node.members() {
        match member.node.scalar() {
            Some("true") if flags.contains(&member.name.as_str()) => out.flag(&member.name, true),
            Some("false") if flags.contains(&member.name.as_str()) => {}
            _ => notes.left_out(&format!("{path}.{}", member.name), &member.node, "manifests have nothing like it"),
        }
    }
    out.node()
}
