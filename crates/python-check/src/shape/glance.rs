//! A glance at a source text that tells, for nearly all honest code, that no limit on tokens is broken, at a tenth of what reading its
//! tokens costs. It is sure or it is not: what it is not sure of is read token by token.
//!
//! It counts whatever could nest, statement by statement, and knows of tokens only where statements end: brackets, strings, comments.
//! Wherever the two could differ (an f-string whose fields hold quotes that it does not follow, a string that is not closed, a
//! bracket that closes nothing) it is not sure. Held by: `a_glance_is_sure_only_of_what_reading_every_token_finds_within_limits`

use super::bounds::Bounds;

/// Whether `text` is certainly within `bounds`.
pub(super) fn is_within(text: &str, bounds: &Bounds) -> bool {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Glance { bytes: text.as_bytes(), at: 0, marks: 0, brackets: 0, bounds }.run().is_some()
}

/// The first byte of characters that may belong to names, and may not.
const MIXED: u8 = 0x80;
/// The longest of the keywords that count, in bytes.
const LONGEST_KEYWORD: usize = 6;

/// Kinds of characters in words.
const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const FOREIGN: u8 = 4;

/// The kind of each byte; 0 where it belongs to no word.
const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = match byte as u8 {
            b'0'..=b'9' | b'_' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            MIXED.. => FOREIGN,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

struct Glance<'t> {
    bytes: &'t [u8],
    at: usize,
    /// Tokens of the open statement that may each put one node inside another: at least as many as there are.
    marks: usize,
    /// Brackets that are open.
    brackets: usize,
    bounds: &'t Bounds,
}

/// What is not sure ends the glance.
type Sure<T = ()> = Option<T>;

