//! Unwrapped keys in memory: a bounded number, all of which are dropped, and by that overwritten, where something was taken back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::name::{PrincipalName, TenantId};
use keys::Key;
use storage_rules::Subject;

/// Persons, and tenants, whose keys are kept; beyond it all are dropped and loaded anew as they are needed.
const MAX_KEPT: usize = 10_000;

/// What is kept.
#[derive(Default)]
pub(super) struct Kept(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    /// How often everything was forgotten.
    generation: u64,
    by_name: HashMap<PrincipalName, Arc<Subject>>,
    by_id: HashMap<(TenantId, String), Arc<Subject>>,
    tenants: HashMap<TenantId, Arc<Key>>,
    /// Who was erased lately: a reader may still see the state before.
    erased: HashSet<(TenantId, String)>,
}

impl Kept {
    /// To be asked before something is loaded that is to be kept.
    pub(super) fn generation(&self) -> u64 {
        self.maps().generation
    }

    pub(super) fn by_name(&self, name: &PrincipalName) -> Option<Arc<Subject>> {
        self.maps().by_name.get(name).cloned()
    }

    pub(super) fn by_id(&self, tenant: &TenantId, id: &str) -> Option<Arc<Subject>> {
        self.maps().by_id.get(&(tenant.clone(), id.to_owned())).cloned()
    }

    pub(super) fn of_tenant(&self, tenant: &TenantId) -> Option<Arc<Key>> {
        self.maps().tenants.get(tenant).cloned()
    }

    /// Keeps a person, unless something was forgotten since `seen`.
    pub(super) fn keep(&self, subject: &Arc<Subject>, seen: u64) {
        let mut maps = self.maps();
        let id = (subject.tenant.clone(), subject.id.clone());
        if maps.generation != seen || maps.erased.contains(&id) {
            return;
        }
        if maps.by_id.len() >= MAX_KEPT {
            maps.by_id.clear();
            maps.by_name.clear();
        }
        maps.by_name.insert(subject.name.clone(), Arc::clone(subject));
        maps.by_id.insert(id, Arc::clone(subject));
    }

    /// Keeps the key of a tenant, as [`Kept::keep`] does.
    pub(super) fn keep_tenant(&self, tenant: &TenantId, key: &Arc<Key>, seen: u64) {
        let mut maps = self.maps();
        if maps.generation != seen {
            return;
        }
        if maps.tenants.len() >= MAX_KEPT {
            maps.tenants.clear();
        }
        maps.tenants.insert(tenant.clone(), Arc::clone(key));
    }

    /// Forgets a person, and keeps them no more: they were erased.
    pub(super) fn forget_erased(&self, tenant: &TenantId, id: &str) {
        let mut maps = self.maps();
        if maps.erased.len() >= MAX_KEPT {
            maps.erased.clear();
        }
        maps.erased.insert((tenant.clone(), id.to_owned()));
        let erased = std::mem::take(&mut maps.erased);
        *maps = Maps { generation: maps.generation + 1, erased, ..Maps::default() };
    }

    pub(super) fn forget(&self) {
        let mut maps = self.maps();
        let erased = std::mem::take(&mut maps.erased);
        *maps = Maps { generation: maps.generation + 1, erased, ..Maps::default() };
    }

    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
