//! What a module without an entry point takes: the sandbox gives it the parameters as its global dictionary `params`.

use domain::code::{Parameter, ValueType};
use ruff_python_ast::{Expr, Stmt};
use ruff_text_size::TextRange;

use crate::scope::{PARAMS, Scopes};
use crate::walk::{self, Binding, Block, NameScope, Place, Visitor};

/// A parameter for every name: which ones the code asks its dictionary for, only running it tells.
pub(super) fn any_parameter() -> Parameter {
    Parameter {
        name: format!("**{PARAMS}"),
        value_type: ValueType::Any,
        required: false,
        default_json: None,
        enum_json: Vec::new(),
        secret: false,
        description: String::new(),
    }
}

/// Whether the module reads the dictionary that it is given, and not one of its own.
pub(super) fn reads_params(body: &[Stmt], scopes: &Scopes<'_>) -> bool {
    if !scopes.names_params {
        return false;
    }
    let mut reads = Reads { scopes, open: Vec::new(), next: 0, blocks: 0, replaced: false, found: false };
    walk::module(&mut reads, body);
    reads.found
}

struct Reads<'s, 'a> {
    scopes: &'s Scopes<'a>,
    /// Tables of the open scopes.
    open: Vec<usize>,
    next: usize,
    /// How many blocks are open; the module's body is the first.
    blocks: usize,
    /// Whether the module has certainly given the name another value by now.
    replaced: bool,
    found: bool,
}

impl Reads<'_, '_> {
    /// Whether the name belongs to a scope around here that is not the module.
    fn is_of_inner_scope(&self) -> bool {
        let inner = self.open.iter().skip(1).filter_map(|table| self.scopes.tables.get(*table)?.symbols.get(PARAMS));
        inner.into_iter().any(|symbol| symbol.is_local())
    }
}

impl<'a> Visitor<'a> for Reads<'_, '_> {
    fn enter_scope(&mut self, _scope: NameScope) {
        self.open.push(self.next);
        self.next += 1;
    }

    fn leave_scope(&mut self) {
        self.open.pop();
    }

    fn enter_block(&mut self, _block: Block) {
        self.blocks += 1;
    }

    fn leave_block(&mut self) {
        self.blocks -= 1;
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        let Expr::Name(name) = expr else { return };
        self.found |= name.ctx.is_load() && name.id.as_str() == PARAMS && !self.replaced && !self.is_of_inner_scope();
    }

    // What may not run, or gives no value, leaves the dictionary: a schema must never refuse what the code takes.
    fn bind(&mut self, name: &'a str, _range: TextRange, binding: Binding<'a>) {
        let always = self.open.len() == 1 && self.blocks == 1;
        self.replaced |= name == PARAMS && always && matches!(binding, Binding::Assign(_));
    }
}
