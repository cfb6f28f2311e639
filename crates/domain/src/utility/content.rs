//! What a version is made of, before it is one.

use crate::access::{Action, Permit};
use crate::code::{Code, CodeReport, Severity};
use crate::time::Timestamp;
use crate::utility::{Definition, Passed, StoredFinding, Version, VersionHead};

/// What a version is made of.
pub(super) struct Content {
    pub definition: Definition,
    pub code: Code,
    pub compiled_on: Option<String>,
    pub warnings: Vec<StoredFinding>,
    pub imports: Vec<String>,
    pub message: String,
}

impl Content {
    /// Of what has passed the gate.
    pub fn passed(definition: Definition, passed: Passed, message: String) -> Self {
        let Passed { code, report, compiled_on } = passed;
        Content { definition, code, compiled_on, warnings: warnings(&report), imports: report.imported_roots(), message }
    }

    /// The version of this content.
    pub fn version<A: Action>(self, number: u32, permit: &Permit<A>, created: Timestamp) -> Version {
        let head = VersionHead {
            number,
            code_sha256: self.code.sha256(),
            code_bytes: self.code.text().len() as u64,
            content_hash: self.definition.content_hash(&self.code),
            definition: self.definition,
            compiled_on: self.compiled_on,
            author: permit.principal().clone(),
            created,
            message: self.message,
            warnings: self.warnings,
            imports: self.imports,
        };
        Version { head, code: self.code }
    }
}

fn warnings(report: &CodeReport) -> Vec<StoredFinding> {
    report.findings.iter().filter(|finding| finding.severity == Severity::Warning).map(StoredFinding::from).collect()
}
