//! The document of a tenant.

use std::num::{NonZeroU32, NonZeroU64};

use domain::name::{PrincipalName, RuntimeId, TenantId};
use domain::revision::Revision;
use domain::tenant::{
    DEFAULT_LOCALE, DEFAULT_ZONE, Database, Keep, Quota, Settings, ShareOffers, Tenant, TenantConsent, TenantNumber, TenantState,
};
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
    #[serde(default = "default_zone")]
    time_zone: String,
    #[serde(default = "default_locale")]
    locale: String,
    #[serde(default)]
    refuses_offers: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    terms_version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consenter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consented: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    execution_days: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output_days: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_utility_days: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit_days: Option<NonZeroU32>,
    #[serde(default)]
    legal_hold: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_utilities: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_output_bytes: Option<NonZeroU64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_running: Option<NonZeroU32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    runtimes: Vec<String>,
    created: u64,
    updated: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    purged: Option<u64>,
    revision: u64,
}

impl From<&Tenant> for TenantDocument {
    fn from(tenant: &Tenant) -> Self {
        let consent = &tenant.settings.consent;
        TenantDocument {
            display_name: tenant.display_name.clone(),
            state: tenant.state.as_str().to_owned(),
            db_host: tenant.database.host.clone(),
            db_username: tenant.database.username.clone(),
            db_name: tenant.database.name.clone(),
            time_zone: tenant.settings.time_zone.clone(),
            locale: tenant.settings.locale.clone(),
            refuses_offers: consent.offers == ShareOffers::Refused,
            terms_version: consent.terms_version.clone(),
            consenter: consent.said.as_ref().map(|(by, _)| by.to_string()),
            consented: consent.said.as_ref().map(|(_, at)| at.as_millis()),
            execution_days: tenant.settings.keep.executions,
            output_days: tenant.settings.keep.output,
            deleted_utility_days: tenant.settings.keep.deleted_utilities,
            audit_days: tenant.settings.keep.audit,
            legal_hold: tenant.settings.legal_hold,
            max_utilities: tenant.settings.quota.utilities,
            max_output_bytes: tenant.settings.quota.output_bytes,
            max_running: tenant.settings.quota.running,
            runtimes: tenant.settings.runtimes.iter().map(|name| name.to_string()).collect(),
            created: tenant.created.as_millis(),
            updated: tenant.updated.as_millis(),
            closed: tenant.closed.map(Timestamp::as_millis),
            purged: tenant.purged.map(Timestamp::as_millis),
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
        let consenter = self.consenter.map(|name| parsed("consenter", PrincipalName::parse("consenter", &name).ok())).transpose()?;
        let consent = TenantConsent {
            offers: if self.refuses_offers { ShareOffers::Refused } else { ShareOffers::Taken },
            terms_version: self.terms_version,
            said: consenter.zip(self.consented.map(Timestamp::from_millis)),
        };
        Ok(Tenant {
            code,
            number: TenantNumber::from_stored(number),
            display_name: self.display_name,
            state: parsed("state", TenantState::parse(&self.state))?,
            database: Database { host: self.db_host, username: self.db_username, name: self.db_name },
            settings: Settings {
                time_zone: self.time_zone,
                locale: self.locale,
                consent,
                keep: Keep {
                    executions: self.execution_days,
                    output: self.output_days,
                    deleted_utilities: self.deleted_utility_days,
                    audit: self.audit_days,
                },
                legal_hold: self.legal_hold,
                quota: Quota { utilities: self.max_utilities, output_bytes: self.max_output_bytes, running: self.max_running },
                runtimes: self.runtimes.into_iter().map(RuntimeId::new).collect(),
            },
            created: Timestamp::from_millis(self.created),
            updated: Timestamp::from_millis(self.updated),
            closed: self.closed.map(Timestamp::from_millis),
            purged: self.purged.map(Timestamp::from_millis),
            revision: Revision::from_stored(self.revision),
        })
    }
}

fn default_locale() -> String {
    DEFAULT_LOCALE.to_owned()
}

fn default_zone() -> String {
    DEFAULT_ZONE.to_owned()
}
