//! Single characters: which a terminal obeys or hides, and how they are written instead.

/// Whether a terminal does something with the character instead of showing it, or shows nothing: control characters, marks of the
/// direction of writing, separators of lines that are no line breaks, and the byte order mark.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'..='\u{ffff}'
        )
}

/// As Python writes it.
pub(super) fn escape(character: char) -> String {
    match character {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        character if u32::from(character) < 0x100 => format!("\\x{:02x}", u32::from(character)),
        character => format!("\\u{:04x}", u32::from(character)),
    }
}
