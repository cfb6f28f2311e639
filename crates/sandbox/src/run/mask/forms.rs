//! The forms of a secret value that are looked for: the value itself, its lines, and each as JSON and Python's `repr()` and `ascii()`
//! write it, with and without characters beyond ASCII.

/// Lines of fewer characters stand in other texts, too: brackets, blanks, the end of an encoded key.
const SHORTEST_LINE: usize = 8;

/// All forms of a value. Equal ones may come more than once.
pub(super) fn of(text: &str) -> Vec<String> {
    let lines = text.contains('\n').then(|| text.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_LINE));
    std::iter::once(text).chain(lines.into_iter().flatten()).flat_map(written).collect()
}

/// The ways to write a text, without quotes around it.
fn written(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    for ascii in [false, true] {
        forms.push(text.chars().map(|character| json(character, ascii)).collect());
        forms.push(text.chars().map(|character| repr(character, ascii)).collect());
        // Which quote stands around it, and so whether this one is escaped, depends on the text that it is a part of.
        if text.contains('\'') {
            forms.push(text.chars().map(|character| if character == '\'' { "\\'".to_owned() } else { repr(character, ascii) }).collect());
        }
    }
    forms
}

/// A character as `json.dumps` writes it, with `ensure_ascii` or without.
fn json(character: char, ascii: bool) -> String {
    match character {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\u{8}' => "\\b".to_owned(),
        '\u{c}' => "\\f".to_owned(),
        ' '..='~' => character.to_string(),
        _ if character < ' ' || ascii => character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        _ => character.to_string(),
    }
}

/// A character as `repr()` writes it, or `ascii()`, between single quotes.
fn repr(character: char, ascii: bool) -> String {
    match character {
        '\\' => "\\\\".to_owned(),
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        ' '..='~' => character.to_string(),
        _ if !ascii && is_printable(character) => character.to_string(),
        _ => match u32::from(character) {
            code @ 0..=0xff => format!("\\x{code:02x}"),
            code @ 0x100..=0xffff => format!("\\u{code:04x}"),
            code => format!("\\U{code:08x}"),
        },
    }
}

/// Whether `str.isprintable` holds, for what passwords and keys are made of: not for code points that no version of Unicode assigns.
fn is_printable(character: char) -> bool {
    let unseen = matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fff9}'..='\u{fffb}' | '\u{f0000}'..='\u{10ffff}');
    !unseen && !character.is_control() && !character.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected texts are what CPython 3.11 prints.
    #[test]
    fn forms_are_those_of_python() {
        let text = "a\"b\\c\nd\u{7f}é\u{a0}€😀";
        let forms = of(text);
        for expected in [
            text,
            // json.dumps, with ensure_ascii and without
            r#"a\"b\\c\nd\u007f\u00e9\u00a0\u20ac\ud83d\ude00"#,
            "a\\\"b\\\\c\\nd\u{7f}é\u{a0}€😀",
            // repr, ascii
            r#"a"b\\c\nd\x7fé\xa0€😀"#,
            r#"a"b\\c\nd\x7f\xe9\xa0\u20ac\U0001f600"#,
        ] {
            assert!(forms.iter().any(|form| form == expected), "{expected} is none of {forms:#?}");
        }
    }

    #[test]
    fn a_quote_is_escaped_where_both_quotes_are_there() {
        let forms = of("it's");
        assert!(forms.contains(&"it's".to_owned()) && forms.contains(&r"it\'s".to_owned()), "{forms:?}");
    }

    #[test]
    fn lines_are_looked_for_unless_they_are_short() {
        let forms = of("-----BEGIN KEY-----\r\n  0123456789abcdef\n==\n");
        for (line, found) in [("-----BEGIN KEY-----", true), ("0123456789abcdef", true), ("==", false)] {
            assert_eq!(forms.iter().any(|form| form == line), found, "{line}");
        }
    }
}
