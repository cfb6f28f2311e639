//! Whatever the input: no panic, no abort, sorted findings inside the text.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use python_check::{CheckPolicy, Checker};

static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new(CheckPolicy::default()));

/// Pieces of Python, some of them broken, that meet in ways nobody writes.
const PIECES: &[&str] = &[
    "def f(",
    "):",
    "\n",
    "\n    ",
    "\n        ",
    "class A",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "=",
    ":=",
    "->",
    "*",
    "**",
    "/",
    "@",
    "lambda",
    " x",
    "x",
    " if ",
    " else ",
    " for ",
    " in ",
    "async ",
    "await ",
    "yield ",
    "return ",
    "import ",
    "from ",
    " as ",
    "os",
    "json",
    "match x:\n",
    "case ",
    "_",
    "|",
    "try:\n",
    "except",
    "finally:\n",
    "with ",
    "global ",
    "nonlocal ",
    "del ",
    "type X = ",
    "f'",
    "'",
    "\"",
    "'''",
    "{x",
    "!r",
    ":>{w}}",
    "\\",
    "#",
    "\t",
    "\r",
    "0x",
    "1",
    "1e9",
    "__class__",
    "__globals__",
    "open",
    "eval",
    "getattr(",
    "'a'",
    ".format(",
    "é",
    "\u{ff4f}\u{ff50}\u{ff45}\u{ff4e}",
    "\u{202e}",
    "\u{feff}",
    ";",
    "~",
    "not ",
    "-",
    "+",
    "%",
    "...",
    "None",
    "T: int",
    "functools.wraps(",
];

fn check(source: &[u8]) -> Result<(), TestCaseError> {
    let report = CHECKER.check(source);
    let places: Vec<_> = report.findings.iter().map(|finding| finding.span).collect();
    let cut = places.len().saturating_sub(usize::from(report.findings.last().is_some_and(|finding| finding.rule == "ZPY-LIMITS-004")));
    prop_assert!(places[..cut].is_sorted_by_key(|span| (span.line, span.column)), "not sorted: {places:?}");
    for finding in &report.findings {
        prop_assert!(finding.message != "the code cannot be analyzed", "the analysis panicked");
        prop_assert!((finding.span.line, finding.span.column) <= (finding.span.end_line, finding.span.end_column), "{finding:?}");
        prop_assert!(finding.span.line >= 1 && finding.span.column >= 1 && !finding.message.is_empty() && !finding.suggestion.is_empty());
    }
    Ok(())
}

fn sources() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut sources: Vec<String> =
        std::fs::read_dir(folder.join("cases")).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    for name in ["attacks.txt", "ordinary.txt"] {
        sources.extend(std::fs::read_to_string(folder.join(name)).unwrap().split("\n### ").map(str::to_owned));
    }
    sources.sort();
    sources
}

static SOURCES: LazyLock<Vec<String>> = LazyLock::new(sources);

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }

    #[test]
    fn any_pieces_of_python_are_judged(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..120)) {
        check(pieces.concat().as_bytes())?;
    }

    #[test]
    fn damaged_programs_are_judged(index in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(), length in 0..40_usize, piece in proptest::sample::select(PIECES)) {
        let source = index.get(SOURCES.as_slice());
        let start = source.floor_char_boundary(cut.index(source.len() + 1));
        let end = source.floor_char_boundary((start + length).min(source.len())).max(start);
        check(format!("{}{piece}{}", &source[..start], &source[end..]).as_bytes())?;
    }
}
