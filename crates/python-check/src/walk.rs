//! One exhaustive walk over a module: every node, in evaluation order, with scopes, blocks and bindings told apart.
//!
//! No match here has a wildcard arm and no pattern hides a field, so that a node kind added by a newer parser stops the
//! build instead of passing unseen. It judges nothing; the visitors do.

mod expression;
mod pattern;
mod statement;
#[cfg(test)]
mod tests;

use ruff_python_ast as ast;
use ruff_text_size::TextRange;

/// A lexical scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameScope {
    /// The file.
    Module,
    /// A class body.
    Class,
    /// A function body.
    Function { is_async: bool },
    /// A lambda body.
    Lambda,
    /// A list, set or dict comprehension.
    Comprehension { is_async: bool },
    /// A generator expression.
    Generator,
    /// The type parameters of a generic function, class or alias.
    TypeParameters,
}

/// A list of statements, by what must have happened before its first one runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// The body of a module, class or function.
    Body,
    /// The body of a loop.
    Loop,
    /// The body of a `try`.
    Try,
    /// A `with` body, which always runs.
    With,
    /// Everything that may or may not run: branches, handlers, cases, `else`, `finally`.
    Branch,
}

/// How a name is bound.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Binding<'a> {
    /// `import a.b` or `import a.b as c`.
    Import(&'a ast::Alias),
    /// `from a import b as c`.
    ImportFrom(&'a ast::StmtImportFrom, &'a ast::Alias),
    /// `name = value`, one plain target.
    Assign(&'a ast::Expr),
    /// `with value as name`.
    With(&'a ast::Expr),
    /// `for name in value`, one plain target.
    Iterate(&'a ast::Expr),
    /// Part of an unpacking or an augmented assignment.
    Unpack,
    /// `name := value`.
    Walrus(&'a ast::Expr),
    /// `name: T` without a value: makes the name local but leaves it unbound.
    Declare,
    /// A parameter.
    Parameter,
    /// `def name`.
    Function(&'a ast::StmtFunctionDef),
    /// `class name`.
    Class,
    /// `except E as name`: unbound again when the handler ends.
    Handler,
    /// A capture of a match pattern.
    Capture,
    /// A type parameter or the name of a type alias.
    Type,
    /// `del name`.
    Delete,
    /// `global name`.
    Global,
    /// `nonlocal name`.
    Nonlocal,
}

/// Why an expression stands where it does, as far as a rule depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Anywhere else.
    Value,
    /// Left of a dot.
    AttributeBase,
    /// The function of a call.
    Callee,
    /// A base class.
    BaseClass,
    /// An operand of `is`, `is not`, or a bare truth test.
    Test,
    /// A type annotation.
    Annotation,
    /// What stands in an annotation without being a type: values of `Literal`, metadata of `Annotated`.
    Metadata,
    /// A statement of its own: a docstring when it is a string.
    Statement,
}

/// What wants to hear of the walk. Every method may be left out.
pub(crate) trait Visitor<'a> {
    fn enter_scope(&mut self, _scope: NameScope) {}
    fn leave_scope(&mut self) {}
    fn enter_block(&mut self, _block: Block) {}
    fn leave_block(&mut self) {}
    fn enter_stmt(&mut self, _stmt: &'a ast::Stmt) {}
    fn leave_stmt(&mut self, _stmt: &'a ast::Stmt) {}
    fn enter_expr(&mut self, _expr: &'a ast::Expr, _place: Place) {}
    fn leave_expr(&mut self, _expr: &'a ast::Expr) {}
    /// A name is bound, or unbound, in the scope that is open.
    fn bind(&mut self, _name: &'a str, _range: TextRange, _binding: Binding<'a>) {}
    /// The class of a class pattern, and whether attributes are read by their position.
    fn pattern_class(&mut self, _class: &'a ast::Expr, _positional: bool) {}
    /// The keyword of a class pattern: an attribute is read.
    fn pattern_attribute(&mut self, _attribute: &'a ast::Identifier) {}
    /// A class body starts; its scope follows.
    fn enter_class(&mut self, _class: &'a ast::StmtClassDef) {}
    fn leave_class(&mut self) {}
    /// The body of a function, or of a lambda, which is no statement, is about to be entered.
    fn enter_parameters(&mut self, _function: Option<&'a ast::StmtFunctionDef>, _parameters: Option<&'a ast::Parameters>) {}
}

/// Two visitors of one walk. The first hears of everything first.
pub(crate) struct Both<'v, A, B>(pub &'v mut A, pub &'v mut B);

macro_rules! both {
    ($($method:ident($($name:ident: $type:ty),*);)*) => {
        impl<'a, A: Visitor<'a>, B: Visitor<'a>> Visitor<'a> for Both<'_, A, B> {
            $(fn $method(&mut self $(, $name: $type)*) {
                self.0.$method($($name),*);
                self.1.$method($($name),*);
            })*
        }
    };
}

both! {
    enter_scope(kind: NameScope);
    leave_scope();
    enter_block(block: Block);
    leave_block();
    enter_stmt(stmt: &'a ast::Stmt);
    leave_stmt(stmt: &'a ast::Stmt);
    enter_expr(expr: &'a ast::Expr, place: Place);
    leave_expr(expr: &'a ast::Expr);
    bind(name: &'a str, range: TextRange, binding: Binding<'a>);
    pattern_class(class: &'a ast::Expr, positional: bool);
    pattern_attribute(attribute: &'a ast::Identifier);
    enter_class(class: &'a ast::StmtClassDef);
    leave_class();
    enter_parameters(function: Option<&'a ast::StmtFunctionDef>, parameters: Option<&'a ast::Parameters>);
}

/// Walks a module's statements.
pub(crate) fn module<'a, V: Visitor<'a>>(visitor: &mut V, body: &'a [ast::Stmt]) {
    visitor.enter_scope(NameScope::Module);
    statement::block(visitor, body, Block::Body);
    visitor.leave_scope();
}

/// Walks one expression on its own, e.g. a parsed string annotation.
pub(crate) fn expression<'a, V: Visitor<'a>>(visitor: &mut V, expr: &'a ast::Expr, place: Place) {
    expression::walk(visitor, expr, place);
}

/// Whether a function is a generator: a `yield` of its own, not of a function inside it.
pub(crate) fn yields(function: &ast::StmtFunctionDef) -> bool {
    struct Yields {
        depth: usize,
        found: bool,
    }
    impl<'a> Visitor<'a> for Yields {
        fn enter_scope(&mut self, kind: NameScope) {
            self.depth += usize::from(kind != NameScope::Module);
        }
        fn leave_scope(&mut self) {
            self.depth = self.depth.saturating_sub(1);
        }
        fn enter_expr(&mut self, expr: &'a ast::Expr, _place: Place) {
            self.found |= self.depth == 0 && matches!(expr, ast::Expr::Yield(_) | ast::Expr::YieldFrom(_));
        }
    }
    let mut visitor = Yields { depth: 0, found: false };
    module(&mut visitor, &function.body);
    visitor.found
}
