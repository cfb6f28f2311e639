//! How a service or an integration was seen to be, as far as that is told to others: kept, so that each change is told once, whichever server
//! sees it.

use crate::name::TenantId;

/// Where the subjects of integrations begin, each below its tenant.
const TENANTS: &str = "tenants/";
/// What stands between a tenant and the number of its integration.
const INTEGRATIONS: &str = "/integrations/";

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Of what: a resource name.
    pub subject: String,
    /// How it is, in the words of the contract; [`Sighting::REMOVED`] where it is there no more.
    pub state: String,
    /// Whether it has ended too often and is not started again by itself.
    pub has_given_up: bool,
    /// The revision of the platform that was in force.
    pub revision: u64,
}

impl Sighting {
    /// How what is there no more is.
    pub const REMOVED: &'static str = "removed";

    /// Of a service.
    pub fn of_service(name: &str, state: &str, has_given_up: bool, revision: u64) -> Self {
        Sighting { subject: format!("services/{name}"), state: state.to_owned(), has_given_up, revision }
    }

    /// Of an integration of a tenant.
    pub fn of_integration(tenant: &TenantId, id: i32, state: &str, has_given_up: bool, revision: u64) -> Self {
        Sighting { subject: format!("{TENANTS}{tenant}{INTEGRATIONS}{id}"), state: state.to_owned(), has_given_up, revision }
    }

    /// That it is there no more.
    pub fn removed(self, revision: u64) -> Self {
        Sighting { state: Self::REMOVED.to_owned(), has_given_up: false, revision, ..self }
    }

    /// Whether it is there no more, so that nothing is kept of it.
    pub fn is_removal(&self) -> bool {
        self.state == Self::REMOVED
    }

    /// The tenant of an integration; none for a service.
    pub fn tenant(&self) -> Option<TenantId> {
        let (tenant, _) = self.subject.strip_prefix(TENANTS)?.split_once(INTEGRATIONS)?;
        TenantId::parse("tenant", tenant).ok()
    }

    /// Whether it says what was said before: then there is nothing to tell.
    pub fn says_the_same_as(&self, before: &Sighting) -> bool {
        (&self.state, self.has_given_up) == (&before.state, before.has_given_up)
    }
}
