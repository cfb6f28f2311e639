//! What a name means where it stands: a variable, a builtin, a module, or something that came from one.

use std::borrow::Cow;

use ruff_python_ast::{self as ast, Expr};

use super::names;
use super::receivers::Method;
use super::{Marked, Scan};
use crate::map::Set;
use crate::scope::Symbol;
use crate::walk::{Binding, NameScope};

/// Attributes of modules followed one inside the other; module paths are shorter.
const MAX_PATH: usize = 6;
/// Expressions followed to where they come from.
const MAX_ROOT: usize = 12;

/// The table of scopes inside the text of an annotation: the symbol table does not have them.
const NO_TABLE: usize = usize::MAX;

/// An open scope.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub table: usize,
    pub kind: NameScope,
    /// Restricted names that are certainly bound, for each open block.
    pub certain: Vec<Set<&'a str>>,
    /// The name under which a method knows its object.
    pub receiver: Option<&'a str>,
    /// That method, if it is known who calls it.
    pub method: Option<Method<'a>>,
    /// Whether the class of that method inherits from something imported.
    pub foreign_class: bool,
}

/// What a name means.
#[derive(Clone, Copy)]
pub(super) enum Meaning<'a, 's> {
    /// Something that the code binds, certainly when it is read.
    Bound(&'s Symbol<'a>),
    /// Something that the code binds, but a builtin where it has not yet.
    Perhaps(&'s Symbol<'a>),
    /// Nothing that the code binds.
    Free,
}

impl<'a, 's> Meaning<'a, 's> {
    pub fn symbol(self) -> Option<&'s Symbol<'a>> {
        match self {
            Meaning::Bound(symbol) | Meaning::Perhaps(symbol) => Some(symbol),
            Meaning::Free => None,
        }
    }
}

impl<'a, 's> Scan<'a, 's> {
    pub(super) fn open_scope(&mut self, kind: NameScope) {
        let table = if self.place_of_text.is_some() { NO_TABLE } else { self.next_table };
        self.next_table += usize::from(table != NO_TABLE);
        let scopes = self.scopes;
        // The module's own names are looked up last, in their table: most of a file's names are there.
        let own = scopes.tables.get(table).filter(|_| kind != NameScope::Module);
        for (name, symbol) in own.into_iter().flat_map(|table| &table.symbols) {
            self.visible.entry(name).or_default().push((table, symbol));
        }
        let method = self.frames.last().is_some_and(|frame| frame.kind == NameScope::Class);
        let class = self.classes.last().copied().unwrap_or_default();
        let first = self.first_parameter.take();
        let receiver = first.filter(|_| method && !class.meta);
        let method = self.entered_method.take().filter(|_| receiver.is_some());
        self.frames.push(Frame { table, kind, certain: Vec::new(), receiver, method, foreign_class: class.foreign });
    }

    pub(super) fn close_scope(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        let scopes = self.scopes;
        let own = scopes.tables.get(frame.table).filter(|_| frame.kind != NameScope::Module);
        for name in own.into_iter().flat_map(|table| table.symbols.keys()) {
            if let Some(tables) = self.visible.get_mut(name) {
                tables.pop();
            }
        }
    }

    /// What `name` means in the scope that is open.
    pub(super) fn meaning(&self, name: &str) -> Meaning<'a, 's> {
        let scopes = self.scopes;
        let current = self.frames.last().map(|frame| frame.table);
        for (table, symbol) in self.visible.get(name).into_iter().flatten().rev().copied() {
            let kind = scopes.tables[table].kind;
            if (kind == NameScope::Class && Some(table) != current) || symbol.nonlocal {
                continue;
            }
            if symbol.global.is_some() && table != 0 {
                return self.module_meaning(name);
            }
            match kind {
                NameScope::Class if !self.is_certain(table, name, symbol) => {
                    return match self.module_meaning(name) {
                        Meaning::Free => Meaning::Perhaps(symbol),
                        outer => outer,
                    };
                }
                _ => return Meaning::Bound(symbol),
            }
        }
        self.module_meaning(name)
    }

