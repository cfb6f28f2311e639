//! Limits on numbers of things, where checking more of them costs more than their number: digits, clauses, type parameters,
//! scopes inside scopes.

use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::{Ranged, TextRange};

use crate::location::Lines;
use crate::report::Sink;
use crate::rule;
use crate::scope::Scopes;
use crate::walk::{NameScope, Place, Visitor};

/// CPython's default limit on decimal literals (`sys.int_info.default_max_str_digits`).
const MAX_DIGITS: usize = 4_300;
/// `for` clauses of one comprehension; the semantic check compares each with each.
const MAX_CLAUSES: usize = 32;
/// `if` clauses of one comprehension, for the same reason.
const MAX_FILTERS: usize = 64;
/// Comprehensions inside one another; the semantic check walks the inner ones once for each outer one.
const MAX_COMPREHENSIONS: usize = 12;
/// Type parameters of one definition; compared each with each.
const MAX_TYPE_PARAMETERS: usize = 64;
/// Scopes inside scopes.
const MAX_SCOPES: usize = 60;

/// Reports integer literals that Python refuses. No literal is longer than its line.
pub(crate) fn report(text: &str, lines: &Lines<'_>, tokens: &[Token], sink: &mut Sink) {
    if lines.longer_than(MAX_DIGITS).next().is_none() {
        return;
    }
    for token in tokens.iter().filter(|token| token.kind() == TokenKind::Int && token.range().len().to_usize() > MAX_DIGITS) {
        let literal = &text[token.range()];
        let decimal = !literal.starts_with("0x")
            && !literal.starts_with("0X")
            && !literal.starts_with("0o")
            && !literal.starts_with("0O")
            && !literal.starts_with("0b")
            && !literal.starts_with("0B");
        // Any number of zeros is zero, and converted as such.
        let is_zero = literal.bytes().all(|byte| matches!(byte, b'0' | b'_'));
        if decimal && !is_zero && literal.bytes().filter(u8::is_ascii_digit).count() > MAX_DIGITS {
            sink.add(&rule::LIMITS_INTEGER, token.range(), format!("the literal has more than {MAX_DIGITS} digits"));
        }
    }
}

/// Counts what may be too many, beside the walk that builds the symbol table.
#[derive(Default)]
pub(crate) struct Counter {
    /// For each open scope, how many comprehensions directly enclose it.
    comprehensions: Vec<usize>,
    found: Vec<(TextRange, String)>,
}

impl Counter {
    /// Reports what is too many; says whether the module may be examined further.
    pub fn report(mut self, scopes: &Scopes<'_>, sink: &mut Sink) -> bool {
        if scopes.depth > MAX_SCOPES {
            self.found
                .push((TextRange::default(), format!("more than {MAX_SCOPES} functions, classes, lambdas and comprehensions are nested")));
        }
        let within = self.found.is_empty();
        for (range, message) in self.found {
            sink.add(&rule::LIMITS_COUNT, range, message);
        }
        within
    }
}

impl<'a> Visitor<'a> for Counter {
    fn enter_scope(&mut self, kind: NameScope) {
        let outer = self.comprehensions.last().copied().unwrap_or_default();
        let depth = match kind {
            NameScope::Comprehension { .. } | NameScope::Generator => outer + 1,
            NameScope::Lambda => outer,
            NameScope::Module | NameScope::Class | NameScope::Function { .. } | NameScope::TypeParameters => 0,
        };
        self.comprehensions.push(depth);
    }

    fn leave_scope(&mut self) {
        self.comprehensions.pop();
    }

    fn enter_stmt(&mut self, stmt: &'a Stmt) {
        let parameters = match stmt {
            Stmt::FunctionDef(ast::StmtFunctionDef { type_params, .. })
            | Stmt::ClassDef(ast::StmtClassDef { type_params, .. })
            | Stmt::TypeAlias(ast::StmtTypeAlias { type_params, .. }) => type_params,
            _ => return,
        };
        if let Some(list) = parameters
            && list.len() > MAX_TYPE_PARAMETERS
        {
            self.found.push((list.range(), format!("{} type parameters; the limit is {MAX_TYPE_PARAMETERS}", list.len())));
        }
    }

    fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
        let generators = match expr {
            Expr::ListComp(ast::ExprListComp { generators, .. })
            | Expr::SetComp(ast::ExprSetComp { generators, .. })
            | Expr::DictComp(ast::ExprDictComp { generators, .. })
            | Expr::Generator(ast::ExprGenerator { generators, .. }) => generators,
            _ => return,
        };
        let filters: usize = generators.iter().map(|generator| generator.ifs.len()).sum();
        if generators.len() > MAX_CLAUSES || filters > MAX_FILTERS {
            let message = format!(
                "a comprehension with {} `for` and {filters} `if` clauses; the limits are {MAX_CLAUSES} and {MAX_FILTERS}",
                generators.len()
            );
            self.found.push((expr.range(), message));
        }
        if self.comprehensions.last().is_some_and(|depth| *depth >= MAX_COMPREHENSIONS) {
            self.found.push((expr.range(), format!("more than {MAX_COMPREHENSIONS} comprehensions are nested")));
        }
    }
}
