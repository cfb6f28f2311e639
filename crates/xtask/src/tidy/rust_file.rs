//! What a Rust file must look like: it opens with its responsibility, is not too long, and holds none of the words that stand
//! for unfinished work or broken promises.

use crate::tidy::{problem::Problem, tokens::Tokens};

/// Beyond it a file has more than one concept. The goal is 500; the slack keeps a fix from having to split a file.
const LINES: usize = 600;

/// The only crate that may hold `unsafe`: it runs inside the sandbox and speaks to the kernel.
const UNSAFE_HOME: &str = "crates/sandbox-agent/";

/// Calls that must not be committed, as tokens.
const CALLS: [(&[&str], &str); 3] = [
    (&["todo", "!"], "unfinished: `todo!`"),
    (&["unimplemented", "!"], "unfinished: `unimplemented!`"),
    (&["dbg", "!"], "left over: `dbg!`"),
];

/// Checks one file.
pub fn check(path: &str, text: &str, tokens: &Tokens) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |line: usize, message: String| problems.push(Problem::new(path, line, message));
    if !text.starts_with("//! ") {
        add(1, "a file opens with `//!`: what it is responsible for, and what not".to_owned());
    }
    let length = text.lines().count();
    if length > LINES {
        add(LINES, format!("{length} lines; at most {LINES}"));
    }
    if path.ends_with("/mod.rs") {
        add(1, "`foo.rs` beside `foo/`, not `foo/mod.rs`".to_owned());
    }
    for (pattern, message) in CALLS {
        tokens.find(pattern).for_each(|(line, _)| add(line, message.to_owned()));
    }
    tokens.find(&["#", "[", "ignore"]).for_each(|(line, _)| add(line, "a test that does not run: `#[ignore]`".to_owned()));
    if !path.starts_with(UNSAFE_HOME) {
        let message = format!("`unsafe` outside {UNSAFE_HOME}");
        tokens.find(&["unsafe"]).for_each(|(line, _)| add(line, message.clone()));
        for level in ["allow", "expect", "warn"] {
            tokens.find(&[level, "(", "unsafe_code"]).for_each(|(line, _)| add(line, message.clone()));
        }
    }
    if !is_test_file(path) {
        let in_product = tokens.find(&[".", "unwrap", "(", ")"]).filter(|(_, test)| !test);
        in_product.for_each(|(line, _)| add(line, "`unwrap` outside tests: propagate, or `expect` with why it holds".to_owned()));
    }
    problems
}

/// Files that hold nothing but tests and their harness.
pub fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.starts_with("crates/test-support/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_at(path: &str, text: &str) -> Vec<String> {
        let tokens = Tokens::parse(text).expect("the fixture is Rust");
        check(path, text, &tokens).iter().map(ToString::to_string).collect()
    }

    #[track_caller]
    fn refused(path: &str, text: &str, line: usize, word: &str) {
        let found = check_at(path, text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with(&format!("{path}:{line}: ")) && found[0].contains(word), "{found:?}");
    }

    #[test]
    fn a_plain_file_passes() {
        let text = "//! Adds.\n\n/// Adds; `todo!` and unsafe are only words here.\nfn add() { g(\"dbg!(x).unwrap()\") }\n";
        assert_eq!(check_at("crates/a/src/lib.rs", text), [""; 0]);
    }

    #[test]
    fn a_file_without_an_opening_is_refused() {
        refused("crates/a/src/lib.rs", "/// Adds.\nfn add() {}\n", 1, "opens with");
    }

    #[test]
    fn a_long_file_is_refused() {
        let text = format!("//! Long.\n{}", "fn f() {}\n".repeat(LINES));
        refused("crates/a/src/lib.rs", &text, LINES, "601 lines");
    }

    #[test]
    fn a_mod_file_is_refused() {
        refused("crates/a/src/b/mod.rs", "//! B.\n", 1, "foo.rs");
    }

    #[test]
    fn unfinished_work_is_refused() {
        refused("crates/a/src/lib.rs", "//! A.\nfn f() { todo!() }\n", 2, "todo");
        refused("crates/a/src/lib.rs", "//! A.\nfn f() { unimplemented!(\"later\") }\n", 2, "unimplemented");
        refused("crates/a/src/lib.rs", "//! A.\nfn f() { dbg!(1); }\n", 2, "dbg");
    }

    #[test]
    fn a_test_that_does_not_run_is_refused() {
        refused("tests/src/lib.rs", "//! A.\n#[test]\n#[ignore = \"slow\"]\nfn f() {}\n", 3, "ignore");
    }

    #[test]
    fn unsafe_is_refused_except_in_the_agent() {
        let text = "//! A.\nfn f() { unsafe { g() } }\n";
        refused("crates/sandbox/src/lib.rs", text, 2, "unsafe");
        refused("crates/sandbox/src/lib.rs", "//! A.\n#![allow(unsafe_code)]\n", 2, "unsafe");
        assert_eq!(check_at("crates/sandbox-agent/src/seal.rs", text), [""; 0]);
    }

    #[test]
    fn unwrap_is_refused_except_in_tests() {
        let text = "//! A.\nfn f() { g().unwrap() }\n";
        refused("crates/a/src/lib.rs", text, 2, "unwrap");
        assert_eq!(check_at("crates/a/src/lib/tests.rs", text), [""; 0]);
        assert_eq!(check_at("crates/a/src/lib.rs", "//! A.\n#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }\n"), [""; 0]);
    }
}
