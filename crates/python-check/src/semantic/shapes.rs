//! Errors of Python's compiler that show in the shape of one statement and that the parser's checker does not know: jumps out of
//! `except*`, a bare `except` that is not last, alternatives that can never be reached, `__debug__` as a target.

use ruff_python_ast::{self as ast, ExceptHandler, Expr, Pattern, PythonVersion, Stmt};
use ruff_text_size::{Ranged, TextRange};

/// What is wrong, and where CPython puts it.
pub(super) type Problem = (TextRange, &'static str);

const JUMP: &str = "'break', 'continue' and 'return' cannot appear in an except* block";
const DEBUG: &str = "cannot assign to __debug__";
const STARRED: &str = "can't use starred expression here";
const NESTED: &str = "f-string: expressions nested too deeply";
/// Targets before a starred one: their number has one byte in the bytecode.
const MAX_BEFORE_STAR: usize = 255;

/// The problems of one statement, without those of the statements inside it.
pub(super) fn statement(stmt: &Stmt, problems: &mut Vec<Problem>) {
    match stmt {
        Stmt::Try(attempt) => handlers(attempt, problems),
        Stmt::Match(choice) => choice.cases.iter().for_each(|case| pattern(&case.pattern, problems)),
        Stmt::Expr(ast::StmtExpr { value, .. }) if value.is_starred_expr() => {
            problems.push((value.range(), STARRED));
        }
        Stmt::AugAssign(ast::StmtAugAssign { value, .. }) | Stmt::AnnAssign(ast::StmtAnnAssign { value: Some(value), .. })
            if value.is_starred_expr() =>
        {
            problems.push((value.range(), STARRED));
        }
        Stmt::With(with) => {
            let starred = with.items.iter().filter_map(|item| item.optional_vars.as_deref()).filter(|place| place.is_starred_expr());
            problems.extend(starred.map(|place| (place.range(), "starred assignment target must be in a list or tuple")));
        }
        Stmt::ClassDef(class) => problems.extend(named_debug(class.keywords())),
        _ => {}
    }
}

/// The problems of one expression, without those of the expressions inside it.
pub(super) fn expression(expr: &Expr, text: &str, version: PythonVersion, problems: &mut Vec<Problem>) {
    match expr {
        Expr::Attribute(attribute) if !attribute.ctx.is_load() && &*attribute.attr == "__debug__" => {
            problems.push((attribute.range, DEBUG));
        }
        // The keyword itself is a literal: this is its name in other characters, which means the same since Python 3.14.
        Expr::Name(name)
            if !name.ctx.is_load() && matches!(name.id.as_str(), "None" | "True" | "False") && version >= PythonVersion::PY314 =>
        {
            problems.push((name.range, "cannot assign to None, True or False"));
        }
        Expr::Call(call) => problems.extend(named_debug(&call.arguments.keywords)),
        Expr::Tuple(ast::ExprTuple { elts, ctx, .. }) if ctx.is_load() => bare_yield(expr, elts, text, problems),
        Expr::Tuple(ast::ExprTuple { elts, range, .. }) | Expr::List(ast::ExprList { elts, range, ctx: ast::ExprContext::Store, .. })
            if elts.iter().position(Expr::is_starred_expr).is_some_and(|star| star > MAX_BEFORE_STAR) =>
        {
            problems.push((*range, "too many expressions in star-unpacking assignment"));
        }
        Expr::FString(string) => {
            let parts = string.value.iter().filter_map(|part| part.as_f_string());
            parts.for_each(|part| fields(&part.elements, deepest_specification(version), problems));
        }
        Expr::TString(string) => {
            string.value.iter().for_each(|part| fields(&part.elements, deepest_specification(version), problems));
        }
        _ => {}
    }
}

fn named_debug(keywords: &[ast::Keyword]) -> impl Iterator<Item = Problem> {
    keywords.iter().filter(|keyword| keyword.arg.as_deref() == Some("__debug__")).map(|keyword| (keyword.range, DEBUG))
}

/// `(yield, 1)`: after a `yield` that yields something the comma would belong to it, and without parentheses nothing follows one.
fn bare_yield(tuple: &Expr, elements: &[Expr], text: &str, problems: &mut Vec<Problem>) {
    let Some(Expr::Yield(ast::ExprYield { value: None, range, .. })) = elements.first() else { return };
    let behind = text.get(range.end().to_usize()..tuple.end().to_usize()).unwrap_or_default();
    if behind.trim_start().starts_with(',') {
        problems.push((*range, "a `yield` among other values needs parentheses"));
    }
}

/// How deep replacement fields may stand in the format specifications of others.
fn deepest_specification(version: PythonVersion) -> usize {
    if version >= PythonVersion::PY312 { 2 } else { 1 }
}

/// The fields of an f-string, `deepest` of which may stand inside one another.
fn fields(elements: &ast::InterpolatedStringElements, deepest: usize, problems: &mut Vec<Problem>) {
    for field in elements.interpolations() {
        if field.expression.is_starred_expr() {
            problems.push((field.expression.range(), STARRED));
        }
        let Some(specification) = &field.format_spec else { continue };
        match (deepest.checked_sub(1), specification.elements.interpolations().next()) {
            (Some(deepest), _) => fields(&specification.elements, deepest, problems),
            (None, Some(nested)) => problems.push((nested.range(), NESTED)),
            (None, None) => {}
        }
    }
}

fn handlers(attempt: &ast::StmtTry, problems: &mut Vec<Problem>) {
    let last = attempt.handlers.len().saturating_sub(1);
    for (index, ExceptHandler::ExceptHandler(handler)) in attempt.handlers.iter().enumerate() {
        if handler.type_.is_none() && index < last {
            problems.push((handler.range, "default 'except:' must be last"));
        }
        if attempt.is_star {
            jumps(&handler.body, false, problems);
        }
    }
}

/// Statements that leave the handler, not only a loop inside it. The depth of blocks is bounded before the tree is built.
fn jumps(body: &[Stmt], in_loop: bool, problems: &mut Vec<Problem>) {
    for stmt in body {
        match stmt {
            Stmt::Return(_) => problems.push((stmt.range(), JUMP)),
            Stmt::Break(_) | Stmt::Continue(_) if !in_loop => problems.push((stmt.range(), JUMP)),
            Stmt::If(choice) => {
                jumps(&choice.body, in_loop, problems);
                choice.elif_else_clauses.iter().for_each(|clause| jumps(&clause.body, in_loop, problems));
            }
            Stmt::For(ast::StmtFor { body, orelse, .. }) | Stmt::While(ast::StmtWhile { body, orelse, .. }) => {
                jumps(body, true, problems);
                jumps(orelse, in_loop, problems);
            }
            Stmt::With(with) => jumps(&with.body, in_loop, problems),
            Stmt::Match(choice) => choice.cases.iter().for_each(|case| jumps(&case.body, in_loop, problems)),
            Stmt::Try(attempt) => {
                for ExceptHandler::ExceptHandler(handler) in &attempt.handlers {
                    jumps(&handler.body, in_loop, problems);
                }
                [&attempt.body, &attempt.orelse, &attempt.finalbody].into_iter().for_each(|body| jumps(body, in_loop, problems));
            }
            _ => {}
        }
    }
}

fn pattern(pattern: &Pattern, problems: &mut Vec<Problem>) {
    match pattern {
        Pattern::MatchOr(or) => {
            let unreachable = or.patterns.split_last().and_then(|(_, earlier)| earlier.iter().find_map(catches_all));
            if let Some(problem) = unreachable {
                problems.push(problem);
            }
            or.patterns.iter().for_each(|inner| self::pattern(inner, problems));
        }
        Pattern::MatchValue(value) if matches!(&*value.value, Expr::FString(_) | Expr::TString(_)) => {
            problems.push((value.range, "patterns may only match literals and attribute lookups"));
        }
        Pattern::MatchSequence(sequence) => {
            if sequence.patterns.iter().position(Pattern::is_match_star).is_some_and(|star| star > MAX_BEFORE_STAR) {
                problems.push((sequence.range, "too many expressions in star-unpacking sequence pattern"));
            }
            sequence.patterns.iter().for_each(|inner| self::pattern(inner, problems));
        }
        Pattern::MatchMapping(mapping) => mapping.patterns.iter().for_each(|inner| self::pattern(inner, problems)),
        Pattern::MatchClass(class) => {
            let debug = class.arguments.keywords.iter().filter(|keyword| &*keyword.attr == "__debug__");
            problems.extend(debug.map(|keyword| (keyword.range, DEBUG)));
            let keywords = class.arguments.keywords.iter().map(|keyword| &keyword.pattern);
            class.arguments.patterns.iter().chain(keywords).for_each(|inner| self::pattern(inner, problems));
        }
        Pattern::MatchAs(ast::PatternMatchAs { pattern: Some(inner), .. }) => self::pattern(inner, problems),
        Pattern::MatchAs(_) | Pattern::MatchStar(_) | Pattern::MatchSingleton(_) | Pattern::MatchValue(_) => {}
    }
}

/// The part of a pattern that matches anything, if the pattern does.
fn catches_all(pattern: &Pattern) -> Option<Problem> {
    match pattern {
        Pattern::MatchAs(ast::PatternMatchAs { pattern: Some(inner), .. }) => catches_all(inner),
        Pattern::MatchAs(ast::PatternMatchAs { name: None, range, .. }) => Some((*range, "wildcard makes remaining patterns unreachable")),
        Pattern::MatchAs(ast::PatternMatchAs { range, .. }) => Some((*range, "name capture makes remaining patterns unreachable")),
        Pattern::MatchOr(or) => or.patterns.iter().find_map(catches_all),
        _ => None,
    }
}
