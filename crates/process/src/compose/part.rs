//! Building a manifest's tree, and the notes beside it.

use crate::compose::note::{Note, What};
use crate::node::{Member, Node, Value};

/// A map that is being built.
#[derive(Default)]
pub(super) struct Map {
    members: Vec<Member>,
}

/// A service that is being built: its own fields, its context, and its policies.
#[derive(Default)]
pub(super) struct Parts {
    pub(super) service: Map,
    pub(super) context: Map,
    pub(super) update: Map,
    pub(super) resources: Map,
    pub(super) replicas: Option<u32>,
    pub(super) restart: Option<Map>,
}

/// Notes that are being collected.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) list: Vec<Note>,
}

// === impl Map ===

impl Map {
    pub(super) fn put(&mut self, name: &str, node: Node) {
        self.members.push(Member { name: name.to_owned(), place: None, node });
    }

    pub(super) fn text(&mut self, name: &str, text: impl Into<String>) {
        self.put(name, text_node(text));
    }

    /// Puts a number. It is none that a file says in its own digits: what is written is read again, and must be a number then.
    pub(super) fn number(&mut self, name: &str, number: impl Into<u64>) {
        self.put(name, Node::new(Value::Number(number.into().to_string())));
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| member.name == name)
    }

    pub(super) fn flag(&mut self, name: &str, flag: bool) {
        self.put(name, Node::new(Value::Bool(flag)));
    }

    /// Puts a list unless it is empty.
    pub(super) fn list(&mut self, name: &str, items: Vec<Node>) {
        if !items.is_empty() {
            self.put(name, Node::new(Value::List(items)));
        }
    }

    /// Puts a map unless it is empty.
    pub(super) fn map(&mut self, name: &str, map: Map) {
        if !map.members.is_empty() {
            self.put(name, map.node());
        }
    }

    pub(super) fn node(self) -> Node {
        Node::new(Value::Map(self.members))
    }
}

pub(super) fn text_node(text: impl Into<String>) -> Node {
    Node::new(Value::Text(text.into()))
}

/// A whole number, in digits that mean the same to everybody: with a zero in front some readers take it for octal.
pub(super) fn whole(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if digits { text.parse().ok() } else { None }
}

pub(super) fn texts(words: impl IntoIterator<Item = String>) -> Vec<Node> {
    words.into_iter().map(text_node).collect()
}

// === impl Notes ===

impl Notes {
    pub(super) fn add(&mut self, what: What, path: &str, node: &Node, message: impl Into<String>) {
        self.list.push(Note { what, path: path.to_owned(), place: node.place, message: message.into() });
    }

    pub(super) fn left_out(&mut self, path: &str, node: &Node, message: impl Into<String>) {
        self.add(What::LeftOut, path, node, message);
    }

    pub(super) fn changed(&mut self, path: &str, node: &Node, message: impl Into<String>) {
        self.add(What::Changed, path, node, message);
    }

    /// The whole number that stands there, or a note that there is none.
    pub(super) fn whole(&mut self, path: &str, node: &Node) -> Option<u32> {
        let number = node.scalar().and_then(whole);
        if number.is_none() {
            self.left_out(path, node, "this is no whole number");
        }
        number
    }

    /// A name as manifests have it.
    pub(super) fn name(&mut self, path: &str, node: &Node, name: &str) -> String {
        let renamed = rename(name);
        if renamed != name {
            self.changed(path, node, format!("`{name}` is called `{renamed}` in the manifest"));
        }
        renamed
    }
}

/// The nearest name that manifests take. Wherever a name stands it becomes the same one.
pub(super) fn rename(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let renamed: String = name.chars().map(fits).collect();
    let renamed = renamed.trim_matches('-');
    if renamed.starts_with(|c: char| c.is_ascii_digit()) { format!("s-{renamed}") } else { renamed.to_owned() }
}
