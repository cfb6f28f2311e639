//! Signs in whoever has started a server on this machine: a context of its own, beside those that people have made.

use crate::client::address;
use crate::contexts::{Entry, Kept, Store};
use crate::failure::Result;
use crate::secret::Secret;

/// The name of the context.
pub const CONTEXT: &str = "dev";

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// It is the context of commands that name none.
    Current,
    /// It is there, and another one is the current one.
    Beside {
        /// Which one.
        current: String,
    },
    /// It is for somebody else, or for a server elsewhere. Nothing was changed.
    Taken {
        /// Full name of who it is for, and where.
        by: String,
    },
}

/// Keeps what proves `principal` at `server` in the context. It becomes the current one where there is none. An authority that the context
/// names stays, for a server that has a certificate.
///
/// # Errors
/// There is no place for contexts, or others could write it.
pub fn sign_in(store: &Store, server: &str, principal: &str, key: Secret) -> Result<SignedIn> {
    store.change(|contexts| {
        let kept = Some(Kept::ApiKey(key));
        let found = contexts.contexts.get(CONTEXT);
        if let Some(found) = found.filter(|found| found.principal != principal || !leads_here(found, server, kept.as_ref())) {
            return Ok(SignedIn::Taken { by: format!("{} at {}", found.principal, found.server) });
        }
        let ca = found.and_then(|found| found.ca.clone()).filter(|_| address::is_encrypted(server));
        let entry = Entry { server: server.to_owned(), ca, principal: principal.to_owned(), credential: kept };
        contexts.contexts.insert(CONTEXT.to_owned(), entry);
        let current = contexts.current.get_or_insert_with(|| CONTEXT.to_owned());
        Ok(if current == CONTEXT { SignedIn::Current } else { SignedIn::Beside { current: current.clone() } })
    })
}

/// Whether a context is for this server: at its address, or at another of this machine, or with what proves somebody here.
fn leads_here(found: &Entry, server: &str, key: Option<&Kept>) -> bool {
    address::is_here(&found.server) || address::same(&found.server, server) || found.credential.as_ref() == key
}

#[cfg(test)]
mod tests {
    use settings::Surroundings;

    use super::*;
    use crate::contexts::Contexts;

    const DEV: &str = "tenants/demo/serviceAccounts/dev";

    struct Place {
        _root: tempfile::TempDir,
        store: Store,
    }

    impl Place {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let store = Store::of(&Surroundings { config_home: Some(root.path().to_owned()), ..Surroundings::default() });
            Place { _root: root, store }
        }

        /// With a context of somebody's, which is the current one.
        fn holding(name: &str, principal: &str) -> Self {
            let place = Place::new();
            let entry = Entry { server: "https://zona.example".to_owned(), ca: None, principal: principal.to_owned(), credential: None };
            let put = |contexts: &mut Contexts| {
                contexts.current = Some(name.to_owned());
                contexts.contexts.insert(name.to_owned(), entry);
                Ok(())
            };
            place.store.change(put).unwrap();
            place
        }

        fn signs_in(&self, server: &str) -> SignedIn {
            sign_in(&self.store, server, DEV, Secret::new("zona_key_x")).unwrap()
        }
    }

    #[test]
    fn who_has_no_context_is_signed_in_and_follows_the_server() {
        let place = Place::new();
        for server in ["http://127.0.0.1:7070", "http://127.0.0.1:7080"] {
            assert_eq!(place.signs_in(server), SignedIn::Current);
            let contexts = place.store.read().unwrap();
            let entry = contexts.get(CONTEXT).unwrap();
            assert_eq!((entry.server.as_str(), entry.principal.as_str()), (server, DEV));
            assert_eq!((contexts.contexts.len(), entry.credential.clone()), (1, Some(Kept::ApiKey(Secret::new("zona_key_x")))));
        }
    }

    #[test]
    fn who_works_elsewhere_goes_on_there() {
        let place = Place::holding("work", "tenants/acme/users/ann");
        let before = place.store.read().unwrap();
        assert_eq!(place.signs_in("http://127.0.0.1:7070"), SignedIn::Beside { current: "work".to_owned() });
        let after = place.store.read().unwrap();
        assert_eq!((&after.current, after.get("work").unwrap()), (&before.current, before.get("work").unwrap()));
    }

    #[test]
    fn a_context_of_that_name_that_is_somebody_elses_stays_so() {
        let place = Place::holding(CONTEXT, "tenants/acme/users/ann");
        let before = place.store.read().unwrap();
        let by = "tenants/acme/users/ann at https://zona.example".to_owned();
        assert_eq!(place.signs_in("http://127.0.0.1:7070"), SignedIn::Taken { by });
        assert_eq!(place.store.read().unwrap(), before);
    }

    #[test]
    fn a_context_of_that_name_for_a_server_elsewhere_stays_so() {
        let place = Place::holding(CONTEXT, DEV);
        let before = place.store.read().unwrap();
        let by = format!("{DEV} at https://zona.example");
        assert_eq!(place.signs_in("http://127.0.0.1:7070"), SignedIn::Taken { by });
        assert_eq!(place.store.read().unwrap(), before);
        assert_eq!(place.signs_in("https://zona.example:443/"), SignedIn::Current, "it is that server");
        assert_eq!(place.signs_in("http://127.0.0.1:7070"), SignedIn::Current, "its key is the same");
    }

    #[test]
    fn the_authority_of_a_server_that_has_a_certificate_stays_and_goes_with_the_certificate() {
        let place = Place::new();
        let (encrypted, plain) = ("https://127.0.0.1:7070", "http://127.0.0.1:7070");
        let ca = || place.store.read().unwrap().get(CONTEXT).unwrap().ca.clone();
        place.signs_in(encrypted);
        assert_eq!(ca(), None);
        let name = |contexts: &mut Contexts| {
            contexts.get_mut(CONTEXT)?.ca = Some("/ca.pem".into());
            Ok(())
        };
        place.store.change(name).unwrap();
        place.signs_in("https://127.0.0.1:7080");
        assert_eq!(ca(), Some("/ca.pem".into()));
        place.signs_in(plain);
        assert_eq!(ca(), None);
    }
}
