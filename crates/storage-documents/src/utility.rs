//! The document of a utility.

use std::ops::Not;

use domain::hash::Hash;
use domain::name::{PrincipalName, TenantId, UtilityId, UtilityName};
use domain::revision::Revision;
use domain::time::Timestamp;
use domain::utility::{Lineage, Metadata, Utility};
use serde::{Deserialize, Serialize};

use crate::definition::DefinitionDocument;
use crate::form::{InvalidField, parsed};

/// See [`Utility`]; tenant and id are the row's key.
#[derive(Debug, Serialize, Deserialize)]
pub struct UtilityDocument {
    uid: String,
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    store_values: bool,
    #[serde(default, skip_serializing_if = "Not::not")]
    show_secrets: bool,
    owner: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<u64>,
    latest_version: u32,
    definition: DefinitionDocument,
    content_hash: String,
    code_sha256: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    imports: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lineage: Option<LineageDocument>,
    revision: u64,
    created: u64,
    updated: u64,
}

/// See [`Lineage`].
#[derive(Debug, Serialize, Deserialize)]
struct LineageDocument {
    source: String,
    source_uid: String,
    version: u32,
    content_hash: String,
    by: String,
    time: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    dismissed: u32,
}

impl From<&Utility> for UtilityDocument {
    fn from(utility: &Utility) -> Self {
        UtilityDocument {
            uid: utility.uid.clone(),
            display_name: utility.metadata.display_name.clone(),
            description: utility.metadata.description.clone(),
            tags: utility.metadata.tags.clone(),
            store_values: utility.metadata.store_values,
            show_secrets: utility.metadata.show_secrets,
            owner: utility.owner.to_string(),
            deleted: utility.deleted.map(Timestamp::as_millis),
            latest_version: utility.latest_version,
            definition: (&utility.definition).into(),
            content_hash: utility.content_hash.to_string(),
            code_sha256: utility.code_sha256.to_string(),
            imports: utility.imports.clone(),
            lineage: utility.lineage.as_ref().map(LineageDocument::from),
            revision: utility.revision.as_u64(),
            created: utility.created.as_millis(),
            updated: utility.updated.as_millis(),
        }
    }
}

impl UtilityDocument {
    /// The utility under this key.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_utility(self, tenant: TenantId, id: UtilityId) -> Result<Utility, InvalidField> {
        Ok(Utility {
            name: UtilityName { tenant, utility: id },
            uid: self.uid,
            metadata: Metadata {
                display_name: self.display_name,
                description: self.description,
                tags: self.tags,
                store_values: self.store_values,
                show_secrets: self.show_secrets,
            },
            owner: parsed("owner", PrincipalName::parse("owner", &self.owner).ok())?,
            deleted: self.deleted.map(Timestamp::from_millis),
            latest_version: self.latest_version,
            definition: self.definition.into(),
            content_hash: parsed("content_hash", Hash::from_hex(&self.content_hash))?,
            code_sha256: parsed("code_sha256", Hash::from_hex(&self.code_sha256))?,
            imports: self.imports,
            lineage: self.lineage.map(LineageDocument::into_lineage).transpose()?,
            revision: Revision::from_stored(self.revision),
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
        })
    }
}

impl From<&Lineage> for LineageDocument {
    fn from(lineage: &Lineage) -> Self {
        LineageDocument {
            source: lineage.source.to_string(),
            source_uid: lineage.source_uid.clone(),
            version: lineage.version,
            content_hash: lineage.content_hash.to_string(),
            by: lineage.by.to_string(),
            time: lineage.time.as_millis(),
            dismissed: lineage.dismissed,
        }
    }
}

impl LineageDocument {
    fn into_lineage(self) -> Result<Lineage, InvalidField> {
        Ok(Lineage {
            source: parsed("lineage.source", UtilityName::parse("source", &self.source).ok())?,
            source_uid: self.source_uid,
            version: self.version,
            content_hash: parsed("lineage.content_hash", Hash::from_hex(&self.content_hash))?,
            by: parsed("lineage.by", PrincipalName::parse("by", &self.by).ok())?,
            time: Timestamp::from_millis(self.time),
            dismissed: self.dismissed,
        })
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
