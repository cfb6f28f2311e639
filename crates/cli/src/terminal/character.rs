//! Single characters: which a terminal obeys or hides, and how they are written instead.

/// Whether a terminal does something with the character instead of showing it, or shows nothing: control characters, marks of the
/// direction of writing, separators of lines that are no line breaks, the byte order mark, blanks of Hangul and of Khmer, tags, and
/// whatever else Unicode lets a reader ignore. Two names that look alike are told apart by it.
///
/// The joiners U+200C and U+200D count as hidden, too. They belong to emoji and to Persian and Indian words, so what a program prints
/// keeps them on its way to a terminal ([`is_joiner`]); in names, messages and JSON they stand escaped. The selectors of a form of the
/// character before them (U+FE00 to U+FE0F) pass everywhere.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether the character only says whether its neighbors are drawn as one.
pub(super) fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// As Python writes it.
pub(super) fn escape(character: char) -> String {
    match character {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        character if u32::from(character) < 0x100 => format!("\\x{:02x}", u32::from(character)),
        character if u32::from(character) < 0x10000 => format!("\\u{:04x}", u32::from(character)),
        character => format!("\\U{:08x}", u32::from(character)),
    }
}
