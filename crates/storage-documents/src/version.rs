//! The document of a version. The code is a column beside it, so that it can move to a blob store of its own.

use domain::code::Code;
use domain::hash::Hash;
use domain::name::PrincipalName;
use domain::time::Timestamp;
use domain::utility::{StoredFinding, Version, VersionHead};
use serde::{Deserialize, Serialize};

use crate::definition::DefinitionDocument;
use crate::form::{InvalidField, parsed};

/// See [`VersionHead`]; the number is part of the row's key, and the size of the code lies beside it.
#[derive(Debug, Serialize, Deserialize)]
pub struct VersionDocument {
    definition: DefinitionDocument,
    content_hash: String,
    code_sha256: String,
    author: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compiled_on: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FindingDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    imports: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct FindingDocument {
    rule: String,
    family: String,
    line: u32,
    column: u32,
    message: String,
    suggestion: String,
}

impl From<&VersionHead> for VersionDocument {
    fn from(version: &VersionHead) -> Self {
        VersionDocument {
            definition: (&version.definition).into(),
            content_hash: version.content_hash.to_string(),
            code_sha256: version.code_sha256.to_string(),
            author: version.author.to_string(),
            created: version.created.as_millis(),
            compiled_on: version.compiled_on.clone(),
            message: version.message.clone(),
            warnings: version.warnings.iter().map(FindingDocument::from).collect(),
            imports: version.imports.clone(),
        }
    }
}

impl VersionDocument {
    /// The version with this number and code. Code that is not what was stored is refused: it would run.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_version(self, number: u32, code: &str) -> Result<Version, InvalidField> {
        let code = Code::from_text(code);
        let head = self.into_head(number, code.text().len() as u64)?;
        if head.code_sha256 != code.sha256() {
            return Err(InvalidField("code_sha256"));
        }
        Ok(Version { head, code })
    }

    /// What is known of the version with this number without its code, of which only the size is given.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_head(self, number: u32, code_bytes: u64) -> Result<VersionHead, InvalidField> {
        Ok(VersionHead {
            number,
            code_sha256: parsed("code_sha256", Hash::from_hex(&self.code_sha256))?,
            code_bytes,
            definition: self.definition.into(),
            content_hash: parsed("content_hash", Hash::from_hex(&self.content_hash))?,
            author: parsed("author", PrincipalName::parse("author", &self.author).ok())?,
            created: Timestamp::from_millis(self.created),
            compiled_on: self.compiled_on,
            message: self.message,
            warnings: self.warnings.into_iter().map(StoredFinding::from).collect(),
            imports: self.imports,
        })
    }
}

impl From<&StoredFinding> for FindingDocument {
    fn from(finding: &StoredFinding) -> Self {
        FindingDocument {
            rule: finding.rule.clone(),
            family: finding.family.clone(),
            line: finding.line,
            column: finding.column,
            message: finding.message.clone(),
            suggestion: finding.suggestion.clone(),
        }
    }
}

impl From<FindingDocument> for StoredFinding {
    fn from(document: FindingDocument) -> Self {
        StoredFinding {
            rule: document.rule,
            family: document.family,
            line: document.line,
            column: document.column,
            message: document.message,
            suggestion: document.suggestion,
        }
    }
}
