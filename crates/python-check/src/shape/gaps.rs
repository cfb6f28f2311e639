//! What it may cost to read on behind an error. Where a tree breaks off, the parser leaves each level that is open, and for many of them it
//! reads the gap behind the last token once more: its line breaks, blanks and comments. Levels times gaps is what that takes.

use ruff_python_ast::token::TokenKind;

use crate::location::Lines;

/// What reading gaps anew may cost, in steps of about two nanoseconds.
pub(super) const MAX_REREAD: usize = 4_000_000;
/// The same where the parser may find other levels than the lexer does: all that there could be, each of them at the widest gap. No text opens
/// so many at once, so this is more than it may take; 2,000 lists beside a comment of 150 lines of 75 bytes make 10 million.
pub(super) const MAX_ASTRAY: usize = 32_000_000;

/// Steps of a line break, and of what else is a token.
const BREAK: usize = 8;
/// Bytes of a comment that are passed over in one step.
const COMMENT: usize = 4;
/// What is blank within a line of at most so many bytes is too little to count.
const LONG_LINE: usize = 256;
/// And so are so many blanks beside one another.
const LONG_BLANK: usize = 16;
/// What lines of ordinary code begin with.
const SPACES: &[u8; 8] = b"        ";

/// The gaps of a text, by its bytes alone: also those that only seem to be some, in strings.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// Steps of the widest one behind the first token.
    pub widest: usize,
    /// Where that ends.
    pub at: usize,
    /// Steps of all of them.
    all: usize,
    /// Steps of the most costly line of one.
    line: usize,
    /// Steps of what no token of a gap tells: blanks within long lines, and lines that are continued.
    inside: usize,
    /// Whether the line before goes on with this one.
    continues: bool,
}

impl Gaps {
    pub fn of(lines: &Lines<'_>) -> Self {
        let (mut gaps, mut gap, mut end) = (Gaps::default(), None, 0);
        let mut marks = memchr::memchr_iter(b'#', lines.text().as_bytes()).peekable();
        for (start, line) in lines.iter() {
            end = start + line.len();
            let first = marks.next_if(|mark| *mark < end);
            while marks.next_if(|mark| *mark < end).is_some() {}
            gaps.line(line, start, first.map(|mark| mark - start), &mut gap);
        }
        gaps.end(gap.unwrap_or_default(), end);
        gaps
    }

    /// One line, with where its first `#` stands. Nothing is open before the first token: there is no gap yet.
    fn line(&mut self, line: &[u8], start: usize, mark: Option<usize>, gap: &mut Option<usize>) {
        let indent = leading_blanks(line);
        let rest = &line[indent..];
        let is_continued = line.last() == Some(&b'\\');
        if self.continues || is_continued {
            self.inside += indent + BREAK;
        }
        self.continues = is_continued;
        match rest.first() {
            None => self.widen(gap, indent + BREAK),
            Some(b'#') => self.widen(gap, indent + 2 * BREAK + rest.len() / COMMENT),
            Some(_) => {
                self.widen(gap, indent);
                self.end(gap.unwrap_or_default(), start + indent);
                if rest.len() > LONG_LINE {
                    for run in long_blanks(rest) {
                        self.inside += run;
                        self.end(run, start + indent);
                    }
                }
                *gap = Some(0);
                self.widen(gap, tail(line, mark) + BREAK);
            }
        }
    }

    fn widen(&mut self, gap: &mut Option<usize>, steps: usize) {
        let Some(gap) = gap else { return };
        *gap += steps;
        self.all += steps;
        self.line = self.line.max(steps + BREAK);
    }

    fn end(&mut self, steps: usize, at: usize) {
        if steps > self.widest {
            (self.widest, self.at) = (steps, at);
        }
    }
}

/// How many blanks stand beside one another within a line, where they are many.
fn long_blanks(line: &[u8]) -> impl Iterator<Item = usize> {
    line.split(|byte| !is_blank(*byte)).map(<[u8]>::len).filter(|run| *run > LONG_BLANK)
}

/// How many blanks a line begins with: mostly spaces, which are passed over eight at once.
fn leading_blanks(line: &[u8]) -> usize {
    let spaces = line.chunks_exact(SPACES.len()).take_while(|chunk| *chunk == SPACES).count() * SPACES.len();
    spaces + line[spaces..].iter().take_while(|byte| is_blank(**byte)).count()
}

/// What may belong to the gap at the end of a line.
fn tail(line: &[u8], mark: Option<usize>) -> usize {
    match mark {
        Some(at) => BREAK + (line.len() - at) / COMMENT,
        None => line.iter().rev().take_while(|byte| is_blank(**byte)).count(),
    }
}

/// Blanks, and what continues a line.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\x0c' | b'\\')
}

/// What the lexer's tokens say of the levels that are open beside gaps.
#[derive(Debug, Default)]
pub(super) struct Exposure {
    /// Line breaks and comments since the last other token.
    run: usize,
    /// For each open level, the longest run that it has seen. What is open for longer has seen no less.
    seen: Vec<usize>,
    /// The sum of the longest runs of all levels there were.
    runs: usize,
    deepest: usize,
}

impl Exposure {
    /// Takes a token, behind which `depth` levels are open.
    pub fn step(&mut self, kind: TokenKind, depth: usize) {
        if matches!(kind, TokenKind::NonLogicalNewline | TokenKind::Comment) {
            self.run += 1;
            return;
        }
        self.meet();
        self.seen.resize(depth, 0);
        self.deepest = self.deepest.max(depth);
    }

    /// The gap ends: every level that is open has seen it.
    fn meet(&mut self) {
        let run = std::mem::take(&mut self.run);
        for seen in self.seen.iter_mut().rev().take_while(|seen| **seen < run) {
            self.runs += run - *seen;
            *seen = run;
        }
    }

    /// Whether reading the gaps anew is bounded.
    pub fn is_bounded(&mut self, gaps: &Gaps) -> bool {
        self.meet();
        let by_level = self.runs.saturating_mul(gaps.line);
        let by_gap = self.deepest.saturating_mul(gaps.all);
        let inside = self.deepest.saturating_mul(gaps.inside);
        by_level.min(by_gap).saturating_add(inside) <= MAX_REREAD
    }
}
