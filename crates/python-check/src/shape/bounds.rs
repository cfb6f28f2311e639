//! The limits on tokens.

/// CPython refuses more nested brackets (`MAXLEVEL`).
pub(super) const MAX_BRACKETS: usize = 200;
/// CPython refuses more levels of indentation (`MAXINDENT`).
pub(super) const MAX_INDENTS: usize = 99;
/// Nested f-strings; CPython's own limit is 150, people's is three.
pub(super) const MAX_STRINGS: usize = 20;
/// Depth of the tree that one statement may have: operators, calls, attributes and brackets inside one another. CPython's
/// compiler gives up at 3000.
pub(super) const MAX_DEPTH: usize = 2_000;

/// The limits, which tests draw narrower.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Brackets inside brackets.
    pub brackets: usize,
    /// Blocks inside blocks.
    pub indents: usize,
    /// f-strings inside f-strings.
    pub strings: usize,
    /// Operators, calls and attributes inside one another.
    pub depth: usize,
}

/// The limits of every check.
pub(super) const BOUNDS: Bounds = Bounds { brackets: MAX_BRACKETS, indents: MAX_INDENTS, strings: MAX_STRINGS, depth: MAX_DEPTH };
