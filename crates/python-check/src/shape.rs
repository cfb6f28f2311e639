//! The second gate: what may be parsed. A tree deeper than the stack aborts the process when it is walked or dropped, so depth is bounded
//! here, where nothing recurses: before a tree is built, unless the text has so little that could make one deep that the parser's own
//! tokens can be measured instead. It also finds brackets that never close.

mod depth;
mod fit;
mod gaps;
mod levels;

use ruff_python_ast::ModModule;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, Parsed, lexer};
use ruff_text_size::{Ranged, TextRange};

pub(crate) use self::depth::Excess;
use self::depth::Shape;
use self::fit::Fit;
pub(crate) use self::fit::{Misfit, unbalanced};
pub(crate) use self::gaps::Gaps;
use self::gaps::{Exposure, MAX_ASTRAY, MAX_REREAD};
use self::levels::{deepening, lists};
use crate::location::{Lines, size};
use crate::tokens::Tokens;

/// Most tokens of a text that is parsed before it is measured which could each add a level to its tree. The stack of a check holds twice as
/// many levels, unoptimized. Ordinary code of 3,000 lines has as many.
const SHALLOW: usize = 20_000;
/// The same of a text whose tree is looked at although it has errors.
const SMALL: usize = 10_000;
/// More blocks inside one another than a text of the largest size has room for, with one blank more each.
const MAX_BLOCKS: usize = 1_000;
/// Most bytes that could begin a level behind the first place where the parser may take strings for code. Ordinary code of the largest size
/// has some 40,000. The parser takes about 1.6 KB for each level, and a tree of so many is dropped and not looked at.
const MAX_ASTRAY_LEVELS: usize = 50_000;

/// Why a text is not parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a limit.
    Excess(TextRange, Excess),
    /// It is no Python: something does not fit what is open.
    Misfit(TextRange, Misfit),
    /// It is no Python: some of it is no token.
    Unreadable,
}

/// Whether no tree of this text can be too deep for the stack, nor take long to be left where it breaks off, whoever reads it how. Blocks
/// are not counted: each needs one blank more than the one around it, so 256 KiB have room for some 720 of them.
pub(crate) fn is_shallow(text: &str, gaps: &Gaps) -> bool {
    let deepest = most_levels(text);
    let is_bounded = |levels: usize| (levels + MAX_BLOCKS) * gaps.widest <= MAX_REREAD;
    // Whatever begins a list adds a level, too: mostly those need not be counted by themselves.
    deepest <= SHALLOW && (is_bounded(deepest) || is_bounded(lists(text)))
}

/// How many levels a text may have at most: no more than bytes, which in a short one need not be counted.
fn most_levels(text: &str) -> usize {
    if text.len() <= SMALL { text.len() } else { deepening(text) }
}

/// Whether the tree of this text can be looked at although it has errors, and so may be deeper than its tokens tell.
pub(crate) fn is_small(text: &str) -> bool {
    most_levels(text) <= SMALL
}

/// Finds the limit that a text breaks which was parsed, as [`is_shallow`] allows: by the parser's tokens, where those are the text's own.
pub(crate) fn excess_of(text: &str, parsed: &Parsed<ModModule>) -> Option<(TextRange, Excess)> {
    if parsed.errors().is_empty() {
        first_excess(parsed.tokens().iter().map(|token| (token.kind(), token.range())))
    } else {
        // Behind an error the parser may have read on otherwise than the lexer does. Where a token stands is asked only where it matters.
        let mut shape = Shape::default();
        let has_excess = kinds(text).any(|kind| shape.step(kind).is_some());
        if has_excess { first_excess(Tokens::of(text).iter()) } else { None }
    }
}

/// The kinds of the tokens of a text, by the parser's own lexer.
fn kinds(text: &str) -> impl Iterator<Item = TokenKind> {
    let mut lexer = lexer::lex(text, Mode::Module);
    std::iter::from_fn(move || Some(lexer.next_token()).filter(|kind| *kind != TokenKind::EndOfFile))
}

fn first_excess(mut tokens: impl Iterator<Item = (TokenKind, TextRange)>) -> Option<(TextRange, Excess)> {
    let mut shape = Shape::default();
    tokens.find_map(|(kind, range)| Some((place(kind, range), shape.step(kind)?)))
}

/// Whether an expression on its own is within the limits, and so small that there is no more to ask.
pub(crate) fn is_plain(text: &str) -> bool {
    let mut shape = Shape::default();
    is_shallow(text, &Gaps::of(&Lines::new(text))) && !kinds(text).any(|kind| shape.step(kind).is_some())
}

/// Finds out why `text` may not be parsed, before there is a tree. Where it may, and the parser finds no error, its tree is within the
/// limits; where the parser does, the tree can be dropped.
pub(crate) fn refusal(text: &str, gaps: &Gaps, tokens: &Tokens) -> Option<Refusal> {
    let (mut shape, mut fit, mut exposure) = (Shape::default(), Fit::default(), Exposure::default());
    for (kind, range) in tokens.iter() {
        if let Some(misfit) = fit.step(kind, range) {
            return Some(Refusal::Misfit(range, misfit));
        }
        if let Some(excess) = shape.step(kind) {
            return Some(Refusal::Excess(place(kind, range), excess));
        }
        exposure.step(kind, shape.depth);
    }
    if tokens.errors().next().is_some() {
        return Some(Refusal::Unreadable);
    }
    let astray = fit.astray.map_or("", |at| &text[at.to_usize()..]);
    let gaps_astray = Gaps::of(&Lines::new(astray));
    if deepening(astray) > MAX_ASTRAY_LEVELS {
        let at = size(text.len() - astray.len());
        return Some(Refusal::Excess(TextRange::empty(at), Excess::Astray));
    }
    let is_bounded = exposure.is_bounded(gaps) && lists(astray).saturating_mul(gaps_astray.widest) <= MAX_ASTRAY;
    (!is_bounded).then(|| Refusal::Excess(TextRange::empty(size(gaps.at)), Excess::Gaps))
}

/// Where a token breaks a limit: an indentation at its end, behind which its block begins.
fn place(kind: TokenKind, range: TextRange) -> TextRange {
    TextRange::empty(if kind == TokenKind::Indent { range.end() } else { range.start() })
}

#[cfg(test)]
mod tests;
