//! Names as people type them: a bare id of the configured tenant, or a full resource name. What does not look like one is told
//! apart here, in the words of the server, so that a typing error costs no call; a test of the binary holds the words equal.

use std::fmt;

use crate::exit::Exit;
use crate::failure::{Failure, Result};

/// The flag that names are read from.
const FIELD: &str = "NAME";
/// Longest code of a tenant.
const MAX_TENANT: usize = 32;
/// Longest id of a utility.
const MAX_UTILITY: usize = 63;
/// Longest name of a runtime.
const MAX_RUNTIME: usize = 64;

/// A tenant's code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant(String);

/// A utility's full name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Utility {
    /// The tenant that owns it.
    pub tenant: Tenant,
    /// Its id there.
    pub id: String,
}

impl Tenant {
    /// Reads a code.
    ///
    /// # Errors
    /// What it has to be.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        slug("a tenant", text, MAX_TENANT).map(Tenant)
    }

    /// The tenant of bare ids when nothing says otherwise.
    pub fn usual() -> Self {
        Tenant("demo".to_owned())
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Utility {
    /// The full name of one of its versions.
    pub fn version(&self, number: u32) -> String {
        format!("{self}/versions/{number}")
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Utility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenants/{}/utilities/{}", self.tenant, self.id)
    }
}

/// A utility's full name.
///
/// # Errors
/// When it is neither an id nor a name of a utility.
pub fn utility(tenant: &Tenant, text: &str) -> Result<Utility> {
    let id = |text: &str| slug("a utility id", text, MAX_UTILITY);
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bare] => id(bare).map(|id| Utility { tenant: tenant.clone(), id }),
        ["tenants", of, "utilities", bare] => Tenant::parse(of).and_then(|tenant| Ok(Utility { tenant, id: id(bare)? })),
        _ => Err(form("tenants/{tenant}/utilities/{utility}")),
    };
    name.map_err(refused)
}

/// An execution's full name.
///
/// # Errors
/// When it is neither an id nor a name of an execution.
pub fn execution(tenant: &Tenant, text: &str) -> Result<String> {
    let full = |tenant: &Tenant, text: &str| match is_uuid(text) {
        true => Ok(format!("tenants/{tenant}/executions/{text}")),
        false => Err("an execution id is a UUID in lower-case canonical form".to_owned()),
    };
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bare] => full(tenant, bare),
        ["tenants", of, "executions", bare] => Tenant::parse(of).and_then(|tenant| full(&tenant, bare)),
        _ => Err(form("tenants/{tenant}/executions/{execution}")),
    };
    name.map_err(refused)
}

/// An operation's full name.
///
/// # Errors
/// When it is neither an id nor a name of an operation.
pub fn operation(tenant: &Tenant, text: &str) -> Result<String> {
    let full = |tenant: &Tenant, text: &str| match is_uuid(text) {
        true => Ok(format!("tenants/{tenant}/operations/{text}")),
        false => Err("an operation id is a UUID in lower-case canonical form".to_owned()),
    };
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bare] => full(tenant, bare),
        ["tenants", of, "operations", bare] => Tenant::parse(of).and_then(|tenant| full(&tenant, bare)),
        _ => Err(form("tenants/{tenant}/operations/{operation}")),
    };
    name.map_err(refused)
}

/// A runtime's full name.
///
/// # Errors
/// When it is neither the name of a runtime as utilities use it nor a full one.
pub fn runtime(tenant: &Tenant, text: &str) -> Result<String> {
    let fits = |runtime: &str| !runtime.is_empty() && runtime.chars().count() <= MAX_RUNTIME;
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bare] if fits(bare) => Ok(format!("tenants/{tenant}/runtimes/{bare}")),
        ["tenants", of, "runtimes", bare] if fits(bare) => Tenant::parse(of).map(|tenant| format!("tenants/{tenant}/runtimes/{bare}")),
        _ => Err(form("tenants/{tenant}/runtimes/{runtime}")),
    };
    name.map_err(refused)
}

/// A user's full name. Which ids there may be is the server's to say: an issuer outside of Zona has its own.
///
/// # Errors
/// When it is neither an id nor a name of a user.
pub fn user(tenant: &Tenant, text: &str) -> Result<String> {
    principal(tenant, "users", text, "tenants/{tenant}/users/{user}")
}

/// A service account's full name.
///
/// # Errors
/// When it is neither an id nor a name of a service account.
pub fn service_account(tenant: &Tenant, text: &str) -> Result<String> {
    principal(tenant, "serviceAccounts", text, "tenants/{tenant}/serviceAccounts/{account}")
}

/// The full name of a user or a service account; a bare id is a user's.
///
/// # Errors
/// When it is neither an id nor a name of either.
pub fn principal_or_user(tenant: &Tenant, text: &str) -> Result<String> {
    if text.contains("/serviceAccounts/") { service_account(tenant, text) } else { user(tenant, text) }
}

/// A schedule's full name; the server says what is wrong with it.
pub fn schedule(tenant: &Tenant, text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("{}/schedules/{text}", parent(tenant)) }
}

/// A secret's full name; the server says what is wrong with it.
pub fn secret(tenant: &Tenant, text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("{}/secrets/{text}", parent(tenant)) }
}

