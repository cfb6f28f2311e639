//! How deep the tree is that tokens would make, counted where nothing recurses; and the limits on that.

use ruff_python_ast::token::TokenKind;

/// CPython refuses more nested brackets (`MAXLEVEL`).
pub(crate) const MAX_BRACKETS: usize = 200;
/// CPython refuses more levels of indentation (`MAXINDENT`).
pub(crate) const MAX_INDENTS: usize = 99;
/// Nested f-strings; CPython's own limit is 150, people's is three.
pub(crate) const MAX_STRINGS: usize = 20;
/// Depth of the tree that one statement may have: operators, calls, attributes and brackets inside one another. CPython's
/// compiler gives up at 3000.
pub(crate) const MAX_DEPTH: usize = 2_000;

/// A limit that a source text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Brackets inside brackets.
    Brackets,
    /// Blocks inside blocks.
    Indents,
    /// f-strings inside f-strings.
    Strings,
    /// Operators, calls and attributes inside one another.
    Depth,
    /// Line breaks, blanks and comments inside what is nested.
    Gaps,
    /// Quotes, line breaks or comments in the braces of an f-string, before much that could nest.
    Astray,
}

impl Excess {
    /// What the limit is, for a message.
    pub fn describe(self) -> String {
        match self {
            Excess::Brackets => format!("more than {MAX_BRACKETS} brackets are nested"),
            Excess::Indents => format!("more than {MAX_INDENTS} blocks are nested"),
            Excess::Strings => format!("more than {MAX_STRINGS} f-strings are nested"),
            Excess::Depth => format!("more than {MAX_DEPTH} operators, calls or attributes are nested in one expression"),
            Excess::Gaps => "too many line breaks, blanks or comments stand in what is nested this deep: take them out, close the \
                             brackets and quotes that are open, or split the code"
                .to_owned(),
            Excess::Astray => "quotes, line breaks or comments stand in the braces of this f-string, and very many brackets, quotes and \
                               operators behind it: take what is in its braces out into a variable, or split the code"
                .to_owned(),
        }
    }
}

/// One open bracket, or the statement itself.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    /// Tokens that may each add a level to the tree, since the last separator.
    chain: usize,
    /// Lambdas whose parameter list is still open: their commas separate parameters, not values.
    lambdas: usize,
    /// Those of the chain that stay behind a comma: the last `yield`, whose value goes on there, and all that it stands in.
    stay: usize,
}

/// What is open at a token.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    outer: Vec<Level>,
    top: Level,
    /// Levels of the tree.
    pub depth: usize,
    pub brackets: usize,
    pub indents: usize,
    pub strings: usize,
}

impl Shape {
    /// Takes a token; says which limit that breaks.
    pub fn step(&mut self, kind: TokenKind) -> Option<Excess> {
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                self.brackets += 1;
                let deep = self.open();
                return if self.brackets > MAX_BRACKETS { Some(Excess::Brackets) } else { deep };
            }
            TokenKind::FStringStart | TokenKind::TStringStart => {
                self.strings += 1;
                let deep = self.open();
                return if self.strings > MAX_STRINGS { Some(Excess::Strings) } else { deep };
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                self.brackets = self.brackets.saturating_sub(1);
                self.close();
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                self.strings = self.strings.saturating_sub(1);
                self.close();
            }
            TokenKind::Indent => {
                self.indents += 1;
                return (self.indents > MAX_INDENTS).then_some(Excess::Indents);
            }
            TokenKind::Dedent => self.indents = self.indents.saturating_sub(1),
            TokenKind::Newline => self.end_statement(),
            TokenKind::Comma => self.separate(self.top.stay),
            TokenKind::Semi => self.separate(0),
            TokenKind::Colon => self.top.lambdas = self.top.lambdas.saturating_sub(1),
            TokenKind::Lambda => {
                self.top.lambdas += 1;
                return self.deepen();
            }
            TokenKind::Yield => {
                let deep = self.deepen();
                self.top.stay = self.top.chain;
                return deep;
            }
            kind if deepens(kind) => return self.deepen(),
            _ => {}
        }
        None
    }

    fn deepen(&mut self) -> Option<Excess> {
        self.top.chain += 1;
        self.depth += 1;
        (self.depth > MAX_DEPTH).then_some(Excess::Depth)
    }

    fn open(&mut self) -> Option<Excess> {
        let deep = self.deepen();
        self.outer.push(std::mem::take(&mut self.top));
        deep
    }

    fn close(&mut self) {
        if let Some(level) = self.outer.pop() {
            self.depth = self.depth.saturating_sub(self.top.chain);
            self.top = level;
        }
    }

    /// What follows stands beside what came before, save for as many levels as stay open.
    fn separate(&mut self, stay: usize) {
        if self.top.lambdas == 0 {
            self.depth = self.depth.saturating_sub(self.top.chain - stay.min(self.top.chain));
            self.top.chain = stay;
            self.top.stay = stay;
        }
    }

    fn end_statement(&mut self) {
        self.outer.clear();
        *self = Shape { outer: std::mem::take(&mut self.outer), indents: self.indents, ..Shape::default() };
    }
}

/// Tokens that can put one node inside another, or one call of the parser inside another.
pub(crate) fn deepens(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Dot
            | TokenKind::Plus
            | TokenKind::Minus
            | TokenKind::Star
            | TokenKind::DoubleStar
            | TokenKind::Slash
            | TokenKind::DoubleSlash
            | TokenKind::Percent
            | TokenKind::At
            | TokenKind::Vbar
            | TokenKind::Amper
            | TokenKind::CircumFlex
            | TokenKind::Tilde
            | TokenKind::LeftShift
            | TokenKind::RightShift
            | TokenKind::Not
            | TokenKind::Async
            | TokenKind::Await
            | TokenKind::Yield
            | TokenKind::If
            | TokenKind::And
            | TokenKind::Or
            | TokenKind::ColonEqual
    )
}
