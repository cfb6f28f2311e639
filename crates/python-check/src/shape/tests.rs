//! The glance against reading every token, on texts made of the pieces that decide where strings, brackets and statements end.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::bounds::{BOUNDS, Bounds};
use super::{glance, measure};

/// What opens, closes, joins, hides or prefixes something, and what does none of it.
const PIECES: [&str; 64] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "{{",
    "}}",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "\\\n",
    "\n",
    "\r\n",
    "\r",
    "\n    ",
    "\n        ",
    "#",
    " ",
    "\t",
    ".",
    "+",
    "-",
    "**",
    "//",
    "<<",
    ">>",
    "@",
    "~",
    ":",
    ":=",
    ",",
    ";",
    "!r",
    "f",
    "rf",
    "t",
    "b",
    "ub",
    "f'",
    "f\"",
    "f'''",
    "rf\"",
    "0",
    "1or",
    "0x1f",
    "1.",
    ".5",
    "e",
    "é",
    "×",
    "if",
    "or ",
    " not ",
    "lambda x: ",
    "await ",
    "x",
    "\\{",
    "\\N{DASH}",
    "$",
    "\u{c}",
    "x = 1\n",
];

fn check(text: &str, bounds: &Bounds) {
    if glance::is_within(text, bounds) {
        assert_eq!(measure(text, bounds), None, "a glance was sure of {text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_glance_is_sure_only_of_what_reading_every_token_finds_within_limits(
        pieces in vec(select(&PIECES[..]), 0..24),
        brackets in 0..4_usize,
        indents in 0..9_usize,
        strings in 0..3_usize,
        depth in 0..9_usize,
    ) {
        check(&pieces.concat(), &Bounds { brackets, indents, strings, depth });
    }
}

#[test]
fn a_glance_is_sure_of_ordinary_code() {
    for code in [
        include_str!("../../../../examples/extract_iocs.py"),
        "def f(a, *b, c: int = 1) -> str:\n    '''It's \"so\".'''\n    return f\"{a['x']:>{c}} {b!r} {{}}\" + rb'\\'' + 'a' 'b'\n",
        "x = [\n    1.5, -2, 0x1f, 10_000,  # (\n]\nif x and not \\\n        x:\n    y = lambda: x\n",
    ] {
        assert!(glance::is_within(code, &BOUNDS), "{code}");
        assert_eq!(measure(code, &BOUNDS), None);
    }
}

#[test]
fn statements_are_counted_one_by_one() {
    let bounds = Bounds { depth: 3, ..BOUNDS };
    assert!(glance::is_within("x = a.b.c\n".repeat(100).as_str(), &bounds));
    assert!(!glance::is_within("x = a.b.c.d.e\n", &bounds));
    assert!(!glance::is_within("x = (\na.b\n.c.d)\n", &bounds));
}
