//! A utility and its immutable versions: what they are, and the pure rules of changing them.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::{Error, Violation};
use crate::finding::Finding;
use crate::limits::{Limits, MAX_CODE, OnOutputLimit};
use crate::name::{PrincipalName, UtilityName};
use crate::parameter::{Parameter, check_schema};
use crate::time::Timestamp;

/// Longest display name in characters.
pub const MAX_DISPLAY_NAME: usize = 100;
/// Longest description in characters.
pub const MAX_DESCRIPTION: usize = 4_000;
/// Highest number of tags.
pub const MAX_TAGS: usize = 32;
/// Longest tag in characters.
pub const MAX_TAG: usize = 40;
/// Longest version message in characters.
pub const MAX_MESSAGE: usize = 500;
/// The runtime of a utility that names none.
pub const DEFAULT_RUNTIME: &str = "python";
/// Longest runtime name in characters.
pub const MAX_RUNTIME: usize = 64;

/// What a utility is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `def transform(value, ...)`: a value in, a value out.
    Transformer,
    /// `def main(...)` or top-level code: prints, and may return a result.
    Script,
}

impl Kind {
    /// `transformer` or `script`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Transformer => "transformer",
            Kind::Script => "script",
        }
    }
}

/// Source text with its hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Code {
    text: Arc<str>,
    sha256: Hash,
}

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

/// What makes a version beside its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What the code is.
    pub kind: Kind,
    /// The parameter schema, inferred or overridden.
    pub parameters: Vec<Parameter>,
    /// Whether a person wrote the schema; an inferred one follows the code.
    pub parameters_overridden: bool,
    /// Limits of each execution.
    pub limits: Limits,
    /// Name of the runtime it was checked against and executes on.
    pub runtime: String,
    /// How strongly its executions are isolated.
    pub isolation: Isolation,
}

/// How strongly the executions of a utility are isolated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Isolation {
    /// T1: a sealed single-use process in a sandbox of the tenant.
    #[default]
    TenantWarm,
    /// T2: a started sandbox of its own, destroyed afterwards.
    SingleUse,
    /// T3: a sandbox of its own, made on demand.
    OneShot,
}

impl Isolation {
    /// `T1`, `T2` or `T3`.
    pub const fn tier(self) -> &'static str {
        match self {
            Isolation::TenantWarm => "T1",
            Isolation::SingleUse => "T2",
            Isolation::OneShot => "T3",
        }
    }
}

/// One immutable version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// From 1, without gaps.
    pub number: u32,
    /// The source.
    pub code: Code,
    /// Everything else that an execution depends on.
    pub definition: Definition,
    /// Over code and definition; equal content makes no new version.
    pub content_hash: Hash,
    /// Digest of the runtime whose compiler accepted it; `None` while no compiler could be asked. It cannot execute until one was.
    pub compiled_on: Option<String>,
    /// Who made it.
    pub author: PrincipalName,
    /// When.
    pub created: Timestamp,
    /// Why, in the author's words; may be empty.
    pub message: String,
    /// Warnings of the validation that accepted it.
    pub warnings: Vec<StoredFinding>,
    /// Top-level modules that it imports, ascending.
    pub imports: Vec<String>,
}

/// A finding as it is kept with a version: rules may be renamed later, so the texts are owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFinding {
    /// Rule id.
    pub rule: String,
    /// Family name.
    pub family: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
    /// What was seen.
    pub message: String,
    /// What to do instead.
    pub suggestion: String,
}

/// A named, versioned piece of code of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// Its name; stays taken after deletion.
    pub name: UtilityName,
    /// Unique for ever, also across names that are used again.
    pub uid: String,
    /// What people read.
    pub metadata: Metadata,
    /// Who created it.
    pub owner: PrincipalName,
    /// When it was deleted, if it is.
    pub deleted: Option<Timestamp>,
    /// Number of the current version.
    pub latest_version: u32,
    /// The current version's definition.
    pub definition: Definition,
    /// The current version's content hash.
    pub content_hash: Hash,
    /// The current version's code hash.
    pub code_sha256: Hash,
    /// The current version's imports.
    pub imports: Vec<String>,
    /// Grows by one with each change; what the etag stands for.
    pub revision: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
}

/// What people read of a utility, and switches that do not make a version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata {
    /// Shown instead of the id; may be empty.
    pub display_name: String,
    /// What it does; may be empty.
    pub description: String,
    /// Sorted, without duplicates.
    pub tags: Vec<String>,
    /// Whether values and results of Transform calls are stored.
    pub store_values: bool,
}

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
    /// Runtime name; empty is the default.
    pub runtime: String,
    /// How strongly executions are isolated.
    pub isolation: Isolation,
    /// Version message.
    pub message: String,
}

// === impl Code ===

