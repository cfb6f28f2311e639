//! The tests that failed, from what a run prints: shown again at its very end, since a log is often kept by its end only.

use std::{collections::VecDeque, fmt};

/// What is kept of what one failed test printed: what led to its panic, and the panic's message. Behind the message stands what its
/// programs had printed, of which the whole log has more.
const BEFORE: usize = 10;
const MESSAGE: usize = 12;
/// What is kept of one line, in characters: a program's log has long ones.
const WIDTH: usize = 500;
/// Of so many failed tests what they printed is kept; where more fail, one cause fails them all.
const TESTS: usize = 20;

/// One failed test, with its panic's message and what it printed before, without backtraces.
#[derive(Debug, PartialEq, Eq)]
pub struct FailedTest {
    binary: String,
    name: String,
    before: VecDeque<String>,
    message: Vec<String>,
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
        let (binary, name) = (binary.to_owned(), name.to_owned());
        self.found.push(FailedTest { binary, name, before: VecDeque::new(), message: Vec::new() });
        self.inside = Inside::Test;
    }

    fn keep(&mut self, line: &str) {
        let Some(test) = self.found.last_mut() else { return };
        let cut = line.char_indices().nth(WIDTH).map_or(line, |(end, _)| &line[..end]).to_owned();
        if !test.message.is_empty() || is_panic(line) {
            if test.message.len() < MESSAGE {
                test.message.push(cut);
            }
        } else if !line.is_empty() {
            test.before.push_back(cut);
            if test.before.len() > BEFORE {
                test.before.pop_front();
            }
        }
    }

    /// What was found.
    pub fn into_tests(self) -> Vec<FailedTest> {
        self.found
    }
}

/// The head of a panic's message, which names the thread.
fn is_panic(line: &str) -> bool {
    line.starts_with("thread ") && line.contains(" panicked at ")
}

// === impl FailedTest ===

impl FailedTest {
    /// Its name and its binary, on one line.
    pub fn title(&self) -> String {
        format!("{} ({})", self.name, self.binary)
    }
}

impl fmt::Display for FailedTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "---- {}", self.title())?;
        self.before.iter().chain(&self.message).filter(|line| !line.is_empty()).try_for_each(|line| writeln!(f, "{line}"))
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
        let expected = "---- b::c (sandbox, it)\nprinted\nthread 'b::c' (7) panicked at src/b.rs:72:5:\n\
            assertion `left == right` failed\n  left: 1\n right: 2\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_run_without_failures_shows_nothing_again() {
        assert_eq!(found("running 1 test\ntest a ... ok\n\ntest result: ok. 1 passed; 0 failed\n"), []);
    }

    #[test]
    fn much_output_and_many_tests_are_bounded_and_the_message_stays() {
        let printed: String = (0..50).map(|number| format!("line {number} {}\n", "x".repeat(2 * WIDTH))).collect();
        let panic = "thread 't' (7) panicked at src/t.rs:1:1:\nwhat went wrong\n";
        let run: String = (0..3 * TESTS).map(|number| format!("---- t{number} stdout ----\n{printed}{panic}{printed}\n\n")).collect();
        let found = found(&run);
        assert_eq!(found.len(), TESTS);
        for test in found {
            assert_eq!((test.before.len(), test.message.len(), test.message[1].as_str()), (BEFORE, MESSAGE, "what went wrong"));
            assert!(test.before.iter().chain(&test.message).all(|line| line.chars().count() <= WIDTH));
        }
    }
}
