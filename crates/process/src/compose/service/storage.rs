//! Volumes, configs and secrets of a service of a Compose file.

use crate::compose::part::{Map, Notes, rename};
use crate::compose::short::{self, Volume};
use crate::node::Node;

pub(super) fn volumes(node: &Node, at: &str, context: &mut Map, notes: &mut Notes) {
    let mut list = Vec::new();
    for (index, item) in node.items().iter().enumerate() {
        let path = format!("{at}[{index}]");
        let mount = match item.scalar() {
            Some(text) => short::volume(text).and_then(|volume| from_short(volume, item, &path, notes)),
            None => from_long(item, &path, notes),
        };
        match mount {
            Some(mount) => list.push(mount.node()),
            None => notes.left_out(&path, item, "a mount of a manifest is a named volume, an absolute path of the host, or memory"),
        }
    }
    context.list("mounts", list);
}

fn from_short(volume: Volume, item: &Node, path: &str, notes: &mut Notes) -> Option<Map> {
    for option in &volume.options {
        notes.left_out(path, item, format!("option `{option}`: manifests have nothing like it"));
    }
    // What still has a colon is a path of Windows.
    let source = volume.source.filter(|source| !source.contains(':'))?;
    let kind = if source.starts_with(['/', '.', '~']) { "host" } else { "volume" };
    mount(kind, &source, &volume.target, volume.read_only, item, path, notes)
}

fn from_long(item: &Node, path: &str, notes: &mut Notes) -> Option<Map> {
    let scalar = |name: &str| item.get(name).and_then(Node::scalar);
    for member in item.members() {
        if !["type", "source", "target", "read_only"].contains(&member.name.as_str()) {
            notes.left_out(&format!("{path}.{}", member.name), &member.node, "manifests have nothing like it");
        }
    }
    let read_only = scalar("read_only") == Some("true");
    match scalar("type")? {
        "volume" => mount("volume", scalar("source")?, scalar("target")?, read_only, item, path, notes),
        "bind" => mount("host", scalar("source")?, scalar("target")?, read_only, item, path, notes),
        "tmpfs" => mount("memory", "", scalar("target")?, read_only, item, path, notes),
        _ => None,
    }
}

fn mount(kind: &str, source: &str, target: &str, read_only: bool, item: &Node, path: &str, notes: &mut Notes) -> Option<Map> {
    let mut out = Map::default();
    out.text("kind", kind);
    match kind {
        "host" if !source.starts_with('/') => {
            notes.left_out(path, item, format!("`{source}` depends on where the file lies; write the whole path"));
            return None;
        }
        "host" => out.text("source", source),
        "volume" => out.text("source", rename(source)),
        _ => {}
    }
    out.text("target", target);
    if read_only {
        out.flag("read_only", true);
    }
    Some(out)
}

pub(super) fn attached(kind: &str, node: &Node, at: &str, context: &mut Map, notes: &mut Notes) {
    let mut list = Vec::new();
    for (index, item) in node.items().iter().enumerate() {
        let path = format!("{at}[{index}]");
        let scalar = |name: &str| item.get(name).and_then(Node::scalar);
        let Some(source) = item.scalar().or_else(|| scalar("source")) else {
            notes.left_out(&path, item, "it names nothing");
            continue;
        };
        for member in item.members() {
            if !["source", "target"].contains(&member.name.as_str()) {
                notes.left_out(
                    &format!("{path}.{}", member.name),
                    &member.node,
                    "files of configs and secrets can be read by everybody in the container",
                );
            }
        }
        let target = scalar("target").unwrap_or(source);
        let inside = if kind == "secrets" { "/run/secrets/" } else { "/" };
        let mut out = Map::default();
        out.text("source", rename(source));
        out.text("target", if target.starts_with('/') { target.to_owned() } else { format!("{inside}{target}") });
        list.push(out.node());
    }
    context.list(kind, list);
}
