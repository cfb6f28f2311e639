//! Texts of others on a terminal: what would move its cursor, rename its window, hide a piece or turn the direction of what follows
//! stands escaped, so that it is read and does nothing.
//!
//! What programs print is filtered as it arrives ([`Passage`]); what does not go to a terminal is never changed.

use std::borrow::Cow;

mod character;
mod filter;

use character::escape;
pub use character::is_hidden;
pub use filter::{Filter, Passage};

/// A text for one line of a terminal.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_, _| false)
}

/// A text of several lines: line breaks and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |character, rest| matches!(character, '\n' | '\t') || (character == '\r' && rest.starts_with('\n')))
}

/// A JSON text: what is hidden can only stand inside strings, where an escape means the same. Blanks between tokens stay.
pub fn json(text: &str) -> Cow<'_, str> {
    let hidden = |character| is_hidden(character) && !matches!(character, '\n' | '\r' | '\t');
    if !text.chars().any(hidden) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match hidden(character) {
            // JSON has escapes of four digits only: two for a character beyond them.
            true => character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}"))),
            false => escaped.push(character),
        }
    }
    Cow::Owned(escaped)
}

/// `keeps` is asked about a hidden character and what follows it.
fn escaped(text: &str, keeps: impl Fn(char, &str) -> bool) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for (at, character) in text.char_indices() {
        if !is_hidden(character) || keeps(character, &text[at + character.len_utf8()..]) {
            shown.push(character);
        } else {
            shown.push_str(&escape(character));
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests;
