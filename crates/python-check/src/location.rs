//! Byte offsets to lines and columns. Lines and columns count from 1, columns in code points, as an editor shows them.

use std::cell::Cell;

use domain::code::Span;
use ruff_text_size::{TextRange, TextSize};

/// The byte order mark is not a column.
pub(crate) const BOM: char = '\u{feff}';
/// Bytes of a line of ordinary code, for a first guess at how many there are.
const AVERAGE_LINE: usize = 32;

/// Where each line of a source text starts.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
    /// The place that was asked for last: what is counted of its line need not be counted anew for the next one behind it.
    last: Cell<Counted>,
}

/// How many columns a line has up to an offset.
#[derive(Debug, Default, Clone, Copy)]
struct Counted {
    start: usize,
    offset: usize,
    columns: usize,
}

impl<'a> Lines<'a> {
    /// Indexes `text`; `\n`, `\r\n` and `\r` end lines, as in Python.
    pub fn new(text: &'a str) -> Self {
        let first = if text.starts_with(BOM) { BOM.len_utf8() } else { 0 };
        let bytes = text.as_bytes();
        let mut starts = Vec::with_capacity(text.len() / AVERAGE_LINE + 1);
        starts.push(first);
        starts.extend(memchr::memchr_iter(b'\n', bytes).map(|index| index + 1));
        let alone = memchr::memchr_iter(b'\r', bytes).map(|index| index + 1).filter(|next| bytes.get(*next) != Some(&b'\n'));
        let before = starts.len();
        starts.extend(alone);
        if starts.len() > before {
            starts.sort_unstable();
        }
        Lines { text, starts, last: Cell::default() }
    }

    /// The place of `range`.
    pub fn span(&self, range: TextRange) -> Span {
        let (line, column) = self.place(range.start());
        let begin = self.last.get();
        let (end_line, end_column) = self.place(range.end());
        self.last.set(begin);
        Span { line, column, end_line, end_column }
    }

    /// The text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Each line, without the characters that end it, and where it starts.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &'a [u8])> + '_ {
        let bytes = self.text.as_bytes();
        self.starts.iter().enumerate().map(move |(index, &start)| {
            let end = self.starts.get(index + 1).copied().unwrap_or(bytes.len());
            let line = bytes.get(start..end).unwrap_or_default();
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            (start, line.strip_suffix(b"\r").unwrap_or(line))
        })
    }

    /// The line of `offset`.
    pub fn line(&self, offset: TextSize) -> u32 {
        count(self.index(offset.to_usize()))
    }

    fn index(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    fn place(&self, offset: TextSize) -> (u32, u32) {
        let offset = self.text.floor_char_boundary(offset.to_usize());
        let line = self.index(offset);
        let start = self.starts[line - 1].min(offset);
        let last = self.last.get();
        let known = if last.start == start && last.offset <= offset { last } else { Counted { start, offset: start, columns: 0 } };
        let columns = known.columns + self.text[known.offset.max(start)..offset].chars().count();
        self.last.set(Counted { start, offset, columns });
        (count(line), count(columns + 1))
    }

    /// Lines longer than `limit` bytes: their first bytes' range.
    pub fn longer_than(&self, limit: usize) -> impl Iterator<Item = TextRange> + '_ {
        let ends = self.starts.iter().skip(1).copied().chain(std::iter::once(self.text.len()));
        self.starts
            .iter()
            .copied()
            .zip(ends)
            .filter(move |(start, end)| end.saturating_sub(*start) > limit)
            .map(|(start, _)| TextRange::empty(size(start)))
    }
}

/// An offset as the parser counts; sources are far below 4 GiB.
pub(crate) fn size(offset: usize) -> TextSize {
    TextSize::new(u32::try_from(offset).unwrap_or(u32::MAX))
}

fn count(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, offset: usize, expected: (u32, u32)) {
        assert_eq!(Lines::new(text).place(size(offset)), expected, "{text:?} at {offset}");
    }

    #[test]
    fn columns_count_code_points_from_one() {
        check("a = 'é' + b", 9, (1, 9));
        check("", 0, (1, 1));
        let lines = Lines::new("éa = b\néa = b");
        assert_eq!([3, 6, 2, 13, 10, 0].map(|offset| lines.place(size(offset))), [(1, 3), (1, 6), (1, 2), (2, 5), (2, 2), (1, 1)]);
        check("\u{feff}x", 3, (1, 1));
    }

    #[test]
    fn every_line_ending_of_python_ends_a_line() {
        check("a\r\nb", 3, (2, 1));
        check("a\rb", 2, (2, 1));
        check("a\n\nb", 3, (3, 1));
    }
}
