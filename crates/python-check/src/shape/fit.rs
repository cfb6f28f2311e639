//! Whether what is opened is closed by what fits it. Where it is not, the parser reads on otherwise than the lexer has counted: it may pass
//! over a bracket of another kind, and takes what stands behind the parameters of a lambda for its body, also in another statement.

use ruff_python_ast::token::TokenKind;
use ruff_text_size::{TextRange, TextSize};

/// What does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// A bracket is never closed.
    Open(char),
    /// A bracket closes nothing.
    Close(char),
    /// A bracket closes one of another kind.
    Mismatch { open: char, close: char },
    /// The parameters of a lambda end without a colon.
    Lambda,
    /// An f-string ends within its braces.
    Braces,
}

impl Misfit {
    /// CPython's words for it, where it has some.
    pub fn describe(self) -> String {
        match self {
            Misfit::Open(open) => format!("'{open}' was never closed"),
            Misfit::Close(close) => format!("unmatched '{close}'"),
            Misfit::Mismatch { open, close } => format!("closing parenthesis '{close}' does not match opening parenthesis '{open}'"),
            Misfit::Lambda => "the parameters of a lambda end without ':'".to_owned(),
            Misfit::Braces => "f-string: expecting '}'".to_owned(),
        }
    }
}

/// Finds the bracket that CPython would name: the first wrong closing one, else the innermost that is still open.
pub(crate) fn unbalanced(tokens: impl Iterator<Item = (TokenKind, TextRange)>) -> Option<(TextRange, Misfit)> {
    let mut open: Vec<(char, TextRange)> = Vec::new();
    for (kind, range) in tokens {
        if let Some(bracket) = opens(kind) {
            open.push((bracket, range));
        } else if let Some((partner, bracket)) = closes(kind) {
            match open.pop() {
                Some((left, _)) if left == partner => {}
                Some((left, _)) => return Some((range, Misfit::Mismatch { open: left, close: bracket })),
                None => return Some((range, Misfit::Close(bracket))),
            }
        }
    }
    open.pop().map(|(left, range)| (range, Misfit::Open(left)))
}

fn opens(kind: TokenKind) -> Option<char> {
    match kind {
        TokenKind::Lpar => Some('('),
        TokenKind::Lsqb => Some('['),
        TokenKind::Lbrace => Some('{'),
        _ => None,
    }
}

/// What a bracket closes, and the bracket.
fn closes(kind: TokenKind) -> Option<(char, char)> {
    match kind {
        TokenKind::Rpar => Some(('(', ')')),
        TokenKind::Rsqb => Some(('[', ']')),
        TokenKind::Rbrace => Some(('{', '}')),
        _ => None,
    }
}

/// What is open at a token.
#[derive(Debug, Default)]
pub(super) struct Fit {
    /// Brackets, and `None` for f-strings, each with the lambdas inside whose parameters are still open.
    open: Vec<(Option<char>, usize)>,
    /// Such lambdas outside of all of them.
    lambdas: usize,
    /// Open f-strings.
    strings: usize,
    /// Where first something stands in the braces of an f-string that holds quotes or ends a line. The parser, once it has left the
    /// f-string behind an error, may take those for the f-string's own, and from there on strings for code.
    pub astray: Option<TextSize>,
}

impl Fit {
    /// Takes a token; says what does not fit.
    pub fn step(&mut self, kind: TokenKind, range: TextRange) -> Option<Misfit> {
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => self.open.push((opens(kind), 0)),
            TokenKind::FStringStart | TokenKind::TStringStart => {
                self.stray(range);
                self.strings += 1;
                self.open.push((None, 0));
            }
            TokenKind::String | TokenKind::NonLogicalNewline | TokenKind::Comment => self.stray(range),
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => return self.close(kind),
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                self.strings = self.strings.saturating_sub(1);
                return self.end_string();
            }
            TokenKind::Lambda => *self.lambdas() += 1,
            TokenKind::Colon => *self.lambdas() = self.lambdas().saturating_sub(1),
            TokenKind::Newline | TokenKind::Semi => return (*self.lambdas() > 0).then_some(Misfit::Lambda),
            _ => {}
        }
        None
    }

    fn lambdas(&mut self) -> &mut usize {
        self.open.last_mut().map_or(&mut self.lambdas, |(_, lambdas)| lambdas)
    }

    fn close(&mut self, kind: TokenKind) -> Option<Misfit> {
        let (partner, close) = closes(kind)?;
        match self.open.pop() {
            Some((Some(open), lambdas)) if open == partner => (lambdas > 0).then_some(Misfit::Lambda),
            Some((Some(open), _)) => Some(Misfit::Mismatch { open, close }),
            Some((None, _)) | None => Some(Misfit::Close(close)),
        }
    }

    fn end_string(&mut self) -> Option<Misfit> {
        match self.open.pop() {
            Some((None, 0)) => None,
            Some((None, _)) => Some(Misfit::Lambda),
            Some((Some(_), _)) | None => Some(Misfit::Braces),
        }
    }

    fn stray(&mut self, range: TextRange) {
        if self.strings > 0 && self.astray.is_none() {
            self.astray = Some(range.start());
        }
    }
}