impl Code {
    /// Takes a source text.
    ///
    /// # Errors
    /// Returns the violation when it is too large or not UTF-8.
    pub fn parse(field: &str, bytes: Vec<u8>) -> Result<Self, Violation> {
        if bytes.len() > MAX_CODE {
            let text = format!("{} bytes; the limit is {MAX_CODE}", bytes.len());
            return Err(Violation::new(field, "TOO_LARGE", text));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Code::from_text(text)),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Err(Violation::new(field, "NOT_UTF8", format!("byte {at} is not UTF-8; save the source as UTF-8")))
            }
        }
    }

    /// Takes a text that is known to be in bounds, e.g. from the store.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let sha256 = Hash(Sha256::digest(text.as_bytes()).into());
        Code { text, sha256 }
    }

    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// SHA-256 over the exact bytes.
    pub fn sha256(&self) -> Hash {
        self.sha256
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({} bytes, {})", self.text.len(), self.sha256)
    }
}

// === impl Hash ===

impl Hash {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Hash(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
        }
        Some(Hash(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

// === impl Definition ===

impl Definition {
    /// The content hash of a version: over code, kind, parameters, limits, runtime and isolation, each field with its length,
    /// so that no two contents share an input.
    pub fn content_hash(&self, code: &Code) -> Hash {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(b"zona.version.v1");
        field(code.sha256.as_bytes());
        field(self.kind.as_str().as_bytes());
        field(&(self.parameters.len() as u64).to_le_bytes());
        for parameter in &self.parameters {
            field(parameter.name.as_bytes());
            field(parameter.value_type.as_str().as_bytes());
            field(&[parameter.required.into(), parameter.secret.into(), parameter.default_json.is_some().into()]);
            field(parameter.default_json.as_deref().unwrap_or_default().as_bytes());
            field(&(parameter.enum_json.len() as u64).to_le_bytes());
            parameter.enum_json.iter().for_each(|value| field(value.as_bytes()));
            field(parameter.description.as_bytes());
        }
        for part in limit_parts(&self.limits) {
            field(&part.to_le_bytes());
        }
        field(self.runtime.as_bytes());
        field(self.isolation.tier().as_bytes());
        Hash(hasher.finalize().into())
    }
}

fn limit_parts(limits: &Limits) -> [u128; 9] {
    [
        limits.memory.into(),
        limits.wall.as_millis(),
        limits.grace.as_millis(),
        limits.cpu.as_millis(),
        limits.output.into(),
        match limits.on_output_limit {
            OnOutputLimit::Drop => 0,
            OnOutputLimit::Stop => 1,
        },
        limits.result.into(),
        limits.tmpfs.into(),
        limits.open_files.into(),
    ]
}

// === impl Utility ===

impl Utility {
    /// The opaque mark of this revision.
    pub fn etag(&self) -> String {
        format!("\"{}-{}\"", self.revision, &self.content_hash.to_string()[..12])
    }

    /// Refuses a change that was made against another revision; an empty etag matches all.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn check_etag(&self, etag: &str) -> Result<(), Error> {
        if etag.is_empty() || etag == self.etag() { Ok(()) } else { Err(Error::Stale { resource: self.name.to_string() }) }
    }

    /// Refuses to use a deleted utility.
    ///
    /// # Errors
    /// [`Error::Precondition`] with reason `UTILITY_DELETED`.
    pub fn check_active(&self) -> Result<(), Error> {
        match self.deleted {
            None => Ok(()),
            Some(_) => Err(Error::Precondition {
                reason: "UTILITY_DELETED",
                subject: self.name.to_string(),
                description: format!("{} is deleted; undelete it first", self.name),
            }),
        }
    }
}

// === impl Draft ===

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
        longest(&mut found, format!("{prefix}.runtime"), &self.runtime, MAX_RUNTIME);
        found
    }
}

impl Metadata {
    fn check(&self, prefix: &str, found: &mut Vec<Violation>) {
        longest(found, format!("{prefix}.display_name"), &self.display_name, MAX_DISPLAY_NAME);
        longest(found, format!("{prefix}.description"), &self.description, MAX_DESCRIPTION);
        if self.tags.len() > MAX_TAGS {
            found.push(Violation::new(format!("{prefix}.tags"), "TOO_MANY", format!("{} tags; the limit is {MAX_TAGS}", self.tags.len())));
        }
        for (index, tag) in self.tags.iter().enumerate() {
            let fits = !tag.is_empty() && tag.chars().count() <= MAX_TAG && !tag.chars().any(|c| c.is_control() || c.is_whitespace());
            if !fits {
                let rule = format!("must have 1 to {MAX_TAG} characters without spaces");
                found.push(Violation::new(format!("{prefix}.tags[{index}]"), "MALFORMED", rule));
            }
        }
    }

    /// Sorts the tags and drops duplicates.
    #[must_use]
    pub fn normalized(mut self) -> Self {
        self.tags.sort();
        self.tags.dedup();
        self
    }
}

pub(crate) fn longest(found: &mut Vec<Violation>, field: String, text: &str, limit: usize) {
    let length = text.chars().count();
    if length > limit {
        found.push(Violation::new(field, "TOO_LONG", format!("{length} characters; the limit is {limit}")));
    }
}

impl From<&Finding> for StoredFinding {
    fn from(finding: &Finding) -> Self {
        StoredFinding {
            rule: finding.rule.to_owned(),
            family: finding.family.as_str().to_owned(),
            line: finding.span.line,
            column: finding.span.column,
            message: finding.message.clone(),
            suggestion: finding.suggestion.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
