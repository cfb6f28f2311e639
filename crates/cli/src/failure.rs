//! Why a command did not do what it was asked, as a person reads it: the message, every violation, the reason, and what to do.

use std::fmt;
use std::io;
use std::path::Path;

use crate::exit::Exit;
use crate::terminal::lines;

mod status;

/// A command's error.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One sentence.
    pub message: String,
    /// Broken rules: field and description.
    pub violations: Vec<(String, String)>,
    /// Stable reason, catalogued in docs/errors.md.
    pub reason: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Nothing is printed: the reader of our output went away.
    quiet: bool,
}

/// Result of a command.
pub type Result<T = Exit> = std::result::Result<T, Failure>;

impl Failure {
    /// An error with a message only.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure { exit, message: message.into(), violations: Vec::new(), reason: None, hint: None, quiet: false }
    }

    /// A wrong command line or file.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, message)
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says what to do where the failure is of this kind.
    #[must_use]
    pub fn hint_on(self, exit: Exit, hint: &str) -> Self {
        if self.exit == exit { self.hint(hint) } else { self }
    }

    /// Adds broken rules.
    #[must_use]
    pub fn violations(mut self, violations: impl IntoIterator<Item = (String, String)>) -> Self {
        self.violations.extend(violations);
        self
    }

    /// Adds the stable reason.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// A file that cannot be used.
    pub fn file(path: &Path, error: &io::Error) -> Self {
        Failure::usage(format!("cannot read {}: {error}", path.display()))
    }

    /// Writes it to standard error.
    pub fn print(&self) {
        if !self.quiet {
            eprint!("{self}");
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Lines of others stay below ours.
        let inside = |text: &str| lines(text).replace('\n', "\n    ");
        writeln!(f, "error: {}", inside(&self.message))?;
        for (field, description) in &self.violations {
            writeln!(f, "  {}: {}", inside(field), inside(description))?;
        }
        if let Some(reason) = &self.reason {
            writeln!(f, "  reason: {}", inside(reason))?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "  {}", inside(hint))?;
        }
        Ok(())
    }
}

/// Writing our own output failed. A closed pipe is no error of ours.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let closed = error.kind() == io::ErrorKind::BrokenPipe;
        let exit = if closed { Exit::Ok } else { Exit::Usage };
        Failure { quiet: closed, ..Failure::new(exit, format!("cannot write the output: {error}")) }
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
