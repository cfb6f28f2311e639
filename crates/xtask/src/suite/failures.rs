//! The tests that failed, from what a run prints: shown again at its very end, since a log is often kept by its end only.

use std::{collections::VecDeque, fmt};

/// What is kept of what one failed test printed: a message and what led to it, and of a program that printed much the last of it.
const LINES: usize = 40;
/// Of so many failed tests what they printed is kept; where more fail, one cause fails them all.
const TESTS: usize = 20;

/// One failed test, with the end of what it printed, its panic's message included and without backtraces.
#[derive(Debug, PartialEq, Eq)]
pub struct FailedTest {
    binary: String,
    name: String,
    lines: VecDeque<String>,
}

/// Reads a run line by line.
#[derive(Debug, Default)]
pub struct Failures {
    found: Vec<FailedTest>,
    inside: Inside,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// What belongs to no failed test.
    #[default]
    Other,
    /// What the last of the found printed.
    Test,
    /// A backtrace in it.
    Backtrace,
}

// === impl Failures ===

impl Failures {
    /// The next line, printed by this binary.
    pub fn read(&mut self, binary: &str, line: &str) {
        if let Some(name) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.begin(binary, name);
        } else if line == "failures:" || line.starts_with("test result: ") {
            self.inside = Inside::Other;
        } else if line == "stack backtrace:" && self.inside == Inside::Test {
            self.inside = Inside::Backtrace;
        } else if self.inside == Inside::Backtrace && line.starts_with("note: ") {
            self.inside = Inside::Test;
        } else if self.inside == Inside::Test {
            self.keep(line);
        }
    }

    fn begin(&mut self, binary: &str, name: &str) {
        if self.found.len() == TESTS {
            self.inside = Inside::Other;
            return;
        }
        self.found.push(FailedTest { binary: binary.to_owned(), name: name.to_owned(), lines: VecDeque::new() });
        self.inside = Inside::Test;
    }

    fn keep(&mut self, line: &str) {
        let Some(test) = self.found.last_mut() else { return };
        if line.is_empty() && test.lines.back().is_none_or(String::is_empty) {
            return;
        }
        test.lines.push_back(line.to_owned());
        if test.lines.len() > LINES {
            test.lines.pop_front();
        }
    }

    /// What was found.
    pub fn into_tests(self) -> Vec<FailedTest> {
        self.found
    }
}

impl fmt::Display for FailedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "---- {} ({})", self.name, self.binary)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(run: &str) -> Vec<FailedTest> {
        let mut failures = Failures::default();
        run.lines().for_each(|line| failures.read("sandbox, it", line));
        failures.into_tests()
    }

    #[test]
    fn a_failed_test_is_shown_with_its_message_and_without_its_backtrace() {
        let run = "running 2 tests\ntest a ... ok\ntest b::c ... FAILED\n\nfailures:\n\n---- b::c stdout ----\nprinted\n\n\
            thread 'b::c' (7) panicked at src/b.rs:72:5:\nassertion `left == right` failed\n  left: 1\n right: 2\n\
            stack backtrace:\n   0: frame\n             at ./src/b.rs:72:5\nnote: Some details are omitted\n\n\n\
            failures:\n    b::c\n\ntest result: FAILED. 1 passed; 1 failed\n";
        let shown: String = found(run).iter().map(FailedTest::to_string).collect();
        let expected = "---- b::c (sandbox, it)\nprinted\n\nthread 'b::c' (7) panicked at src/b.rs:72:5:\n\
            assertion `left == right` failed\n  left: 1\n right: 2\n\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_run_without_failures_shows_nothing_again() {
        assert_eq!(found("running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed\n"), []);
    }

    #[test]
    fn much_output_and_many_tests_are_bounded_and_the_message_at_the_end_stays() {
        let printed: String = (0..5 * LINES).map(|number| format!("line {number}\n")).collect();
        let run: String = (0..3 * TESTS).map(|number| format!("---- t{number} stdout ----\n{printed}panicked\n\n")).collect();
        let found = found(&run);
        assert_eq!(found.len(), TESTS);
        assert!(found.iter().all(|test| test.lines.len() == LINES && test.lines.contains(&"panicked".to_owned())));
    }
}
