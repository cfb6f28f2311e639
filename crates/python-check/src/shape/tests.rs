//! What is measured by the parser's tokens is what the lexer's say, and nothing deep is parsed before it is measured.

use std::fs;
use std::path::Path;

use ruff_python_ast::PythonVersion;

use super::*;
use crate::{CheckPolicy, Checker, syntax};

/// Tokens that each add a level, and what stands between two of them.
const DEEPENING: [(&str, &str); 24] = [
    ("(", ""),
    ("[", ""),
    ("{", ""),
    (".", "a"),
    ("+", "a"),
    ("-", ""),
    ("*", "a"),
    ("**", "a"),
    ("/", "a"),
    ("//", "a"),
    ("%", "a"),
    ("@", "a"),
    ("|", "a"),
    ("&", "a"),
    ("^", "a"),
    ("~", ""),
    ("<<", "a"),
    (">>", "a"),
    (":=", "a"),
    ("not", " "),
    ("if", " a else "),
    ("or", " 0xf"),
    ("and", " 1j"),
    ("lambda", ":"),
];

fn deepening_tokens(text: &str) -> usize {
    let mut lexer = lexer::lex(text, Mode::Module);
    let kinds = std::iter::from_fn(|| Some(lexer.next_token()).filter(|kind| *kind != TokenKind::EndOfFile));
    kinds.filter(|kind| deepens(*kind) || *kind == TokenKind::Lambda || is_opening(*kind)).count()
}

fn is_opening(kind: TokenKind) -> bool {
    let brackets = matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace);
    brackets || matches!(kind, TokenKind::FStringStart | TokenKind::TStringStart)
}

#[test]
fn nothing_adds_a_level_that_is_not_counted() {
    for (token, between) in DEEPENING {
        for glued in
            [format!("{token}{between}"), format!("{between}{token}"), format!("{between}{token} "), format!("f'{{{between}{token}'")]
        {
            let text = glued.repeat(50);
            let (found, most) = (deepening_tokens(&text), deepening(&text));
            assert!(found <= most, "{glued}: {found} tokens, {most} counted");
        }
    }
    for ordinary in ordinary() {
        let (found, most) = (deepening_tokens(&ordinary), deepening(&ordinary));
        assert!(found <= most, "{found} tokens, {most} counted:\n{ordinary}");
    }
}

#[test]
fn no_text_that_could_be_deep_is_parsed_before_it_is_measured() {
    for (token, between) in DEEPENING {
        assert!(!is_shallow(&format!("{token}{between}").repeat(SHALLOW + 1)), "{token}");
    }
    assert!(is_shallow(&"x = f(y)\n".repeat(1_000)));
}

#[test]
fn no_text_whose_gaps_could_be_read_too_often_is_parsed_before_it_is_measured() {
    let opened = "[".repeat(1_000);
    for gap in ["\n", "\r", " ", "\t", "\x0c", "\\\n", "# a\n", "    # b\r\n"] {
        let text = |times| format!("x = {opened}1{}def x", gap.repeat(times));
        assert!(is_shallow(&text(5)), "{gap:?}");
        assert!(!is_shallow(&text(10_000)), "{gap:?}");
    }
    assert!(is_shallow(&format!("{}{opened}", "# a license\n".repeat(100))), "nothing is open before the first token");
    let ordinary = ordinary();
    let shallow = ordinary.iter().filter(|text| is_shallow(text)).count();
    assert!(shallow * 10 >= ordinary.len() * 9, "{shallow} of {}", ordinary.len());
}

#[test]
fn what_is_parsed_before_it_is_measured_breaks_no_stack() {
    let checker = Checker::new(CheckPolicy::default());
    for (token, between) in DEEPENING {
        let ten = format!("{token}{between}").repeat(10);
        let text = format!("x = a{}", ten.repeat(SHALLOW / deepening(&ten) - 1));
        assert!(is_shallow(&text), "{token}");
        assert!(!checker.check(text.as_bytes()).accepted(), "{token}");
    }
}

#[test]
fn the_parsers_tokens_measure_what_the_lexers_do() {
    let mut measured = 0;
    for text in ordinary() {
        let parsed = syntax::parse(&text, PythonVersion::latest()).unwrap();
        if parsed.errors().is_empty() {
            let mut lexer = lexer::lex(&text, Mode::Module);
            let (mut by_lexer, mut by_parser) = (Shape::default(), Shape::default());
            for token in parsed.tokens().iter() {
                by_lexer.step(lexer.next_token());
                by_parser.step(token.kind());
                let [one, other] = [&by_lexer, &by_parser].map(|shape| (shape.depth, shape.brackets, shape.indents, shape.strings));
                assert_eq!(one, other, "{:?} in\n{text}", token.range());
            }
            measured += 1;
        }
    }
    assert!(measured >= 30, "{measured}");
}

/// The programs of the corpus.
fn ordinary() -> Vec<String> {
    let mut found = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"), &mut found);
    found
}

fn collect(directory: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, found),
            false => found.extend(fs::read_to_string(&path).ok().filter(|text| text.len() < 1 << 20)),
        }
    }
}
