//! Errors of Python's compiler that show in the shape of one statement and that the parser's checker does not know: jumps out of
//! `except*`, a bare `except` that is not last, alternatives that can never be reached, `__debug__` as a target.

use ruff_python_ast::{self as ast, ExceptHandler, Expr, Pattern, Stmt};
use ruff_text_size::{Ranged, TextRange};

/// What is wrong, and where CPython puts it.
pub(super) type Problem = (TextRange, &'static str);

const JUMP: &str = "'break', 'continue' and 'return' cannot appear in an except* block";
const DEBUG: &str = "cannot assign to __debug__";

/// The problems of one statement, without those of the statements inside it.
pub(super) fn statement(stmt: &Stmt, problems: &mut Vec<Problem>) {
    match stmt {
        Stmt::Try(attempt) => handlers(attempt, problems),
        Stmt::Match(choice) => choice.cases.iter().for_each(|case| pattern(&case.pattern, problems)),
        Stmt::Expr(ast::StmtExpr { value, .. }) if value.is_starred_expr() => {
            problems.push((value.range(), "can't use starred expression here"));
        }
        _ => {}
    }
}

/// The problems of one expression, without those of the expressions inside it.
pub(super) fn expression(expr: &Expr, problems: &mut Vec<Problem>) {
    match expr {
        Expr::Attribute(attribute) if !attribute.ctx.is_load() && &*attribute.attr == "__debug__" => {
            problems.push((attribute.range, DEBUG));
        }
        Expr::Call(call) => {
            let named = call.arguments.keywords.iter().filter(|keyword| keyword.arg.as_deref() == Some("__debug__"));
            problems.extend(named.map(|keyword| (keyword.range, DEBUG)));
        }
        _ => {}
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
        Pattern::MatchSequence(sequence) => sequence.patterns.iter().for_each(|inner| self::pattern(inner, problems)),
        Pattern::MatchMapping(mapping) => mapping.patterns.iter().for_each(|inner| self::pattern(inner, problems)),
        Pattern::MatchClass(class) => {
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
