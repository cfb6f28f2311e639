//! What is known of single characters: which nobody sees, since which Python names may hold them, and how a message names them.

mod tables;

use std::cmp::Ordering;

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
pub(crate) fn is_ignorable(character: char) -> bool {
    character >= tables::IGNORABLE[0].0 && tables::IGNORABLE.binary_search_by(|(first, last)| compare(*first, *last, character)).is_ok()
}

/// The version of Python from which on names may hold the character, for those that came with one.
pub(crate) fn since(character: char) -> Option<(u8, u8)> {
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
