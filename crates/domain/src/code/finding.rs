//! What code validation says of a source text: findings, imports and the inferred schema. It holds no rule of its own;
//! the rules live in the checker.

use std::fmt;

use crate::code::{Kind, Parameter};

/// Rule id of what only the runtime's compiler refuses.
pub const COMPILE_RULE: &str = "ZPY-SYNTAX-900";
/// Rule id of code that is of another kind than its author says.
pub const KIND_RULE: &str = "ZPY-KIND-001";

/// One result of code validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable rule id, e.g. `ZPY-IMPORT-001`; each has a page in `docs/rules/`.
    pub rule: &'static str,
    /// The family of the rule.
    pub family: Family,
    /// Whether the finding blocks the code.
    pub severity: Severity,
    /// Where it starts and ends.
    pub span: Span,
    /// What was seen.
    pub message: String,
    /// What to do instead.
    pub suggestion: String,
}

/// A place in a source text. Lines and columns count from 1, columns in code points; `end_column` is exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

/// Whether a finding blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The code is refused.
    Error,
    /// The code is accepted; the author should look.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Families of findings; the names are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is its own name")]
pub enum Family {
    FileAccess,
    Network,
    Process,
    ForbiddenImport,
    ForbiddenCall,
    DynamicCode,
    Introspection,
    ModulePivot,
    FormatEscape,
    Deserialization,
    DebugBuiltin,
    NativeCode,
    Encoding,
    Syntax,
    Limits,
    Alias,
    Dependency,
    Quality,
}

impl Family {
    /// Every family, in the order of the documentation.
    pub const ALL: [Family; 18] = [
        Family::FileAccess,
        Family::Network,
        Family::Process,
        Family::ForbiddenImport,
        Family::ForbiddenCall,
        Family::DynamicCode,
        Family::Introspection,
        Family::ModulePivot,
        Family::FormatEscape,
        Family::Deserialization,
        Family::DebugBuiltin,
        Family::NativeCode,
        Family::Encoding,
        Family::Syntax,
        Family::Limits,
        Family::Alias,
        Family::Dependency,
        Family::Quality,
    ];

    /// The name on the wire, e.g. `file-access`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Family::FileAccess => "file-access",
            Family::Network => "network",
            Family::Process => "process",
            Family::ForbiddenImport => "forbidden-import",
            Family::ForbiddenCall => "forbidden-call",
            Family::DynamicCode => "dynamic-code",
            Family::Introspection => "introspection",
            Family::ModulePivot => "module-pivot",
            Family::FormatEscape => "format-escape",
            Family::Deserialization => "deserialization",
            Family::DebugBuiltin => "debug-builtin",
            Family::NativeCode => "native-code",
            Family::Encoding => "encoding",
            Family::Syntax => "syntax",
            Family::Limits => "limits",
            Family::Alias => "alias",
            Family::Dependency => "dependency",
            Family::Quality => "quality",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One module that the code imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Dotted module path as written, e.g. `urllib.parse`.
    pub module: String,
    /// First line that imports it.
    pub line: u32,
    /// Where the module comes from.
    pub standing: Standing,
}

/// Where an imported module comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The standard library of the runtime.
    StandardLibrary,
    /// A package of the runtime.
    Package {
        /// Distribution name.
        name: String,
        /// Installed version.
        version: String,
    },
    /// A well-known package that the runtime does not have.
    NotInstalled,
    /// Not known at all.
    Unknown,
}

impl Standing {
    /// `standard-library`, `package`, `not-installed` or `unknown`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Standing::StandardLibrary => "standard-library",
            Standing::Package { .. } => "package",
            Standing::NotInstalled => "not-installed",
            Standing::Unknown => "unknown",
        }
    }
}

/// Everything that validation says of one source text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeReport {
    /// Findings, sorted by place; capped, with a last finding of family `limits` that says so.
    pub findings: Vec<Finding>,
    /// What the code is, by its entry point; `None` when it does not parse.
    pub kind: Option<Kind>,
    /// Parameters inferred from the entry point's signature.
    pub parameters: Vec<Parameter>,
    /// Imported modules in order of first appearance.
    pub imports: Vec<Import>,
}

impl CodeReport {
    /// Top-level modules that the code imports, ascending, each once.
    pub fn imported_roots(&self) -> Vec<String> {
        let root = |import: &Import| import.module.split('.').next().unwrap_or_default().to_owned();
        let mut roots: Vec<String> = self.imports.iter().map(root).filter(|root| !root.is_empty()).collect();
        roots.sort();
        roots.dedup();
        roots
    }

    /// Whether no finding blocks the code.
    pub fn accepted(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity != Severity::Error)
    }
}
