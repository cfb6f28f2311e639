//! What a terminal is given of the texts of others.

use super::*;

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_done() {
    let check = |text: &str, expected: &str| assert_eq!(line(text), expected, "{text:?}");
    check("plain text, é and 😀", "plain text, é and 😀");
    check("\x1b[2J\x1b]0;title\x07cleared", "\\x1b[2J\\x1b]0;title\\x07cleared");
    check("a\nb\rc\td", "a\\nb\\rc\\td");
    check("\u{9b}31m\u{7f}", "\\x9b31m\\x7f");
    check("user\u{202e}nimda\u{2066}", "user\\u202enimda\\u2066");
    check("\u{2028}\u{feff}", "\\u2028\\ufeff");
}

#[test]
fn what_nobody_sees_is_shown_in_names_and_messages() {
    for character in "\u{180e}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{200b}\u{200c}\u{200d}\u{34f}\u{17b4}".chars() {
        assert_eq!(line(&format!("a{character}b")), format!("a\\u{:04x}b", u32::from(character)));
    }
    for character in "\u{e0000}\u{e0061}\u{e007f}\u{e0100}\u{1d173}".chars() {
        assert_eq!(line(&format!("a{character}b")), format!("a\\U{:08x}b", u32::from(character)));
    }
    assert_eq!(line("\u{2764}\u{fe0f} 한글 가ᄀ"), "\u{2764}\u{fe0f} 한글 가ᄀ");
}

#[test]
fn texts_of_several_lines_keep_their_lines() {
    assert_eq!(lines("a\n\tb\r\nc\rd\x08"), "a\n\tb\r\nc\\rd\\x08");
}

#[test]
fn json_means_the_same_with_everything_escaped() {
    let text = "{\n\t\"a\": \"\u{9b}\u{202e}\u{7f}é\u{e0061}\u{e007f}\u{200d}\u{1d173}\", \"b\": \"\\u001b\"\r\n}";
    let shown = json(text);
    assert!(shown.chars().all(|character| !is_hidden(character) || matches!(character, '\n' | '\t' | '\r')), "{shown}");
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&shown), value(text));
    assert!(matches!(json("{\"a\": 1}"), Cow::Borrowed(_)));
}

/// What a terminal is given, however the bytes are cut into two or into single ones.
fn check(bytes: &[u8], expected: &str) {
    let pass = |pieces: &[&[u8]]| {
        let mut filter = Filter::default();
        let mut shown: Vec<u8> = pieces.iter().flat_map(|piece| filter.pass(piece)).collect();
        shown.extend(filter.end());
        String::from_utf8(shown).unwrap()
    };
    for cut in 0..=bytes.len() {
        assert_eq!(pass(&[&bytes[..cut], &bytes[cut..]]), expected, "cut at {cut}");
    }
    assert_eq!(pass(&bytes.chunks(1).collect::<Vec<_>>()), expected);
}

#[test]
fn output_of_programs_passes_with_its_colors_and_without_any_other_command() {
    check("é 😀\ta\r\nb".as_bytes(), "é 😀\ta\r\nb");
    check(b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m");
    check(b"\x1b[2J\x1b[31;Hx\x1b]0;t\x07", "\\x1b[2J\\x1b[31;Hx\\x1b]0;t\\x07");
    check(b"a\x08\x00\x0e\x1bc", "a\\x08\\x00\\x0e\\x1bc");
    check("\u{9b}2J\u{202e}\u{feff}".as_bytes(), "\\x9b2J\\u202e\\ufeff");
    check("a\u{e0061}\u{3164}".as_bytes(), "a\\U000e0061\\u3164");
}

#[test]
fn emoji_and_words_that_programs_print_keep_their_joiners() {
    check("👩\u{200d}🚒 نمی\u{200c}خواهم".as_bytes(), "👩\u{200d}🚒 نمی\u{200c}خواهم");
}

#[test]
fn a_color_that_hides_what_follows_does_not_pass() {
    for hiding in ["8", "08", "1;8", "8;31", "38;8", "38;5;1;8", "48;2;1;2;3;8", "38;2;8", "264", "99999999999"] {
        check(format!("\x1b[{hiding}mx").as_bytes(), &format!("\\x1b[{hiding}mx"));
    }
    for color in ["", "0", "28", "38;5;8", "1;48;5;8;4", "38;2;8;8;8", "58;5;8;;"] {
        check(format!("\x1b[{color}mx").as_bytes(), &format!("\x1b[{color}mx\x1b[0m"));
    }
}

#[test]
fn what_is_no_text_or_has_no_end_is_escaped() {
    check(b"\xff\x9bA\xc3(", "\\xff\\x9bA\\xc3(");
    check(b"a\xc3", "a\\xc3");
    check(b"a\x1b", "a\\x1b");
    check(b"a\x1b[31", "a\\x1b[31");
    check(&[b"\x1b[".as_slice(), &b"1".repeat(80), b"m"].concat(), &format!("\\x1b[{}m", "1".repeat(80)));
}

#[test]
fn what_goes_to_no_terminal_is_never_changed() {
    let bytes = b"\x1b[2J\x1b[31\xff\0".as_slice();
    let write = |to_terminal| {
        let (mut passage, mut stream) = (Passage::new(to_terminal), Vec::new());
        passage.write(&mut stream, bytes).unwrap();
        passage.end(&mut stream).unwrap();
        stream
    };
    assert_eq!(write(false), bytes);
    assert_eq!(write(true), br"\x1b[2J\x1b[31\xff\x00");
}

#[test]
fn nothing_that_a_terminal_obeys_gets_through_but_colors() {
    proptest::proptest!(|(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..40), cut in 1usize..7)| {
        let bytes = pieces.concat();
        let mut filter = Filter::default();
        let mut shown: Vec<u8> = bytes.chunks(cut).flat_map(|chunk| filter.pass(chunk)).collect();
        shown.extend(filter.end());
        let shown = String::from_utf8(shown).unwrap();
        let mut rest = shown.as_str();
        while let Some(at) = rest.find('\x1b') {
            let color = rest[at + 1..].strip_prefix('[').unwrap();
            let end = color.find('m').unwrap();
            proptest::prop_assert!(color[..end].bytes().all(|byte| byte.is_ascii_digit() || byte == b';'));
            rest = &color[end..];
        }
        let obeyed = |c: char| is_hidden(c) && !matches!(c, '\n' | '\r' | '\t' | '\x1b' | '\u{200c}' | '\u{200d}');
        proptest::prop_assert!(!shown.contains(obeyed), "{shown:?}");
    });
}

const PIECES: &[&[u8]] = &[
    b"\x1b",
    b"[",
    b"3",
    b";",
    b"1m",
    b"J",
    b"]0;t",
    b"\x07",
    b"\x9b",
    b"\xc2\x9b",
    b"\xe2\x80\xae",
    b"\xe2",
    b"a",
    b"\n",
    b"\x00",
    b"\xf0\x9f\x98\x80",
];
