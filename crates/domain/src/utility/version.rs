//! An immutable version of a utility, and what tells two contents apart.

use std::ops::Deref;

use sha2::{Digest, Sha256};

use crate::code::{Code, Finding, Kind, Parameter, Schema};
use crate::hash::Hash;
use crate::name::{PrincipalName, RuntimeId};
use crate::sandbox::{Isolation, Limits, OnOutputLimit};
use crate::time::Timestamp;

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
    pub runtime: RuntimeId,
    /// How strongly its executions are isolated.
    pub isolation: Isolation,
    /// Whether each of its executions runs in a process that was forked for it alone. Of T2 and T3 each does anyway.
    pub fresh_processes: bool,
}

/// One immutable version: its head and its code. Read like its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Everything but the code.
    pub head: VersionHead,
    /// The source.
    pub code: Code,
}

/// What is known of a version without its code: all that lists show and load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionHead {
    /// From 1, without gaps.
    pub number: u32,
    /// SHA-256 over the exact bytes of the code.
    pub code_sha256: Hash,
    /// Bytes of the code.
    pub code_bytes: u64,
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

// A version is its head and something more, and most of those who hold one ask for its head.
impl Deref for Version {
    type Target = VersionHead;

    fn deref(&self) -> &VersionHead {
        &self.head
    }
}

impl Definition {
    /// The schema, and who wrote it.
    pub fn schema(&self) -> Schema<'_> {
        Schema { parameters: &self.parameters, written: self.parameters_overridden }
    }

    /// The content hash of a version: over code, kind, parameters and who wrote them, limits, runtime, isolation and
    /// whether processes are fresh, each field with its length, so that no two contents share an input.
    pub fn content_hash(&self, code: &Code) -> Hash {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        field(b"zona.version.v1");
        field(code.sha256().as_bytes());
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
        // Who wrote a schema decides about its defaults. Hashes of inferred ones are older than that.
        if self.parameters_overridden {
            field(b"written");
        }
        for part in limit_parts(&self.limits) {
            field(&part.to_le_bytes());
        }
        field(self.runtime.as_bytes());
        field(self.isolation.tier().as_bytes());
        // Hashes of versions that do not ask for it are older than the question.
        if self.fresh_processes {
            field(b"fresh");
        }
        Hash::from_bytes(hasher.finalize().into())
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
