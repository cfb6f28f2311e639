//! Whether anything of a module runs: a file that only defines functions, none of them an entry point, gives null and says nothing.

use std::collections::HashSet;

use ruff_python_ast::{self as ast, Expr, Stmt, StmtFunctionDef};

use crate::walk::{self, Place, Visitor};

/// Names of other products' entry points.
const ELSEWHERE: &[&str] =
    &["run", "execute", "handler", "lambda_handler", "handle", "start", "process", "entrypoint", "entry_point", "script"];
/// Longest name that is compared with the entry points.
const MAX_COMPARED: usize = 20;

/// The function that was probably meant to be the entry point, in a module whose functions nothing calls; else the last function.
pub(super) fn meant<'a>(body: &'a [Stmt]) -> Option<(&'a StmtFunctionDef, Option<&'static str>)> {
    let functions: Vec<&'a StmtFunctionDef> = body.iter().filter_map(Stmt::as_function_def_stmt).collect();
    let names: HashSet<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    if functions.is_empty() || body.iter().any(|stmt| runs(stmt, &names)) {
        return None;
    }
    let mistyped = functions.iter().find_map(|function| Some((*function, resembled(&function.name)?)));
    let elsewhere = || functions.iter().find(|function| ELSEWHERE.contains(&function.name.as_str()));
    Some(match mistyped {
        Some((function, name)) => (function, Some(name)),
        None => (elsewhere().or(functions.last()).copied()?, None),
    })
}

/// Whether a statement of the module does anything but define: definitions and constants do not.
fn runs(stmt: &Stmt, functions: &HashSet<&str>) -> bool {
    match stmt {
        Stmt::FunctionDef(function) => function.decorator_list.iter().any(|decorator| calls(&decorator.expression, functions)),
        Stmt::Assign(ast::StmtAssign { value, .. }) => calls(value, functions),
        Stmt::AnnAssign(ast::StmtAnnAssign { value, .. }) => value.as_deref().is_some_and(|value| calls(value, functions)),
        Stmt::Expr(ast::StmtExpr { value, .. }) => !value.is_literal_expr(),
        Stmt::ClassDef(_) | Stmt::Import(_) | Stmt::ImportFrom(_) | Stmt::TypeAlias(_) | Stmt::Pass(_) => false,
        // The others may do anything inside.
        _ => true,
    }
}

/// Whether an expression names one of the module's functions, and so may run it.
fn calls(expr: &Expr, functions: &HashSet<&str>) -> bool {
    struct Names<'s>(&'s HashSet<&'s str>, bool);
    impl<'a> Visitor<'a> for Names<'_> {
        fn enter_expr(&mut self, expr: &'a Expr, _place: Place) {
            self.1 |= matches!(expr, Expr::Name(name) if self.0.contains(name.id.as_str()));
        }
    }
    let mut names = Names(functions, false);
    walk::expression(&mut names, expr, Place::Value);
    names.1
}

/// The entry point that a name is probably a misspelling of.
fn resembled(name: &str) -> Option<&'static str> {
    let (lower, short) = (name.to_lowercase(), name.len() <= MAX_COMPARED);
    ["main", "transform"].into_iter().find(|entry| {
        let allowed = if *entry == "main" { 1 } else { 2 };
        lower.trim_matches('_') == *entry || (short && distance(&lower, entry) <= allowed)
    })
}

/// Letters added, left out, exchanged or swapped with their neighbor between two short names.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![vec![0; other.len() + 1]; one.len() + 1];
    for left in 0..=one.len() {
        for right in 0..=other.len() {
            rows[left][right] = if left == 0 || right == 0 {
                left + right
            } else {
                let differ = usize::from(one[left - 1] != other[right - 1]);
                let plain = (rows[left - 1][right - 1] + differ).min(rows[left - 1][right] + 1).min(rows[left][right - 1] + 1);
                let swapped = left > 1 && right > 1 && one[left - 1] == other[right - 2] && one[left - 2] == other[right - 1];
                if swapped { plain.min(rows[left - 2][right - 2] + 1) } else { plain }
            };
        }
    }
    rows[one.len()][other.len()]
}
