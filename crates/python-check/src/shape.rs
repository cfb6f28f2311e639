//! The second gate: limits on tokens. A tree deeper than the stack aborts the process when it is walked or dropped, so depth is bounded
//! here, where nothing recurses: before a tree is built, unless the text has so little that could make one deep that the parser's own
//! tokens can be measured instead. It also finds brackets that never close.

mod gaps;

use ruff_python_ast::ModModule;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_parser::{Mode, Parsed, lexer};
use ruff_text_size::{Ranged, TextRange};

use self::gaps::{Exposure, Gaps, MAX_REREAD};
use crate::location::size;

/// CPython refuses more nested brackets (`MAXLEVEL`).
pub(crate) const MAX_BRACKETS: usize = 200;
/// CPython refuses more levels of indentation (`MAXINDENT`).
pub(crate) const MAX_INDENTS: usize = 99;
/// Nested f-strings; CPython's own limit is 150, people's is three.
pub(crate) const MAX_STRINGS: usize = 20;
/// Depth of the tree that one statement may have: operators, calls, attributes and brackets inside one another. CPython's
/// compiler gives up at 3000.
pub(crate) const MAX_DEPTH: usize = 2_000;

/// Most tokens of a text that is parsed before it is measured which could each add a level to its tree. The stack of a check holds twice as
/// many levels, unoptimized.
const SHALLOW: usize = 10_000;

/// More blocks inside one another than a text of the largest size has room for, with one blank more each.
const MAX_BLOCKS: usize = 1_000;

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
        }
    }
}

/// Whether no tree of this text can be too deep for the stack, nor take long to be left where it breaks off, wherever its tokens begin and
/// end: every byte counts with which one could begin that adds a level, in strings and comments, too, so that nothing depends on who reads
/// them how. Blocks are not counted: each needs one blank more than the one around it, so 256 KiB have room for some 720 of them.
pub(crate) fn is_shallow(text: &str) -> bool {
    let deepening = deepening(text);
    deepening <= SHALLOW && (deepening + MAX_BLOCKS) * Gaps::of(text).widest <= MAX_REREAD
}

/// How many bytes may begin a token that adds a level.
fn deepening(text: &str) -> usize {
    let mut before = BEFORE_OTHERS;
    let counted = text.bytes().map(|byte| {
        let step = STEPS[before][usize::from(byte)];
        before = usize::from(step.before);
        usize::from(step.deepens)
    });
    counted.sum()
}

/// What a byte counts, and what it is to the byte behind it.
#[derive(Clone, Copy)]
struct Step {
    deepens: u8,
    before: u8,
}

/// Behind anything that no word has.
const BEFORE_OTHERS: usize = 0;
/// Behind a letter, or what else only goes on with a word.
const IN_WORD: usize = 1;
/// Behind a digit.
const IN_NUMBER: usize = 2;

static STEPS: [[Step; 256]; 3] = {
    let mut steps = [[Step { deepens: 0, before: 0 }; 256]; 3];
    let mut before = 0;
    while before < steps.len() {
        let mut byte = 0;
        while byte < 256 {
            steps[before][byte] = step(before, byte as u8);
            byte += 1;
        }
        before += 1;
    }
    steps
};

const fn step(before: usize, byte: u8) -> Step {
    let deepens = match byte {
        b'(' | b'[' | b'{' | b'"' | b'\'' => true,
        b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'|' | b'&' | b'^' | b'~' | b'<' | b'>' | b'=' => true,
        // `and`, `await`, `if`, `lambda`, `not`, `or` and `yield`; a number may end right before them, and in a letter.
        b'a' | b'i' | b'l' | b'n' | b'o' | b'y' => before != IN_WORD,
        b'A'..=b'Z' | b'a'..=b'z' => before == IN_NUMBER,
        _ => false,
    };
    let before = match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'_' => IN_WORD,
        b'0'..=b'9' => IN_NUMBER,
        _ => BEFORE_OTHERS,
    };
    Step { deepens: deepens as u8, before: before as u8 }
}

/// As [`excess`], of a text that was parsed, as [`is_shallow`] allows: by the parser's tokens, where those are the text's own.
pub(crate) fn excess_of(text: &str, parsed: &Parsed<ModModule>) -> Option<(TextRange, Excess)> {
    // Behind an error the parser may have read on otherwise than the lexer does.
    let is_sound = parsed.errors().is_empty();
    let mut shape = Shape::default();
    let breaks = !is_sound || parsed.tokens().iter().any(|token| shape.step(token.kind()).is_some());
    if breaks { Some(place(text, measure(text, &mut Exposure::default())?)) } else { None }
}

/// Finds the first place where `text` breaks a limit.
pub(crate) fn excess(text: &str) -> Option<(TextRange, Excess)> {
    let mut exposure = Exposure::default();
    if let Some(excess) = measure(text, &mut exposure) {
        return Some(place(text, excess));
    }
    let gaps = Gaps::of(text);
    let is_bounded = exposure.is_bounded(&gaps, deepening(text));
    (!is_bounded).then(|| (TextRange::empty(size(gaps.at)), Excess::Gaps))
}

/// Where `text` breaks a limit of its tokens.
fn place(text: &str, excess: Excess) -> (TextRange, Excess) {
    // The lexer does not say where it stands, but breaking a limit is monotone in the length of the text.
    let (mut passes, mut breaks) = (0, text.len());
    while breaks - passes > 1 {
        let middle = text.floor_char_boundary(passes.midpoint(breaks));
        if middle <= passes {
            break;
        }
        if measure(&text[..middle], &mut Exposure::default()).is_some() { breaks = middle } else { passes = middle }
    }
    (TextRange::empty(size(passes)), excess)
}

