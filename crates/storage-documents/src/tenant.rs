//! The document of a tenant.

use domain::name::TenantId;
use domain::revision::Revision;
use domain::tenant::{Database, Tenant, TenantNumber, TenantState};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::form::{InvalidField, parsed};

/// See [`Tenant`]; code and number are the row's keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct TenantDocument {
    display_name: String,
    state: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    db_host: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    db_username: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    db_name: String,
    created: u64,
    updated: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<u64>,
    revision: u64,
}

impl From<&Tenant> for TenantDocument {
    fn from(tenant: &Tenant) -> Self {
        TenantDocument {
            display_name: tenant.display_name.clone(),
            state: tenant.state.as_str().to_owned(),
            db_host: tenant.database.host.clone(),
            db_username: tenant.database.username.clone(),
            db_name: tenant.database.name.clone(),
            created: tenant.created.as_millis(),
            updated: tenant.updated.as_millis(),
            closed: tenant.closed.map(Timestamp::as_millis),
            revision: tenant.revision.as_u64(),
        }
    }
}

impl TenantDocument {
    /// The tenant of this code and number.
    ///
    /// # Errors
    /// Names a field whose value no entity can have.
    pub fn into_tenant(self, code: TenantId, number: i32) -> Result<Tenant, InvalidField> {
        Ok(Tenant {
            code,
            number: TenantNumber::from_stored(number),
            display_name: self.display_name,
            state: parsed("state", TenantState::parse(&self.state))?,
            database: Database { host: self.db_host, username: self.db_username, name: self.db_name },
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            closed: self.closed.map(Timestamp::from_millis),
            revision: Revision::from_stored(self.revision),
        })
    }
}