    /// Module names fall back to builtins until they are bound.
    fn module_meaning(&self, name: &str) -> Meaning<'a, 's> {
        let scopes = self.scopes;
        scopes.global(name).map_or(Meaning::Free, |symbol| self.judge_module_symbol(name, symbol))
    }

    fn judge_module_symbol(&self, name: &str, symbol: &'s Symbol<'a>) -> Meaning<'a, 's> {
        if symbol.count == 0 {
            Meaning::Free
        } else if self.is_certain(0, name, symbol) {
            Meaning::Bound(symbol)
        } else {
            Meaning::Perhaps(symbol)
        }
    }

    /// Whether a binding of `name` has run whenever the code that is being walked runs.
    fn is_certain(&self, table: usize, name: &str, symbol: &Symbol<'_>) -> bool {
        if symbol.deleted {
            return false;
        }
        let mut frames = self.frames.iter().filter(|frame| frame.table == table);
        frames.any(|frame| frame.certain.iter().any(|certain| certain.contains(name)))
    }

    /// Whether an expression is the object of the method that is open: its first parameter, never bound again.
    pub(super) fn is_receiver(&self, expr: &Expr) -> bool {
        self.receiver_frame(expr).is_some()
    }

    /// The method whose object an expression is.
    pub(super) fn receiver_frame(&self, expr: &Expr) -> Option<&Frame<'a>> {
        let Expr::Name(name) = expr else { return None };
        let name = name.id.as_str();
        if !self.frames.iter().any(|frame| frame.receiver == Some(name)) {
            return None;
        }
        self.frames.iter().rev().find_map(|frame| {
            let table = self.scopes.tables.get(frame.table).filter(|_| frame.kind != NameScope::Module);
            let symbol = table.and_then(|table| table.symbols.get(name));
            let is_receiver = frame.receiver == Some(name);
            (is_receiver || symbol.is_some()).then_some((is_receiver && symbol.is_none_or(Symbol::is_bound_once)).then_some(frame))
        })?
    }

    /// Remembers bindings that certainly happen, of names where it matters.
    pub(super) fn note_certain(&mut self, name: &'a str, binding: Binding<'a>) {
        let certain = matches!(
            binding,
            Binding::Assign(_)
                | Binding::With(_)
                | Binding::Iterate(_)
                | Binding::Unpack
                | Binding::Function(_)
                | Binding::Class
                | Binding::Type
                | Binding::Import(_)
                | Binding::ImportFrom(..)
        );
        if certain
            && names::is_restricted(name)
            && let Some(block) = self.frames.last_mut().and_then(|frame| frame.certain.last_mut())
        {
            block.insert(name);
        }
    }

    /// The module paths that an expression can stand for: an imported name, or a reviewed or refused module below one.
    pub(super) fn modules<'e>(&self, expr: &'e Expr) -> Vec<Cow<'e, str>>
    where
        'a: 'e,
    {
        self.modules_within(expr, MAX_PATH)
    }

    fn modules_within<'e>(&self, expr: &'e Expr, steps: usize) -> Vec<Cow<'e, str>>
    where
        'a: 'e,
    {
        let Some(steps) = steps.checked_sub(1) else { return Vec::new() };
        match expr {
            Expr::Name(name) => match self.meaning(name.id.as_str()).symbol() {
                Some(symbol) => symbol.imports.iter().filter_map(|binding| self.imported_module(binding)).collect(),
                None => Vec::new(),
            },
            Expr::Attribute(attribute) => {
                let parents = self.modules_within(&attribute.value, steps);
                let paths = parents.into_iter().map(|parent| [&*parent, ".", attribute.attr.as_str()].concat());
                paths.filter(|path| self.is_module(path)).map(Cow::Owned).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether a dotted path names a module as far as the catalog or the imports of this code know.
    pub(super) fn is_module(&self, path: &str) -> bool {
        self.catalog.is_reviewed(path) || self.catalog.is_refused_module(path) || self.imported.contains(path)
    }

    /// The module that an import binds, unless it binds something inside a module.
    fn imported_module(&self, binding: &Binding<'a>) -> Option<Cow<'a, str>> {
        match binding {
            Binding::Import(alias) if alias.asname.is_some() => Some(Cow::Borrowed(alias.name.as_str())),
            Binding::Import(alias) => alias.name.as_str().split('.').next().map(Cow::Borrowed),
            Binding::ImportFrom(import, alias) => {
                let is_module = self.marked.get(&std::ptr::from_ref(*alias).addr()) == Some(&Marked::Module);
                is_module.then(|| Cow::Owned(path_of(import, alias)))
            }
            _ => None,
        }
    }

    /// Whether what is imported from a module is one itself.
    pub(super) fn is_module_inside(&self, import: &ast::StmtImportFrom, alias: &ast::Alias) -> bool {
        let path = path_of(import, alias);
        self.catalog.is_reviewed(&path) || self.catalog.is_refused_module(&path)
    }

    /// The qualified name of something imported from a module, however it is written: `operator.attrgetter`.
    pub(super) fn qualified<'e>(&self, expr: &'e Expr) -> Option<(Cow<'e, str>, &'e str)>
    where
        'a: 'e,
    {
        match expr {
            Expr::Name(name) => {
                let symbol = self.meaning(name.id.as_str()).symbol()?;
                symbol.imports.iter().find_map(|binding| match binding {
                    Binding::ImportFrom(import, alias) => Some((Cow::Borrowed(import.module.as_deref()?), alias.name.as_str())),
                    _ => None,
                })
            }
            Expr::Attribute(attribute) => {
                let module = self.modules(&attribute.value).into_iter().next()?;
                Some((module, attribute.attr.as_str()))
            }
            _ => None,
        }
    }

    /// Whether a value comes from an import: through calls, attributes, items, and names with one plain value.
    pub(super) fn is_foreign(&self, expr: &Expr) -> bool {
        let mut expr = expr;
        for _ in 0..MAX_ROOT {
            expr = match expr {
                Expr::Attribute(ast::ExprAttribute { value, .. }) | Expr::Subscript(ast::ExprSubscript { value, .. }) => value,
                Expr::Call(ast::ExprCall { func, .. }) => func,
                Expr::Await(ast::ExprAwait { value, .. }) => value,
                Expr::Name(name) => {
                    let Some(symbol) = self.meaning(name.id.as_str()).symbol() else { return false };
                    if !symbol.imports.is_empty() {
                        return true;
                    }
                    match (symbol.count, symbol.first) {
                        (1, Some(Binding::Assign(value) | Binding::Walrus(value) | Binding::With(value) | Binding::Iterate(value))) => {
                            value
                        }
                        _ => return false,
                    }
                }
                _ => return false,
            };
        }
        false
    }

    /// What a loop gives to a name, if that is its only binding.
    pub(super) fn items_of(&self, name: &str) -> Option<&'a Expr> {
        match self.meaning(name).symbol() {
            Some(symbol @ Symbol { first: Some(Binding::Iterate(items)), .. }) if symbol.is_bound_once() => Some(items),
            _ => None,
        }
    }

    /// The one plain value that the body of the innermost open class gives to a name.
    pub(super) fn class_value(&self, name: &str) -> Option<&'a Expr> {
        let frame = self.frames.iter().rev().find(|frame| frame.kind == NameScope::Class)?;
        self.scopes.tables.get(frame.table)?.symbols.get(name)?.single_value()
    }

    /// The one plain value of a name.
    pub(super) fn value_of(&self, name: &str) -> Option<&'a Expr> {
        self.meaning(name).symbol()?.single_value()
    }
}

fn path_of(import: &ast::StmtImportFrom, alias: &ast::Alias) -> String {
    [import.module.as_deref().unwrap_or_default(), ".", alias.name.as_str()].concat()
}