fn measure(text: &str, exposure: &mut Exposure) -> Option<Excess> {
    let mut lexer = lexer::lex(text, Mode::Module);
    let mut shape = Shape::default();
    loop {
        let kind = lexer.next_token();
        if kind == TokenKind::EndOfFile {
            return None;
        }
        if let Some(excess) = shape.step(kind) {
            return Some(excess);
        }
        exposure.step(kind, shape.depth);
    }
}

/// One open bracket, or the statement itself.
#[derive(Debug, Default, Clone, Copy)]
struct Level {
    /// Tokens that may each add a level to the tree, since the last separator.
    chain: usize,
    /// Lambdas whose parameter list is still open: their commas separate parameters, not values.
    lambdas: usize,
}

#[derive(Debug)]
struct Shape {
    levels: Vec<Level>,
    depth: usize,
    brackets: usize,
    indents: usize,
    strings: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Shape { levels: vec![Level::default()], depth: 0, brackets: 0, indents: 0, strings: 0 }
    }
}

impl Shape {
    fn step(&mut self, kind: TokenKind) -> Option<Excess> {
        match kind {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                self.brackets += 1;
                self.open();
            }
            TokenKind::FStringStart | TokenKind::TStringStart => {
                self.strings += 1;
                self.open();
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                self.brackets = self.brackets.saturating_sub(1);
                self.close();
            }
            TokenKind::FStringEnd | TokenKind::TStringEnd => {
                self.strings = self.strings.saturating_sub(1);
                self.close();
            }
            TokenKind::Indent => self.indents += 1,
            TokenKind::Dedent => self.indents = self.indents.saturating_sub(1),
            TokenKind::Newline => *self = Shape { indents: self.indents, ..Shape::default() },
            TokenKind::Semi | TokenKind::Comma | TokenKind::Colon => self.separate(kind),
            TokenKind::Lambda => {
                self.deepen();
                self.top().lambdas += 1;
            }
            kind if deepens(kind) => self.deepen(),
            _ => {}
        }
        self.verdict()
    }

    fn verdict(&self) -> Option<Excess> {
        if self.brackets > MAX_BRACKETS {
            Some(Excess::Brackets)
        } else if self.indents > MAX_INDENTS {
            Some(Excess::Indents)
        } else if self.strings > MAX_STRINGS {
            Some(Excess::Strings)
        } else if self.depth > MAX_DEPTH {
            Some(Excess::Depth)
        } else {
            None
        }
    }

    fn top(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn deepen(&mut self) {
        self.top().chain += 1;
        self.depth += 1;
    }

    fn open(&mut self) {
        self.deepen();
        self.levels.push(Level::default());
    }

    fn close(&mut self) {
        if self.levels.len() > 1
            && let Some(level) = self.levels.pop()
        {
            self.depth = self.depth.saturating_sub(level.chain);
        }
    }

    fn separate(&mut self, kind: TokenKind) {
        let level = self.top();
        match kind {
            TokenKind::Colon => level.lambdas = level.lambdas.saturating_sub(1),
            _ if level.lambdas == 0 => {
                let chain = std::mem::take(&mut level.chain);
                self.depth = self.depth.saturating_sub(chain);
            }
            _ => {}
        }
    }
}

/// Tokens that can put one node inside another.
fn deepens(kind: TokenKind) -> bool {
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
            | TokenKind::Await
            | TokenKind::Yield
            | TokenKind::If
            | TokenKind::And
            | TokenKind::Or
            | TokenKind::ColonEqual
    )
}

/// A bracket that has no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unbalanced {
    /// It is never closed.
    Open(char),
    /// It closes nothing.
    Close(char),
    /// It closes a bracket of another kind.
    Mismatch { open: char, close: char },
}

impl Unbalanced {
    /// CPython's words for it.
    pub fn describe(self) -> String {
        match self {
            Unbalanced::Open(open) => format!("'{open}' was never closed"),
            Unbalanced::Close(close) => format!("unmatched '{close}'"),
            Unbalanced::Mismatch { open, close } => format!("closing parenthesis '{close}' does not match opening parenthesis '{open}'"),
        }
    }
}

/// Finds the bracket that CPython would name: the first wrong closing one, else the innermost that is still open.
pub(crate) fn unbalanced(text: &str, tokens: &[Token]) -> Option<(TextRange, Unbalanced)> {
    let mut open: Vec<(char, TextRange)> = Vec::new();
    for token in tokens {
        let Some(bracket) = bracket(text, token) else { continue };
        let Some(partner) = partner(bracket) else {
            open.push((bracket, token.range()));
            continue;
        };
        match open.pop() {
            Some((left, _)) if left == partner => {}
            Some((left, _)) => return Some((token.range(), Unbalanced::Mismatch { open: left, close: bracket })),
            None => return Some((token.range(), Unbalanced::Close(bracket))),
        }
    }
    open.pop().map(|(left, range)| (range, Unbalanced::Open(left)))
}

fn bracket(text: &str, token: &Token) -> Option<char> {
    match token.kind() {
        TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace | TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
            text.get(token.start().to_usize()..)?.chars().next()
        }
        _ => None,
    }
}

fn partner(close: char) -> Option<char> {
    match close {
        ')' => Some('('),
        ']' => Some('['),
        '}' => Some('{'),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
