//! What a signature is read in: the classes and names of its module, and how much may be looked at for it.

use std::cell::Cell;

use ruff_python_ast::{Stmt, StmtClassDef};

use crate::map::Map;
use crate::scope::Scopes;

/// Annotations, values and statements of classes looked at for all parameters of one entry point, and pieces of text of 16 bytes: aliases
/// name one another, and many parameters one class. What comes after counts as not understood. An ordinary signature takes some hundreds.
const BUDGET: usize = 20_000;
/// Bytes of a text that count as one.
const PIECE: usize = 16;

/// The surroundings of one entry point.
pub(super) struct Context<'s, 'a> {
    pub scopes: &'s Scopes<'a>,
    /// The first class statement of each name in the module.
    classes: Map<&'a str, &'a StmtClassDef>,
    left: Cell<usize>,
}

impl<'s, 'a> Context<'s, 'a> {
    /// The context of an entry point of the module `body`.
    pub fn new(body: &'a [Stmt], scopes: &'s Scopes<'a>) -> Self {
        let mut classes = Map::default();
        for class in body.iter().filter_map(Stmt::as_class_def_stmt) {
            classes.entry(class.name.as_str()).or_insert(class);
        }
        Context { scopes, classes, left: Cell::new(BUDGET) }
    }

    /// The class of this name.
    pub fn class(&self, name: &str) -> Option<&'a StmtClassDef> {
        self.classes.get(name).copied()
    }

    /// Takes what it costs to look at `count` more; `None` once there is nothing left.
    pub fn spend(&self, count: usize) -> Option<()> {
        let left = self.left.get().checked_sub(count);
        self.left.set(left.unwrap_or_default());
        left.map(|_| ())
    }

    /// The same for a text.
    pub fn spend_text(&self, text: &str) -> Option<()> {
        self.spend(1 + text.len() / PIECE)
    }
}
