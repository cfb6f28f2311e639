//! Health checks of a Compose file.

use crate::compose::part::{Map, Notes, texts};
use crate::compose::words;
use crate::node::{Node, Value};
use crate::quantity::duration_text;

/// What Docker takes where a health check says nothing; ours differ, so these are written out.
const DEFAULTS: [(&str, &str); 2] = [("interval", "30s"), ("timeout", "30s")];

pub(super) fn health(node: &Node, at: &str, service: &mut Map, notes: &mut Notes) {
    let mut out = Map::default();
    if node.get("disable").and_then(Node::scalar) == Some("true") {
        return;
    }
    match node.get("test").map(|test| (&test.value, test)) {
        Some((Value::List(items), test)) => {
            let words: Vec<String> = items.iter().filter_map(Node::scalar).map(str::to_owned).collect();
            match words.split_first() {
                Some((kind, _)) if kind == "NONE" => return,
                Some((kind, program)) if kind == "CMD" => out.list("command", texts(program.to_vec())),
                Some((kind, line)) if kind == "CMD-SHELL" => out.list("command", shell(&line.join(" "))),
                _ => return notes.left_out(&format!("{at}.test"), test, "it begins with none of NONE, CMD and CMD-SHELL"),
            }
        }
        Some((_, test)) => out.list("command", shell(test.scalar().unwrap_or_default())),
        None => out.flag("image", true),
    }
    for name in ["interval", "timeout", "start_period"] {
        let default = DEFAULTS.iter().find(|(known, _)| *known == name).map(|(_, default)| *default);
        match node.get(name).map(|value| (value, value.scalar().and_then(words::duration))) {
            Some((_, Some(time))) => out.text(name, duration_text(time)),
            Some((value, None)) => notes.left_out(&format!("{at}.{name}"), value, "this is no duration"),
            None => {
                if let Some(default) = default {
                    out.text(name, default);
                }
            }
        }
    }
    if let Some(retries) = node.get("retries").and_then(|retries| notes.whole(&format!("{at}.retries"), retries)) {
        out.number("retries", retries);
    }
    for member in node.members() {
        if !["test", "disable", "interval", "timeout", "start_period", "retries"].contains(&member.name.as_str()) {
            notes.left_out(&format!("{at}.{}", member.name), &member.node, "manifests have nothing like it");
        }
    }
    service.map("health", out);
}

fn shell(line: &str) -> Vec<Node> {
    texts(["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()])
}
