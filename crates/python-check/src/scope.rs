//! The symbol table: which names each scope binds, and how. Built in one pass before anything is judged.
//!
//! Scopes are numbered in the order in which the walk enters them, so that a later walk finds its own by counting.

use ruff_python_ast::{Expr, Stmt, StmtClassDef};
use ruff_text_size::TextRange;

use crate::map::Map;
use crate::walk::{self, Binding, Both, NameScope, Place, Visitor};

/// Different imports remembered for one name; each import is judged on its own, so more would add nothing but time.
const MAX_IMPORTS: usize = 64;
/// The dictionary that the sandbox gives to top-level code.
pub(crate) const PARAMS: &str = "params";

/// What a scope knows of one name.
#[derive(Debug, Default)]
pub(crate) struct Symbol<'a> {
    /// How often it is bound, declarations and deletions left out.
    pub count: u32,
    /// The first binding.
    pub first: Option<Binding<'a>>,
    /// The last function of this name.
    pub function: Option<&'a ruff_python_ast::StmtFunctionDef>,
    /// Each different import of this name.
    pub imports: Vec<Binding<'a>>,
    /// Whether an inner scope, which declares it global or nonlocal, binds it too.
    pub rebound: bool,
    /// Whether it is annotated without a value, which makes it a name of the scope.
    pub declared: bool,
    /// Whether something unbinds it again.
    pub deleted: bool,
    /// Whether it is a parameter.
    pub parameter: bool,
    /// Where it is declared global.
    pub global: Option<TextRange>,
    /// Whether it is declared nonlocal.
    pub nonlocal: bool,
}

impl<'a> Symbol<'a> {
    /// Whether one binding is all there ever is.
    pub fn is_bound_once(&self) -> bool {
        self.count == 1 && !self.rebound
    }

    /// Whether the name belongs to this scope.
    pub fn is_local(&self) -> bool {
        self.global.is_none() && !self.nonlocal
    }

    /// Whether it stands for functions of this code, and for nothing else that the name could be followed to.
    pub fn is_plain_function(&self) -> bool {
        matches!(self.first, Some(Binding::Function(_))) && self.imports.is_empty()
    }

    /// The one value the name is ever given, if there is exactly one binding and it is plain.
    pub fn single_value(&self) -> Option<&'a ruff_python_ast::Expr> {
        match self.first {
            Some(Binding::Assign(value) | Binding::Walrus(value)) if self.is_bound_once() && !self.deleted => Some(value),
            _ => None,
        }
    }

    fn add(&mut self, range: TextRange, binding: Binding<'a>) {
        match binding {
            Binding::Global => self.global = self.global.or(Some(range)),
            Binding::Nonlocal => self.nonlocal = true,
            Binding::Declare => self.declared = true,
            Binding::Delete => self.deleted = true,
            Binding::Import(_) | Binding::ImportFrom(..) => self.add_import(binding),
            Binding::Handler => {
                self.deleted = true;
                self.add_value(binding);
            }
            Binding::Parameter => {
                self.parameter = true;
                self.add_value(binding);
            }
            Binding::Function(function) => {
                self.function = Some(function);
                self.add_value(binding);
            }
            Binding::Assign(_)
            | Binding::With(_)
            | Binding::Iterate(_)
            | Binding::Unpack
            | Binding::Walrus(_)
            | Binding::Class
            | Binding::Capture
            | Binding::Type => self.add_value(binding),
        }
    }

    fn add_value(&mut self, binding: Binding<'a>) {
        self.count = self.count.saturating_add(1);
        self.first = self.first.or(Some(binding));
    }

    fn add_import(&mut self, binding: Binding<'a>) {
        self.add_value(binding);
        if self.imports.len() < MAX_IMPORTS && !self.imports.iter().any(|other| same_import(other, &binding)) {
            self.imports.push(binding);
        }
    }
}

fn same_import(one: &Binding<'_>, other: &Binding<'_>) -> bool {
    match (one, other) {
        (Binding::Import(a), Binding::Import(b)) => a.name.id == b.name.id && a.asname.is_some() == b.asname.is_some(),
        (Binding::ImportFrom(a, x), Binding::ImportFrom(b, y)) => a.module == b.module && a.level == b.level && x.name.id == y.name.id,
        _ => false,
    }
}

