//! The characters of names: which a version of Python does not know yet, which nobody sees, and how a message names either.

mod tables;

use std::cmp::Ordering;

use ruff_python_ast::PythonVersion;
use ruff_python_ast::token::{Token, TokenKind};
use ruff_text_size::{Ranged, TextRange};

use crate::location::size;
use crate::report::{Sink, shorten};
use crate::rule;

/// Reports names that the runtime's Python cannot read, and names with characters that nobody sees.
pub(crate) fn report(text: &str, tokens: &[Token], version: PythonVersion, sink: &mut Sink) {
    if text.is_ascii() {
        return;
    }
    for token in tokens.iter().filter(|token| token.kind() == TokenKind::Name) {
        let name = text.get(token.start().to_usize()..token.end().to_usize()).unwrap_or_default();
        for (at, character) in name.char_indices().filter(|(_, character)| !character.is_ascii()) {
            let range = TextRange::at(token.start() + size(at), size(character.len_utf8()));
            if let Some((major, minor)) = since(character).filter(|since| *since > (version.major, version.minor)) {
                let message = format!("{} is part of names only since Python {major}.{minor}", describe(character));
                sink.add(&rule::SYNTAX_VERSION, range, message);
            }
            if is_ignorable(character) {
                let message = format!("the name `{}` holds {}, which nobody sees", shorten(name), describe(character));
                sink.add(&rule::ENCODING_INVISIBLE, range, message);
            }
        }
    }
}

/// A character for people: its number, and its name where it has one.
pub(crate) fn describe(character: char) -> String {
    let number = format!("U+{:04X}", u32::from(character));
    match unicode_names2::name(character) {
        Some(name) => format!("{number} ({name})"),
        None if character.is_control() => format!("{number} (a control character)"),
        None => number,
    }
}

/// Whether a reader would not see the character, or not tell it from a space.
pub(crate) fn is_invisible(character: char) -> bool {
    /// Empty though it is no space.
    const BRAILLE_BLANK: char = '\u{2800}';
    character.is_control() || (character.is_whitespace() && character != ' ') || character == BRAILLE_BLANK || is_ignorable(character)
}

/// Default_Ignorable_Code_Point.
fn is_ignorable(character: char) -> bool {
    character >= tables::IGNORABLE[0].0 && tables::IGNORABLE.binary_search_by(|(first, last)| compare(*first, *last, character)).is_ok()
}

/// The version of Python from which on names may hold the character, for those that came with one.
fn since(character: char) -> Option<(u8, u8)> {
    let found = tables::SINCE.binary_search_by(|(first, last, _)| compare(*first, *last, character)).ok()?;
    Some(tables::SINCE[found].2)
}

fn compare(first: char, last: char, character: char) -> Ordering {
    if last < character {
        Ordering::Less
    } else if first > character {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}
