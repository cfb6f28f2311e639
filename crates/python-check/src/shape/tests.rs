//! What is measured by the parser's tokens is what the lexer's say, and nothing deep is parsed before it is measured.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use ruff_python_ast::{Expr, PythonVersion, Stmt};

use super::depth::{MAX_BRACKETS, MAX_DEPTH, deepens};
use super::*;
use crate::walk::{self, Place, Visitor};
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
        assert!(!is_shallow_text(&format!("{token}{between}").repeat(SHALLOW + 1)), "{token}");
    }
    assert!(is_shallow_text(&"x = f(y)\n".repeat(1_000)));
}

#[test]
fn no_text_whose_gaps_could_be_read_too_often_is_parsed_before_it_is_measured() {
    let opened = "[".repeat(1_000);
    for gap in ["\n", "\r", " ", "\t", "\x0c", "\\\n", "# a\n", "    # b\r\n"] {
        let text = |times| format!("x = {opened}1{}def x", gap.repeat(times));
        assert!(is_shallow_text(&text(5)), "{gap:?}");
        assert!(!is_shallow_text(&text(10_000)), "{gap:?}");
    }
    assert!(is_shallow_text(&format!("{}{opened}", "# a license\n".repeat(100))), "nothing is open before the first token");
    let ordinary = ordinary();
    let shallow = ordinary.iter().filter(|text| is_shallow_text(text)).count();
    assert!(shallow * 10 >= ordinary.len() * 9, "{shallow} of {}", ordinary.len());
}

#[test]
fn what_is_parsed_before_it_is_measured_breaks_no_stack() {
    let checker = Checker::new(CheckPolicy::default());
    for (token, between) in DEEPENING {
        let ten = format!("{token}{between}").repeat(10);
        let text = format!("x = a{}", ten.repeat(SHALLOW / deepening(&ten) - 1));
        assert!(is_shallow_text(&text), "{token}");
        assert!(!checker.check(text.as_bytes()).accepted(), "{token}");
    }
}

fn is_shallow_text(text: &str) -> bool {
    is_shallow(text, &Gaps::of(&Lines::new(text)))
}

fn refused(text: &str) -> Option<Refusal> {
    refusal(text, &Gaps::of(&Lines::new(text)), &Tokens::of(text))
}

fn misfit(text: &str) -> Option<(&str, Misfit)> {
    match refused(text) {
        Some(Refusal::Misfit(range, misfit)) => Some((&text[range], misfit)),
        _ => None,
    }
}

#[test]
fn the_first_that_does_not_fit_is_found() {
    let mismatch = |open, close| Misfit::Mismatch { open, close };
    for (text, expected) in [
        ("x = [1, (2})]", Some(("}", mismatch('(', '}')))),
        ("x = 1\ny = 2)]", Some((")", Misfit::Close(')')))),
        ("x = f'{[1}'", Some(("}", mismatch('[', '}')))),
        ("x = f'{a:'", Some(("'", Misfit::Braces))),
        ("(lambda a)", Some((")", Misfit::Lambda))),
        ("lambda a\nlambda b", Some(("\n", Misfit::Lambda))),
        ("lambda a; b", Some((";", Misfit::Lambda))),
        ("f'{lambda a}'", Some(("}", Misfit::Lambda))),
        ("x = [lambda a, b=(lambda: 1): a[1:2], {lambda: 1: 2}]", None),
        ("x = f'{a[1]:{b}}' f'{c!r}'", None),
        ("def f(a: int = 1) -> {}: pass", None),
    ] {
        assert_eq!(misfit(text), expected, "{text}");
    }
}

#[test]
fn what_cannot_be_read_is_not_parsed() {
    for text in ["x = (1", "x = 'a", "x = f'{a", "f\"{\"\n:((((", "$"] {
        assert_eq!(refused(text), Some(Refusal::Unreadable), "{text}");
    }
}

#[test]
fn an_excess_stands_where_the_token_stands_that_is_one_too_many() {
    let excess = |text: &str| match refused(text) {
        Some(Refusal::Excess(range, excess)) => (range.start().to_usize(), excess),
        other => panic!("{other:?}"),
    };
    assert_eq!(excess(&format!("x = {}", "(".repeat(300))), (4 + MAX_BRACKETS, Excess::Brackets));
    assert_eq!(excess(&format!("x = {}y", "not ".repeat(3_000))), (4 + 4 * MAX_DEPTH, Excess::Depth));
    assert_eq!(excess(&format!("é = {}1", "- ".repeat(3_000))), (5 + 2 * MAX_DEPTH, Excess::Depth));
    assert_eq!(excess(&format!("def f(): {}", "yield 1, ".repeat(3_000))), (9 * MAX_DEPTH, Excess::Depth), "the call in front counts, too");
    // Four times `not` around each `yield`, which goes on behind the comma.
    assert_eq!(excess(&format!("x = 1{}", ", not not not not yield from ".repeat(401))).1, Excess::Depth);
    assert_eq!(excess(&format!("{}x", "async ".repeat(3_000))), (6 * MAX_DEPTH, Excess::Depth));
    let blocks: String = (0..150).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    assert_eq!(blocks[excess(&blocks).0..].lines().next(), Some("if x:"));
}

