//! What a person asks for when creating a utility or replacing parts of it.

use crate::code::{Kind, Parameter, check_schema};
use crate::name::{MAX_RUNTIME, RuntimeId};
use crate::sandbox::{Isolation, Limits};
use crate::utility::Metadata;
use crate::violation::{Violation, longest};

/// Longest version message in characters.
pub const MAX_MESSAGE: usize = 500;

/// What a person asks for when creating a utility or replacing parts of it. Everything is checked at once by [`Draft::parse`].
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What people read.
    pub metadata: Metadata,
    /// The source, as bytes: it may be anything.
    pub code: Vec<u8>,
    /// What the author says it is; `None` lets the code decide.
    pub kind: Option<Kind>,
    /// A schema to use instead of the inferred one.
    pub parameters: Option<Vec<Parameter>>,
    /// Limits of each execution.
    pub limits: Limits,
    /// The runtime; `None` is the default one.
    pub runtime: Option<RuntimeId>,
    /// How strongly executions are isolated.
    pub isolation: Isolation,
    /// Whether each execution runs in a process that was forked for it alone.
    pub fresh_processes: bool,
    /// Version message.
    pub message: String,
}

impl Draft {
    /// Checks the metadata, limits, schema, runtime and message; `prefix` is the path of the utility in the request.
    /// The code is the checker's.
    pub fn violations(&self, prefix: &str) -> Vec<Violation> {
        let mut found = Vec::new();
        self.metadata.check(prefix, &mut found);
        self.limits.check(&format!("{prefix}.limits"), &mut found);
        if let Some(parameters) = &self.parameters {
            check_schema(&format!("{prefix}.parameters"), parameters, &mut found);
        }
        longest(&mut found, "message".to_owned(), &self.message, MAX_MESSAGE);
        longest(&mut found, format!("{prefix}.runtime"), self.runtime.as_deref().unwrap_or_default(), MAX_RUNTIME);
        found
    }
}
