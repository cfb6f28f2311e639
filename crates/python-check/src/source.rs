//! The first gate: bytes to text. Size, UTF-8, NUL, coding cookie, and characters that make code read otherwise than it
//! runs. It does not know Python beyond its first two lines.

use ruff_text_size::TextRange;

use crate::location::size;
use crate::report::Sink;
use crate::rule;

/// Characters that reorder what a reader sees ("Trojan Source", CVE-2021-42574).
const BIDI: [char; 9] = ['\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}', '\u{2069}'];

/// Declared encodings that mean UTF-8 or a subset of it.
const PLAIN: [&str; 8] = ["utf-8", "utf8", "u8", "utf", "utf-8-sig", "ascii", "us-ascii", "646"];

/// Turns bytes into text, or says why not. The text is returned with its findings when it can be looked at further.
pub(crate) fn decode<'a>(bytes: &'a [u8], limit: usize, sink: &mut Sink) -> Option<&'a str> {
    if bytes.is_empty() {
        sink.add(&rule::LIMITS_EMPTY, TextRange::default(), "there is no code".to_owned());
        return None;
    }
    if bytes.len() > limit {
        sink.add(&rule::LIMITS_SIZE, TextRange::default(), format!("the code is {} bytes long; the limit is {limit}", bytes.len()));
        return None;
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = size(error.valid_up_to());
            sink.add(&rule::ENCODING_UTF8, TextRange::empty(at), format!("byte 0x{:02x} is not UTF-8", bytes[error.valid_up_to()]));
            return None;
        }
    };
    if let Some(at) = memchr::memchr(0, bytes) {
        sink.add(&rule::ENCODING_NUL, TextRange::empty(size(at)), "the code contains a NUL byte".to_owned());
        return None;
    }
    if let Some((range, name)) = coding_cookie(text)
        && !PLAIN.contains(&normalize(name).as_str())
    {
        sink.add(&rule::ENCODING_COOKIE, range, format!("the code declares the encoding `{}`", crate::report::shorten(name)));
    }
    report_bidi(text, sink);
    Some(text)
}

/// Each of the characters starts with the byte E2: looking at bytes first keeps this off the cost of ordinary code.
fn report_bidi(text: &str, sink: &mut Sink) {
    for at in memchr::memchr_iter(0xe2, text.as_bytes()) {
        if let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()).filter(|character| BIDI.contains(character)) {
            let range = TextRange::at(size(at), size(character.len_utf8()));
            sink.add(&rule::ENCODING_BIDI, range, format!("U+{:04X} changes the direction of the text that follows", u32::from(character)));
        }
    }
}

/// The text before the first byte that is not UTF-8: what places are counted in when there is no text.
pub(crate) fn readable(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

fn normalize(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// PEP 263: a comment of the first line, or of the second if the first is blank or a comment.
fn coding_cookie(text: &str) -> Option<(TextRange, &str)> {
    let mut offset = 0;
    for line in lines(text).take(2) {
        let content = line.trim_start_matches('\u{feff}').trim_start_matches([' ', '\t', '\x0c']);
        let blank = content.trim_end_matches(['\n', '\r']).is_empty();
        if !blank && !content.starts_with('#') {
            return None;
        }
        if content.starts_with('#')
            && let Some(name) = declared(content)
        {
            let start = offset + (line.len() - content.len()) + (name.as_ptr() as usize - content.as_ptr() as usize);
            return Some((TextRange::at(size(start), size(name.len())), name));
        }
        offset += line.len();
    }
    None
}

/// Lines with their ends, of which Python knows three.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.find(['\n', '\r']).map(|at| if rest[at..].starts_with("\r\n") { at + 2 } else { at + 1 });
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!line.is_empty()).then_some(line)
    })
}

/// `coding[:=]\s*([-\w.]+)` anywhere in the comment.
fn declared(comment: &str) -> Option<&str> {
    let mut rest = comment;
    while let Some(at) = rest.find("coding") {
        rest = &rest[at + "coding".len()..];
        if let Some(tail) = rest.strip_prefix([':', '=']) {
            let tail = tail.trim_start_matches([' ', '\t']);
            let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(tail.len());
            if end > 0 {
                return Some(&tail[..end]);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &[&str]) {
        let mut sink = Sink::default();
        decode(bytes, 1_000, &mut sink);
        let rules: Vec<_> = sink.rules().collect();
        assert_eq!(rules, expected, "{:?}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn only_utf8_without_nul_passes() {
        check("x = 'é'".as_bytes(), &[]);
        check(b"x = '\xff'", &["ZPY-ENCODING-001"]);
        check(b"x\0", &["ZPY-ENCODING-002"]);
        check(&[b' '; 1_001], &["ZPY-LIMITS-001"]);
        check(b"", &["ZPY-LIMITS-008"]);
        check("\u{feff}".as_bytes(), &[]);
    }

    #[test]
    fn a_cookie_may_only_say_what_is_true() {
        check(b"# -*- coding: utf-8 -*-\n", &[]);
        check(b"#!/usr/bin/env python\n# vim: set fileencoding=UTF_8 :\n", &[]);
        check(b"# coding=latin-1\n", &["ZPY-ENCODING-003"]);
        check(b"\n# -*- coding: unicode_escape -*-\n", &["ZPY-ENCODING-003"]);
        check(b"\r# coding: utf-7\r", &["ZPY-ENCODING-003"]);
        check(b"\r\n# coding: utf-7\r\n", &["ZPY-ENCODING-003"]);
        check(b"\n\n# coding: utf-7\n", &[]);
        check(b"x = 1\n# coding: utf-7\n", &[]);
    }

    #[test]
    fn text_that_reads_otherwise_than_it_runs_is_refused() {
        check("x = 1 # \u{202e} niam".as_bytes(), &["ZPY-ENCODING-004"]);
    }
}
