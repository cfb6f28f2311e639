//! What one transaction has read of keys and persons. What it reads is kept by nobody else, as it may be undone; so it keeps it itself, and
//! reads each once.

use std::collections::HashMap;
use std::sync::Arc;

use domain::name::{PrincipalName, TenantId};
use keys::Key;
use storage_rules::Person;

/// What a transaction has met; it ends with it.
#[derive(Default)]
pub(crate) struct Met {
    tenants: HashMap<TenantId, Arc<Key>>,
    persons: HashMap<PrincipalName, Person>,
}

impl Met {
    pub(super) fn of_tenant(&self, tenant: &TenantId) -> Option<Arc<Key>> {
        self.tenants.get(tenant).map(Arc::clone)
    }

    pub(super) fn person(&self, name: &PrincipalName) -> Option<Person> {
        self.persons.get(name).cloned()
    }

    pub(super) fn add_tenant(&mut self, tenant: &TenantId, key: &Arc<Key>) {
        self.tenants.insert(tenant.clone(), Arc::clone(key));
    }

    pub(super) fn add_person(&mut self, name: &PrincipalName, person: &Person) {
        self.persons.insert(name.clone(), person.clone());
    }

    /// Called where the transaction destroys a key.
    pub(super) fn forget(&mut self) {
        *self = Met::default();
    }
}