/// The full name of another tenant, as a code or as a full name.
///
/// # Errors
/// When it is neither.
pub fn other_tenant(text: &str) -> Result<String> {
    let tenant = Tenant::parse(text.strip_prefix("tenants/").unwrap_or(text));
    tenant.map(|tenant| parent(&tenant)).map_err(refused)
}

/// The full name of anything: a bare id is a utility's, other names stand below the tenant, and nothing is the installation. Whether there
/// is such a thing, the server says.
pub fn resource(tenant: &Tenant, text: &str) -> String {
    match text {
        "" => String::new(),
        full if full.starts_with("tenants/") => full.to_owned(),
        "codePolicy" => code_policy(tenant),
        below if below.contains('/') => format!("tenants/{tenant}/{below}"),
        id => format!("tenants/{tenant}/utilities/{id}"),
    }
}

fn principal(tenant: &Tenant, collection: &str, text: &str, pattern: &str) -> Result<String> {
    let name = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bare] if !bare.is_empty() => Ok(format!("tenants/{tenant}/{collection}/{bare}")),
        ["tenants", of, found, id] if *found == collection && !id.is_empty() => {
            Tenant::parse(of).map(|tenant| format!("tenants/{tenant}/{collection}/{id}"))
        }
        _ => Err(form(pattern)),
    };
    name.map_err(refused)
}

/// A tenant's full name.
///
/// # Errors
/// When it is neither the code of a tenant nor a full name.
pub fn tenant(text: &str) -> Result<String> {
    let code = match text.split('/').collect::<Vec<_>>().as_slice() {
        [bare] | ["tenants", bare] => Tenant::parse(bare),
        _ => Err(form("tenants/{tenant}")),
    };
    code.map(|tenant| parent(&tenant)).map_err(refused)
}

/// The parent of a full name of four parts, and its id there.
pub fn parts(name: &str) -> (String, String) {
    let parent = name.split('/').take(2).collect::<Vec<_>>().join("/");
    (parent, id(name).to_owned())
}

/// The tenant that a full name begins with.
pub fn tenant_of(name: &str) -> Option<Tenant> {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        ["tenants", tenant, ..] => Tenant::parse(tenant).ok(),
        _ => None,
    }
}

/// The name of a tenant's code policy.
pub fn code_policy(tenant: &Tenant) -> String {
    format!("tenants/{tenant}/codePolicy")
}

/// The name of a tenant.
pub fn parent(tenant: &Tenant) -> String {
    format!("tenants/{tenant}")
}

/// The last part of a name: what people type.
pub fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn refused(rule: String) -> Failure {
    Failure::new(Exit::Usage, "the request is invalid").violations([(FIELD.to_owned(), rule)])
}

fn form(pattern: &str) -> String {
    format!("must be a resource name of the form {pattern}")
}

fn slug(what: &str, text: &str, longest: usize) -> std::result::Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits =
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= longest && !text.ends_with('-') && text.chars().all(inner);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!("{what} has 1 to {longest} lower-case letters, digits and inner hyphens, and starts with a letter")),
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, c)| match index {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_digit() || ('a'..='f').contains(&c),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_below_the_tenant_unless_it_says_otherwise() {
        let tenant = Tenant::parse("acme").unwrap();
        for (text, full) in [
            ("", ""),
            ("extract", "tenants/acme/utilities/extract"),
            ("codePolicy", "tenants/acme/codePolicy"),
            ("users/ann", "tenants/acme/users/ann"),
            ("tenants/other/utilities/x", "tenants/other/utilities/x"),
        ] {
            assert_eq!(resource(&tenant, text), full);
        }
    }

    #[test]
    fn a_bare_id_belongs_to_the_configured_tenant() {
        let tenant = Tenant::parse("acme").unwrap();
        assert_eq!(utility(&tenant, "a-b").unwrap().to_string(), "tenants/acme/utilities/a-b");
        assert_eq!(utility(&tenant, "tenants/other/utilities/x").unwrap().to_string(), "tenants/other/utilities/x");
        assert!(utility(&tenant, "tenants/other/executions/x").is_err());
        assert!(execution(&tenant, "not-a-uuid").is_err());
        assert_eq!(user(&tenant, "ann@b.example").unwrap(), "tenants/acme/users/ann@b.example");
        assert_eq!(service_account(&tenant, "tenants/other/serviceAccounts/ci").unwrap(), "tenants/other/serviceAccounts/ci");
        assert_eq!(["acme", "tenants/acme"].map(|text| super::tenant(text).unwrap()), ["tenants/acme"; 2]);
        assert!(super::tenant("tenants/acme/users/x").is_err() && super::tenant("Acme").is_err());
        assert!(user(&tenant, "tenants/other/serviceAccounts/ci").is_err() && user(&tenant, "").is_err());
        assert_eq!(
            (other_tenant("beta").unwrap(), other_tenant("tenants/beta").unwrap()),
            ("tenants/beta".to_owned(), "tenants/beta".to_owned())
        );
        assert!(other_tenant("tenants/beta/users/ann").is_err());
        assert_eq!(principal_or_user(&tenant, "ann").unwrap(), "tenants/acme/users/ann");
        assert_eq!(principal_or_user(&tenant, "tenants/acme/serviceAccounts/ci").unwrap(), "tenants/acme/serviceAccounts/ci");
    }
}