impl Glance<'_> {
    fn run(mut self) -> Sure {
        self.begin_line()?;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' | MIXED.. => self.word()?,
                b'\n' | b'\r' => self.end_line()?,
                b'"' | b'\'' => self.string(byte)?,
                b'#' => self.skip_comment(),
                // A line that goes on.
                b'\\' if self.peek(1) == Some(b'\n') => self.at += 2,
                b'\\' => return None,
                b'(' | b'[' | b'{' => self.open()?,
                b')' | b']' | b'}' => self.close()?,
                // A number's point nests nothing.
                b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.at += 1,
                _ if may_nest(byte) => self.mark(1)?,
                _ => self.at += 1,
            }
        }
        Some(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    /// Counts the token at hand as `marks`, and steps over its first byte.
    fn mark(&mut self, marks: usize) -> Sure {
        self.at += 1;
        self.marks += marks;
        (self.marks <= self.bounds.depth).then_some(())
    }

    fn open(&mut self) -> Sure {
        self.brackets += 1;
        if self.brackets > self.bounds.brackets {
            return None;
        }
        self.mark(1)
    }

    fn close(&mut self) -> Sure {
        self.at += 1;
        self.brackets = self.brackets.checked_sub(1)?;
        Some(())
    }

    fn end_line(&mut self) -> Sure {
        self.at += 1;
        if self.brackets > 0 {
            return Some(());
        }
        self.marks = 0;
        self.begin_line()
    }

    /// A block is indented by at least one character more than the one around it.
    fn begin_line(&mut self) -> Sure {
        let blank = self.bytes[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c')).count();
        self.at += blank;
        (blank <= self.bounds.indents && self.peek(0) != Some(b'\\')).then_some(())
    }

    fn skip_comment(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
    }

    /// A name, a keyword, a number, or the prefix of a string.
    fn word(&mut self) -> Sure {
        let (length, kinds) = self.measure_word();
        let word = &self.bytes[self.at..self.at + length];
        self.at += length;
        // A number may end where a keyword begins, and a character that belongs to no name ends one.
        let mixed = word[0].is_ascii_digit() && kinds & LETTER != 0 || kinds & FOREIGN != 0;
        if mixed {
            self.marks += length;
            return (!self.at_quote() && self.marks <= self.bounds.depth).then_some(());
        }
        if length <= 2 && self.at_quote() && word.iter().any(|byte| matches!(byte, b'f' | b'F' | b't' | b'T')) {
            return self.interpolated();
        }
        if length <= LONGEST_KEYWORD && matches!(word, b"if" | b"or" | b"and" | b"not" | b"await" | b"yield" | b"lambda") {
            self.marks += 1;
        }
        (self.marks <= self.bounds.depth).then_some(())
    }

    /// The length of the word at hand, and of which kinds its characters are.
    fn measure_word(&self) -> (usize, u8) {
        let (mut length, mut kinds) = (0, 0);
        for byte in &self.bytes[self.at..] {
            let kind = KINDS[usize::from(*byte)];
            if kind == 0 {
                break;
            }
            kinds |= kind;
            length += 1;
        }
        (length, kinds)
    }

    fn at_quote(&self) -> bool {
        matches!(self.peek(0), Some(b'"' | b'\''))
    }

    /// Steps over the quotes that open a string; says how many there are: one or three.
    fn quotes(&mut self, quote: u8) -> usize {
        let count = if self.peek(1) == Some(quote) && self.peek(2) == Some(quote) { 3 } else { 1 };
        self.at += count;
        count
    }

    fn at_end(&self, quote: u8, count: usize) -> bool {
        (0..count).all(|ahead| self.peek(ahead) == Some(quote))
    }

    fn string(&mut self, quote: u8) -> Sure {
        let count = self.quotes(quote);
        loop {
            let rest = &self.bytes[self.at..];
            // A long string is a docstring: few of its bytes matter.
            self.at += match count {
                1 => rest.iter().position(|byte| *byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'))?,
                _ => memchr::memchr2(quote, b'\\', rest)?,
            };
            match self.peek(0)? {
                b'\\' => self.escape()?,
                byte if byte == quote && self.at_end(quote, count) => {
                    self.at += count;
                    return Some(());
                }
                byte if byte == quote => self.at += 1,
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Sure {
        self.at += 2;
        (self.bytes.get(self.at - 1).is_some_and(|byte| *byte != b'\r')).then_some(())
    }

    /// An f-string or a t-string, from its quotes to their end.
    fn interpolated(&mut self) -> Sure {
        let quote = self.peek(0)?;
        let count = self.quotes(quote);
        self.marks += 1;
        loop {
            match self.peek(0)? {
                byte if byte == quote && self.at_end(quote, count) => {
                    self.at += count;
                    return (self.marks <= self.bounds.depth && self.bounds.strings > 0).then_some(());
                }
                b'\\' if matches!(self.peek(1), Some(b'{' | b'}' | b'N')) => return None,
                b'\\' => self.escape()?,
                b'\n' | b'\r' if count == 1 => return None,
                b'{' if self.peek(1) == Some(b'{') => self.at += 2,
                b'}' if self.peek(1) == Some(b'}') => self.at += 2,
                b'{' => self.field(quote)?,
                b'}' => return None,
                _ => self.at += 1,
            }
        }
    }

    /// A field, from its brace to the one that closes it. What stands behind its colon is counted as if it were code.
    fn field(&mut self, quote: u8) -> Sure {
        let around = self.brackets;
        self.open()?;
        while self.brackets > around {
            match self.peek(0)? {
                b'{' | b'(' | b'[' => self.open()?,
                b'}' | b')' | b']' => self.close()?,
                byte @ (b'"' | b'\'') if byte != quote => self.string_in_field(byte)?,
                b'"' | b'\'' | b'\\' | b'#' | b'\n' | b'\r' => return None,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' | MIXED.. => self.word_in_field()?,
                byte if may_nest(byte) => self.mark(1)?,
                _ => self.at += 1,
            }
        }
        Some(())
    }

    fn word_in_field(&mut self) -> Sure {
        let (length, _) = self.measure_word();
        // No more than its length, and sure of no prefix.
        self.mark(length)?;
        self.at += length - 1;
        (!self.at_quote()).then_some(())
    }

    /// A string inside a field: only one that every Python reads alike.
    fn string_in_field(&mut self, quote: u8) -> Sure {
        let rest = self.bytes.get(self.at + 1..)?;
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\'' | b'\\' | b'\n' | b'\r' | b'{' | b'}'))?;
        self.at += length + 2;
        let empty_or_more = length == 0 && self.peek(0) == Some(quote);
        (rest[length] == quote && !empty_or_more).then_some(())
    }
}

/// Whether a byte can begin a token that puts one node inside another.
fn may_nest(byte: u8) -> bool {
    matches!(byte, b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'|' | b'&' | b'^' | b'~' | b'<' | b'>' | b':')
}
