//! The forms of a secret value that are looked for: the value itself, its lines, and each as JSON and Python's `repr()` and `ascii()`
//! write it, with and without characters beyond ASCII.

/// Lines of fewer characters stand in other texts, too: brackets, blanks, the end of an encoded key.
const SHORTEST_LINE: usize = 8;

/// All forms of a value, made as they are asked for. Equal ones may come more than once where lines are equal.
pub(super) fn of(text: &str) -> impl Iterator<Item = String> + '_ {
    let lines = text.contains('\n').then(|| text.lines().map(str::trim).filter(|line| line.chars().count() >= SHORTEST_LINE));
    std::iter::once(text).chain(lines.into_iter().flatten()).flat_map(written)
}

/// Writes one character; beyond ASCII as it is, or as an escape.
type Writer = fn(out: &mut String, character: char, ascii: bool);

/// The ways to write a text, without quotes around it, each once.
fn written(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned()];
    if text.chars().all(is_plain) {
        return forms;
    }
    for (writer, ascii) in [json as Writer, repr, quoted].into_iter().flat_map(|writer| [(writer, false), (writer, true)]) {
        let mut form = String::with_capacity(text.len());
        text.chars().for_each(|character| writer(&mut form, character, ascii));
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// Whether everybody writes it as it is.
fn is_plain(character: char) -> bool {
    matches!(character, ' '..='~') && !matches!(character, '"' | '\'' | '\\')
}

/// As `json.dumps` writes it, with `ensure_ascii` or without.
fn json(out: &mut String, character: char, ascii: bool) {
    match character {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        ' '..='~' => out.push(character),
        _ if character < ' ' || ascii => {
            character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape(out, "\\u", u32::from(*unit), 4))
        }
        _ => out.push(character),
    }
}

/// As `repr()` writes it, or `ascii()`, between double quotes.
fn repr(out: &mut String, character: char, ascii: bool) {
    match character {
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        ' '..='~' => out.push(character),
        _ if !ascii && is_printable(character) => out.push(character),
        _ => match u32::from(character) {
            code @ 0..=0xff => escape(out, "\\x", code, 2),
            code @ 0x100..=0xffff => escape(out, "\\u", code, 4),
            code => escape(out, "\\U", code, 8),
        },
    }
}

/// The same between single quotes: which of them stand around it depends on the text that it is a part of.
fn quoted(out: &mut String, character: char, ascii: bool) {
    match character {
        '\'' => out.push_str("\\'"),
        _ => repr(out, character, ascii),
    }
}

/// Writes an escape of so many hexadecimal digits.
fn escape(out: &mut String, prefix: &str, code: u32, digits: u32) {
    out.push_str(prefix);
    out.extend((0..digits).rev().filter_map(|digit| char::from_digit((code >> (4 * digit)) & 0xf, 16)));
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
        let forms: Vec<_> = of(text).collect();
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
    fn a_text_that_is_written_in_one_way_has_one_form() {
        assert_eq!(of("s3cret-value {}").collect::<Vec<_>>(), ["s3cret-value {}"]);
        assert_eq!(of("a\\b").collect::<Vec<_>>(), ["a\\b", "a\\\\b"]);
    }

    #[test]
    fn a_quote_is_escaped_where_both_quotes_are_there() {
        let forms: Vec<_> = of("it's").collect();
        assert!(forms.contains(&"it's".to_owned()) && forms.contains(&r"it\'s".to_owned()), "{forms:?}");
    }

    #[test]
    fn lines_are_looked_for_unless_they_are_short() {
        let forms: Vec<_> = of("-----BEGIN KEY-----\r\n  0123456789abcdef\n==\n").collect();
        for (line, found) in [("-----BEGIN KEY-----", true), ("0123456789abcdef", true), ("==", false)] {
            assert_eq!(forms.iter().any(|form| form == line), found, "{line}");
        }
    }
}
