//! Where a rule says what it has found: problems with their paths and places.

use std::collections::HashMap;
use std::hash::Hash;

use crate::node::Node;
use crate::problem::Problems;

/// A tree beside its manifest: rules look at the manifest, and people at the tree.
pub(super) struct View<'a> {
    root: &'a Node,
    problems: &'a mut Problems,
}

impl<'a> View<'a> {
    pub(super) fn new(root: &'a Node, problems: &'a mut Problems) -> Self {
        View { root, problems }
    }

    /// Adds a problem with what stands at a path.
    pub(super) fn add(&mut self, path: &[Step<'_>], rule: &'static str, message: impl Into<String>) {
        if self.problems.is_full() {
            return self.problems.count();
        }
        let mut text = String::new();
        let (mut node, mut place) = (Some(self.root), self.root.place);
        for step in path {
            node = match step {
                Step::Name(name) => {
                    text.push_str(if text.is_empty() { "" } else { "." });
                    text.push_str(name);
                    let member = node.and_then(|node| node.members().iter().find(|member| member.name == *name));
                    place = member.and_then(|member| member.place).or(place);
                    member.map(|member| &member.node)
                }
                Step::Item(index) => {
                    text.push_str(&format!("[{index}]"));
                    node.and_then(|node| node.items().get(*index))
                }
            };
            place = node.and_then(|node| node.place).or(place);
        }
        self.problems.add(text, place, rule, message);
    }

    /// Whether something is set at a path of names.
    pub(super) fn has(&self, path: &[Step<'_>]) -> bool {
        let step = |node: &'a Node, step: &Step<'_>| match step {
            Step::Name(name) => node.get(name),
            Step::Item(index) => node.items().get(*index),
        };
        path.iter().try_fold(self.root, step).is_some()
    }

    /// Adds a problem for every item but the first of those that have the same key. Items without one are left out.
    pub(super) fn unique<T, K: Eq + Hash>(
        &mut self,
        items: &[T],
        key: impl Fn(&T) -> Option<K>,
        path: impl Fn(usize) -> Vec<Step<'static>>,
        rule: &'static str,
        message: impl Fn(&T, &T) -> String,
    ) {
        let mut first: HashMap<K, &T> = HashMap::new();
        for (index, item) in items.iter().enumerate() {
            let Some(key) = key(item) else { continue };
            match first.get(&key) {
                Some(other) => {
                    let message = message(item, other);
                    self.add(&path(index), rule, message);
                }
                None => {
                    first.insert(key, item);
                }
            }
        }
    }
}

/// One step from a value to one inside of it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Name(&'a str),
    Item(usize),
}

/// `services[index].field`.
pub(super) fn of_service(index: usize, fields: &[&'static str]) -> Vec<Step<'static>> {
    let fields = fields.iter().map(|field| Step::Name(field));
    [Step::Name("services"), Step::Item(index)].into_iter().chain(fields).collect()
}

/// `path[index].field`.
pub(super) fn item<'a>(path: Vec<Step<'a>>, index: usize, field: &'a str) -> Vec<Step<'a>> {
    path.into_iter().chain([Step::Item(index), Step::Name(field)]).collect()
}