#[test]
fn where_the_parser_may_take_strings_for_code_those_count() {
    let hidden = format!("x = 1\ny = f'{{[a, \"b\"]}}'\nz = '{}'\n", "(".repeat(60_000));
    let at = hidden.find("\"b").unwrap();
    let expected = Refusal::Excess(TextRange::empty(size(at)), Excess::Astray);
    assert_eq!(refused(&hidden), Some(expected));
    let nothing_astray = hidden.replace("\"b\"", "b");
    assert_eq!(refused(&nothing_astray), None);
    for astray in ["f'{f\"{b}\"}'", "f'''{a\n}'''", "f'''{a # b\n}'''"] {
        let text = format!("{astray}\nz = '{}'\n", "(".repeat(60_000));
        assert!(matches!(refused(&text), Some(Refusal::Excess(_, Excess::Astray))), "{astray}");
    }
}

#[test]
fn as_many_strings_as_may_be_taken_for_code_break_no_stack() {
    let checker = Checker::new(CheckPolicy::default());
    for astray in ["f\"{[x def \"a\"]}\"", "y = f'{[a, \"b\"]}'", "f'{f\"{b}\"}'", "f'''{a\n}'''"] {
        for level in ["(", "[", "-", "not ", "lambda:"] {
            let few = level.repeat(1_000);
            let text = format!("{astray}\nz = '{}'\n", few.repeat((MAX_ASTRAY_LEVELS - 100) / deepening(&few)));
            assert!(!matches!(refused(&text), Some(Refusal::Excess(_, Excess::Astray))), "{astray} {level}");
            // That it comes back at all is what this is about.
            checker.check(text.as_bytes());
        }
    }
}

/// Pieces of which the parser makes something else than Python does, where they stand beside one another in any order.
#[rustfmt::skip]
const PIECES: [&str; 52] = [
    "(", ")", "[", "]", "{", "}", "(", ")", ",", ",", ";", ":", ":", "\n", "\n", "\n ", " lambda ", " lambda ", " yield ", " yield from ",
    " a ", " a ", " if ", " else ", " elif ", " async ", " await ", " not ", "-", "*", "**", ".", "=", ":=", " for ", " in ", " def ",
    " class ", " with ", " match ", " case ", " import ", " from ", " del ", " return ", " type ", "f'", "'", "f'{", "}'", "1", "@",
];

struct Depth {
    now: usize,
    most: usize,
}

impl Depth {
    fn enter(&mut self) {
        self.now += 1;
        self.most = self.most.max(self.now);
    }
}

impl<'a> Visitor<'a> for Depth {
    fn enter_stmt(&mut self, _stmt: &'a Stmt) {
        self.enter();
    }
    fn leave_stmt(&mut self, _stmt: &'a Stmt) {
        self.now -= 1;
    }
    fn enter_expr(&mut self, _expr: &'a Expr, _place: Place) {
        self.enter();
    }
    fn leave_expr(&mut self, _expr: &'a Expr) {
        self.now -= 1;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is refused for nothing is as deep as was counted, with whatever errors: a piece that the parser nests each time would show.
    #[test]
    fn no_tree_is_deeper_than_its_tokens_say(unit in prop::collection::vec(prop::sample::select(&PIECES[..]), 1..7), times in 60_usize..90) {
        let text = unit.concat().repeat(times);
        let tokens = Tokens::of(&text);
        let (mut shape, mut fit) = (Shape::default(), Fit::default());
        let counted = tokens.iter().map(|(kind, range)| {
            shape.step(kind);
            fit.step(kind, range);
            shape.depth + shape.indents
        });
        let counted = counted.max().unwrap_or_default();
        if refused(&text).is_some() || fit.astray.is_some() {
            return Ok(());
        }
        let parsed = syntax::parse(&text, PythonVersion::latest()).unwrap();
        let mut depth = Depth { now: 0, most: 0 };
        walk::module(&mut depth, parsed.suite());
        prop_assert!(depth.most <= 3 * counted + 10, "{} levels, {counted} counted: {:?}", depth.most, unit.concat());
    }
}

#[test]
fn programs_that_parse_are_refused_for_nothing() {
    for text in ordinary() {
        let parsed = syntax::parse(&text, PythonVersion::latest()).unwrap();
        if parsed.errors().is_empty() {
            assert_eq!(refused(&text), None, "{text}");
        }
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
