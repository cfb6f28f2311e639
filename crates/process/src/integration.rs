//! Integrations and databases of tenants, as the low-level design names them. What they are at the moment is observed elsewhere.

use std::collections::BTreeMap;

/// An integration of a tenant: `IntegrationsResponse` of the low-level design.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integration {
    /// Its number (`integration_id`).
    pub integration_id: i32,
    /// Its title.
    pub title: String,
    /// What it does.
    pub action: String,
    /// The service that runs it (`serviceName`).
    pub service_name: String,
    /// The directory it runs in (`executionDir`).
    pub execution_dir: String,
    /// The program.
    pub executable: String,
    /// Whether it shall run.
    pub enabled: bool,
    /// The tenant (`tenantcode`).
    pub tenant_code: String,
    /// Databases that it needs, by name: while one of them cannot be reached it does not start.
    pub databases: Vec<String>,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// Ports that it needs, by name, and the range each is leased from.
    pub ports: BTreeMap<String, String>,
}

/// A database of a tenant: `TenantDB` of the low-level design. The password is in a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantDatabase {
    /// Its number.
    pub id: i32,
    /// Its name.
    pub name: String,
    /// The tenant (`tenantcode`).
    pub tenant_code: String,
    /// Whether it is used.
    pub enabled: bool,
    /// `host:port` (`db_host`).
    pub host: String,
    /// The database's name (`db_name`).
    pub database: String,
    /// Who signs in (`db_username`).
    pub username: Option<String>,
    /// The secret with the password.
    pub password_secret: Option<String>,
    /// Its UUID.
    pub uuid: Option<String>,
}