/// One scope.
#[derive(Debug)]
pub(crate) struct Table<'a> {
    pub kind: NameScope,
    pub symbols: Map<&'a str, Symbol<'a>>,
}

/// Every scope of a module, in the order of the walk. The first is the module's own.
#[derive(Debug, Default)]
pub(crate) struct Scopes<'a> {
    pub tables: Vec<Table<'a>>,
    /// Deepest nesting of scopes.
    pub depth: usize,
    /// Whether anything is declared global.
    pub has_global: bool,
    /// Whether anything is declared nonlocal.
    pub has_nonlocal: bool,
    /// Whether anything is called `params`.
    pub names_params: bool,
    /// The class statements, in the order of the walk.
    pub classes: Vec<&'a StmtClassDef>,
}

impl<'a> Scopes<'a> {
    /// Collects the bindings of a module, in one walk with `beside`.
    pub fn build(body: &'a [Stmt], beside: &mut impl Visitor<'a>) -> Self {
        let mut binder = Binder::default();
        walk::module(&mut Both(&mut binder, beside), body);
        binder.mark_rebound();
        binder.scopes
    }

    /// What the module itself knows of `name`.
    pub fn global(&self, name: &str) -> Option<&Symbol<'a>> {
        self.tables.first()?.symbols.get(name)
    }
}

#[derive(Default)]
struct Binder<'a> {
    scopes: Scopes<'a>,
    open: Vec<usize>,
    /// Names that a scope binds for another one, with the tables they may belong to.
    rebound: Vec<(&'a str, Vec<usize>)>,
}

impl<'a> Binder<'a> {
    /// Remembers what the scope that closes binds for an outer one.
    fn note_rebound(&mut self, index: usize) {
        for (name, symbol) in &self.scopes.tables[index].symbols {
            if symbol.count > 0 && symbol.global.is_some() {
                self.rebound.push((name, vec![0]));
            } else if symbol.count > 0 && symbol.nonlocal {
                self.rebound.push((name, self.open.clone()));
            }
        }
    }

    /// Marks those names where they belong, which may be bound there only after the inner scope.
    fn mark_rebound(&mut self) {
        for (name, tables) in &self.rebound {
            for index in tables {
                if let Some(symbol) = self.scopes.tables[*index].symbols.get_mut(name) {
                    symbol.rebound = true;
                }
            }
        }
    }
}

impl<'a> Visitor<'a> for Binder<'a> {
    fn enter_scope(&mut self, kind: NameScope) {
        self.open.push(self.scopes.tables.len());
        self.scopes.depth = self.scopes.depth.max(self.open.len());
        self.scopes.tables.push(Table { kind, symbols: Map::default() });
    }

    fn leave_scope(&mut self) {
        let Some(index) = self.open.pop() else { return };
        self.note_rebound(index);
        // `global x; del x` unbinds the module's name.
        let unbound: Vec<&'a str> = self.scopes.tables[index]
            .symbols
            .iter()
            .filter(|(_, symbol)| symbol.deleted && symbol.global.is_some())
            .map(|(name, _)| *name)
            .collect();
        for name in unbound {
            self.scopes.tables[0].symbols.entry(name).or_default().deleted = true;
        }
    }

    fn enter_class(&mut self, class: &'a StmtClassDef) {
        self.scopes.classes.push(class);
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        if let Expr::Name(name) = expr {
            self.scopes.names_params |= name.id.as_str() == PARAMS;
        }
    }

    fn bind(&mut self, name: &'a str, range: TextRange, binding: Binding<'a>) {
        self.scopes.has_global |= matches!(binding, Binding::Global);
        self.scopes.has_nonlocal |= matches!(binding, Binding::Nonlocal);
        let skip_comprehensions = matches!(binding, Binding::Walrus(_));
        let index = self.open.iter().rev().copied().find(|index| {
            !skip_comprehensions || !matches!(self.scopes.tables[*index].kind, NameScope::Comprehension { .. } | NameScope::Generator)
        });
        if let Some(index) = index {
            self.scopes.tables[index].symbols.entry(name).or_default().add(range, binding);
        }
    }
}
