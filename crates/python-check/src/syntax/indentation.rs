//! Indentation of tabs and spaces as CPython reads it: a tab reaches the next multiple of eight, and what depends on that is an
//! error. The parser is more lenient. Text without tabs is not looked at.

use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::{Ranged, TextRange};

/// Columns of a tab: CPython's `TABSIZE`.
const TAB: usize = 8;

/// Where the first token of a line stands: with tabs of eight columns, and with tabs of one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Column {
    wide: usize,
    narrow: usize,
}

/// The first line whose indentation CPython refuses, and its words for it.
pub(super) fn inconsistent(text: &str, tokens: &[Token]) -> Option<(TextRange, &'static str)> {
    memchr::memchr(b'\t', text.as_bytes())?;
    let mut levels = vec![Column { wide: 0, narrow: 0 }];
    let mut starts = true;
    for token in tokens {
        match token.kind() {
            TokenKind::Newline => starts = true,
            TokenKind::NonLogicalNewline | TokenKind::Comment | TokenKind::Indent | TokenKind::Dedent => {}
            TokenKind::EndOfFile => break,
            _ if starts => {
                starts = false;
                if let Some(problem) = step(&mut levels, column(text, token)) {
                    return Some((token.range(), problem));
                }
            }
            _ => {}
        }
    }
    None
}

fn step(levels: &mut Vec<Column>, column: Column) -> Option<&'static str> {
    const TABS: &str = "inconsistent use of tabs and spaces in indentation";
    let top = |levels: &[Column]| levels.last().copied().unwrap_or(Column { wide: 0, narrow: 0 });
    if column.wide > top(levels).wide {
        let consistent = column.narrow > top(levels).narrow;
        levels.push(column);
        return (!consistent).then_some(TABS);
    }
    while levels.len() > 1 && column.wide < top(levels).wide {
        levels.pop();
    }
    match top(levels) {
        level if level.wide != column.wide => Some("unindent does not match any outer indentation level"),
        level if level.narrow != column.narrow => Some(TABS),
        _ => None,
    }
}

fn column(text: &str, token: &Token) -> Column {
    let end = token.start().to_usize().min(text.len());
    let line = text[..end].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    text[line..end].bytes().fold(Column { wide: 0, narrow: 0 }, |column, byte| match byte {
        b'\t' => Column { wide: (column.wide / TAB + 1) * TAB, narrow: column.narrow + 1 },
        b'\x0c' => Column { wide: 0, narrow: 0 },
        b' ' => Column { wide: column.wide + 1, narrow: column.narrow + 1 },
        // A mark at the beginning of the file, or an earlier statement on the same line.
        _ => column,
    })
}
