//! What is wrong with a manifest: where it stands, which rule it breaks, and what to do. Rules are found elsewhere; here they are
//! collected, because a person wants all of them at once.

use std::fmt;

/// Problems that are kept of one document: a file of the wrong kind would otherwise fill the terminal.
pub const MAX_PROBLEMS: usize = 200;

/// Characters of a path or message that are kept: both quote what somebody else has written.
const MAX_TEXT: usize = 500;

/// A place in a file. Both count from 1; columns are in code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is about, from the root of the document: `services[2].context.image`. Empty for the document itself.
    pub path: String,
    /// Where that stands in the file; JSON is read without places.
    pub place: Option<Place>,
    /// Stable name of the rule, in kebab case.
    pub rule: &'static str,
    /// What is wrong, as a sentence without a full stop.
    pub message: String,
}

/// Problems in the order in which they were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    left_out: usize,
}

// === impl Problem ===

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} [{}]", self.message, self.rule)
    }
}

// === impl Problems ===

impl Problems {
    /// Adds one.
    pub fn add(&mut self, path: impl Into<String>, place: Option<Place>, rule: &'static str, message: impl Into<String>) {
        self.push(Problem { path: path.into(), place, rule, message: message.into() });
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        if self.list.len() < MAX_PROBLEMS {
            let (path, message) = (shortened(problem.path), shortened(problem.message));
            self.list.push(Problem { path, message, ..problem });
        } else {
            self.left_out += 1;
        }
    }

    /// Adds others that are not there yet.
    pub fn extend(&mut self, others: Problems) {
        self.left_out += others.left_out;
        for problem in others.list {
            if !self.list.contains(&problem) {
                self.push(problem);
            }
        }
    }

    /// Whether more are counted only.
    pub fn is_full(&self) -> bool {
        self.list.len() >= MAX_PROBLEMS
    }

    /// Counts one that nobody is told.
    pub fn count(&mut self) {
        self.left_out += 1;
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All that were kept, by their place in the file.
    pub fn sorted(mut self) -> Self {
        self.list.sort_by_key(|problem| problem.place);
        self
    }

    /// Those that were kept.
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// How many more there were than [`MAX_PROBLEMS`].
    pub fn left_out(&self) -> usize {
        self.left_out
    }
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push_str("...");
    }
    text
}
