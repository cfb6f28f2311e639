//! Unwrapped keys in memory: a bounded number, each for a moment only, since another server may have destroyed it meanwhile. All are
//! dropped, and by that overwritten, where something was taken back.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::name::{PrincipalName, TenantId};
use keys::Key;
use storage_rules::Subject;

/// Persons, and tenants, whose keys are kept; beyond it all are dropped and loaded anew as they are needed.
const MAX_KEPT: usize = 10_000;
/// For so long a key is used without looking whether it is stored still: what one server changes, others know within a second.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// What is kept.
#[derive(Default)]
pub(super) struct Kept(Mutex<Maps>);

#[derive(Default)]
struct Maps {
    /// How often everything was forgotten.
    generation: u64,
    by_name: HashMap<PrincipalName, Dated<Subject>>,
    by_id: HashMap<(TenantId, String), Dated<Subject>>,
    tenants: HashMap<TenantId, Dated<Key>>,
    /// Who was erased lately: a reader may still see the state before.
    erased: HashSet<(TenantId, String)>,
    /// When what is too old was dropped last.
    swept: Option<Instant>,
}

/// Something with the time at which it was loaded.
struct Dated<T> {
    at: Instant,
    value: Arc<T>,
}

impl Kept {
    /// To be asked before something is loaded that is to be kept.
    pub(super) fn generation(&self) -> u64 {
        self.maps().generation
    }

    pub(super) fn by_name(&self, name: &PrincipalName) -> Option<Arc<Subject>> {
        current(&self.maps().by_name, name)
    }

    pub(super) fn by_id(&self, tenant: &TenantId, id: &str) -> Option<Arc<Subject>> {
        current(&self.maps().by_id, &(tenant.clone(), id.to_owned()))
    }

    pub(super) fn of_tenant(&self, tenant: &TenantId) -> Option<Arc<Key>> {
        current(&self.maps().tenants, tenant)
    }

    /// Keeps a person as they were stored at a time, unless something was forgotten since `seen`.
    pub(super) fn keep(&self, subject: &Arc<Subject>, at: Instant, seen: u64) {
        let mut maps = self.maps();
        let id = (subject.tenant.clone(), subject.id.clone());
        if maps.generation != seen || maps.erased.contains(&id) {
            return;
        }
        maps.make_room(at);
        maps.by_name.insert(subject.name.clone(), Dated { at, value: Arc::clone(subject) });
        maps.by_id.insert(id, Dated { at, value: Arc::clone(subject) });
    }

    /// Keeps the key of a tenant, as [`Kept::keep`] does.
    pub(super) fn keep_tenant(&self, tenant: &TenantId, key: &Arc<Key>, at: Instant, seen: u64) {
        let mut maps = self.maps();
        if maps.generation != seen {
            return;
        }
        maps.make_room(at);
        maps.tenants.insert(tenant.clone(), Dated { at, value: Arc::clone(key) });
    }

    /// Forgets a person, and keeps them no more: they were erased.
    pub(super) fn forget_erased(&self, tenant: &TenantId, id: &str) {
        let mut maps = self.maps();
        if maps.erased.len() >= MAX_KEPT {
            maps.erased.clear();
        }
        maps.erased.insert((tenant.clone(), id.to_owned()));
        maps.forget();
    }

    pub(super) fn forget(&self) {
        self.maps().forget();
    }

    fn maps(&self) -> MutexGuard<'_, Maps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Maps {
    fn forget(&mut self) {
        let erased = std::mem::take(&mut self.erased);
        *self = Maps { generation: self.generation + 1, erased, ..Maps::default() };
    }

    /// Drops what is too old, now and then, and everything where there is too much.
    fn make_room(&mut self, now: Instant) {
        if self.swept.is_none_or(|swept| now.saturating_duration_since(swept) >= KEPT_FOR) {
            self.swept = Some(now);
            self.by_name.retain(|_, dated| dated.is_current());
            self.by_id.retain(|_, dated| dated.is_current());
            self.tenants.retain(|_, dated| dated.is_current());
        }
        if self.by_id.len() >= MAX_KEPT {
            self.by_id.clear();
            self.by_name.clear();
        }
        if self.tenants.len() >= MAX_KEPT {
            self.tenants.clear();
        }
    }
}

impl<T> Dated<T> {
    fn is_current(&self) -> bool {
        self.at.elapsed() < KEPT_FOR
    }
}

fn current<K: Eq + Hash, T>(map: &HashMap<K, Dated<T>>, key: &K) -> Option<Arc<T>> {
    map.get(key).filter(|dated| dated.is_current()).map(|dated| Arc::clone(&dated.value))
}

#[cfg(test)]
mod tests {
    use test_support::sample::{tenant, user};

    use super::*;

    fn person() -> Arc<Subject> {
        let key = Key::new(&Key::random());
        Arc::new(Subject { tenant: tenant("acme"), id: "0123".to_owned(), name: user("ann"), key })
    }

    #[test]
    fn a_person_is_kept_for_a_moment_only() {
        let (kept, now) = (Kept::default(), Instant::now());
        kept.keep(&person(), now, kept.generation());
        assert!(kept.by_name(&user("ann")).is_some() && kept.by_id(&tenant("acme"), "0123").is_some());
        let before = now.checked_sub(KEPT_FOR).expect("the machine runs for longer");
        kept.keep(&person(), before, kept.generation());
        assert!(kept.by_name(&user("ann")).is_none() && kept.by_id(&tenant("acme"), "0123").is_none());
    }

    #[test]
    fn who_was_erased_is_kept_no_more_and_what_was_read_beside_it_neither() {
        let (kept, now) = (Kept::default(), Instant::now());
        let seen = kept.generation();
        kept.forget_erased(&tenant("acme"), "0123");
        kept.keep(&person(), now, kept.generation());
        assert!(kept.by_name(&user("ann")).is_none());
        let key = Arc::new(Key::new(&Key::random()));
        kept.keep_tenant(&tenant("acme"), &key, now, seen);
        assert!(kept.of_tenant(&tenant("acme")).is_none(), "it was read before");
        kept.keep_tenant(&tenant("acme"), &key, now, kept.generation());
        assert!(kept.of_tenant(&tenant("acme")).is_some());
    }
}
