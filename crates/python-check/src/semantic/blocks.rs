//! Blocks inside blocks: CPython's compiler keeps a fixed number of them for each function, and counts more than a reader does.

use ruff_python_ast::{self as ast, ExceptHandler, PythonVersion, Stmt};
use ruff_text_size::{Ranged, TextRange};

/// `CO_MAXBLOCKS` until Python 3.12; one more from 3.13 on.
const MAX_BLOCKS: usize = 20;

/// The first statement of a body that opens a block too many. `suspends` says whether the body is a generator's or a coroutine's,
/// which since 3.13 takes a block of its own.
pub(super) fn too_many(body: &[Stmt], version: PythonVersion, suspends: impl FnOnce() -> bool) -> Option<TextRange> {
    let excess = Nesting { most: MAX_BLOCKS }.body(body, 0)?;
    if version < PythonVersion::PY313 || suspends() { Some(excess) } else { Nesting { most: MAX_BLOCKS + 1 }.body(body, 0) }
}

struct Nesting {
    most: usize,
}

impl Nesting {
    /// The depth of indentation is bounded before the tree is built.
    fn body(&self, body: &[Stmt], open: usize) -> Option<TextRange> {
        body.iter().find_map(|stmt| self.statement(stmt, open))
    }

    fn statement(&self, stmt: &Stmt, open: usize) -> Option<TextRange> {
        match stmt {
            Stmt::For(ast::StmtFor { body, orelse, .. }) | Stmt::While(ast::StmtWhile { body, orelse, .. }) => {
                self.room(open + 1, stmt.range()).or_else(|| self.body(body, open + 1)).or_else(|| self.body(orelse, open))
            }
            Stmt::With(with) => {
                let inside = open + with.items.len();
                self.room(inside, with.range).or_else(|| self.body(&with.body, inside))
            }
            Stmt::Try(attempt) => self.attempt(attempt, open),
            Stmt::If(choice) => {
                let clauses = choice.elif_else_clauses.iter().find_map(|clause| self.body(&clause.body, open));
                self.body(&choice.body, open).or(clauses)
            }
            Stmt::Match(choice) => choice.cases.iter().find_map(|case| self.body(&case.body, open)),
            _ => None,
        }
    }

    /// `finally` takes a block around everything before it, and one for itself; a handler takes two.
    fn attempt(&self, attempt: &ast::StmtTry, open: usize) -> Option<TextRange> {
        let inner = open + usize::from(!attempt.finalbody.is_empty());
        let guarded = inner + usize::from(!attempt.handlers.is_empty());
        let handler = |handler: &ExceptHandler| {
            let ExceptHandler::ExceptHandler(handler) = handler;
            self.room(inner + 2, handler.range).or_else(|| self.body(&handler.body, inner + 2))
        };
        self.room(guarded, attempt.range)
            .or_else(|| self.body(&attempt.body, guarded))
            .or_else(|| attempt.handlers.iter().find_map(handler))
            .or_else(|| self.body(&attempt.orelse, inner))
            .or_else(|| self.body(&attempt.finalbody, open + 1))
    }

    fn room(&self, blocks: usize, range: TextRange) -> Option<TextRange> {
        (blocks > self.most).then_some(range)
    }
}
