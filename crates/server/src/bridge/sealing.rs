//! What seals values in Redis: a key of this process, which each value carries along, wrapped by the newest wrapping key of the store. So
//! whoever has the wrapping keys opens what any server has sealed, and whoever has Redis alone opens nothing.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cache::Sealing;
use domain::name::TenantId;
use keys::{FileKeys, Key, KeyGuard, KeyProvider, Place, Wrapped};
use zeroize::Zeroizing;

/// The first byte of a value.
const VERSION: u8 = 1;
/// Keys of other servers that are kept opened: more than there are servers, and what somebody has put there beside them takes bounded room.
const MAX_OTHERS: usize = 64;
/// Where a key of a process is wrapped for: nowhere else does it open.
const KEY_PLACE: Place<'static> = Place { tenant: "system", collection: "cache", id: "process", field: "key" };

/// Seals by a key of its own.
pub(crate) struct ProcessSealing {
    provider: Box<dyn KeyProvider>,
    key: Key,
    /// What each value begins with.
    head: Vec<u8>,
    /// Keys of other servers, by what their values begin with.
    others: Mutex<HashMap<Vec<u8>, Arc<Key>>>,
}

// === impl ProcessSealing ===

impl ProcessSealing {
    /// Makes a key of this process. Reads the wrapping keys, which the store has made; blocks, and may ask what protects them.
    ///
    /// # Errors
    /// Those of whoever keeps the keys.
    pub(crate) fn open(keys: PathBuf, guard: Option<Arc<dyn KeyGuard>>) -> Result<Self, keys::Error> {
        Self::of(Box::new(FileKeys::open_guarded(&keys, &[], guard)?))
    }

    fn of(provider: Box<dyn KeyProvider>) -> Result<Self, keys::Error> {
        let bytes = Key::random();
        let head = head(&provider.wrap(KEY_PLACE, &bytes)?);
        Ok(ProcessSealing { provider, key: Key::new(&bytes), head, others: Mutex::default() })
    }

    fn opened(&self, head: &[u8], tenant: &TenantId, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if head == self.head {
            return self.key.open(value_place(tenant, place), sealed).ok();
        }
        let known = self.others().get(head).cloned();
        let key = match known {
            Some(key) => key,
            None => self.unwrapped(head)?,
        };
        key.open(value_place(tenant, place), sealed).ok()
    }

    fn unwrapped(&self, head: &[u8]) -> Option<Arc<Key>> {
        let wrapped = wrapped_in(head)?;
        let key = Arc::new(Key::new(&*self.provider.unwrap(KEY_PLACE, &wrapped).ok()?));
        let mut others = self.others();
        if others.len() >= MAX_OTHERS {
            others.clear();
        }
        others.insert(head.to_vec(), Arc::clone(&key));
        Some(key)
    }

    fn others(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Arc<Key>>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sealing for ProcessSealing {
    fn seal(&self, tenant: &TenantId, place: &str, text: &[u8]) -> Vec<u8> {
        [self.head.as_slice(), &self.key.seal(value_place(tenant, place), text)].concat()
    }

    fn open(&self, tenant: &TenantId, place: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (head, sealed) = sealed.split_at_checked(head_length(sealed)?)?;
        self.opened(head, tenant, place, sealed)
    }
}

fn value_place<'a>(tenant: &'a TenantId, id: &'a str) -> Place<'a> {
    Place { tenant: tenant.as_str(), collection: "cache", id, field: "value" }
}

/// The version, and the wrapped key: two parts, each behind its length.
fn head(wrapped: &Wrapped) -> Vec<u8> {
    let mut head = vec![VERSION];
    for part in [wrapped.by.as_bytes(), &wrapped.bytes] {
        head.push(u8::try_from(part.len()).expect("ids of keys and wrapped keys have less than 256 bytes"));
        head.extend_from_slice(part);
    }
    head
}

fn head_length(value: &[u8]) -> Option<usize> {
    let first = 1 + 1 + usize::from(*value.get(1)?);
    (value[0] == VERSION).then_some(first + 1 + usize::from(*value.get(first)?))
}

fn wrapped_in(head: &[u8]) -> Option<Wrapped> {
    let part = |from: usize| Some((from + 1, from + 1 + usize::from(*head.get(from)?)));
    let (by_from, by_to) = part(1)?;
    let (bytes_from, bytes_to) = part(by_to)?;
    let by = std::str::from_utf8(head.get(by_from..by_to)?).ok()?.to_owned();
    Some(Wrapped { by, bytes: head.get(bytes_from..bytes_to)?.to_vec() })
}

#[cfg(test)]
mod tests {
    use test_support::sample::tenant;

    use super::*;

    fn sealing(directory: &tempfile::TempDir) -> ProcessSealing {
        ProcessSealing::open(directory.path().join("keys"), None).unwrap()
    }

    #[test]
    fn what_a_server_has_sealed_others_open_who_have_the_wrapping_keys_and_nobody_else() {
        let (here, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, other, stranger) = (sealing(&here), sealing(&here), sealing(&elsewhere));
        let sealed = one.seal(&tenant("acme"), "zona:{acme}:utilities:extract", b"def transform");
        assert!(!sealed.windows(3).any(|window| window == b"def"));
        for server in [&one, &other, &other] {
            let opened = server.open(&tenant("acme"), "zona:{acme}:utilities:extract", &sealed).unwrap();
            assert_eq!(&**opened, b"def transform");
        }
        assert!(stranger.open(&tenant("acme"), "zona:{acme}:utilities:extract", &sealed).is_none());
    }

    #[test]
    fn keys_of_many_servers_take_bounded_room_and_all_of_them_open() {
        let directory = tempfile::tempdir().unwrap();
        let one = sealing(&directory);
        for _ in 0..MAX_OTHERS + 10 {
            let sealed = sealing(&directory).seal(&tenant("acme"), "a", b"text");
            assert!(one.open(&tenant("acme"), "a", &sealed).is_some());
            assert!((1..=MAX_OTHERS).contains(&one.others().len()));
        }
    }

    #[test]
    fn what_is_damaged_or_of_another_place_does_not_open() {
        let directory = tempfile::tempdir().unwrap();
        let (one, other) = (sealing(&directory), sealing(&directory));
        let sealed = one.seal(&tenant("acme"), "a", b"text");
        for server in [&one, &other] {
            assert!(server.open(&tenant("acme"), "b", &sealed).is_none());
            assert!(server.open(&tenant("beta"), "a", &sealed).is_none());
            for index in 0..sealed.len() {
                let mut damaged = sealed.clone();
                damaged[index] ^= 1;
                assert!(server.open(&tenant("acme"), "a", &damaged).is_none(), "byte {index}");
                assert!(server.open(&tenant("acme"), "a", &sealed[..index]).is_none(), "the first {index} bytes");
            }
        }
    }
}
